"""Parquet tables: parts published whole and durable, partitioned by fetch date, read with the full schema."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from archive.schema import ARTICLES, CAPTURES, LEDGER
from archive.whole import whole

ROW_GROUP = 5_000


class Table:
    """One table of a collection: a folder of hive partitions ``fetch_date=YYYY-MM-DD`` with append-only parts.

    ``time_column`` names the column whose UTC day is the partition.
    """

    def __init__(self, folder: Path, schema: pa.Schema, time_column: str) -> None:
        self.folder, self.schema, self._time_column = folder, schema, time_column

    def publish(self, rows: list[dict[str, Any]], name: str) -> list[Path]:
        """Write ``rows`` as parts called ``name``, one a day; each appears whole, under its final name, and durable.

        Raises OSError (disk full …) with nothing half-written left behind.
        """
        return self._publish(pa.Table.from_pylist(rows, schema=self.schema), name)

    def publish_anew(self, rows: pa.Table, name: str) -> None:
        """The same in the place of all parts that were published as ``name`` before."""
        self.remove(name, but=self._publish(rows, name))

    def remove(self, names: str, but: Iterable[Path] = ()) -> None:
        """Remove the parts whose names follow a pattern. Raises OSError."""
        for part in set(self.folder.glob(f"fetch_date=*/part-{names}.parquet")).difference(but):
            part.unlink()

    def _publish(self, rows: pa.Table, name: str) -> list[Path]:
        rows = rows.sort_by([("url_surtkey", "ascending"), (self._time_column, "ascending")])
        days = pc.strftime(rows.column(self._time_column), format="%Y-%m-%d")
        found: list[str] = days.unique().to_pylist()  # type: ignore[assignment]  # the column has no nulls
        return [self._write(day, rows.filter(pc.equal(days, pa.scalar(day))), name) for day in found]

    def _write(self, day: str, rows: pa.Table, name: str) -> Path:
        folder = self.folder / f"fetch_date={day}"
        folder.mkdir(parents=True, exist_ok=True)
        final = folder / f"part-{name}.parquet"
        self.replace(final, rows)
        return final

    def replace(self, part: Path, table: pa.Table) -> None:
        """Put a part in the place of one of the same name, if there is one: whole and durable at once, or, with an OSError, not
        at all."""
        with whole(part) as file:
            pq.write_table(table, file, compression="zstd", row_group_size=ROW_GROUP, write_page_index=True)

    def parts(self) -> list[Path]:
        """The published parts, by name."""
        return sorted(self.folder.glob("fetch_date=*/part-*.parquet"))

    def drop_partial(self) -> list[Path]:
        """Remove what a crash left unpublished."""
        left = list(self.folder.glob("*/.part-*.partial"))
        for path in left:
            path.unlink()
        return left

    def dataset(self, names: str = "*") -> ds.Dataset:
        """The table with all its columns, whatever older parts lack; ``fetch_date`` comes last. ``names`` is a pattern for the
        names of parts."""
        schema = self.schema.append(pa.field("fetch_date", pa.string(), metadata={"description": "UTC day of the fetch"}))
        parts = sorted(str(part) for part in self.folder.glob(f"fetch_date=*/part-{names}.parquet"))
        partitioning = ds.partitioning(pa.schema([("fetch_date", pa.string())]), flavor="hive")
        return ds.dataset(
            parts, schema=schema, format="parquet", partitioning=partitioning, partition_base_dir=str(self.folder)
        )


def articles_table(folder: Path) -> Table:
    """The articles table that lies in ``folder``."""
    return Table(folder, ARTICLES, "fetched_at")


def captures_table(folder: Path) -> Table:
    """The captures table that lies in ``folder``."""
    return Table(folder, CAPTURES, "fetch_time")


def ledger_table(folder: Path) -> Table:
    """The ledger that lies in ``folder``."""
    return Table(folder, LEDGER, "first_announced_at")


def open_articles(path: str | os.PathLike[str]) -> ds.Dataset:
    """The articles of a collection (its folder, or the table's own) as a dataset with the full schema.

    ``open_articles("collections/news").to_table().to_pandas()`` never drops a column that the oldest part lacks, which
    plain ``pd.read_parquet`` does. Raises FileNotFoundError if there is no such table.
    """
    return articles_table(_table_folder(path, "articles")).dataset()


def open_captures(path: str | os.PathLike[str]) -> ds.Dataset:
    """The captures of a collection (its folder, or the table's own) as a dataset with the full schema."""
    return captures_table(_table_folder(path, "captures")).dataset()


def open_ledger(path: str | os.PathLike[str]) -> ds.Dataset:
    """The ledger of a collection (its folder, or the table's own) as a dataset with the full schema."""
    return ledger_table(_table_folder(path, "ledger")).dataset()


def _table_folder(path: str | os.PathLike[str], name: str) -> Path:
    given = Path(path)
    candidates: Iterable[Path] = (given / "tables" / name, given)
    for folder in candidates:
        if folder.name == name and folder.is_dir():
            return folder
    raise FileNotFoundError(f"{given}: no table {name!r} here; give a collection's folder or its tables/{name} folder")
