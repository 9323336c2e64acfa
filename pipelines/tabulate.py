"""From captures and articles to rows, and from rows to Parquet parts: never one that names bytes not yet durable."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archive.capture import Capture
from archive.collection import Collection
from archive.requisites import Reference
from archive.url import host_parts, surt
from pipelines.article import Article
from pipelines.dedupe import article_id

_PART_ROWS = 500
_FIELDS = tuple(field.name for field in dataclasses.fields(Article))


class ArticleRow(dict[str, Any]):
    """An item: one row of the articles table, all columns of ``archive.schema.ARTICLES``; ``reason`` is why it is one,
    ``capture_id`` names the record of the fetch that it was made from, ``pages`` are the captures of its further pages with
    what to say of each, ``requisites`` what its pages load, ``page_id`` the name of their load."""

    def __init__(self, *cells: Any, **more: Any) -> None:
        super().__init__(*cells, **more)
        self.reason = self.capture_id = ""
        self.page_id: str | None = None
        self.pages: list[tuple[Capture, str]] = []
        self.requisites: list[Reference] = []


@dataclass(frozen=True, slots=True)
class Found:
    """How an address was found: kind of source, the document that named it, the address as it stood there."""

    source: str
    via: str | None
    url: str


def article_row(article: Article, capture: Capture, found: Found, crawl_id: str, spider: str | None) -> ArticleRow:
    """The row for an article that was read from a capture; its version is given later (``dedupe.Versions``)."""
    host = capture.row(crawl_id)["url_host_name"]
    source = capture.original or capture  # a revisit has no body: the row points at the record that has
    row = ArticleRow({name: getattr(article, name) for name in _FIELDS})
    row |= {
        "article_id": article_id(article.canonical_url or capture.url),
        "version": 1,
        "url": capture.url,
        "requested_url": found.url,
        "url_surtkey": surt(capture.url),
        "url_host_name": host,
        "url_host_registered_domain": host_parts(host).registered_domain,
        "robots_allowed": None,
        "robots_warc_record_id": None,
        "replay_coverage": None,
        "requisites_missing": None,
        "prev_version_sha256": None,
        "site_boilerplate": [],
        "pages": [],
        "uncut_text_sha256": None,
        "fetched_at": source.date,
        "http_status": 200 if capture.is_not_modified else capture.status,
        "content_type": capture.content_type,
        "content_digest": source.digest,
        "warc_filename": source.filename,
        "warc_record_offset": source.offset,
        "warc_record_length": source.length,
        "warc_record_id": source.record_id,
        "discovery_source": found.source,
        "discovery_url": found.via,
        "crawl_id": crawl_id,
        "spider": spider,
    }
    row.capture_id = capture.record_id
    return row


@dataclass(slots=True)
class Batch:
    """Rows on their way to the disk."""

    articles: list[dict[str, Any]] = field(default_factory=list)
    captures: list[dict[str, Any]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.articles) + len(self.captures)


class Tabulator:
    """Gathers rows and publishes them in parts. ``sync`` makes the records durable that the rows name; ``learn`` is told of
    published parts of the articles table and their rows.

    A capture that waits for its page to be read stays here until ``settle``, so its row says what became of it.
    """

    def __init__(
        self,
        collection: Collection,
        crawl_id: str,
        sync: Callable[[], None],
        learn: Callable[[list[Path], list[dict[str, Any]]], None] = lambda parts, rows: None,
    ) -> None:
        self._collection, self._crawl_id, self._sync, self._learn = collection, crawl_id, sync, learn
        self._ready = Batch()
        self._waiting: dict[str, Capture] = {}
        self._held: dict[str, tuple[ArticleRow, Callable[[], None]]] = {}
        self._further: set[str] = set()  # records of the further pages of what is held
        self._parts = 0

    def add_capture(self, capture: Capture, *, awaits_reading: bool) -> None:
        """Take a capture; with ``awaits_reading`` its row is held until it is settled."""
        if awaits_reading:
            self._waiting[capture.record_id] = capture
        else:
            self._ready.captures.append(capture.row(self._crawl_id))

    def settle(self, capture: Capture, extraction: str, reason: str) -> bool:
        """Say what became of a page; its row may go to the table now. False if it has gone already."""
        if not self._waiting.pop(capture.record_id, None):
            return False
        capture.extraction, capture.reason = extraction, reason
        self._ready.captures.append(capture.row(self._crawl_id))
        return True

    def add_article(self, row: ArticleRow) -> None:
        """Take a row of the articles table. Its capture's row goes with it: alone, it would claim a row that a crash took."""
        self._ready.articles.append(row)
        if capture := self._waiting.get(row.capture_id):
            self.settle(capture, "article", row.reason)
        for further, reason in row.pages:
            self.settle(further, "page", reason)

    def hold_article(self, row: ArticleRow, fill: Callable[[], None]) -> None:
        """Keep a row that is still to learn something. ``fill`` is called if the crawl ends before ``release_article``."""
        self._held[row.capture_id] = (row, fill)
        self._further |= _further_of(row)

    def holds(self, capture: Capture) -> bool:
        """Whether the row that was made from a capture, or from it among others, still waits."""
        return capture.record_id in self._held or capture.record_id in self._further

    def release_article(self, row: ArticleRow) -> None:
        """The row is complete; ``add_article`` is to follow."""
        if self._held.pop(row.capture_id, None):
            self._further -= _further_of(row)

    @property
    def part_is_due(self) -> bool:
        """Whether enough rows wait for a part of their own."""
        return len(self._ready) >= _PART_ROWS

    @property
    def unpublished_files(self) -> set[str]:
        """The WARC files that have captures without a published row, but for those of a batch that was taken."""
        return {row["warc_filename"] for row in self._ready.captures} | {one.filename for one in self._waiting.values()}

    def take(self, *, everything: bool = False) -> Batch:
        """The rows that are ready, with ``everything`` also those that still wait; they are the caller's to publish."""
        if everything:
            for row, fill in self._held.values():
                fill()
                self.add_article(row)
            self._held.clear()
            self._further.clear()
            self._ready.captures += [capture.row(self._crawl_id) for capture in self._waiting.values()]
            self._waiting.clear()
        batch, self._ready = self._ready, Batch()
        return batch

    def publish(self, batch: Batch) -> None:
        """Write a batch as parts, after the records that it names are durable; for a thread beside the event loop.

        Raises OSError if the disk refuses; then all of them stay in ``batch``.
        """
        if not len(batch):
            return
        self._sync()
        # a batch that fails half-way is published again under the same name, so that no row comes twice
        name = f"{self._crawl_id}-{self._parts + 1:05}"
        parts = self._collection.articles.publish(batch.articles, name)
        self._collection.captures.publish(batch.captures, name)
        self._parts += 1
        self._learn(parts, batch.articles)
        batch.articles.clear()
        batch.captures.clear()

    def give_back(self, batch: Batch) -> None:
        """Keep rows that could not be published, for another try."""
        self._ready.articles[:0], self._ready.captures[:0] = batch.articles, batch.captures


def _further_of(row: ArticleRow) -> set[str]:
    return {capture.record_id for capture, _ in row.pages}
