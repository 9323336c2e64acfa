"""The ledger as a table: from the frontier's file to Parquet, and its sums."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pyarrow.compute as pc
import pyarrow.dataset as ds

from archive.capture import url_columns
from archive.frontier import Frontier
from archive.frontier_file import understood
from archive.ledger import state_named
from archive.tables import Table

PART_ROWS = 20_000
_ROWS = """
SELECT address, url, purpose, sources, first, last, dated, state, reason, settled, record FROM ledger
WHERE crawl = ? AND address > ? ORDER BY address LIMIT ?
"""
_SUMS = """
SELECT name, state, count(*) FROM ledger JOIN hosts ON number = host WHERE crawl = ? GROUP BY host, state
"""
_DAY_SUMS = """
SELECT name, date(dated / 1000000, 'unixepoch'), state, count(*) FROM ledger JOIN hosts ON number = host WHERE crawl = ?
GROUP BY host, 2, state
"""
_NEXT = """
SELECT purpose, coalesce(url, json_extract(request, '$.url')) FROM queue LEFT JOIN ledger USING (address)
WHERE queue.crawl = ? AND queue.host = ? ORDER BY rank, serial LIMIT ?
"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS = ("url_surtkey", "url", "url_host_name", "url_host_registered_domain")


class Sum(NamedTuple):
    """So many addresses of a host are in a state."""

    host: str
    state: str
    addresses: int


class DaySum(NamedTuple):
    """So many addresses of a host that are dated of a day (ISO 8601, UTC; None: undated) are in a state."""

    host: str
    day: str | None
    state: str
    addresses: int


def day_sums(frontier: Frontier) -> list[DaySum]:
    """How many addresses of the crawl are in which state, by host and the day that their announcements give them."""
    with understood(frontier.path):
        rows = frontier.database.execute(_DAY_SUMS, (frontier.crawl.number,)).fetchall()
    return [DaySum(host, day, state_named(code), count) for host, day, code, count in rows]


def published_day_sums(table: Table) -> tuple[str | None, list[DaySum]]:
    """The same for the last crawl that the published ledger has, and that crawl's id (None: there is none)."""
    dataset = table.dataset()
    ids = dataset.to_table(columns=["crawl_id"]).column("crawl_id")
    if not len(ids):
        return None, []
    crawl_id: str = pc.max(ids).as_py()
    rows = dataset.to_table(["url_host_name", "announced_date", "state"], filter=ds.field("crawl_id") == crawl_id)
    days = pc.strftime(rows.column("announced_date"), format="%Y-%m-%d")
    counted = rows.set_column(1, "day", days).group_by(["url_host_name", "day", "state"]).aggregate([([], "count_all")])
    return crawl_id, [DaySum(*row.values()) for row in counted.to_pylist()]


def waiting_of(frontier: Frontier, host: str, most: int) -> list[tuple[str | None, str]]:
    """Purpose and address of what is fetched next of a host."""
    with understood(frontier.path):
        number = frontier.hosts[host].number if host in frontier.hosts else 0
        return frontier.database.execute(_NEXT, (frontier.crawl.number, number, most)).fetchall()


def sums(frontier: Frontier) -> list[Sum]:
    """How many addresses of the crawl are in which state, by host."""
    frontier.flush()
    with understood(frontier.path):
        rows = frontier.database.execute(_SUMS, (frontier.crawl.number,)).fetchall()
    counts: Counter[tuple[str, str]] = Counter()
    for host, code, count in rows:
        counts[host, state_named(code)] += count
    return [Sum(host, state, count) for (host, state), count in sorted(counts.items())]


def publish(frontier: Frontier, table: Table) -> None:
    """Write the crawl's ledger as parts of the table; those that an earlier run of the crawl wrote are replaced.

    Rows stay in the part in which they once were, so that no address is there twice. Raises OSError.
    """
    frontier.flush()
    crawl, rows, part = frontier.crawl, _rows_after(frontier, 0), 1
    while rows:
        table.publish([_row(frontier, row) for row in rows], f"{crawl.crawl_id}-{part:05}")
        rows, part = _rows_after(frontier, rows[-1][0]), part + 1


def _rows_after(frontier: Frontier, address: int) -> list[tuple[Any, ...]]:
    with understood(frontier.path):
        return frontier.database.execute(_ROWS, (frontier.crawl.number, address, PART_ROWS)).fetchall()


def _row(frontier: Frontier, row: tuple[Any, ...]) -> dict[str, Any]:
    _, url, purpose, sources, first, last, dated, state, reason, settled, record = row
    columns = url_columns(url)
    return {
        **{name: columns[name] for name in _COLUMNS},
        "purpose": purpose,
        "sources": [_source(frontier, token) for token in sources.strip(";").split(";")],
        "first_announced_at": _instant(first),
        "last_announced_at": _instant(last),
        "announced_date": _instant(dated),
        "state": state_named(state),
        "reason": reason,
        "settled_at": _instant(settled),
        "warc_record_id": record,
        "crawl_id": frontier.crawl.crawl_id,
    }


def _source(frontier: Frontier, token: str) -> dict[str, str | None]:
    source, _, document = token.rpartition(":")
    return {"source": source, "via": frontier.document(int(document))}


def _instant(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _EPOCH + timedelta(microseconds=microseconds)
