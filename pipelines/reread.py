"""The other half of the proof: the text of every article row comes out of its record again, to the same hash."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from archive.collection import Collection
from archive.cuts import Cut, cut
from archive.reader import RecordError
from archive.text import fold, sha256_folded
from archive.verify import Findings
from pipelines.article import Article, Page
from pipelines.extract import EXTRACTOR
from pipelines.reading import job_of_record
from pipelines.workers import PageLostError, Workers

_COLUMNS = ["url", "text_sha256", "site_boilerplate", "extractor", "warc_filename", "warc_record_offset", "warc_record_length"]
_AHEAD = 16  # pages in flight


def verify_texts(collection: Collection, workers: Workers, findings: Findings, tick: Callable[[], None] = lambda: None) -> None:
    """Extract every article again and compare; rows of another extractor version are counted and left alone."""
    waiting: deque[tuple[dict[str, Any], Future[Page]]] = deque()
    for batch in collection.articles.dataset().to_batches(columns=_COLUMNS):
        for row in batch.to_pylist():
            if row["extractor"] != EXTRACTOR:
                findings.counts["other_extractor"] += 1
                continue
            _submit(collection, workers, row, waiting, findings)
            while len(waiting) > _AHEAD:
                _compare(*waiting.popleft(), findings, tick)
    while waiting:
        _compare(*waiting.popleft(), findings, tick)


def _submit(
    collection: Collection,
    workers: Workers,
    row: dict[str, Any],
    waiting: deque[tuple[dict[str, Any], Future[Page]]],
    findings: Findings,
) -> None:
    try:
        record = collection.read_record(row["warc_filename"], row["warc_record_offset"], row["warc_record_length"])
        waiting.append((row, workers.submit(job_of_record(record, row["url"]))))
    except RecordError:
        pass  # named already when the pointer was checked
    except ValueError as error:
        findings.deny(f"articles row for {row['url']}", f"its record cannot be read again: {error}")


def _compare(row: dict[str, Any], future: Future[Page], findings: Findings, tick: Callable[[], None]) -> None:
    where = f"articles row for {row['url']}"
    findings.counts["texts"] += 1
    try:
        article = future.result().article
    except PageLostError as lost:
        findings.deny(where, f"its text cannot be extracted again: {lost.reason}")
    else:
        if article is None or _cut_sha256(article, row["site_boilerplate"] or []) != row["text_sha256"]:
            findings.deny(where, "its text comes out differently from its record")
    tick()


def _cut_sha256(article: Article, cuts: list[Cut]) -> str | None:
    """The hash of a text without what the row says was cut from it; None if that is not in it."""
    cuts = [one for one in cuts if one["field"] == "text"]
    if not cuts:
        return article.text_sha256
    try:
        return sha256_folded(fold(cut(article.text or "", cuts)))
    except ValueError:
        return None
