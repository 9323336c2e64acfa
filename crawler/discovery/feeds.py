"""Feeds: RSS 0.9 to 2.0, RDF, Atom and JSON Feed.

Not read with feedparser: 200 short items cost it 46 ms of the event loop (5 ms here), 540 kB of attributes on one element more
than 15 s, and the dates that it parses have lost their offset from UTC.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any
from urllib.parse import urljoin

from .document import CHUNK, Field, Record, XmlReader, looks_like_html
from .entry import Entry, Unusable, clean_language, clean_title, http_url, parse_date, unusable

MAX_FEED = 16_000_000
_ROOTS = frozenset({"rss", "feed", "rdf"})
_ITEMS = frozenset({"item", "entry"})
_PUBLISHED = ("pubdate", "published", "issued", "date", "created")
_MODIFIED = ("updated", "modified")
_WANTED = frozenset({"title", "link", "guid", "id", "origlink", "language", *_PUBLISHED, *_MODIFIED})
_MAX_ITEMS = 20_000
_MAX_UNUSABLE = 1_000
_PAGE_TYPES = frozenset({None, "", "text/html", "application/xhtml+xml"})


@dataclass(slots=True)
class Feed:
    """What a feed says: its entries in its own order, the WebSub hubs that would push it (https://www.w3.org/TR/websub/), the
    feed that goes on where this one ends (RFC 5005), and items without an http(s) address."""

    entries: list[Entry] = dataclasses.field(default_factory=list)
    hubs: list[str] = dataclasses.field(default_factory=list)
    next: str | None = None
    unusable: list[Unusable] = dataclasses.field(default_factory=list)


def parse_feed(body: bytes, url: str, content_type: str | None = None) -> Feed:
    """Read a feed, as far as it goes: at most ``MAX_FEED`` bytes and 20,000 items.

    RSS (https://www.rssboard.org/rss-specification), RSS 1.0 (https://web.resource.org/rss/1.0/spec), Atom (RFC 4287) and
    JSON Feed (https://www.jsonfeed.org/version/1.1/). ``url`` is where ``body`` was found; relative links are resolved against
    it and xml:base. A document that breaks off gives its complete items. Raises ValueError, which says why this is no feed.
    """
    body = body[:MAX_FEED]
    start = body[:1024].removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start:
        raise ValueError("the feed is empty")
    if start.startswith((b"{", b"[")):
        return _json_feed(body, url)
    if looks_like_html(body):
        raise ValueError("an HTML page instead of a feed")
    return _xml_feed(body, url, content_type)


def _xml_feed(body: bytes, url: str, content_type: str | None) -> Feed:
    feed, reader = Feed(), XmlReader(_ITEMS, _WANTED)
    chunks = (body[at : at + CHUNK] for at in range(0, len(body), CHUNK))
    for record in reader.records(chunks, content_type):
        _check_root(reader.root)
        if entry := _entry(record, url, reader.head):
            feed.entries.append(entry)
        elif len(feed.unusable) < _MAX_UNUSABLE:
            feed.unusable.append(unusable(next((text for text, _ in _candidates(record) if text), None)))
        if len(feed.entries) >= _MAX_ITEMS:
            break
    _check_root(reader.root)
    links = list(_head_links(reader.head, url))
    feed.hubs = [address for rel, address in links if rel == "hub"]
    feed.next = next((address for rel, address in links if rel in ("next", "prev-archive")), None)
    return feed


def _head_links(head: Record, feed_url: str) -> Iterator[tuple[str, str]]:
    """Relation and address of the feed's own links."""
    for field in head.fields.get("link", ()):
        if found := http_url(field.attributes.get("href"), _base(field, feed_url)):
            yield field.attributes.get("rel", "alternate").lower(), found


def _check_root(root: str | None) -> None:
    if root is None:
        raise ValueError("neither XML nor JSON")
    if root == "html":
        raise ValueError("an HTML page instead of a feed")
    if root not in _ROOTS:
        raise ValueError(f"the root element is <{root[:40]}>, not <rss>, <feed> or <rdf:RDF>")


def _entry(item: Record, feed_url: str, head: Record) -> Entry | None:
    if not (url := _address(item, feed_url)):
        return None
    title = item.first("title")
    kind = "text" if item.name == "entry" else "html"  # RFC 4287, 3.1.1; RSS leaves it open, and most sites escape HTML
    spoken = item.text("language") or (title.language if title else None) or head.text("language")
    return Entry(
        url,
        title=clean_title(title.text, markup=title.attributes.get("type", kind) == "html") if title else None,
        published=parse_date(item.text(*_PUBLISHED)),
        modified=parse_date(item.text(*_MODIFIED)),
        language=clean_language(spoken),
        source="feed",
    )


def _address(item: Record, feed_url: str) -> str | None:
    """Where the article is: FeedBurner's original link, the link to a page, or an identifier that is an address."""
    for text, field in _candidates(item):
        if found := http_url(text, _base(field, feed_url)):
            return found
    return None


def _base(field: Field | None, feed_url: str) -> str:
    try:
        return reduce(urljoin, field.bases, feed_url) if field else feed_url
    except ValueError:
        return feed_url


def _candidates(item: Record) -> Iterator[tuple[str | None, Field | None]]:
    for field in item.fields.get("origlink", ()):
        yield field.text, field
    links = [field for field in item.fields.get("link", ()) if field.attributes.get("rel", "alternate") == "alternate"]
    # a sort by "is no page" keeps the order otherwise
    for field in sorted(links, key=lambda field: field.attributes.get("type") not in _PAGE_TYPES):
        yield field.attributes.get("href") or field.text, field
    yield item.attributes.get("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about"), None
    for field in (*item.fields.get("guid", ()), *item.fields.get("id", ())):
        if field.attributes.get("isPermaLink", "true").lower() != "false" and field.text.lower().startswith("http"):
            yield field.text, field


def _json_feed(body: bytes, url: str) -> Feed:
    try:
        feed = json.loads(body)
    except RecursionError:
        raise ValueError("JSON that nests too deeply") from None
    if not isinstance(feed, dict) or "jsonfeed.org/" not in str(feed.get("version")) or not isinstance(feed.get("items"), list):
        raise ValueError("JSON, but no JSON Feed")
    found = Feed(next=http_url(_string(feed.get("next_url")), url))
    for item in feed["items"][:_MAX_ITEMS]:
        if entry := _json_entry(item, url, feed.get("language")) if isinstance(item, dict) else None:
            found.entries.append(entry)
        elif len(found.unusable) < _MAX_UNUSABLE:
            found.unusable.append(unusable(_string(item.get("url")) if isinstance(item, dict) else None))
    hubs = feed.get("hubs")
    named = (
        http_url(_string(hub.get("url")), url) for hub in (hubs if isinstance(hubs, list) else ()) if isinstance(hub, dict)
    )
    found.hubs = [hub for hub in named if hub]
    return found


def _string(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _json_entry(item: dict[str, Any], feed_url: str, language: object) -> Entry | None:
    texts = {key: value for key, value in item.items() if isinstance(value, str)}
    identifier = texts.get("id", "")
    # an id may be any string, and most strings would pass as relative addresses
    address = texts.get("url") or (identifier if identifier.startswith("http") else None)
    if not (url := http_url(address, feed_url)):
        return None
    return Entry(
        url,
        title=clean_title(texts.get("title"), markup=False),
        published=parse_date(texts.get("date_published")),
        modified=parse_date(texts.get("date_modified")),
        language=clean_language(texts.get("language") or (language if isinstance(language, str) else None)),
        source="feed",
    )
