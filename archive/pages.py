"""Pages of a WACZ package (pages.jsonl, https://specs.webrecorder.net/wacz/1.1.1/): a line for each article version."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from archive.collection import Collection
from archive.materialised import NAMESPACE

_PAGE_ROWS = 256
_COLUMNS = ["warc_record_id", "warc_filename", "url", "fetched_at", "title", "text", "description", "byline_raw", "authors"]
_COLUMNS += ["published_at", "modified_at", "language", "site_name", "section", "article_id", "version"]


def pages_of(collection: Collection, filenames: set[str]) -> Iterator[tuple[str, list[str] | None, dict[str, Any]]]:
    """Record id, restrictions and page of every article version whose record is in ``filenames``, a day after the other."""
    for folder in sorted(collection.articles.folder.glob("fetch_date=*")):
        captures = _rows(collection.captures.folder / folder.name, ["warc_record_id", "page_id", "extraction", "restrictions"])
        about = {
            row["warc_record_id"]: (row["page_id"], row["restrictions"]) for row in captures if row["extraction"] == "article"
        }
        for row in _rows(folder, _COLUMNS):
            if row["warc_filename"] in filenames:
                page_id, restrictions = about.get(row["warc_record_id"], (None, None))
                yield row["warc_record_id"], restrictions, _page(row, page_id)


def _rows(day: Path, columns: list[str]) -> Iterator[dict[str, Any]]:
    """The rows of one day's parts, file by file: a dataset holds on to what it has read (575 MiB for 66,000 rows, this 182)."""
    for part in sorted(day.glob("part-*.parquet")):
        with pq.ParquetFile(part) as file:
            there = [name for name in columns if name in file.schema_arrow.names]
            for batch in file.iter_batches(_PAGE_ROWS, columns=there, use_threads=False):
                yield from (dict.fromkeys(columns) | row for row in batch.to_pylist())


def _page(row: dict[str, Any], page_id: str | None) -> dict[str, Any]:
    """A line of pages.jsonl: ``url`` and ``ts`` are those of the record, or players do not find it; then our own columns."""
    page = {
        "id": page_id or str(uuid.uuid5(NAMESPACE, row["warc_record_id"])),
        "url": row["url"],
        "ts": f"{row['fetched_at']:%Y-%m-%dT%H:%M:%SZ}",
        "title": row["title"] or row["url"],
        "text": row["text"],
        "description": row["description"],
        "authors": [author["name"] for author in row["authors"] or []],
        "published_at": row["published_at"] and row["published_at"].isoformat(),
        "modified_at": row["modified_at"] and row["modified_at"].isoformat(),
        "language": row["language"],
        "site": row["site_name"],
        "section": row["section"],
        "article_id": row["article_id"],
        "version": row["version"],
    }
    return {name: value for name, value in page.items() if value not in (None, [])}
