"""Places in the downloader: hosts on one address have a share of ``CONCURRENT_REQUESTS`` between them, the rest is others'."""

from __future__ import annotations

from collections import defaultdict

from twisted.internet.defer import Deferred, succeed


class Places:
    """Which hosts of an address have something under way: at most ``most`` at once. ``waiting`` counts requests that wait for
    a place; within an address the host that came first goes first."""

    def __init__(self, most: int) -> None:
        self.most, self.waiting = most, 0
        self._address_of: dict[str, str] = {}
        self._taken: defaultdict[str, set[str]] = defaultdict(set)
        self._queues: defaultdict[str, dict[str, list[Deferred[None]]]] = defaultdict(dict)

    def take(self, host: str, address: str) -> Deferred[None]:
        """Take a place for a host; fires when it has one. All requests of a host share its place: the one for its robots.txt
        too, for which others of it wait."""
        if host not in self._address_of:
            if len(self._taken[address]) >= self.most:
                turn: Deferred[None] = Deferred()
                self._queues[address].setdefault(host, []).append(turn)
                self.waiting += 1
                return turn
            self._give(host, address)
        return succeed(None)

    def leave(self, host: str) -> None:
        """A host has nothing under way any more, or nothing that is to keep others waiting."""
        if (address := self._address_of.pop(host, None)) is None:
            return
        taken, queue = self._taken[address], self._queues[address]
        taken.discard(host)
        while queue and len(taken) < self.most:
            following = next(iter(queue))
            turns = queue.pop(following)
            self.waiting -= len(turns)
            self._give(following, address)
            for turn in turns:
                turn.callback(None)
        if not taken:
            del self._taken[address], self._queues[address]

    def _give(self, host: str, address: str) -> None:
        self._taken[address].add(host)
        self._address_of[host] = address
