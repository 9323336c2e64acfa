"""What a person at a terminal sees while the crawl goes on: one line, kept apart from the log. Quiet anywhere else."""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.text import Text
from scrapy import signals
from scrapy.exceptions import NotConfigured

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


class Progress:
    """A line on standard error: pages, articles, rate, queue, errors. ``BROADSHEET_PROGRESS`` forces it on or off."""

    def __init__(self, crawler: Crawler) -> None:
        wanted = crawler.settings.get("BROADSHEET_PROGRESS")
        if not (sys.stderr.isatty() if wanted is None else crawler.settings.getbool("BROADSHEET_PROGRESS")):
            raise NotConfigured
        self._crawler = crawler
        self._began = time.monotonic()
        self._live = Live(console=Console(stderr=True), get_renderable=self.line, refresh_per_second=4, transient=True)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Progress:
        """Scrapy's constructor."""
        progress = cls(crawler)
        crawler.signals.connect(progress.spider_opened, signals.spider_opened)
        crawler.signals.connect(progress.spider_closed, signals.spider_closed)
        return progress

    def spider_opened(self) -> None:
        """Show the line; log lines scroll above it from now on."""
        plain = sys.stderr
        self._live.start()
        _move_log(plain, sys.stderr)

    def spider_closed(self) -> None:
        """Take the line away."""
        above = sys.stderr
        self._live.stop()
        _move_log(above, sys.stderr)

    def line(self) -> Text:
        """The line as it is now."""
        stats = self._crawler.stats
        seconds = time.monotonic() - self._began
        pages = stats.get_value("response_received_count", 0)
        articles = stats.get_value("item_scraped_count", 0)
        errors = sum(value for name, value in stats.get_stats().items() if name.startswith("broadsheet/errors/"))
        queue = stats.get_value("scheduler/enqueued", 0) - stats.get_value("scheduler/dequeued", 0)
        counts = (
            f"{pages:,} pages · {articles:,} articles · {pages / seconds:.1f} pages/s · {queue:,} queued · {errors:,} errors"
        )
        return Text(f"{time.strftime('%H:%M:%S', time.gmtime(seconds))}  {counts}", overflow="ellipsis", no_wrap=True)


def _move_log(from_stream: object, to_stream: object) -> None:
    for handler in logging.root.handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is from_stream:
            handler.setStream(to_stream)
