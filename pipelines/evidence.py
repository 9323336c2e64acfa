"""One pass over the parsed page: everything that says something about it, gathered before anybody decides."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urldefrag, urljoin

from lxml import etree
from lxml.html import HtmlElement

from pipelines.article import Link
from pipelines.scripted import may_hold_paragraphs

_FEED_TYPES = frozenset(
    {
        "application/rss+xml",
        "application/atom+xml",
        "application/feed+json",
        "application/rdf+xml",
        "text/xml",
        "application/xml",
    }
)
_RELATIONS = ("amphtml", "sitemap", "hub")
# what most link elements are for
_OF_FILES = frozenset({"stylesheet", "preload", "preconnect", "dns-prefetch", "icon", "shortcut", "apple-touch-icon"})
_MOST_RELATIONS = 200
_WEB = ("http://", "https://")
# what class names speak of
_BYLINE = re.compile(r"byline|author|autor|written-by")
_DATE = re.compile(r"date|time|publish")
_MOST_DATED = 12
# nearly all relative addresses: a path from the root without steps up, a query or a fragment
_ROOTED = re.compile(r"/[\w~@%!$&'()*+,:=./-]*", re.ASCII)
_MOST_LINKS = 20_000
_MOST_TEXT = 2_000
_UNSAFE = {code: f"%{code:02X}" for code in (*range(33), 34, 60, 62)}  # blanks, quotes, angle brackets


@dataclass(slots=True)
class Evidence:
    """What the markup says, to be asked before the tree is pruned.

    ``metas`` are by lower-case name, property or itemprop; ``targets`` are the addresses of ``links``; ``scripts`` hold
    JSON-LD, ``data`` are scripts that may hold paragraphs; ``signed`` are elements that call themselves a byline, and the
    headings, in the order of the page; ``dated`` the first whose class speaks of a date or time; ``properties`` those with
    microdata; ``paywalled`` says whether a box calls itself a paywall.
    """

    tree: HtmlElement
    base: str
    metas: dict[str, list[str]] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    targets: set[str] = field(default_factory=set)
    feeds: list[str] = field(default_factory=list)
    relations: list[Link] = field(default_factory=list)
    previous: list[str] = field(default_factory=list)
    following: list[str] = field(default_factory=list)
    canonical: str | None = None
    license: str | None = None
    language: str | None = None
    page_title: str | None = None
    scripts: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    signed: list[HtmlElement] = field(default_factory=list)
    dated: list[HtmlElement] = field(default_factory=list)
    properties: list[HtmlElement] = field(default_factory=list)
    paywalled: bool = False
    headings: list[HtmlElement] = field(default_factory=list)
    times: list[HtmlElement] = field(default_factory=list)
    times_before_headline: int = 0

    def meta(self, *names: str) -> tuple[str, str] | None:
        """Name and value of the first of ``names`` that a meta element gives."""
        return next(((name, self.metas[name][0]) for name in names if name in self.metas), None)

    def property(self, name: str) -> list[HtmlElement]:
        """Elements with the microdata property ``name``."""
        return [element for element in self.properties if name in element.get("itemprop", "").split()]


def text_of(element: HtmlElement) -> str:
    """The element's words, white space folded, bounded; scripts and style sheets are no words."""
    return " ".join(" ".join(_words(element)).split())[:_MOST_TEXT]


def _words(element: HtmlElement) -> Iterable[str]:
    if len(element) == 0:
        return (element.text,) if element.text else ()
    if next(element.iterdescendants("script", "style"), None) is None:
        return element.itertext()
    nodes = (node for node in element.iter(etree.Element) if node.tag not in ("script", "style"))
    return (text for node in nodes for text in (node.text, *(child.tail for child in node)) if text)


def collect(tree: HtmlElement, url: str) -> Evidence:
    """Gather a page's evidence."""
    base = next((element.get("href") for element in tree.iter("base") if element.get("href")), None)
    found = Evidence(tree, _absolute(url, base) or url if base else url)
    found.language = tree.get("lang") or tree.get("{http://www.w3.org/XML/1998/namespace}lang") or tree.get("xml:lang")
    for element in tree.iter(etree.Element):
        tag = str(element.tag)
        if reader := _READERS.get(tag):
            reader(element, found)
        if classes := element.get("class"):
            _called(element, tag, _speaks_of(classes), found)
        if element.get("itemprop") and tag != "meta":
            found.properties.append(element)
    return found


