"""What kept articles need to replay: pictures, stylesheets, fonts, scripts, fetched after the pages and tied to them.

An article's row waits until all that it needs was fetched or given up, so that it can say how much of it the archive holds.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from scrapy import Request, signals
from scrapy.exceptions import CannotResolveHostError, DownloadConnectionRefusedError, IgnoreRequest

from archive.http import content, parse_head
from archive.requisites import DEPTH, Reference, read_part
from archive.url import without_secrets
from crawler.archiving import Archiving
from crawler.guard import SettingError
from crawler.pace import HostLeftError, Pace
from crawler.robots import RobotsUnreachableError
from pipelines.tabulate import ArticleRow

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.settings import BaseSettings

    from pipelines.run import Run

PRIORITY = -10  # below every page
_MODES = ("html", "images", "full")
_REMEMBERED = 500_000  # addresses, about 100 bytes each
_SHEETS = 10_000
# as browsers ask (https://fetch.spec.whatwg.org/#concept-fetch, step 13)
_ACCEPT = {"stylesheet": "text/css,*/*;q=0.1", "image": "image/avif,image/webp,image/svg+xml,image/*,*/*;q=0.8"}


# of a host that these are said of, nothing can be had
_HOST_FAILED = (HostLeftError, RobotsUnreachableError, CannotResolveHostError, DownloadConnectionRefusedError)


class LeftOutError(IgnoreRequest):
    """A request that is not made: the budget is spent, or the crawl has what it was to get."""


@dataclass(slots=True)
class Waiting:
    """An article whose requisites are not all settled: those still to come with how deep they lie (1: the page itself names
    them), those that failed, bytes so far."""

    row: ArticleRow
    page_id: str | None
    url: str
    wanted: set[str] = field(default_factory=set)
    coming: dict[str, int] = field(default_factory=dict)
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
        self._ttl = timedelta(seconds=settings.getfloat("BROADSHEET_REQUISITES_TTL"))
        self._most = settings.getint("BROADSHEET_REQUISITES_MAX")
        self._most_bytes = settings.getint("BROADSHEET_REQUISITES_BYTES")
        self._maxsize = settings.getint("BROADSHEET_REQUISITE_MAXSIZE")
        self._settled: OrderedDict[str, tuple[datetime, bool]] = OrderedDict()  # address: when, and whether it came
        self._sheets: OrderedDict[str, list[Reference]] = OrderedDict()  # what a stylesheet or frame names in turn
        self._coming: dict[str, list[Waiting]] = {}
        self._met: set[str] = set()  # hosts that answered
        self._parked: dict[str, list[Request]] = {}  # what waits for a host's first answer
        self._pace = Pace.of(crawler)

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

    def begin(
        self, row: ArticleRow, references: Iterable[Reference], page_id: str | None, url: str
    ) -> list[Request | ArticleRow]:
        """Requests for what an article needs; the row itself, if that is nothing new."""
        if self.mode == "html":
            return [row]
        waiting = Waiting(row, page_id, url)
        self._run.tabulator.hold_article(row, waiting.fill)
        # all is noted before the first of it is fetched: a row goes when nothing more is to come
        return [*self._want(waiting, references, depth=1), *self._done(waiting)]

    def _want(self, waiting: Waiting, references: Iterable[Reference], depth: int) -> list[Request]:
        requests = []
        for reference in references:
            url = reference.url
            if url in waiting.wanted or (self.mode == "images" and not reference.picture):
                continue
            waiting.wanted.add(url)
            held = False if self._pace.left(_host(url)) else self._held(url)
            if held and depth < DEPTH:
                requests += self._want(waiting, self._named_by_held(reference), depth + 1)
            elif held is False or (held is None and len(waiting.wanted) > self._most):
                waiting.missing.append(url)
            elif held is None:
                waiting.coming[url] = depth
                others = self._coming.setdefault(url, [])
                others.append(waiting)
                if len(others) == 1:
                    requests += self._first_alone(self._request(waiting, reference))
        return requests

    def _first_alone(self, request: Request) -> list[Request]:
        """The first request to a host goes alone: if nothing answers, all others are settled with it, at no cost."""
        host = _host(request.url)
        if host in self._met:
            return [request]
        if host in self._parked:
            self._parked[host].append(request)
            return []
        self._parked[host] = []
        return [request]

    def _request(self, waiting: Waiting, reference: Reference) -> Request:
        spider: Any = self.crawler.spider
        return Request(
            reference.url,
            spider.requisite,
            errback=spider.requisite_failed,
            priority=PRIORITY,
            dont_filter=True,
            headers={"Accept": _ACCEPT.get(reference.kind, "*/*"), "Referer": _referer(waiting.url, reference.url)},
            cb_kwargs={"asked": reference.url},
            meta={
                "purpose": "requisite",
                "via": waiting.url,
                "page_id": waiting.page_id,
                "download_maxsize": self._maxsize,
                "requisite": reference.url,
                "verbatim_url": True,  # Scrapy would escape more than browsers do, and players ask as browsers
            },
        )

    def came(self, response: Response, asked: str) -> list[Request | ArticleRow]:
        """Take an answer; what it needs in turn is asked for, rows that waited for it alone are given."""
        held = response.status == 200 and not response.meta["capture"].truncated
        content_type = (response.headers.get("Content-Type") or b"").decode("latin-1")
        references = read_part(response.body, response.url, content_type) if held and self.mode == "full" else []
        self._settle(asked, held)
        if references:
            self._remember(asked, references)
        out: list[Request | ArticleRow] = [*self._meet(asked)]
        for waiting in self._coming.pop(asked, []):
            depth = waiting.coming.pop(asked)
            waiting.bytes += len(response.body)
            if not held:
                waiting.missing.append(asked)
            elif depth < DEPTH:
                out += self._want(waiting, references, depth + 1)
            out += self._done(waiting)
        return out

    def failed(self, asked: str, error: BaseException | None = None) -> list[Request | ArticleRow]:
        """Note that nothing came, and why; rows that waited for it alone are given. If it is the host that does not answer,
        nothing comes of all that waits for its first answer either."""
        if not (isinstance(error, _HOST_FAILED) or self._pace.left(_host(asked))):
            return [*self._meet(asked), *self._give_up(asked)]
        parked = self._parked.pop(_host(asked), [])
        return [row for url in (asked, *(request.meta["requisite"] for request in parked)) for row in self._give_up(url)]

    def _meet(self, asked: str) -> list[Request]:
        host = _host(asked)
        self._met.add(host)
        return self._parked.pop(host, [])

    def _give_up(self, asked: str) -> list[ArticleRow]:
        self._settle(asked, False)
        out = []
        for waiting in self._coming.pop(asked, []):
            del waiting.coming[asked]
            waiting.missing.append(asked)
            out += self._done(waiting)
        return out

    def _done(self, waiting: Waiting) -> list[ArticleRow]:
        if waiting.coming:
            return []
        waiting.fill()
        self._run.tabulator.release_article(waiting.row)
        return [waiting.row]

    def _held(self, url: str) -> bool | None:
        """True if the archive has an address fresh enough, False if it was tried in vain, None if it is to be fetched."""
        oldest = datetime.now(UTC) - self._ttl
        if (known := self._settled.get(url)) and known[0] > oldest:
            return known[1]
        seen = self._run.originals.last_seen(without_secrets(url))
        return True if seen and seen > oldest else None

    def _named_by_held(self, reference: Reference) -> list[Reference]:
        """What something that is not fetched again names in turn."""
        url = reference.url
        if self.mode != "full" or reference.kind not in ("stylesheet", "frame"):
            return []
        if (known := self._sheets.get(url)) is None:
            known = self._named_in_archive(without_secrets(url))
            self._remember(url, known)
        return known

    def _named_in_archive(self, url: str) -> list[Reference]:
        if (place := self._run.originals.get(url)) is None:
            return []
        try:
            block = self._run.collection.read_record(place.filename, place.offset, place.length).block
            head = parse_head(block)
            return read_part(content(block, self._maxsize), url, head.get("content-type") if head else None)
        except ValueError:
            return []

    def _remember(self, url: str, references: list[Reference]) -> None:
        self._sheets[url] = references
        if len(self._sheets) > _SHEETS:
            self._sheets.popitem(last=False)

    def _settle(self, url: str, came: bool) -> None:
        self._settled[url] = (datetime.now(UTC), came)
        if len(self._settled) > _REMEMBERED:
            self._settled.popitem(last=False)
        self.crawler.stats.inc_value(f"broadsheet/requisites/{'fetched' if came else 'missing'}")

    @property
    def _run(self) -> Run:
        archiving = self.crawler.get_extension(Archiving)
        assert archiving is not None  # the spider always names a collection
        return archiving.run

    def process_request(self, request: Request) -> None:
        """Leave out what no waiting page has the budget for any more."""
        if url := request.meta.get("requisite"):
            if all(one.bytes >= self._most_bytes for one in self._coming.get(url, [])):
                raise LeftOutError("over the page's budget")
        elif self.alone and request.meta.get("purpose") not in (None, "robots") and "turn" not in request.meta:
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


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _referer(page: str, url: str) -> str:
    """What a browser says by default (strict-origin-when-cross-origin): the page within its origin, else the origin alone."""
    ours, theirs = urlsplit(page), urlsplit(url)
    if (ours.scheme, ours.netloc) == (theirs.scheme, theirs.netloc):
        return without_secrets(page)
    return f"{ours.scheme}://{ours.netloc.rpartition('@')[2]}/"
