"""The frontier of a collection: what waits to be fetched, what was seen, and what became of it, in one sqlite file.

A *crawl* lasts until nothing waits any more, over as many runs as that takes. Whatever is written here is gathered in memory
and saved by ``flush`` in one transaction, so that a crash leaves the file as it was after the last one.
"""

from __future__ import annotations

import sqlite3
import time
from bisect import insort
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from archive.frontier_file import open_file, understood
from archive.ledger import CODES, Announced, Outcome, part_of, state_named

_DUE = 2_000  # gathered writes that are saved without waiting for the next regular time
_DOCUMENTS = 10_000  # addresses of documents whose numbers are at hand
_AHEAD, _MOST_AHEAD = 20_000, 64  # requests at hand: of all hosts together, and of one
_MOST_SOURCES = 1_000  # characters


class Waiting(NamedTuple):
    """One request that waits: smaller ranks first, then smaller serial numbers. ``address`` is its row in the ledger, or 0."""

    rank: int
    serial: int
    address: int
    request: str


@dataclass(frozen=True, slots=True)
class Crawl:
    """An unfinished crawl. ``command`` says what makes two runs one crawl; ``crawl_id`` names the first of them, in the ledger
    too."""

    number: int
    crawl_id: str
    command: str
    spider: str
    began: int


@dataclass(slots=True, eq=False)
class Host:
    """What waits for one host. ``waiting`` counts what is not handed out, ``ahead`` is the next of it, ``behind`` says whether
    the file holds more; ``taken`` are the serial numbers of what is handed out and not yet done."""

    number: int
    name: str
    raised: bool = False
    banned: bool = False
    waiting: int = 0
    ahead: list[Waiting] = field(default_factory=list)
    behind: bool = False
    taken: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _Fresh:
    """What is not saved yet."""

    seen: dict[int, int] = field(default_factory=dict)
    announced: dict[int, Announced] = field(default_factory=dict)
    again: list[tuple[int, int | None, str, str, int]] = field(default_factory=list)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    pushed: dict[int, tuple[int, int, int, int, int, str]] = field(default_factory=dict)
    removed: list[tuple[int, Host]] = field(default_factory=list)
    counts: Counter[int] = field(default_factory=Counter)
    documents: dict[str, int] = field(default_factory=dict)
    hosts: list[Host] = field(default_factory=list)

    def __len__(self) -> int:
        many = len(self.seen) + len(self.announced) + len(self.again) + len(self.outcomes)
        return many + len(self.pushed) + len(self.removed) + len(self.documents) + len(self.hosts)

    def parts(self) -> set[int]:
        """The parts of the ledger's table that this changes."""
        return {part_of(one) for one in (*self.announced, *self.outcomes, *(address for *_, address in self.again))}


