"""Earlier rows with what their sites have taught since: parts of the articles table written anew where a row changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from archive.collection import Collection
from pipelines.sites import Sites

_COLUMNS = (
    "text",
    "markdown",
    "site_boilerplate",
    "word_count",
    "text_sha256",
    "uncut_text_sha256",
    "text_simhash",
    "field_sources",
    "quality_flags",
)


@dataclass(slots=True)
class Recleaned:
    """How many rows were looked at, how many said something else then, and parts that were written for it."""

    rows: int = 0
    changed: int = 0
    parts: int = 0


def reclean(
    collection: Collection, sites: Sites, hosts: set[str] | None = None, tick: Callable[[], None] = lambda: None
) -> Recleaned:
    """Clean the rows of ``hosts`` (default: those that are stale) with all that was learned.

    Raises OSError if the disk refuses. What was written stays, and the same call goes on from there; nobody else may write to
    the collection meanwhile.
    """
    sites.settle()
    hosts = sites.stale() if hosts is None else hosts
    done = Recleaned()
    for part in collection.articles.parts() if hosts else []:
        _clean_part(collection, sites, hosts, part, done)
        tick()
    if done.rows:
        _name_earlier_versions(collection)
    sites.freshen(hosts)
    return done


def _clean_part(collection: Collection, sites: Sites, hosts: set[str], part: Path, done: Recleaned) -> None:
    file = pq.ParquetFile(part)
    names = file.read(columns=["url_host_name"]).column(0).to_pylist()
    if hosts.isdisjoint(names):
        return
    table = _with(file.read(), collection.articles.schema, _COLUMNS)
    rows = table.select(["url_host_name", "title", *_COLUMNS]).to_pylist()
    changed = sum(_clean_row(sites, row) for row in rows if row["url_host_name"] in hosts)
    done.rows += sum(name in hosts for name in names)
    if changed:
        for name in _COLUMNS:
            table = _set(table, collection.articles.schema.field(name), [row[name] for row in rows])
        collection.articles.replace(part, table)
        done.changed += changed
        done.parts += 1


def _clean_row(sites: Sites, row: dict[str, Any]) -> bool:
    row["field_sources"] = dict(row["field_sources"])
    row["site_boilerplate"] = row["site_boilerplate"] or []
    before = dict(row)
    sites.clean_again(row)
    return any(row[name] != before[name] for name in _COLUMNS)


def _name_earlier_versions(collection: Collection) -> None:
    """Let every version name the hash that the version before it has by now."""
    table = collection.articles
    later: set[str] = set()
    for part in table.parts():
        rows = pq.read_table(part, columns=["article_id", "version"], partitioning=None)
        later |= set(map(str, rows.filter(pc.field("version") > 1).column("article_id").to_pylist()))
    if not later:
        return
    hashes: dict[tuple[str, int], str | None] = {}
    for part in table.parts():
        versions = _versions(part)
        hashes |= {(identity, version): text for identity, version, text, _ in versions if identity in later}
    for part in table.parts():
        versions = _versions(part)
        wanted = [hashes.get((identity, version - 1), earlier) for identity, version, _, earlier in versions]
        if wanted != [earlier for *_, earlier in versions]:
            whole = pq.read_table(part, partitioning=None)
            table.replace(part, _set(whole, table.schema.field("prev_version_sha256"), wanted))


def _versions(part: Path) -> list[tuple[str, int, str | None, str | None]]:
    columns = ["article_id", "version", "text_sha256", "prev_version_sha256"]
    table = pq.read_table(part, columns=columns, partitioning=None)
    return list(zip(*(table.column(name).to_pylist() for name in columns), strict=True))


def _with(table: pa.Table, schema: pa.Schema, names: Iterable[str]) -> pa.Table:
    """The table with columns that an older part lacks."""
    for name in names:
        if name not in table.column_names:
            table = table.append_column(schema.field(name), pa.nulls(len(table), schema.field(name).type))
    return table


def _set(table: pa.Table, field: pa.Field[Any], values: list[Any]) -> pa.Table:
    return table.set_column(table.column_names.index(field.name), field, pa.array(values, type=field.type))
