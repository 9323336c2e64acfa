"""What to follow from a front or section page, the canonical form of an address, and where to look without a hint.

``courlan`` and ``w3lib.canonicalize_url`` normalise too, but they sort the query, and courlan drops ``cid``, ``uid`` and
``source``, by which some sites tell articles apart; its filters take WordPress's ``?p=123`` and ``/topics/`` for navigation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from w3lib.url import safe_url_string

from archive.url import host_parts
from pipelines.article import Link

from .entry import MAX_URL

_HOST = re.compile(r"(?:log-?in|accounts?|auth|sso|abo|shop|store|jobs|mail|webmail|static|cdn|img|images)\.")
_PORTS = {"http": 80, "https": 443}
_USUAL_PLACES = (
    "/sitemap.xml",
    "/sitemap_index.xml",
    "/news-sitemap.xml",
    "/feed",
    "/rss",
    "/feed.xml",
    "/rss.xml",
    "/atom.xml",
)

# parameters that name the way to a page, never the page: analytics, advertising, newsletters
_TRACKING = re.compile(
    r"(?:utm|mtm|hsa|pk|piwik|matomo)_\w+|at_(?:medium|campaign|custom\d)|_(?:ga|gl|hsenc|hsmi|openstat)|mc_[ce]id|mkt_tok"
    r"|(?:fb|g|d|y|ys|tw|tt|msc|li_fat_|irc)(?:cl|clk|)id|gclsrc|[gw]braid|igshid|igsh|srsltid|vero_id|xtor|cmpid|ncid|ocid",
    re.IGNORECASE,
)

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
_FILLERS = frozenset(
    {"a", "and", "the", "of", "in", "to", "und", "der", "die", "das", "et", "de", "la", "y", "e", "i", "o", "og"}
)
_INDEX = re.compile(r"/(?:index|default|home)(?:\.\w{3,5})?$", re.IGNORECASE)
_PAGE_SUFFIX = re.compile(r"\.(?:html?|php|aspx?|jsp|cms|amp|shtml|ece)$", re.IGNORECASE)
_DATE = re.compile(
    r"/(?:19|20)\d\d[/_-]?(?:0?[1-9]|1[0-2]|[a-z]{3})(?:[/_-]?(?:0?[1-9]|[12]\d|3[01]))?(?=[/_-])", re.IGNORECASE
)
_ARCHIVE = re.compile(r"/(?:19|20)\d\d(?:[/-]\d{1,2}){0,2}(?:\.\w+)?$")
_PAGER = re.compile(r"/(?:page|seite|pagina|p)[/-]?\d{1,4}$", re.IGNORECASE)
_ID = re.compile(r"\d{5,}|(?<![a-z0-9])(?=[a-z]*\d)(?=(?:[a-z]*\d){2})[a-z0-9]{9,}", re.IGNORECASE)
_QUERY_ID = re.compile(r"(?:^|&)(?:p|id|\w*id|artikel|article|story|news|nr|no|a)=\w*\d{2,}", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+")
_ENOUGH = 3


class Followed(NamedTuple):
    """The links of a page worth following, in page order; the rest leads off the site or to nothing to read."""

    articles: list[Link]
    sections: list[Link]


def classify_links(links: Sequence[Link], page_url: str) -> Followed:
    """Tell likely articles from likely sections among a page's links to its own site, by address and anchor text.

    One site is one registered domain (https://publicsuffix.org), or one host and port where there is none. A guess: only
    extraction knows what a page is.
    """
    home, followed = urlsplit(page_url), Followed([], [])
    site = _site(home)
    for link in links:
        parts = _page_of(link["url"], site)
        if parts and _address(parts) != _address(home):
            (followed.articles if _is_article(parts, link["text"]) else followed.sections).append(link)
    return followed


def _page_of(url: str, site: str) -> SplitResult | None:
    """The parts of an address that may be a page of ``site`` to read."""
    try:
        parts = urlsplit(url)
        same = parts.scheme in _PORTS and len(url) <= MAX_URL and _site(parts) == site
    except ValueError:
        return None
    return parts if same and not _leads_nowhere(parts) else None


def _site(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")
    return host_parts(host).registered_domain or f"{host}:{parts.port or _PORTS.get(parts.scheme)}"


def _address(parts: SplitResult) -> tuple[str, str, str]:
    return parts.netloc, parts.path or "/", parts.query


def _leads_nowhere(parts: SplitResult) -> bool:
    if _HOUSE_HOST.match(parts.netloc.lower()):
        return True
    names = [_PAGE_SUFFIX.sub("", name) for name in parts.path.lower().split("/") if name]
    if not names:
        return False
    house = _HOUSE.fullmatch(names[-1]) or (_HOUSE.fullmatch(names[0]) and _shape(parts) < _ENOUGH)
    return bool(_FILE.search(names[-1]) or house or _in_cloud(names, parts))


def _in_cloud(names: list[str], parts: SplitResult) -> bool:
    place = next((at for at, name in enumerate(names) if _CLOUD.fullmatch(name)), None)
    return place is not None and (place >= len(names) - 2 or _shape(parts) < _ENOUGH)


def _is_article(parts: SplitResult, text: str | None) -> bool:
    shape = _shape(parts)
    return shape >= _ENOUGH or (shape > 0 and shape + _anchor(text) >= _ENOUGH)


def _anchor(text: str | None) -> int:
    """What the words of a link tell: headlines are long, the names of sections are one or two words."""
    words = len(_WORD.findall(text or ""))
    return 2 if words >= 5 else 1 if words >= 4 else 0


def _shape(parts: SplitResult) -> int:
    """How much an address looks like an article's: 3 is enough, 0 is a section beyond doubt."""
    path = _INDEX.sub("", unquote(parts.path).rstrip("/"))
    if _PAGER.search(path):
        return 0
    if archive := _ARCHIVE.search(path):  # a bare date is an archive page, one behind a headline is not
        return _ENOUGH if _slug(path[: archive.start()].rpartition("/")[2]) >= _ENOUGH else 0
    names = path[1:].split("/")
    last = _PAGE_SUFFIX.sub("", names[-1])
    score = 3 if _DATE.search(path) or _ID.search(path) or _QUERY_ID.search(parts.query) else 0
    score += max(_slug(last), _slug(names[-2]) // 3 * 3 if len(names) > 1 else 0)
    score += 1 if last != names[-1] else 0
    score += 2 if _ARTICLE_WORD.search(path) else 0
    return score + (1 if len(names) > 2 or (score and len(names) > 1) else 0)


def _slug(name: str) -> int:
    """Points for the words of a headline in a segment; sections have one or two besides fillers."""
    words = [word for word in _WORD.findall(name.lower()) if word not in _FILLERS]
    if len(words) >= 4 or (len(words) == 3 and len(name) >= 20) or len(name) >= 32:
        return 3
    return 2 if len(words) == 3 else 1 if len(words) == 2 or len(name) >= 16 else 0


def normalize_url(url: str) -> str | None:
    """The form under which an address counts as seen (RFC 3986, 6.2.2 and 6.2.3); None if it is no usable http(s) address.

    Scheme and host in lower case and ASCII (IDNA), no default port, user name, fragment or tracking parameter, escapes in
    upper case, no dot segments. All other parameters stay, in their order: ``?id=1`` and ``?id=2`` are two pages.
    """
    url = url.strip()
    if len(url) > MAX_URL:
        return None
    try:
        parts = urlsplit(safe_url_string(url))
        origin = _origin(parts)
    except ValueError:
        return None
    if not origin:
        return None
    path = _without_dots(_escapes(parts.path))
    query = "&".join(pair for pair in parts.query.split("&") if pair and not _TRACKING.fullmatch(pair.partition("=")[0]))
    found = f"{origin}{path or '/'}" + (f"?{_escapes(query)}" if query else "")
    return found if len(found) <= MAX_URL else None


_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?|[0-9a-f:.]*:[0-9a-f:.]*", re.ASCII)


def _origin(parts: SplitResult) -> str | None:
    host, port = (parts.hostname or ""), parts.port
    if parts.scheme not in _PORTS or len(host) > 253 or not _HOST.fullmatch(host):
        return None
    host = f"[{host}]" if ":" in host else host.rstrip(".")
    return f"{parts.scheme}://{host}" + (f":{port}" if port and port != _PORTS[parts.scheme] else "")


def _without_dots(path: str) -> str:
    if "/." not in path:
        return path
    kept: list[str] = []
    for name in path.split("/"):
        if name == ".." and len(kept) > 1:
            kept.pop()
        elif name not in {".", ".."}:
            kept.append(name)
    return "/".join(kept) + ("/" if path.endswith(("/.", "/..")) else "")


def _escapes(text: str) -> str:
    return re.sub(r"%[0-9a-f]{2}", lambda escape: escape[0].upper(), text, flags=re.IGNORECASE) if "%" in text else text


def well_known(front_page: str) -> list[str]:
    """The usual addresses of sitemaps and feeds, most useful first, for a site that announces none."""
    return [urljoin(front_page, place) for place in _USUAL_PLACES]
