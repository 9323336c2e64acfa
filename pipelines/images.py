"""The pictures and links inside an article's body."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import urljoin, urlsplit

from lxml import etree
from lxml.html import HtmlElement

from archive.text import fold
from pipelines.article import Image, Link
from pipelines.evidence import text_of
from pipelines.metadata import tidy

_SOURCES = ("data-src", "data-original", "data-lazy-src", "src")
_CREDIT = re.compile(r"credit|copyright|kilde|quelle|fotograf|photographer|source", re.IGNORECASE)
_SIDE = frozenset({"aside", "nav", "footer", "form"})
_SIDE_CLASS = re.compile(r"related|recommend|teaser|sidebar|newsletter|author|avatar|share|comment", re.IGNORECASE)
_MOST = 200
_KEY = 40  # letters that tell one paragraph from another


def links_in(targets: Iterable[tuple[str, str]], known: list[Link]) -> list[Link]:
    """The links of a body, given as address and text, once each, with what the page's own list says of them."""
    rels = {link["url"]: link["rel"] for link in known}
    found: dict[str, Link] = {}
    for url, text in targets:
        if url.startswith(("http://", "https://")):
            found.setdefault(url, Link(url=url, text=tidy(text), rel=rels.get(url)))
    return list(found.values())


def images_in(tree: HtmlElement, text: str, base: str) -> list[Image]:
    """The pictures that stand in the part of the page which holds the text, in order, once each."""
    part = _holder(tree, text)
    if part is None:
        return []
    found: dict[str, Image] = {}
    for img in part.iter("img"):
        url = _source(img, base)
        if url and url not in found and not _beside(img, part):
            found[url] = _image(img, url)
            if len(found) == _MOST:
                break
    return list(found.values())


def _holder(tree: HtmlElement, text: str) -> HtmlElement | None:
    """The smallest element around all paragraphs of the text, widened to the ``article`` element around it."""
    keys = {fold(line)[:_KEY] for line in text.split("\n\n") if len(line) > _KEY}
    matched = [one for one in tree.iter("p") if fold(one.text_content()[: 4 * _KEY])[:_KEY] in keys]
    if not matched:
        return None
    above = set(matched[-1].iterancestors())
    shared = next((one for one in matched[0].iterancestors() if one in above), None)
    articles = [] if shared is None else [one for one in (shared, *shared.iterancestors()) if one.tag == "article"]
    return articles[0] if articles else shared


def _source(img: HtmlElement, base: str) -> str | None:
    small = any((img.get(side) or "").strip() in ("0", "1", "2") for side in ("width", "height"))
    for value in () if small else _addresses(img):
        try:
            url = urljoin(base, value.strip())
            if urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname:
                return tidy(url.partition("#")[0].replace(" ", "%20"))
        except ValueError:
            continue
    return None


def _addresses(img: HtmlElement) -> Iterator[str]:
    yield from (value for name in _SOURCES if (value := img.get(name)))
    for element in (img, *(img.itersiblings("source", preceding=True))):
        for name in ("srcset", "data-srcset"):
            if value := (element.get(name) or "").strip():
                yield value.split()[0].rstrip(",")


def _beside(img: HtmlElement, part: HtmlElement) -> bool:
    for one in img.iterancestors():
        if one is part:
            return False
        if one.tag in _SIDE or _SIDE_CLASS.search(one.get("class") or ""):
            return True
    return False


def _image(img: HtmlElement, url: str) -> Image:
    figure = next(img.iterancestors("figure"), None)
    caption, credit = (None, None) if figure is None else _caption(figure)
    return Image(url=url, caption=caption, credit=credit, alt=tidy(img.get("alt")))


def _caption(figure: HtmlElement) -> tuple[str | None, str | None]:
    """Caption and credit; the credit often stands within the caption and is taken out of it."""
    marked = [one for one in figure.iter(etree.Element) if _CREDIT.search(f"{one.get('class')} {one.get('itemprop')}")]
    credit = next((text for one in marked if one is not figure and (text := tidy(text_of(one)))), None)
    whole = next((tidy(text_of(one)) for one in figure.iter("figcaption")), None)
    if whole and credit and len(credit) < len(whole):
        whole = tidy(whole.replace(credit, " ", 1))
    return (whole if whole != credit else None), credit
