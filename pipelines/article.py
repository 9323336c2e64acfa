"""What flows out of extraction: the article, and what else a worker learned of its page."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypedDict

from archive.requisites import Reference
from archive.rights import Rights
from pipelines.paging import Turn


class Author(TypedDict):
    """Who signed: ``kind`` is Person or Organization (schema.org), ``url`` a profile page."""

    name: str
    url: str | None
    kind: str


class Image(TypedDict):
    """A picture in the body; ``url`` is absolute."""

    url: str
    caption: str | None
    credit: str | None
    alt: str | None


class Post(TypedDict):
    """An entry of a live blog: ``at`` is its instant, UTC; ``text`` its paragraphs, parted by an empty line."""

    at: datetime | None
    title: str | None
    text: str | None
    author: str | None


class Link(TypedDict):
    """A link; ``url`` is absolute and has no fragment."""

    url: str
    text: str | None
    rel: str | None


@dataclass(slots=True)
class Article:
    """What one page says, as far as its bytes and its address tell: a pure function of them and of the extractor.

    Field names and meanings are those of the columns in ``archive.schema.ARTICLES``. None means unknown.
    """

    title: str | None = None
    subtitle: str | None = None
    description: str | None = None
    text: str | None = None
    markdown: str | None = None
    authors: list[Author] = field(default_factory=list)
    byline_raw: str | None = None
    site_name: str | None = None
    publisher: str | None = None
    section: str | None = None
    tags: list[str] = field(default_factory=list)
    article_type: str | None = None
    language: str | None = None
    language_confidence: float | None = None
    images: list[Image] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)
    main_image_url: str | None = None
    links: list[Link] = field(default_factory=list)
    canonical_url: str | None = None
    published_at: datetime | None = None
    published_raw: str | None = None
    published_precision: Literal["second", "minute", "day"] | None = None
    published_utc_offset_min: int | None = None
    modified_at: datetime | None = None
    modified_raw: str | None = None
    is_accessible_for_free: bool | None = None
    paywall_evidence: str | None = None
    meta_robots: str | None = None
    license: str | None = None
    license_spdx: str | None = None
    copyright_holder: str | None = None
    charset: str | None = None
    text_sha256: str | None = None
    title_sha256: str | None = None
    text_simhash: int | None = None
    word_count: int = 0
    extractor: str = ""
    extractor_config: str | None = None
    field_sources: dict[str, str] = field(default_factory=dict)
    quality_flags: list[str] = field(default_factory=list)
    quality_score: float | None = None


@dataclass(slots=True)
class Page:
    """One HTML page as read by a worker.

    ``article`` is None unless ``verdict`` is ``article``; ``reason`` says in a few words what decided. ``links`` are all
    the page's http(s) links in order, without repeats; ``feeds`` the feeds it announces (``link rel=alternate``),
    ``relations`` its other ``link`` elements that lead on: amphtml, sitemap, hub, and alternate with its hreflang as text;
    ``requisites`` what an article's page loads, if that was asked for.
    ``turn`` names the article's pages before and behind this one, ``twin`` says as what (``AMP``, ``print``) the page repeats
    the article at its canonical address. ``rights`` are what header fields and markup say of its use. ``seconds`` is the
    worker's CPU time for the page.
    """

    verdict: Literal["article", "not_article", "blocked"]
    reason: str
    article: Article | None = None
    links: list[Link] = field(default_factory=list)
    feeds: list[str] = field(default_factory=list)
    relations: list[Link] = field(default_factory=list)
    requisites: list[Reference] = field(default_factory=list)
    turn: Turn = field(default_factory=Turn)
    twin: str | None = None
    rights: Rights = field(default_factory=Rights)
    seconds: float = 0.0
