"""One pass over the parsed page: everything that says something about it, gathered before anybody decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import urldefrag, urljoin

from lxml import etree
from lxml.etree import XPath
from lxml.html import HtmlElement

from pipelines.article import Link

_FEED_TYPES = frozenset({"application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml"})
_WEB = ("http://", "https://")
# sieves in C, each used only by the evidence that asks for it; what they let pass is looked at again
_DATED = XPath("//*[contains(@class, 'ate') or contains(@class, 'ime') or contains(@class, 'ublish')]")
_PROPERTY = XPath("//*[@itemprop][not(self::meta)]")
_WALL = XPath(
    "boolean(//*[self::div or self::section or self::aside][contains(@class, 'paywall') or contains(@class, 'Paywall')])"
)
_MOST_LINKS = 20_000
_MOST_TEXT = 2_000
_UNSAFE = {code: f"%{code:02X}" for code in (*range(33), 34, 60, 62)}  # blanks, quotes, angle brackets


@dataclass(slots=True)
class Evidence:
    """What the markup says; ``metas`` by lower-case name, property or itemprop. Ask before the tree is pruned."""

    tree: HtmlElement
    base: str
    metas: dict[str, list[str]] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    feeds: list[str] = field(default_factory=list)
    canonical: str | None = None
    license: str | None = None
    language: str | None = None
    page_title: str | None = None
    scripts: list[str] = field(default_factory=list)
    headings: list[HtmlElement] = field(default_factory=list)
    times: list[HtmlElement] = field(default_factory=list)
    times_before_headline: int = 0

    def meta(self, *names: str) -> tuple[str, str] | None:
        """Name and value of the first of ``names`` that a meta element gives."""
        return next(((name, self.metas[name][0]) for name in names if name in self.metas), None)

    def dated(self) -> list[HtmlElement]:
        """Elements whose class speaks of a date or time."""
        return [element for element in _DATED(self.tree)[:200] if _says(element, "date", "time", "publish")][:12]

    def property(self, name: str) -> list[HtmlElement]:
        """Elements with the microdata property ``name``."""
        return [element for element in _PROPERTY(self.tree)[:500] if name in element.get("itemprop").split()]

    def paywalled(self) -> bool:
        """Whether a box calls itself a paywall."""
        return bool(_WALL(self.tree))


def _says(element: HtmlElement, *words: str) -> bool:
    classes = (element.get("class") or "").lower()
    return any(word in classes for word in words)


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
    seen: set[str] = set()
    for link in tree.iter("a"):
        _link(link, found, seen)
    for element in tree.iter(*_READERS):
        _READERS[str(element.tag)](element, found)
    return found


def _absolute(base: str, href: str | None) -> str | None:
    try:
        return urldefrag(urljoin(base, (href or "").strip()))[0]
    except ValueError:
        return None


def _link(element: HtmlElement, found: Evidence, seen: set[str]) -> None:
    href = element.get("href")
    if not href or href[0] == "#" or len(seen) >= _MOST_LINKS:
        return
    # joining is slow, and most addresses are whole already
    url = href.partition("#")[0].strip() if href[:8].lower().startswith(_WEB) else _absolute(found.base, href)
    url = url and url.translate(_UNSAFE)
    element.set("href", url or "")  # what is made of the body later needs no base
    if url and url not in seen and url[:8].lower().startswith(_WEB):
        seen.add(url)
        found.links.append(Link(url=url, text=text_of(element)[:300] or None, rel=element.get("rel")))
    # a licence beside a picture is the picture's
    if "license" in (element.get("rel") or "").lower().split() and next(element.iterancestors("figure"), None) is None:
        found.license = found.license or url


def _meta(element: HtmlElement, found: Evidence) -> None:
    content = (element.get("content") or "").strip()
    if content:
        for attribute in ("property", "name", "itemprop"):
            if name := element.get(attribute):
                found.metas.setdefault(name.strip().lower(), []).append(content)
                return


def _link_element(element: HtmlElement, found: Evidence) -> None:
    rel = (element.get("rel") or "").lower().split()
    url = _absolute(found.base, element.get("href"))
    if not url:
        return
    if "canonical" in rel:
        found.canonical = found.canonical or url
    elif "alternate" in rel and (element.get("type") or "").lower() in _FEED_TYPES and url.startswith("http"):
        found.feeds.append(url)
    elif "next" in rel and url.startswith("http"):
        found.links.append(Link(url=url, text=None, rel="next"))
    elif "license" in rel:
        found.license = found.license or url


def _script(element: HtmlElement, found: Evidence) -> None:
    if "ld+json" in (element.get("type") or "").lower() and element.text:
        found.scripts.append(element.text)


def _title(element: HtmlElement, found: Evidence) -> None:
    parent = element.getparent()
    if found.page_title is None and (parent is None or parent.tag in ("head", "html", "body")):
        found.page_title = text_of(element) or None


def _heading(element: HtmlElement, found: Evidence) -> None:
    if not found.headings:
        found.times_before_headline = len(found.times)
    found.headings.append(element)


_READERS: dict[str, Callable[[HtmlElement, Evidence], None]] = {
    "meta": _meta,
    "link": _link_element,
    "script": _script,
    "title": _title,
    "h1": _heading,
    "time": lambda element, found: found.times.append(element),
}
