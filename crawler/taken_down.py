"""What was taken down is not fetched again: the request is refused before anything is asked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.exceptions import IgnoreRequest, NotConfigured

from pipelines.run import current

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler


class TakenDownError(IgnoreRequest):
    """The collection has a tombstone for this address; the message says since when and why."""


class TakenDown:
    """Downloader middleware, the first of all."""

    def __init__(self, crawler: Crawler) -> None:
        run = current(crawler)
        if run is None:
            raise NotConfigured
        self._crawler, self._tombstones = crawler, run.tombstones

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> TakenDown:
        """Scrapy's constructor."""
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        """Let the request pass, or raise TakenDownError."""
        if found := self._tombstones.of(request.url):
            self._crawler.stats.inc_value("broadsheet/taken_down")
            raise TakenDownError(found.words)
