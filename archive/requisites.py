"""What a page needs besides itself to look as it did: the references of HTML and CSS, as browsers and lazy loaders take them.

Only http and https addresses are given, absolute, escaped and without fragment: as a browser asks for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

import tinycss2
from lxml import html as lxml_html
from lxml.html import HtmlElement
from w3lib.url import safe_url_string

from archive.markup import bounded, unicode_of, without_floods

Kind = Literal["stylesheet", "image", "font", "script", "media", "frame", "other"]

_LINKS: dict[str, Kind] = {
    "stylesheet": "stylesheet",
    "icon": "image",
    "apple-touch-icon": "image",
    "mask-icon": "image",
    "modulepreload": "script",
    "preload": "other",
    "manifest": "other",
}
_PRELOADS: dict[str, Kind] = {"style": "stylesheet", "image": "image", "font": "font", "script": "script", "fetch": "other"}
_ELEMENTS: dict[tuple[str, str], Kind] = {
    ("script", "src"): "script",
    ("iframe", "src"): "frame",
    ("frame", "src"): "frame",
    ("embed", "src"): "other",
    ("object", "data"): "other",
    ("video", "src"): "media",
    ("audio", "src"): "media",
    ("video", "poster"): "image",
    ("input", "src"): "image",
    ("track", "src"): "other",
    ("body", "background"): "image",
}
# where scripts that load pictures late keep the address; Heritrix and Zeno know the same names
_LAZY = (
    "data-src",
    "data-original",
    "data-lazy-src",
    "data-lazy",
    "data-image",
    "data-url",
    "data-full-src",
    "data-src-medium",
)
_LAZY_SETS = ("data-srcset", "data-lazy-srcset", "data-original-set")
_LAZY_BACKGROUNDS = ("data-bg", "data-background", "data-background-image")
_SHARED_PICTURES = frozenset({"og:image", "og:image:url", "og:image:secure_url", "twitter:image", "twitter:image:src"})
_XLINK = "{http://www.w3.org/1999/xlink}href"
DEPTH = 3  # a stylesheet that a stylesheet names, that a page names: what it loads in turn is followed no further
_IGNORED = ("data:", "javascript:", "about:", "blob:", "mailto:", "#")
_PORTS = {"http": ":80", "https": ":443"}  # that go without saying
# what Chromium leaves as it is in a path and in a query, besides letters and digits; RFC 3986 would have more escaped
_PLAIN = "!$%&'()*+,-./:;=@[]_~"
_PLAIN_QUERY = "!$%&()*+,-./:;=?@[\\]^_`{|}~"
_MOST = 2_000  # references of one document
_MOST_HTML = 5_000_000  # bytes that are parsed
_MOST_CSS = 5_000_000  # characters that are parsed
_MOST_TOKENS = 10_000  # references that are looked at in one stylesheet, repeats included
_MOST_ESCAPED = 500  # of them with escapes, which are slow to undo
_LONGEST = 4_096  # characters of an address
_WIDTH = re.compile(r"([0-9.]+)[wx]")
_FONT = re.compile(r"\.(woff2?|ttf|otf|eot)\b", re.IGNORECASE)
_COMMENT = re.compile(r"/\*.*?(?:\*/|$)", re.DOTALL)
_STRING = r"""\"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'"""
_ESCAPE = r"\\(?:[0-9a-fA-F]{1,6}\s?|.)"
_URL = rf"""url\(\s*(?P<url>{_STRING}|(?:[^\s)"'\\(]|{_ESCAPE})*)"""
_CSS = re.compile(
    rf"""@import\s+(?:url\(\s*)?(?P<sheet>{_STRING}|[^\s;)"']+)|image-set\((?P<sets>[^;}}]*)|{_URL}""", re.IGNORECASE
)
_CSS_VALUE = re.compile(rf"{_URL}|(?P<string>{_STRING})", re.IGNORECASE)
_TYPE = re.compile(r"type\([^)]*\)", re.IGNORECASE)
_SPACE = " \t\r\n\f"


@dataclass(frozen=True, slots=True)
class Reference:
    """Something that a document loads. ``picture`` marks what a reader looks at and what links to the page show: pictures of
    the page itself, one size of each."""

    url: str
    kind: Kind
    picture: bool = False


