"""Proof: every record is whole and true to its digests, every row's pointer leads to the record that it names.

No validator at hand checks all of this: see docs/decisions.md for what each of them lets pass.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archive import foreign
from archive.collection import Collection
from archive.http import parse_head
from archive.reader import Record, RecordError, digest_faults, read_records, stands_for_capture
from archive.sources import Source, sources
from archive.warc import OPEN_SUFFIX

_MANDATORY = ("WARC-Type", "WARC-Record-ID", "WARC-Date", "Content-Length")
_POINTER = ("url", "content_digest", "warc_filename", "warc_record_offset", "warc_record_length", "warc_record_id")


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Something that is not as it says: where (file and offset, or table and address) and what is wrong."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(slots=True)
class Findings:
    """What was checked, by kind, and what did not hold; ``notes`` say why rows were not compared, with how many."""

    counts: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    mismatches: list[Mismatch] = field(default_factory=list)

    def deny(self, where: str, what: str) -> None:
        """Note a mismatch."""
        self.mismatches.append(Mismatch(where, what))


def verify(collection: Collection, tick: Callable[[], None] = lambda: None) -> Findings:
    """Check all records and all rows of a collection; ``tick`` is called after each."""
    findings = Findings()
    recorded: set[str] = set()
    referred: dict[str, str] = {}
    for path in collection.warc_files():
        findings.counts["files"] += 1
        _check_file(path, findings, recorded, referred, tick)
    for source in sources(collection):
        findings.counts["files"] += 1
        _check_source(collection, source, findings, recorded, tick)
    for record_id in sorted(referred.keys() - recorded):
        findings.deny(referred[record_id], f"it refers to {record_id}, which is in no file of the collection")
    pointed = _check_captures(collection, findings, tick)
    _check_articles(collection, findings, tick)
    for record_id in sorted(recorded - pointed):
        findings.deny(f"record {record_id}", "no row of the captures table points at it")
    return findings


def _check_file(path: Path, findings: Findings, recorded: set[str], referred: dict[str, str], tick: Callable[[], None]) -> None:
    seen: set[str] = set()
    try:
        for record in read_records(path):
            findings.counts["records"] += 1
            record_id = record.get("WARC-Record-ID") or ""
            for fault in _record_faults(record, seen):
                findings.deny(f"{path.name} at {record.offset}", fault)
            if record_id in seen or record_id in recorded:
                findings.deny(f"{path.name} at {record.offset}", f"record id {record_id} occurs twice")
            seen.add(record_id)
            if stands_for_capture(record):
                recorded.add(record_id)
            if original := record.get("WARC-Refers-To"):
                referred.setdefault(original, f"{path.name} at {record.offset}")
            tick()
    except RecordError as error:
        # the tail of a file that a crawl is writing to, or that a crash left, is recovery's business
        if not path.name.endswith(OPEN_SUFFIX):
            findings.deny(path.name, str(error))


def _check_source(
    collection: Collection, source: Source, findings: Findings, recorded: set[str], tick: Callable[[], None]
) -> None:
    """Check a file of somebody else's by what the standard says; what was damaged when it was read is counted."""
    noted = {offset for offset, _ in source.damages}
    if not source.finished:
        findings.deny(source.name, "its rows are not complete; run the same scrapy extract again")
    try:
        for item in foreign.read_records(collection.warc_path(source.name)):
            if item.offset in noted or (isinstance(item, foreign.Damage) and source.damaged > len(noted)):
                findings.counts["damaged"] += 1
            elif isinstance(item, foreign.Damage):
                findings.deny(f"{source.name} at {item.offset}", item.reason)
            else:
                findings.counts["records"] += 1
                for fault in foreign.digest_faults(item):
                    findings.deny(f"{source.name} at {item.offset}", fault)
                if foreign.is_capture(item):
                    recorded.add(item.get("WARC-Record-ID") or "")
            tick()
    except OSError as error:
        findings.deny(source.name, f"{source.path} cannot be read ({error.strerror}); rows point into it")
    except RecordError as error:
        findings.deny(source.name, str(error))


