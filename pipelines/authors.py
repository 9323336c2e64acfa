"""Names out of bylines: split, stripped of what is no name, never the publisher."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from archive.text import fold
from pipelines.article import Author
from pipelines.jsonld import clean, types

_AND = r"and|und|et|e|y|&|og|och|en|with|i"
_BY = r"story|text|words|written|posted|published|reported|by|von|par|por|di|door|av|af|från|skrevet|escrito|geschreven"
# what stands behind a name and its comma without being another person's
_DEGREES = (
    r"jr|sr|ii|iii|iv|esq|ph\.?\s?d|m\.?d|d\.?o|j\.?d|m\.?a|b\.?a|m\.?s|b\.?s|m\.?sc|b\.?sc|mba|mph|r\.?n|bsn|msn|rdn?|ld|cfp|cfa|cpa"
    r"|cepf|dvm|vmd|dds|dacvb|facp|faclm|lcsw|pharm\.?d|ed\.?d|psy\.?d|obe|mbe"
)
_COMMA = re.compile(rf"\s*(?:[;|•·]|,(?!\s*(?:{_DEGREES})(?![\w-])))\s*(?:(?:{_AND})\s)?", re.IGNORECASE)
_SPLIT = re.compile(rf"\s(?:{_AND})\s", re.IGNORECASE)
# what stands behind a name and its comma and tells who that is
_POSTS = re.compile(
    r"(?:ceo|cto|cfo|coo|co-?founder|founder|head|director|president|vice president|vp|manager|editor|staff|senior|chief|master"
    r"|professor|associate|assistant|reporter|correspondent|contributor|contributing|managing|executive|owner|partner"
    r"|trial attorney|attorney|candidate|member|fellow|researcher|lecturer)\b",
    re.IGNORECASE,
)
_BEFORE = re.compile(
    rf"^(?:(?:{_BY})\b[\s:]*)+|^(?:autore?n?|authors?|auteurs?|contributors?|article)(?:\s+(?:by|von|par)\b)?(?:\s*:|\s)\s*"
    r"|^this (?:post|article) was written by\s",
    re.IGNORECASE,
)
_AFTER = re.compile(r"\s*(?:\(.*|\[.*|[–—|/].*|\s-\s.*|\bin\s[A-Z].*|@.*)$")
_MONTHS = (
    r"jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?"
    r"|dec(?:ember)?"
)
# what may run on behind a name in one line: a day, a change, a post
_TRAIL = re.compile(
    rf"\s+(?:by|von|par)$|\s+(?:last\s)?(?:updated|published|posted|edited|reviewed)\b.*$|\s+(?:{_MONTHS})\.?\s+\d.*$"
    r"|\s*(?:기자|특파원|記者|记者)$",
    re.IGNORECASE,
)
_POST = re.compile(
    r"(?<=\w)\s+(?:Senior|Chief|Staff|Head|Former|Associate|Deputy|Managing|Contributing|Editor|Reporter|Correspondent|Writer|Journalist"
    r"|Founder|CEO|Director|Manager|Contributor|Professor|Analyst|Columnist|Photographer|Producer|Publisher)\b.*$"
)
_NO_NAME = re.compile(
    r"https?:|www\.|@|\d{2}|[{}=<>]|\b(?:min(?:ute)?s?(?: read)?|says)$"
    r"|^(?:sign in|log in|your name|(?:mon|tue|wed|thu|fri|sat|sun)(?:\w*day)?)$"
    r"|^(?:photo|foto|fotos|bild|image|picture|video|illustration|graphic|grafik|content|design|code|editing)s?\s*:"
    r"|^(?:admin|editors?|staff|redaktion|redaction|newsroom|updated|published|posted|correspondent|reporter|writer|founder|journalist"
    r"|staff (?:writer|reporter)|contributor|senior .*|chief .*|head of .*"
    r"|.* (?:editor|correspondent|reporter|writer|expert|manager))$",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"https?:|www\.|\S@\S")
_HANDLE = re.compile(r"[a-z0-9._-]+|\w*[0-9_.]\w*")
_PARTICLES = frozenset(
    {
        "de",
        "del",
        "della",
        "der",
        "den",
        "di",
        "da",
        "do",
        "dos",
        "du",
        "el",
        "al",
        "bin",
        "ibn",
        "la",
        "le",
        "van",
        "von",
        "zu",
        "zur",
        "ter",
        "ten",
        "y",
        "e",
        "af",
        "av",
        "of",
    }
)
_MOST = 12
_MOST_WORDS = 5


def author(name: str, url: str | None = None, kind: str = "Person") -> Author:
    """An author as the table has it."""
    return Author(name=name, url=url, kind=kind)


def names_in(text: str | None) -> list[str]:
    """The names that a byline holds."""
    found = []
    for part in _parts(without_lead(" ".join((text or "").split())[:300])):
        if _ADDRESS.search(part):
            continue
        name = _TRAIL.sub("", _AFTER.sub("", without_lead(part)))
        name = _POST.sub("", name) if len(name.split()) > 2 else name
        name = name.strip(" ,:;-–—*\"'“”")
        name = name if re.search(rf"(?:^|\W)(?:{_DEGREES})\.$", name, re.IGNORECASE) else name.rstrip(".")
        if 2 <= len(name) <= 60 and len(name.split()) <= 6 and not _NO_NAME.search(name) and any(map(str.isalpha, name)):
            found.append(name)
    return found


def _parts(text: str) -> Iterator[str]:
    for number, part in enumerate(_COMMA.split(text)):
        if number == 0 or not _POSTS.match(part):
            yield from _SPLIT.split(part)


def without_lead(text: str) -> str:
    """A byline without the words that lead up to the name, such as "By" or "Written by"."""
    return _BEFORE.sub("", text)


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
                names = [name] if name and kind == "Organization" else names_in(name) or _as_called(name)
                found += [author(name, url, kind) for name in names]
        else:
            found += [author(name) for name in names_in(clean(one))]
    return found


def _as_called(name: str | None) -> list[str]:
    """The name of one who is called by a post, such as "Community Editor"."""
    return [name] if name and len(name) < 40 and not _ADDRESS.search(name) and any(map(str.isalpha, name)) else []


def without(authors: Iterable[Author], publishers: Iterable[str | None]) -> tuple[list[Author], bool]:
    """Authors once each, and whether people signed: the publisher and log-in names are authors only if nobody else is."""
    once: dict[str, Author] = {}
    for one in authors:
        once.setdefault(fold(one["name"]), one)
    house = {fold(name) for name in publishers if name}
    people = [one for key, one in once.items() if key not in house and not _HANDLE.fullmatch(one["name"])]
    return (people or list(once.values()))[:_MOST], bool(people)


def looks_signed(name: str) -> bool:
    """Whether a printed text has the shape of a person's name: two to five words that begin as names do, or, in a script
    without capitals or spaces, two to eight characters."""
    words = name.split()
    if len(words) == 1:
        return 2 <= len(name) <= 8 and not any(char.isupper() or char.islower() for char in name)
    return len(words) <= _MOST_WORDS and all(_begins_name(word.lstrip("'‘’\"(")) for word in words)


def _begins_name(word: str) -> bool:
    return bool(word) and (word.lower() in _PARTICLES or (word[0].isalpha() and not word[0].islower()))
