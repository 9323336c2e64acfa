"""The pictures and links inside an article's body."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from urllib.parse import urljoin, urlsplit

from lxml import etree
from lxml.html import HtmlElement

from archive.text import fold
from pipelines.article import Image, Link
from pipelines.evidence import text_of
from pipelines.metadata import tidy
from pipelines.segments import PROSE, Segment

_PICTURES = ("img", "amp-img")
_SOURCES = ("data-src", "data-original", "data-lazy-src", "src", "data-url")
_SETS = ("srcset", "data-srcset", "data-lazy-srcset")
_ADDRESS = re.compile(r"https?://[^\s\"',}]+")
_NO_PICTURE = re.compile(r"placeholder|spacer|blank\.|/pixel|1x1|loading\.gif", re.IGNORECASE)
_CREDITED = re.compile(
    r"credit|copyright|kilde|quelle|fotograf|photographer|photo-?by|source|agency|rights|autor-?foto", re.IGNORECASE
)
_CAPTIONED = re.compile(
    r"caption|cutline|bildunter|bildtext|bildbeschr|image-?desc|legend|didascalia|pie-?(?:de-?)?foto|kuvateksti|podpis",
    re.IGNORECASE,
)
# what stands before the name of who made a picture, in the languages of the press
_MAKER = (
    r"(?:photo(?:graph)?s?|foto(?:graf(?:ie|i|o|ía)?|s)?|bild(?:er|quelle|nachweis)?|image|pictures?|credits?"
    r"|crédits?(?: photo)?|quelle|source|kilde|kuva|zdj\.|zdjęcie|fot\.|imagen|immagine|imagem|фото|写真|사진|图|圖)"
)
_AGENCIES = (
    "Reuters|AFP|AP|dpa|EPA|Getty|PA|ANSA|EFE|TASS|Xinhua|Kyodo|Yonhap|NTB|TT|APA|Keystone|Shutterstock|imago|Associated Press"
)
_CREDIT = re.compile(
    rf"(?:^|[\s(\[|/.—–-])(?:(?:{_AGENCIES})\s)?{_MAKER}\s*(?:(?:by\b|credit|von\b|de\b|di\b|[:/：=,])\s*){{1,3}}[^()]{{2,120}}"
    r"(?:\([^()]{2,60}\)|[)\]])?\s*$"
    r"|(?:©|\(c\)|℗)\s*[^()©]{2,100}$"
    rf"|\([^()]{{0,60}}(?:\b(?:{_AGENCIES})\b|/)[^()]{{0,60}}\)\s*$",
    re.IGNORECASE,
)
_LABEL = re.compile(r"^(?:image|photo|picture|bild|foto)\s+(?:caption|source|copyright|credit)\s*[,:]\s*", re.IGNORECASE)
_FIELD = re.compile(r"^[(\[\s|/—–-]*|[\s|/—–-]*$")
_SIDE = frozenset({"aside", "nav", "footer", "form"})
_SIDE_CLASS = re.compile(r"related|recommend|teaser|sidebar|newsletter|author|avatar|share|comment|byline|logo", re.IGNORECASE)
_MOST = 200
_AROUND = 4  # elements from a picture up to the one that holds its caption, too
_MOST_CAPTION = 1_000


def links_in(targets: Iterable[tuple[str, str]], known: list[Link]) -> list[Link]:
    """The links of a body, given as address and text, once each, with what the page's own list says of them."""
    rels = {link["url"]: link["rel"] for link in known}
    found: dict[str, Link] = {}
    for url, text in targets:
        if url.startswith(("http://", "https://")):
            found.setdefault(url, Link(url=url, text=tidy(text), rel=rels.get(url)))
    return list(found.values())


def images_in(tree: HtmlElement, kept: Sequence[Segment], base: str, names: Iterable[str] = ()) -> list[Image]:
    """The pictures between the headline and the end of the part that holds the ``kept`` text, in order, once each; portraits of
    those who wrote it (``names``) are none of them."""
    long = [one.element for one in kept if one.words >= PROSE] or [one.element for one in kept]
    part = _holder(long)
    if part is None:
        return []
    authors = [fold(name) for name in names]
    found: dict[str, Image] = {}
    captions: dict[HtmlElement | None, tuple[str | None, str | None]] = {None: (None, None)}
    for img in (*_leading(tree, part, long[0]), *part.iter(*_PICTURES)):
        url = _source(img, base)
        if url and url not in found and not _beside(img, part):
            frame = _frame(img)
            if frame not in captions:  # a gallery's pictures share one
                captions[frame] = _caption(frame)
            caption, credit = captions[frame]
            image = Image(url=url, caption=caption, credit=credit, alt=tidy(img.get("alt")))
            if not _portrays(image, authors):
                found[url] = image
            if len(found) == _MOST:
                break
    return list(found.values())


