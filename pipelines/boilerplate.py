"""What is not the article goes before the extractor looks: sprites, hidden parts, dialogs; and the head that repeats."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable
from typing import Any

from lxml import etree
from lxml.html import HtmlElement

from archive.text import fold
from pipelines import dates
from pipelines.authors import names_in

_NEVER_TEXT = ("svg", "script", "style", "template", "noscript", "iframe", "object", "canvas")
_CONTROLS = ("dialog", "button", "select", "textarea")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
# each by itself: a page that hides its body one way may hide its dialogs another
_HIDDEN_BY: tuple[Callable[[Any], bool], ...] = (
    lambda attributes: attributes.get("role") in ("dialog", "alertdialog"),
    lambda attributes: attributes.get("aria-hidden") == "true",
    lambda attributes: "style" in attributes and bool(_HIDDEN.search(attributes["style"])),
    lambda attributes: "hidden" in attributes and attributes["hidden"] != "until-found",
)
# boxes beside the text; what is as long as an article is one, whatever its class
_BOX = re.compile(r"(?:^|[\s_-])(?:paywall|info-?box|fact-?box|newsletter|subscri(?:be|ption))(?:$|[\s_-])", re.IGNORECASE)
_BESIDE = frozenset({"navigation", "complementary", "contentinfo", "banner", "search"})
_LONG = 2_000  # characters; more is no control
_SHORT = 600
_MOST_OF_IT = 0.5  # a hidden part with more of the page's text than this is the page itself
_HEAD_LINES = 6


def prune(tree: HtmlElement, summary: str | None) -> None:
    """Take out of the tree, in place, what a reader never sees as part of the article, and the ``summary`` above it."""
    for element in list(tree.iter(*_NEVER_TEXT)):
        if element.tag != "noscript" or _size(element) < _LONG:
            _drop(element)
    whole = _size(tree)
    for element in list(tree.iter(*_CONTROLS)):
        # an unclosed button swallows the page that follows it
        if _size(element) < _LONG:
            _drop(element)
        else:
            element.drop_tag()
    marked = [element for element in tree.iter(etree.Element) if element.attrib and element.tag not in ("html", "body")]
    for sign in _HIDDEN_BY:
        hidden = [element for element in marked if sign(element.attrib)]
        # what holds most of the page's words is the page, whatever it is called: scripts show it later
        if hidden and sum(map(_size, hidden)) < _MOST_OF_IT * whole:
            for element in hidden:
                _drop(element)
    for quote in list(tree.iter("q")):
        _spell_out(quote)
    for element in list(tree.iter("div", "section", "aside", "ul", "p")):
        if _BOX.search(element.get("class") or "") and _size(element) < _SHORT:
            _drop(element)
    if summary and len(summary) < _SHORT:
        _drop_summary(tree, fold(summary))


def _drop_summary(tree: HtmlElement, summary: str) -> None:
    """The standfirst: an element that says just what the page's description says and does not stand among paragraphs."""
    for element in list(tree.iter("p", "div", "h2", "h3", "span", "strong")):
        if abs(len(element.text_content()) - len(summary)) < len(summary) / 2 + 10 and fold(element.text_content()) == summary:
            parent = element.getparent()
            among = (
                [p for p in parent.findall("p") if p is not element and len(p.text_content()) > 80]
                if parent is not None
                else []
            )
            if len(among) < 2:
                _drop(element)


def _size(element: HtmlElement) -> int:
    return sum(len(text) for text in element.itertext())


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
        if fold(line) in known:
            return True
        if len(line) < 40 and dates.parse(line):
            return True
        signed = {fold(name) for name in names_in(line)} if len(line) < 120 else set()
        return bool(signed) and signed <= people

    return [line for line in lines[:_HEAD_LINES] if not repeats(line.lstrip("#-* "))] + lines[_HEAD_LINES:]