def read(body: bytes, url: str, content_type: str | None) -> list[Reference]:
    """The references of a document, by its media type: HTML (also where none is given) and CSS have some, all else has none."""
    media = (content_type or "").partition(";")[0].strip().lower()
    if media == "text/css":
        return of_css(unicode_of(body, content_type)[1], url)
    if media in ("text/html", "application/xhtml+xml", ""):
        text = bounded(without_floods(unicode_of(body[:_MOST_HTML], content_type)[1].replace("\x00", "")))
        try:
            tree = lxml_html.document_fromstring(text.encode("utf-8", "replace"), parser=lxml_html.HTMLParser(encoding="utf-8"))
        except Exception:  # lxml raises many kinds for what is no HTML
            return []
        return of_html(tree, url)
    return []


def read_part(body: bytes, url: str, content_type: str | None) -> list[Reference]:
    """The references of something that a page loads: only what calls itself HTML or CSS is taken for it."""
    return read(body, url, content_type) if content_type and content_type.strip() else []


def of_html(tree: HtmlElement, url: str) -> list[Reference]:
    """The references of a parsed page, in order, once each."""
    base = _base(tree, url)
    found: dict[str, Reference] = {}
    for link, kind, picture in islice(_in_elements(tree), _MOST_TOKENS):
        _add(found, link, base, kind, picture=picture)
    return list(found.values())


def of_css(css: str, url: str) -> list[Reference]:
    """The references of a stylesheet: ``@import``, ``url()``, ``image-set()``, fonts; in order, once each."""
    found: dict[str, Reference] = {}
    for link, kind in _in_css(css):
        _add(found, link, url, kind)
    return list(found.values())


def _base(tree: HtmlElement, url: str) -> str:
    given = next((one.get("href") for one in tree.iter("base") if one.get("href")), None)
    try:
        return urljoin(url, given.strip()) if given else url
    except ValueError:
        return url


def _add(found: dict[str, Reference], link: str, base: str, kind: Kind, *, picture: bool = False) -> None:
    link = link.strip(_SPACE)
    if not link or len(link) > _LONGEST or link.lower().startswith(_IGNORED) or len(found) >= _MOST:
        return
    try:
        url = _resolved(base, link)
    except ValueError:
        return
    if url and (url not in found or (picture and not found[url].picture)):
        found[url] = Reference(url, kind, picture)


def _resolved(base: str, link: str) -> str | None:
    """The address that a browser asks for (https://url.spec.whatwg.org/#url-parsing), or None for one that is not http(s).

    Raises ValueError for what is no address.
    """
    path, mark, query = link.partition("#")[0].partition("?")
    scheme, host, path, query, _ = urlsplit(urljoin(base, path.replace("\\", "/") + mark + query))
    if scheme not in _PORTS or not host:
        return None
    if "/." in path:
        path = urlsplit(urljoin("http://host/", path)).path
    host = urlsplit(safe_url_string(f"{scheme}://{host}/")).netloc.removesuffix(_PORTS[scheme])
    return urlunsplit((scheme, host, quote(path, _PLAIN) or "/", quote(query, _PLAIN_QUERY), ""))


def _in_elements(tree: HtmlElement) -> Iterator[tuple[str, Kind, bool]]:
    for element in tree.iter():
        if not isinstance(element.tag, str):
            continue
        tag = element.tag.rpartition("}")[2].lower()
        yield from _by_tag(element, tag)
        if (style := element.get("style")) and "(" in style:
            yield from ((link, kind, True) for link, kind in _in_css(style))
        for name in _LAZY_BACKGROUNDS:
            if link := element.get(name):
                yield link, "image", True


def _by_tag(element: HtmlElement, tag: str) -> Iterator[tuple[str, Kind, bool]]:
    for name, link in element.items():
        if kind := _ELEMENTS.get((tag, name)):
            yield link, kind, name == "poster"
    if tag in ("img", "source", "amp-img"):
        yield from _pictures(element, in_picture=tag != "source" or _parent(element) == "picture")
    elif tag == "link":
        yield from _linked(element)
    elif tag == "meta" and (element.get("property") or element.get("name") or "").lower() in _SHARED_PICTURES:
        yield element.get("content") or "", "image", True
    elif tag in ("use", "image"):
        yield element.get("href") or element.get(_XLINK) or element.get("xlink:href") or "", "image", True
    elif tag == "style" and element.text:
        yield from ((link, kind, False) for link, kind in _in_css(element.text))
    elif tag == "noscript" and element.text and "<img" in element.text:
        # some parsers leave what is inside as text
        for img in lxml_html.fragment_fromstring(element.text, create_parent="div").iter("img"):
            yield from _pictures(img, in_picture=True)


