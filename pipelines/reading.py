"""Pages that lie in records already go through the workers, some ahead, and become rows in the order of the records."""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future

from archive import rights
from archive.capture import Capture
from archive.http import content, entity_body, parse_head
from archive.reader import Record
from pipelines.article import Page
from pipelines.blocked import FIELDS
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


def job_of_record(record: Record, url: str) -> Job:
    """The page that a response record holds, ready to be read. Raises ValueError if its coding cannot be undone."""
    head = parse_head(record.block)
    fields = rights.fields_of(head, HEADERS) if head else {}
    return Job(_document(record.block), url, head.get("content-type") if head else None, fields)


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
    """Has pages read and adds what came of them to ``rows``; ``counts`` says how many came out as what."""

    def __init__(self, rows: Rows, workers: Workers) -> None:
        self._rows, self._workers = rows, workers
        self._waiting: deque[tuple[Capture, Future[Page], int, rights.Rights]] = deque()
        self._files = SiteFiles(rows.collection)
        self._bytes = 0
        self.counts: Counter[str] = Counter()

    def look(self, capture: Capture, read: Callable[[], Record]) -> None:
        """See every capture in the order of the records, which ``read`` gives: some are files that say what may be done with
        the pages behind them."""
        self._files.note(capture, read)

    def add(self, capture: Capture, record: Record) -> None:
        """Take a capture that waits to be read, and the record that holds its page. Waits while many are in flight."""
        self.counts["pages"] += 1
        try:
            job = job_of_record(record, capture.url)
        except ValueError as error:
            self._settle(capture, "failed", str(error))
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

    def _take(self) -> None:
        capture, future, size, site = self._waiting.popleft()
        self._bytes -= size
        try:
            page = future.result()
        except PageLostError as lost:
            self._settle(capture, lost.state, lost.reason)
            return
        self._rows.note_rights(page, capture, site)
        if row := self._rows.keep(page, capture, Found("archive", capture.via, capture.url), None):
            self._rows.tabulator.add_article(row)
        self.counts[capture.extraction or page.verdict] += 1

    def _settle(self, capture: Capture, state: str, reason: str) -> None:
        self._rows.tabulator.settle(capture, state, reason)
        self.counts[state] += 1
