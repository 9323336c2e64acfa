"""Names out of bylines: split, stripped of what is no name, never the publisher."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from archive.text import fold
from pipelines.article import Author
from pipelines.jsonld import clean, types

_AND = r"and|und|et|e|y|&|og|och|en|with|i"
_BY = r"story|text|words|written|posted|published|reported|by|von|par|por|di|door|av|af|från"
_SPLIT = re.compile(rf"\s*(?:[;|•·]|,(?!\s*(?:jr|sr|ii|iii|phd|md)\b)|\s(?:{_AND})\s)\s*", re.IGNORECASE)
_BEFORE = re.compile(rf"^(?:(?:{_BY})\b[\s:]*)+|^(?:autore?n?|authors?|auteurs?)(?:\s*:|\s)\s*", re.IGNORECASE)
_AFTER = re.compile(r"\s*(?:\(.*|\[.*|[–—|/].*|\s-\s.*|\bin\s[A-Z].*|@.*)$")
_NO_NAME = re.compile(
    r"https?:|www\.|@|\d{2}|[{}=<>]|\b(?:min(?:ute)?s?(?: read)?|says)$"
    r"|^(?:sign in|log in|(?:mon|tue|wed|thu|fri|sat|sun)(?:\w*day)?)$"
    r"|^(?:admin|editors?|staff|redaktion|redaction|newsroom|updated|published|posted|correspondent|reporter"
    r"|staff (?:writer|reporter)|contributor|senior .*|chief .*|.* (?:editor|correspondent|reporter))$",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"https?:|www\.|\S@\S")
_MOST = 12


def author(name: str, url: str | None = None, kind: str = "Person") -> Author:
    """An author as the table has it."""
    return Author(name=name, url=url, kind=kind)


def names_in(text: str | None) -> list[str]:
    """The names that a byline holds."""
    found = []
    for part in _SPLIT.split(_BEFORE.sub("", " ".join((text or "").split())[:300])):
        if _ADDRESS.search(part):
            continue
        name = _AFTER.sub("", _BEFORE.sub("", part)).strip(" ,.:;-–—*\"'“”")
        if 2 <= len(name) <= 60 and len(name.split()) <= 6 and not _NO_NAME.search(name) and any(map(str.isalpha, name)):
            found.append(name)
    return found


def from_jsonld(value: Any, by_id: dict[str, dict[str, Any]]) -> list[Author]:
    """The authors of a schema.org author value: object, list, text, or reference by @id."""
    found: list[Author] = []
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            node = one if one.get("name") else by_id.get(str(one.get("@id")), one)
            kind = "Organization" if any("Organization" in name for name in types(node)) else "Person"
            raw = node.get("name")
            for text in raw if isinstance(raw, list) else [raw]:
                url = node.get("url") if isinstance(node.get("url"), str) else None
                name = clean(text)
                names = [name] if name and kind == "Organization" else names_in(name)
                found += [author(name, url, kind) for name in names]
        else:
            found += [author(name) for name in names_in(clean(one))]
    return found


def without(authors: Iterable[Author], publishers: Iterable[str | None]) -> tuple[list[Author], bool]:
    """Authors once each, and whether people signed: the publisher is an author only if nobody else is."""
    once: dict[str, Author] = {}
    for one in authors:
        once.setdefault(fold(one["name"]), one)
    house = {fold(name) for name in publishers if name}
    people = [one for key, one in once.items() if key not in house]
    return (people or list(once.values()))[:_MOST], bool(people)


def looks_signed(text: str) -> bool:
    """Whether a printed line is a byline and nothing else: two to four words, each with a capital letter."""
    words = _BEFORE.sub("", text).split()
    return 2 <= len(words) <= 4 and all(word[0].isupper() or word in ("de", "van", "von", "di", "al") for word in words)
