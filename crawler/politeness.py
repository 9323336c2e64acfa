"""Crawl-delay: Scrapy reads it from robots.txt and does nothing with it; here the host's slot obeys."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from scrapy import Request, signals
from scrapy.exceptions import NotConfigured

from crawler.discovery.sitemaps import robots_sitemaps

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

logger = logging.getLogger("broadsheet")


class CrawlDelay:
    """Makes a host's delay the larger of DOWNLOAD_DELAY and its crawl-delay, at most BROADSHEET_CRAWL_DELAY_MAX seconds.

    ``sitemaps`` has what each host's robots.txt announced, ``read`` the hosts (with port) whose robots.txt was read.
    """

    def __init__(self, crawler: Crawler) -> None:
        if not crawler.settings.getbool("ROBOTSTXT_OBEY"):
            raise NotConfigured
        self._crawler = crawler
        self._most = crawler.settings.getfloat("BROADSHEET_CRAWL_DELAY_MAX")
        self._least = crawler.settings.getfloat("DOWNLOAD_DELAY")
        self.sitemaps: dict[str, list[str]] = {}
        self.read: set[str] = set()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> CrawlDelay:
        """Scrapy's constructor."""
        extension = cls(crawler)
        crawler.signals.connect(extension.robots_parsed, signals.robots_parsed)
        return extension

    def robots_parsed(self, robotparser: Any, request: Request) -> None:
        """Take what a robots.txt says of pace and of sitemaps."""
        parser = getattr(robotparser, "rp", None)
        if parser is None:
            return
        host = urlsplit(request.url).netloc
        self.read.add(host)
        self.sitemaps[host] = robots_sitemaps(parser.sitemaps, urljoin(request.url, "/robots.txt"))
        wanted = parser.crawl_delay(self._crawler.settings["USER_AGENT"])
        if wanted and float(wanted) > self._least:
            self._slow_down(request, min(float(wanted), self._most))

    def _slow_down(self, request: Request, delay: float) -> None:
        downloader = self._crawler.engine.downloader
        key = downloader.get_slot_key(request)
        # for the slot at hand, and for the one made anew after Scrapy has put an idle slot away
        downloader.per_slot_settings[key] = {**downloader.per_slot_settings.get(key, {}), "delay": delay}
        if key in downloader.slots:
            downloader.slots[key].delay = delay
        logger.info("%s asks for %g s between requests", key, delay)
