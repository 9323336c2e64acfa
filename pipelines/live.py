"""The posts of a live blog: as its JSON-LD lists them, else as the page sets them, each with its time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from lxml.etree import XPath
from lxml.html import HtmlElement

from pipelines import dates, jsonld
from pipelines.article import Article, Post
from pipelines.body import Body
from pipelines.evidence import text_of
from pipelines.judge import key_of
from pipelines.metadata import plain, tidy
from pipelines.segments import Segment

_MOST = 2_000  # posts
_MOST_TEXT = 200_000
_FEW = 2  # posts that do not make a live blog yet
_STEPS = 6  # from a time up to its post
_NAMED = re.compile(r"live|ticker|timeline|minute-?by-?minute|minuto-a-minuto|en-?direct", re.IGNORECASE)
_STAMPED = XPath("//*[@*[starts-with(name(), 'data-') and contains(name(), 'time')]]")
_WRITER = XPath(".//*[@rel = 'author' or @itemprop = 'author' or contains(@class, 'author') or contains(@class, 'byline')]")
_STAMP = re.compile(r"data-(?:[a-z]+-)*time(?:stamp)?$")
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_KNOWN_BY = 60  # letters by which a post is found in the text


@dataclass(slots=True, eq=False)
class Entry:
    """A post as the page sets it: its element, its instant, and who wrote it."""

    element: HtmlElement
    at: datetime | None
    author: str | None


def claimed_posts(node: Mapping[str, Any]) -> list[Post]:
    """The posts that an article's JSON-LD lists (schema.org ``liveBlogUpdate``), in its order."""
    updates = node.get("liveBlogUpdate")
    posts = [_claimed(one) for one in (updates if isinstance(updates, list) else [])[:_MOST] if isinstance(one, dict)]
    return [post for post in posts if post["title"] or post["text"]]


def _claimed(node: Mapping[str, Any]) -> Post:
    found = dates.parse(jsonld.string(node.get("datePublished")) or jsonld.string(node.get("dateModified")))
    body = node.get("articleBody")
    lines = [line for part in body[:_MOST_TEXT].split("\n") if (line := tidy(part))] if isinstance(body, str) else []
    return Post(
        at=found.instant if found else None,
        title=tidy(jsonld.string(node.get("headline"))),
        text="\n\n".join(lines) or None,
        author=tidy(jsonld.string(node.get("author"))),
    )


def entries(tree: HtmlElement, times: Sequence[HtmlElement], *, claims: bool) -> list[Entry]:
    """The posts that the page sets, in its order; to be asked before its ``times`` are pruned. ``claims`` says whether it calls
    itself a live blog; else something in it must be named so."""
    stamps = [*times, *(_STAMPED(tree) if claims else ())]
    found = _repeated(stamps[: 5 * _MOST], claims=claims) if len(stamps) > _FEW else []
    return [Entry(one, _instant(one), _writer(one)) for one in found[:_MOST]]


def _repeated(stamps: Sequence[HtmlElement], *, claims: bool) -> list[HtmlElement]:
    """The elements of one kind and one parent that have a time each: the most there are."""
    groups: dict[tuple[HtmlElement, str], dict[HtmlElement, None]] = {}
    for stamp in stamps:
        step: HtmlElement = stamp
        for _ in range(_STEPS):
            if (above := step.getparent()) is None:
                break
            groups.setdefault((above, f"{step.tag!s} {_first_name(step)}"), {})[step] = None
            step = above
    large = [list(found) for found in groups.values() if len(found) > _FEW]
    return max((found for found in large if claims or _is_named(found[0])), key=len, default=[])


def _first_name(element: HtmlElement) -> str:
    return (element.get("class") or "").partition(" ")[0]


def _is_named(element: HtmlElement) -> bool:
    around = (element, *islice(element.iterancestors(), 4))
    names = (f"{one.get('class')} {one.get('id')} {one.get('itemprop')}" for one in around if one.tag not in ("body", "html"))
    return any(map(_NAMED.search, names))


def _instant(element: HtmlElement) -> datetime | None:
    for time in element.iter("time"):
        if found := dates.parse(time.get("datetime") or text_of(time)):
            return found.instant
    stamps = (value for name, value in element.attrib.items() if _STAMP.match(name))
    return next((moment for value in stamps if (moment := _moment(value))), None)


def _moment(value: str) -> datetime | None:
    if value.isdigit() and len(value) in (10, 13):
        return datetime.fromtimestamp(int(value[:10]), UTC)
    return found.instant if (found := dates.parse(value)) else None


def _writer(element: HtmlElement) -> str | None:
    names = (tidy(text_of(one)) for one in _WRITER(element)[:1])
    return next((name for name in names if name and len(name) < 80), None)


def set_posts(found: Sequence[Entry], body: Body) -> list[Post]:
    """What of the body stands in which post."""
    places = {entry.element: entry for entry in found}
    told: dict[HtmlElement, list[tuple[Segment, str]]] = {}
    for ((first, *_), *_), text in zip(body.lines(), body.text(), strict=True) if places else ():
        line = plain(text).strip()
        home = next((one for one in (first.element, *first.element.iterancestors()) if one in places), None)
        if home is not None and line:
            told.setdefault(home, []).append((first, line))
    posts = [_post(places[home], said) for home, said in told.items()]
    return posts if len(posts) > _FEW else []


def _post(entry: Entry, said: list[tuple[Segment, str]]) -> Post:
    first, line = said[0]
    titled = first.place.tag in _HEADINGS or (first.strong >= len(first.text) and len(said) > 1)
    rest = said[1:] if titled else said
    text = "\n\n".join(line for _, line in rest) or None
    return Post(at=entry.at, title=line if titled else None, text=text, author=entry.author)


def append_missing(article: Article) -> bool:
    """Add to the text what its posts say that the page would only load later; whether there was any."""
    whole = key_of(article.text)
    missing = [post for post in article.posts if _key(post) not in whole]
    for post in missing:
        said = [line for line in (post["title"], post["text"]) if line]
        article.text = "\n\n".join([*([article.text] if article.text else []), *said])
        heading = [f"### {post['title']}"] if post["title"] else []
        article.markdown = "\n\n".join([*([article.markdown] if article.markdown else []), *heading, *said[-1:]])
    return bool(missing)


def _key(post: Post) -> str:
    return key_of(post["text"] or post["title"])[:_KNOWN_BY]
