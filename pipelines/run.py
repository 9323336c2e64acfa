"""One crawl into one collection: its recorder, its rows, its workers, and what a crawl before it left undone."""

from __future__ import annotations

import contextlib
import math
import os
import sqlite3
import threading
from collections.abc import Collection as Collection_
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import pyarrow.dataset as ds

from archive.capture import Capture
from archive.cdxj_file import Lines, add_files, merge, merged
from archive.cdxj_lines import capture_line
from archive.collection import Collection
from archive.compaction import compact
from archive.exchange import Exchange
from archive.http import split_interim
from archive.lock import WriterLock
from archive.originals import Originals
from archive.reader import RecordError, captures
from archive.record import Original
from archive.recovery import Recovered, recover
from archive.rights import Policy
from pipelines.article import Page
from pipelines.recipes import Recipes
from pipelines.record import Recorder
from pipelines.rows import Rows, new_crawl_id
from pipelines.takedown import finish

_runs: WeakKeyDictionary[Any, Run] = WeakKeyDictionary()


def current(crawler: Any) -> Run | None:
    """The run that ``crawler`` records into, or None if it records nothing (``scrapy shell``)."""
    return _runs.get(crawler)


class Run(Rows):
    """What a crawl writes: records and their rows. ``crawl_id`` names it in every row and file."""

    def __init__(
        self,
        collection: Collection,
        info: Iterable[tuple[str, str]],
        max_bytes: int,
        recipes: Recipes | None = None,
        *,
        max_seconds: float = math.inf,
        policy: Policy = "standard",
    ) -> None:
        crawl_id = new_crawl_id()
        self.lock = WriterLock(collection, "a crawl")
        finish(collection)
        self.recovered: list[Recovered] = recover(collection.archive)
        self._journal = Journal(collection.path / "state" / f"untabulated-{crawl_id}")
        self.originals = Originals(collection.path / "state" / "originals.sqlite", collection.archive)
        self.recorder = Recorder(
            collection.archive, info, max_bytes, self.originals, self._journal.add, max_seconds=max_seconds
        )
        super().__init__(collection, crawl_id, self.recorder.sync, recipes=recipes, policy=policy)
        self._index_lines: dict[str, Lines] = {}  # by WARC file
        self.closed = self._took_over = False

    def attach(self, crawler: Any) -> None:
        """Make this the run that ``crawler`` records into."""
        _runs[crawler] = self

    def record(self, exchange: Exchange) -> Capture:
        """Store an exchange and its row. Raises OSError if the disk refuses."""
        capture = self.recorder.record(exchange)
        if line := capture_line(capture, exchange):
            with contextlib.suppress(OSError):  # the disk is full: it stays in memory
                self._lines_of(capture.filename).add(line)
        self.note_obstacle(capture, split_interim(exchange.response)[1])
        self.add_capture(capture)
        return capture

    def _lines_of(self, filename: str) -> Lines:
        if (lines := self._index_lines.get(filename)) is None:
            lines = self._index_lines[filename] = Lines(self.collection.index.parent)
        return lines

    def note_links(self, page: Page, capture: Capture) -> None:
        """Store where a page leads, as a metadata record, unless that was done when its bytes were stored; left out if the disk
        refuses, for the page itself has it too."""
        if not capture.is_not_modified:
            self.note_outlinks((link["url"] for link in page.links), capture)

    def note_outlinks(self, urls: Iterable[str], capture: Capture) -> None:
        """Store addresses that a document names, likewise."""
        if links := dict.fromkeys(urls):
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
        """The rows of crashed runs are published now, or will be when this one closes; their files come into the index, too."""
        self._took_over = True
        if self.gathering and not self.closed:
            return  # a page of them waits for others of its article
        journals = self._stale_journals()
        paths = [self.collection.archive / name for journal in journals for name in journal.read_text().split()]
        if found := [path for path in paths if path.exists()]:
            add_files(self.collection.index, found)
        for journal in journals:
            journal.unlink()

    def _stale_journals(self) -> list[Path]:
        return [path for path in sorted(self._journal.path.parent.glob("untabulated-*")) if path != self._journal.path]

    def finished_files(self) -> list[str]:
        """The WARC files of this run that are closed and whose rows are all published, as far as they are not yet settled."""
        needed = {*self.tabulator.unpublished_files, self.recorder.writer.names[-1]}
        return [name for name in self._journal.names if name not in needed]

    def settle_files(self, names: Collection_[str]) -> None:
        """Put finished files into the index; a crash has nothing left to do about them. For a thread beside the event loop;
        raises OSError if the disk refuses."""
        lines = [self._index_lines[name] for name in names if name in self._index_lines]
        merge(self.collection.index, merged(lines), names)
        for name in names:
            self._index_lines.pop(name, None)
        self._journal.drop(names)

    def compact(self) -> int:
        """Merge some small parts of a finished day of each table; returns how many parts less there are. Not while others are
        published; for a thread beside the event loop. Raises OSError."""
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        count = compact(self.collection.captures, today)
        with contextlib.suppress(sqlite3.Error):  # what was not learned from a part would be lost with its name
            if not self.sites.missing():
                count += compact(self.collection.articles, today, self.versions.forget_parts)
        return count

    def close(self) -> None:
        """Publish all rows, finish the WARC file, index it. May be called again; raises OSError if the disk refuses."""
        if self.closed:
            return
        self.closed = True
        for row in self.rest():
            self.tabulator.add_article(row)
        batch = self.tabulator.take(everything=True)
        try:
            self.tabulator.publish(batch)
            if self._took_over:
                self.forget_untabulated()
        finally:
            self.recorder.close()
            self.sites.close()
            self.versions.close()
        merge(self.collection.index, merged(self._index_lines.values()), self._journal.names)
        self._journal.path.unlink(missing_ok=True)
        self.lock.release()


class Journal:
    """The names of WARC files whose rows may not all be published: what to look at after a crash."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.names: list[str] = []
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)

    def add(self, name: str) -> None:
        """Note one more file, durably; to be called before it is made. Raises OSError if the disk refuses."""
        with self._lock:
            self._write([*self.names, name])

    def drop(self, names: Collection_[str]) -> None:
        """Strike files out. Raises OSError if the disk refuses."""
        with self._lock:
            self._write([name for name in self.names if name not in names])

    def _write(self, names: list[str]) -> None:
        partial = self.path.with_name("." + self.path.name)
        with partial.open("w") as file:
            file.write("".join(name + "\n" for name in names))
            file.flush()
            os.fsync(file.fileno())
        partial.rename(self.path)
        self.names = names


def _known_records(collection: Collection, filename: str) -> set[str]:
    wanted = ds.field("warc_filename") == filename
    table = collection.captures.dataset().to_table(columns=["warc_record_id"], filter=wanted)
    return {str(record_id) for record_id in table.column("warc_record_id").to_pylist()}


def _readable(path: Path) -> Iterator[Capture]:
    try:
        yield from captures(path)
    except RecordError:
        return
