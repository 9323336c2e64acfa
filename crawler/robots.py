"""robots.txt as RFC 9309 has it: 2xx is read, 4xx allows, 5xx and no answer forbid, unless a good copy is at hand. In place of
Scrapy's own middleware, which takes a broken server for a permission and prints a traceback for an unreachable one."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scrapy import Request, signals
from scrapy.exceptions import IgnoreRequest, NotConfigured
from scrapy.http.request import NO_CALLBACK
from scrapy.utils.misc import build_from_crawler, load_object

from archive.http import content
from archive.robots_copies import Copy, RobotsCopies
from archive.robots_txt import MOST, Group, beginning
from archive.url import authority
from crawler.discovery.sitemaps import robots_sitemaps
from crawler.pace import CrawlEndedError, HostLeftError, Pace
from crawler.robots_rules import RobotsRules
from pipelines.run import current

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.robotstxt import RobotParser

    from archive.capture import Capture

_FIRST = 1000  # priority: before anything else of the host
_LONGEST = 86_400.0  # seconds for which a file may be taken from a cache (RFC 9309, 2.4)
_HOPS = 5  # redirects that are followed; beyond, there is no robots.txt (RFC 9309, 2.3.1.2)
_AGAIN = 300.0  # seconds until a file that could not be reached is asked for again; doubled each time, at most a day


class RobotsUnreachableError(IgnoreRequest):
    """No robots.txt could be had, so nothing of this host is fetched (RFC 9309, 2.3.1.4); the message says why."""


class RobotsForbiddenError(IgnoreRequest):
    """robots.txt forbids this address."""


_ENDED = "robots.txt not reached: the crawl ended"


@dataclass(slots=True)
class Verdict:
    """What holds for an authority until an instant (monotonic seconds): ``rules`` and the record they were read from, or, if
    there are none, ``reason``; ``misses`` counts the times in a row that the file could not be reached."""

    until: float
    rules: RobotParser | None = None
    record_id: str | None = None
    reason: str = ""
    misses: int = 0


class RobotsTxt:
    """Downloader middleware; obeys ``ROBOTSTXT_OBEY``, ``ROBOTSTXT_PARSER`` and ``ROBOTSTXT_USER_AGENT`` as Scrapy's does.

    A request that it lets pass has ``meta["robots_warc_record_id"]``: the record of the answer that allowed it, None if that
    was not recorded.
    """

    def __init__(self, crawler: Crawler) -> None:
        settings = crawler.settings
        if not settings.getbool("ROBOTSTXT_OBEY"):
            raise NotConfigured
        self._crawler, self._pace = crawler, Pace.of(crawler)
        self._agent = settings["ROBOTSTXT_USER_AGENT"] or settings["USER_AGENT"]
        self._parser_class = load_object(settings["ROBOTSTXT_PARSER"])
        self._ttl = min(settings.getfloat("BROADSHEET_ROBOTS_TTL"), _LONGEST)
        self._verdicts: dict[str, asyncio.Future[Verdict]] = {}
        self._used: dict[str, float] = {}  # when each was asked for last
        self._copies = copies_of(crawler)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> RobotsTxt:
        """Scrapy's constructor."""
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        """Let the request pass, or raise RobotsForbiddenError or RobotsUnreachableError."""
        request.meta.pop("robots_warc_record_id", None)
        if request.meta.get("dont_obey_robotstxt"):
            return
        verdict = await self._verdict(request)
        if verdict.rules is None:
            if verdict.reason == _ENDED:
                raise CrawlEndedError(authority(request.url))
            self._crawler.stats.inc_value("robotstxt/unreachable")
            raise RobotsUnreachableError(verdict.reason)
        if not verdict.rules.allowed(request.url, self._agent):
            self._crawler.stats.inc_value("robotstxt/forbidden")
            raise RobotsForbiddenError("Forbidden by robots.txt")
        request.meta["robots_warc_record_id"] = verdict.record_id

    def sitemaps(self, url: str) -> list[str]:
        """The sitemaps that the robots.txt of an address's authority announces, as far as it was read."""
        verdict = self._known(url)
        return robots_sitemaps(_sitemaps(verdict.rules if verdict else None), authority(url) + "/robots.txt")

    def allows(self, url: str) -> bool:
        """Whether the robots.txt of an address's authority, as it was read last, allows it."""
        verdict = self._known(url)
        return bool(verdict and verdict.rules and verdict.rules.allowed(url, self._agent))

    def forget_unused(self, seconds: float) -> None:
        """Let go of rules that nobody asked for in the last ``seconds`` and that are on the disk: each takes up to 160 kB."""
        before = time.monotonic() - seconds
        for key in [key for key, used in self._used.items() if used < before]:
            known = self._verdicts[key]
            if known.done() and known.result().rules and self._copies.get(key):
                del self._verdicts[key], self._used[key]

    def group(self, url: str) -> tuple[Group, str | None] | None:
        """What the robots.txt of an address's authority says to us, and the record of it; None if it was not read."""
        verdict = self._known(url)
        rules = verdict.rules if verdict else None
        return (rules.group(self._agent), verdict.record_id) if verdict and isinstance(rules, RobotsRules) else None

    def _known(self, url: str) -> Verdict | None:
        """What was found out of an address's authority, if it was."""
        found = self._verdicts.get(authority(url))
        return found.result() if found and found.done() else None

    async def _verdict(self, request: Request) -> Verdict:
        """What holds for a request's authority; found out by the first that asks, while others wait."""
        key = authority(request.url)
        self._used[key] = time.monotonic()
        known = self._verdicts.get(key)
        if known and (not known.done() or known.result().until > time.monotonic()):
            return await asyncio.shield(known)
        future = self._verdicts[key] = asyncio.get_running_loop().create_future()
        misses = known.result().misses if known else 0
        verdict = Verdict(0.0, reason=_ENDED)
        try:
            verdict = await self._find(key, request, misses)
        finally:
            future.set_result(verdict)
        if verdict.rules:
            slot = self._crawler.engine.downloader.get_slot_key(request)
            self._pace.asks_for(slot, verdict.rules.crawl_delay(self._agent) or 0.0)
        return verdict

    async def _find(self, key: str, request: Request, misses: int) -> Verdict:
        copy, now = self._copies.get(key), time.monotonic()
        if copy and (left := copy.fetched + self._ttl - time.time()) > 0:
            return Verdict(now + left, await self._parse(copy.body, request), copy.record_id)
        found = await self._fetch(key, request)
        if isinstance(found, Copy):
            if found.body:
                self._copies.put(key, found)
            else:
                self._copies.forget(key)
            # where nothing is kept from run to run, it holds for this one
            until = now + (self._ttl or _LONGEST)
            return Verdict(until, await self._parse(found.body, request), found.record_id)
        again = now + min(_AGAIN * 2.0**misses, _LONGEST)
        if copy:
            return Verdict(again, await self._parse(copy.body, request), copy.record_id, misses=misses + 1)
        return Verdict(again, reason=found, misses=misses + 1)

    async def _fetch(self, key: str, request: Request) -> Copy | str:
        """What the authority has to say (nothing, if it has no file), or why it could not be reached."""
        url = f"{key}/robots.txt"
        stats = self._crawler.stats
        stats.inc_value("robotstxt/request_count")
        asked = Request(url, callback=NO_CALLBACK, priority=_FIRST, meta=_meta(request), dont_filter=True)
        try:
            response = await self._crawler.engine.download_async(asked)
        except CrawlEndedError:
            raise
        except Exception as error:  # whatever kept it from us, RFC 9309 has one answer
            if "max redirections reached" in str(error):
                return Copy(b"", time.time(), None)
            if cut := await asyncio.to_thread(self._beginning, asked.meta.get("capture")):
                return cut
            return f"robots.txt not reached: {error if isinstance(error, HostLeftError) else _named(error)}"
        stats.inc_value(f"robotstxt/response_status_count/{response.status}")
        if response.status >= 500 or response.status == 429:  # too many requests: ask later, and not: go ahead
            return f"robots.txt not reached: {url} answered {response.status}"
        return _copy(response)

    def _beginning(self, capture: Capture | None) -> Copy | None:
        """The rules at the beginning of a file that was too long to be fetched whole (RFC 9309, 2.5), as they were recorded."""
        run = current(self._crawler)
        if run is None or capture is None or capture.truncated != "length" or capture.status != 200:
            return None
        try:
            block = run.collection.read_record(capture.filename, capture.offset, capture.length).block
            return Copy(beginning(content(block, 2 * MOST)), time.time(), capture.record_id)
        except ValueError:
            return None

    async def _parse(self, body: bytes, request: Request) -> RobotParser:
        parser: RobotParser = build_from_crawler(self._parser_class, self._crawler, body)
        await self._crawler.signals.send_catch_log_async(signals.robots_parsed, robotparser=parser, request=request)
        return parser


