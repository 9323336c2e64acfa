"""Scrapy's scheduler over the frontier of a collection: nothing announced is forgotten, and each address has one outcome.

A request leaves the file only when its record is durable: ``Archiving`` calls ``take`` before it makes records durable, and
``settle`` and ``flush`` after. Whatever was under way when a process died is fetched again by the next run.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.core.scheduler import BaseScheduler, Scheduler
from scrapy.utils.asyncio import call_later
from twisted.python.failure import Failure

from archive.capture import Capture
from archive.frontier import Frontier, Host, Waiting
from archive.frontier_file import FrontierDamagedError, FrontierError
from archive.frontier_orders import collect, done, forget_given, given, obey
from archive.ledger import Outcome
from archive.ledger_table import Sum, publish, publish_part, sums
from crawler.announcements import Announcements
from crawler.archiving import Archiving, collection_path
from crawler.outcomes import outcome, outcome_of
from crawler.pace import CrawlEndedError, Pace
from crawler.request_text import NotPlainError, request_of_text, request_text
from crawler.turns import Turns
from pipelines.tabulate import Found

if TYPE_CHECKING:
    from scrapy import Spider
    from scrapy.core.downloader import Downloader
    from scrapy.crawler import Crawler

logger = logging.getLogger("broadsheet")

_PRIORITIES = 1 << 20
_OVER = frozenset({"finished", "max_articles"})  # reasons for which a crawl ends that leave nothing to go on with


@dataclass(slots=True, eq=False)
class Handed:
    """A request that is under way: where it comes from, and what the downloader raised."""

    host: Host
    waiting: Waiting
    error: BaseException | None = None


class Settled(NamedTuple):
    """Something that is done with."""

    handed: Handed
    outcome: Outcome


class FrontierScheduler(BaseScheduler):
    """Set as ``SCHEDULER`` by the add-on. Crawls that are not recorded get Scrapy's own."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler, self.stats = crawler, crawler.stats
        self._turns = Turns(Pace.of(crawler).not_before)
        self._handed: dict[Request, Handed] = {}
        self._going_on: dict[Request, Handed] = {}  # retries and redirects that the engine is to enqueue
        self._done: list[Settled] = []
        self._out: dict[Host, int] = {}  # requests in the downloader
        self._memory: dict[int, Request] = {}  # by serial number: those that cannot be written down
        self._stuck: list[Host] = []  # hosts whose next request could not be had from the file
        self._timer: Any = None
        self._due = 0.0
        self._reason = "interrupted"
        self._closed = False
        self.sums: list[Sum] = []

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> BaseScheduler:  # type: ignore[override]
        """Scrapy's constructor."""
        return cls(crawler) if collection_path(crawler) else Scheduler.from_crawler(crawler)

    def open(self, spider: Spider) -> None:
        """Go on with the unfinished crawl of the same command, or begin one; if the file cannot be used, ``Archiving`` ends the
        crawl."""
        archiving = self.crawler.get_extension(Archiving)
        assert archiving is not None  # there is a collection, so there is this
        self.spider, self.archiving = spider, archiving
        path = archiving.run.collection.frontier
        try:
            try:
                self.frontier = Frontier(path)
            except FrontierDamagedError:  # set aside by now, and made anew when all captures have rows
                self.frontier = Frontier(path)
            self.announcements = Announcements(self.frontier, self.crawler)
            self._begin(command_of(spider))
        except (FrontierError, OSError) as error:
            logger.error("Stopping: %s", getattr(error, "strerror", None) or error)
            archiving.frontier_failed = True
            return
        archiving.frontier = self

    def _begin(self, command: str) -> None:
        frontier = self.frontier
        for crawl in frontier.crawls():
            if crawl.command == command:
                frontier.open_crawl(crawl)
                if frontier.waiting:
                    logger.info("Going on with crawl %s: %d requests wait", crawl.crawl_id, frontier.waiting)
                    break
                publish(frontier, self.archiving.run.collection.ledger)  # it was done but for this
                frontier.end_crawl()
        else:
            frontier.begin_crawl(self.archiving.run.crawl_id, command, self.spider.name)
        for host in frontier.hosts.values():
            self._list(host)
        self.stats.inc_value("scheduler/enqueued", frontier.waiting)
        self._take_given()

    def _take_given(self) -> None:
        """Addresses that a person added go into the queue."""
        if not (urls := given(self.frontier)):
            return
        make = getattr(self.spider, "request_by_hand", Request)
        for url in urls:
            request: Request = make(url)
            request.meta["by_hand"] = True
            self._enqueue(request)
        self.frontier.flush()
        forget_given(self.frontier, urls)

    def obey(self) -> None:
        """Carry out what a person said meanwhile. Raises OSError if the disk refuses: then it is tried again."""
        if not (orders := collect(self.frontier.path)):
            return
        for order in orders:
            url = order.what if "://" in order.what else None
            host = self._slot_key(Request(url)) if url else order.what
            changed = obey(self.frontier, order, host, url)
            logger.info("By hand: %s %s (%d waiting)", order.verb, order.what, changed)
        self._take_given()
        done(self.frontier.path)

    def queue_again(self, url: str, purpose: str | None, found: Found) -> bool:
        """Put an address into the queue that the ledger has as queued; False if it is known already."""
        make = getattr(self.spider, "request_again", None)
        request = make(url, purpose, found) if make else Request(url, meta={"via": found.via})
        return self._enqueue(request)

    def know(self, url: str, found: Found, said: Outcome) -> bool:
        """Take in a page that was fetched before; False if it is known already."""
        request = Request(url, cb_kwargs={"found": found}, meta={"purpose": "page"})
        return self.announcements.know(request, self.frontier.host(self._slot_key(request)), said)

    def close(self, reason: str) -> None:
        """Note why the crawl ends; ``finish`` follows, when its records are durable."""
        self._reason, self._closed = reason, True
        if self._timer:
            self._timer.cancel()

    def has_pending_requests(self) -> bool:
        """Whether anything waits."""
        return self.frontier.waiting > 0

    def enqueue_request(self, request: Request) -> bool:
        """Put a request into the queue and its address into the ledger. False if it is not to be fetched (again)."""
        # Scrapy goes on with start() while it closes; the next run begins it again
        return not self._closed and bool(self.archiving.try_to(self._enqueue, request))

    def _enqueue(self, request: Request) -> bool:
        if before := self._going_on.pop(request, None):
            return self._go_on(request, before)
        host = self.frontier.host(self._slot_key(request))
        if (address := self.announcements.admit(request, host)) is None:
            self.stats.inc_value("dupefilter/filtered")
            return False
        self._push(request, host, address)
        return True

    def _push(self, request: Request, host: Host, address: int) -> None:
        try:
            text = request_text(request, self.spider)
        except NotPlainError as error:
            text = ""
            if not self.stats.get_value("scheduler/unserializable"):
                logger.warning("Requests like this are kept in memory alone: %s: %s", request, error)
            self.stats.inc_value("scheduler/unserializable")
        serial = self.frontier.push(host, self._rank(request), address, text)
        if not text:
            self._memory[serial] = request
        if address:
            self.frontier.settle(address, Outcome("queued" if text else "memory"))
        self.stats.inc_value("scheduler/enqueued")
        self._list(host)
        if self.frontier.is_due:
            self.archiving.try_to(self.frontier.flush)

    def _go_on(self, request: Request, before: Handed) -> bool:
        """A retry, or where a redirect leads: the same address in the ledger."""
        forget_slot_of_redirect(request)
        host, address = self.frontier.host(self._slot_key(request)), before.waiting.address
        if said := self.announcements.lead(request, host, address):
            self._done.append(Settled(before, said))
            self.stats.inc_value("dupefilter/filtered")
            return False
        self._push(request, host, address)
        self.frontier.remove(before.host, before.waiting)
        return True

    def next_request(self) -> Request | None:
        """The next request of the host whose turn it is, or None until one may be asked."""
        while host := self._turns.take():
            if request := self._next_of(host):
                return request
        self._come_back()
        return None

    def _next_of(self, host: Host) -> Request | None:
        one: Waiting | None = self.archiving.try_to(self.frontier.pop, host)
        if one is None:
            self._stuck.append(host)
            return None
        handed = Handed(host, one)
        self.stats.inc_value("scheduler/dequeued")
        try:
            request = self._memory.pop(one.serial, None) or request_of_text(one.request, self.spider)
        except ValueError as error:  # of another version of the spider, or held in memory by a run that died
            self._done.append(Settled(handed, outcome("failed", str(error))))
            self._list(host)
            return None
        self._handed[request] = handed
        self._out[host] = self._out.get(host, 0) + 1
        self._list(host)
        return request

    def _list(self, host: Host) -> None:
        if host.waiting and self._out.get(host, 0) < self._concurrency(host.name):
            self._turns.add(host)

    def _concurrency(self, slot_key: str) -> int:
        downloader: Downloader = self.crawler.engine.downloader
        own = downloader.per_slot_settings.get(slot_key, {})
        return int(own.get("concurrency", downloader.ip_concurrency or downloader.domain_concurrency))

    def _come_back(self) -> None:
        """Have the engine ask again when the next host's time comes: by itself it asks every five seconds."""
        if (wait := self._turns.wait()) is None:
            return
        due = time.monotonic() + wait
        if self._timer is None or due < self._due:
            if self._timer:
                self._timer.cancel()
            self._timer, self._due = call_later(wait, self._ask_again), due

    def _ask_again(self) -> None:
        self._timer = None
        if slot := self.crawler.engine._slot:
            slot.nextcall.schedule()

    def fetched(self, request: Request, result: object) -> None:
        """The downloader is done with a request: with a response, an error, or another request in its place."""
        if (handed := self._handed.get(request)) is None:
            return
        self._out[handed.host] -= 1
        if not self._out[handed.host]:
            del self._out[handed.host]
        self._list(handed.host)
        if isinstance(result, Request):
            self._going_on[result] = self._handed.pop(request)
        elif isinstance(result, Failure):
            if isinstance(result.value, CrawlEndedError):
                del self._handed[request]  # it is still in the file
            handed.error = result.value

    def has_handed(self, request: Request) -> bool:
        """Whether a request is one of the queue's, which it leaves when it is done."""
        return request in self._handed

    def take(self) -> list[Settled]:
        """What is done with by now; to be given to ``settle`` when the records made so far are durable."""
        slot = self.crawler.engine._slot if self.crawler.engine else None
        under_way = slot.inprogress if slot else ()
        for request in [request for request in self._handed if request not in under_way]:
            handed = self._handed.pop(request)
            self._done.append(Settled(handed, outcome_of(request, handed.error, row_waits=self._row_waits(request))))
        for handed in self._going_on.values():  # an extension dropped them
            self._done.append(Settled(handed, outcome("excluded", "dropped on its way")))
        self._going_on.clear()
        taken, self._done = self._done, []
        return taken

    def give_back(self, settled: list[Settled]) -> None:
        """What ``take`` gave could not be made durable: it is for the next time."""
        self._done[:0] = settled

    def _row_waits(self, request: Request) -> bool:
        capture: Capture | None = request.meta.get("capture")
        run = self.archiving.run
        return capture is not None and (run.tabulator.holds(capture) or run.gathering.holds(capture))

    def settle(self, settled: Iterable[Settled]) -> None:
        """Take these out of the queue and say in the ledger what became of them."""
        for handed, said in settled:
            self.frontier.remove(handed.host, handed.waiting)
            if handed.waiting.address:
                self.frontier.settle(handed.waiting.address, said)

    def flush(self) -> None:
        """Save all that was done. Raises OSError if the disk refuses: then it stays in memory."""
        self.frontier.flush()
        stuck, self._stuck = self._stuck, []
        for host in stuck:
            self._list(host)

    async def publish_ledger(self) -> None:
        """Write the parts of the ledger's table that changed, until the crawl closes: ``finish`` writes what is left then.

        Raises NotArchivedError.
        """
        frontier, table = self.frontier, self.archiving.run.collection.ledger
        for part in sorted(frontier.changed):
            if self._closed:
                return
            frontier.changed.discard(part)  # what changes from here on may not be in it
            try:
                await self.archiving.insist(asyncio.to_thread, publish_part, frontier.path, frontier.crawl, part, table)
            except BaseException:
                frontier.changed.add(part)
                raise

    def finish(self) -> None:
        """The crawl has ended and its records are durable: publish what is left of the ledger. Raises OSError."""
        self.settle(self.take())
        self.flush()
        over = self._reason in _OVER
        if over:
            self.frontier.leave_rest(outcome("excluded", f"the crawl ended before its turn: {self._reason}"))
        publish(self.frontier, self.archiving.run.collection.ledger)
        self.sums = sums(self.frontier)
        if over:
            self.frontier.end_crawl()
        self.frontier.close()

    def _rank(self, request: Request) -> int:
        """Higher priorities first; among equals the newest, and what is not dated counts as of the crawl's beginning."""
        dated: datetime | None = request.meta.get("dated")
        newest = min(dated.timestamp(), time.time()) if dated else self.frontier.crawl.began / 1e6
        priority = max(-_PRIORITIES, min(request.priority, _PRIORITIES))
        return -(priority << 36) - int(newest)

    def _slot_key(self, request: Request) -> str:
        return self.crawler.engine.downloader.get_slot_key(request)


def command_of(spider: Spider) -> str:
    """What makes two runs one crawl: the spider's name and what it was told to crawl."""
    given: Any = getattr(spider, "crawl_key", None)
    if given is None:
        said = {name: value for name, value in vars(spider).items() if isinstance(value, str) and name != "collection"}
        given = json.dumps(said, sort_keys=True)
    return f"{spider.name} {given}"


def forget_slot_of_redirect(request: Request) -> None:
    """Scrapy keeps a redirected request in the slot of the host that sent it on; its time is that of the host it goes to."""
    before = request.meta.get("redirect_urls")
    if before and request.meta.get("download_slot") == urlsplit(before[-1]).hostname:
        del request.meta["download_slot"]
