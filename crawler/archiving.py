"""Extension that opens the collection for a crawl, keeps it safe while the crawl goes on, and closes it."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import errno
import inspect
import logging
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from scrapy import signals
from scrapy.exceptions import CloseSpider, NotConfigured

from archive.audit import Audit, article_rows, audit_pages
from archive.cdxj import Index
from archive.collection import create_collection
from crawler.addon import policy_of, recipes_of, worker_count
from crawler.frontier_repair import is_damaged, repair
from pipelines.retabulate import retabulate
from pipelines.run import Run
from pipelines.workers import Workers

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from crawler.scheduler import FrontierScheduler

logger = logging.getLogger("broadsheet")
T = TypeVar("T")

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EBUSY}  # the last: another program has locked a file
_AUDIT_SECONDS = 5.0
_LEDGER_SHARE = 20  # times as long as publishing the ledger took, it is not published again
_LOOK_AGAIN = 1.0  # seconds until a disk that was full is tried again


class NotArchivedError(Exception):
    """An exchange that could not be stored; no spider sees its response."""


def collection_path(crawler: Crawler) -> str | None:
    """The folder a crawl is recorded into: the spider's ``collection``, else ``BROADSHEET_COLLECTION``."""
    path: str | None = getattr(crawler.spider, "collection", None) or crawler.settings.get("BROADSHEET_COLLECTION")
    return path


