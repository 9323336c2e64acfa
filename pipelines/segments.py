"""A page as a reader goes down it: segments of running text, one after another, and the places in which they stand."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache

from lxml.html import HtmlElement

# what stands within a line (HTML Standard, phrasing content); every other element begins a segment of its own
_INLINE = frozenset({
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "img", "ins",
    "kbd", "label", "mark", "nobr", "picture", "q", "s", "samp", "small", "source", "span", "strike", "strong", "sub", "sup",
    "time", "tt", "u", "var", "wbr",
})  # fmt: skip
_SKIPPED = frozenset({
    "script", "style", "svg", "noscript", "template", "iframe", "object", "canvas", "head", "select", "textarea", "video",
    "audio", "math", "datalist", "button", "dialog",
})  # fmt: skip
_MARKS = {"strong": "**", "b": "**", "em": "*", "i": "*"}
_ABOVE = (
    "article", "main", "aside", "footer", "header", "nav", "figure", "ul", "ol", "table", "form", "blockquote", "figcaption",
    "section", "li", "details", "a", "pre",
)  # fmt: skip
ABOVE = {tag: 1 << number for number, tag in enumerate(_ABOVE)}
_NAMING = ("class", "id", "itemprop", "role")
PARAGRAPHS = frozenset({"p", "li", "blockquote", "td", "th", "dt", "dd", "pre", "h1", "h2", "h3", "h4", "h5", "h6"})
PROSE = 12  # words of a line that is no caption, button or teaser
_DEEP = 200  # elements one in another; further down all is one segment
_MOST = 10_000
_WORDS = re.compile(r"\w+")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_NAMES = re.compile(r"[A-Z]?[a-z]{2,24}|[A-Z]{2,12}(?![a-z])")

# what authors of pages call the parts of a page: beginnings of words in class names and the like
KINDS: dict[str, str] = {
    "side": "relat recommend promo teas popular trend latest more also outbrain taboola suggest next prev upsell mostread",
    "comment": "comment kommentar disqus respon repl discus coral",
    "caption": "caption legend bildunter cutline",
    "credit": "credit source agency photographer fotograf copyright",
    "nag": "newsletter subscri signup paywall piano offer regist login premium donat member cta regwall abo signin",
    "ad": "ad ads advert sponsor banner dfp gpt werbung publi anzeige affiliat commerc",
    "share": "share sharing social follow facebook twitter whatsapp addtoany telegram",
    "author": "author byline bio contribut autor writer profile avatar",
    "meta": "meta date time tag tags categor breadcrumb kicker eyebrow label topic rubri keyword view counter",
    "nav": "nav menu pagin pager toc skip",
    "title": "title headline head heading",
    "lead": "lead summary standfirst dek deck intro excerpt descri subtitle subhead chapo vorspann sapo abstract lede"
    " entradilla bajada sub",
    "body": "body text copy richtext paragraph prose rte maincontent articlebody",
    "article": "article story post entry content",
    "box": "widget embed module box card aside sidebar rail callout inset infobox factbox fact sticky panel secondary right"
    " column metric",
    "foot": "foot bottom disclaim legal colophon endnote after",
    "hidden": "hidden hide sr visually collaps invisible mobile tablet print noscript offscreen",
    "button": "btn button link toggle tab tabs dropdown accordion",
    "modal": "modal popup pop overlay cookie consent gdpr dialog lightbox alert toast notification republi",
    "quote": "quote pull citat zitat blockquote pullquote",
    "key": "key takeaway bullet highlight brief glance wichtig tldr",
    "media": "video gallery image img photo figure media audio player podcast carousel slide thumb picture",
    "form": "search form input poll quiz survey vote rating",
    "product": "product price shop buy deal recipe review amazon",
    "live": "live ticker timeline",
    "top": "header masthead topbar hero",
}


@dataclass(slots=True, eq=False)
class Place:
    """An element with text somewhere in it, and what its segments add up to.

    ``own`` says what it is called, ``near`` what it or its parent is, ``far`` what the elements further up are (bits in the
    order of KINDS); ``above`` in which elements it stands (bits of ABOVE). ``words`` counts all words, ``linked`` those in
    links, ``prose`` those of long lines outside links, ``direct`` the prose of its own paragraphs, ``attested`` the words that
    a witness has, too.
    """

    tag: str
    names: str
    parent: Place | None
    depth: int
    above: int
    own: int
    near: int
    far: int
    segments: int = 0
    words: int = 0
    linked: float = 0.0
    prose: int = 0
    direct: int = 0
    attested: int = 0

    @property
    def form(self) -> tuple[str, str, str, str]:
        """What paragraphs of one template share: names of the element and of the one around it."""
        above = self.parent or self
        return self.tag, self.names, above.tag, above.names


@dataclass(slots=True, eq=False)
class Segment:
    """A run of text that no block-level element parts.

    ``parts`` are its pieces as they stand, ``marks`` the formatting around some of them: first piece, piece after the last,
    what opens and what closes it in Markdown. ``key`` is the text's letters and digits, case folded, by which equal texts are
    found; ``linked`` and ``strong`` count characters inside links and emphasis.
    """

    place: Place
    element: HtmlElement
    text: str
    parts: list[str]
    marks: list[tuple[int, int, str, str]]
    linked: int
    strong: int
    key: str = ""
    words: int = 0


def segments(tree: HtmlElement) -> list[Segment]:
    """The page's segments in document order; at most 10,000."""
    walk = _Walk()
    walk.into(tree, tree, 0, linked=False, strong=False)
    walk.flush()
    return walk.found


