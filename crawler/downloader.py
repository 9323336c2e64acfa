"""Scrapy's downloader, whose slots send a request when ``Pace`` says that its host may be asked, not on clocks of their own."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from scrapy import Request, signals
from scrapy.core.downloader import Downloader, Slot
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
)
from scrapy.utils.asyncio import call_later
from scrapy.utils.defer import _schedule_coro, maybe_deferred_to_future
from twisted.internet.error import DNSLookupError
from twisted.python.failure import Failure

from crawler.pace import TOO_MANY, CrawlEndedError, HostLeftError, Pace, retry_after
from crawler.places import Places
from crawler.resolver import is_unknown, reactor_resolver
from crawler.scheduler import FrontierScheduler, forget_slot_of_redirect
from pipelines.blocked import against_crawlers

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from twisted.internet.defer import Deferred

T = TypeVar("T")
_LONG = 5.0  # seconds: a host that is to wait longer keeps no other waiting, and does not keep the crawl from ending
_MOST_HELD = 1_000  # requests that wait for such hosts, or for a place, in memory, beside CONCURRENT_REQUESTS
_AT_ONCE = 4  # requests that are begun before all else has its turn in the event loop: a wave of them comes back as one, too
_SHARE = 4  # hosts on one address have this part of CONCURRENT_REQUESTS at most
_NO_ANSWER = (CannotResolveHostError, DownloadConnectionRefusedError, DownloadFailedError, DownloadTimeoutError)


class PacedDownloader(Downloader):
    """Set as ``DOWNLOADER`` by the add-on. Takes Scrapy's slots with their concurrency; their delays are ``Pace``'s."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.pace = Pace.of(crawler)
        self.handlers: Any = _Watched(self.handlers, self.pace, crawler)
        self.places = Places(max(1, self.total_concurrency // _SHARE))
        self._of_host: Counter[str] = Counter()
        self._stopped: set[str] = set()
        self._begun = 0

    def fetch(self, request: Request) -> Deferred[Response | Request]:  # type: ignore[override]
        """Fetch, and count what is under way for each host: in its slot, or waiting for its robots.txt."""
        forget_slot_of_redirect(request)
        key = self.get_slot_key(request)
        self._of_host[key] += 1
        self._begun += 1
        if self._begun == 1:
            call_later(0, self._begin_more)
        return super().fetch(request).addBoth(self._fetched, request, key)

    def _begin_more(self) -> None:
        self._begun = 0
        if self.crawler.engine and (slot := self.crawler.engine._slot):
            slot.nextcall.schedule()

    @property
    def _frontier(self) -> FrontierScheduler | None:
        scheduler = self.crawler.engine.scheduler if self.crawler.engine else None
        # its metaclass takes whatever has the methods for one
        return scheduler if type(scheduler) is FrontierScheduler else None

    def comes_again(self, request: Request) -> bool:
        """Whether the next run makes a request that is given up now."""
        return bool(self._frontier and self._frontier.has_handed(request))

    def _fetched(self, result: T, request: Request, key: str) -> T:
        if self._frontier:
            self._frontier.fetched(request, result)
        self._of_host[key] -= 1
        if not self._of_host[key]:
            del self._of_host[key]
            self._stopped.discard(key)
            self.places.leave(key)
        return result

    def _process_queue(self, slot: Slot) -> None:
        while slot.queue and not slot.latercall and slot.free_transfer_slots() > 0:
            request, waiting = slot.queue[0]
            key = self.get_slot_key(request)
            why = self.pace.left(key)
            if why is None and (wait := self.pace.begin(key)) > 0:
                self._wait(slot, key, wait)
                return
            slot.queue.popleft()
            self._stopped.discard(key)
            if why is None:
                slot.lastseen = time.monotonic()
                slot.transferring.add(request)  # Scrapy does so a moment later, and sends too many until then
                _schedule_coro(self._wait_for_download(slot, request, waiting))
            else:
                waiting.errback(Failure(HostLeftError(why)))  # type: ignore[no-untyped-call]

    def _wait(self, slot: Slot, key: str, seconds: float) -> None:
        if seconds > _LONG:
            if self.is_closing():
                while slot.queue:
                    slot.queue.popleft()[1].errback(Failure(CrawlEndedError(key)))  # type: ignore[no-untyped-call]
                return
            self._stopped.add(key)
            self.places.leave(key)
        slot.latercall = call_later(min(seconds, _LONG / 5 if seconds > _LONG else seconds), self._latercall, slot)

    def is_closing(self) -> bool:
        """Whether the crawl ends, once what is under way is done."""
        engine = self.crawler.engine
        return bool(engine and engine._slot and engine._slot.closing)

    def needs_backout(self) -> bool:
        """Whether enough is under way, which does not count what waits for a host that is stopped or for a place; or enough was
        begun at once."""
        if self._begun >= _AT_ONCE:
            return True
        held = min(sum(self._of_host[key] for key in self._stopped) + self.places.waiting, _MOST_HELD)
        return 0 < self.total_concurrency <= len(self.active) - held


class _Watched:
    """Scrapy's download handlers; the pace hears what came of each request before the slot sends the next."""

    def __init__(self, handlers: Any, pace: Pace, crawler: Crawler) -> None:
        self._handlers, self._pace = handlers, pace
        self._asked: dict[Request, float] = {}
        crawler.signals.connect(self._headers_received, signals.headers_received)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handlers, name)

    async def download_request_async(self, request: Request) -> Response:
        key: str = request.meta[Downloader.DOWNLOAD_SLOT]
        self._asked[request] = time.monotonic()
        try:
            response: Response = await self._handlers.download_request_async(request)
        except Exception as error:
            if self._asked.pop(request, None) and isinstance(error, _NO_ANSWER) and not request.meta.get("heard"):
                why = f"it did not answer ({type(error).__name__}: {' '.join(str(error).split())[:120]})"
                self._pace.failed(key, why, final=isinstance(error, CannotResolveHostError) and is_unknown(str(error)))
            raise
        self._headers_received(request)
        capture = request.meta.get("capture")
        if capture is not None and capture.extraction == "blocked" and against_crawlers(capture.reason):
            self._pace.refused(key, f"it answered {response.status}, {capture.reason}", retry_after(response.headers))
        elif response.status in TOO_MANY:
            self._pace.refused(key, f"it answered {response.status}", retry_after(response.headers))
        return response

    def _headers_received(self, request: Request) -> None:
        if (asked := self._asked.pop(request, None)) is not None:
            self._pace.answered(request.meta[Downloader.DOWNLOAD_SLOT], time.monotonic() - asked)


class HostGate:
    """Downloader middleware: gives up at once what is to be asked of a host that is left alone, finds out which hosts are on
    one address before any of them is asked, and lets as many of them through as have a place."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler, self._pace = crawler, Pace.of(crawler)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> HostGate:
        """Scrapy's constructor."""
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        """Let the request pass, or raise HostLeftError."""
        engine = self._crawler.engine
        assert engine is not None
        downloader = engine.downloader
        key = downloader.get_slot_key(request)
        if why := self._pace.left(key):
            raise HostLeftError(why)
        if not (address := await _address(request)):
            return
        self._pace.has_address(key, address)
        if isinstance(downloader, PacedDownloader) and self._pace.rules.address_delay:
            await maybe_deferred_to_future(downloader.places.take(key, address))
            if why := self._pace.left(key):
                raise HostLeftError(why)
            if downloader.is_closing() and downloader.comes_again(request):
                raise CrawlEndedError(key)


async def _address(request: Request) -> str | None:
    resolver, name = reactor_resolver(), urlsplit(request.url).hostname
    if not name or not resolver or request.meta.get("proxy"):
        return None
    try:
        return await maybe_deferred_to_future(resolver.getHostByName(name))
    except (DNSLookupError, TimeoutError):
        return None  # the handler meets the same, and records it
