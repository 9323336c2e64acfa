"""Captures and pages become rows: which captures are pages, what became of each, which article is new."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from archive.capture import Capture, media_type
from archive.collection import Collection
from archive.rights import Policy, Rights, joined, reserved
from archive.tombstones import Tombstones
from archive.url import surt
from pipelines.article import Article, Page
from pipelines.blocked import obstacle_in
from pipelines.dedupe import TWIN, Versions
from pipelines.gathering import Gathering, Series, Sheet
from pipelines.joining import join, page_columns
from pipelines.paging import MOST_PAGES, numbered
from pipelines.recipes import Recipe, Recipes
from pipelines.sites import Sites
from pipelines.tabulate import ArticleRow, Found, Tabulator, article_row

HTML = frozenset({"text/html", "application/xhtml+xml"})
PAGES: frozenset[str | None] = frozenset({"page", "section", "front_page"})


UNCHANGED = ("unchanged", "not modified, says the server")


def new_crawl_id() -> str:
    """A name for a run: when it began, and something random."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}"


def is_html(capture: Capture) -> bool:
    """Whether the answer calls itself HTML, or nothing."""
    return (media_type(capture.content_type) or "text/html") in HTML


def _unread(capture: Capture) -> tuple[str | None, str | None]:
    """What became of a page that nobody will read, as its capture alone tells."""
    if capture.status == 304:
        return "failed", "http 304, which answers no question of ours"
    if capture.status is None and capture.record_type in ("response", "resource"):
        return "not_article", "the record holds no HTTP answer"
    if capture.status is None or capture.truncated or capture.status >= 400:
        return "failed", capture.error or (f"truncated: {capture.truncated}" if capture.truncated else f"http {capture.status}")
    if capture.status == 200 and not is_html(capture):
        return "not_article", f"media type {media_type(capture.content_type)}"
    return None, None