class Archiving:
    """Owns the crawl's ``Run``: syncs it, publishes parts, pauses the crawl while the disk is full."""

    def __init__(self, crawler: Crawler) -> None:
        path = collection_path(crawler)
        if not path:
            raise NotConfigured
        self.crawler, settings = crawler, crawler.settings
        self._sync_seconds = settings.getfloat("BROADSHEET_SYNC_SECONDS")
        self._part_seconds = settings.getfloat("BROADSHEET_PART_SECONDS")
        self._ledger_seconds = settings.getfloat("BROADSHEET_LEDGER_SECONDS")
        collection = create_collection(Path(path))
        recipes = recipes_of(settings, collection)
        self.workers = Workers(worker_count(settings), settings.getfloat("BROADSHEET_PAGE_DEADLINE"))
        self.run = Run(
            collection,
            _warcinfo(crawler),
            settings.getint("BROADSHEET_WARC_MAX_BYTES"),
            recipes,
            max_seconds=settings.getfloat("BROADSHEET_WARC_MAX_SECONDS"),
            policy=policy_of(settings),
        )
        self.run.attach(crawler)
        self.frontier: FrontierScheduler | None = None
        self.frontier_failed = False
        self._tasks: list[asyncio.Task[None]] = []
        self._publishing: set[asyncio.Task[None]] = set()
        self._failed = False
        self._compacted = ""  # the day on which no part of the days before was left to merge
        self._held = 0  # writes that wait for room
        # a second Ctrl-C ends Scrapy without spider_closed; what is gathered is published all the same
        atexit.register(self._close_run)
        for item in self.run.recovered:
            kept = f"{item.path.name}, {item.kept:,} bytes kept" if item.path else "an empty file"
            logger.info("Recovered after a crash: %s, %s bytes of a torn record cut", kept, f"{item.lost:,}")

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Archiving:
        """Scrapy's constructor."""
        archiving = cls(crawler)
        crawler.signals.connect(archiving.spider_opened, signals.spider_opened)
        crawler.signals.connect(archiving.spider_closed, signals.spider_closed)
        return archiving

    async def spider_opened(self) -> None:
        """Tabulate what a crashed crawl left, then begin to look after the archive."""
        if self.frontier_failed:
            raise CloseSpider("frontier_failed")
        if count := await retabulate(self.run, self.workers):
            logger.info("Tabulated %d captures that a crashed crawl had left without rows", count)
        if self.frontier and is_damaged(self.run.collection):
            repair(self.frontier, self.run.collection)
        kept = [self._keep_synced(), self._keep_tabulated(), *([self._keep_ledger()] if self.frontier else [])]
        self._tasks = [asyncio.ensure_future(one) for one in kept]

    async def _keep_synced(self) -> None:
        while True:
            await asyncio.sleep(self._sync_seconds)
            with contextlib.suppress(NotArchivedError):
                await self._sync()

    async def _sync(self) -> None:
        """Make what is recorded durable, and only then take out of the queue what it was recorded for."""
        if self.frontier is None:
            await self.insist(asyncio.to_thread, self.run.recorder.sync)
            return
        done = self.frontier.take()
        try:
            await self.insist(asyncio.to_thread, self.run.recorder.sync)
        except BaseException:  # also if the crawl closes meanwhile
            self.frontier.give_back(done)
            raise
        self.frontier.settle(done)
        await self.insist(self.frontier.flush)
        await self.insist(self.frontier.obey)
        await self.insist(asyncio.to_thread, self.frontier.frontier.checkpoint)

    async def _keep_tabulated(self) -> None:
        waited = 0.0
        while True:
            await asyncio.sleep(self._sync_seconds)
            waited += self._sync_seconds
            if self.run.tabulator.part_is_due or waited >= self._part_seconds:
                waited = 0.0
                await self._to_its_end(self._publish())
            with contextlib.suppress(NotArchivedError):
                await self.insist(self.run.recorder.writer.rotate_if_old)

    async def _keep_ledger(self) -> None:
        took = 0.0
        while self.frontier:
            await asyncio.sleep(max(self._ledger_seconds, _LEDGER_SHARE * took))
            began = time.monotonic()
            with contextlib.suppress(NotArchivedError):
                await self._to_its_end(self.frontier.publish_ledger())
            took = time.monotonic() - began

    async def _to_its_end(self, publishing: Coroutine[Any, Any, None]) -> None:
        """A part that is being written is finished, or its rows given back, also if the crawl closes meanwhile."""
        task = asyncio.ensure_future(publishing)
        self._publishing.add(task)
        task.add_done_callback(self._publishing.discard)
        await asyncio.shield(task)

    async def _publish(self) -> None:
        batch = self.run.tabulator.take()
        with contextlib.suppress(NotArchivedError):
            await self.insist(asyncio.to_thread, self.run.tabulator.publish, batch)
        self.run.tabulator.give_back(batch)
        if not len(batch) and self._compacted != (today := f"{datetime.now(UTC):%Y-%m-%d}"):
            less = 0
            with contextlib.suppress(OSError):  # no room, say: the next day will do
                less = await asyncio.to_thread(self.run.compact)
            self._compacted = self._compacted if less else today
        if finished := self.run.finished_files():
            with contextlib.suppress(NotArchivedError):
                await self.insist(asyncio.to_thread, self.run.settle_files, finished)

    async def insist(self, write: Callable[..., Any], *arguments: object) -> Any:
        """What ``write`` returns (or awaits), called again until the disk has room: the crawl is paused that long, and what was
        fetched waits in memory.

        Raises NotArchivedError if there is no use in waiting: the crawl is to end, or the disk fails in another way.
        """
        held = False
        try:
            while True:
                try:
                    result = write(*arguments)
                    result = await result if inspect.isawaitable(result) else result
                    if held and self._held == 1:
                        logger.info("Going on: the archive can be written again")
                    return result
                except OSError as refusal:
                    self._give_up_if_useless(refusal)
                    if not held:
                        self._hold(refusal)
                        held = True
                await asyncio.sleep(_LOOK_AGAIN)
        finally:
            if held:
                self._release()

    def try_to(self, write: Callable[..., T], *arguments: Any) -> T | None:
        """What ``write`` returns at once; None if the disk refuses, which the next regular sync meets too."""
        try:
            return write(*arguments)
        except OSError as refusal:
            with contextlib.suppress(NotArchivedError):
                self._give_up_if_useless(refusal)
            return None

    def _give_up_if_useless(self, refusal: OSError) -> None:
        if refusal.errno not in _NO_ROOM and not self._failed:
            self._failed = True
            logger.error(
                "Stopping: the archive cannot be written (%s); mend it, then run the same command again", refusal.strerror
            )
            asyncio.ensure_future(self.crawler.engine.close_spider_async(reason="archive_failed"))  # noqa: RUF006
        if self._failed or not self.crawler.crawling:
            raise NotArchivedError(f"the archive cannot be written ({refusal.strerror})") from refusal

    def _hold(self, refusal: OSError) -> None:
        self._held += 1
        if self._held == 1:
            self.crawler.engine.pause()
            logger.warning(
                "Paused: the archive cannot be written (%s). Make room for %s and the crawl goes on by itself; Ctrl-C ends it",
                refusal.strerror,
                self.run.collection.path,
            )

    def _release(self) -> None:
        self._held -= 1
        if self._held == 0:
            self.crawler.engine.unpause()

    async def spider_closed(self) -> None:
        """Publish all rows, finish the WARC file, end the workers."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*self._publishing, return_exceptions=True)
        await asyncio.to_thread(self._close_run)
        self.tell_pages()
        sample = await asyncio.to_thread(self._audit)
        stats = self.crawler.stats
        for name, count in self.run.recorder.counts.items():
            stats.set_value(f"broadsheet/warc/{name}", count)
        stats.set_value("broadsheet/warc/bytes", self.run.recorder.writer.bytes_written)
        stats.set_value("broadsheet/warc/files", len(self.run.recorder.writer.names))
        stats.set_value("broadsheet/warc/seconds", round(self.run.recorder.seconds, 6))

        if sample.pages:
            stats.set_value("broadsheet/replay/pages", len(sample.pages))
            stats.set_value("broadsheet/replay/coverage", round(sample.coverage or 0.0, 1))

    def tell_pages(self) -> None:
        """Put into the stats what became of the pages that were read."""
        for state, count in self.run.counts.items():
            self.crawler.stats.set_value(f"broadsheet/pages/{state}", count)

    def _audit(self) -> Audit:
        """How some of this crawl's pages would replay."""
        found, collection = Audit(), self.run.collection
        # there is no index if the disk refused; whatever is wrong with it, the crawl is to close
        with contextlib.suppress(OSError, ValueError), Index(collection.index) as index:
            rows = article_rows(collection, self.crawler.settings.getint("BROADSHEET_AUDIT_SAMPLE"), self.run.crawl_id)
            audit_pages(collection, index, rows, found, seconds=_AUDIT_SECONDS)
        return found

    def _close_run(self) -> None:
        atexit.unregister(self._close_run)
        try:
            self.run.close()
            if self.frontier:
                self.frontier.finish()
        except OSError as error:
            logger.error(
                "The last rows could not be written (%s). The WARC files have their records: make room, and the next crawl"
                " into %s tabulates them.",
                error.strerror,
                self.run.collection.path,
            )
        self.workers.close()


def _warcinfo(crawler: Crawler) -> list[tuple[str, str]]:
    """Who crawls, with what and by which rules (WARC 1.1, 6.2); secrets are not among these settings."""
    settings = crawler.settings
    names = ("DOWNLOAD_DELAY", "CONCURRENT_REQUESTS_PER_DOMAIN", "DOWNLOAD_MAXSIZE", "DOWNLOAD_TIMEOUT", "RETRY_TIMES")
    fields = [
        ("software", f"Broadsheet/{version('broadsheet')} Scrapy/{version('scrapy')}"),
        ("operator", settings.get("BROADSHEET_OPERATOR") or settings.get("BROADSHEET_CONTACT")),
        ("description", f"purpose: {purpose}" if (purpose := settings.get("BROADSHEET_PURPOSE")) else None),
        ("http-header-from", settings.get("BROADSHEET_CONTACT")),
        ("http-header-user-agent", settings.get("USER_AGENT")),
        ("robots", "obey (RFC 9309)" if settings.getbool("ROBOTSTXT_OBEY") else "ignore"),
        ("isPartOf", Path(str(collection_path(crawler))).name),
        ("settings", ", ".join(f"{name}={settings.get(name)}" for name in names)),
    ]
    return [(name, value) for name, value in fields if value]
