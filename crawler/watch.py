"""Watching: feeds, sitemaps, front and section pages are looked at again and again, each in its own time, without end.

What is visited when is the schedule's to know (``crawler.schedule``), how long until the next time a policy's
(``crawler.intervals``). Here both meet the crawl: visits that are due go to the scheduler, and what each brought is counted.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scrapy import Request, signals
from scrapy.exceptions import (
    CannotResolveHostError,
    DontCloseSpider,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    NotConfigured,
    ResponseDataLossError,
)

from archive.url import without_secrets
from crawler.arguments import NewsArguments
from crawler.conditional import NotModifiedError
from crawler.guard import GuardedResolver, reactor_resolver
from crawler.intervals import Bounds
from crawler.pace import HostLeftError
from crawler.robots import RobotsTxt, RobotsUnreachableError
from crawler.schedule import Schedule
from crawler.site_list import SiteList
from crawler.watch_report import Report
from pipelines.run import Run, current

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response

logger = logging.getLogger("broadsheet")

WATCHED = frozenset({"front_page", "section", "feed", "sitemap"})
_MOST = 1_000  # visits under way: beyond, what is due waits in the schedule
_LOST = 6 * 3_600.0  # seconds after which a visit of which nothing was heard is made again
_TICK = 1.0
_HOUR = 3_600.0
# what may be over in an hour
_PASSING = (
    HostLeftError,
    RobotsUnreachableError,
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
)


@dataclass(slots=True)
class Visiting:
    """A visit under way: of which seed, since when (monotonic seconds), how many entries were new so far, whether all were
    read."""

    purpose: str
    seed: str
    since: float
    new: int = 0
    read: bool = False


class Watch:
    """Extension that sends visits when they are due, and spider middleware that admits to the schedule what is found.

    ``meta["watched"]`` of a request is the address in the schedule that it is a visit to; ``meta["announced_by"]`` the visit
    that a page was found at and ``meta["seed"]`` the seed of that; ``meta["is_new"]`` that the archive does not have it.
    """

    def __init__(self, crawler: Crawler) -> None:
        spider: Any = crawler.spider
        arguments = getattr(spider, "arguments", None)
        if not isinstance(arguments, NewsArguments) or not arguments.watch:
            raise NotConfigured
        self.crawler, self._spider = crawler, spider
        bounds = Bounds.of(crawler.settings, arguments.every)
        self._schedule = Schedule(self._run.collection.path / "state" / "watch.sqlite", bounds)
        self._list = SiteList(spider.given, arguments)
        self._tick = min(_TICK, bounds.shortest)
        self._report = Report(crawler.settings.getfloat("BROADSHEET_WATCH_REPORT_SECONDS"))
        self._visiting: dict[str, Visiting] = {}
        self._tidied = time.monotonic()
        self._task: asyncio.Task[None] | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Watch:
        """Scrapy's constructor; the same object serves as extension and as middleware."""
        made = cls.of(crawler)
        if made is None:
            made = crawler._broadsheet_watch = cls(crawler)  # type: ignore[attr-defined]
            for name in ("spider_opened", "spider_idle", "spider_closed", "request_scheduled", "request_dropped"):
                crawler.signals.connect(getattr(made, name), getattr(signals, name))
        return made

    @staticmethod
    def of(crawler: Crawler) -> Watch | None:
        """The watch of a crawl, if it is one."""
        return getattr(crawler, "_broadsheet_watch", None)

    @property
    def _run(self) -> Run:
        run = current(self.crawler)
        assert run is not None  # the spider always names a collection
        return run

    # the crawl's own events

    def spider_opened(self) -> None:
        """Begin, where the last run of this watch ended."""
        now = time.time()
        self._keep_time(now)
        self._follow(now)
        self._task = asyncio.ensure_future(self._watch())

    def spider_idle(self) -> None:
        """There is always a next visit."""
        raise DontCloseSpider

    async def spider_closed(self) -> None:
        """End; what is under way is due still."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._settle()
        self._schedule.close()

    async def _watch(self) -> None:
        while True:
            try:
                self._go_on()
            except sqlite3.OperationalError:
                pass  # the disk is full, and the archive says so
            except sqlite3.DatabaseError as error:
                logger.warning("%s: %s; it is begun anew, and everything is visited", self._schedule.path, error)
                self._schedule.begin_anew()
                self._follow(time.time())
            except Exception:  # a watch of weeks does not end for one bad second
                logger.exception("Watching: something went wrong, and goes on in a minute")
                await asyncio.sleep(60)
            await asyncio.sleep(self._tick)

    def _go_on(self) -> None:
        now = time.time()
        self._keep_time(now)
        self._settle()
        if self._list.changed():
            self._take_list(now)
        self._visit(now)
        if time.monotonic() - self._tidied >= _HOUR:
            self._tidy()
        if line := self._report.line(self._schedule, self.crawler.stats.get_value("item_scraped_count", 0)):
            logger.info(line)

    def _tidy(self) -> None:
        """What one run may keep for ever, and weeks may not."""
        self._tidied = time.monotonic()
        if isinstance(resolver := reactor_resolver(), GuardedResolver):
            resolver.forget()
        if robots := self.crawler.get_downloader_middleware(RobotsTxt):
            robots.forget_unused(_HOUR)

    def _keep_time(self, now: float) -> None:
        if back := self._schedule.keep_time(now):
            logger.warning("The clock was set back by %.0f s; what is planned moves with it", back)

    def _take_list(self, now: float) -> None:
        if self._list.warning:
            logger.warning("%s; going on with the list as it was", self._list.warning)
            return
        self._spider.arguments = self._list.arguments
        self._follow(now)

    def _follow(self, now: float) -> None:
        new, left = self._schedule.follow(self._list.arguments.announcements, now)
        seeds, addresses = self._schedule.counts()
        said = f"Watching {seeds:,} sites ({new:,} new, {left:,} left out), {addresses:,} addresses with what was found of them"
        logger.info(said)

    # visits

    def _visit(self, now: float) -> None:
        """Send the visits that are due."""
        engine = self.crawler.engine
        if engine is None or engine.paused or engine._slot is None or engine._slot.closing:
            return
        if len(self._visiting) > _MOST // 2:
            return  # looking for more is not free if much is due
        for visit in self._schedule.due(now, _MOST):
            if visit.url not in self._visiting and len(self._visiting) < _MOST:
                self._visiting[visit.url] = Visiting(visit.purpose, visit.seed, time.monotonic())
                self._report.visits += 1
                was_read = visit.read_by == self._run.crawl_id
                engine.crawl(self._spider.revisit(visit.url, visit.purpose, visit.via, was_read))

    def _settle(self) -> None:
        """Plan the next visit to what was read; a moment later than that was done, so that all that it named was counted."""
        oldest = time.monotonic() - _LOST
        for url in [url for url, visit in self._visiting.items() if visit.read or visit.since < oldest]:
            visit = self._visiting.pop(url)
            if visit.read and visit.purpose not in WATCHED:
                self._schedule.drop(url)
            elif visit.read:
                self._report.entries += visit.new
                self._schedule.visited(url, time.time(), visit.new, self._run.crawl_id)

    def failed(self, request: Request, error: BaseException | None) -> None:
        """Nothing came of a request; or word that nothing has changed."""
        url = request.meta.get("watched")
        visit = self._visiting.get(url or "")
        if visit and isinstance(error, NotModifiedError):
            self._report.unchanged += 1
            visit.read = True
        elif visit:
            self._visit_failed(str(url), visit, error)
        elif (seed := request.meta.get("seed")) and _may_pass(error):
            # the next time that it is announced, it will have been seen
            later = time.time() + self._schedule.bounds.first
            self._schedule.admit(request.url, "page", request.meta.get("via"), seed, later)

    def _visit_failed(self, url: str, visit: Visiting, error: BaseException | None) -> None:
        self._visiting.pop(url, None)
        if visit.purpose not in WATCHED and not _may_pass(error):
            self._schedule.drop(url)
            return
        self._schedule.failed(url, time.time(), gone=_status(error) in (404, 410), left=isinstance(error, HostLeftError))

    def request_scheduled(self, request: Request) -> None:
        """Count a page that a visit found, unless it is here."""
        visit = self._visiting.get(request.meta.get("announced_by") or "")
        if visit and not request.meta.get("left_out") and not self._run.originals.get(without_secrets(request.url)):
            request.meta["is_new"] = True
            visit.new += 1

    def request_dropped(self, request: Request) -> None:
        """Take back what turns out to be known; a visit itself is made anew when its time comes again."""
        visit = self._visiting.get(request.meta.get("announced_by") or "")
        if visit and request.meta.get("is_new"):
            visit.new -= 1
        self._visiting.pop(request.meta.get("watched") or "", None)

    # what the spider yields

    async def process_start(self, start: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Pass pages; what is watched is visited when it is due."""
        async for one in start:
            if not isinstance(one, Request) or one.meta.get("purpose") not in WATCHED:
                yield one

    async def process_spider_output(self, response: Response, result: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Admit to the schedule what a visit finds, and know when it has found all."""
        url = response.meta.get("watched") or ""
        visit = self._visiting.get(url)
        if visit is None:
            async for one in result:
                yield one
            return
        try:
            async for one in result:
                if not isinstance(one, Request):
                    yield one
                elif one.meta.get("purpose") not in WATCHED:
                    one.meta.update(announced_by=url, seed=visit.seed)
                    yield one
                elif not self._schedule.admit(one.url, one.meta["purpose"], one.meta.get("via"), visit.seed, time.time()):
                    yield one
        except Exception as error:
            self._visit_failed(url, visit, error)
            raise
        visit.read = True


def _status(error: BaseException | None) -> int:
    return int(getattr(getattr(error, "response", None), "status", 0))


def _may_pass(error: BaseException | None) -> bool:
    """Whether an address may well answer when it is asked again later."""
    return isinstance(error, _PASSING) or _status(error) >= 500 or _status(error) in (408, 425, 429)
