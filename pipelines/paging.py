"""Articles that go on on further pages, and pages that say another page's article once more: by what a page names itself."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple
from urllib.parse import urlsplit

from lxml.html import HtmlElement

from archive.url import surt

MOST_PAGES = 100  # of one article; what goes on beyond them is no article
_MOST_NAMED = 20  # links of a page to its next one
PAGE_WORD = r"(?:page|seite|pagina|página|strona|side|sida|sivu|sayfa|p|pg|s)"
_IN_PATH = re.compile(rf"(?:/|[-_/]{PAGE_WORD}[-_/]?|[-_,])(\d{{1,3}})(?=(?:\.\w{{2,5}}|/)?$)", re.IGNORECASE)
_SUFFIX = re.compile(r"(?:\.\w{2,5}|/)$")
_IN_QUERY = re.compile(rf"(?:{PAGE_WORD}|pageno|page_?num(?:ber)?|paged)=(\d{{1,3}})", re.IGNORECASE)
_AMP = re.compile(r"(?:^|[/.?&=])amp(?:$|[/.?&=])|[-_]amp(?:\.\w+)?(?:$|[/?])|outputtype=amp", re.IGNORECASE)
_PRINTED = r"(?:print|printable|print(?:er)?[-_]?(?:version|friendly|view|article)|drucken|druckversion|imprimir|imprimer)"
_PRINT = re.compile(rf"(?:^|[/.?&=]){_PRINTED}(?:$|[/.?&=])|[-_]{_PRINTED}(?:\.\w+)?(?:$|[/?])", re.IGNORECASE)


class Numbered(NamedTuple):
    """An address without its page number, and that number: 0 if it has none."""

    base: str
    number: int


@dataclass(frozen=True, slots=True)
class Turn:
    """The pages of the same article right before and right behind one; None where there is none."""

    previous: str | None = None
    next: str | None = None

    def __bool__(self) -> bool:
        return self.previous is not None or self.next is not None


def numbered(url: str) -> Numbered:
    """``/story/2``, ``/story-2.html``, ``/story/page/2``, ``/story?page=2`` are the second page of ``/story``."""
    parts = urlsplit(url)
    pairs = [pair for pair in parts.query.split("&") if pair]
    in_query = [found for pair in pairs if (found := _IN_QUERY.fullmatch(pair))]
    query = "&".join(pair for pair in pairs if not _IN_QUERY.fullmatch(pair))
    found = None if in_query else _IN_PATH.search(parts.path)
    path = _SUFFIX.sub("", parts.path[: found.start()] if found else parts.path)
    number = in_query[0][1] if in_query else found[1] if found else "0"
    return Numbered(f"{parts.netloc.lower()}{path}?{query}", int(number))


def turn_of(url: str, before: Iterable[str], behind: Iterable[str]) -> Turn:
    """Which of the addresses that a page at ``url`` calls previous and next (rel) are pages of the same article.

    The addresses differ in a page number alone, by one: blogs call other articles previous and next, too.
    """
    here = numbered(url)
    following = (one for one in islice(behind, _MOST_NAMED) if _follows(here, numbered(one)))
    preceding = (one for one in islice(before, _MOST_NAMED) if _follows(numbered(one), here))
    return Turn(next(preceding, None), next(following, None))


def _follows(here: Numbered, there: Numbered) -> bool:
    # the first page mostly has no number; where pages count from zero the second is called 1
    return here.base == there.base and there.number in ((1, 2) if here.number == 0 else (here.number + 1,))


def twin_of(url: str, canonical: str | None, root: HtmlElement) -> str | None:
    """What kind of twin of its canonical address a page is: ``AMP``, ``print``; None if it speaks for itself."""
    if canonical is None or canonical == url or surt(canonical) == surt(url) or numbered(canonical).base == numbered(url).base:
        return None
    address = _differing(url, canonical)
    if root.get("amp") is not None or root.get("⚡") is not None or _AMP.search(address):
        return "AMP"
    return "print" if _PRINT.search(address) else None


def _differing(url: str, canonical: str) -> str:
    """Host, path segments and query parameters that an address has and the canonical one has not."""
    here, there = urlsplit(url), urlsplit(canonical)
    host = "" if here.netloc == there.netloc else here.netloc.partition(".")[0]
    known = set(there.path.split("/")) | set(there.query.split("&"))
    path = [part for part in here.path.split("/") if part and part not in known]
    query = [part for part in here.query.split("&") if part and part not in known]
    return f"{host}.{'/'.join(path)}?{'&'.join(query)}"
