"""Watching: feeds, sitemaps, front and section pages are looked at again and again, each in its own time, without end.

What is visited when is the schedule's to know (``crawler.schedule``), how long until the next time a policy's
(``crawler.intervals``); what a visit brought is counted by ``crawler.visits``. Here all meet the crawl.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from scrapy import Request, signals
from scrapy.exceptions import DontCloseSpider, NotConfigured

from crawler.arguments import NewsArguments
from crawler.intervals import Bounds
from crawler.resolver import reactor_resolver
from crawler.robots import RobotsTxt
from crawler.schedule import Schedule
from crawler.site_list import SiteList
from crawler.visits import Visits, is_watched
from crawler.watch_report import Report
from pipelines.run import current

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response

logger = logging.getLogger("broadsheet")

_TICK = 1.0
_HOUR = 3_600.0


class Watch:
    """Extension that keeps a crawl with ``watch=true`` going, and spider middleware that schedules what it finds."""

    def __init__(self, crawler: Crawler) -> None:
        spider: Any = crawler.spider
        arguments = getattr(spider, "arguments", None)
        if not isinstance(arguments, NewsArguments) or not arguments.watch:
            raise NotConfigured
        run = current(crawler)
        assert run is not None  # the spider always names a collection
        self._crawler, self._spider = crawler, spider
        bounds = Bounds.of(crawler.settings, arguments.every)
        self._schedule = Schedule(run.collection.path / "state" / "watch.sqlite", bounds)
        self._report = Report(crawler.settings.getfloat("BROADSHEET_WATCH_REPORT_SECONDS"))
        self._visits = Visits(self._schedule, spider, run, self._report)
        self._list, self._list_is_followed = SiteList(spider.given, arguments), False
        self._tick = min(_TICK, bounds.shortest)
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

    # the crawl's own events

    def spider_opened(self) -> None:
        """Begin, where the last run of this watch ended."""
        self._task = asyncio.ensure_future(self._watch())

    def spider_idle(self) -> None:
        """There is always a next visit."""
        raise DontCloseSpider

    async def spider_closed(self) -> None:
        """End; what is under way is due still."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._visits.settle()
        self._schedule.close()

    def request_scheduled(self, request: Request) -> None:
        """A request is on its way to the scheduler."""
        self._visits.scheduled(request)

    def request_dropped(self, request: Request) -> None:
        """The scheduler did not take it."""
        self._visits.dropped(request)

    def failed(self, request: Request, error: BaseException | None) -> None:
        """The spider was told that nothing came of a request."""
        self._visits.failed(request, error)

    async def process_start(self, start: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Pass pages; what is watched is visited when it is due."""
        async for one in start:
            if not is_watched(one):
                yield one

    async def process_spider_output(self, response: Response, result: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """What the spider found."""
        async for one in self._visits.found(response.meta.get("watched") or "", result):
            yield one

    # going on

    async def _watch(self) -> None:
        while True:
            try:
                await self._go_on()
            except sqlite3.OperationalError:
                pass  # the disk is full, and the archive says so
            except sqlite3.DatabaseError as error:
                logger.warning("%s: %s; it is begun anew, and everything is visited", self._schedule.path, error)
                self._schedule.begin_anew()
                self._list_is_followed = False
            except Exception:  # a watch of weeks does not end for one bad second
                logger.exception("Watching: something went wrong; going on in a minute")
                await asyncio.sleep(60)
            await asyncio.sleep(self._tick)

    async def _go_on(self) -> None:
        now = time.time()
        if back := self._schedule.keep_time(now):
            logger.warning("The clock was set back by %.0f s; what is planned moves with it", back)
        self._visits.settle()
        self._look_at_list()
        if not self._list_is_followed:
            await self._follow(now)
        engine = self._crawler.engine
        if engine and not engine.paused and engine._slot and not engine._slot.closing:
            self._visits.send(engine, now)
        if time.monotonic() - self._tidied >= _HOUR:
            self._tidy()
        if line := self._report.line(self._schedule, self._crawler.stats.get_value("item_scraped_count", 0)):
            logger.info(line)

    def _look_at_list(self) -> None:
        if not self._list.changed():
            return
        if self._list.warning:
            logger.warning("%s; going on with the list as it was", self._list.warning)
        else:
            self._spider.arguments, self._list_is_followed = self._list.arguments, False

    async def _follow(self, now: float) -> None:
        """Watch what the spider begins with by now."""
        texts = [self._visits.text(one) async for one in self._spider.start() if is_watched(one)]
        new, left = self._schedule.follow([text for text in texts if text], now)
        self._list_is_followed = True
        seeds, addresses = self._schedule.counts()
        said = f"Watching {seeds:,} sites ({new:,} new, {left:,} left out), {addresses:,} addresses with what was found of them"
        logger.info(said)

    def _tidy(self) -> None:
        """Let go of what one run may keep for ever, and weeks may not."""
        self._tidied = time.monotonic()
        if resolver := reactor_resolver():
            resolver.forget()
        if robots := self._crawler.get_downloader_middleware(RobotsTxt):
            robots.forget_unused(_HOUR)
