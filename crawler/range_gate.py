"""What may lie in the range of a crawl, but by what was learned meanwhile hardly does, is not asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scrapy.exceptions import IgnoreRequest

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler


class OutOfRangeError(IgnoreRequest):
    """An address that is left out; the message says why."""


class RangeGate:
    """Downloader middleware; asks the spider's scout about requests with ``meta["doubt"]`` when their turn has come."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> RangeGate:
        """Scrapy's constructor."""
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        """Let the request pass, or raise OutOfRangeError."""
        doubt = request.meta.get("doubt")
        scout = getattr(self._crawler.spider, "scout", None)
        if doubt is not None and scout and (why := scout.doubts.settled(request.meta["where"]["site"], doubt)):
            raise OutOfRangeError(why)
