"""Finding all that a takedown takes: an article in all its versions and under all its addresses, or a host; with requests,
notes, revisits, and the requisites that nothing else names."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.dataset as ds

from archive import foreign
from archive.capture import media_type
from archive.collection import Collection, CollectionError
from archive.excerpt import Excerpt, is_about
from archive.names import PAGE_TYPES, canonical_of, name_of, names_in
from archive.reader import Record, RecordError, captures
from archive.removal import PAGES, Plan, Rewritten, next_name
from archive.sources import load
from archive.tombstones import Target, TargetError, Tombstone, identity
from archive.url import site_key, surt

_COLUMNS = ["warc_record_id", "warc_filename", "page_id", "purpose", "url", "refers_to_record_id", "content_mime_type"]
_COLUMNS += ["warc_record_offset", "warc_record_length", "fetch_redirect"]
_ABOUT = re.compile(r"urn:[a-z-]+:(https?://.*)", re.DOTALL)  # urn:text:https://…, as Browsertrix has them
_HOPS = 3  # redirects in a row


class _Row(NamedTuple):
    """What is asked of a capture."""

    record_id: str
    filename: str
    page_id: str | None
    purpose: str | None
    url: str
    original: str | None
    mime: str | None
    offset: int
    length: int
    redirect: str | None

    @property
    def is_requisite(self) -> bool:
        """Whether it was fetched for a page; others do not say so, but no page is anything else than HTML."""
        return self.purpose == "requisite" or (self.purpose is None and self.mime not in PAGE_TYPES)


@dataclass(slots=True)
class Found:
    """What goes: identities of addresses and their ``hosts``, ids of articles and of captures, with the files that hold them.

    ``requisites`` counts those of the captures that go since nothing else names them, ``kept`` those that something names;
    ``twins`` are addresses of other articles with the same text, ``damaged`` places that could not be read.
    """

    target: Target
    hosts: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    articles: set[str] = field(default_factory=set)
    article_rows: int = 0
    records: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    requisites: int = 0
    kept: int = 0
    twins: set[str] = field(default_factory=set)
    damaged: list[str] = field(default_factory=list)

    def take(self, row: _Row) -> bool:
        """Let a capture go."""
        self.records.add(row.record_id)
        self.files.add(row.filename)
        return True

    def add_address(self, url: str) -> None:
        """Let an address go."""
        self.keys.add(identity(url))
        self.hosts.add(_host(url))

    def covers(self, url: str) -> bool:
        """Whether what has this address goes."""
        if self.target.kind != "address":
            return self.target.covers(url)
        return _host(url) in self.hosts and identity(url) in self.keys


def find(collection: Collection, target: Target, tick: Callable[[], None] = lambda: None) -> Found:
    """All that goes with a target. ``tick`` is called for every record that is read. Raises TargetError if there is nothing."""
    found = Found(target)
    if target.kind == "address":
        _add_articles(collection, found, tick)
    going = (row for row in _rows(collection) if found.covers(row.url) and found.take(row))
    pages = {row.page_id for row in going if row.page_id and not row.is_requisite}
    of_pages = (row for row in _rows(collection) if row.page_id in pages and row.is_requisite)
    _add_requisites(collection, found, [row for row in of_pages if row.record_id not in found.records], tick)
    _add_redirects(collection, found)
    for row in _rows(collection):
        if row.original in found.records:
            found.take(row)
    found.article_rows = _count_articles(collection, found)
    if not found.records and not found.article_rows:
        raise TargetError(f"{target.given}: nothing of it is in {collection.path}")
    return found


def _rows(collection: Collection) -> Iterator[_Row]:
    """All captures: those that have rows, and those that a crash left without."""
    left, known = _untabulated(collection), set[str]()
    names = {path.name for path in left}
    for batch in collection.captures.dataset().to_batches(columns=_COLUMNS):
        for cells in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            if cells[1] in names:
                known.add(cells[0])
            yield _Row(*cells)
    for path in left:
        for one in captures(path):
            if one.record_id not in known:
                original = one.original.record_id if one.original else None
                cells = (one.record_id, one.filename, one.page_id, one.purpose, one.url, original)
                yield _Row(*cells, media_type(one.content_type), one.offset, one.length, one.row("")["fetch_redirect"])


def _untabulated(collection: Collection) -> list[Path]:
    journals = (collection.path / "state").glob("untabulated-*")
    names = {name for journal in journals for name in journal.read_text().split()}
    return [path for name in sorted(names) if (path := collection.archive / name).exists()]


def _add_articles(collection: Collection, found: Found, tick: Callable[[], None]) -> None:
    """The article of an address, and all addresses that it answered from or names as its own."""
    dataset, more = collection.articles.dataset(), {hashlib.sha256(found.target.key.encode()).hexdigest()[:32]}
    columns = ["article_id", "url", "canonical_url", "warc_record_id", "text_sha256", *_pages_of(dataset)]
    found.add_address(found.target.given)
    for batch in dataset.to_batches(columns=columns):
        for row in batch.to_pylist():
            if any(map(found.covers, _addresses(row))):
                more.add(row["article_id"])
    texts, told = set[str | None](), set[str]()
    for batch in dataset.to_batches(columns=columns):
        for row in batch.to_pylist():
            told.add(row["warc_record_id"])
            if row["article_id"] in more:
                found.articles.add(row["article_id"])
                for url in _addresses(row):
                    found.add_address(url)
                texts.add(row["text_sha256"])
    for batch in dataset.to_batches(
        columns=columns, filter=ds.field("text_sha256").isin(pa.array(texts - {None}, pa.string()))
    ):
        found.twins |= {row["url"] for row in batch.to_pylist() if row["article_id"] not in more}
    _add_pages_without_row(collection, found, told, tick)


def _add_pages_without_row(collection: Collection, found: Found, told: set[str], tick: Callable[[], None]) -> None:
    """Pages of the site that made no row, since they say the same or for whatever else, and name the article as their own."""
    site = site_key(found.target.given)
    for row in _rows(collection):
        is_page = row.mime in PAGE_TYPES and row.original is None and row.record_id not in told and not found.covers(row.url)
        if is_page and site_key(row.url) == site:
            tick()
            with suppress(RecordError, ValueError):
                record = collection.read_record(row.filename, row.offset, row.length)
                if found.covers(canonical_of(record, row.url) or row.url):
                    found.add_address(row.url)


def _add_redirects(collection: Collection, found: Found) -> None:
    """Redirects that lead to what goes. Their addresses may lead elsewhere another day, and are not refused."""
    led: set[str] = set()
    for _ in range(_HOPS):
        for row in _rows(collection):
            leads = row.redirect and row.record_id not in found.records
            if leads and (found.covers(row.redirect or "") or row.redirect in led):
                found.take(row)
                led.add(row.url)


def _addresses(row: dict[str, Any]) -> set[str]:
    """All addresses that an article's row names as its own."""
    pages = {page["url"] for page in row.get(PAGES) or ()}
    return {row["url"], *pages, row["canonical_url"] or row["url"]}