def _called(element: HtmlElement, tag: str, kinds: tuple[bool, bool, bool], found: Evidence) -> None:
    byline, date, wall = kinds
    if byline and (not found.signed or found.signed[-1] is not element):
        found.signed.append(element)
    if date and len(found.dated) < _MOST_DATED:
        found.dated.append(element)
    if wall and tag in ("div", "section", "aside"):
        found.paywalled = True


@lru_cache(maxsize=50_000)
def _speaks_of(classes: str) -> tuple[bool, bool, bool]:
    """Whether class names speak of a byline, a date, a paywall; pages have the same few thousands of times."""
    classes = classes.lower()
    return bool(_BYLINE.search(classes)), bool(_DATE.search(classes)), "paywall" in classes


def _absolute(base: str, href: str | None) -> str | None:
    href = (href or "").strip()
    if href[:8].lower().startswith(_WEB) and "[" not in href:  # brackets may hold no address
        return href.partition("#")[0].strip()  # joining is slow, and most addresses are whole already
    try:
        if _ROOTED.fullmatch(href) and "/." not in href and "//" not in href:
            return _origin(base) + href
        return urldefrag(urljoin(base, href))[0]
    except ValueError:
        return None


@lru_cache(maxsize=64)
def _origin(base: str) -> str:
    return urljoin(base, "/")[:-1]


def _link(element: HtmlElement, found: Evidence) -> None:
    href, rel = element.get("href"), element.get("rel")
    if rel == "author":
        found.signed.append(element)
    if not href or href[0] == "#" or len(found.targets) >= _MOST_LINKS:
        return
    url = _absolute(found.base, href)
    url = url and url.translate(_UNSAFE)
    element.set("href", url or "")  # what is made of the body later needs no base
    if url and url not in found.targets and url[:8].lower().startswith(_WEB):
        found.targets.add(url)
        found.links.append(Link(url=url, text=text_of(element)[:300] or None, rel=rel))
    if url and rel:
        related = rel.lower().split()
        if "license" in related and next(element.iterancestors("figure"), None) is not None:
            related.remove("license")  # one beside a picture is the picture's
        _related(related, url, found)


def _related(rel: list[str], url: str, found: Evidence) -> None:
    if "license" in rel:
        found.license = found.license or url
    elif "next" in rel:
        found.following.append(url)
    elif "prev" in rel or "previous" in rel:
        found.previous.append(url)


def _meta(element: HtmlElement, found: Evidence) -> None:
    content = (element.get("content") or "").strip()
    if content:
        for attribute in ("property", "name", "itemprop"):
            if name := element.get(attribute):
                found.metas.setdefault(name.strip().lower(), []).append(content)
                return


def _link_element(element: HtmlElement, found: Evidence) -> None:
    rel = (element.get("rel") or "").lower().split()
    url = None if _OF_FILES.issuperset(rel) else _absolute(found.base, element.get("href"))
    if not url:
        return
    if "canonical" in rel:
        found.canonical = found.canonical or url
    elif "alternate" in rel and (element.get("type") or "").lower() in _FEED_TYPES and url.startswith("http"):
        found.feeds.append(url)
    elif url.startswith("http"):
        _related(rel, url, found)
        if "next" in rel:
            found.links.append(Link(url=url, text=None, rel="next"))
        if len(found.relations) < _MOST_RELATIONS:
            found.relations += _relation(rel, url, element.get("hreflang"))


def _relation(rel: list[str], url: str, language: str | None) -> list[Link]:
    """What a link element says of another form of the page, or of what announces it."""
    if kind := next((name for name in _RELATIONS if name in rel), None):
        return [Link(url=url, text=None, rel=kind)]
    return [Link(url=url, text=language[:40], rel="alternate")] if "alternate" in rel and language else []


def _script(element: HtmlElement, found: Evidence) -> None:
    text = element.text
    if not text:
        return
    if "ld+json" in (element.get("type") or "").lower():
        found.scripts.append(text)
    elif may_hold_paragraphs(text):
        found.data.append(text)


def _title(element: HtmlElement, found: Evidence) -> None:
    parent = element.getparent()
    if found.page_title is None and (parent is None or parent.tag in ("head", "html", "body")):
        found.page_title = text_of(element) or None


def _heading(element: HtmlElement, found: Evidence) -> None:
    if not found.headings:
        found.times_before_headline = len(found.times)
    found.headings.append(element)
    found.signed.append(element)


_READERS: dict[str, Callable[[HtmlElement, Evidence], None]] = {
    "meta": _meta,
    "link": _link_element,
    "script": _script,
    "title": _title,
    "a": _link,
    "h1": _heading,
    "time": lambda element, found: found.times.append(element),
}
