"""What a package leaves out for the rights of publishers: whole captures, with their requests, notes and revisits."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow.dataset as ds

from archive import foreign
from archive.collection import Collection
from archive.excerpt import Excerpt, is_about
from archive.reader import Record, read_records
from archive.rights import Policy, withheld


def withheld_records(collection: Collection, policy: Policy) -> dict[str, set[str]]:
    """The captures that a policy leaves out of packages, with all revisits of them, and what was taken down and lies in files
    of others: record ids by WARC file."""
    columns, now = ["warc_record_id", "warc_filename", "restrictions", "extraction"], datetime.now(UTC)
    said = ~ds.field("restrictions").is_null() | (ds.field("extraction") == "taken_down")
    dataset, found = collection.captures.dataset(), dict[str, set[str]]()
    ids: set[str] = set()
    for batch in dataset.to_batches(columns=columns, filter=said):
        for row in batch.to_pylist():
            if row["extraction"] == "taken_down" or withheld(row["restrictions"], policy, now):
                ids.add(row["warc_record_id"])
                found.setdefault(row["warc_filename"], set()).add(row["warc_record_id"])
    if ids:
        columns[2:] = ["refers_to_record_id"]
        for batch in dataset.to_batches(columns=columns, filter=ds.field(columns[2]).is_valid()):  # type: ignore[arg-type]
            for record_id, filename, original in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                if original in ids:
                    found.setdefault(filename, set()).add(record_id)
    return found


def excerpts(collection: Collection, warcs: list[Path], ids: dict[str, set[str]]) -> dict[str, Excerpt]:
    """What of the WARC files stays that hold records which are left out."""
    found = {}
    for path in warcs:
        if some := ids.get(path.name):
            read = foreign.read_records if collection.is_foreign(path.name) else read_records
            places = [(item.offset, item.length) for item in read(path) if isinstance(item, Record) and is_about(item, some)]
            found[path.name] = Excerpt.without(path.stat().st_size, places)
    return found
