"""The news spider: from front pages, feeds, sitemaps or a list to articles, each a row that points at its record."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import scrapy
from scrapy import Request
from scrapy.exceptions import CloseSpider

from archive.http import content
from crawler.archiving import Archiving
from crawler.arguments import NewsArguments
from crawler.conditional import NotModifiedError
from crawler.discovery.dates import Span
from crawler.discovery.feeds import parse_feed
from crawler.discovery.patterns import SitePatterns
from crawler.discovery.scout import PRIORITIES, Lead, Place, Purpose, Scout
from crawler.discovery.sitemaps import parts, read_sitemap
from crawler.leads import DOCUMENTS, LeftOut, place_of, request_of, seed
from crawler.pace import CrawlEndedError, Pace
from crawler.range_gate import OutOfRangeError
from crawler.requisites import LeftOutError, Requisites
from crawler.robots import RobotsForbiddenError, RobotsTxt
from crawler.site_rights import RightsReservedError
from crawler.taken_down import TakenDownError
from crawler.watch import Watch
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

    from archive.capture import Capture

_UNFINISHED = ("length", "time", "disconnect")  # causes of truncation that leave the beginning of a document

_USERINFO = re.compile(r"(?<=://)[^/\s@,\"]+@")
_SEEDS_AT_ONCE = 20
_NOT_ASKED_FOR = (RobotsForbiddenError, RightsReservedError, TakenDownError, LeftOutError, OutOfRangeError, CrawlEndedError)


class NewsSpider(scrapy.Spider):
    """Crawl news sites into a collection: ``scrapy crawl news -a sites=https://example.org/``.

    Arguments, each given with ``-a NAME=VALUE``; addresses are parted by commas, or a file has one a line:
    ``sites`` front pages (their feeds, sitemaps and sections are found), ``feeds``, ``sitemaps``, ``urls`` pages themselves,
    ``since`` and ``until`` ISO 8601 dates, ``depth`` and ``max_articles`` numbers, ``collection`` a folder (default
    ``collections/news``); ``watch`` true, or ``every`` a length of time like ``15m``: go on for ever (``docs/watching.md``).
    """

    name = "news"

    def __init__(self, **arguments: str) -> None:
        """Raises crawler.arguments.ArgumentError for arguments that cannot be used."""
        super().__init__()
        self.given, self.arguments = arguments, NewsArguments.parse(arguments)
        self.collection = self.arguments.collection
        # the same sites make it the same crawl; how much of it one run does, and where it is kept, do not matter
        what = {name: value for name, value in arguments.items() if name not in ("collection", "max_articles")}
        self.crawl_key = _USERINFO.sub("", json.dumps(what, sort_keys=True))  # it is kept in the frontier's file
        self._articles = 0

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> NewsSpider:
        """Scrapy's constructor."""
        return super().from_crawler(crawler, *args, **kwargs)

    @cached_property
    def scout(self) -> Scout:
        """What decides where to go; made when it is first needed, for the add-on's defaults are not there before."""
        given, settings = self.arguments, self.settings
        return Scout(
            SitePatterns(settings.getint("BROADSHEET_SECTIONS_MAX")),
            Span(given.since, given.until),
            given.depth,
            settings.getint("BROADSHEET_LIST_PAGES"),
            tuple(settings.getlist("BROADSHEET_OTHER_SITES")),
        )

    @cached_property
    def _left_out(self) -> LeftOut:
        return LeftOut(self.crawler.stats)

    async def start(self) -> AsyncIterator[Request]:
        """The seeds."""
        given = self.arguments
        kinds: dict[Purpose, tuple[str, ...]]
        kinds = {"front_page": given.sites, "feed": given.feeds, "sitemap": given.sitemaps, "page": given.urls}
        seeds = ((purpose, url) for purpose, urls in kinds.items() for url in urls)
        for number, (purpose, url) in enumerate(seeds, 1):
            yield self._request(seed(url, purpose, "list" if purpose == "page" else purpose))
            if number % _SEEDS_AT_ONCE == 0:
                await asyncio.sleep(0)  # Scrapy takes one after another, however many; the first are fetched meanwhile

    def request_by_hand(self, url: str) -> Request:
        """A page that a person added with ``scrapy frontier --add``."""
        return self._request(seed(url, "page", "list"))

    def request_again(self, url: str, purpose: Purpose, found: Found) -> Request:
        """An address that the ledger has as queued."""
        return self._request(replace(seed(url, purpose, found.source, found.via), found_url=found.url))

    def _request(self, lead: Lead) -> Request:
        callbacks: dict[str, Callable[..., Any]] = {"feed": self.parse_feed, "sitemap": self.parse_sitemap}
        errback = self.document_failed if lead.purpose in DOCUMENTS else self.failed
        return request_of(lead, callbacks.get(lead.purpose, self.parse), errback)

    def _requests(self, leads: Iterable[Lead]) -> Iterator[Request]:
        """Requests for leads; what is left out is counted, and goes into the ledger alone."""
        for lead in leads:
            if lead.state != "wanted":
                self._left_out.note(lead)
            with suppress(ValueError):  # no address at all
                yield self._request(lead)

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
        purpose, place = response.meta["purpose"], place_of(response.url, response.meta, found)
        if purpose == "front_page":
            self._settle(response, "not_article", "front page")
        elif row := self._keep(page, response, found):
            for item in self._begin(row):
                yield item
        if page.verdict == "article" and page.turn.next and numbered(response.url).number < MOST_PAGES:
            following = self._request(self.scout.further_page(page.turn.next, place))
            following.meta["turn"] = page.turn.next
            yield following
        for request in self._requests(self._leads(page, place, response)):
            yield request

    def _leads(self, page: Page, place: Place, response: Response) -> Iterator[Lead]:
        """Where a page leads."""
        purpose, twin = response.meta["purpose"], response.meta["twin"]
        if page.verdict == "article" and purpose != "front_page":
            yield from self.scout.of_article(page, place)
        elif purpose == "page":
            self.scout.patterns.learn(place.site, place.url, article=False)
            yield from self._other_form(twin, place)
        else:
            yield from self.scout.of_page(page, place)
            robots = self.crawler.get_downloader_middleware(RobotsTxt)
            if purpose == "front_page":
                yield from self.scout.of_front_page(page, place, robots.sitemaps(response.url) if robots else [])

    def _other_form(self, twin: str | None, place: Place) -> Iterator[Lead]:
        """The AMP or print form of a page that brought no article under the address that its form stands for."""
        if twin:
            yield Lead(twin, "page", place.source, place, twin, priority=PRIORITIES["page"])

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
        loads, announced = self._requisites.mode != "html", response.meta.get("announced")
        job = Job(response.body, response.url, _content_type(response), headers, loads, recipe, announced)
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
        most, span = self.arguments.max_articles, self.scout.span
        run, capture = self._archiving.run, response.meta["capture"]
        taken = self._articles + run.gathering.open_series
        if page.article and most and taken >= most and not page.turn.previous:
            self._settle(response, "over_limit", f"max_articles={most} was reached")
            return None
        published = page.article.published_at if page.article else None
        if published and (doubt := response.meta["doubt"]) is not None:
            self.scout.doubts.learn(response.meta["where"]["site"], doubt, within=span.outside(published) is None)
        if published and (why := span.outside(published)):
            self._settle(response, "out_of_range", why)
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

    async def parse_feed(self, response: Response, found: Found) -> AsyncIterator[Request]:
        """Follow what a feed announces."""
        place = place_of(response.url, response.meta, found)
        async for request in self._announced(response.body, response.meta, place, _content_type(response)):
            yield request

    async def parse_sitemap(self, response: Response, found: Found) -> AsyncIterator[Request]:
        """Follow what a sitemap announces, or the sitemaps that an index names."""
        place = place_of(response.url, response.meta, found)
        async for request in self._announced(response.body, response.meta, place, None):
            yield request

    async def _announced(
        self, body: bytes, meta: dict[str, Any], place: Place, content_type: str | None
    ) -> AsyncIterator[Request]:
        """What a feed or sitemap announces. A large one takes a second, which is no time to keep all other pages waiting."""
        try:
            if meta["purpose"] == "feed":
                feed = await asyncio.to_thread(parse_feed, body, place.url, content_type)
                self._note_hubs(feed.hubs, place, meta.get("capture"))
                for request in self._requests(self.scout.of_feed(feed, place)):
                    yield request
                return
            async for part in parts(read_sitemap(body, place.url)):
                for request in self._requests(self.scout.of_sitemap(part, place)):
                    yield request
        except ValueError as error:
            self._unreadable(place.url, meta, error)

    def _note_hubs(self, hubs: list[str], place: Place, capture: Capture | None) -> None:
        """A WebSub hub that would push a feed is noted, in the archive too; nothing is subscribed to."""
        if hubs:
            self.crawler.stats.inc_value("broadsheet/websub/feeds")
            self.logger.info("The feed %s has a WebSub hub: %s", place.url, hubs[0])
            if capture:
                self._archiving.run.note_outlinks(hubs, capture)

    async def document_failed(self, failure: Failure) -> AsyncIterator[ArticleRow | Request]:
        """A feed or sitemap that did not come whole: what there is of it is read, and the failure counted all the same."""
        for item in self.failed(failure):
            yield item
        request: Request = failure.request  # type: ignore[attr-defined]
        capture = request.meta.get("capture")
        if capture and capture.status == 200 and capture.truncated in _UNFINISHED:
            body = await asyncio.to_thread(self._beginning, capture, request.meta["download_maxsize"])
            place = place_of(request.url, request.meta, request.cb_kwargs["found"])
            if body:
                async for one in self._announced(body, request.meta, place, capture.content_type):
                    yield one

    def _beginning(self, capture: Capture, most: int) -> bytes:
        try:
            record = self._archiving.run.collection.read_record(capture.filename, capture.offset, capture.length)
            return content(record.block, most)
        except ValueError:
            return b""

    def _unreadable(self, url: str, meta: dict[str, Any], error: ValueError) -> None:
        self.crawler.stats.inc_value(f"broadsheet/unreadable/{meta['purpose']}")
        level = logging.DEBUG if meta["probe"] or meta.get("was_read") else logging.WARNING  # said before
        self.logger.log(level, "No %s at %s: %s", meta["purpose"], url, error)

    def failed(self, failure: Failure) -> Iterator[ArticleRow | Request]:
        """A fetch that brought nothing to read: count it by its kind, settle its capture, and let an article that waited for it
        do without."""
        request: Request = failure.request  # type: ignore[attr-defined]
        self._note_failure(request, failure)
        yield from self._turned(request.meta)
        if request.meta["twin"] and getattr(failure.value, "response", None) is not None:
            place = place_of(request.url, request.meta, request.cb_kwargs["found"])
            yield from self._requests(self._other_form(request.meta["twin"], place))

    def _note_failure(self, request: Request, failure: Failure) -> None:
        if watch := Watch.of(self.crawler):
            watch.failed(request, failure.value)
        if isinstance(failure.value, OutOfRangeError):
            self.crawler.stats.inc_value("broadsheet/announced/out_of_range")
        if isinstance(failure.value, _NOT_ASKED_FOR):
            return  # counted elsewhere
        if isinstance(failure.value, NotModifiedError):
            if request.meta["purpose"] == "page" and request.meta.get("capture"):
                self._archiving.run.counts["unchanged"] += 1
                self._tell()
            return
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
