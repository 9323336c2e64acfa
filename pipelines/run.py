"""One crawl into one collection: its recorder, its rows, its workers, and what a crawl before it left undone."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import pyarrow.dataset as ds

from archive.capture import Capture, media_type
from archive.cdxj import Lines, add_files, capture_line, merge
from archive.collection import Collection
from archive.exchange import Exchange
from archive.originals import Originals
from archive.reader import RecordError, captures
from archive.record import Original
from archive.recovery import Recovered, recover
from pipelines.article import Page
from pipelines.dedupe import Versions
from pipelines.record import Recorder
from pipelines.tabulate import ArticleRow, Found, Tabulator, article_row

HTML = frozenset({"text/html", "application/xhtml+xml"})
PAGES = frozenset({"page", "section", "front_page"})

_runs: WeakKeyDictionary[Any, Run] = WeakKeyDictionary()


def current(crawler: Any) -> Run | None:
    """The run that ``crawler`` records into, or None if it records nothing (``scrapy shell``)."""
    return _runs.get(crawler)


def is_page(capture: Capture) -> bool:
    """Whether a capture is a whole HTML page that was fetched to be read."""
    return capture.purpose in PAGES and capture.status == 200 and capture.truncated is None and is_html(capture)


def _unread(capture: Capture) -> tuple[str | None, str | None]:
    """What became of a page that nobody will read, as its capture alone tells."""
    if capture.status == 304 and capture.original:
        return "unchanged", "not modified, says the server"
    if capture.status is None or capture.truncated or capture.status >= 400:
        return "failed", capture.error or f"http {capture.status}"
    if capture.status == 200 and not is_html(capture):
        return "not_article", f"media type {media_type(capture.content_type)}"
    return None, None


def is_html(capture: Capture) -> bool:
    """Whether the answer calls itself HTML, or nothing."""
    return (media_type(capture.content_type) or "text/html") in HTML


class Run:
    """What a crawl writes. ``crawl_id`` names it in every row and file."""

    def __init__(self, collection: Collection, info: Iterable[tuple[str, str]], max_bytes: int) -> None:
        self.collection = collection
        self.crawl_id = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}"
        self.recovered: list[Recovered] = recover(collection.archive)
        for table in (collection.articles, collection.captures):
            table.drop_partial()
        self._journal = Journal(collection.path / "state" / f"untabulated-{self.crawl_id}")
        self.versions = Versions(collection.articles)
        self.originals = Originals(collection.path / "state" / "originals.sqlite", collection.archive)
        self.recorder = Recorder(collection.archive, info, max_bytes, self.originals, self._journal.add)
        self.tabulator = Tabulator(collection, self.crawl_id, self.recorder.sync)
        self._index_lines = Lines(collection.index.parent)
        self.closed = False

    def attach(self, crawler: Any) -> None:
        """Make this the run that ``crawler`` records into."""
        _runs[crawler] = self

    def record(self, exchange: Exchange) -> Capture:
        """Store an exchange and its row. Raises OSError if the disk refuses."""
        capture = self.recorder.record(exchange)
        if line := capture_line(capture, exchange):
            with contextlib.suppress(OSError):  # the disk is full: it stays in memory
                self._index_lines.add(line)
        self.add_capture(capture)
        return capture

    def add_capture(self, capture: Capture) -> None:
        """Take a capture's row; that of a page waits until the page was read."""
        if capture.purpose in PAGES:
            capture.extraction, capture.reason = _unread(capture)
        self.tabulator.add_capture(capture, awaits_reading=is_page(capture))

    def keep(self, page: Page, capture: Capture, found: Found, spider: str | None) -> ArticleRow | None:
        """The row of a page that is an article with something new to say, for ``Tabulator.add_article``; else None, and what
        became of the capture is settled."""
        if page.article is None:
            self.tabulator.settle(capture, page.verdict, page.reason)
            return None
        row = article_row(page.article, capture, found, self.crawl_id, spider)
        if self.versions.has(row):
            if capture.original:
                self.tabulator.settle(capture, "unchanged", "the same bytes as before")
            else:  # a crash came between the article's row and this one
                self.tabulator.settle(capture, "article", page.reason)
            return None
        if not self.versions.assign(row):
            self.tabulator.settle(capture, "unchanged", f"same as version {row['version']}")
            return None
        row.reason = page.reason
        return row

    def note_links(self, page: Page, capture: Capture) -> None:
        """Store where a page leads, as a metadata record; left out if the disk refuses, for the page itself has it too."""
        if links := dict.fromkeys(link["url"] for link in page.links):
            with contextlib.suppress(OSError):
                self.recorder.record_outlinks(capture, links)

    def untabulated(self) -> Iterator[Capture]:
        """Captures of crashed runs that no row points at; settle or add each, then call ``forget_untabulated``."""
        names = [name for journal in self._stale_journals() for name in journal.read_text().split()]
        for name in names:
            path = self.collection.archive / name
            if path.exists():
                known = _known_records(self.collection, name)
                for capture in _readable(path):
                    if capture.record_id not in known:
                        capture.original = self._located(capture)
                        yield capture

    def _located(self, capture: Capture) -> Original | None:
        """The original of a revisit, with its place if it is known."""
        known = self.originals.get(capture.url) if capture.original else None
        return known if known and capture.original and known.record_id == capture.original.record_id else capture.original

    def forget_untabulated(self) -> None:
        """The rows of crashed runs are published now; their files come into the index, too."""
        journals = self._stale_journals()
        paths = [self.collection.archive / name for journal in journals for name in journal.read_text().split()]
        if found := [path for path in paths if path.exists()]:
            add_files(self.collection.index, found)
        for journal in journals:
            journal.unlink()

    def _stale_journals(self) -> list[Path]:
        return [path for path in sorted(self._journal.path.parent.glob("untabulated-*")) if path != self._journal.path]

    def close(self) -> None:
        """Publish all rows, finish the WARC file, index it. May be called again; raises OSError if the disk refuses."""
        if self.closed:
            return
        self.closed = True
        batch = self.tabulator.take(everything=True)
        try:
            self.tabulator.publish(batch)
        finally:
            self.recorder.close()
        merge(self.collection.index, self._index_lines, self.recorder.writer.names)
        self._journal.path.unlink(missing_ok=True)


class Journal:
    """The names of WARC files whose rows may not all be published: what to look at after a crash."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._names: list[str] = []
        path.parent.mkdir(parents=True, exist_ok=True)

    def add(self, name: str) -> None:
        """Note one more file, durably; to be called before it is made. Raises OSError if the disk refuses."""
        partial = self.path.with_name("." + self.path.name)
        with partial.open("w") as file:
            file.write("\n".join([*self._names, name]) + "\n")
            file.flush()
            os.fsync(file.fileno())
        partial.rename(self.path)
        self._names.append(name)


def _known_records(collection: Collection, filename: str) -> set[str]:
    wanted = ds.field("warc_filename") == filename
    table = collection.captures.dataset().to_table(columns=["warc_record_id"], filter=wanted)
    return {str(record_id) for record_id in table.column("warc_record_id").to_pylist()}


def _readable(path: Path) -> Iterator[Capture]:
    try:
        yield from captures(path)
    except RecordError:
        return
