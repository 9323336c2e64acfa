"""Extension that opens the collection for a crawl, keeps it safe while the crawl goes on, and closes it."""

from __future__ import annotations

import asyncio
import atexit
import logging
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from scrapy import signals
from scrapy.exceptions import NotConfigured

from archive.collection import create_collection
from crawler.addon import worker_count
from crawler.handler import archive_failed
from pipelines.retabulate import retabulate
from pipelines.run import Run
from pipelines.workers import Workers

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger("broadsheet")


def collection_path(crawler: Crawler) -> str | None:
    """The folder a crawl is recorded into: the spider's ``collection``, else ``BROADSHEET_COLLECTION``."""
    path: str | None = getattr(crawler.spider, "collection", None) or crawler.settings.get("BROADSHEET_COLLECTION")
    return path


class Archiving:
    """Owns the crawl's ``Run``: syncs it, publishes parts, stops the crawl when the disk refuses."""

    def __init__(self, crawler: Crawler) -> None:
        path = collection_path(crawler)
        if not path:
            raise NotConfigured
        self.crawler, settings = crawler, crawler.settings
        self._sync_seconds = settings.getfloat("BROADSHEET_SYNC_SECONDS")
        self._part_seconds = settings.getfloat("BROADSHEET_PART_SECONDS")
        self.workers = Workers(worker_count(settings), settings.getfloat("BROADSHEET_PAGE_DEADLINE"))
        self.run = Run(create_collection(Path(path)), _warcinfo(crawler), settings.getint("BROADSHEET_WARC_MAX_BYTES"))
        self.run.attach(crawler)
        self._tasks: list[asyncio.Task[None]] = []
        self._publishing: asyncio.Task[None] | None = None
        self._failed = False
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
        crawler.signals.connect(archiving.stop, archive_failed)
        return archiving

    async def spider_opened(self) -> None:
        """Tabulate what a crashed crawl left, then begin to look after the archive."""
        if count := await retabulate(self.run, self.workers):
            logger.info("Tabulated %d captures that a crashed crawl had left without rows", count)
        self._tasks = [asyncio.ensure_future(self._keep_synced()), asyncio.ensure_future(self._keep_tabulated())]

    async def _keep_synced(self) -> None:
        while True:
            await asyncio.sleep(self._sync_seconds)
            await self._off_loop(self.run.recorder.sync)

    async def _keep_tabulated(self) -> None:
        waited = 0.0
        while True:
            await asyncio.sleep(self._sync_seconds)
            waited += self._sync_seconds
            if self.run.tabulator.part_is_due or waited >= self._part_seconds:
                waited = 0.0
                # a part that is being written is finished, or its rows given back, also if the crawl closes meanwhile
                self._publishing = asyncio.ensure_future(self._publish())
                await asyncio.shield(self._publishing)

    async def _publish(self) -> None:
        batch = self.run.tabulator.take()
        await self._off_loop(self.run.tabulator.publish, batch)
        self.run.tabulator.give_back(batch)

    async def _off_loop(self, function: object, *arguments: object) -> None:
        try:
            await asyncio.to_thread(function, *arguments)  # type: ignore[arg-type]
        except OSError as error:
            self.stop(f"the archive cannot be written ({error.strerror}); make room, then run the same command again")

    def stop(self, reason: str) -> None:
        """End the crawl, since nothing more can be kept."""
        if not self._failed:
            self._failed = True
            logger.error("Stopping: %s", reason)
            asyncio.ensure_future(self.crawler.engine.close_spider_async(reason="archive_failed"))  # noqa: RUF006

    async def spider_closed(self) -> None:
        """Publish all rows, finish the WARC file, end the workers."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._publishing:
            await self._publishing
        await asyncio.to_thread(self._close_run)
        stats = self.crawler.stats
        for name, count in self.run.recorder.counts.items():
            stats.set_value(f"broadsheet/warc/{name}", count)
        stats.set_value("broadsheet/warc/bytes", self.run.recorder.writer.bytes_written)
        stats.set_value("broadsheet/warc/files", len(self.run.recorder.writer.names))
        stats.set_value("broadsheet/warc/seconds", round(self.run.recorder.seconds, 6))

    def _close_run(self) -> None:
        atexit.unregister(self._close_run)
        try:
            self.run.close()
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
        ("http-header-from", settings.get("BROADSHEET_CONTACT")),
        ("http-header-user-agent", settings.get("USER_AGENT")),
        ("robots", "obey (RFC 9309)" if settings.getbool("ROBOTSTXT_OBEY") else "ignore"),
        ("isPartOf", Path(str(collection_path(crawler))).name),
        ("settings", ", ".join(f"{name}={settings.get(name)}" for name in names)),
    ]
    return [(name, value) for name, value in fields if value]
