"""Visits to what is watched: sent when they are due, and what each brought is counted, so that the next one can be planned."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scrapy import Request
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
)

from archive.url import without_secrets
from crawler.conditional import NotModifiedError
from crawler.pace import HostLeftError
from crawler.request_text import NotPlainError, request_of_text, request_text
from crawler.robots import RobotsUnreachableError
from crawler.schedule import Schedule, Visit
from crawler.watch_report import Report
from pipelines.run import Run

if TYPE_CHECKING:
    from scrapy import Spider
    from scrapy.core.engine import ExecutionEngine

logger = logging.getLogger("broadsheet")

WATCHED = frozenset({"front_page", "section", "feed", "sitemap"})
_MOST = 1_000  # visits under way: beyond, what is due waits in the schedule
_LOST = 6 * 3_600.0  # seconds after which a visit of which nothing was heard is made again
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


class Visits:
    """The visits under way, by their addresses in the schedule.

    ``meta["watched"]`` of a request is the address that it is a visit to; ``meta["announced_by"]`` the visit that a page was
    found at and ``meta["seed"]`` the seed of that; ``meta["is_new"]`` that the archive does not have it.
    """

    def __init__(self, schedule: Schedule, spider: Spider, run: Run, report: Report) -> None:
        self._schedule, self._spider, self._run, self._report = schedule, spider, run, report
        self._under_way: dict[str, Visiting] = {}
        self._rests: dict[str, float] = {}  # until when a seed is not visited, so that its pages come to their turn, too

    def send(self, engine: ExecutionEngine, now: float) -> None:
        """Give the engine the visits that are due at ``now`` (seconds since 1970)."""
        if len(self._under_way) > _MOST // 2:
            return  # looking for more is not free if much is due
        began = time.monotonic()
        for visit in self._schedule.due(now, _MOST):
            if visit.url in self._under_way or len(self._under_way) >= _MOST or self._rests.get(visit.seed, 0.0) > began:
                continue
            if request := self._request(visit):
                self._under_way[visit.url] = Visiting(visit.purpose, visit.seed, began)
                self._report.visits += 1
                engine.crawl(request)

    def _end(self, url: str) -> Visiting | None:
        """A visit is over. Its seed rests for as long as that took: visits go before pages, and would keep a slow host busy."""
        if visit := self._under_way.pop(url, None):
            now = time.monotonic()
            self._rests[visit.seed] = max(self._rests.get(visit.seed, 0.0), 2 * now - visit.since)
        return visit

    def _request(self, visit: Visit) -> Request | None:
        try:
            request = request_of_text(visit.request, self._spider).replace(dont_filter=True)
        except ValueError:  # of another version of the spider: it is found again
            self._schedule.drop(visit.url)
            return None
        request.meta.pop("retry_times", None)
        request.meta.update(watched=visit.url, was_read=visit.read_by == self._run.crawl_id)
        return request

    def text(self, request: Request) -> tuple[str, str, str] | None:
        """Address, purpose and request as the schedule keeps them; None if it holds what must not be written down."""
        try:
            return request.url, request.meta["purpose"], request_text(request, self._spider)
        except NotPlainError as error:
            logger.warning("Not watched: %s: %s", without_secrets(request.url), error)
            return None

    async def found(self, url: str, result: AsyncIterator[Any]) -> AsyncIterator[Any]:
        """Take into the schedule what is to be watched of what a visit to ``url`` finds, and know when it has found all."""
        visit = self._under_way.get(url)
        try:
            async for one in result:
                if visit and is_watched(one):
                    if self._admit(one, visit.seed, time.time()):
                        continue
                elif visit and isinstance(one, Request):
                    one.meta.update(announced_by=url, seed=visit.seed)
                yield one
        except Exception as error:
            if visit:
                self._visit_failed(url, visit, error)
            raise
        if visit:
            visit.read = True

    def _admit(self, request: Request, seed: str, due: float) -> bool:
        text = self.text(request)
        return text is not None and self._schedule.admit(*text, seed, due)

    def settle(self) -> None:
        """Plan the next visit to what was read; a moment later than that was done, so that all that it named was counted."""
        oldest = time.monotonic() - _LOST
        for url in [url for url, visit in self._under_way.items() if visit.read or visit.since < oldest]:
            visit = self._end(url)
            if visit and visit.read and visit.purpose not in WATCHED:
                self._schedule.drop(url)
            elif visit and visit.read:
                self._report.entries += visit.new
                self._schedule.visited(url, time.time(), visit.new, self._run.crawl_id)

    def failed(self, request: Request, error: BaseException | None) -> None:
        """Nothing came of a request; or word that nothing has changed."""
        url = request.meta.get("watched")
        visit = self._under_way.get(url or "")
        if visit and isinstance(error, NotModifiedError):
            self._report.unchanged += 1
            visit.read = True
        elif visit:
            self._visit_failed(str(url), visit, error)
        elif (seed := request.meta.get("seed")) and _may_pass(error):
            # the next time that it is announced, it will have been seen
            self._admit(request, seed, time.time() + self._schedule.bounds.first)

    def _visit_failed(self, url: str, visit: Visiting, error: BaseException | None) -> None:
        self._end(url)
        if visit.purpose not in WATCHED and not _may_pass(error):
            self._schedule.drop(url)
            return
        self._schedule.failed(url, time.time(), gone=_status(error) in (404, 410), left=isinstance(error, HostLeftError))

    def scheduled(self, request: Request) -> None:
        """Count a page that a visit found, unless it is here."""
        visit = self._under_way.get(request.meta.get("announced_by") or "")
        if visit and not request.meta.get("left_out") and not self._run.originals.get(without_secrets(request.url)):
            request.meta["is_new"] = True
            visit.new += 1

    def dropped(self, request: Request) -> None:
        """Take back what turns out to be known; a visit itself is made anew when its time comes again."""
        visit = self._under_way.get(request.meta.get("announced_by") or "")
        if visit and request.meta.get("is_new"):
            visit.new -= 1
        self._under_way.pop(request.meta.get("watched") or "", None)


def is_watched(one: Any) -> bool:
    """Whether something that a spider yields asks for what is visited again and again."""
    if not isinstance(one, Request) or one.meta.get("purpose") not in WATCHED:
        return False
    # what is new stands on the first page of a list
    return not one.meta.get("left_out") and not one.meta.get("where", {}).get("turned")


def _status(error: BaseException | None) -> int:
    return int(getattr(getattr(error, "response", None), "status", 0))


def _may_pass(error: BaseException | None) -> bool:
    """Whether an address may well answer when it is asked again later."""
    return isinstance(error, _PASSING) or _status(error) >= 500 or _status(error) in (408, 425, 429)