def _record_faults(record: Record, earlier: set[str]) -> Iterator[str]:
    for name in _MANDATORY:
        if record.get(name) is None:
            yield f"{name} is missing"
    if record.kind != "warcinfo" and not record.get("WARC-Target-URI"):
        yield "WARC-Target-URI is missing"
    concurrent = record.get("WARC-Concurrent-To")
    if concurrent and concurrent not in earlier:
        yield f"WARC-Concurrent-To names {concurrent}, which is not in this file"
    if record.kind == "revisit" and not record.get("WARC-Profile"):
        yield "WARC-Profile is missing"
    if record.kind in ("response", "revisit") and parse_head(record.block) is None:
        yield "the block is no HTTP response"
    try:
        yield from digest_faults(record)
    except ValueError as error:
        yield f"digest cannot be checked: {error}"


def _check_captures(collection: Collection, findings: Findings, tick: Callable[[], None]) -> set[str]:
    pointed: set[str] = set()
    for row in _rows(collection.captures.dataset(), [*_POINTER, "fetch_time", "fetch_status", "warc_record_type"]):
        findings.counts["captures"] += 1
        where = f"captures row for {row['url']}"
        if row["warc_record_id"] in pointed:
            findings.deny(where, f"a second row for record {row['warc_record_id']}")
        pointed.add(row["warc_record_id"])
        _check_pointer(collection, row, where, findings)
        tick()
    return pointed


def _check_articles(collection: Collection, findings: Findings, tick: Callable[[], None]) -> None:
    versions: set[tuple[str, int]] = set()
    columns = [*_POINTER, "article_id", "version", "fetched_at", "http_status", "pages"]
    for row in _rows(collection.articles.dataset(), columns):
        findings.counts["articles"] += 1
        where = f"articles row for {row['url']}"
        if (version := (row["article_id"], row["version"])) in versions:
            findings.deny(where, f"a second row for version {row['version']} of article {row['article_id']}")
        versions.add(version)
        same = {"warc_record_type": "response", "fetch_time": row["fetched_at"], "fetch_status": row["http_status"]}
        _check_pointer(collection, row | same, where, findings)
        for number, page in enumerate(row["pages"] or (), 1):
            _check_page(collection, page, f"{where}, page {number}", findings)
        tick()


def _reopened(collection: Collection, row: dict[str, Any], where: str, findings: Findings) -> Record | None:
    try:
        return collection.read_record(row["warc_filename"], row["warc_record_offset"], row["warc_record_length"])
    except RecordError as error:
        findings.deny(where, f"{row['warc_filename']} at {row['warc_record_offset']}: {error}")
        return None


def _check_page(collection: Collection, page: dict[str, Any], where: str, findings: Findings) -> None:
    """Reopen the record of a page of an article that goes on."""
    record = _reopened(collection, page, where, findings)
    if record and record.get("WARC-Record-ID") != page["warc_record_id"]:
        findings.deny(
            where, f"record id is {page['warc_record_id']} in the row and {record.get('WARC-Record-ID')} in the record"
        )


def _rows(dataset: Any, columns: list[str]) -> Iterator[dict[str, Any]]:
    for batch in dataset.to_batches(columns=columns):
        yield from batch.to_pylist()


def _check_pointer(collection: Collection, row: dict[str, Any], where: str, findings: Findings) -> None:
    """Reopen the record a row points at and compare what both say."""
    record = _reopened(collection, row, where, findings)
    if record is None:
        return
    head = parse_head(record.block) if record.kind in ("response", "revisit") else None
    claims = [
        ("record id", row["warc_record_id"], record.get("WARC-Record-ID")),
        ("record type", row["warc_record_type"], record.kind),
        ("address", row["url"], record.get("WARC-Target-URI")),
        ("date", row["fetch_time"], record.date),
        ("payload digest", row["content_digest"], record.get("WARC-Payload-Digest")),
        ("status", row["fetch_status"], head.status if head else None),
    ]
    for name, claimed, found in claims:
        if claimed != found:
            findings.deny(where, f"{name} is {claimed} in the row and {found} in the record")
    faults = foreign.digest_faults if collection.is_foreign(row["warc_filename"]) else digest_faults
    for fault in faults(record):
        findings.deny(where, fault)