def _host(url: str) -> str:
    """The host of an address, as SURT keys have it."""
    return _host_key("".join(url.split("/", 3)[:3:2]))


@lru_cache(maxsize=4096)
def _host_key(origin: str) -> str:
    return surt(origin.replace(":", "://", 1)).partition(")")[0]


def _count_articles(collection: Collection, found: Found) -> int:
    """The article rows that go; the records of those that are of the article go, too."""
    count, dataset = 0, collection.articles.dataset()
    for batch in dataset.to_batches(columns=["article_id", "warc_record_id", "warc_filename", *_pages_of(dataset)]):
        for row in batch.to_pylist():
            places = [row, *(row.get(PAGES) or ())]
            if row["article_id"] in found.articles or any(one["warc_record_id"] in found.records for one in places):
                count += 1
                found.records |= {one["warc_record_id"] for one in places}
                found.files |= {one["warc_filename"] for one in places}
    return count


def _pages_of(dataset: ds.Dataset) -> list[str]:
    """The column with the pages of articles that go on, if the table has it."""
    return [PAGES] if PAGES in dataset.schema.names else []


def _add_requisites(collection: Collection, found: Found, wanted: list[_Row], tick: Callable[[], None]) -> None:
    """Of what was fetched for the pages that go, that which no other page or stylesheet names."""
    if not wanted:
        return
    named, by_them = _names(collection, found, wanted, tick)
    kept: set[str] = set()
    while more := {row.record_id for row in wanted if name_of(row.url) in named} - kept:
        kept |= more
        named = named.union(*(by_them.get(record_id, set()) for record_id in more))
    for row in wanted:
        if row.record_id not in kept:
            found.requisites += found.take(row)
    found.kept = len(wanted) - found.requisites


