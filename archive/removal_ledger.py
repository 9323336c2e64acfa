"""The ledger after a takedown: what it says of an address stays, the record that it names is gone, and the reason says so."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from archive.tables import Table

_STEP = 500  # of sqlite's parameters a statement


def forget_in_ledger(table: Table, records: Collection[str], words: str) -> None:
    """Let the rows of a ledger no longer name these records. Raises OSError."""
    gone = pa.array(records, pa.string())
    for part in table.parts():
        rows = pq.ParquetFile(part).read()
        named = pc.is_in(rows.column("warc_record_id"), gone)
        if pc.any(named).as_py():
            rows = _set(rows, "warc_record_id", named, None)
            table.replace(part, _set(rows, "reason", named, words))


def _set(rows: pa.Table, name: str, where: pa.Array[Any], value: str | None) -> pa.Table:
    at = rows.column_names.index(name)
    return rows.set_column(at, rows.schema.field(at), pc.if_else(where, pa.scalar(value, pa.string()), rows.column(at)))


def forget_in_frontier(path: Path, records: Iterable[str], words: str) -> None:
    """The same in the frontier's file, if there is one."""
    if not path.exists():
        return
    with closing(sqlite3.connect(path)) as database, database:
        rest = list(records)
        while rest:
            some, rest = rest[:_STEP], rest[_STEP:]
            marks = ",".join("?" * len(some))
            change = f"UPDATE ledger SET record = NULL, reason = ? WHERE record IN ({marks})"  # noqa: S608
            database.execute(change, (words, *some))