def _holder(elements: Sequence[HtmlElement]) -> HtmlElement | None:
    """The smallest element around all paragraphs of the text, widened to the ``article`` element around it."""
    if not elements:
        return None
    above = {*elements[-1].iterancestors(), elements[-1]}
    shared = next((one for one in (elements[0], *elements[0].iterancestors()) if one in above), None)
    articles = [] if shared is None else [one for one in (shared, *shared.iterancestors()) if one.tag == "article"]
    return articles[0] if articles else shared


def _leading(tree: HtmlElement, part: HtmlElement, first: HtmlElement) -> list[HtmlElement]:
    """Pictures that stand between the headline and the part with the text."""
    found: list[HtmlElement] | None = None
    for one in tree.iter("h1", str(first.tag), str(part.tag), *_PICTURES):
        if one in (part, first):
            return found or []
        if one.tag == "h1":
            found = []
        elif found is not None and one.tag in _PICTURES:
            found.append(one)
    return []


def _source(img: HtmlElement, base: str) -> str | None:
    small = any((img.get(side) or "").strip() in ("0", "1", "2") for side in ("width", "height"))
    for value in () if small else _addresses(img):
        try:
            url = urljoin(base, value.strip())
            if urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname and not _NO_PICTURE.search(url):
                return tidy(url.partition("#")[0].replace(" ", "%20"))
        except ValueError:
            continue
    return None


def _addresses(img: HtmlElement) -> Iterator[str]:
    yield from (value for name in _SOURCES if (value := img.get(name)))
    above = img.getparent()
    sources = img.itersiblings("source", preceding=True)
    for element in (img, *sources, *([above] if above is not None and above.tag == "source" else ())):
        for name in _SETS:
            if value := (element.get(name) or "").strip():
                yield value.split()[0].rstrip(",")
    for name, value in img.attrib.items():
        if name.startswith("data-") and (found := _ADDRESS.search(value)):
            yield found[0]


def _beside(img: HtmlElement, part: HtmlElement) -> bool:
    """Whether a picture belongs to something beside the text; what a figure with a caption is called does not matter."""
    figure = next(img.iterancestors("figure"), None)
    captioned = figure is not None and next(figure.iter("figcaption"), None) is not None
    for one in (figure if captioned and figure is not None else img).iterancestors():
        if one is part or one.tag == "body":
            return False
        if one.tag in _SIDE or _SIDE_CLASS.search(one.get("class") or ""):
            return True
    return False


def _portrays(image: Image, authors: Sequence[str]) -> bool:
    """Whether a caption is no more than a byline."""
    said = fold(image["caption"] or image["alt"] or "")
    return any(name in said and len(said) < len(name) + 30 for name in authors if name)


def _caption(frame: HtmlElement | None) -> tuple[str | None, str | None]:
    """Caption and credit; the credit often stands within the caption and is taken out of it."""
    if frame is None:
        return None, None
    whole, credit = _text(frame.iter("figcaption")), _text(_named(frame, _CREDITED))
    whole = whole or _text(_named(frame, _CAPTIONED))
    if whole and credit and len(credit) < len(whole):
        whole = tidy(whole.replace(credit, " ", 1))
    elif credit and len(credit) > _MOST_CAPTION // 4:
        credit = None
    whole = None if whole == credit else _clean(whole)
    if whole and not credit and (found := _CREDIT.search(whole)):
        whole, credit = whole[: found.start()], found[0]
    return _clean(whole), _clean(credit)


def _frame(img: HtmlElement) -> HtmlElement | None:
    """The element around a picture that holds its caption: a figure, or the first with something called so and no other
    picture."""
    if (figure := next(img.iterancestors("figure"), None)) is not None:
        return figure
    for one in islice(img.iterancestors(), _AROUND):
        if one.tag in ("body", "article", "main") or sum(1 for _ in islice(one.iter(*_PICTURES), 2)) > 1:
            return None
        if next(_named(one, _CAPTIONED), None) is not None or next(_named(one, _CREDITED), None) is not None:
            return one
    return None


def _named(frame: HtmlElement, pattern: re.Pattern[str]) -> Iterator[HtmlElement]:
    elements = frame.iterdescendants(etree.Element)
    return (one for one in elements if pattern.search(f"{one.get('class')} {one.get('itemprop')}"))


def _text(elements: Iterable[HtmlElement]) -> str | None:
    texts = (tidy(text_of(one)) for one in elements)
    return next((_LABEL.sub("", text)[:_MOST_CAPTION] for text in texts if text), None)


def _clean(text: str | None) -> str | None:
    """Without the signs that part a caption from a credit, and brackets that have lost their other half."""
    text = _FIELD.sub("", text or "")
    if text.endswith(")") and "(" not in text:
        text = text[:-1]
    return text.strip() if any(map(str.isalnum, text)) else None
