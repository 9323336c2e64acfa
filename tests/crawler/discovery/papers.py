"""Made-up papers for discovery, as replies of ``tests.wire.server.RawServer``: articles, lists, feeds and sitemaps."""

from collections.abc import Iterable
from datetime import date, datetime
from html import escape

from tests.wire.server import Reply

WORDS = "The ferry called at pier {0} before noon, and {1} passengers went ashore with their bicycles and {2} crates of apples."


def reply(body: bytes | str, media: str = "text/html", status: str = "200 OK", more: str = "") -> Reply:
    sent = body.encode() if isinstance(body, str) else body
    head = f"HTTP/1.1 {status}\r\nContent-Type: {media}\r\n{more}Content-Length: {len(sent)}\r\n\r\n"
    return Reply((head.encode() + sent,))


def xml(body: str) -> Reply:
    return reply(body, "application/xml")


def moved(where: str) -> Reply:
    return reply("", status="301 Moved Permanently", more=f"Location: {where}\r\n")


def article(number: int, published: date | None = None, head: str = "", body: str = "") -> Reply:
    """A page of some 180 words, different for each number."""
    dated = f'<meta property="article:published_time" content="{published.isoformat()}T09:00:00Z">' if published else ""
    lines = "".join(f"<p>{WORDS.format(number + n, number * 7 + n, n + 2)}</p>" for n in range(9))
    title = f"Ferry number {number} runs again"
    return reply(
        f'<html lang="en"><head><title>{title}</title><meta property="og:type" content="article">{dated}{head}</head>'
        f"<body><article><h1>{title}</h1>{lines}</article>{body}</body></html>"
    )


def listing(title: str, links: Iterable[tuple[str, str]], head: str = "") -> Reply:
    """A front, section or archive page: addresses and the texts of their links."""
    rows = "".join(f'<li><a href="{escape(url)}">{escape(text)}</a></li>' for url, text in links)
    return reply(f"<html><head><title>{title}</title>{head}</head><body><h1>{title}</h1><ul>{rows}</ul></body></html>")


def robots(text: str = "", *sitemaps: str) -> Reply:
    return reply("User-agent: *\n" + text + "".join(f"Sitemap: {url}\n" for url in sitemaps), "text/plain")


def urlset(*rows: str) -> Reply:
    return xml(f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{"".join(rows)}</urlset>')


def url_row(url: str, lastmod: date | datetime | None = None, more: str = "") -> str:
    return f"<url><loc>{escape(url)}</loc>{f'<lastmod>{lastmod.isoformat()}</lastmod>' if lastmod else ''}{more}</url>"


def index(*rows: tuple[str, date | None]) -> Reply:
    named = (
        f"<sitemap><loc>{escape(url)}</loc>{f'<lastmod>{lastmod}</lastmod>' if lastmod else ''}</sitemap>"
        for url, lastmod in rows
    )
    return xml(f"<sitemapindex>{''.join(named)}</sitemapindex>")


def rss(*urls: str, head: str = "", dated: str = "") -> Reply:
    items = "".join(f"<item><title>News</title><link>{escape(url)}</link>{dated}</item>" for url in urls)
    return xml(f'<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel>{head}{items}</channel></rss>')
