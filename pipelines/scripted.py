"""Bodies that stand only in a page's script data, where a browser would build them from: Next.js, Nuxt and their like."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)  # one that is never closed goes to the end, and is passed once
_PARAGRAPHS = re.compile(r"<p[\s>].*</p>", re.DOTALL | re.IGNORECASE)
_MOST = 2_000_000  # characters of a script that are looked through
_ENOUGH = 3  # paragraphs of a body
_LAYERS = 3  # strings within strings: data that is told as a string holds HTML as a string of its own


def may_hold_paragraphs(script: str) -> bool:
    """Whether a script could hold HTML with paragraphs, as it stands or escaped."""
    return "</p" in script or "u003c/p" in script or "<\\/p" in script


def html_in(scripts: Iterable[str]) -> str | None:
    """The longest run of HTML paragraphs in the strings of some scripts, or None if none has three of them."""
    found = (html for script in scripts for html in _runs(script[:_MOST], _LAYERS))
    return max((html for html in found if html.lower().count("<p") >= _ENOUGH), key=len, default=None)


def _runs(text: str, layers: int) -> Iterator[str]:
    for literal in _STRING.findall(text):
        if not may_hold_paragraphs(literal):
            continue
        try:
            value = json.loads(literal, strict=False)
        except ValueError:
            continue
        if '"' in value and layers > 1 and "u003c" in value:
            yield from _runs(value, layers - 1)
        elif run := _PARAGRAPHS.search(value):
            yield run[0]
