"""What of a collection would not replay, and why: records that no player reads, and pages that lack what they load.

``verify`` asks whether records and rows are true; this asks whether somebody could look at them. The rules are those of
ReplayWeb.page and pywb, found by trying (docs/decisions.md).
"""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from archive import foreign
from archive.cdxj import Index
from archive.collection import Collection
from archive.http import Head, parse_head
from archive.playback import Fault, Playback, unreadable_coding
from archive.reader import Record, RecordError
from archive.requisites import DEPTH, Reference
from archive.warc import OPEN_SUFFIX

_REQUEST_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ \S+ HTTP/1\.[01]\r?\n")
_COLUMNS = ["url", "fetched_at", "warc_filename", "warc_record_offset", "warc_record_length"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that would not replay: its kind, where it is (file and offset, or address), and what is wrong."""

    kind: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, slots=True)
class PageAudit:
    """What one page loads, itself and by its stylesheets and frames: number of addresses, and those that a player does not get.

    ``other_scheme`` are those of them that the collection has under http instead of https, or the other way round: one player
    finds these. ``reasons`` says of each that is missing why.
    """

    url: str
    references: int
    missing: tuple[str, ...]
    other_scheme: tuple[str, ...]
    reasons: dict[str, str]

    @property
    def coverage(self) -> float:
        """Percent of what the page loads that a player gets."""
        return 100.0 * (1 - len(self.missing) / self.references) if self.references else 100.0


@dataclass(slots=True)
class Audit:
    """What was looked at, by kind, what would not replay, and the pages."""

    counts: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    pages: list[PageAudit] = field(default_factory=list)

    @property
    def coverage(self) -> float | None:
        """Mean coverage of the pages in percent, None if there is none."""
        return sum(page.coverage for page in self.pages) / len(self.pages) if self.pages else None

    def missing(self) -> list[tuple[str, int]]:
        """Addresses that pages lack, with the number of pages, most wanted first."""
        return Counter(url for page in self.pages for url in page.missing).most_common()


def audit(collection: Collection, sample: int | None = None, tick: Callable[[], None] = lambda: None) -> Audit:
    """Look at all records, and at the pages of all articles, or of ``sample`` of them spread over the table.

    Needs the index. Raises OSError if there is none.
    """
    found = Audit()
    with Index(collection.index) as index:
        audit_records(collection, found, tick)
        audit_pages(collection, index, article_rows(collection, sample), found, tick=tick)
    return found


def audit_records(collection: Collection, found: Audit, tick: Callable[[], None] = lambda: None) -> None:
    """Look at every record of every file."""
    held: set[int] = set()
    revisits: list[tuple[str, str, int, int]] = []
    for path in sorted(collection.archive.iterdir()):
        if path.name.endswith(OPEN_SUFFIX):
            continue
        try:
            for record in foreign.read_records(path):
                where = f"{path.name} at {record.offset}"
                if isinstance(record, foreign.Damage):
                    found.problems.append(Problem("damaged record", where, record.reason))
                    continue
                found.counts["records"] += 1
                found.problems += [Problem(kind, where, what) for kind, what in _record_problems(record)]
                _note_payload(record, where, held, revisits)
                tick()
        except RecordError as error:
            found.problems.append(Problem("file that cannot be indexed", path.name, str(error)))
    for where, url, *named in revisits:
        if held.isdisjoint(named):
            what = f"{url}: the record with its payload is in no file of the collection"
            found.problems.append(Problem("dangling revisit", where, what))


def _note_payload(record: Record, where: str, held: set[int], revisits: list[tuple[str, str, int, int]]) -> None:
    """Keep hashes of what revisits name their original by, record id or digest; many fit into memory."""
    digest = record.get("WARC-Payload-Digest")
    if record.kind in ("response", "resource"):
        held.add(hash(record.get("WARC-Record-ID")))
        if digest:
            held.add(hash(digest))
    elif record.kind == "revisit":
        url = record.get("WARC-Target-URI") or ""
        revisits.append((where, url, hash(record.get("WARC-Refers-To") or ("none", where)), hash(digest or ("none", where))))


def _record_problems(record: Record) -> Iterator[tuple[str, str]]:
    url = record.get("WARC-Target-URI") or ""
    if record.kind == "request" and url.startswith("http") and not _REQUEST_LINE.match(record.block):
        yield "malformed request", f"{url}: the request begins with {record.block[:40]!r}: players look the answer up by it"
    if record.kind == "response" and (head := parse_head(record.block)):
        yield from _head_problems(url, head)
        if record.get("WARC-Truncated"):
            yield "truncated", f"{url}: it was cut off ({record.get('WARC-Truncated')})"
    for fault in foreign.digest_faults(record):
        yield "digest", f"{url}: {fault}"


def _head_problems(url: str, head: Head) -> Iterator[tuple[str, str]]:
    if coding := unreadable_coding(head):
        yield "content coding", f"{url}: no player reads a body in {coding}"


def article_rows(collection: Collection, sample: int | None, crawl_id: str | None = None) -> Iterator[dict[str, Any]]:
    """The pointers of article rows, of one crawl or all: of ``sample`` of them, spread evenly, or all."""
    # parts are named after the crawl
    dataset = collection.articles.dataset("*" if crawl_id is None else f"{crawl_id}-*")
    total = dataset.count_rows()
    places = None if sample is None or total <= sample else {n * total // sample for n in range(sample)}
    rows = (row for batch in dataset.to_batches(columns=_COLUMNS) for row in batch.to_pylist())
    return (row for number, row in enumerate(rows) if places is None or number in places)


def audit_pages(
    collection: Collection,
    index: Index,
    rows: Iterable[dict[str, Any]],
    found: Audit,
    *,
    tick: Callable[[], None] = lambda: None,
    seconds: float = math.inf,
) -> None:
    """Look at what the pages of article rows load, for about so many ``seconds``."""
    playback, until = Playback(collection, index), time.monotonic() + seconds
    for row in rows:
        try:
            record = collection.read_record(row["warc_filename"], row["warc_record_offset"], row["warc_record_length"])
        except RecordError as error:
            found.problems.append(Problem("page", row["url"], str(error)))
        else:
            page = playback.page(record, row["url"])
            if page.fault is None:
                found.pages.append(_follow(row["url"], page.references, row["fetched_at"], playback))
            elif page.fault.kind == "damage":  # what else it may be, its record was told of
                found.problems.append(Problem("page", row["url"], page.fault.what))
        tick()
        if time.monotonic() > until:
            break


def _follow(url: str, references: list[Reference], moment: datetime, playback: Playback) -> PageAudit:
    """Ask for all that a page loads, and for what stylesheets and frames load in turn, as deep as a crawl goes."""
    faults: dict[str, Fault | None] = {}
    level = references
    for depth in range(1, DEPTH + 1):
        following: list[Reference] = []
        for reference in level:
            if reference.url not in faults:
                answer = playback.ask(reference.url, moment)
                faults[reference.url] = answer.fault
                following += answer.references if depth < DEPTH else []
        level = following
    missing = {one: fault for one, fault in sorted(faults.items()) if fault}
    other = tuple(one for one, fault in missing.items() if fault.kind == "scheme")
    return PageAudit(url, len(faults), tuple(missing), other, {one: fault.what for one, fault in missing.items()})
