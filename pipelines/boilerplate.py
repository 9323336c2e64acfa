"""What is not the article goes before the extractor looks: sprites, hidden parts, dialogs; and the head that repeats."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from functools import lru_cache

from lxml import etree
from lxml.etree import XPath
from lxml.html import HtmlElement

from archive.text import fold
from pipelines import dates
from pipelines.authors import names_in

_NEVER_TEXT = ("svg", "script", "style", "template", "noscript", "iframe", "object", "canvas")
_FRAME = ("head", "nav", "footer", "aside", "form", "menu")  # what stands around an article on every page of a site
_CONTROLS = ("dialog", "button", "select", "textarea")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
# in the order of the page, each once; attributes are fewer than elements
_SUSPECT = XPath("//@hidden/.. | //@aria-hidden/.. | //@role/.. | //@style/..")
_LENGTH = XPath("string-length()")
_BOXES = frozenset({"div", "section", "aside", "ul", "p"})
_MOST_OF_IT = 0.5  # a hidden part with more of the page's text than this is the page itself
# boxes beside the text; what is as long as an article is one, whatever its class
_BOX = re.compile(r"(?:^|[\s_-])(?:paywall|info-?box|fact-?box|newsletter|subscri(?:be|ption))(?:$|[\s_-])", re.IGNORECASE)
_COMMENTS = re.compile(
    r"(?:^|[\s_-])(?:comments?(?![\s_-]*(?:open|closed|on|off|enabled|disabled|allowed))|commentlist|disqus|kommentare?n?|comentarios"
    r"|commentaires)(?:$|[\s_-])",
    re.IGNORECASE,
)
_MOST_TALK = 0.7  # of the page's text; what holds more of it is the page
_BESIDE = frozenset({"navigation", "complementary", "contentinfo", "banner", "search"})
_LONG = 2_000  # characters; more is no control
_SHORT = 600
_LITTLE_OF_IT = 0.3
_MARKS = {"de": ("„", "“"), "pl": ("„", "”"), **dict.fromkeys(("fr", "es", "it", "ru"), ("«", "»"))}
_HEAD_LINES = 6


def prune(tree: HtmlElement) -> None:
    """Take out of the tree, in place, what a reader never sees as part of the article."""
    for element in list(tree.iter(*_NEVER_TEXT)):
        if element.tag != "noscript" or size(element) < _LONG:
            _drop(element)
    whole = size(tree)
    for element in list(tree.iter(*_FRAME)):
        # an unclosed one swallows the page that follows it
        if element.tag == "head" or size(element) < _LITTLE_OF_IT * whole:
            _drop(element)
    for element in list(tree.iter(*_CONTROLS)):
        # an unclosed button swallows the page that follows it
        if size(element) < _LONG:
            _drop(element)
        else:
            element.drop_tag()
    _drop_hidden(tree)
    _drop_named(tree, whole)
    for quote in list(tree.iter("q")):
        _spell_out(quote, (tree.get("lang") or "")[:2].lower())
    for time in list(tree.iter("time")):
        _keep_words(time)


def _drop_named(tree: HtmlElement, whole: int) -> None:
    """Boxes and comments that call themselves so."""
    named = [(element, kinds) for element in tree.iter(etree.Element) if any(kinds := _names_itself(element))]
    for element, (box, _) in named:
        if box and element.tag in _BOXES and size(element) < _SHORT:
            _drop(element)
    for element, (_, talk) in named:
        if talk and element.tag != "body" and next(element.iter("h1"), None) is None and size(element) < _MOST_TALK * whole:
            _drop(element)


def _names_itself(element: HtmlElement) -> tuple[bool, bool]:
    classes, name = element.get("class"), element.get("id")
    return _kinds(classes or "", name or "") if classes or name else (False, False)


@lru_cache(maxsize=50_000)
def _kinds(classes: str, name: str) -> tuple[bool, bool]:
    """Whether an element calls itself a box beside the text, or comments; pages have the same few thousands of times."""
    return bool(_BOX.search(classes)), bool(_COMMENTS.search(f"{classes} {name}"))


def _drop_hidden(tree: HtmlElement) -> None:
    """Each way of hiding by itself: a page that hides its body one way may hide its dialogs another."""
    ways: dict[str, list[HtmlElement]] = {}
    for element in _SUSPECT(tree):
        if element.tag not in ("html", "body") and (way := _way_of_hiding(element)):
            ways.setdefault(way, []).append(element)
    whole = size(tree) if ways else 0
    for way, hidden in ways.items():
        # what holds most of the page's words is the page, whatever it is called: scripts show it later
        most = sum(map(size, hidden)) >= _MOST_OF_IT * whole
        for element in hidden:
            if most:
                element.attrib.pop(way, None)  # the extractor has such rules of its own
            else:
                _drop(element)


def _way_of_hiding(element: HtmlElement) -> str | None:
    if element.get("role") in ("dialog", "alertdialog"):
        return "role"
    if element.get("aria-hidden") == "true":
        return "aria-hidden"
    if _HIDDEN.search(element.get("style") or ""):
        return "style"
    return "hidden" if element.get("hidden", "until-found") != "until-found" else None


def _keep_words(time: HtmlElement) -> None:
    """A day named within a sentence is part of it; one that stands alone says when, which is no text."""
    parent = time.getparent()
    if parent is not None and parent.tag in ("p", "li") and size(parent) > 3 * size(time):
        time.drop_tag()
    elif size(time) < _SHORT:
        _drop(time)


def size(element: HtmlElement) -> int:
    """Characters of text in an element."""
    return int(_LENGTH(element))


def _drop(element: HtmlElement) -> None:
    if element.getparent() is not None:
        element.drop_tree()


def _spell_out(quote: HtmlElement, language: str) -> None:
    """Browsers draw the marks of a q element; without them its words would run on unquoted."""
    opening, closing = _MARKS.get(language, ("“", "”"))
    quote.text = opening + (quote.text or "")
    if len(quote):
        quote[-1].tail = (quote[-1].tail or "") + closing
    else:
        quote.text += closing
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
