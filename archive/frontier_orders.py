"""What a person has to say about a frontier: addresses added, dropped and put first, hosts put first and banned.

While a crawl runs, orders wait in a file of their own beside the frontier's, since a busy crawl leaves others no time to write
into that; the crawl obeys them within seconds.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import NamedTuple

from archive.frontier import Frontier, Host
from archive.frontier_file import understood
from archive.ledger import CODES, Outcome, part_of

VERBS = ("add", "drop", "raise", "lower", "ban", "unban")
DROPPED = "dropped by hand"  # the reason of what a person took out of the queue
_FIRST = -(1 << 62)  # the rank of what was put first


class Order(NamedTuple):
    """``verb`` is one of ``VERBS``; ``what`` is an address, or the name of a host."""

    verb: str
    what: str


def post(frontier: Path, orders: list[Order]) -> None:
    """Leave orders for the crawl that works on a frontier file."""
    with _box(frontier).open("a", encoding="utf-8") as file:
        file.write("".join(json.dumps(order) + "\n" for order in orders))
        file.flush()
        os.fsync(file.fileno())


def collect(frontier: Path) -> list[Order]:
    """The orders that were posted; they are to be obeyed, and ``done`` called, before the next are collected."""
    box, open_box = _box(frontier), _opened_box(frontier)
    if box.exists() and not open_box.exists():
        box.rename(open_box)
    if not open_box.exists():
        return []
    return [Order(*json.loads(line)) for line in open_box.read_text(encoding="utf-8").splitlines()]


def done(frontier: Path) -> None:
    """What was collected was obeyed, and that is saved."""
    _opened_box(frontier).unlink(missing_ok=True)


def _box(frontier: Path) -> Path:
    return frontier.with_name("orders.jsonl")


def _opened_box(frontier: Path) -> Path:
    return frontier.with_name("orders-taken.jsonl")


def obey(frontier: Frontier, order: Order, host: str, url: str | None) -> int:
    """Carry out an order for the crawl at hand, on ``host`` or the one ``url``; returns how many waiting requests it changed.

    An order to add is kept until a crawl takes it with ``take_given``.
    """
    frontier.flush()
    if order.verb == "add":
        with understood(frontier.path), frontier.database:
            frontier.database.execute("INSERT OR IGNORE INTO given VALUES (?)", (order.what,))
        return 1
    found = frontier.host(host)
    if order.verb in ("ban", "unban"):
        found.banned = order.verb == "ban"
    elif order.verb in ("raise", "lower") and url is None:
        found.raised = order.verb == "raise"
    _save(frontier, found)
    if order.verb in ("drop", "ban"):
        return _drop(frontier, found, url, "its host was banned by hand" if order.verb == "ban" else DROPPED)
    return _put_first(frontier, found, url) if order.verb == "raise" and url else found.waiting


def _save(frontier: Frontier, host: Host) -> None:
    frontier.flush()  # a new host is there from now on
    with understood(frontier.path), frontier.database:
        frontier.database.execute(
            "UPDATE hosts SET raised = ?, banned = ? WHERE number = ?", (host.raised, host.banned, host.number)
        )


def _waiting(frontier: Frontier, host: Host, url: str | None) -> list[tuple[int, int]]:
    """Serial numbers and addresses of what waits for a host and is not under way."""
    query = "SELECT serial, queue.address FROM queue LEFT JOIN ledger USING (address) WHERE queue.crawl = ? AND queue.host = ?"
    values: tuple[object, ...] = (frontier.crawl.number, host.number)
    if url:
        query, values = f"{query} AND url = ?", (*values, url)
    return [row for row in frontier.database.execute(query, values) if row[0] not in host.taken]


def _drop(frontier: Frontier, host: Host, url: str | None, why: str) -> int:
    rows, outcome = _waiting(frontier, host, url), Outcome("excluded", why, time.time_ns() // 1000)
    with understood(frontier.path), frontier.database:
        many = frontier.database.executemany
        many("DELETE FROM queue WHERE serial = ?", ((serial,) for serial, _ in rows))
        many(
            "UPDATE ledger SET state = ?, reason = ?, settled = ?, record = ? WHERE address = ? AND state = ?",
            ((*outcome.values(), address, CODES["queued"]) for _, address in rows),
        )
        many(
            "UPDATE waiting SET count = count - ? WHERE crawl = ? AND host = ?",
            [(len(rows), frontier.crawl.number, host.number)],
        )
    frontier.changed |= {part_of(address) for _, address in rows}
    frontier.forget_ahead(host, len(rows))
    return len(rows)


def _put_first(frontier: Frontier, host: Host, url: str) -> int:
    rows = _waiting(frontier, host, url)
    with understood(frontier.path), frontier.database:
        frontier.database.executemany("UPDATE queue SET rank = ? WHERE serial = ?", ((_FIRST, serial) for serial, _ in rows))
    frontier.forget_ahead(host, 0)
    return len(rows)


def given(frontier: Frontier) -> list[str]:
    """The addresses that a person added and no crawl took yet."""
    with understood(frontier.path):
        return [url for (url,) in frontier.database.execute("SELECT url FROM given ORDER BY url")]


def forget_given(frontier: Frontier, urls: list[str]) -> None:
    """These are in the queue now, and that is saved."""
    with understood(frontier.path), frontier.database:
        frontier.database.executemany("DELETE FROM given WHERE url = ?", ((url,) for url in urls))
