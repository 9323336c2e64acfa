"""RSS, Atom, sitemaps and robots.txt of the newsroom."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from email.utils import format_datetime
from html import escape

from .content import Story

Address = Callable[[str], str]
_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SITEMAP = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
_NEWS = 'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'


def rss(title: str, address: Address, stories: Iterable[Story]) -> str:
    items = "\n".join(
        f"""<item><title>{escape(story.headline)}</title><link>{address(story.path)}</link>
<guid isPermaLink="true">{address(story.path)}</guid><pubDate>{_rfc822(story.published)}</pubDate>
{"".join(f"<dc:creator>{escape(name)}</dc:creator>" for name in story.authors)}
<category>{escape(story.label or story.section)}</category><description>{escape(story.summary)}</description></item>"""
        for story in stories
    )
    return (
        f'{_XML}<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom">'
        f"<channel><title>{escape(title)}</title><link>{address('/')}</link><description>News</description>\n"
        f'<atom:link href="{address("/rss.xml")}" rel="self" type="application/rss+xml"/>\n{items}\n</channel></rss>'
    )


def atom(title: str, address: Address, stories: Iterable[Story]) -> str:
    stories = list(stories)
    entries = "\n".join(
        f"""<entry xml:lang="{story.lang}"><title>{escape(story.headline)}</title><id>{address(story.path)}</id>
<link rel="alternate" type="text/html" href="{address(story.path)}"/>
<published>{story.published}</published><updated>{story.modified or story.published}</updated>
{"".join(f"<author><name>{escape(name)}</name></author>" for name in story.authors)}
<summary>{escape(story.summary)}</summary></entry>"""
        for story in stories
    )
    updated = max((story.modified or story.published for story in stories), default="")
    return (
        f'{_XML}<feed xmlns="http://www.w3.org/2005/Atom"><title>{escape(title)}</title><id>{address("/")}</id>'
        f'<updated>{updated}</updated><link rel="self" href="{address("/feed.atom")}"/>\n{entries}\n</feed>'
    )


def sitemap_index(addresses: Iterable[str]) -> str:
    rows = "\n".join(f"<sitemap><loc>{escape(url)}</loc></sitemap>" for url in addresses)
    return f"{_XML}<sitemapindex {_SITEMAP}>\n{rows}\n</sitemapindex>"


def sitemap(address: Address, stories: Iterable[Story], others: Iterable[str] = ()) -> str:
    """An ordinary sitemap; ``others`` are paths without a date, such as old addresses that redirect."""
    rows = [f"<url><loc>{escape(address(path))}</loc></url>" for path in others]
    rows += [
        f"<url><loc>{address(story.path)}</loc><lastmod>{story.modified or story.published}</lastmod></url>"
        for story in stories
    ]
    joined = "\n".join(rows).replace("<lastmod></lastmod>", "")
    return f"{_XML}<urlset {_SITEMAP}>\n{joined}\n</urlset>"


def news_sitemap(title: str, address: Address, stories: Iterable[Story]) -> str:
    """A Google News sitemap: publication name and language, date, title."""
    rows = "\n".join(
        f"""<url><loc>{address(story.path)}</loc><news:news>
<news:publication><news:name>{escape(title)}</news:name><news:language>{story.lang}</news:language></news:publication>
<news:publication_date>{story.published}</news:publication_date><news:title>{escape(story.headline)}</news:title>
<news:keywords>{escape(", ".join(story.tags))}</news:keywords></news:news></url>"""
        for story in stories
    )
    return f"{_XML}<urlset {_SITEMAP} {_NEWS}>\n{rows}\n</urlset>"


def robots(crawl_delay: float | None, sitemaps: Iterable[str]) -> str:
    lines = ["User-agent: *", "Disallow: /private/", "Disallow: /*?print="]
    lines += [f"Crawl-delay: {crawl_delay}"] if crawl_delay else []
    lines += ["", "User-agent: GreedyBot", "Disallow: /", ""]
    return "\n".join([*lines, *(f"Sitemap: {url}" for url in sitemaps)]) + "\n"


def _rfc822(published: str) -> str:
    return format_datetime(datetime.fromisoformat(published))
