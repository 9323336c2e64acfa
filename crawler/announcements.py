"""What is announced: each address once in the ledger, with all its sources, and whether it is to be fetched."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

from scrapy import Request

from archive.frontier import Frontier, Host
from archive.frontier_orders import DROPPED
from archive.ledger import Announced, Outcome
from archive.url import without_secrets
from crawler.outcomes import outcome
from pipelines.tabulate import Found

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

_SHOWN = 2_083  # characters of an address that is too long which the ledger keeps
_NOT_ANNOUNCED = frozenset({"requisite", "robots"})  # purposes of what nobody announced


class Announcements:
    """The seen-set and the ledger of a crawl, as requests speak of addresses.

    ``meta["left_out"]``, a state and a reason, announces an address that is not to be fetched; ``meta["dated"]`` is the date
    that its announcement gives it; ``meta["probe"]`` says that nobody announced it; ``meta["by_hand"]`` that a person did.
    """

    def __init__(self, frontier: Frontier, crawler: Crawler) -> None:
        self._frontier, self._crawler = frontier, crawler
        self._longest = crawler.settings.getint("URLLENGTH_LIMIT")  # 0: no limit, as in Scrapy

    def admit(self, request: Request, host: Host) -> int | None:
        """The address (0: one that the ledger has not) under which a request goes into the queue; None if it does not."""
        frontier, said = self._frontier, self._left_out(request, host)
        announced = request.meta.get("purpose") not in _NOT_ANNOUNCED and not request.meta.get("probe")
        key = self._key(request) if announced or not request.dont_filter else None
        address = frontier.address(key) if key is not None else 0
        if address:
            frontier.announce_again(address, self._source(request), _now(), _date(request))
        if key is not None and address is not None and not self._wanted_again(address, request, said):
            return None
        if key is not None and not address:
            address = self._announce(request, host) if announced else 0
            frontier.see(key, address)
        if said and address:
            frontier.settle(address, said)
        return None if said else address or 0

    def _wanted_again(self, address: int, request: Request, left_out: Outcome | None) -> bool:
        """Whether an address that was seen is to be fetched all the same."""
        if left_out or request.dont_filter:
            return not left_out
        state = self._frontier.state(address) if address else None
        if request.meta.get("by_hand"):
            return state not in ("queued", "memory")
        # what another site named, or a range left out, may still be announced by somebody who is to be heard
        dropped = state == "excluded" and self._frontier.reason(address) == DROPPED
        return (state == "excluded" and not dropped) or (state == "out_of_range" and found_of(request).via is None)

    def lead(self, request: Request, host: Host, address: int) -> Outcome | None:
        """Why a retry of an address, or a redirect from it, is not to be followed; None if it is."""
        if not request.dont_filter:
            key = self._key(request)
            if (other := self._frontier.address(key)) is not None and other != address:
                return outcome("duplicate", f"leads to {request.url}")
            self._frontier.see(key, address)
        return self._left_out(request, host)

    def know(self, request: Request, host: Host, said: Outcome) -> bool:
        """Take in an address that was settled before; False if it is known already."""
        key = self._key(request)
        if self._frontier.address(key) is not None:
            return False
        address = self._announce(request, host)
        self._frontier.see(key, address)
        self._frontier.settle(address, said)
        return True

    def _left_out(self, request: Request, host: Host) -> Outcome | None:
        if self._is_too_long(request):
            return outcome("excluded", f"an address of {len(request.url):,} characters")
        if host.banned:
            return outcome("excluded", "its host was banned by hand")
        said: tuple[str, str] | None = request.meta.get("left_out")
        return outcome(*said) if said else None

    def _is_too_long(self, request: Request) -> bool:
        return 0 < self._longest < len(request.url)

    def _announce(self, request: Request, host: Host) -> int:
        url = without_secrets(request.url[:_SHOWN] if self._is_too_long(request) else request.url)
        now, purpose = _now(), request.meta.get("purpose")
        return self._frontier.announce(Announced(host.number, url, purpose, self._source(request), now, now, _date(request)))

    def _source(self, request: Request) -> str:
        found = found_of(request)
        return self._frontier.source_token(found.source, found.via and without_secrets(found.via))

    def _key(self, request: Request) -> int:
        fingerprinter = self._crawler.request_fingerprinter
        assert fingerprinter is not None
        return int.from_bytes(fingerprinter.fingerprint(request)[:8])


def found_of(request: Request) -> Found:
    """How an address was found, as far as the request says."""
    if isinstance(found := request.cb_kwargs.get("found"), Found):
        return found
    referer = request.headers.get("Referer")
    return Found("spider", request.meta.get("via") or (referer.decode("latin-1") if referer else None), request.url)


def _now() -> int:
    return time.time_ns() // 1000


def _date(request: Request) -> int | None:
    dated: datetime | None = request.meta.get("dated")
    return int(dated.timestamp() * 1e6) if dated else None