class Rows:
    """The rows that one run adds to a collection. ``crawl_id`` names the run in each of them.

    ``sync`` makes the records durable that they name; ``purposes`` are those of captures that are pages; ``recipes`` say how
    people want pages read; by the strict ``policy`` no article is made of a page that is reserved.
    """

    def __init__(
        self,
        collection: Collection,
        crawl_id: str,
        sync: Callable[[], None],
        purposes: frozenset[str | None] = PAGES,
        recipes: Recipes | None = None,
        *,
        policy: Policy = "standard",
    ) -> None:
        self.collection, self.crawl_id, self._purposes, self.policy = collection, crawl_id, purposes, policy
        self._recipes = recipes or Recipes(collection.path)
        for table in (collection.articles, collection.captures):
            table.drop_partial()
        self.versions = Versions(collection.articles, collection.path / "state" / "versions.sqlite")
        self.tombstones = Tombstones(collection)
        self.sites = Sites(collection)
        self.tabulator = Tabulator(collection, crawl_id, sync, self._learn)
        self.gathering = Gathering()
        self.reread: Callable[[Mapping[str, Any]], Sheet | None] = lambda place: None  # a page that the table names
        self.counts: Counter[str] = Counter()  # what became of pages that were read

    def _learn(self, parts: list[Path], rows: list[dict[str, Any]]) -> None:
        self.versions.learn(parts, rows)
        self.sites.learn(parts, rows)

    def is_page(self, capture: Capture) -> bool:
        """Whether a capture is a whole HTML page that was fetched to be read; or says that such a page is as it was, and the
        table has no row of it."""
        if capture.purpose not in self._purposes or capture.truncated or not is_html(capture):
            return False
        return capture.status == 200 or self._is_unread(capture)

    def _is_unread(self, capture: Capture) -> bool:
        original = capture.original
        return capture.is_not_modified and original is not None and not self.versions.knows(original.record_id)

    def recipe(self, capture: Capture) -> Recipe | None:
        """How people want the page of a capture read."""
        source = capture.original or capture  # what the row will say it was fetched on
        return self._recipes.of(capture.url, source.date.date())

    def note_obstacle(self, capture: Capture, block: bytes) -> None:
        """Say so if an error page is a wall; ``block`` is the answer as it was stored. To be called before ``add_capture``."""
        failed = capture.purpose in self._purposes and capture.status is not None and capture.status >= 400
        if failed and is_html(capture) and (reason := obstacle_in(block)):
            capture.extraction, capture.reason = "blocked", reason

    def add_capture(self, capture: Capture) -> None:
        """Take a capture's row; that of a page waits until the page was read."""
        if capture.purpose in self._purposes and capture.extraction is None:
            capture.extraction, capture.reason = self._state(capture)
        self.tabulator.add_capture(capture, awaits_reading=capture.extraction is None and self.is_page(capture))

    def _state(self, capture: Capture) -> tuple[str | None, str | None]:
        if not capture.is_not_modified:
            return _unread(capture)
        return (None, None) if self._is_unread(capture) else UNCHANGED

    def note_rights(self, page: Page, capture: Capture, site: Rights | None) -> None:
        """Put together what a page and the files of its ``site`` say of its use; to be called before ``keep``."""
        if site:
            page.rights.complete(site)
        capture.restrictions = page.rights.restrictions() or None

    def settle(self, capture: Capture, state: str, reason: str) -> None:
        """Say what became of a page that makes no row."""
        self.counts[state] += self.tabulator.settle(capture, state, reason)

    def keep(
        self, page: Page, capture: Capture, found: Found, spider: str | None, more: Mapping[str, Any] | None = None
    ) -> ArticleRow | None:
        """The row of a page that is an article with something new to say, for ``Tabulator.add_article``; else None, and what
        became of the capture is settled, unless the page waits for others of its article. ``more`` are further cells.

        The row that comes with an article's last page is that of all its pages.
        """
        if page.article is None:
            self.settle(capture, page.verdict, page.reason)
            return None
        if gone := self.tombstones.of(page.article.canonical_url or capture.url):
            self.settle(capture, "taken_down", gone.words)
            return None
        if self.policy == "strict" and (why := reserved(capture.restrictions)):
            self.settle(capture, "reserved", f"{why}: no article of it by the strict policy")
            return None
        sheet = Sheet(page, page.article, capture, found, spider, more or {})
        if page.twin:
            return self._keep_twin(sheet)
        if page.turn and numbered(capture.url).number <= MOST_PAGES:
            return next(iter(self._join(self.gathering.add_page(sheet, self._superseded))), None)
        return self._row(page.article, [sheet])

    def lose(self, url: str) -> list[ArticleRow]:
        """A further page of an article will not come; the rows that waited for it alone."""
        return self._join(self.gathering.lose(url))

    def rest(self) -> list[ArticleRow]:
        """The rows of all articles that still wait for pages or, read from their twins, for themselves: no more will come."""
        series, twins = self.gathering.rest()
        rows = [*self._join(series), *(self._row_of_twins(one) for one in twins)]
        return [row for row in rows if row]

    def _join(self, complete: Iterable[Series]) -> list[ArticleRow]:
        rows = []
        for series in complete:
            identity = self._fill(series)
            sheets = series.in_order()
            article = join([one.article for one in sheets], lacking=bool(series.missing))
            rows.append(self._row(article, sheets, {"article_id": identity, "pages": page_columns(sheets)}))
        return [row for row in rows if row]

    def _fill(self, series: Series) -> str:
        """Take the pages that have not come from the article's newest version: other files or an earlier crawl had them. The
        article's identity, which is that of the page that was there first."""
        first = series.in_order()[0]
        found = self.versions.of_pages((*series.sheets, *series.missing), first.article.title_sha256)
        if not found:
            return first.identity
        identity, pages = found
        known = {surt(page["url"]): page for page in pages}
        while keys := series.missing & known.keys():
            for key in keys:
                if sheet := self.reread(known.pop(key)):
                    series.sheets[key] = sheet
        return identity

    def _superseded(self, sheet: Sheet) -> None:
        self.settle(sheet.capture, "page", "a later capture of this page was joined")

    def _keep_twin(self, sheet: Sheet) -> ArticleRow | None:
        if self.versions.speaks_for_itself(sheet.identity):
            self._fold(sheet)
            return None
        return self._row_of_twins(self.gathering.add_twin(sheet))

    def _row_of_twins(self, twins: list[Sheet]) -> ArticleRow | None:
        """The row of an article of which nothing but twins has come."""
        if not twins:
            return None
        first, *others = sorted(twins, key=lambda one: (one.capture.date, one.key))
        for one in others:
            self._fold(one)
        first.article.quality_flags.append(TWIN)
        return self._row(first.article, [first])

    def _fold(self, twin: Sheet) -> None:
        self.settle(twin.capture, "duplicate", f"{twin.page.twin} twin of {twin.article.canonical_url}")

    def _row(self, article: Article, sheets: list[Sheet], cells: Mapping[str, Any] | None = None) -> ArticleRow | None:
        first, *others = sheets
        row = article_row(article, first.capture, first.found, self.crawl_id, first.spider)
        rights = joined(sheet.page.rights for sheet in sheets)
        row |= {**rights.columns(), **first.more, **(cells or {})}
        row["field_sources"] = row["field_sources"] | rights.sources
        row.reason = first.page.reason
        row.requisites = list({one.url: one for sheet in sheets for one in sheet.page.requisites}.values())
        row.page_id = first.capture.page_id
        self.sites.clean(row)
        row.pages = [(one.capture, f"page {number} of {first.capture.url}") for number, one in enumerate(others, 2)]
        for twin in self.gathering.twins_of(row["article_id"]):
            self._fold(twin)
        if old := self._nothing_new(row, first.capture, alone=not row["pages"]):
            self.settle(first.capture, *old)
            for capture, reason in row.pages:
                self.settle(capture, "page", reason)
            return None
        self.counts["article"] += 1
        self.counts["page"] += len(others)
        return row

    def _nothing_new(self, row: ArticleRow, capture: Capture, *, alone: bool) -> tuple[str, str] | None:
        """What becomes of an article's capture if the table has its row already."""
        if alone and capture.original and self.versions.has(row):
            return "unchanged", "the same bytes as before"
        # a crash came between the article's row and this one
        tabulated = not capture.original and self.versions.knows(capture.record_id)
        if alone and tabulated:
            return "article", row.reason
        if self.versions.assign(row):
            return None
        return ("article", row.reason) if tabulated else ("unchanged", f"same as version {row['version']}")
