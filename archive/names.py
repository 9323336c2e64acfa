"""What documents in records say of addresses: which one they name as their own, which files they name at all."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from urllib.parse import unquote, urljoin, urlsplit

from archive.capture import media_type
from archive.http import content, parse_head
from archive.reader import Record

PAGE_TYPES = ("text/html", "application/xhtml+xml")
_NAMING = (*PAGE_TYPES, "text/css", "image/svg+xml")
_HEAD_TAG = re.compile(r"<(?:link|meta)\b[^>]{0,2000}", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"([a-zA-Z:]+)\s*=\s*(?:[\"']([^\"']*)[\"']|([^\s\"'>]+))")
_MOST_HEAD = 1 << 20
_MOST_BODY = 16 << 20
# the last part of a path, and its query, wherever an address ends
_TAIL = re.compile(r"([^/\s\"'()<>\\,#?]+(?:\?[^\s\"'()<>\\,#]*)?)(?=[\s\"'()<>\\,#]|$)")


def canonical_of(record: Record, url: str) -> str | None:
    """The address that the page in a record names as its own. Raises ValueError if its coding cannot be undone."""
    text = content(record.block, _MOST_HEAD).decode("utf-8", "replace")
    for tag in _HEAD_TAG.findall(text):
        said = {name.lower(): html.unescape(one or other) for name, one, other in _ATTRIBUTE.findall(tag)}
        if "canonical" in said.get("rel", "").lower().split() and "href" in said:
            return urljoin(url, said["href"].strip())
        if said.get("property", "").lower() == "og:url" and "content" in said:
            return urljoin(url, said["content"].strip())
    return None


def names_in(record: Record) -> Iterable[str]:
    """The names of files, with their queries, that an HTML, CSS or SVG answer speaks of; of others none."""
    head = parse_head(record.block) if record.kind == "response" else None
    if head is None or media_type(head.get("content-type")) not in _NAMING:
        return ()
    try:
        text = content(record.block, _MOST_BODY).decode("utf-8", "replace")
    except ValueError:
        return ()
    return (unquote(tail) for tail in _TAIL.findall(html.unescape(text)))


def name_of(url: str) -> str:
    """The name of the file that an address means, with its query."""
    parts = urlsplit(url)
    return unquote(parts.path.rpartition("/")[2] + (f"?{parts.query}" if parts.query else ""))
