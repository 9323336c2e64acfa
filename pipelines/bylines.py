"""Where a page prints who wrote it: elements that say so by class, ``rel`` or address, and lines that begin with "By"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from lxml import etree
from lxml.etree import XPath
from lxml.html import HtmlElement

from pipelines.authors import looks_signed, names_in, without_lead
from pipelines.evidence import Evidence, text_of

_HEADLINE = XPath("boolean(descendant::h1)")
_PROFILE = re.compile(
    r"/(?:(?:blog-)?auth?ors?|autore[ns]?|auteurs?|autoren|people|team|contributors?|profiles?|producers|writers?|by|staff|experts?)/[^/?]"
)
_ASIDE = re.compile(r"comment|\bnav\b|related|teaser|recommend", re.IGNORECASE)
_ENDS = re.compile(
    r"(?:reviewed|edited|edit|editor|fact[- ]?checked|medically|updated|last|photos?|foto|image|bild|illustrat\w*|translat\w*"
    r"|read|more|view|follow|share|about|see|sign|subscribe|contact|comments?|reply|your|leave|contributed|articles?|posts?|all|our)\b",
    re.IGNORECASE,
)
_JOINS = re.compile(r"(?:[,;&/+]|\b(?:and|und|et|y|e|og|och|en|i|with)\b|\s)+", re.IGNORECASE)
_JOINED = re.compile(r"(?:[,;&]|\b(?:and|und|et|y|og|och|en))\s*$", re.IGNORECASE)
_LINE = re.compile(
    r"\s*(?:by|written by|posted by|von|par|por|door|av|af|autore?|author|this (?:post|article) was written by)\b[\s:]*", re.I
)
_LABEL = re.compile(
    r"\s*(?:(?:(?:article|words|text|story|written|posted|published) )?by|authors?|contributors?|autore?n?|autora?|von|par|por"
    r"|texto?)\s*:?\s*",
    re.IGNORECASE,
)
_RULES = " \n\t\r\xa0|•·–—"
_MOST_BYLINES = 20
_MOST_FRAGMENTS = 30
_MOST_LINES = 400  # elements below the headline among which a line with a name is looked for
_SHORT = 120  # characters of a line that signs
_LITTLE = 40  # characters of a printed line that can hold little more than a name
_FEW = 3  # words of a name


def bylines(evidence: Evidence) -> list[HtmlElement]:
    """Elements that call themselves a byline: those below the headline first, then those above."""
    found = islice((element for element in _ordered(evidence.signed) if not beside(element)), _MOST_BYLINES)
    return sorted(found, key=lambda element: element.get("rel") != "author")


def profiles(tree: HtmlElement) -> list[HtmlElement]:
    """Links to the page of a person, below the headline first."""
    people = [one for one in tree.iter("h1", "a") if one.tag == "h1" or _PROFILE.search(one.get("href") or "")]
    return [element for element in _ordered(people)[:8] if not beside(element)]


def lines(heading: HtmlElement) -> Iterator[HtmlElement]:
    """Short elements below the headline in which a text begins with "By" or its like."""
    for element in islice(following(heading), _MOST_LINES):
        begins = isinstance(element.tag, str) and any(text and _LINE.match(text) for text in _own(element))
        if begins and len(text_of(element)) < _SHORT and not beside(element):
            yield element


def labelled(heading: HtmlElement) -> Iterator[HtmlElement]:
    """What stands behind a label such as "Written by" that is an element of its own."""
    for element in islice(following(heading), _MOST_LINES):
        label = isinstance(element.tag, str) and len(element) == 0 and element.text and _LABEL.fullmatch(element.text)
        named = (element.getparent() if (element.tail or "").strip() else element.getnext()) if label else None
        if named is not None and isinstance(named.tag, str) and len(text_of(named)) < _SHORT and not beside(element):
            yield named


def _own(element: HtmlElement) -> Iterator[str | None]:
    yield element.text
    yield from (child.tail for child in element)


def following(heading: HtmlElement) -> Iterator[HtmlElement]:
    """Elements behind one, in the order of the page."""
    node: HtmlElement | None = heading
    while node is not None:
        for sibling in node.itersiblings():
            yield from sibling.iter()
        node = node.getparent()


def _ordered(found: list[HtmlElement]) -> list[HtmlElement]:
    first = next((index for index, element in enumerate(found) if element.tag == "h1"), 0)
    return [element for element in (*found[first:], *found[:first]) if element.tag != "h1"]


def beside(element: HtmlElement) -> bool:
    """Whether it belongs to a menu, a comment or another story: to a box that does not hold the headline."""
    above: HtmlElement | None = element
    while above is not None and not _HEADLINE(above):
        if above.tag == "nav" or _ASIDE.search(f"{above.get('class') or ''} {above.get('id') or ''}"):
            return True
        above = above.getparent()
    return False


def printed(element: HtmlElement) -> list[str]:
    """The names that an element prints, up to where something else begins: another part of the page says who checked the text,
    when it was changed, and what the author did before."""
    names: list[str] = []
    joined = led = False
    for text, linked in islice(_fragments(element), _MOST_FRAGMENTS):
        if _JOINS.fullmatch(text):
            joined = True
            continue
        bare = without_lead(text)
        if not bare.strip(" :"):
            joined = led = True
            continue
        if _ENDS.match(text) or (names and not joined and not linked):
            break
        found = [name for name in names_in(text) if looks_signed(name) or (led and name[0].isupper())]
        if not found and names:
            break
        names += [name for name in found if name not in names]
        joined, led = bool(_JOINED.search(text)), False
    return names


def signed(element: HtmlElement) -> list[str]:
    """The names that an element prints which only its words or its address call a byline: such as have the shape of names, and
    one that "By" leads up to."""
    names = printed(element)
    if len(text_of(element)) < _LITTLE:
        return names
    led = bool(element.text and _LINE.match(element.text))
    return [name for number, name in enumerate(names) if looks_signed(name) or (led and number == 0)]


def called(element: HtmlElement) -> list[str]:
    """Who signs a byline with a name that has not the shape of a person's."""
    words = text_of(element)
    short = len(words) < _LITTLE and len(words.split()) <= _FEW and not any(map(str.isdigit, words))
    return [name for name in names_in(words) if " " not in name or not name[0].islower() or name.islower()] if short else []


def _fragments(element: HtmlElement) -> Iterator[tuple[str, bool]]:
    """Each run of text, and whether it is a link's."""
    for node in element.iter(etree.Element):
        if node.tag not in ("script", "style", "svg", "noscript") and (text := (node.text or "").strip(_RULES)):
            yield text, node.tag == "a"
        if node is not element and (text := (node.tail or "").strip(_RULES)):
            yield text, False