def copies_of(crawler: Crawler) -> RobotsCopies:
    """What a crawl keeps of the files of sites, robots.txt and others; closed when its spider is."""
    made: RobotsCopies | None = getattr(crawler, "_broadsheet_copies", None)
    if made is None:
        run = current(crawler)
        made = RobotsCopies(run.collection.path / "state" / "robots.sqlite" if run else None)
        crawler._broadsheet_copies = made  # type: ignore[attr-defined]
        # a bound method of an object that the crawler holds: signals keep no receiver alive
        crawler.signals.connect(made.close, signals.spider_closed)
    return made


def _copy(response: Response) -> Copy:
    body = beginning(response.body) if 200 <= response.status < 300 else b""
    capture = response.meta.get("capture")
    return Copy(body, time.time(), capture.record_id if capture else None)


def _meta(request: Request) -> dict[str, Any]:
    meta: dict[str, Any] = {
        "dont_obey_robotstxt": True,
        "purpose": "robots",
        "redirect_ttl": _HOPS,
        "download_maxsize": 2 * MOST,
    }
    if proxy := request.meta.get("proxy"):
        meta["proxy"] = proxy
    if request.meta.get("purpose") == "requisite":
        meta["max_retry_times"] = 0  # nothing is lost but a picture
    return meta


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _sitemaps(rules: RobotParser | None) -> list[str]:
    found = getattr(rules, "sitemaps", None)
    return list(found if found is not None else getattr(getattr(rules, "rp", None), "sitemaps", None) or ())
