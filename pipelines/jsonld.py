"""JSON-LD as sites really write it: lists, graphs, nests, comments, broken commas; the node that is the article."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import Any

import json_repair

_SCRIPT = re.compile(r"<(script|style)\b[^>]{0,2000}>(?:[^<]|<(?!/\1)){0,20000}(?:</\1\s*>|$)", re.IGNORECASE)
_MOST = 2_000_000  # characters of one script that are looked at
_REPAIR_MOST = 200_000
_DEPTH = 12
_NODES = 5_000
_WRAPPING = re.compile(r"^\s*(?://\s*)?(?:<!--|<!\[CDATA\[)|(?:-->|(?://\s*)?\]\]>)\s*$")
_ARTICLE = re.compile(r"(?:Article|Posting|Report|Review|Column|Analysis|NewsItem)$", re.IGNORECASE)
_NO_ARTICLE = frozenset({"discussionforumposting", "jobposting", "socialmediaposting", "aggregaterating", "usercomments"})

Node = dict[str, Any]


def nodes(scripts: list[str]) -> list[Node]:
    """All objects of all scripts, outer ones first."""
    found: list[Node] = []
    for script in scripts:
        found.extend(_walk(_load(script), 0, [_NODES - len(found)]))
    return found


def _load(script: str) -> Any:
    text = _WRAPPING.sub("", script[:_MOST]).strip().rstrip(";")
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        pass
    try:
        return json_repair.loads(text) if len(text) <= _REPAIR_MOST else None
    except Exception:  # a parser of broken input may break in any way itself
        return None


def _walk(value: Any, depth: int, left: list[int]) -> Iterator[Node]:
    if depth > _DEPTH or left[0] <= 0:
        return
    if isinstance(value, list):
        for one in value:
            yield from _walk(one, depth + 1, left)
    elif isinstance(value, dict):
        left[0] -= 1
        yield value
        for one in value.values():
            if isinstance(one, (dict, list)):
                yield from _walk(one, depth + 1, left)


def types(node: Node) -> list[str]:
    """The node's schema.org types, without the address."""
    value = node.get("@type")
    names = value if isinstance(value, list) else [value]
    return [str(name).rpartition("/")[2].rpartition(":")[2] for name in names if name]


def article_type(node: Node) -> str | None:
    """The type that makes the node an article (schema.org Article and below), or None."""
    return next((t for t in types(node) if _ARTICLE.search(t) and t.lower() not in _NO_ARTICLE), None)


def main_article(found: list[Node], url: str) -> Node:
    """The node that stands for this page: of the page's address if one says so, else the first with a headline."""
    articles = [node for node in found if article_type(node)]
    same = [node for node in articles if _addresses(node) & {url, url.split("?", maxsplit=1)[0]}]
    ranked = [node for node in same or articles if node.get("headline") or node.get("datePublished")]
    return next(iter(ranked or articles), {})


def _addresses(node: Node) -> set[str]:
    page = node.get("mainEntityOfPage")
    values = [node.get("url"), node.get("@id"), page.get("@id") if isinstance(page, dict) else page]
    return {value.split("#")[0] for value in values if isinstance(value, str)}


def string(value: Any) -> str | None:
    """A value as clean text: of a list the first, of an object its name or @value."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        value = value.get("name") or value.get("@value") or value.get("url")
        return string(value) if isinstance(value, list) else clean(value)
    return clean(value)


def clean(value: Any) -> str | None:
    """Text without markup, entities and repeated white space."""
    if not isinstance(value, (str, int, float)) or isinstance(value, bool):
        return None
    text = html.unescape(str(value))[:20_000]
    if "<" in text or "&" in text:
        text = re.sub(r"<[^>]{0,2000}>", "", _SCRIPT.sub("", html.unescape(text)))
    return " ".join(text.split()) or None
