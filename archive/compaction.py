"""Small parts of finished days become one: a watch that publishes every minute leaves thousands of files.

A day's folder is made anew beside the table and changes places with the old one in a single step of the file system, so that at
any moment each row is there once. Where the system knows no such step (it is Linux's), parts stay as they are.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from archive.tables import ROW_GROUP, Table
from archive.whole import sync_folder

_FEW = 8  # parts that a day may have
_SMALL = 8 << 20  # bytes of a part that is merged
_MOST = 240  # parts that are merged at once: seconds, for which nothing is published
_AT_ONCE = 8 << 20  # bytes of rows that are in memory
_AT_FDCWD, _EXCHANGE = -100, 2


def compact(table: Table, today: str, gone: Callable[[list[Path]], None] = lambda parts: None) -> int:
    """Merge small parts of the first day before ``today`` (ISO 8601) that has more than a few; returns how many parts less
    there are, 0 if nothing is left to do. Nobody else may write to the table meanwhile. ``gone`` is told of parts whose rows
    are by now in another, which has the name of one that was there. Raises OSError; then the day is as it was or as it is to
    be."""
    aside = table.folder.parent / f".merging-{table.folder.name}"
    shutil.rmtree(aside, ignore_errors=True)  # of a process that died
    try:
        for day in sorted(table.folder.glob("fetch_date=*")):
            parts = [part for part in sorted(day.glob("part-*.parquet")) if part.stat().st_size < _SMALL][:_MOST]
            if day.name < f"fetch_date={today}" and len(parts) > _FEW and _merge(table, day, parts, aside):
                gone(parts[1:])
                return len(parts) - 1
        return 0
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _merge(table: Table, day: Path, parts: list[Path], aside: Path) -> bool:
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    for other in set(day.iterdir()).difference(parts):
        os.link(other, aside / other.name)
    try:
        _write(aside / parts[0].name, _rows(parts, table.schema), table.schema)
    except pa.ArrowException:  # written by a version with other columns
        return False
    sync_folder(aside)
    return _exchange(aside, day)


def _rows(parts: Iterable[Path], schema: pa.Schema) -> Iterator[pa.Table]:
    for part in parts:
        file = pq.ParquetFile(part)
        if unknown := set(file.schema_arrow.names).difference(schema.names):
            raise pa.ArrowInvalid(f"{part}: unknown columns {unknown}")
        for group in range(file.num_row_groups):
            rows = file.read_row_group(group, use_threads=False)
            for field in schema:
                if field.name not in rows.column_names:
                    rows = rows.append_column(field, pa.nulls(len(rows), field.type))
            yield rows.select(schema.names).cast(schema)


def _joined(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    some, count, size = list[pa.Table](), 0, 0
    for rows in tables:
        some.append(rows)
        count, size = count + len(rows), size + rows.nbytes
        if count >= ROW_GROUP or size >= _AT_ONCE:
            yield pa.concat_tables(some)
            some, count, size = [], 0, 0
    if some:
        yield pa.concat_tables(some)


def _write(path: Path, tables: Iterable[pa.Table], schema: pa.Schema) -> None:
    with path.open("wb") as file:
        with pq.ParquetWriter(file, schema, compression="zstd", write_page_index=True) as writer:
            for rows in _joined(tables):
                writer.write_table(rows, row_group_size=ROW_GROUP)
        file.flush()
        os.fsync(file.fileno())


def _exchange(one: Path, other: Path) -> bool:
    """Have two folders change places. False if this system cannot do that. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    with suppress(AttributeError):  # there is no such function
        if libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _EXCHANGE) == 0:
            sync_folder(one.parent)
            sync_folder(other.parent)
            return True
        if (code := ctypes.get_errno()) not in (errno.EINVAL, errno.ENOSYS, errno.EXDEV, errno.EOPNOTSUPP):
            raise OSError(code, os.strerror(code), str(other))
    return False
