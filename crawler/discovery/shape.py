"""How much an address looks like an article's: its words, numbers, dates and the text of the link that leads there."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from urllib.parse import SplitResult, unquote, urlsplit

ENOUGH = 3  # points that make an article
PAGE_SUFFIX = re.compile(r"\.(?:html?|php|aspx?|jsp|cms|amp|shtml|ece)$", re.IGNORECASE)
_FILE = re.compile(
    r"\.(?:jpe?g|png|gif|svg|webp|avif|ico|bmp|tiff?|pdf|docx?|xlsx?|pptx?|odt|epub|csv|zip|gz|rar|7z|exe|dmg|apk|ics|vcf"
    r"|mp[34]|m4[av]|m3u8?|ogg|wav|aac|avi|mov|mkv|webm|flv|css|js|json|xml|rss|atom|rdf|woff2?|ttf|eot|swf)$",
    re.IGNORECASE,
)
# pages of the house, not of the paper
_HOUSE = re.compile(
    r"log-?(?:in|out)|sign-?(?:in|up)|register|registrieren|registration|anmelden|anmeldung|(?:my-)?account|mein-konto"
    r"|(?:un)?subscribe|subscriptions?|abo|abonnement|abonnieren|newsletters?|privacy(?:-policy|-notice)?|datenschutz\w*"
    r"|impressum|imprint|mentions-legales|aviso-legal|legal-notice|kontakt|contacts?(?:-us)?|contacto|about(?:-us)?|ue?ber-uns"
    r"|terms(?:-of-use|-of-service|-and-conditions)?|agb|nutzungsbedingungen|cookies?(?:-policy|-settings)?|hilfe|help|faq"
    r"|advertis(?:e|ing)(?:-with-us)?|mediadaten|werbung|careers|jobs|stellenmarkt|sharer?|print|search|suche|buscar|recherche"
    r"|sitemap|donate|spenden|cart|warenkorb|checkout|wp-(?:admin|login|json)|xmlrpc|rss|feeds?|accessibility|barrierefreiheit"
    r"|masthead|do-not-sell|comments?"
)
_HOUSE_HOST = re.compile(r"(?:log-?in|accounts?|auth|sso|abo|shop|store|jobs|mail|webmail|static|cdn|img|images)\.")
# lists of one person's or one word's articles: endless, and their articles stand on section pages too
_CLOUD = re.compile(r"tags?|schlagworte?|auth?ors?|autoren|auteurs?|users?|profile?s?|profil")
_ARTICLE_WORD = re.compile(r"/(?:articles?|artikel|articulo|story|stories|posts?|clanek|p|a)/", re.IGNORECASE)
# lists of articles by their own name
_LIST_WORD = re.compile(
    r"/(?:categor(?:y|ies|ia)|kategorien?|rubriken?|topics?|themen?|dossiers?|tags?|sections?|sekce)/", re.IGNORECASE
)
_FILLERS = frozenset(
    {"a", "and", "the", "of", "in", "to", "und", "der", "die", "das", "et", "de", "la", "y", "e", "i", "o", "og"}
)
_INDEX = re.compile(r"/(?:index|default|home)(?:\.\w{3,5})?$", re.IGNORECASE)
_DATE = re.compile(
    r"/(?:19|20)\d\d[/_-]?(?:0?[1-9]|1[0-2]|[a-z]{3})(?:[/_-]?(?:0?[1-9]|[12]\d|3[01]))?(?=[/_-])", re.IGNORECASE
)
_ARCHIVE = re.compile(r"/(?:19|20)\d\d(?:[/-]\d{1,2}){0,2}(?:\.\w+)?$")
_PAGER = re.compile(r"/(?:page|seite|pagina|p)[/-]?\d{1,4}$", re.IGNORECASE)
_ID = re.compile(r"\d{5,}|(?<![a-z0-9])(?=[a-z]*\d)(?=(?:[a-z]*\d){2})[a-z0-9]{9,}", re.IGNORECASE)
_QUERY_ID = re.compile(r"(?:^|&)(?:p|id|\w*id|artikel|article|story|news|nr|no|a)=\w*\d{2,}", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")
# what the kind of document that names an address is worth: feeds and news sitemaps announce articles alone
_EVIDENCE = {"feed": 4, "news_sitemap": 5, "sitemap": 1}
_SLOPE, _MIDDLE = 0.9, 2.5  # points become a chance: 3 points 0.61, 5 points 0.90


def points(parts: SplitResult) -> int:
    """How much an address looks like an article's: ``ENOUGH`` is enough, 0 is a section beyond doubt."""
    path = _INDEX.sub("", unquote(parts.path).rstrip("/"))
    if _PAGER.search(path):
        return 0
    if archive := _ARCHIVE.search(path):  # a bare date is an archive page, one behind a headline is not
        return ENOUGH if _slug(path[: archive.start()].rpartition("/")[2]) >= ENOUGH else 0
    names = path[1:].split("/")
    last = PAGE_SUFFIX.sub("", names[-1])
    score = 3 if _DATE.search(path) or _ID.search(path) or _QUERY_ID.search(parts.query) else 0
    score += max(_slug(last), _slug(names[-2]) // 3 * 3 if len(names) > 1 else 0)
    score += 1 if last != names[-1] else 0
    score += 2 if _ARTICLE_WORD.search(path) else -3 if _LIST_WORD.search(path) else 0
    return max(0, score + (1 if len(names) > 2 or (score and len(names) > 1) else 0))


def leads_nowhere(parts: SplitResult) -> bool:
    """Whether an address is no page to read: a file, a page of the house (log in), an endless list (tags, authors)."""
    if _HOUSE_HOST.match(parts.netloc.lower()):
        return True
    names = [PAGE_SUFFIX.sub("", name) for name in parts.path.lower().split("/") if name]
    if not names:
        return False
    house = _HOUSE.fullmatch(names[-1]) or (_HOUSE.fullmatch(names[0]) and points(parts) < ENOUGH)
    return bool(_FILE.search(names[-1]) or house or _in_cloud(names, parts))


def _in_cloud(names: list[str], parts: SplitResult) -> bool:
    place = next((at for at, name in enumerate(names) if _CLOUD.fullmatch(name)), None)
    return place is not None and (place >= len(names) - 2 or points(parts) < ENOUGH)


def anchor_points(text: str | None) -> int:
    """What the words of a link tell: headlines are long, the names of sections are one or two words."""
    words = len(_WORD.findall(text or ""))
    return 2 if words >= 5 else 1 if words >= 4 else 0


def is_article(parts: SplitResult, text: str | None) -> bool:
    """Whether address and link text together make an article likely."""
    shape = points(parts)
    return shape >= ENOUGH or (shape > 0 and shape + anchor_points(text) >= ENOUGH)


def chance(url: str, text: str | None = None, source: str = "section") -> float:
    """The chance, 0 to 1, that an address is an article's, by its shape, the text of the link or the announced title, and the
    kind of document that names it (``Entry.source``)."""
    parts = urlsplit(url)
    shape = 0 if leads_nowhere(parts) else points(parts)
    evidence = _EVIDENCE.get(source, 0)
    shown = anchor_points(text) if shape or evidence else 0
    return 1 / (1 + math.exp(-_SLOPE * (shape + evidence + shown - _MIDDLE)))


@lru_cache(maxsize=4_096)
def pattern(url: str) -> tuple[str, str]:
    """What addresses of one kind have in common, fine and coarse: ``/world/#/#/slug`` and ``/*/#/#/slug``.

    Numbers become ``#``, headlines ``slug``, identifiers ``id``; of parameters the names stay.
    """
    parts = urlsplit(url)
    names = [_kind(PAGE_SUFFIX.sub("", name)) for name in unquote(parts.path).strip("/").split("/")[:8]]
    query = "?" + "&".join(sorted({pair.partition("=")[0] for pair in parts.query.split("&")})[:8]) if parts.query else ""
    coarse = [name if name in _KINDS else "*" for name in names]
    return f"{parts.netloc}/{'/'.join(names)}{query}"[:200], f"{parts.netloc}/{'/'.join(coarse)}{query}"[:200]


_KINDS = ("#", "slug", "id", "")


def _kind(name: str) -> str:
    if name.isdecimal():
        return "#"
    if _slug(name) >= ENOUGH:
        return "slug"
    return "id" if _ID.search(name) else name[:32].lower()


def _slug(name: str) -> int:
    """Points for the words of a headline in a segment; sections have one or two besides fillers."""
    words = [word for word in _WORD.findall(name.lower()) if word not in _FILLERS]
    if len(words) >= 4 or (len(words) == 3 and len(name) >= 20) or len(name) >= 32:
        return 3
    return 2 if len(words) == 3 else 1 if len(words) == 2 or len(name) >= 16 else 0
