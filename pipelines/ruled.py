"""What a recipe finds in a page: candidates for its fields, the elements of its body, what is not of it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urljoin

from lxml import etree, html
from lxml.html import HtmlElement

from pipelines.evidence import text_of
from pipelines.recipes import Recipe
from pipelines.rules import BODY, Rule

Said = dict[str, list[tuple[str, str | None]]]

_LISTS = ("authors", "tags")
_MOST = 100  # matches of a selector for a field that are looked at
_MOST_ELEMENTS = 10_000
# where an element says what it means, rather than in its text
_SAYS = {"meta": "content", "time": "datetime", "img": "src", "link": "href", "data": "value"}


@dataclass(slots=True)
class Followed:
    """What came of a recipe: ``fields`` are candidates that go before all others; ``body`` is a document of the body alone,
    and ``body_source`` who found it; ``failed`` says what the page object's code raised, ``missed`` which
    keys of the rule found nothing."""

    fields: Said = field(default_factory=dict)
    body: HtmlElement | None = None
    body_source: str = ""
    failed: str = ""
    missed: list[str] = field(default_factory=list)

    @property
    def flags(self) -> list[str]:
        """For ``quality_flags``: the site may have changed since the recipe was written."""
        gone = any(key in self.missed for key in ("title", "published_at", "body"))
        return [*["rule_missed"] * gone, *["page_object_failed"] * bool(self.failed)]


def follow(recipe: Recipe | None, tree: HtmlElement, html: bytes, url: str, headers: Mapping[str, str]) -> Followed:
    """What a recipe says of the fields of a page that is still whole."""
    followed = Followed()
    if recipe and recipe.page_object:
        _ask_page_object(recipe, followed, html, url, headers)
    if recipe and recipe.rule:
        said = said_by(recipe.rule, tree)
        images = said.get("main_image_url", [])
        images[:] = [(source, _joined(url, value)) for source, value in images]
        followed.missed = [key for key in recipe.rule.selectors if key not in BODY and not said[key]]
        for key, candidates in said.items():
            followed.fields[key] = [*followed.fields.get(key, ()), *candidates]
    return followed


def _joined(url: str, value: str | None) -> str | None:
    try:
        return urljoin(url, value) if value else None
    except ValueError:
        return None


def cut(recipe: Recipe | None, followed: Followed, tree: HtmlElement) -> None:
    """Take what the rule drops out of the tree, in place, and note its body."""
    if recipe is None or recipe.rule is None:
        return
    rule = recipe.rule
    drop(rule, tree)
    body = body_of(rule, tree) if followed.body is None else None
    if body is not None:
        followed.body, followed.body_source = body, rule.source
    elif followed.body is None and "body" in rule.selectors:
        followed.missed.append("body")


def _ask_page_object(recipe: Recipe, followed: Followed, html: bytes, url: str, headers: Mapping[str, str]) -> None:
    from pipelines import page_objects  # noqa: PLC0415 - web-poet is an extra

    source = recipe.page_source
    try:
        followed.fields, followed.body = page_objects.said_by(recipe.page_object or "", source, html, url, dict(headers))
        followed.body_source = source if followed.body is not None else ""
    except Exception as error:  # its code is anybody's; the page is read without it, and the row says so
        followed.failed = f"{type(error).__name__}: {error}"


def said_by(rule: Rule, tree: HtmlElement) -> Said:
    """For each field what the rule's selectors find: of a list's all, else the first of each."""
    found: Said = {}
    for key, selectors in rule.selectors.items():
        if key not in BODY:
            values = [_values(selector, tree) for selector in selectors]
            kept = next((all_of for all_of in values if all_of), []) if key in _LISTS else [one[0] for one in values if one]
            found[key] = [(rule.source, value) for value in kept]
    return found


def body_of(rule: Rule, tree: HtmlElement) -> HtmlElement | None:
    """A document that holds copies of the rule's ``body`` elements alone, or None if there are none."""
    chosen = list(_elements(rule, "body", tree))
    if not chosen:
        return None
    document = html.document_fromstring("<html><body></body></html>")
    document.set("lang", tree.get("lang") or "")
    within = set(chosen)
    for element in chosen:
        if within.isdisjoint(element.iterancestors()):
            part = copy.deepcopy(element)
            part.tail = None
            document[0].append(part)
    return document


def drop(rule: Rule, tree: HtmlElement) -> None:
    """Take the rule's ``drop`` elements out of the tree, in place."""
    for element in list(_elements(rule, "drop", tree)):
        if element.getparent() is not None and element.tag != "body":
            element.drop_tree()


def _values(selector: str, tree: HtmlElement) -> list[str]:
    found = _compiled(selector)(tree)
    listed = found if isinstance(found, list) else [found]
    return [value for one in listed[:_MOST] if (value := _value(one).strip())]


def _value(found: object) -> str:
    if not isinstance(found, HtmlElement):
        return str(found)
    says = _SAYS.get(str(found.tag))
    return (says and found.get(says)) or text_of(found)


def _elements(rule: Rule, key: str, tree: HtmlElement) -> Iterator[HtmlElement]:
    """What the selectors find, in document order, each once."""
    chosen: dict[HtmlElement, None] = {}
    for selector in rule.selectors.get(key, ()):
        found = _compiled(selector)(tree)
        for element in found[:_MOST_ELEMENTS] if isinstance(found, list) else ():
            if isinstance(element, HtmlElement):
                chosen[element] = None
    if len(chosen) < 2:
        yield from chosen
    else:
        yield from (element for element in tree.iter() if element in chosen)


@lru_cache(maxsize=5_000)
def _compiled(selector: str) -> etree.XPath:
    return etree.XPath(selector)