def _parent(element: HtmlElement) -> object:
    parent = element.getparent()
    return None if parent is None else parent.tag


def _pictures(element: HtmlElement, *, in_picture: bool) -> Iterator[tuple[str, Kind, bool]]:
    """A picture's own address, the one it is loaded from late, and all its sizes; the largest stands for them."""
    kind: Kind = "image" if in_picture else "media"
    for name in ("src", *_LAZY):
        if link := element.get(name):
            yield link, kind, in_picture
    for name in ("srcset", *_LAZY_SETS):
        sizes = srcset(element.get(name) or "")
        largest = max(sizes, key=lambda size: size[1], default=None)
        for size in sizes:
            yield size[0], kind, in_picture and size is largest


def _linked(element: HtmlElement) -> Iterator[tuple[str, Kind, bool]]:
    rels = set((element.get("rel") or "").lower().split())
    if "alternate" in rels:
        return
    for rel in _LINKS.keys() & rels:
        kind = _PRELOADS.get((element.get("as") or "").lower(), _LINKS[rel]) if rel == "preload" else _LINKS[rel]
        yield element.get("href") or "", kind, False
        for link, _ in srcset(element.get("imagesrcset") or ""):
            yield link, "image", False


def srcset(value: str) -> list[tuple[str, float]]:
    """The candidates of a srcset attribute with their width or density, parsed as the HTML standard says: a comma ends a
    candidate only after white space or at the end of an address (https://html.spec.whatwg.org/#parse-a-srcset-attribute)."""
    out: list[tuple[str, float]] = []
    at, end = 0, len(value)
    while at < end and len(out) < _MOST:
        while at < end and value[at] in _SPACE + ",":
            at += 1
        start = at
        while at < end and value[at] not in _SPACE:
            at += 1
        link, size = value[start:at], ""
        if link.endswith(","):
            link = link.rstrip(",")
        else:
            at, size = _descriptors(value, at)
        if link:
            number = _WIDTH.search(size)
            out.append((link, _number(number[1]) if number else 1.0))
    return out


def _descriptors(value: str, start: int) -> tuple[int, str]:
    """What follows an address up to a comma outside parentheses: where that ends, and the text."""
    depth, at = 0, start
    while at < len(value) and (depth or value[at] != ","):
        depth += (value[at] == "(") - (value[at] == ")" and depth > 0)
        at += 1
    return at + 1, value[start:at]


def _number(digits: str) -> float:
    try:
        return float(digits)
    except ValueError:
        return 1.0


def _in_css(css: str) -> Iterator[tuple[str, Kind]]:
    escaped = 0
    for found in islice(_CSS.finditer(_COMMENT.sub(" ", css[:_MOST_CSS])), _MOST_TOKENS):
        escaped += "\\" in found[0]
        if escaped > _MOST_ESCAPED:
            return
        if found["sheet"]:
            yield _value(found["sheet"]), "stylesheet"
        elif found["sets"]:
            for one in _CSS_VALUE.finditer(_TYPE.sub("", found["sets"])):
                yield _value(one["url"] or one["string"] or ""), "image"
        else:
            link = _value(found["url"] or "")
            yield link, _kind(link)


def _value(token: str) -> str:
    """What a string or the inside of ``url()`` stands for."""
    if "\\" in token:  # rare, and rich in rules: CSS Syntax Level 3, 4.3.7
        parsed = tinycss2.parse_one_component_value(token if token[:1] in "\"'" else f"url({token})")
        return str(getattr(parsed, "value", ""))
    return token[1:-1] if token[:1] in ("'", '"') and token[-1:] == token[:1] else token


def _kind(link: str) -> Kind:
    return "font" if _FONT.search(link) else "image"
