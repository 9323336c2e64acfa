"""Pages that lie in records already go through the workers, some ahead, and become rows in the order of the records."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from archive import rights
from archive.announcement import Announcement
from archive.capture import Capture
from archive.http import content, entity_body, parse_head
from archive.reader import Record, RecordError, captures_of
from pipelines.article import Page
from pipelines.blocked import FIELDS
from pipelines.gathering import Sheet
from pipelines.recipes import Recipe
from pipelines.rows import Rows
from pipelines.site_rights import SiteFiles
from pipelines.tabulate import Found
from pipelines.workers import Job, PageLostError, Workers

MAX_HTML = 64 << 20  # bytes of decoded HTML
# response header fields, besides Content-Type, that bear on reading a page
HEADERS = (*rights.FIELDS, "content-language", "link", *FIELDS)
_AHEAD = 64  # pages in flight
_AHEAD_BYTES = 64 << 20
_MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*<")


def job_of_record(record: Record, url: str, recipe: Recipe | None = None, announced: Announcement | None = None) -> Job:
    """The page that a response record holds, ready to be read. Raises ValueError if its coding cannot be undone."""
    head = parse_head(record.block)
    fields = rights.fields_of(head, HEADERS) if head else {}
    return Job(
        _document(record.block), url, head.get("content-type") if head else None, fields, recipe=recipe, announced=announced
    )


def _document(block: bytes) -> bytes:
    """The HTML of a response, also where a program undid codings and left the fields that speak of them."""
    head, body = parse_head(block), entity_body(block)
    if head and body == b"" and _MARKUP.match(block, head.size):
        return block[head.size :][:MAX_HTML]
    try:
        return content(block, MAX_HTML)
    except ValueError:
        if body and _MARKUP.match(body):
            return body[:MAX_HTML]
        raise


class Reading:
    """Has pages read and adds what came of them to ``rows``, whose ``counts`` say how many came out as what."""

    def __init__(self, rows: Rows, workers: Workers) -> None:
        self._rows, self._workers = rows, workers
        rows.reread = self._reread
        self._waiting: deque[tuple[Capture, Future[Page], int, rights.Rights]] = deque()
        self._files = SiteFiles(rows.collection)
        self._bytes = 0

    def look(self, capture: Capture, read: Callable[[], Record]) -> None:
        """See every capture in the order of the records, which ``read`` gives: some are files that say what may be done with
        the pages behind them."""
        self._files.note(capture, read)

    def add(self, capture: Capture, record: Record) -> None:
        """Take a capture that waits to be read, and the record that holds its page. Waits while many are in flight."""
        self._rows.counts["pages"] += 1
        try:
            job = job_of_record(record, capture.url, self._rows.recipe(capture), capture.announced)
        except ValueError as error:
            self._rows.settle(capture, "failed", str(error))
            return
        self._waiting.append(
            (capture, self._workers.submit(job), len(job.html), self._files.rights_of(capture.url, capture.date))
        )
        self._bytes += len(job.html)
        while len(self._waiting) > _AHEAD or self._bytes > _AHEAD_BYTES:
            self._take()

    def finish(self) -> None:
        """Wait for all pages in flight."""
        while self._waiting:
            self._take()

    def _reread(self, place: Mapping[str, Any]) -> Sheet | None:
        """A page that was read before, from its record; None if it is gone, or no article any more."""
        name = place["warc_filename"]
        try:
            record = self._rows.collection.read_record(name, place["warc_record_offset"], place["warc_record_length"])
            capture, _ = next(captures_of([record], name, lambda one: True))
            page = self._workers.submit(job_of_record(record, capture.url, self._rows.recipe(capture))).result()
        except (RecordError, ValueError, PageLostError):
            return None
        found = Found("archive", None, capture.url)
        return Sheet(page, page.article, capture, found, None) if page.article else None

    def _take(self) -> None:
        capture, future, size, site = self._waiting.popleft()
        self._bytes -= size
        try:
            page = future.result()
        except PageLostError as lost:
            self._rows.settle(capture, lost.state, lost.reason)
            return
        self._rows.note_rights(page, capture, site)
        if row := self._rows.keep(page, capture, Found("archive", capture.via, capture.url), None):
            self._rows.tabulator.add_article(row)
