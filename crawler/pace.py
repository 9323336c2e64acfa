"""How often each host is asked: what its settings, its robots.txt, its own speed and its refusals allow.

Hosts are told apart by the key of their downloader slot, which is the host name. All instants are seconds of the event loop's
monotonic clock. Whoever sends requests (``crawler.downloader``) or hands them out (a scheduler) asks ``begin`` or
``not_before`` here first; what came of a request is told here.
"""

from __future__ import annotations

import logging
import random
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from statistics import median
from typing import TYPE_CHECKING, Any

from scrapy.exceptions import IgnoreRequest

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings

logger = logging.getLogger("broadsheet")

TOO_MANY = frozenset({429, 503})  # answers by which a host asks to be left in peace (RFC 6585, 4; RFC 9110, 15.6.4)
_REMEMBERED = 9  # answers whose median says how fast a host is
_GOOD_AGAIN = 10  # answers in a row without a refusal after which a host is trusted a little more
_SLOWEST = 16  # times the usual gap
_LONGEST = 86_400.0  # seconds for which a host is left alone at most


class HostLeftError(IgnoreRequest):
    """A host is left alone for now, and all that was to be asked of it is given up; the message says why and until when."""


class CrawlEndedError(HostLeftError):
    """The crawl ends before a host's turn came; what the frontier handed out stays in it for the next run."""

    def __init__(self, host: str) -> None:
        super().__init__(f"the crawl ended before {host} could be asked")


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings say; see ``docs/settings.md`` for each. Seconds but for ``latency_factor`` and the counts."""

    delay: float = 1.0
    address_delay: float = 0.25
    crawl_delay_max: float = 60.0
    latency_factor: float = 2.0
    latency_max: float = 30.0
    backoff: float = 10.0
    backoff_max: float = 600.0
    retry_after_max: float = 3_600.0
    refusals_max: int = 6
    dead_after: int = 3
    dead_seconds: float = 300.0

    @classmethod
    def from_settings(cls, settings: BaseSettings) -> Rules:
        """The rules of a crawl."""
        delay, address = settings.getfloat("DOWNLOAD_DELAY"), settings.get("BROADSHEET_ADDRESS_DELAY")
        return cls(
            delay=delay,
            address_delay=delay / 4 if address is None else float(address),
            crawl_delay_max=settings.getfloat("BROADSHEET_CRAWL_DELAY_MAX"),
            latency_factor=settings.getfloat("BROADSHEET_LATENCY_FACTOR"),
            latency_max=settings.getfloat("BROADSHEET_LATENCY_MAX"),
            backoff=settings.getfloat("BROADSHEET_BACKOFF"),
            backoff_max=settings.getfloat("BROADSHEET_BACKOFF_MAX"),
            retry_after_max=settings.getfloat("BROADSHEET_RETRY_AFTER_MAX"),
            refusals_max=settings.getint("BROADSHEET_REFUSALS_MAX"),
            dead_after=settings.getint("BROADSHEET_DEAD_AFTER"),
            dead_seconds=settings.getfloat("BROADSHEET_DEAD_SECONDS"),
        )


@dataclass(slots=True)
class Host:
    """What is known of one host. ``slowness`` multiplies its gap; ``refusals`` and ``failures`` count those in a row (after
    enough of them each further one leaves the host alone again), ``left`` how often it was left alone; ``left_until`` and
    ``why`` say for how long it is now."""

    delay: float
    crawl_delay: float = 0.0
    earliest: float = 0.0
    address: str | None = None
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    slowness: int = 1
    good: int = 0
    refusals: int = 0
    failures: int = 0
    left: int = 0
    left_until: float = 0.0
    why: str = ""


class Pace:
    """Keeps the time of every host of a crawl.

    The gap between two requests to a host counts from the beginning of an answer, or from the end of an attempt that none came
    to: so it holds at the server too, however long a request was on its way.
    """

    def __init__(
        self,
        rules: Rules,
        delays: Mapping[str, float] | None = None,
        clock: Callable[[], float] = time.monotonic,
        count: Callable[[str], object] = lambda name: None,
    ) -> None:
        """``delays`` are the delays (seconds) of hosts that have one of their own, ``count`` counts an event by its name."""
        self.rules, self._delays, self._clock, self._count = rules, delays or {}, clock, count
        self._hosts: dict[str, Host] = {}
        self._addresses: dict[str, float] = {}

    @classmethod
    def of(cls, crawler: Crawler) -> Pace:
        """The one pace of a crawl."""
        if (made := getattr(crawler, "_broadsheet_pace", None)) is None:
            settings, stats = crawler.settings, crawler.stats
            delays = {key: float(slot["delay"]) for key, slot in settings.getdict("DOWNLOAD_SLOTS").items() if "delay" in slot}
            made = cls(Rules.from_settings(settings), delays, count=lambda name: stats.inc_value(f"broadsheet/hosts/{name}"))
            crawler._broadsheet_pace = made  # type: ignore[attr-defined]
        return made

    def not_before(self, slot_key: str) -> float:
        """The instant before which nothing of a host may start. It may be past; so it is for a host that is left alone, whose
        requests are to be handed out, to be given up at once."""
        host = self._hosts.get(slot_key)
        if host is None or self.left(slot_key):
            return 0.0
        return max(host.earliest, self._addresses.get(host.address, 0.0) if host.address else 0.0)

    def begin(self, slot_key: str) -> float:
        """Seconds to wait; or 0.0, and then the host's time was taken, and the request is to be sent now."""
        now, host = self._clock(), self._host(slot_key)
        if (wait := self.not_before(slot_key) - now) > 0:
            return wait
        self._hold(host, self.gap(slot_key))
        return 0.0

    def gap(self, slot_key: str) -> float:
        """Seconds between a host's requests: the largest of setting, crawl-delay and what its latency says."""
        host, rules = self._host(slot_key), self.rules
        slow = min(rules.latency_factor * median(host.latencies), rules.latency_max) if host.latencies else 0.0
        return max(host.delay, host.crawl_delay, slow) * host.slowness

    def left(self, slot_key: str) -> str | None:
        """Why nothing is asked of a host at present, or None if it may be asked."""
        host = self._hosts.get(slot_key)
        if host is None or host.left_until <= (now := self._clock()):
            return None
        return f"{slot_key} is left alone for {host.left_until - now:.0f} s more: {host.why}"

    def has_address(self, slot_key: str, address: str) -> None:
        """Hosts on one address share its limit: requests to it are ``address_delay`` apart, whichever host they are for."""
        self._host(slot_key).address = address

    def asks_for(self, slot_key: str, seconds: float) -> None:
        """Take a host's crawl-delay; what is beyond the most that is obeyed is cut."""
        wanted = min(seconds, self.rules.crawl_delay_max)
        host = self._host(slot_key)
        if wanted > max(host.delay, host.crawl_delay):
            logger.info("%s asks for %g s between requests", slot_key, wanted)
        host.crawl_delay = wanted
        if host.earliest:  # it was asked already, for its robots.txt
            self._hold(host, self.gap(slot_key))

    def answered(self, slot_key: str, latency: float | None = None) -> None:
        """An answer began, ``latency`` seconds after it was asked for."""
        host = self._host(slot_key)
        if host.failures:
            host.failures = host.left = 0
        if latency is not None:
            host.latencies.append(latency)
        host.good += 1
        if host.good % _GOOD_AGAIN == 0:
            host.refusals, host.left, host.slowness = 0, 0, max(1, host.slowness // 2)
        self._hold(host, self.gap(slot_key))

    def refused(self, slot_key: str, why: str, retry_after: float | None = None) -> None:
        """A host asks to be left in peace, for ``retry_after`` seconds if it says so. Otherwise each refusal in a row doubles
        the time, with some chance in it, so that not all clients come back at once; after too many it is left alone."""
        host, rules = self._host(slot_key), self.rules
        self._count("refused")
        host.good, host.refusals = 0, host.refusals + 1
        host.slowness = min(2 * host.slowness, _SLOWEST)
        if retry_after is not None and retry_after > rules.retry_after_max:
            self._leave(slot_key, min(retry_after, _LONGEST), f"{why}, and asks for {retry_after:.0f} s")
        elif host.refusals >= rules.refusals_max:
            self._leave(slot_key, _doubled(rules.backoff_max, host.left, _LONGEST), f"{why}, {host.refusals} times in a row")
        else:
            wait = _doubled(rules.backoff, host.refusals - 1, rules.backoff_max) * random.uniform(1.0, 1.5)  # noqa: S311
            wait = wait if retry_after is None else retry_after
            self._hold(host, max(wait, self.gap(slot_key)))
            logger.info("%s is asked again in %.1f s and more slowly: %s", slot_key, wait, why)

    def failed(self, slot_key: str, why: str, *, final: bool = False) -> None:
        """Nothing answered. After some failures in a row, or a ``final`` one, the host is left alone for growing times."""
        host = self._host(slot_key)
        self._hold(host, self.gap(slot_key))
        host.failures += 1
        if final or host.failures >= self.rules.dead_after:
            self._leave(slot_key, _doubled(self.rules.dead_seconds, host.left, _LONGEST), why)

    def _leave(self, slot_key: str, seconds: float, why: str) -> None:
        host = self._host(slot_key)
        host.left, host.left_until, host.why = host.left + 1, self._clock() + seconds, why
        self._count("left")
        logger.info("%s is left alone for %.0f s: %s", slot_key, seconds, why)

    def _hold(self, host: Host, seconds: float) -> None:
        now = self._clock()
        host.earliest = max(host.earliest, now + seconds)
        if host.address and self.rules.address_delay:
            self._addresses[host.address] = now + self.rules.address_delay

    def _host(self, slot_key: str) -> Host:
        if (host := self._hosts.get(slot_key)) is None:
            host = self._hosts[slot_key] = Host(self._delays.get(slot_key, self.rules.delay))
        return host


def _doubled(seconds: float, times: int, most: float) -> float:
    return min(seconds * 2.0 ** min(times, 30), most)


def retry_after(headers: Mapping[str, Any]) -> float | None:
    """The seconds that a Retry-After field asks for (RFC 9110, 10.2.3), None if it says nothing that can be understood.

    ``headers`` are Scrapy's. A date is compared with the server's own clock (its Date field), where it has one.
    """
    value = (headers.get("Retry-After") or b"").decode("latin-1").strip()
    if value.isascii() and value.isdecimal():
        return float(value[:12])
    until, now = _date(value), _date((headers.get("Date") or b"").decode("latin-1")) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds()) if until else None


def _date(value: str) -> datetime | None:
    with suppress(ValueError, TypeError, IndexError, OverflowError):
        date = parsedate_to_datetime(value)
        return date if date.tzinfo else date.replace(tzinfo=UTC)
    return None
