"""The other half of the proof: text and rights of every article row come out of the records again, the same."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from archive.collection import Collection
from archive.cuts import Cut, cut
from archive.reader import RecordError
from archive.rights import COLUMNS, Rights, joined
from archive.text import fold, sha256_folded
from archive.verify import Findings
from pipelines.article import Article, Page
from pipelines.extract import EXTRACTOR
from pipelines.joining import join
from pipelines.reading import job_of_record
from pipelines.recipes import Kept, Recipe, Recipes
from pipelines.site_rights import NamedFiles
from pipelines.workers import PageLostError, Workers

_COLUMNS = [
    "url", "text_sha256", "site_boilerplate", "extractor", "extractor_config", "fetched_at", "field_sources",
    "warc_filename", "warc_record_offset", "warc_record_length", "pages", *COLUMNS,
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
    """Extract every article again, by the rules that its row names, and compare text and rights; rows of another extractor
    version, and those whose rule or page object (in ``modules``) is gone, are counted and left alone. Rows whose site has
    another rule by now, as ``recipes`` have it, are counted too."""
    reread = _Reread(collection, workers, findings, tick, modules=modules, recipes=recipes)
    dataset = collection.articles.dataset()
    for part in dataset.get_fragments():
        complete = set(COLUMNS) <= set(part.physical_schema.names)  # older parts lack the rights
        for batch in part.to_batches(schema=dataset.schema, columns=_COLUMNS):
            for row in batch.to_pylist():
                reread.submit(row, complete)
    reread.finish()


class _Reread:
    """Has the pages of rows read again, some ahead, and compares."""

    def __init__(
        self,
        collection: Collection,
        workers: Workers,
        findings: Findings,
        tick: Callable[[], None],
        *,
        modules: Sequence[str],
        recipes: Recipes | None,
    ) -> None:
        self._recipes = recipes
        self._collection, self._workers, self._findings, self._tick = collection, workers, findings, tick
        self._kept, self._files = Kept(collection.path, modules), NamedFiles(collection)
        self._waiting: deque[tuple[dict[str, Any], bool, list[Future[Page]]]] = deque()

    def submit(self, row: dict[str, Any], with_rights: bool) -> None:
        if row["extractor"] != EXTRACTOR:
            self._findings.counts["other_extractor"] += 1
            return
        try:
            recipe = self._kept.of(row["extractor_config"], row["url"], row["fetched_at"].date())
        except LookupError as error:
            self._findings.counts["other_rules"] += 1
            self._findings.notes[str(error)] += 1
            return
        if self._recipes and self._recipes.now(row["url"]) != _rule_of(row):
            self._findings.counts["rule_changed"] += 1
        if pages := self._submitted(row, recipe):
            self._waiting.append((row, with_rights, pages))
        while len(self._waiting) > _AHEAD:
            self._compare(*self._waiting.popleft())

    def finish(self) -> None:
        while self._waiting:
            self._compare(*self._waiting.popleft())

    def _submitted(self, row: dict[str, Any], recipe: Recipe | None) -> list[Future[Page]]:
        """The pages of an article on their way through the workers; none if one of them has no record to read."""
        try:
            jobs = []
            for page in row["pages"] or [row]:
                place = page["warc_filename"], page["warc_record_offset"], page["warc_record_length"]
                jobs.append(job_of_record(self._collection.read_record(*place), page["url"], recipe))
            return [self._workers.submit(job) for job in jobs]
        except RecordError:
            pass  # named already when the pointer was checked
        except ValueError as error:
            self._findings.deny(_where(row), f"its record cannot be read again: {error}")
        return []

    def _compare(self, row: dict[str, Any], with_rights: bool, futures: list[Future[Page]]) -> None:
        self._findings.counts["texts"] += 1
        try:
            pages = [future.result() for future in futures]
        except PageLostError as lost:
            self._findings.deny(_where(row), f"its text cannot be extracted again: {lost.reason}")
        else:
            found = [page.article for page in pages if page.article]
            article = join(found, lacking=False) if len(found) == len(pages) else None
            if article is None or _cut_sha256(article, row["site_boilerplate"] or []) != row["text_sha256"]:
                self._findings.deny(_where(row), "its text comes out differently from its record")
            if with_rights:
                self._compare_rights(row, [page.rights for page in pages])
        self._tick()

    def _compare_rights(self, row: dict[str, Any], pages: list[Rights]) -> None:
        sources = dict(row["field_sources"])
        try:
            site = self._files.rights_of(row["url"], [sources[name] for name in COLUMNS if name in sources])
        except RecordError as error:
            self._findings.deny(_where(row), f"its rights cannot be read again: {error}")
            return
        for rights in pages:
            rights.complete(site)
        for name, found in joined(pages).columns().items():
            if row[name] != found:
                self._findings.deny(_where(row), f"{name} is {row[name]} in the row and {found} by its records")


def _rule_of(row: dict[str, Any]) -> str | None:
    return next((part for part in (row["extractor_config"] or "").split() if part.startswith("rule:")), None)


def _where(row: dict[str, Any]) -> str:
    return f"articles row for {row['url']}"


def _cut_sha256(article: Article, cuts: list[Cut]) -> str | None:
    """The hash of a text without what the row says was cut from it; None if that is not in it."""
    cuts = [one for one in cuts if one["field"] == "text"]
    if not cuts:
        return article.text_sha256
    try:
        return sha256_folded(fold(cut(article.text or "", cuts)))
    except ValueError:
        return None
