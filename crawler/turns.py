"""Whose turn it is: a heap of hosts by the instant from which each may be asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

from archive.frontier import Host


class Turns:
    """Hosts that have something to fetch, each at most once. ``not_before`` gives the instant (seconds of ``clock``) before
    which a host may not be asked; it may grow while the host is listed.

    Hosts whose time has come take turns by how long ago it came; raised ones go first.
    """

    def __init__(self, not_before: Callable[[str], float], clock: Callable[[], float] = time.monotonic) -> None:
        self._not_before, self._clock = not_before, clock
        self._later: list[tuple[float, int, Host]] = []
        self._ready: list[tuple[bool, float, int, Host]] = []
        self._listed: set[Host] = set()
        self._tie = count()

    def add(self, host: Host) -> None:
        """List a host, if it is not listed yet."""
        if host not in self._listed:
            self._listed.add(host)
            self._place(host, self._clock())

    def _place(self, host: Host, now: float) -> bool:
        when = self._not_before(host.name)
        if when > now:
            heappush(self._later, (when, next(self._tie), host))
        else:
            heappush(self._ready, (not host.raised, when, next(self._tie), host))
        return when <= now

    def take(self) -> Host | None:
        """The host whose turn it is, which is listed no more; None if all have to wait."""
        now = self._clock()
        while self._later and self._later[0][0] <= now:
            self._place(heappop(self._later)[2], now)
        while self._ready:
            host = heappop(self._ready)[3]
            if self._not_before(host.name) <= now:
                self._listed.discard(host)
                return host
            self._place(host, now)  # somebody else asked it, or its address, meanwhile
        return None

    def wait(self) -> float | None:
        """Seconds until the next host may be asked, 0.0 if one may be now, None if none is listed."""
        if self._ready:
            return 0.0
        return max(0.0, self._later[0][0] - self._clock()) if self._later else None
