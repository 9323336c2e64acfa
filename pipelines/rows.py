"""Captures and pages become rows: which captures are pages, what became of each, which article is new."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from archive.capture import Capture, media_type
from archive.collection import Collection
from archive.rights import Policy, Rights, reserved
from archive.tombstones import Tombstones
from pipelines.article import Page
from pipelines.blocked import obstacle_in
from pipelines.dedupe import Versions
from pipelines.sites import Sites
from pipelines.tabulate import ArticleRow, Found, Tabulator, article_row

HTML = frozenset({"text/html", "application/xhtml+xml"})
PAGES: frozenset[str | None] = frozenset({"page", "section", "front_page"})


def new_crawl_id() -> str:
    """A name for a run: when it began, and something random."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}"


def is_html(capture: Capture) -> bool:
    """Whether the answer calls itself HTML, or nothing."""
    return (media_type(capture.content_type) or "text/html") in HTML


def _unread(capture: Capture) -> tuple[str | None, str | None]:
    """What became of a page that nobody will read, as its capture alone tells."""
    if capture.status == 304 and capture.original:
        return "unchanged", "not modified, says the server"
    if capture.status is None and capture.record_type in ("response", "resource"):
        return "not_article", "the record holds no HTTP answer"
    if capture.status is None or capture.truncated or capture.status >= 400:
        return "failed", capture.error or (f"truncated: {capture.truncated}" if capture.truncated else f"http {capture.status}")
    if capture.status == 200 and not is_html(capture):
        return "not_article", f"media type {media_type(capture.content_type)}"
    return None, None


class Rows:
    """The rows that one run adds to a collection. ``crawl_id`` names the run in each of them.

    ``sync`` makes the records durable that they name; ``purposes`` are those of captures that are pages; by the strict
    ``policy`` no article is made of a page that is reserved.
    """

    def __init__(
        self,
        collection: Collection,
        crawl_id: str,
        sync: Callable[[], None],
        purposes: frozenset[str | None] = PAGES,
        policy: Policy = "standard",
    ) -> None:
        self.collection, self.crawl_id, self._purposes, self.policy = collection, crawl_id, purposes, policy
        for table in (collection.articles, collection.captures):
            table.drop_partial()
        self.versions = Versions(collection.articles)
        self.tombstones = Tombstones(collection)
        self.sites = Sites(collection)
        self.tabulator = Tabulator(collection, crawl_id, sync, self.sites.learn)

    def is_page(self, capture: Capture) -> bool:
        """Whether a capture is a whole HTML page that was fetched to be read."""
        return capture.purpose in self._purposes and capture.status == 200 and capture.truncated is None and is_html(capture)

    def note_obstacle(self, capture: Capture, block: bytes) -> None:
        """Say so if an error page is a wall; ``block`` is the answer as it was stored. To be called before ``add_capture``."""
        failed = capture.purpose in self._purposes and capture.status is not None and capture.status >= 400
        if failed and is_html(capture) and (reason := obstacle_in(block)):
            capture.extraction, capture.reason = "blocked", reason

    def add_capture(self, capture: Capture) -> None:
        """Take a capture's row; that of a page waits until the page was read."""
        if capture.purpose in self._purposes and capture.extraction is None:
            capture.extraction, capture.reason = _unread(capture)
        self.tabulator.add_capture(capture, awaits_reading=capture.extraction is None and self.is_page(capture))

    def note_rights(self, page: Page, capture: Capture, site: Rights | None) -> None:
        """Put together what a page and the files of its ``site`` say of its use; to be called before ``keep``."""
        if site:
            page.rights.complete(site)
        capture.restrictions = page.rights.restrictions() or None

    def keep(self, page: Page, capture: Capture, found: Found, spider: str | None) -> ArticleRow | None:
        """The row of a page that is an article with something new to say, for ``Tabulator.add_article``; else None, and what
        became of the capture is settled."""
        if page.article is None:
            self.tabulator.settle(capture, page.verdict, page.reason)
            return None
        if gone := self.tombstones.of(page.article.canonical_url or capture.url):
            self.tabulator.settle(capture, "taken_down", gone.words)
            return None
        if self.policy == "strict" and (why := reserved(capture.restrictions)):
            self.tabulator.settle(capture, "reserved", f"{why}: no article of it by the strict policy")
            return None
        row = article_row(page.article, capture, found, self.crawl_id, spider)
        row |= page.rights.columns()
        row["field_sources"] = row["field_sources"] | page.rights.sources
        self.sites.clean(row)
        if capture.original and self.versions.has(row):
            self.tabulator.settle(capture, "unchanged", "the same bytes as before")
            return None
        if not capture.original and self.versions.knows(capture.record_id):
            # a crash came between the article's row and this one
            self.tabulator.settle(capture, "article", page.reason)
            return None
        if not self.versions.assign(row):
            self.tabulator.settle(capture, "unchanged", f"same as version {row['version']}")
            return None
        row.reason = page.reason
        return row
