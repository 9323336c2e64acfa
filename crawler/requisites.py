"""What kept articles need to replay: pictures, stylesheets, fonts, scripts, fetched after the pages and tied to them.

An article's row waits until all that it needs was fetched or given up, so that it can say how much of it the archive holds.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from scrapy import Request, signals
from scrapy.exceptions import IgnoreRequest

from archive.requisites import Reference, read
from archive.url import without_secrets
from crawler.archiving import Archiving
from crawler.guard import SettingError
from pipelines.tabulate import ArticleRow

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.settings import BaseSettings

PRIORITY = -10  # below every page
_MODES = ("html", "images", "full")
_DEPTH = 3  # a stylesheet that a stylesheet names, that a page names
_REMEMBERED = 500_000  # addresses, about 100 bytes each
# as browsers ask (https://fetch.spec.whatwg.org/#concept-fetch, step 13)
_ACCEPT = {"stylesheet": "text/css,*/*;q=0.1", "image": "image/avif,image/webp,image/svg+xml,image/*,*/*;q=0.8"}


class LeftOutError(IgnoreRequest):
    """A request that is not made: the budget is spent, or the crawl has what it was to get."""


@dataclass(slots=True)
class Waiting:
    """An article whose requisites are not all settled: those still to come, those that failed, bytes so far."""

    row: ArticleRow
    page_id: str
    url: str
    wanted: set[str] = field(default_factory=set)
    coming: set[str] = field(default_factory=set)
    missing: list[str] = field(default_factory=list)
    bytes: int = 0

    def fill(self) -> None:
        """Write into the row what is known by now; what has not come is missing."""
        missing = [*self.missing, *sorted(self.coming)]
        self.row["requisites_missing"] = missing
        self.row["replay_coverage"] = 100 * (1 - len(missing) / len(self.wanted)) if self.wanted else 100.0


class Requisites:
    """Extension that knows what pages wait for and what the archive has; and downloader middleware that keeps to budgets.

    ``mode`` is ``html`` (nothing but pages), ``images`` (what a reader looks at, one size each) or ``full``. Once ``alone`` is
    set, nothing but requisites is fetched any more.
    """

    def __init__(self, crawler: Crawler) -> None:
        settings = crawler.settings
        self.crawler = crawler
        self.mode = mode_of(settings)
        self.alone = False
        self._ttl = settings.getfloat("BROADSHEET_REQUISITES_TTL")
        self._most, self._most_bytes = (
            settings.getint("BROADSHEET_REQUISITES_MAX"),
            settings.getint("BROADSHEET_REQUISITES_BYTES"),
        )
        self._maxsize = settings.getint("BROADSHEET_REQUISITE_MAXSIZE")
        self._settled: OrderedDict[str, tuple[float, bool]] = OrderedDict()  # address: when, and whether it came
        self._sheets: OrderedDict[str, list[Reference]] = OrderedDict()  # what a stylesheet names in turn
        self._coming: dict[str, list[Waiting]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Requisites:
        """Scrapy's constructor; the same object serves as extension and as middleware."""
        if (made := getattr(crawler, "_broadsheet_requisites", None)) is None:
            made = crawler._broadsheet_requisites = cls(crawler)  # type: ignore[attr-defined]
            crawler.signals.connect(made.spider_closed, signals.spider_closed)
        return made

    @property
    def pending(self) -> bool:
        """Whether any article still waits."""
        return bool(self._coming)

    def begin(self, row: ArticleRow, references: Iterable[Reference], page_id: str, url: str) -> Iterator[Request | ArticleRow]:
        """Requests for what an article needs; the row itself, if that is nothing new."""
        if self.mode == "html":
            yield row
            return
        waiting = Waiting(row, page_id, url)
        self._run.tabulator.hold_article(row, waiting.fill)
        yield from self._want(waiting, references, depth=1)
        yield from self._done(waiting)

    def _want(self, waiting: Waiting, references: Iterable[Reference], depth: int) -> Iterator[Request]:
        for reference in references:
            url = reference.url
            if url in waiting.wanted or (self.mode == "images" and not reference.picture):
                continue
            waiting.wanted.add(url)
            held = self._held(url)
            if held is False or len(waiting.wanted) > self._most:
                waiting.missing.append(url)
            elif held:
                yield from self._want(waiting, self._sheets.get(url, ()), depth + 1)
            else:
                waiting.coming.add(url)
                others = self._coming.setdefault(url, [])
                others.append(waiting)
                if len(others) == 1:
                    yield self._request(waiting, reference, depth)

    def _request(self, waiting: Waiting, reference: Reference, depth: int) -> Request:
        spider: Any = self.crawler.spider
        return Request(
            reference.url,
            spider.requisite,
            errback=spider.requisite_failed,
            priority=PRIORITY,
            dont_filter=True,
            headers={"Accept": _ACCEPT.get(reference.kind, "*/*"), "Referer": _referer(waiting.url, reference.url)},
            cb_kwargs={"asked": reference.url, "depth": depth},
            meta={
                "purpose": "requisite",
                "via": waiting.url,
                "page_id": waiting.page_id,
                "download_maxsize": self._maxsize,
                "requisite": reference.url,
            },
        )

    def came(self, response: Response, asked: str, depth: int) -> Iterator[Request | ArticleRow]:
        """Take an answer; what it needs in turn is asked for, rows that waited for it alone are given."""
        held = response.status == 200 and not response.meta["capture"].truncated
        references = self._named_by(response) if held and self.mode == "full" and depth < _DEPTH else []
        self._settle(asked, held)
        if references:
            self._sheets[asked] = references
            if len(self._sheets) > 10_000:
                self._sheets.popitem(last=False)
        for waiting in self._coming.pop(asked, []):
            waiting.coming.discard(asked)
            waiting.bytes += len(response.body)
            if not held:
                waiting.missing.append(asked)
            yield from self._want(waiting, references, depth + 1)
            yield from self._done(waiting)

    def failed(self, asked: str) -> Iterator[ArticleRow]:
        """Note that nothing came; rows that waited for it alone are given."""
        self._settle(asked, False)
        for waiting in self._coming.pop(asked, []):
            waiting.coming.discard(asked)
            waiting.missing.append(asked)
            yield from self._done(waiting)

    def _done(self, waiting: Waiting) -> Iterator[ArticleRow]:
        if not waiting.coming:
            waiting.fill()
            self._run.tabulator.release_article(waiting.row)
            yield waiting.row

    def _held(self, url: str) -> bool | None:
        """True if the archive has an address fresh enough, False if it was tried in vain, None if it is to be fetched."""
        if known := self._settled.get(url):
            when, came = known
            if time.time() - when < self._ttl:
                return came
        found = self._run.originals.get(without_secrets(url))
        fresh = found is not None and time.time() - found.date.timestamp() < self._ttl
        # a stylesheet of an earlier run is fetched once in this one, to know what it names
        return True if fresh and not (self.mode == "full" and urlsplit(url).path.endswith(".css")) else None

    def _settle(self, url: str, came: bool) -> None:
        self._settled[url] = (time.time(), came)
        if len(self._settled) > _REMEMBERED:
            self._settled.popitem(last=False)
        self.crawler.stats.inc_value(f"broadsheet/requisites/{'fetched' if came else 'missing'}")

    def _named_by(self, response: Response) -> list[Reference]:
        content_type = (response.headers.get("Content-Type") or b"").decode("latin-1")
        if not content_type.startswith(("text/css", "text/html")):
            return []
        return read(response.body, response.url, content_type)

    @property
    def _run(self) -> Any:
        archiving = self.crawler.get_extension(Archiving)
        assert archiving is not None  # the spider always names a collection
        return archiving.run

    def process_request(self, request: Request) -> None:
        """Leave out what no waiting page has the budget for any more."""
        if url := request.meta.get("requisite"):
            if all(one.bytes >= self._most_bytes for one in self._coming.get(url, [])):
                raise LeftOutError("over the page's budget")
        elif self.alone and "purpose" in request.meta:
            raise LeftOutError("there are articles enough")

    def spider_closed(self) -> None:
        """Say how many articles closed with requisites outstanding."""
        waiting = {one.page_id for several in self._coming.values() for one in several}
        if waiting:
            self.crawler.stats.set_value("broadsheet/requisites/cut_off", len(waiting))


def mode_of(settings: BaseSettings) -> str:
    """The mode that ``BROADSHEET_REQUISITES`` names. Raises SettingError for an unknown one."""
    mode = str(settings.get("BROADSHEET_REQUISITES") or "html")
    if mode not in _MODES:
        raise SettingError(f"BROADSHEET_REQUISITES={mode}: there is no such mode; choose html, images or full")
    return mode


def _referer(page: str, url: str) -> str:
    """What a browser says by default (strict-origin-when-cross-origin): the page within its origin, else the origin alone."""
    ours, theirs = urlsplit(page), urlsplit(url)
    if (ours.scheme, ours.netloc) == (theirs.scheme, theirs.netloc):
        return without_secrets(page)
    return f"{ours.scheme}://{ours.netloc.rpartition('@')[2]}/"
