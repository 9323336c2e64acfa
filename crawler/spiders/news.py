"""The news spider: from front pages, feeds, sitemaps or a list to articles, each a row that points at its record."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import scrapy
from scrapy import Request
from scrapy.exceptions import CloseSpider

from archive.url import site_key
from crawler.archiving import Archiving
from crawler.arguments import NewsArguments
from crawler.discovery.entry import Entry
from crawler.discovery.feeds import parse_feed
from crawler.discovery.links import classify_links, normalize_url, well_known
from crawler.discovery.sitemaps import parse_sitemap
from crawler.pace import Pace
from crawler.requisites import LeftOutError, Requisites
from crawler.robots import RobotsForbiddenError, RobotsTxt
from crawler.site_rights import RightsReservedError
from crawler.taken_down import TakenDownError
from pipelines.article import Page
from pipelines.blocked import against_crawlers
from pipelines.paging import MOST_PAGES, numbered
from pipelines.reading import HEADERS
from pipelines.tabulate import ArticleRow, Found
from pipelines.workers import Job, PageLostError

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from twisted.python.failure import Failure

# what is fetched first: announcements before what they announce, sections last
_PRIORITY = {"front_page": 40, "feed": 30, "sitemap": 20, "page": 10, "section": 0}


class NewsSpider(scrapy.Spider):
    """Crawl news sites into a collection: ``scrapy crawl news -a sites=https://example.org/``.

    Arguments, each given with ``-a NAME=VALUE``; addresses are parted by commas, or a file has one a line:
    ``sites`` front pages (their feeds, sitemaps and sections are found), ``feeds``, ``sitemaps``, ``urls`` pages themselves,
    ``since`` an ISO 8601 date, ``max_articles`` a number, ``collection`` a folder (default ``collections/news``).
    """

    name = "news"

    def __init__(self, **arguments: str) -> None:
        """Raises crawler.arguments.ArgumentError for arguments that cannot be used."""
        super().__init__()
        self.arguments = NewsArguments.parse(arguments)
        self.collection = self.arguments.collection
        self._articles = 0

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> NewsSpider:
        """Scrapy's constructor."""
        return super().from_crawler(crawler, *args, **kwargs)

    async def start(self) -> AsyncIterator[Request]:
        """The seeds."""
        given = self.arguments
        for url in given.sites:
            yield self._request(url, "front_page", Found("front_page", None, url))
        for url in given.feeds:
            yield self._request(url, "feed", Found("feed", None, url))
        for url in given.sitemaps:
            yield self._request(url, "sitemap", Found("sitemap", None, url))
        for url in given.urls:
            yield self._request(url, "page", Found("list", None, url))

    def _request(self, url: str, purpose: str, found: Found) -> Request:
        callbacks: dict[str, Callable[..., Any]] = {"feed": self.parse_feed, "sitemap": self.parse_sitemap}
        return Request(
            # what a person gave is fetched as it was given
            url if found.via is None else normalize_url(url) or url,
            callbacks.get(purpose, self.parse),
            errback=self.failed,
            cb_kwargs={"found": found},
            meta={"purpose": purpose, "via": found.via},
            priority=_PRIORITY[purpose],
        )

    async def parse(self, response: Response, found: Found) -> AsyncIterator[ArticleRow | Request]:
        """A page: keep it if it is an article, follow its links if it is a front or section page."""
        async for item in self._take(response, found):
            yield item
        for item in self._turned(response.meta):
            yield item

    async def _take(self, response: Response, found: Found) -> AsyncIterator[ArticleRow | Request]:
        if response.meta["capture"].truncated:
            return  # a page that was cut off is no article, and its capture says so
        page = await self._read(response)
        if page is None:
            return
        self._archiving.run.note_rights(page, response.meta["capture"], response.meta.get("site_rights"))
        if page.verdict == "blocked":
            self._blocked(page, response)
            return
        self._archiving.run.note_links(page, response.meta["capture"])
        purpose = response.meta["purpose"]
        if purpose == "front_page":
            self._settle(response, "not_article", "front page")
        elif row := self._keep(page, response, found):
            for item in self._begin(row):
                yield item
        if page.verdict == "article" and page.turn.next and numbered(response.url).number < MOST_PAGES:
            following = self._request(page.turn.next, "page", Found(found.source, response.url, page.turn.next))
            following.meta["turn"] = page.turn.next
            yield following
        if purpose == "front_page" or (purpose == "section" and page.verdict == "not_article"):
            for request in self._follow(page, response):
                yield request

    def _begin(self, row: ArticleRow) -> Iterator[ArticleRow | Request]:
        """A row, as soon as what its pages need was asked for."""
        yield from self._requisites.begin(row, row.requisites, row.page_id, row["url"])
        self._close_if_full()

    def _turned(self, meta: dict[str, Any]) -> Iterator[ArticleRow | Request]:
        """A further page of an article was answered; if by another page, or not at all, its article does without."""
        if url := meta.pop("turn", None):
            for row in self._archiving.run.lose(url):
                self._articles += 1
                yield from self._begin(row)
            self._tell()

    def _blocked(self, page: Page, response: Response) -> None:
        """A wall in place of a page: nothing is done about it, but its host is asked more slowly."""
        self._settle(response, "blocked", page.reason)
        if against_crawlers(page.reason):
            Pace.of(self.crawler).refused(response.meta.get("download_slot", ""), f"it shows a wall ({page.reason})")

    def _close_if_full(self) -> None:
        if self._articles == self.arguments.max_articles:
            self._requisites.alone = True
            if not self._requisites.pending and not self._archiving.run.gathering.open_series:
                raise CloseSpider("max_articles")

    def requisite(self, response: Response, asked: str) -> Iterator[ArticleRow | Request]:
        """Something that a kept page needs."""
        yield from self._requisites.came(response, asked)
        self._close_if_full()

    def requisite_failed(self, failure: Failure) -> Iterator[ArticleRow | Request]:
        """Something that a kept page needs, and that did not come."""
        request: Request = failure.request  # type: ignore[attr-defined]
        yield from self._requisites.failed(request.cb_kwargs["asked"], failure.value)
        self._close_if_full()

    async def _read(self, response: Response) -> Page | None:
        headers = {name: _lines(values) for name in HEADERS if (values := response.headers.getlist(name))}
        capture = response.meta.get("capture")
        recipe = self._archiving.run.recipe(capture) if capture else None
        job = Job(response.body, response.url, _content_type(response), headers, self._requisites.mode != "html", recipe)
        try:
            return await asyncio.wrap_future(self._archiving.workers.submit(job))
        except PageLostError as lost:
            self._settle(response, lost.state, lost.reason)
            self.logger.warning("Page not read (%s): %s: %s", lost.state, response.url, lost.reason)
            return None

    @property
    def _requisites(self) -> Requisites:
        requisites = self.crawler.get_extension(Requisites)
        assert requisites is not None  # the add-on sets it
        return requisites

    @property
    def _archiving(self) -> Archiving:
        archiving = self.crawler.get_extension(Archiving)
        assert archiving is not None  # the spider always names a collection
        return archiving

    def _keep(self, page: Page, response: Response, found: Found) -> ArticleRow | None:
        most, since = self.arguments.max_articles, self.arguments.since
        run, capture = self._archiving.run, response.meta["capture"]
        taken = self._articles + run.gathering.open_series
        if page.article and most and taken >= most and not page.turn.previous:
            self._settle(response, "over_limit", f"max_articles={most} was reached")
            return None
        published = page.article.published_at if page.article else None
        if since and published and published < since:
            self._settle(response, "out_of_range", f"published {published:%Y-%m-%d}, before {since:%Y-%m-%d}")
            return None
        more = {}
        if "robots_warc_record_id" in response.meta:
            more = {"robots_allowed": True, "robots_warc_record_id": response.meta["robots_warc_record_id"]}
        row = run.keep(page, capture, found, self.name, more)
        self._tell()
        self._articles += row is not None
        return row

    def _settle(self, response: Response, extraction: str, reason: str) -> None:
        if capture := response.meta.get("capture"):
            self._archiving.run.settle(capture, extraction, reason)
            self._tell()

    def _tell(self) -> None:
        self._archiving.tell_pages()

    def _follow(self, page: Page, response: Response) -> Iterator[Request]:
        articles, sections = classify_links(page.links, response.url)
        source = response.meta["purpose"]
        for link in articles:
            yield self._request(link["url"], "page", Found(source, response.url, link["url"]))
        if source == "front_page":
            for link in sections:
                yield self._request(link["url"], "section", Found("front_page", response.url, link["url"]))
            yield from self._announcements(page, response)

    def _announcements(self, page: Page, response: Response) -> Iterator[Request]:
        """The feeds that a front page names and the sitemaps that robots.txt names; else the usual places."""
        robots = self.crawler.get_downloader_middleware(RobotsTxt)
        sitemaps = robots.sitemaps(response.url) if robots else []
        announced = [(url, "sitemap") for url in sitemaps] + [(url, "feed") for url in page.feeds]
        usual = [] if announced else [(url, "sitemap" if "sitemap" in url else "feed") for url in well_known(response.url)]
        for url, purpose in announced or usual:
            request = self._request(url, purpose, Found(purpose, response.url, url))
            request.meta["probe"] = bool(usual)  # whether it is there at all is yet to be seen
            yield request

    def parse_feed(self, response: Response, found: Found) -> Iterator[Request]:
        """Follow what a feed announces."""
        try:
            entries = parse_feed(response.body, response.url, _content_type(response))
        except ValueError as error:
            self._unreadable(response, "feed", error)
            return
        yield from self._announced(entries, response, found)

    async def parse_sitemap(self, response: Response, found: Found) -> AsyncIterator[Request]:
        """Follow what a sitemap announces, or the sitemaps that an index names."""
        try:
            # a large one takes a second, which is no time to keep all other pages waiting
            sitemap = await asyncio.to_thread(parse_sitemap, response.body, response.url)
        except ValueError as error:
            self._unreadable(response, "sitemap", error)
            return
        for entry in sitemap.sitemaps:
            yield self._request(entry.url, "sitemap", Found("sitemap", response.url, entry.url))
        for request in self._announced(sitemap.entries, response, found):
            yield request

    def _announced(self, entries: Iterable[Entry], response: Response, found: Found) -> Iterator[Request]:
        stats, since, home = self.crawler.stats, self.arguments.since, site_key(response.url)
        for entry in entries:
            dated = entry.published or entry.modified
            if since and dated and dated < since:
                stats.inc_value("broadsheet/announced/out_of_range")
            elif found.via and site_key(entry.url) != home:
                # a site speaks for itself alone; only a feed that the user named may point elsewhere
                stats.inc_value("broadsheet/announced/other_site")
            else:
                yield self._request(entry.url, "page", Found(entry.source, response.url, entry.url))

    def _unreadable(self, response: Response, what: str, error: ValueError) -> None:
        self.crawler.stats.inc_value(f"broadsheet/unreadable/{what}")
        level = logging.DEBUG if response.meta.get("probe") else logging.WARNING
        self.logger.log(level, "No %s at %s: %s", what, response.url, error)

    def failed(self, failure: Failure) -> Iterator[ArticleRow | Request]:
        """A fetch that brought nothing to read: count it by its kind, settle its capture, and let an article that waited for it
        do without."""
        request: Request = failure.request  # type: ignore[attr-defined]
        self._note_failure(request, failure)
        yield from self._turned(request.meta)

    def _note_failure(self, request: Request, failure: Failure) -> None:
        if isinstance(failure.value, (RobotsForbiddenError, RightsReservedError, TakenDownError, LeftOutError)):
            return  # counted elsewhere, or not asked for at all
        response = getattr(failure.value, "response", None)
        kind = f"http {response.status}" if response is not None else type(failure.value).__name__
        capture = request.meta.get("capture")
        if capture and capture.extraction == "blocked":
            self._archiving.run.counts["blocked"] += 1
            self._tell()
        elif not (request.meta.get("probe") and response is not None):
            self.crawler.stats.inc_value(f"broadsheet/errors/{kind}")
        if capture:
            self._archiving.run.tabulator.settle(capture, "failed", f"{kind}: {failure.getErrorMessage()}"[:300])
        self.logger.debug("%s: %s", request.url, failure.getErrorMessage())


def _lines(values: list[bytes]) -> str:
    return "\n".join(value.decode("latin-1") for value in values)


def _content_type(response: Response) -> str | None:
    values = response.headers.getlist("Content-Type")
    return values[0].decode("latin-1") if values else None