def _names(
    collection: Collection, found: Found, wanted: list[_Row], tick: Callable[[], None]
) -> tuple[set[str], dict[str, set[str]]]:
    """Which of the wanted names records speak of that stay, and which each of the wanted ones does: stylesheets name others."""
    names, ids = {name_of(row.url) for row in wanted}, {row.record_id for row in wanted}
    named, by_them = set[str](), dict[str, set[str]]()
    for path in sorted(collection.archive.iterdir()):
        for item in foreign.read_records(path) if not path.name.startswith(".") else ():
            tick()
            if isinstance(item, foreign.Damage) or is_about(item, found.records) or _is_meant(item, found):
                continue
            record_id = item.get("WARC-Record-ID") or ""
            speaks = by_them.setdefault(record_id, set()) if record_id in ids else named
            speaks |= names.intersection(names_in(item))
    return named, by_them


def _is_meant(record: Record, found: Found) -> bool:
    """Whether a record has an address that goes, or is about one."""
    address = record.get("WARC-Target-URI") or ""
    about = _ABOUT.match(address)
    return bool(address) and found.covers(about[1] if about else address)


def plan(collection: Collection, found: Found, reason: str, tick: Callable[[], None] = lambda: None) -> Plan:
    """What is to be done. ``tick`` is called for every record that is read. Raises CollectionError if a file of somebody else
    cannot be read."""
    files = [_rewritten(collection, name, found, tick) for name in sorted(found.files)]
    now = f"{datetime.now(UTC):%FT%TZ}"
    tombstone = Tombstone(found.target.given, now, reason, sorted(found.keys), len(found.records), found.article_rows)
    return Plan(tombstone, sorted(found.records), sorted(found.articles), [file for file in files if file])


def _rewritten(collection: Collection, name: str, found: Found, tick: Callable[[], None]) -> Rewritten | None:
    path, ours = collection.warc_path(name), not collection.is_foreign(name)
    if not ours and not (source := load(collection, name)):
        raise CollectionError(f"{name}: nothing is known of this file")
    if not path.exists():
        mend = f"restore {source.path if not ours and source else 'it'}"
        raise CollectionError(f"{path}: the file is missing, and rows point into it; {mend}, then run the same command again")
    if not ours and source and not source.finished:
        raise CollectionError(f"{name}: its rows are not complete; run the same scrapy extract again first")
    kept, removed, worth = list[tuple[int, int]](), list[tuple[int, int]](), False
    for item in foreign.read_records(path):
        tick()
        if isinstance(item, foreign.Damage):
            found.damaged.append(f"{name} at {item.offset}: {item.reason}")
        elif is_about(item, found.records) or _is_meant(item, found):
            removed.append((item.offset, item.length))
        else:
            kept.append((item.offset, item.length))
            worth = worth or item.kind not in ("warcinfo", None)
    # of somebody's file whole records alone are copied: what was round them there is not ours to tell
    excerpt = Excerpt.without(path.stat().st_size, removed) if ours else Excerpt(_joined(kept))
    return Rewritten(name, next_name(collection.archive, name) if worth else None, excerpt.runs, not ours)


def _joined(places: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Neighbouring places as one."""
    begin = end = 0
    for offset, length in places:
        if offset != end:
            yield begin, end - begin
            begin = offset
        end = offset + length
    yield begin, end - begin
