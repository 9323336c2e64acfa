"""Where a page shows when it was published: ``time`` elements, lines near the headline, what calls itself a date."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, islice

from lxml.html import HtmlElement

from pipelines.bylines import beside, following
from pipelines.evidence import Evidence, text_of

# what is said of a change, in classes and in print
CHANGE = re.compile(
    r"modif|updat|aktual|ge[aä]ndert|mis à jour|actuali|aggiornat|bijgewerkt|oppdater|uppdater|opdater|güncel|обновл|изменен"
    r"|更新|수정|cập nhật|päivitetty|atualiz",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_BEFORE, _BEHIND = 25, 60  # elements above and below the headline
_MOST_TIMES = 6
_LONGEST = 80  # characters of what calls itself a date
_SHORT = 70  # characters of a line that tells the date and little more


def shown(evidence: Evidence) -> Iterator[tuple[str, str | None]]:
    """Source and text of each, those first that are most likely the article's own."""
    for prop in evidence.property("datePublished")[:2]:
        yield "itemprop:datePublished", prop.get("content") or prop.get("datetime") or text_of(prop)
    yield from _times(evidence)
    for heading in evidence.headings[:1]:
        for element in lines(heading):
            yield "line", text_of(element)
    for element in evidence.dated:
        text = text_of(element)
        if len(text) < _LONGEST and not CHANGE.search(f"{element.get('class')} {text}"):
            yield "printed", text


def _times(evidence: Evidence) -> Iterator[tuple[str, str | None]]:
    times, above = evidence.times, evidence.times_before_headline
    # what stands below the headline is of the article; above it stand teasers and today's date
    for element in [*times[above : above + _MOST_TIMES], *times[:above][:_MOST_TIMES]]:
        parent = element.getparent()
        around = parent.get("class") if parent is not None else ""
        if not CHANGE.search(f"{element.get('class')} {element.get('itemprop')} {around}"):
            yield "time", element.get("datetime") or text_of(element)


def lines(heading: HtmlElement) -> Iterator[HtmlElement]:
    """Short elements with a year, below the headline, then above it; none of another story, none that tells a change."""
    for element in chain(islice(following(heading), _BEHIND), islice(_preceding(heading), _BEFORE)):
        if isinstance(element.tag, str) and _prints_year(element) and not beside(element):
            text = text_of(element)
            if len(text) < _SHORT and not CHANGE.search(f"{element.get('class')} {text}"):
                yield element


def _prints_year(element: HtmlElement) -> bool:
    return any(text and _YEAR.search(text) for text in (element.text, *(child.tail for child in element)))


def _preceding(heading: HtmlElement) -> Iterator[HtmlElement]:
    node: HtmlElement | None = heading
    while node is not None:
        for sibling in node.itersiblings(preceding=True):
            yield from reversed(list(sibling.iter()))
        node = node.getparent()
