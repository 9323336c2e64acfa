"""What is not the article goes before the extractor looks: sprites, hidden parts, dialogs; and the head that repeats."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from lxml import etree
from lxml.html import HtmlElement

from archive.text import fold
from pipelines import dates
from pipelines.authors import names_in

_NEVER_TEXT = frozenset({"svg", "script", "style", "template", "noscript", "iframe", "object", "canvas"})
_CONTROLS = frozenset({"dialog", "button", "select", "textarea"})
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
# each by itself: a page that hides its body one way may hide its dialogs another
_HIDDEN_BY: tuple[Callable[[Any], bool], ...] = (
    lambda attributes: attributes.get("role") in ("dialog", "alertdialog"),
    lambda attributes: attributes.get("aria-hidden") == "true",
    lambda attributes: "style" in attributes and bool(_HIDDEN.search(attributes["style"])),
    lambda attributes: "hidden" in attributes and attributes["hidden"] != "until-found",
)
_MOST_OF_IT = 0.5  # a hidden part with more of the page's text than this is the page itself
# boxes beside the text; what is as long as an article is one, whatever its class
_BOX = re.compile(r"(?:^|[\s_-])(?:paywall|info-?box|fact-?box|newsletter|subscri(?:be|ption))(?:$|[\s_-])", re.IGNORECASE)
_BOX_TAGS = frozenset({"div", "section", "aside", "ul", "p"})
_BESIDE = frozenset({"navigation", "complementary", "contentinfo", "banner", "search"})
_LONG = 2_000  # characters; more is no control
_SHORT = 600
_HEAD_LINES = 6


@dataclass(slots=True)
class _Suspects:
    """Elements to look at, found in one walk."""

    never_text: list[HtmlElement] = field(default_factory=list)
    controls: list[HtmlElement] = field(default_factory=list)
    hidden: tuple[list[HtmlElement], ...] = field(default_factory=lambda: tuple([] for _ in _HIDDEN_BY))
    boxes: list[HtmlElement] = field(default_factory=list)
    quotes: list[HtmlElement] = field(default_factory=list)


def prune(tree: HtmlElement, summary: str | None) -> None:
    """Take out of the tree, in place, what a reader never sees as part of the article, and the ``summary`` above it."""
    suspects = _walk(tree)
    for element in suspects.never_text:
        if element.tag != "noscript" or size(element) < _LONG:
            _drop(element)
    for element in suspects.controls:
        # an unclosed button swallows the page that follows it
        if size(element) < _LONG:
            _drop(element)
        else:
            element.drop_tag()
    _drop_hidden(tree, suspects.hidden)
    for element in suspects.boxes:
        if size(element) < _SHORT:
            _drop(element)
    for quote in suspects.quotes:
        _spell_out(quote)
    if summary and len(summary) < _SHORT:
        _drop_summary(tree, fold(summary))


def _walk(tree: HtmlElement) -> _Suspects:
    found = _Suspects()
    for element in tree.iter(etree.Element):
        tag = element.tag
        if tag in _NEVER_TEXT:
            found.never_text.append(element)
        elif tag in _CONTROLS:
            found.controls.append(element)
        elif tag == "q":
            found.quotes.append(element)
        attributes = element.attrib
        if not attributes or tag in ("html", "body"):
            continue
        for sign, hidden in zip(_HIDDEN_BY, found.hidden, strict=True):
            if sign(attributes):
                hidden.append(element)
        if tag in _BOX_TAGS and "class" in attributes and _BOX.search(attributes["class"]):
            found.boxes.append(element)
    return found


def _drop_hidden(tree: HtmlElement, groups: Iterable[list[HtmlElement]]) -> None:
    whole = size(tree)
    for hidden in groups:
        # what holds most of the page's words is the page, whatever it is called: scripts show it later
        if hidden and sum(map(size, hidden)) < _MOST_OF_IT * whole:
            for element in hidden:
                _drop(element)


def _drop_summary(tree: HtmlElement, summary: str) -> None:
    """The standfirst: an element that says just what the page's description says and does not stand among paragraphs."""
    for element in list(tree.iter("p", "div", "h2", "h3", "span", "strong")):
        if len(element) > 3 or not len(summary) <= size(element) < 2 * len(summary) + 20:
            continue
        if fold("".join(element.itertext())) == summary:
            beside = [*element.itersiblings("p"), *element.itersiblings("p", preceding=True)]
            if sum(size(paragraph) > 80 for paragraph in beside) < 2:
                _drop(element)


def size(element: HtmlElement) -> int:
    """Characters of text in an element."""
    return sum(map(len, element.itertext()))


def _drop(element: HtmlElement) -> None:
    if element.getparent() is not None:
        element.drop_tree()


def _spell_out(quote: HtmlElement) -> None:
    """Browsers draw the marks of a q element; without them its words would run on unquoted."""
    quote.text = "“" + (quote.text or "")
    if len(quote):
        quote[-1].tail = (quote[-1].tail or "") + "”"
    else:
        quote.text += "”"
    if quote.getparent() is not None:
        quote.drop_tag()


def main_part(tree: HtmlElement) -> HtmlElement:
    """A copy without navigation, side columns and the targets of links: what may date the page itself."""
    part = copy.deepcopy(tree)
    for element in list(part.iter("nav", "aside", "footer", "div", "section", "a")):
        if element.tag == "a":
            element.attrib.pop("href", None)
        elif element.tag in ("nav", "aside", "footer") or element.get("role") in _BESIDE:
            _drop(element)
    return part


def without_head(lines: list[str], said: Iterable[str | None], names: Iterable[str]) -> list[str]:
    """The lines without those at the head that only repeat headline, printed date or byline."""
    known, people = {fold(text) for text in said if text}, {fold(name) for name in names}

    def repeats(line: str) -> bool:
        if fold(line) in known or (len(line) < 40 and dates.parse(line)):
            return True
        signed = {fold(name) for name in names_in(line)} if len(line) < 120 else set()
        return bool(signed) and signed <= people

    return [line for line in lines[:_HEAD_LINES] if not repeats(line.lstrip("#-* "))] + lines[_HEAD_LINES:]