class _Walk:
    """Down the tree, with the pieces of the segment at hand."""

    def __init__(self) -> None:
        self.found: list[Segment] = []
        self._places: dict[HtmlElement, Place] = {}
        self._holder: HtmlElement | None = None
        self._begin()

    def _begin(self) -> None:
        self._parts: list[str] = []
        self._marks: list[tuple[int, int, str, str]] = []
        self._linked = self._strong = 0

    def flush(self) -> None:
        """The segment at hand has ended."""
        if self._holder is not None and len(self.found) < _MOST:
            text = " ".join("".join(self._parts).split())
            words = _WORDS.findall(text)
            key = "".join(words).casefold()
            place = _place(self._holder, self._places)
            self.found.append(
                Segment(
                    place, self._holder, text, self._parts, self._marks, self._linked, self._strong, key, _count(key, words)
                )
            )
        if self._parts:
            self._holder = None
            self._begin()

    def into(self, element: HtmlElement, block: HtmlElement, depth: int, *, linked: bool, strong: bool) -> None:
        """Take an element's text; ``block`` is the block-level element around it."""
        tag = str(element.tag)
        if tag in _SKIPPED:
            return
        if tag == "br":
            self.flush()
            return
        if depth > _DEEP:
            self._take(element.text_content(), block, linked=linked, strong=strong)
            return
        inline = tag in _INLINE
        if not inline:
            self.flush()
            block = element
        start, mark = len(self._parts), _MARKS.get(tag)
        linked, strong = linked or tag == "a", strong or mark is not None
        if text := element.text:
            self._take(text, block, linked=linked, strong=strong)
        for child in element:
            self.into(child, block, depth + 1, linked=linked, strong=strong)
            if text := child.tail:
                self._take(text, block, linked=linked, strong=strong)
        if not inline:
            self.flush()
        elif len(self._parts) > start:
            self._mark(element, start, mark)

    def _take(self, text: str, block: HtmlElement, *, linked: bool, strong: bool) -> None:
        self._parts.append(text)
        if not text or text.isspace():
            return
        if self._holder is None:
            self._holder = block
        if linked:
            self._linked += len(text)
        if strong:
            self._strong += len(text)

    def _mark(self, element: HtmlElement, start: int, mark: str | None) -> None:
        if mark:
            self._marks.append((start, len(self._parts), mark, mark))
        elif element.tag == "a" and (target := element.get("href")):
            self._marks.append((start, len(self._parts), "[", f"]({target})"))


def _count(key: str, words: list[str]) -> int:
    """Words; where a script sets no spaces, two characters count as one."""
    if key.isascii():
        return len(words)
    return len(words) + len(_UNSPACED.findall(key)) // 2


def _place(element: HtmlElement, places: dict[HtmlElement, Place]) -> Place:
    place = places.get(element)
    if place is not None:
        return place
    parent = element.getparent()
    above = None if parent is None else _place(parent, places)
    given = dict(element.items())
    names = " ".join([value for name in _NAMING if (value := given.get(name))])[:200] if given else ""
    tag = str(element.tag)
    own = 0 if tag in ("html", "body") else kinds_of(names)
    if above is None:
        place = Place(tag, names, None, 0, ABOVE.get(tag, 0), own, own, 0)
    else:
        far = above.far | (above.parent.own if above.parent else 0)
        place = Place(tag, names, above, above.depth + 1, above.above | ABOVE.get(tag, 0), own, own | above.own, far)
    places[element] = place
    return place


@lru_cache(maxsize=50_000)
def kinds_of(names: str) -> int:
    """What an element is called, as bits in the order of KINDS."""
    bits = 0
    for name in _NAMES.findall(names):
        bits |= _kinds_of_word(name.lower())
    return bits


@lru_cache(maxsize=50_000)
def _kinds_of_word(word: str) -> int:
    stems = _stems()
    bits = 0
    for end in range(2, len(word) + 1):
        kind = stems.get(word[:end])
        # short stems are whole words, or `adress` would be an ad
        if kind and (end > 3 or end == len(word)):
            bits |= kind
    return bits


@cache
def _stems() -> dict[str, int]:
    found: dict[str, int] = {}
    for number, stems in enumerate(KINDS.values()):
        for stem in stems.split():
            found[stem] = found.get(stem, 0) | 1 << number
    return found


def add_up(found: Iterable[Segment]) -> list[Place]:
    """Count the segments into their places, each into all places around it too; the places, inner ones first."""
    touched: dict[Place, None] = {}
    for one in found:
        place, share = one.place, min(1.0, one.linked / len(one.text))
        prose = one.words if one.words >= PROSE and share < 0.5 else 0
        place.segments += 1
        place.words += one.words
        place.linked += one.words * share
        place.prose += prose
        box = place.parent if place.tag in PARAGRAPHS and place.parent else place
        box.direct += prose
        around: Place | None = place
        while around is not None and around not in touched:
            touched[around] = None
            around = around.parent
    places = sorted(touched, key=lambda place: -place.depth)
    for place in places:
        if (above := place.parent) is not None:
            above.segments += place.segments
            above.words += place.words
            above.linked += place.linked
            above.prose += place.prose
    return places
