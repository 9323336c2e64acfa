"""The headline among what a page says of itself: its heading, its claims to machines, its title for search engines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, urlsplit

from archive.text import fold

_SEPARATORS = re.compile(r"\s+[|–—·•»:-]\s+|\s*[|»ㅣ]\s*")
_WORDS = re.compile(r"[^\W_]+")
_SUFFIX = re.compile(r"\.\w{2,5}$")
_FEW = 4  # words; a shorter heading that nothing confirms may be the name of the site or of a menu
_SHORT = 10  # characters

Named = tuple[str, str]  # a source and what it says
Standing = Literal["main", "beside"] | None


@dataclass(frozen=True, slots=True)
class Heading:
    """What an ``h1`` says, and where it stands: in the page's main part (``article`` or ``main``), or beside it (``nav`` …)."""

    text: str
    standing: Standing = None


def ranked(headings: Sequence[Heading], claims: Sequence[Named], page_title: str, names: Iterable[str | None]) -> list[Named]:
    """Candidates for the headline, best first; ``claims`` in order of trust, ``names`` what the site is called.

    A page has its headline twice: as the editors wrote it and as search engines shall find it. The document's title is made for
    search engines; so where heading and Open Graph differ, the one that is not in the title is the headline.
    """
    houses = [name for name in names if name]
    claims = [(source, short) for source, value in claims if (short := without_site(value, houses))]
    document = without_site(page_title, houses) or ""
    known = {fold(name) for name in houses}
    printed = [Heading(_without_rubric(one.text), one.standing) for one in headings if one.text and fold(one.text) not in known]
    heading = _heading(printed, claims, page_title)
    order = [*claims, ("title", document), *(("h1", one.text) for one in printed)]
    if heading is None:
        return order
    chosen = _editorial(heading, claims, document)
    return [chosen, heading, *(one for one in order if one not in (chosen, heading))]


def _heading(printed: Sequence[Heading], claims: Sequence[Named], page_title: str) -> Named | None:
    """The heading that a claim or the page's title confirms; else the first of the main part, or a single one; either must be
    long enough to be no name."""
    confirming = [*(value for _, value in claims), page_title]
    sure = [one for one in printed if any(_confirms(claim, one.text) for claim in confirming)]
    long = [one for one in printed if one.standing != "beside" and len(one.text) > _SHORT and len(one.text.split()) >= _FEW]
    chosen = sure or [one for one in long if one.standing == "main"] or (long if len(long) == 1 else [])
    return ("h1", chosen[0].text) if chosen else None


def _editorial(heading: Named, claims: Sequence[Named], document: str) -> Named:
    by_source = dict(claims)
    said = {source: fold(value) for source, value in claims}
    here, og, json = fold(heading[1]), said.get("meta:og:title"), said.get("jsonld:headline")
    if og in (None, here) or _is_cut_or_suffixed(by_source["meta:og:title"], heading[1]):
        return heading
    if json == og and (here in json or json in here):
        return "jsonld:headline", by_source["jsonld:headline"]  # a kicker more or less: both claims know which
    if fold(document) == here:
        return "meta:og:title", by_source["meta:og:title"]
    if json and json not in (here, og) and json != fold(document):
        return "jsonld:headline", by_source["jsonld:headline"]
    return heading


def _is_cut_or_suffixed(claim: str, heading: str) -> bool:
    """Whether a claim is the heading cut off, or with a site's name behind it."""
    if heading.startswith(claim):
        return True
    return claim.startswith(heading) and bool(_SEPARATORS.match(claim[len(heading) :]))


def without_site(title: str | None, names: Iterable[str | None]) -> str | None:
    """A title without the name of the site before or behind it."""
    if not title:
        return None
    known = {fold(name).replace(" ", "") for name in names if name}
    parts = _SEPARATORS.split(title)
    if len(parts) > 1 and fold(parts[-1]).replace(" ", "") in known:
        return title[: title.rindex(parts[-1])].rstrip(" |–—·•»ㅣ:-")
    if len(parts) > 1 and fold(parts[0]).replace(" ", "") in known:
        return title[len(parts[0]) :].lstrip(" |–—·•»ㅣ:-")
    return _without_rubric(title)


def _without_rubric(title: str) -> str:
    """What stands behind a bar is the section, or advertising, where enough stands before it."""
    head = title.partition(" | ")[0]
    return head if len(head.split()) >= _FEW else title


def _confirms(claim: str, heading: str) -> bool:
    """Whether a claim holds the heading and not much else, or begins with it: a site's name stands in its titles too."""
    said, wanted = fold(claim), fold(heading)
    leads = " " in heading and fold(_SEPARATORS.split(claim)[0]) == wanted
    return bool(wanted) and wanted in said and (leads or 2 * len(wanted) >= len(said))


def from_url(url: str) -> str | None:
    """The words of an address that look like a headline's, where a page has no title at all: ``the-ferry-runs-again``."""
    names = [name for name in unquote(urlsplit(url).path).split("/") if name]
    words = [word for word in _WORDS.findall(_SUFFIX.sub("", names[-1])) if not any(map(str.isdigit, word))] if names else []
    return " ".join(words).capitalize()[:200] if len(words) >= _FEW else None
