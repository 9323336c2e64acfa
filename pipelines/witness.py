"""The witness: which lines of a page trafilatura keeps."""

from __future__ import annotations

import re
from collections import Counter
from copy import deepcopy
from functools import cache

import trafilatura
from lxml import etree
from lxml.html import HtmlElement, document_fromstring
from trafilatura.settings import Document, Extractor

from pipelines.boilerplate import size

_BLOCKS = frozenset({"p", "head", "quote", "list", "item", "table", "row", "div", "code"})
_ASIDE = frozenset({"aside", "footer", "nav", "header", "figure", "form", "table"})
_ASIDE_CLASS = re.compile(r"comment|footer|related|sidebar|cookie|consent|newsletter|recommend", re.IGNORECASE)
_ENOUGH = 700  # characters: a shorter body is worth a second look
_PROSE = 80  # characters of a paragraph that is no caption, button or teaser
_MISSED = 0.5  # share of the page's prose below which the quick reading has missed the article
_NEARLY_ALL = 0.8
_DENSE = 0.7
_SPACES = re.compile(r"[ \t\r\f\v\u00a0]+")


def testimony(tree: HtmlElement, url: str) -> list[str]:
    """The lines of the page's text in trafilatura's reading: paragraphs, headings, items, rows; none if it finds nothing."""
    document = _read(tree, url)
    return [] if document is None else _lines(document)


def _read(tree: HtmlElement, url: str) -> Document | None:
    """Extract: the rules alone where they find the page's prose; else its densest part, or the whole slow cascade."""
    quick = _extract(tree, url, "fast")
    found = _length(quick) if quick else 0
    if found >= _ENOUGH and found >= _MISSED * sum(map(size, tree.iter("p"))):
        return quick
    prose = _prose(tree)
    if found >= _ENOUGH and found >= _MISSED * max(prose.values(), default=0):
        return quick
    # rules take the first element with a telling class: of a body that comes in several chunks only the first
    if (part := _densest(prose)) is not None and found < _MISSED * prose[part]:
        quick = _extract(_alone(part, prose), url, "fast") or quick
        if quick and _length(quick) >= _MISSED * prose[part]:
            return quick
    return _extract(tree, url, "balanced") or quick or _extract(tree, url, "recall")


def _lines(document: Document) -> list[str]:
    parts: list[str] = []
    if _is_dump(document.body):
        parts.append(document.body[0].text or "")
    elif document.body is not None:
        _write(document.body, parts)
    lines = (_SPACES.sub(" ", line).strip() for line in "".join(parts).split("\n"))
    return [line for line in lines if line]


def _length(document: Document) -> int:
    return sum(map(len, _lines(document)))


def _extract(tree: HtmlElement, url: str, mode: str) -> Document | None:
    try:
        document = trafilatura.bare_extraction(tree, url=url, options=_options(mode))
    except Exception:  # whatever a page makes the extractor do, other readings are left
        return None
    return document if isinstance(document, Document) and document.body is not None else None


@cache
def _options(mode: str) -> Extractor:
    return Extractor(
        output_format="python", comments=False, formatting=True, links=True, fast=mode == "fast", recall=mode == "recall"
    )


def _is_dump(body: etree._Element | None) -> bool:
    """Whether this is trafilatura's very last resort: all of the page in one paragraph, where line breaks part elements."""
    return body is not None and len(body) == 1 and body[0].tag == "p" and len(body[0]) == 0 and "\n" in (body[0].text or "")


def _write(element: etree._Element, parts: list[str]) -> None:
    block = element.tag in _BLOCKS
    if block or element.tag == "lb":
        parts.append("\n")
    elif element.tag == "cell" and element.getprevious() is not None:
        parts.append(" | ")
    if element.text:
        parts.append(element.text.replace("\n", " "))
    for child in element:
        _write(child, parts)
    if block:
        parts.append("\n")
    if element.tail:
        parts.append(element.tail.replace("\n", " "))


def _prose(tree: HtmlElement) -> Counter[HtmlElement]:
    """For each element above a long paragraph, the characters of those below it; side parts and lists of links apart."""
    below: Counter[HtmlElement] = Counter()
    for paragraph in tree.iter("p"):
        length = len(paragraph.text_content())
        if length < _PROSE:
            continue
        above = list(paragraph.iterancestors())
        links = sum(len(link.text_content()) for link in paragraph.iter("a"))
        if links < length / 2 and not any(map(_is_aside, above)):
            below.update(dict.fromkeys(above, length))
    return below


def _densest(prose: Counter[HtmlElement]) -> HtmlElement | None:
    """The smallest element with nearly all of the prose, if there is little else in it."""
    most = max(prose.values(), default=0)
    sizes = {element: len(element.text_content()) for element, length in prose.items() if length >= _NEARLY_ALL * most}
    part = min(sizes, key=lambda element: sizes[element], default=None)
    return part if part is not None and prose[part] >= _DENSE * sizes[part] else None


def _alone(part: HtmlElement, prose: Counter[HtmlElement]) -> HtmlElement:
    """A page with a copy of ``part`` as its article; what holds prose loses the classes that rules would pick one by."""
    page = document_fromstring("<html><body></body></html>")
    kept = {element: dict(element.attrib) for element in part.iter() if element in prose}
    for element in kept:
        element.attrib.clear()
    article = deepcopy(part)
    for element, attributes in kept.items():
        element.attrib.update(attributes)
    article.tag, article.tail = "article", None
    page[-1].append(article)
    return page


def _is_aside(element: etree._Element) -> bool:
    return element.tag in _ASIDE or bool(_ASIDE_CLASS.search(element.get("class") or ""))
