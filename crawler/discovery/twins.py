"""Twins of pages: the AMP and print forms of an article, told by their addresses."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

# how caches of AMP pages name the page: https://developers.google.com/amp/cache/overview#amp-cache-url-format
_CACHE = re.compile(
    r"https?://(?:[a-z0-9-]+\.cdn\.ampproject\.org/[a-z](?:/s)?|(?:www\.)?google\.[a-z.]{2,6}/amp(?:/s)?)/(?P<page>[^/]+\..+)",
    re.IGNORECASE,
)
_HINT = re.compile("amp|print|druck|imprim|stampa", re.IGNORECASE)
_SUFFIX = re.compile(r"\.(?:amp|print)(?=(?:\.\w{3,5})?$)", re.IGNORECASE)
_TWIN = frozenset({"amp", "print", "druckversion", "drucken", "imprimir", "imprimer", "stampa"})
_PARAMETER = re.compile(
    r"amp(?:=1|=true|=)?|print(?:able|er)?(?:=1|=true|=yes|=)?|(?:output_?type|output|view|layout|format|mode|do|action)=(?:amp|print)",
    re.IGNORECASE,
)


def plain_form(url: str) -> str | None:
    """Where the page itself should be, if ``url`` looks like its AMP or print form; else None. A guess that fetching proves."""
    if not _HINT.search(url):
        return None
    if cached := _CACHE.fullmatch(url):
        return f"https://{cached['page']}"
    parts = urlsplit(url)
    host = parts.netloc
    if host.startswith("amp."):
        host = "www." + host.removeprefix("amp.")
    pairs = [pair for pair in parts.query.split("&") if not _PARAMETER.fullmatch(pair)]
    plain = urlunsplit((parts.scheme, host, _plain_path(parts.path), "&".join(pairs), ""))
    return plain if plain != urlunsplit(parts._replace(fragment="")) else None


def _plain_path(path: str) -> str:
    names = path.split("/")
    # one name among others; a section that is called so has nothing else in its path
    place = next((at for at, name in enumerate(names) if name.lower() in _TWIN), None)
    if place is not None and sum(map(bool, names)) > 1:
        del names[place]
    return _SUFFIX.sub("", "/".join(names))
