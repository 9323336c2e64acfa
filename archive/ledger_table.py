"""The ledger as a table: from the frontier's file to Parquet, and its sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from archive.capture import url_columns
from archive.frontier import Crawl, Frontier
from archive.frontier_file import make_durable, read_only, understood
from archive.ledger import addresses_of, state_named
from archive.tables import Table

_AT_ONCE = 200  # rows that are made before other threads have their turn for sure
_ROWS = """
SELECT url, purpose, sources, first, last, dated, state, reason, settled, record FROM ledger
WHERE address BETWEEN ? AND ? AND crawl = ?
"""
_DOCUMENT = "SELECT url FROM documents WHERE number = ?"
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
    """Write all parts of the crawl's ledger that changed. Raises OSError."""
    frontier.flush()
    while frontier.changed:
        part = min(frontier.changed)
        publish_part(frontier.path, frontier.crawl, part, table)
        frontier.changed.discard(part)


def publish_part(path: Path, crawl: Crawl, part: int, table: Table) -> None:
    """Write a part of the crawl's ledger as the frontier's file has it, in the place of what was written of it before: nothing
    that a power cut could take back. For a thread beside the event loop. Raises OSError."""
    batches = list[pa.RecordBatch]()
    with understood(path), read_only(path) as database:
        rows = database.execute(_ROWS, (*addresses_of(part), crawl.number))
        document = cache(lambda number: database.execute(_DOCUMENT, (number,)).fetchone()[0])
        while some := [_row(row, crawl.crawl_id, document) for row in rows.fetchmany(_AT_ONCE)]:
            batches.append(pa.RecordBatch.from_pylist(some, schema=table.schema))
    make_durable(path)
    table.publish_anew(pa.Table.from_batches(batches, schema=table.schema), f"{crawl.crawl_id}-{part:05}")


def _row(row: tuple[Any, ...], crawl_id: str, document: Callable[[int], str]) -> dict[str, Any]:
    url, purpose, sources, first, last, dated, state, reason, settled, record = row
    columns = url_columns(url)
    return {
        **{name: columns[name] for name in _COLUMNS},
        "purpose": purpose,
        "sources": [_source(document, token) for token in sources.strip(";").split(";")],
        "first_announced_at": _instant(first),
        "last_announced_at": _instant(last),
        "announced_date": _instant(dated),
        "state": state_named(state),
        "reason": reason,
        "settled_at": _instant(settled),
        "warc_record_id": record,
        "crawl_id": crawl_id,
    }


def _source(document: Callable[[int], str], token: str) -> dict[str, str | None]:
    source, _, number = token.rpartition(":")
    return {"source": source, "via": document(int(number)) if number != "0" else None}


def _instant(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _EPOCH + timedelta(microseconds=microseconds)
