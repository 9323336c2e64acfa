"""robots.txt as RFC 9309 has it: 2xx is read, 4xx allows, 5xx and no answer forbid. In place of Scrapy's own middleware, which
takes a broken server for a permission and prints a traceback for an unreachable one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scrapy import Request, signals
from scrapy.exceptions import IgnoreRequest, NotConfigured
from scrapy.http.request import NO_CALLBACK
from scrapy.utils.misc import build_from_crawler, load_object

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.robotstxt import RobotParser

_MOST = 500 * 1024  # bytes that are read, RFC 9309, 2.5
_FIRST = 1000  # priority: before anything else of the host


class RobotsUnreachableError(IgnoreRequest):
    """No robots.txt could be had, so nothing of this host is fetched (RFC 9309, 2.3.1.4); the message says why."""


class RobotsForbiddenError(IgnoreRequest):
    """robots.txt forbids this address."""


class RobotsTxt:
    """Downloader middleware; obeys ``ROBOTSTXT_OBEY``, ``ROBOTSTXT_PARSER`` and ``ROBOTSTXT_USER_AGENT`` as Scrapy's does."""

    def __init__(self, crawler: Crawler) -> None:
        if not crawler.settings.getbool("ROBOTSTXT_OBEY"):
            raise NotConfigured
        self._crawler = crawler
        self._agent = crawler.settings["ROBOTSTXT_USER_AGENT"] or crawler.settings["USER_AGENT"]
        self._parser_class = load_object(crawler.settings["ROBOTSTXT_PARSER"])
        self._rules: dict[str, asyncio.Future[RobotParser | str]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> RobotsTxt:
        """Scrapy's constructor."""
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        """Let the request pass, or raise RobotsForbiddenError or RobotsUnreachableError."""
        if request.meta.get("dont_obey_robotstxt"):
            return
        rules = await self._of_host(request)
        if isinstance(rules, str):
            self._crawler.stats.inc_value("robotstxt/unreachable")
            raise RobotsUnreachableError(rules)
        if not rules.allowed(request.url, self._agent):
            self._crawler.stats.inc_value("robotstxt/forbidden")
            raise RobotsForbiddenError("Forbidden by robots.txt")

    async def _of_host(self, request: Request) -> RobotParser | str:
        """The rules of a request's host, fetched once; or why there are none."""
        parts = urlsplit(request.url)
        host = f"{parts.scheme}://{parts.netloc}"
        if host not in self._rules:
            self._rules[host] = asyncio.get_running_loop().create_future()
            self._rules[host].set_result(await self._fetch(f"{host}/robots.txt", request))
        return await self._rules[host]

    async def _fetch(self, url: str, request: Request) -> RobotParser | str:
        meta = {"dont_obey_robotstxt": True, "purpose": "robots"}
        if proxy := request.meta.get("proxy"):
            meta["proxy"] = proxy
        stats = self._crawler.stats
        stats.inc_value("robotstxt/request_count")
        try:
            response = await self._crawler.engine.download_async(
                Request(url, callback=NO_CALLBACK, priority=_FIRST, meta=meta, dont_filter=True)
            )
            stats.inc_value(f"robotstxt/response_status_count/{response.status}")
            if response.status >= 500:
                return f"robots.txt not reached: {url} answered {response.status}"
            return await self._parse(response, request)
        except Exception as error:  # whatever kept it from us, RFC 9309 has one answer
            return f"robots.txt not reached: {type(error).__name__}: {error}"

    async def _parse(self, response: Response, request: Request) -> RobotParser:
        body = response.body[:_MOST] if 200 <= response.status < 300 else b""
        parser: RobotParser = build_from_crawler(self._parser_class, self._crawler, body)
        await self._crawler.signals.send_catch_log_async(signals.robots_parsed, robotparser=parser, request=request)
        return parser
