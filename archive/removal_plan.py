"""Finding all that a takedown takes: an article in all its versions and under all its addresses, or a host; with requests,
notes, revisits, and the requisites that nothing else names."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from archive import foreign
from archive.capture import media_type
from archive.collection import Collection, CollectionError
from archive.excerpt import Excerpt, is_about
from archive.http import content, parse_head
from archive.reader import Record, captures
from archive.removal import Plan, Rewritten, next_name
from archive.sources import load
from archive.tombstones import Target, TargetError, Tombstone
from archive.url import surt

_COLUMNS = [
    "url_surtkey",
    "warc_record_id",
    "warc_filename",
    "page_id",
    "purpose",
    "url",
    "refers_to_record_id",
    "content_mime_type",
]
_ABOUT = re.compile(r"urn:[a-z-]+:(https?://.*)", re.DOTALL)  # urn:text:https://…, as Browsertrix has them
_NAMING = ("text/html", "application/xhtml+xml", "text/css", "image/svg+xml")
_MOST_BODY = 16 << 20
# the last part of a path, and its query, wherever an address ends
_TAIL = re.compile(r"([^/\s\"'()<>\\,#?]+(?:\?[^\s\"'()<>\\,#]*)?)(?=[\s\"'()<>\\,#]|$)")


class _Row(NamedTuple):
    """What is asked of a capture."""

    key: str
    record_id: str
    filename: str
    page_id: str | None
    purpose: str | None
    url: str
    original: str | None
    mime: str | None

    @property
    def is_requisite(self) -> bool:
        """Whether it was fetched for a page; others do not say so, but no page is anything else than HTML."""
        return self.purpose == "requisite" or (self.purpose is None and self.mime not in _NAMING[:2])


@dataclass(slots=True)
class Found:
    """What goes: SURT keys, ids of articles and of captures, with the WARC files that hold them. ``requisites`` counts those of
    the captures that go since nothing else names them, ``kept`` those that something names; ``damaged`` are places that could
    not be read."""

    target: Target
    keys: set[str] = field(default_factory=set)
    articles: set[str] = field(default_factory=set)
    article_rows: int = 0
    records: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    requisites: int = 0
    kept: int = 0
    damaged: list[str] = field(default_factory=list)

    def take(self, row: _Row) -> bool:
        """Let a capture go."""
        self.records.add(row.record_id)
        self.files.add(row.filename)
        return True

    def covers(self, key: str) -> bool:
        """Whether what has this SURT key goes."""
        return key in self.keys or self.target.covers(key)


def find(collection: Collection, target: Target, tick: Callable[[], None] = lambda: None) -> Found:
    """All that goes with a target. ``tick`` is called for every record that is read. Raises TargetError if there is nothing."""
    found = Found(target)
    if target.kind == "address":
        _add_articles(collection, found)
    going = (row for row in _rows(collection) if found.covers(row.key) and found.take(row))
    pages = {row.page_id for row in going if row.page_id and not row.is_requisite}
    of_pages = (row for row in _rows(collection) if row.page_id in pages and row.is_requisite)
    _add_requisites(collection, found, [row for row in of_pages if row.record_id not in found.records], tick)
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
            if cells[2] in names:
                known.add(cells[1])
            yield _Row(*cells)
    for path in left:
        for one in captures(path):
            if one.record_id not in known:
                original = one.original.record_id if one.original else None
                cells = (surt(one.url), one.record_id, one.filename, one.page_id, one.purpose, one.url, original)
                yield _Row(*cells, media_type(one.content_type))


def _untabulated(collection: Collection) -> list[Path]:
    journals = (collection.path / "state").glob("untabulated-*")
    names = {name for journal in journals for name in journal.read_text().split()}
    return [path for name in sorted(names) if (path := collection.archive / name).exists()]


def _add_articles(collection: Collection, found: Found) -> None:
    """The article of an address, and all addresses under which it was ever found."""
    identity = hashlib.sha256(found.target.key.encode()).hexdigest()[:32]
    columns = ["article_id", "url_surtkey", "url", "requested_url", "canonical_url"]
    dataset, more = collection.articles.dataset(), {identity}
    found.keys.add(found.target.key)
    for batch in dataset.to_batches(columns=columns):
        for row in batch.to_pylist():
            if found.keys & _keys(row):
                more.add(row["article_id"])
    for batch in dataset.to_batches(columns=columns):
        for row in batch.to_pylist():
            if row["article_id"] in more:
                found.articles.add(row["article_id"])
                found.keys |= _keys(row)


def _keys(row: dict[str, Any]) -> set[str]:
    others = {row["requested_url"], row["canonical_url"]} - {row["url"], None}
    return {row["url_surtkey"], *map(surt, others)}


def _count_articles(collection: Collection, found: Found) -> int:
    """The article rows that go; the records of those that are of the article go, too."""
    count = 0
    for batch in collection.articles.dataset().to_batches(columns=["article_id", "warc_record_id", "warc_filename"]):
        for article, record_id, filename in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            if article in found.articles or record_id in found.records:
                count += 1
                found.records.add(record_id)
                found.files.add(filename)
    return count


def _add_requisites(collection: Collection, found: Found, wanted: list[_Row], tick: Callable[[], None]) -> None:
    """Of what was fetched for the pages that go, that which no other page or stylesheet names."""
    if not wanted:
        return
    going = found.records | {row.record_id for row in wanted}
    named = _named_elsewhere(collection, found, {_tail(row.url) for row in wanted}, going, tick)
    for row in wanted:
        if _tail(row.url) not in named:
            found.requisites += found.take(row)
    found.kept = len(wanted) - found.requisites


def _named_elsewhere(
    collection: Collection, found: Found, names: set[str], going: set[str], tick: Callable[[], None]
) -> set[str]:
    """The names of files that records speak of which stay."""
    named: set[str] = set()
    for path in sorted(collection.archive.iterdir()):
        for item in foreign.read_records(path) if not path.name.startswith(".") else ():
            tick()
            if isinstance(item, Record) and not is_about(item, going) and not _is_meant(item, found):
                named |= names.intersection(_tails(item))
    return named


def _tails(record: Record) -> Iterable[str]:
    head = parse_head(record.block) if record.kind == "response" else None
    if head is None or media_type(head.get("content-type")) not in _NAMING:
        return ()
    try:
        text = content(record.block, _MOST_BODY).decode("utf-8", "replace")
    except ValueError:
        return ()
    return (unquote(tail) for tail in _TAIL.findall(html.unescape(text)))


def _tail(url: str) -> str:
    parts = urlsplit(url)
    return unquote(parts.path.rpartition("/")[2] + (f"?{parts.query}" if parts.query else ""))


def _is_meant(record: Record, found: Found) -> bool:
    """Whether a record has an address that goes, or is about one."""
    address = record.get("WARC-Target-URI") or ""
    about = _ABOUT.match(address)
    return bool(address) and found.covers(surt(about[1] if about else address))


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
