"""The headline among what a page says of itself: its heading, its claims to machines, its title for search engines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import unquote, urlsplit

from archive.text import fold

_SEPARATORS = re.compile(r"\s+[|–—·•»:-]\s+|\s*[|»ㅣ]\s*")
_WORDS = re.compile(r"[^\W_]+")
_SUFFIX = re.compile(r"\.\w{2,5}$")
_FEW = 4  # words; a shorter heading that nothing confirms may be the name of the site or of a menu
_SHORT = 10  # characters

Named = tuple[str, str]  # a source and what it says


def ranked(headings: Sequence[str], claims: Sequence[Named], page_title: str, names: Iterable[str | None]) -> list[Named]:
    """Candidates for the headline, best first; ``claims`` in order of trust, ``names`` what the site is called.

    A page has its headline twice: as the editors wrote it and as search engines shall find it. The document's title is made for
    search engines; so where heading and Open Graph differ, the one that is not in the title is the headline.
    """
    houses = [name for name in names if name]
    claims = [(source, short) for source, value in claims if (short := without_site(value, houses))]
    document = without_site(page_title, houses) or ""
    known = {fold(name) for name in houses}
    printed = [("h1", text) for text in headings if text and fold(text) not in known]
    heading = _heading(printed, claims, page_title)
    order = [*claims, ("title", document), *printed]
    if heading is None:
        return order
    chosen = _editorial(heading, claims, document)
    return [chosen, heading, *(one for one in order if one not in (chosen, heading))]


def _heading(printed: Sequence[Named], claims: Sequence[Named], page_title: str) -> Named | None:
    """The heading that a claim or the page's title confirms; else a single one that is long enough to be no name."""
    confirmed = [fold(value) for _, value in claims] + [fold(page_title)]
    sure = [one for one in printed if any(_confirms(claim, fold(one[1])) for claim in confirmed)]
    if sure:
        return sure[0]
    long = [one for one in printed if len(one[1]) > _SHORT]
    return long[0] if len(long) == 1 and len(long[0][1].split()) >= _FEW else None


def _editorial(heading: Named, claims: Sequence[Named], document: str) -> Named:
    said = {source: fold(value) for source, value in claims}
    here, og = fold(heading[1]), said.get("meta:og:title")
    json = said.get("jsonld:headline")
    if og in (None, here):
        return heading
    by_source = dict(claims)
    if fold(document) == here:
        return "meta:og:title", by_source["meta:og:title"]
    if json and json not in (here, og) and json != fold(document):
        return "jsonld:headline", by_source["jsonld:headline"]
    return heading


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
    return title


def _confirms(claim: str, heading: str) -> bool:
    """Whether a claim holds the heading and not much else: a site's name stands in its titles too."""
    return bool(heading) and heading in claim and 2 * len(heading) >= len(claim)


def from_url(url: str) -> str | None:
    """The words of an address that look like a headline's, where a page has no title at all: ``the-ferry-runs-again``."""
    names = [name for name in unquote(urlsplit(url).path).split("/") if name]
    words = [word for word in _WORDS.findall(_SUFFIX.sub("", names[-1])) if not any(map(str.isdigit, word))] if names else []
    return " ".join(words).capitalize()[:200] if len(words) >= _FEW else None
