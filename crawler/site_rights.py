"""Before a page is fetched: what the files of its site say of its use, robots.txt and ``/.well-known/tdmrep.json``.

The second is asked for once a day and authority, when the first page of it is wanted: recorded, paced and subject to robots.txt
like everything else. What cannot be had says nothing (TDMRep, 4.2).
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scrapy import Request
from scrapy.exceptions import IgnoreRequest
from scrapy.http.request import NO_CALLBACK

from archive import tdmrep
from archive.rights import reserved
from archive.robots_copies import Copy
from archive.url import authority
from crawler.addon import policy_of
from crawler.robots import RobotsTxt, copies_of
from pipelines.site_rights import rights_of

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.http import Response

_FIRST = 999  # priority: right behind robots.txt
_TIMEOUT = 20.0  # seconds: pages wait for it
_AGAIN = 3_600.0  # seconds until a file that could not be had is asked for again
_READ = ("page", "section")  # purposes of what may become an article


class RightsReservedError(IgnoreRequest):
    """The strict policy does not fetch this address: the files of its site reserve it."""


@dataclass(slots=True)
class Known:
    """What an authority's tdmrep.json says, until an instant (monotonic seconds), and the record it was read from."""

    until: float
    rules: list[tdmrep.Rule]
    record_id: str | None


class SiteRights:
    """Downloader middleware behind ``crawler.robots.RobotsTxt``. A page's request then has ``meta["site_rights"]``; by the
    strict policy, one that is reserved is not made."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._policy = policy_of(crawler.settings)
        self._ttl = min(crawler.settings.getfloat("BROADSHEET_ROBOTS_TTL"), 86_400.0)
        self._known: dict[str, asyncio.Future[Known]] = {}
        self._copies = copies_of(crawler)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> SiteRights:
        """Scrapy's constructor."""
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        """Find out what is said of a page, or raise RightsReservedError."""
        if request.meta.get("purpose") not in _READ:
            return
        robots = self._crawler.get_downloader_middleware(RobotsTxt)
        known = await self._reservations(request)
        rights = rights_of(request.url, robots.group(request.url) if robots else None, (known.rules, known.record_id))
        request.meta["site_rights"] = rights
        if self._policy == "strict" and (why := reserved(rights.restrictions())):
            self._crawler.stats.inc_value("broadsheet/rights/not_fetched")
            raise RightsReservedError(f"{why}: left alone by BROADSHEET_RIGHTS=strict")

    async def _reservations(self, request: Request) -> Known:
        """What holds for a request's authority; found out by the first that asks, while others wait."""
        key = authority(request.url) + tdmrep.PATH
        known = self._known.get(key)
        if known and (not known.done() or known.result().until > time.monotonic()):
            return await asyncio.shield(known)
        future = self._known[key] = asyncio.get_running_loop().create_future()
        found = Known(0.0, [], None)
        try:
            found = await self._find(key, request)
        finally:
            future.set_result(found)
        return found

    async def _find(self, key: str, request: Request) -> Known:
        copy, now = self._copies.get(key), time.monotonic()
        if copy and (left := copy.fetched + self._ttl - time.time()) > 0:
            return Known(now + left, tdmrep.rules_of(copy.body), copy.record_id)
        found = await self._fetch(key, request)
        if found is None:
            return Known(now + _AGAIN, [], None)
        self._copies.put(key, found)
        return Known(now + self._ttl, tdmrep.rules_of(found.body), found.record_id)

    async def _fetch(self, url: str, request: Request) -> Copy | None:
        """The file, empty if there is none; None if it could not be had."""
        robots = self._crawler.get_downloader_middleware(RobotsTxt)
        if robots and not robots.allows(url):
            return None
        # robots.txt was asked a moment ago, for the page
        meta = {"purpose": "tdmrep", "via": request.url, "download_timeout": _TIMEOUT, "max_retry_times": 1}
        meta["dont_obey_robotstxt"] = True
        if proxy := request.meta.get("proxy"):
            meta["proxy"] = proxy
        asked = Request(url, callback=NO_CALLBACK, priority=_FIRST, meta=meta, dont_filter=True)
        try:
            response: Response = await self._crawler.engine.download_async(asked)
        except Exception:  # whatever kept it from us, it says nothing
            return None
        if response.status >= 500 or response.status == 429:
            return None
        capture = response.meta.get("capture")
        body = response.body[: tdmrep.MOST] if response.status == 200 else b""
        return Copy(body, time.time(), capture.record_id if capture else None)