class Frontier:
    """The queue, the seen-set and the ledger of one crawl, for one process. ``waiting`` counts what is not handed out,
    ``changed`` are the parts of the ledger's table that may say something else than the file.

    Raises OSError where the disk refuses, or the file turns out to be damaged.
    """

    def __init__(self, path: Path) -> None:
        """Raises FrontierError if the file cannot be used, FrontierDamagedError if it is damaged."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.crawl = Crawl(0, "", "", "", 0)
        self.hosts: dict[str, Host] = {}
        self.waiting = 0
        self.changed: set[int] = set()
        self._fresh = _Fresh()
        self._documents: OrderedDict[str, int] = OrderedDict()
        with understood(path):
            self.database = open_file(path)
            self._serial = self._largest("queue", "serial")
            self._address = self._largest("ledger", "address")
            self._document = self._largest("documents", "number")
            self._load_hosts()

    def _largest(self, table: str, column: str) -> int:
        return int(self.database.execute(f"SELECT coalesce(max({column}), 0) FROM {table}").fetchone()[0])  # noqa: S608

    def _load_hosts(self) -> None:
        rows = self.database.execute(
            "SELECT number, name, raised, banned, coalesce(count, 0) FROM hosts"
            " LEFT JOIN waiting ON host = number AND crawl = ?",
            (self.crawl.number,),
        )
        self.hosts = {
            name: Host(number, name, bool(raised), bool(banned), count, behind=count > 0)
            for number, name, raised, banned, count in rows
        }
        self.waiting = sum(host.waiting for host in self.hosts.values())

    def crawls(self) -> list[Crawl]:
        """The crawls that are not finished."""
        columns = "number, crawl_id, command, spider, began"
        return [Crawl(*row) for row in self.database.execute(f"SELECT {columns} FROM crawls ORDER BY number")]  # noqa: S608

    def open_crawl(self, crawl: Crawl) -> None:
        """Work on an unfinished crawl."""
        self.look_at(crawl)
        self._forget_memory()
        self.changed = self._all_parts()

    def look_at(self, crawl: Crawl) -> None:
        """Show an unfinished crawl, which another process may work on."""
        self.crawl = crawl
        self._load_hosts()

    def _all_parts(self) -> set[int]:
        return set(range(1, part_of(self._address) + 1))

    def begin_crawl(self, crawl_id: str, command: str, spider: str) -> None:
        """Begin a crawl and work on it."""
        began = time.time_ns() // 1000
        with understood(self.path), self.database:
            values = (crawl_id, command, spider, began)
            added = self.database.execute("INSERT INTO crawls VALUES (NULL, ?, ?, ?, ?)", values)
        self.open_crawl(Crawl(added.lastrowid or 0, crawl_id, command, spider, began))

    def _forget_memory(self) -> None:
        """Requests that only a dead process had in memory were never announced."""
        lost = "SELECT address FROM ledger WHERE crawl = ? AND state = ?"
        with understood(self.path), self.database:
            if self.database.execute(lost, (self.crawl.number, CODES["memory"])).fetchone():
                for table in ("seen", "ledger"):
                    self.database.execute(
                        f"DELETE FROM {table} WHERE address IN ({lost})",  # noqa: S608
                        (self.crawl.number, CODES["memory"]),
                    )

    def end_crawl(self) -> None:
        """Forget the crawl, which is finished; its ledger is to be published before."""
        self.flush()
        number = self.crawl.number
        with understood(self.path), self.database:
            self.database.execute("DELETE FROM crawls WHERE number = ?", (number,))
            if self.database.execute("SELECT 1 FROM crawls").fetchone():
                own = "SELECT address FROM ledger WHERE crawl = ?"
                self.database.execute(f"DELETE FROM seen WHERE address IN ({own})", (number,))  # noqa: S608
                for table in ("queue", "waiting", "ledger"):
                    self.database.execute(f"DELETE FROM {table} WHERE crawl = ?", (number,))  # noqa: S608
            else:  # without a condition sqlite drops whole tables at once
                for table in ("queue", "waiting", "seen", "ledger", "documents"):
                    self.database.execute(f"DELETE FROM {table}")  # noqa: S608
        self._documents.clear()
        self._load_hosts()

    def host(self, name: str) -> Host:
        """The host of that name."""
        if (found := self.hosts.get(name)) is None:
            found = self.hosts[name] = Host(len(self.hosts) + 1, name)
            self._fresh.hosts.append(found)
        return found

    def address(self, key: int) -> int | None:
        """The address (0: one that has no row in the ledger) that was seen under a key of 64 bits, or None: the test of the
        seen-set."""
        key = self._own(key)
        if (found := self._fresh.seen.get(key)) is not None:
            return found
        row = self._row("SELECT address FROM seen WHERE key = ?", key)
        return row[0] if row else None

    def see(self, key: int, address: int = 0) -> None:
        """Note that a key was seen, and for which address."""
        self._fresh.seen[self._own(key)] = address

    def _own(self, key: int) -> int:
        # each crawl has a seen-set of its own; sqlite's integers have a sign
        mixed = (key ^ self.crawl.number * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
        return mixed - (1 << 64) if mixed >> 63 else mixed

    def announce(self, announced: Announced) -> int:
        """Add a row to the ledger; returns its address."""
        self._address += 1
        self._fresh.announced[self._address] = announced
        return self._address

    def announce_again(self, address: int, source: str, when: int, dated: int | None) -> None:
        """Note one more place (``source_token``) where an address is announced, and the date that it gives."""
        if fresh := self._fresh.announced.get(address):
            fresh.last, fresh.dated = when, fresh.dated if fresh.dated is not None else dated
            if source not in fresh.sources and len(fresh.sources) < _MOST_SOURCES:
                fresh.sources += source[1:]
        else:
            self._fresh.again.append((when, dated, source, source[1:], address))

    def source_token(self, source: str, via: str | None) -> str:
        """How the ledger keeps a source and the document that named an address."""
        return f";{source}:{self._document_number(via) if via else 0};"

    def _document_number(self, url: str) -> int:
        if (known := self._documents.get(url)) is None:
            row = self._row("SELECT number FROM documents WHERE url = ?", url)
            if row is None:
                self._document += 1
                self._fresh.documents[url] = self._document
            known = self._documents[url] = row[0] if row else self._document
            if len(self._documents) > _DOCUMENTS and (oldest := next(iter(self._documents))) not in self._fresh.documents:
                del self._documents[oldest]
        return known

    def state(self, address: int) -> str:
        """The state of an address at present."""
        if outcome := self._fresh.outcomes.get(address):
            return outcome.state
        if fresh := self._fresh.announced.get(address):
            return fresh.outcome.state
        row = self._row("SELECT state FROM ledger WHERE address = ?", address)
        return state_named(row[0]) if row else "queued"

    def reason(self, address: int) -> str | None:
        """Why an address is in the state that it is in."""
        if outcome := self._fresh.outcomes.get(address):
            return outcome.reason
        if fresh := self._fresh.announced.get(address):
            return fresh.outcome.reason
        row = self._row("SELECT reason FROM ledger WHERE address = ?", address)
        return row[0] if row else None

    def settle(self, address: int, outcome: Outcome) -> None:
        """Say what became of an address; the records that show it are to be durable before the next ``flush``."""
        if fresh := self._fresh.announced.get(address):
            fresh.outcome = outcome
        else:
            self._fresh.outcomes[address] = outcome

    def _row(self, query: str, value: object) -> tuple[Any, ...] | None:
        with understood(self.path):
            row: tuple[Any, ...] | None = self.database.execute(query, (value,)).fetchone()
            return row

    def push(self, host: Host, rank: int, address: int, request: str) -> int:
        """Put a request into the queue; returns its serial number."""
        self._serial += 1
        one = Waiting(rank, self._serial, address, request)
        self._fresh.pushed[one.serial] = (one.serial, self.crawl.number, host.number, rank, address, request)
        self._fresh.counts[host.number] += 1
        host.waiting += 1
        self.waiting += 1
        if not host.behind or (host.ahead and one < host.ahead[-1]):
            insort(host.ahead, one)
            if len(host.ahead) > self._most_ahead:
                host.ahead.pop()
                host.behind = True
        return one.serial

    def pop(self, host: Host) -> Waiting | None:
        """Take the next request of a host; it stays in the file until it is removed."""
        if not host.ahead and host.behind:
            self._look_ahead(host)
        if not host.ahead:
            self.waiting -= host.waiting
            host.waiting = 0
            return None
        one = host.ahead.pop(0)
        host.waiting -= 1
        self.waiting -= 1
        host.taken.add(one.serial)
        return one

    @property
    def _most_ahead(self) -> int:
        return max(2, min(_MOST_AHEAD, _AHEAD // (len(self.hosts) or 1)))

    def _look_ahead(self, host: Host) -> None:
        self.flush()
        most = self._most_ahead + len(host.taken)
        with understood(self.path):
            rows = self.database.execute(
                "SELECT rank, serial, address, request FROM queue WHERE crawl = ? AND host = ? ORDER BY rank, serial LIMIT ?",
                (self.crawl.number, host.number, most),
            ).fetchall()
        host.ahead = [Waiting(*row) for row in rows if row[1] not in host.taken]
        host.behind = len(rows) == most

    def forget_ahead(self, host: Host, gone: int) -> None:
        """What waits for a host was changed in the file; ``gone`` requests less are there now."""
        host.waiting -= gone
        self.waiting -= gone
        host.ahead, host.behind = [], host.waiting > 0

    def leave_rest(self, outcome: Outcome) -> None:
        """Give up all that waits: it gets this outcome in the ledger."""
        self.flush()
        queued = (self.crawl.number, CODES["queued"], CODES["memory"])
        with understood(self.path), self.database:
            left = self.database.execute(
                "UPDATE ledger SET state = ?, reason = ?, settled = ?, record = ? WHERE crawl = ? AND state IN (?, ?)",
                (*outcome.values(), *queued),
            )
        if left.rowcount:
            self.changed = self._all_parts()

    def remove(self, host: Host, one: Waiting) -> None:
        """A request that was taken is done with: it leaves the queue at the next ``flush``."""
        self._fresh.counts[host.number] -= 1
        if self._fresh.pushed.pop(one.serial, None):
            host.taken.discard(one.serial)
        else:
            self._fresh.removed.append((one.serial, host))

    @property
    def is_due(self) -> bool:
        """Whether much is gathered that ``flush`` would save."""
        return len(self._fresh) >= _DUE

    def flush(self) -> None:
        """Save all that is gathered. Raises OSError if the disk refuses: then it stays gathered."""
        fresh = self._fresh
        if not len(fresh):
            return
        with understood(self.path), self.database:
            self._save(fresh)
        self.changed |= fresh.parts()
        for serial, host in fresh.removed:
            host.taken.discard(serial)
        self._fresh = _Fresh()

    def _save(self, fresh: _Fresh) -> None:
        many, crawl = self.database.executemany, self.crawl.number
        many("INSERT INTO hosts VALUES (?, ?, ?, ?)", ((one.number, one.name, one.raised, one.banned) for one in fresh.hosts))
        many("INSERT INTO documents VALUES (?, ?)", ((number, url) for url, number in fresh.documents.items()))
        many("INSERT OR REPLACE INTO seen VALUES (?, ?)", sorted(fresh.seen.items()))
        many(
            "INSERT INTO ledger VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            ((address, crawl, *one.values()) for address, one in fresh.announced.items()),
        )
        many(
            "UPDATE ledger SET last = ?, dated = coalesce(dated, ?), sources = CASE WHEN instr(sources, ?)"
            " OR length(sources) > 1000 THEN sources ELSE sources || ? END WHERE address = ?",
            fresh.again,
        )
        many(
            "UPDATE ledger SET state = ?, reason = ?, settled = ?, record = ? WHERE address = ?",
            ((*outcome.values(), address) for address, outcome in fresh.outcomes.items()),
        )
        many("INSERT INTO queue VALUES (?, ?, ?, ?, ?, ?)", fresh.pushed.values())
        many("DELETE FROM queue WHERE serial = ?", ((serial,) for serial, _ in fresh.removed))
        many(
            "INSERT INTO waiting VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
            ((crawl, host, count) for host, count in fresh.counts.items() if count),
        )

    def checkpoint(self) -> None:
        """Bring what was saved from sqlite's log into the file itself; for a thread beside the event loop."""
        with understood(self.path):
            database = sqlite3.connect(self.path, timeout=0)
            try:
                database.execute("PRAGMA wal_checkpoint(PASSIVE)")
            finally:
                database.close()

    def close(self) -> None:
        """Save what is gathered and close the file. Raises OSError if the disk refuses."""
        try:
            self.flush()
        finally:
            self.database.close()
