"""HTML as text, within bounds: parsers and readers need time and memory for each tag, however little stands in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice

from w3lib.encoding import html_to_unicode

MOST_TAGS = 30_000  # opening and closing ones; of 594 real pages the one with most has 9,770
_TAG = re.compile("<")
# a tag with 150 attributes or more, as HTML tokenizes them; possessive, so each tag is looked at once
_FLOOD = re.compile(
    r"""(<[a-zA-Z][^\s/>]*+)(?:[\s/]++[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s>"'][^\s>]*+)?+)?+){150,}+"""
)


def bounded(html: str) -> str:
    """A page up to its 30,000th tag."""
    if html.count("<") <= MOST_TAGS:
        return html
    end = next(islice(_TAG.finditer(html), MOST_TAGS, None))
    return html[: end.start()]


def without_floods(html: str) -> str:
    """A page whose tags with 150 attributes or more have none: the parser takes quadratic time over them."""
    return _FLOOD.sub(r"\1", html)


def unicode_of(html: bytes, content_type: str | None, guess: Callable[[bytes], str] | None = None) -> tuple[str, str]:
    """A page's charset and its text, found as browsers do: byte order mark, header, meta element, then ``guess``, or UTF-8."""
    try:
        charset, text = html_to_unicode(content_type, html, auto_detect_fun=guess)
    except (LookupError, UnicodeError):  # Python has codecs that are no charsets: zlib, rot13, idna
        charset = guess(html) if guess else "utf-8"
        return charset, html.decode(charset, "replace")
    if charset.startswith(("utf-16", "utf-32")) and b"\0" not in html:  # whoever says so in ASCII lies (HTML, 13.2.3.3)
        return "utf-8", html.decode("utf-8", "replace")
    return charset, text
