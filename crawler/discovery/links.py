"""What to follow from a front or section page, how lists and articles go on over several pages, and where to look without a
hint.

courlan's filters are not used: they take WordPress's ``?p=123`` and ``/topics/`` for navigation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urljoin, urlsplit

from archive.canonical import MAX_URL
from archive.url import host_parts
from pipelines.article import Link

from .shape import is_article, leads_nowhere

_PORTS = {"http": 80, "https": 443}
_USUAL_SITEMAPS = ("/sitemap.xml", "/sitemap_index.xml", "/news-sitemap.xml", "/sitemap.xml.gz")
_USUAL_FEEDS = ("/feed", "/rss", "/feed.xml", "/rss.xml", "/atom.xml", "/index.xml", "/feed.json")
_FEED_LINK = re.compile(
    r"/(?:[^/]*(?:rss|atom|feed)[^/]*\.(?:xml|rdf|json)|[^/]+\.(?:rss|atom|rdf)|(?:rss|feeds?|atom)(?:\.xml)?)/?$",
    re.IGNORECASE,
)
_MOST_FEEDS = 50
_COMMENTS = re.compile(r"comment|kommentar", re.IGNORECASE)

# the pages of a list: by number in the path or a parameter, or by what their links say
_PAGER = re.compile(r"(?P<list>.*?)/(?:page|seite|pagina|pagine?|p)[/-]?(?P<number>\d{1,5})/?$", re.IGNORECASE)
_PAGERS = frozenset({"page", "paged", "pg", "seite", "pagina", "pageno", "page_number", "start", "offset", "from"})
_OLDER = re.compile(
    r"(?:[«‹<←]\s*)?(?:older(?: (?:posts|entries|articles|stories))?|next(?: page)?|more stories"
    r"|ältere (?:beiträge|artikel|einträge)|weiter|nächste(?: seite)?|(?:page )?suivante?|articles plus anciens"
    r"|siguientes?|(?:página )?siguiente|entradas antiguas|próxima(?: página)?|successiv[aoi]|volgende(?: pagina)?"
    r"|næste|nästa|neste|следующая|далее|下一页|次へ)(?:\s*[»›>→])?|[»›→]",
    re.IGNORECASE,
)


class Followed(NamedTuple):
    """The links of a page worth following, in page order; the rest leads off the site or to nothing to read. ``next`` is where
    a list of articles goes on."""

    articles: list[Link]
    sections: list[Link]
    next: str | None = None


def classify_links(links: Sequence[Link], page_url: str) -> Followed:
    """Tell likely articles from likely sections among a page's links to its own site, by address and anchor text.

    One site is one registered domain (https://publicsuffix.org), or one host and port where there is none. A guess: only
    extraction knows what a page is.
    """
    home = urlsplit(page_url)
    place, here = _number(home) or _first_page(home)
    site, articles, sections, numbered, named = _site(home), list[Link](), list[Link](), list[tuple[int, str]](), list[str]()
    for link in links:
        parts = _page_of(link["url"], site)
        if parts is None or _address(parts) == _address(home):
            continue
        number = _number(parts)
        if number and number[0] == place:
            numbered.append((number[1], link["url"]))
        elif is_article(parts, link["text"]):
            articles.append(link)
        elif number is None and _turns(link):
            named.append(link["url"])
        else:
            sections.append(link)
    above = min((page for page in numbered if page[0] > here), default=None)
    return Followed(articles, sections, above[1] if above else None if numbered else next(iter(named), None))


def _turns(link: Link) -> bool:
    return "next" in (link["rel"] or "").split() or bool(_OLDER.fullmatch((link["text"] or "").strip()))


def _number(parts: SplitResult) -> tuple[str, int] | None:
    """The list that an address is a page of, and the number in it; None if it has no number."""
    if match := _PAGER.fullmatch(unquote(parts.path)):
        return f"{parts.netloc}{match['list']}?{parts.query}", int(match["number"])
    pairs = parse_qsl(parts.query[:500], keep_blank_values=True)
    name, number = next(((name, value) for name, value in pairs if name.lower() in _PAGERS and value.isdecimal()), ("", ""))
    if not name:
        return None
    rest = "&".join(f"{other}={value}" for other, value in pairs if other != name)
    return f"{parts.netloc}{parts.path.rstrip('/')}?{rest}", int(number[:9])


def _first_page(parts: SplitResult) -> tuple[str, int]:
    return f"{parts.netloc}{parts.path.rstrip('/')}?{parts.query}", 1


def _page_of(url: str, site: str) -> SplitResult | None:
    """The parts of an address that may be a page of ``site`` to read."""
    try:
        parts = urlsplit(url)
        same = parts.scheme in _PORTS and len(url) <= MAX_URL and _site(parts) == site
    except ValueError:
        return None
    return parts if same and not leads_nowhere(parts) else None


def _site(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")
    return host_parts(host).registered_domain or f"{host}:{parts.port or _PORTS.get(parts.scheme)}"


def _address(parts: SplitResult) -> tuple[str, str, str]:
    return parts.netloc, parts.path or "/", parts.query


def well_known(front_page: str) -> dict[str, list[str]]:
    """The usual addresses of sitemaps and feeds (keys ``sitemap`` and ``feed``), for a site that announces none."""
    places = {"sitemap": _USUAL_SITEMAPS, "feed": _USUAL_FEEDS}
    return {kind: [urljoin(front_page, place) for place in usual] for kind, usual in places.items()}


def feed_links(links: Iterable[Link], page_url: str) -> list[str]:
    """The links of a page that look like feeds of its own site, comments apart: many sites name feeds nowhere else."""
    home = _site(urlsplit(page_url))
    found = (link["url"] for link in links if _is_feed(link["url"], home))
    return [url for url in dict.fromkeys(found) if not _COMMENTS.search(url)][:_MOST_FEEDS]


def _is_feed(url: str, site: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(_FEED_LINK.search(parts.path)) and _site(parts) == site
    except ValueError:
        return False
