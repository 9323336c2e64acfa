"""The other half of the proof: the text of every article row comes out of its record again, to the same hash."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from archive.collection import Collection
from archive.cuts import Cut, cut
from archive.reader import RecordError
from archive.text import fold, sha256_folded
from archive.verify import Findings
from pipelines.article import Article, Page
from pipelines.extract import EXTRACTOR
from pipelines.joining import join
from pipelines.reading import job_of_record
from pipelines.recipes import Kept, Recipe, Recipes
from pipelines.workers import PageLostError, Workers

_COLUMNS = [
    "url", "text_sha256", "site_boilerplate", "extractor", "extractor_config", "fetched_at",
    "warc_filename", "warc_record_offset", "warc_record_length", "pages",
]  # fmt: skip
_AHEAD = 16  # articles in flight


def verify_texts(
    collection: Collection,
    workers: Workers,
    findings: Findings,
    tick: Callable[[], None] = lambda: None,
    *,
    modules: Sequence[str] = (),
    recipes: Recipes | None = None,
) -> None:
    """Extract every article again, by the rules that its row names, and compare; rows of another extractor version, and those
    whose rule or page object (in ``modules``) is gone, are counted and left alone. Rows whose site has another rule by now, as
    ``recipes`` have it, are counted too."""
    kept = Kept(collection, modules)
    waiting: deque[tuple[dict[str, Any], list[Future[Page]]]] = deque()
    for batch in collection.articles.dataset().to_batches(columns=_COLUMNS):
        for row in batch.to_pylist():
            if row["extractor"] != EXTRACTOR:
                findings.counts["other_extractor"] += 1
                continue
            try:
                recipe = kept.of(row["extractor_config"], row["url"], row["fetched_at"].date())
            except LookupError as error:
                findings.counts["other_rules"] += 1
                findings.notes[str(error)] += 1
                continue
            if recipes and recipes.now(row["url"]) != _rule_of(row):
                findings.counts["rule_changed"] += 1
            if pages := _submitted(collection, workers, row, recipe, findings):
                waiting.append((row, pages))
            while len(waiting) > _AHEAD:
                _compare(*waiting.popleft(), findings, tick)
    while waiting:
        _compare(*waiting.popleft(), findings, tick)


def _rule_of(row: dict[str, Any]) -> str | None:
    return next((part for part in (row["extractor_config"] or "").split() if part.startswith("rule:")), None)


def _submitted(
    collection: Collection, workers: Workers, row: dict[str, Any], recipe: Recipe | None, findings: Findings
) -> list[Future[Page]]:
    """The pages of an article on their way through the workers; none if one of them has no record to read."""
    try:
        jobs = []
        for page in row["pages"] or [row]:
            record = collection.read_record(page["warc_filename"], page["warc_record_offset"], page["warc_record_length"])
            jobs.append(job_of_record(record, page["url"], recipe))
        return [workers.submit(job) for job in jobs]
    except RecordError:
        pass  # named already when the pointer was checked
    except ValueError as error:
        findings.deny(f"articles row for {row['url']}", f"its record cannot be read again: {error}")
    return []


def _compare(row: dict[str, Any], pages: list[Future[Page]], findings: Findings, tick: Callable[[], None]) -> None:
    where = f"articles row for {row['url']}"
    findings.counts["texts"] += 1
    try:
        articles = [page.result().article for page in pages]
    except PageLostError as lost:
        findings.deny(where, f"its text cannot be extracted again: {lost.reason}")
    else:
        article = join(found, lacking=False) if len(found := [one for one in articles if one]) == len(pages) else None
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
