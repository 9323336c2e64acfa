"""What the newsroom publishes: stories and settings, read from the TOML files beside this module."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Expected:
    """What a careful person would want in the table for one page.

    ``verdict`` is ``article`` or ``not_article``; the fields after it are filled for articles only. ``published`` is ISO
    8601 with the offset where the page gives one. ``extra`` holds further facts where the page states them: status,
    subtitle, section, tags, is_accessible_for_free, canonical, modified, precision, second_text, second_modified.
    """

    url: str
    verdict: str
    title: str | None = None
    text: str | None = None
    authors: list[str] = field(default_factory=list)
    published: str | None = None
    language: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Story:
    """One article page: content, how its page shows it, how its answer is sent, and what is expected of it."""

    slug: str
    host: str
    path: str
    section: str
    lang: str
    headline: str
    body: str = ""
    template: str = "article"
    summary: str = ""
    subtitle: str = ""
    authors: list[str] = field(default_factory=list)
    author_kind: str = "Person"
    byline: str = ""
    printed: str = ""  # the date as the page shows it
    published: str = ""  # the date for machines; how far it shows is up to jsonld, meta and time
    modified: str = ""
    jsonld: str = "single"  # none, single, graph, broken, live
    jsonld_type: str = "NewsArticle"
    meta: bool = True  # article:published_time and author in <meta>
    time: bool = True  # the printed date is a <time datetime>
    free: bool | None = None  # schema.org isAccessibleForFree
    tags: list[str] = field(default_factory=list)
    label: str = ""  # the section as printed, where it is not the hub's name
    image: str = ""
    canonical: str = ""  # a path on the same host, or an address that begins with $
    amp: str = ""
    next: str = ""
    prev: str = ""
    same_as: str = ""  # take body and expected text from this story
    listed: list[str] = field(default_factory=lambda: ["front", "section", "feed", "sitemap"])
    updates: list[dict[str, str]] = field(default_factory=list)
    http: dict[str, Any] = field(default_factory=dict)
    second: dict[str, str] = field(default_factory=dict)  # the change seen from the second fetch on
    expected: dict[str, Any] = field(default_factory=dict)


def read_settings() -> dict[str, Any]:
    """The hosts, redirects, failures and plain pages (site.toml)."""
    return tomllib.loads((HERE / "site.toml").read_text(encoding="utf-8"))


def read_stories() -> dict[str, Story]:
    """All stories by slug, newest first."""
    raw = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(HERE.glob("articles/*.toml"))}
    for data in raw.values():
        if twin := raw.get(data.get("same_as", "")):
            data["body"] = twin["body"]
            data["expected"].setdefault("text", twin["expected"]["text"])
    stories = [Story(slug=slug, **data) for slug, data in raw.items()]
    stories.sort(key=lambda story: story.published, reverse=True)
    return {story.slug: story for story in stories}
