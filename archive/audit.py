"""What of a collection would not replay, and why: records that no player reads, and pages that lack what they load.

``verify`` asks whether records and rows are true; this asks whether somebody could look at them. The rules are those of
ReplayWeb.page and pywb, found by trying (docs/decisions.md).
"""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from archive import foreign
from archive.cdxj import Entry, Index
from archive.collection import Collection
from archive.http import Head, content, parse_head
from archive.reader import Record, RecordError
from archive.requisites import Reference, read
from archive.warc import OPEN_SUFFIX

_REQUEST_LINE = re.compile(rb"[A-Z]+ \S+ HTTP/1\.[01]\r?\n")
_READABLE: tuple[list[str], ...] = (["gzip"], ["br"], ["identity"], [])
_CODINGS = {"gzip", "x-gzip", "br", "deflate", "zstd", "compress", "x-compress"}
_MOST_CSS = 2_000  # stylesheets whose references are remembered
_DEPTH = 3
_DOCUMENT = 16 << 20  # bytes of a document that is looked through


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
    """What one page loads, itself and by its stylesheets: number of addresses, and those that the collection has not.

    ``other_scheme`` are those that it has under http instead of https, or the other way round: one player finds these.
    """

    url: str
    references: int
    missing: tuple[str, ...]
    other_scheme: tuple[str, ...]

    @property
    def coverage(self) -> float:
        """Percent of what the page loads that the collection has."""
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
        audit_pages(collection, index, article_rows(collection, sample), found, tick)
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
    if head.codings not in _READABLE and _CODINGS & set(head.codings):
        yield "content coding", f"{url}: no player reads a body in {', '.join(head.codings)}"


def article_rows(collection: Collection, sample: int | None, crawl_id: str | None = None) -> list[dict[str, Any]]:
    """The pointers of article rows, of one crawl or all: of ``sample`` of them, spread evenly, or all."""
    columns = ["url", "warc_filename", "warc_record_offset", "warc_record_length", "crawl_id"]
    table = collection.articles.dataset().to_table(columns=columns)
    places = [n for n, name in enumerate(table.column("crawl_id").to_pylist()) if crawl_id in (None, name)]
    if sample is not None and len(places) > sample:
        places = [places[n * len(places) // sample] for n in range(sample)]
    rows: list[dict[str, Any]] = table.take(pa.array(places, pa.int64())).to_pylist()
    return rows


def audit_pages(
    collection: Collection, index: Index, rows: Iterable[dict[str, Any]], found: Audit, tick: Callable[[], None] = lambda: None
) -> None:
    """Look at what the pages of article rows load."""
    holdings = _Holdings(collection, index)
    for row in rows:
        try:
            record = collection.read_record(row["warc_filename"], row["warc_record_offset"], row["warc_record_length"])
            references = _references(record, row["url"])
        except (RecordError, ValueError) as error:
            found.problems.append(Problem("page", row["url"], str(error)))
        else:
            found.pages.append(holdings.look(row["url"], references))
        tick()


def _references(record: Record, url: str) -> list[Reference]:
    head = parse_head(record.block)
    return read(content(record.block, _DOCUMENT), url, head.get("content-type") if head else None)


class _Holdings:
    """What a collection has, by address; stylesheets are opened once."""

    def __init__(self, collection: Collection, index: Index) -> None:
        self._collection, self._index = collection, index
        self._sheets: OrderedDict[str, list[Reference]] = OrderedDict()

    def look(self, url: str, references: list[Reference]) -> PageAudit:
        """Follow what a page loads through its stylesheets, at most three levels."""
        wanted: dict[str, bool] = {}
        other: list[str] = []
        waiting = [(reference, 1) for reference in references]
        while waiting:
            reference, depth = waiting.pop()
            if reference.url in wanted:
                continue
            entry = self._entry(reference.url)
            wanted[reference.url] = entry is not None
            if entry is None and self._entry(_other_scheme(reference.url)):
                other.append(reference.url)
            if entry and depth < _DEPTH and (reference.kind == "stylesheet" or entry.mime == "text/css"):
                waiting += [(one, depth + 1) for one in self._named_by(entry)]
        missing = tuple(sorted(one for one, held in wanted.items() if not held))
        return PageAudit(url, len(wanted), missing, tuple(sorted(other)))

    def _entry(self, url: str) -> Entry | None:
        """A record that answers an address itself: players take http and https for different things."""
        entries = (entry for entry in self._index.lines(url) if entry.url == url)
        return next((entry for entry in entries if entry.status is None or entry.status < 400), None)

    def _named_by(self, entry: Entry) -> list[Reference]:
        if entry.url not in self._sheets:
            self._sheets[entry.url] = self._read(entry)
            if len(self._sheets) > _MOST_CSS:
                self._sheets.popitem(last=False)
        return self._sheets[entry.url]

    def _read(self, entry: Entry) -> list[Reference]:
        originals = (one for one in self._index.lines(entry.url) if one.url == entry.url and one.mime != "warc/revisit")
        for one in [entry] if entry.mime != "warc/revisit" else originals:
            try:
                record = self._collection.read_record(one.filename, one.offset, one.length)
                return _references(record, one.url)
            except (RecordError, ValueError):
                continue
        return []


def _other_scheme(url: str) -> str:
    return url.replace("http:", "https:", 1) if urlsplit(url).scheme == "http" else url.replace("https:", "http:", 1)
