"""Archive files of any origin become rows of a collection: found, linked, read, extracted, and taken up again after a crash.

The rows are made by the functions that make a crawl's. A file counts as finished once all its rows are published; until then it
is read again from its beginning, and records that have their row already are passed over: no row comes twice, none is missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from archive.capture import Capture, url_columns
from archive.collection import Collection
from archive.foreign import Damage, is_capture, read_records
from archive.reader import Record, RecordError, captures_of
from archive.rights import Policy
from archive.sources import Source, SourceError, forget, register, save
from pipelines.reading import Reading
from pipelines.recipes import Recipes
from pipelines.reclean import reclean
from pipelines.rows import PAGES, Rows, new_crawl_id
from pipelines.workers import Workers

_READ = PAGES | {None}  # files of others do not say what a page was fetched for
_PART_ROWS = 2_000
_NAMED = 20  # damaged places a file that are said; its source file in the collection has a thousand


@dataclass(slots=True)
class Tally:
    """What an extraction came to so far: ``counts`` by kind, and ``bytes`` of the input that are read. ``refused`` counts
    whole files that could not be read."""

    counts: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    refused: int = 0


class Extraction:
    """Reads archive files into a collection. ``tell`` is called with a line about each thing that is wrong, ``tick`` often."""

    def __init__(
        self,
        collection: Collection,
        workers: Workers,
        tell: Callable[[str], None] = lambda line: None,
        tick: Callable[[Tally], None] = lambda tally: None,
        recipes: Recipes | None = None,
        *,
        policy: Policy = "standard",
    ) -> None:
        self._collection, self._tell, self._tick = collection, tell, tick
        self._rows = Rows(collection, new_crawl_id(), lambda: None, _READ, recipes, policy=policy)
        self._reading = Reading(self._rows, workers)
        self._known = _Known(collection)
        self._ended: list[Source] = []
        self._unpublished = 0
        self.tally = Tally(self._rows.counts)

    def read(self, paths: Iterable[Path]) -> Tally:
        """Read files one after the other, publish their rows, and take out of all rows what their sites taught meanwhile; to be
        called once. Raises OSError if the collection cannot be written; what
        was published stays, and the same call goes on from there."""
        self._rows.sites.catch_up()
        for path in paths:
            try:
                self._read_file(path)
            except SourceError as error:
                self._refuse(str(error))
        self._publish(everything=True)
        # what is learned from the last page holds for the first one, too: the order of pages decides nothing
        recleaned = reclean(self._collection, self._rows.sites, tick=lambda: self._tick(self.tally))
        self.tally.counts["recleaned"] = recleaned.changed
        self._rows.sites.close()
        self._rows.versions.close()
        return self.tally

    def _read_file(self, path: Path) -> None:
        source = register(self._collection, path)
        before = self.tally.bytes
        if source.finished:
            self.tally.counts["finished_files"] += 1
        else:
            self._read_source(source, path)
        self.tally.bytes = before + source.bytes

    def _read_source(self, source: Source, path: Path) -> None:
        before = self.tally.bytes
        try:
            for capture, record in captures_of(self._whole(source, path), source.name, is_capture):
                self._add(source, capture, record)
                self.tally.bytes = before + record.offset + record.length
                self._tick(self.tally)
        except RecordError as error:
            self._refuse(f"{path}: {error}")
            forget(self._collection, source)
            return
        except _UnreadableError as error:
            self._refuse(f"{path}: cannot be read on ({error}); check the disk, then give it again")
            return
        if source.damaged > _NAMED:
            self._tell(
                f"{path}: {source.damaged - _NAMED:,} more damaged places, see {self._collection.sources / source.name}.json"
            )
        self.tally.counts["files"] += 1
        self._ended.append(source)

    def _whole(self, source: Source, path: Path) -> Iterator[Record]:
        """The records of a file that are whole; what is damaged is counted and named."""
        items = read_records(path)
        while True:
            try:
                item = next(items, None)
            except OSError as error:
                raise _UnreadableError(error.strerror) from error
            if item is None:
                return
            if isinstance(item, Damage):
                self._pass_over(source, item)
            else:
                source.counts["records"] = source.counts.get("records", 0) + 1
                self.tally.counts["records"] += 1
                yield item

    def _pass_over(self, source: Source, damage: Damage) -> None:
        source.note(damage)
        self.tally.counts["damaged"] += 1
        if source.damaged <= _NAMED:
            self._tell(f"{source.path} at {damage.offset}: {damage.reason}; passed over")

    def _add(self, source: Source, capture: Capture, record: Record) -> None:
        self._reading.look(capture, lambda: record)
        if capture.record_id in self._known:
            self.tally.counts["known"] += 1
            return
        try:
            url_columns(capture.url)
        except ValueError:
            self._pass_over(source, Damage(capture.offset, f"{capture.url!r} is no address"))
            return
        if gone := self._rows.tombstones.of(capture.url):
            capture.extraction, capture.reason = "taken_down", gone.words
            self.tally.counts["taken_down"] += 1
        elif capture.record_type == "revisit" and capture.purpose in _READ:
            capture.extraction, capture.reason = self._known.state_of_revisit(capture, record)
        self._known.add(capture)
        if capture.extraction is None:
            self._rows.note_obstacle(capture, record.block)
        self.tally.counts["captures"] += 1
        self._rows.add_capture(capture)
        if capture.extraction is None and self._rows.is_page(capture):
            self._reading.add(capture, record)
        self._unpublished += 1
        if self._unpublished >= _PART_ROWS:
            self._publish()

    def _publish(self, *, everything: bool = False) -> None:
        """Publish the rows there are. Pages that wait for others of their article wait for the end, since those may be in any
        file, and so do the files that have them."""
        self._reading.finish()
        for row in self._rows.rest() if everything else ():
            self._rows.tabulator.add_article(row)
        self._rows.tabulator.publish(self._rows.tabulator.take())
        self._unpublished = 0
        waiting = self._rows.gathering.files()
        for source in [source for source in self._ended if source.name not in waiting]:
            source.finished = True
            save(self._collection, source)
            self._ended.remove(source)

    def _refuse(self, line: str) -> None:
        self.tally.refused += 1
        self._tell(line)


class _UnreadableError(Exception):
    """An input file that the system refuses to read; apart from a collection that cannot be written."""


class _Known:
    """The records that have rows, by id, and their payloads by digest; as hashes, since there are many."""

    def __init__(self, collection: Collection) -> None:
        self._ids: set[int] = set()
        self._digests: set[int] = set()
        for batch in collection.captures.dataset().to_batches(columns=["warc_record_id", "warc_record_type", "content_digest"]):
            for record_id, kind, digest in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                self._note(record_id, kind, digest)

    def __contains__(self, record_id: str) -> bool:
        return hash(record_id) in self._ids

    def add(self, capture: Capture) -> None:
        self._note(capture.record_id, capture.record_type, capture.digest)

    def _note(self, record_id: str, kind: str, digest: str | None) -> None:
        self._ids.add(hash(record_id))
        if kind == "response" and digest:
            self._digests.add(hash(digest))

    def state_of_revisit(self, capture: Capture, record: Record) -> tuple[str, str]:
        """What becomes of a revisit: the record that holds its bytes has said it already, or it is not here."""
        refers = record.get("WARC-Refers-To")
        if refers and refers in self:
            return "unchanged", f"the same bytes as {refers}"
        if capture.digest and hash(capture.digest) in self._digests:
            return "unchanged", f"the same bytes as a record with payload {capture.digest}"
        return "failed", "a revisit, and the record that holds its bytes is not in the collection"
