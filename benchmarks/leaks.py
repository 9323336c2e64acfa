"""What leaks into a text and what is missed, kind by kind.

A leak is a line of a text that its page's gold text does not have; it is of the first kind that says so by where the line stood
in the page (names of the elements around it, up to the one that holds the article) or by what it says.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from lxml.html import HtmlElement

from benchmarks.scoring import Gold, folded, words_of

_SHINGLE = 4
_SAME = 0.5  # share of a line's shingles from which the other text has the line
_HEAD = 6  # lines among which headline and summary are repeated
_LINKED = 0.8  # share of a line in links
_NAMING = ("class", "id", "role", "itemprop", "data-testid", "data-component", "aria-label")
_BLOCKS = ("p", "li", "blockquote", "td", "th", "figcaption", "h1", "h2", "h3", "h4", "h5", "h6", "div", "section", "aside")


@dataclass(frozen=True)
class Kind:
    """A kind of leak: ``where`` is looked for in the names of elements, ``says`` in the line."""

    name: str
    where: re.Pattern[str] | None
    says: re.Pattern[str] | None


def _where(names: str) -> re.Pattern[str] | None:
    return re.compile("|".join(names.split()), re.IGNORECASE) if names else None


def _says(phrases: str) -> re.Pattern[str] | None:
    """Blanks within a phrase count, those around bars and at ends of lines do not."""
    one_line = re.sub(r"\s*\n\s*", "", re.sub(r"\s*\|\s*", "|", phrases)).replace("(?: ", "(?:").replace(" )", ")").strip()
    return re.compile(one_line, re.IGNORECASE) if phrases else None


# Names of elements come as "<tag name name …>". The first kind that fits is the leak's: (name, where, says).
_KINDS: tuple[tuple[str, str, str], ...] = (
    ("inline SVG sprite", r"<(?:svg|symbol) sprite", r"(?:\b\w*icon\b\W*){2,}"),
    ("hidden part", r"<[^>]*\b(?:aria-)?hidden\b display:none visually-?hidden sr-only screen-?reader \bprint-only", ""),
    ("dialog", r"<dialog \b(?:alert)?dialog\b modal pop-?up lightbox overlay", ""),
    ("cookie box", "cookie consent gdpr onetrust", r"""
        \bcookies?\b | personal data | external content | externen?\sinhalt | contenu externe | zewnętrzn
        | privacy (?:policy|settings) | datenschutz"""),
    ("newsletter box", "newsletter mailing-?list mailchimp sign-?up", r"""
        newsletter | \byour inbox | nyhetsbrev | nyhedsbrev | nieuwsbrief | infolettre | bolet[íi]n | 뉴스레터"""),
    ("read more", "", r"""
        ^\W*(?: read (?:more|also|next|the) | also read | see (?:also|more) | more (?:on|from|stories|about) | related
        | les (?:også|mer) | læs (?:også|mere) | läs (?:även|också|mer) | lire (?:aussi|la suite) | à lire | lees (?:ook|meer)
        | lesen sie (?:auch|mehr) | mehr (?:zum|von|dazu) | weiterlesen | leia (?:também|mais) | lea también | lee también
        | leer más | ver también | leggi anche | czytaj (?:także|też|więcej) | zobacz (?:też|także) | lue myös | читайте
        | читать | 続きを読む | 関連 | 관련기사 | baca juga | devamını | ayrıca okuyun )\b
        | (?:read|click here|tap here)[^.]{0,40}(?:more|full)\W*$"""),
    ("share bar", r"\bshar(?:e|ing) social addtoany addthis whatsapp follow-?(?:us|me)", r"""
        ^\W*(?:share|teilen|partager|compartir|condividi|delen|del|dela|udostępnij|поделиться|シェア|공유)\b.{0,60}$
        | \b(?:facebook|twitter|whatsapp|linkedin|e-?mail)\b.{0,15}\b(?:facebook|twitter|whatsapp|linkedin|e-?mail)\b
        | \bfollow (?:us|me|@) | copy link | google news"""),
    ("comments", "comment disqus kommentar respond discussion", r"""
        ^\W*\d+\s+(?:comments?|kommentare?|commentaires?|comentarios|reacties)\b | join the (?:discussion|conversation)
        | (?:leave|post|add) a (?:comment|reply) | comments are closed"""),
    ("paywall teaser", r"paywall subscri piano regwall \bpremium \boffer membership \babo\b donat support-us register", r"""
        \bsubscri(?:be|bers?|ption)\b | \babonn | suscr[íi] | prenumer | iscriviti | \bsign (?:in|up)\b | \blog ?in\b
        | become a member | \bdonat(?:e|ion) | support (?:us|our)\b | already a (?:subscriber|member) | free trial | 会員"""),
    ("advertisement", r"\bad(?:s|vert\w*)?\b sponsor dfp gpt- affiliat anzeige publicid commerc", r"""
        ^\W*(?:advertisement|advertising|anzeige|werbung|publicité|publicidad|pubblicità|advertentie|annonse?|reklam[ae]?
        |реклама|広告|광고)\b.{0,60}$ | story continues below | affiliate | sponsored"""),
    ("related links", r"""
        relat recommend recirc promo teas trending popular latest outbrain taboola most-?read more- suggest read-?next up-?next
        also \bcard <aside sidebar carousel list-of-""", ""),
    ("caption", "<(?:figure|figcaption|caption) caption credit gallery bildunter photo <[^>]*image", r"""
        ^\W*(?:photo|foto|image|picture|credit|bild|source|quelle|fuente|fonte|źródło|video|watch)\b[^.]{0,30}[:/©]
        | (?:getty images|reuters|shutterstock|picture alliance|\bAFP\b|\bdpa\b|\bEPA\b)[^.]{0,30}$ | ©[^.]{0,60}$"""),
    ("byline or date", r"author byline \bbio\b contribut \bdate \btime publish <(?:time|address) dateline meta\b", r"""
        ^\W*(?:by|von|por|par|di|av|af|door|autor|text|\(?reporting by|updated|published|aktualisiert|stand)\b[^.!?]{3,120}$
        | ^[^.]{0,40}\b(?:19|20)\d\d\b[^.]{0,25}$ | \bcontributed to this (?:report|story)
        | \bis an? .{3,80}(?:editor|reporter|writer|author|correspondent)\b"""),
    ("navigation or tags", r"<(?:nav|menu|footer|header) \bnav breadcrumb \btags?\b topic menu pagin toc categor", ""),
    ("legal or house note", "copyright disclaim legal colophon republi correction footnote", r"""
        all rights reserved | \bcopyright\b | © | alle rechte | tous droits | terms of (?:use|service) | disclaimer
        | creative commons | translated (?:by|with|from) | machine translation | errors? in (?:this|the) (?:article|story)
        | 無断転載 | 무단 | this (?:article|story) (?:was|is|has been)\s | for more information | contact us"""),
    ("box or embed", r"""
        infobox factbox fact- \bbox\b widget embed callout takeaway product poll quiz <form <iframe <table <details player
        podcast audio""", ""),
    ("pull quote", r"<blockquote pull quote <q\b", ""),
)  # fmt: skip
KINDS = [Kind(name, _where(where), _says(says)) for name, where, says in _KINDS]
HEAD, TWICE, LINKS, OTHER = "repeated at the head", "said twice", "related links", "other"
# what is missed, by where it stands
PARTS = ("lead", "heading", "item of a list", "quotation", "table", "caption", "paragraph", "not in the page as one line")


@dataclass(frozen=True)
class Leak:
    """A line of one text that the other does not have: its kind, its words, and the line."""

    kind: str
    words: int
    line: str


class Lines:
    """A text as lines are looked for in it."""

    def __init__(self, text: str) -> None:
        words = words_of(text)
        self._key = folded(text)
        self._shingles = Counter(tuple(words[at : at + _SHINGLE]) for at in range(len(words) - _SHINGLE + 1))

    def has(self, line: str) -> bool:
        """Whether a line stands in the text, whole or for the better half."""
        words = words_of(line)
        shingles = [tuple(words[at : at + _SHINGLE]) for at in range(len(words) - _SHINGLE + 1)]
        if not shingles:
            return folded(line) in self._key
        return sum(one in self._shingles for one in shingles) >= _SAME * len(shingles) or folded(line) in self._key


class PlacesOf:
    """Where lines stand in a page; ``most`` is the size (letters and digits) from which an element is the article itself."""

    def __init__(self, tree: HtmlElement, most: int) -> None:
        self._most = most
        self._elements: dict[str, HtmlElement] = {}
        self._sizes: dict[HtmlElement, int] = {}
        for element in tree.iter(*_BLOCKS, "span", "a", "text", "title", "figure", "label", "summary", "dt", "dd", "address"):
            key = folded(element.text_content())
            self._sizes[element] = len(key)
            if key:
                self._elements[key] = element  # the innermost comes last

    def find(self, line: str) -> HtmlElement | None:
        """The innermost element that says just this, else the smallest that says it among other things."""
        key = folded(line)
        if key in self._elements:
            return self._elements[key]
        around = [(len(known), known) for known in self._elements if len(known) < 3 * len(key) + 200 and key in known]
        return self._elements[min(around)[1]] if around else None

    def names(self, element: HtmlElement) -> str:
        """What the elements around a line are called, up to the one that holds the article."""
        found = []
        for one in (element, *element.iterancestors()):
            if one is not element and (self._sizes.get(one, 0) > self._most or one.tag in ("body", "html", "main")):
                break
            found.append(_name(one))
        return " ".join(found)

    def linked(self, element: HtmlElement) -> float:
        """The share of an element's characters that are links."""
        if any(one.tag == "a" for one in element.iterancestors()) or element.tag == "a":
            return 1.0
        size = len(element.text_content().strip()) or 1
        return sum(len(link.text_content()) for link in element.iter("a")) / size


def _name(element: HtmlElement) -> str:
    names = [str(element.tag), *(value for name in _NAMING if (value := element.get(name)))]
    if element.get("hidden") is not None or element.get("aria-hidden") == "true":
        names.append("aria-hidden")
    if "display:none" in (element.get("style") or "").replace(" ", ""):
        names.append("display:none")
    return f"<{' '.join(names)}>"


def leaks(text: str, gold: Gold, page: HtmlElement, said: tuple[str | None, ...] = ()) -> Iterator[Leak]:
    """The leaks in one page's text; ``said`` are the headline and the summary."""
    right, lines = Lines(gold.text), [line for line in text.split("\n") if line.strip()]
    places: PlacesOf | None = None
    times = Counter(folded(line) for line in gold.text.split("\n"))
    for number, line in enumerate(lines):
        times[folded(line)] -= 1
        count = len(words_of(line))
        if not count:
            continue
        if right.has(line):
            if times[folded(line)] == -1 and folded(line) in map(folded, lines[:number]):
                yield Leak(TWICE, count, line)
            continue
        if number < _HEAD and any(folded(line) == folded(one) for one in (gold.title, *said) if one):
            yield Leak(HEAD, count, line)
            continue
        places = places or PlacesOf(page, max(400, len(folded(gold.text)) // 2))
        yield Leak(_kind(line, places), count, line)


def _kind(line: str, places: PlacesOf) -> str:
    element = places.find(line)
    names = places.names(element) if element is not None else ""
    for kind in KINDS:
        if (kind.where and kind.where.search(names)) or (kind.says and kind.says.search(line)):
            return kind.name
    return LINKS if element is not None and places.linked(element) >= _LINKED else OTHER


def misses(text: str, gold: Gold, page: HtmlElement) -> Iterator[Leak]:
    """The lines of the gold text that a page's text does not have."""
    ours, first, places = Lines(text), True, None
    for line in gold.text.split("\n"):
        if not (count := len(words_of(line))):
            continue
        if not ours.has(line):
            places = places or PlacesOf(page, 1 << 30)
            yield Leak(_part(line, places, first), count, line)
        first = False


def _part(line: str, places: PlacesOf, first: bool) -> str:
    element = places.find(line)
    if first:
        return PARTS[0]
    if element is None:
        return PARTS[7]
    tags = [str(one.tag) for one in (element, *list(element.iterancestors())[:3])]
    of_tag = {"li": 2, "dd": 2, "dt": 2, "blockquote": 3, "td": 4, "th": 4, "figcaption": 5, "figure": 5}
    if re.fullmatch("h[1-6]", tags[0]) or re.fullmatch("h[1-6]", tags[1] if len(tags) > 1 else ""):
        return PARTS[1]
    return PARTS[next((of_tag[tag] for tag in tags if tag in of_tag), 6)]
