"""Sitemaps, sitemap indexes, Google News sitemaps, plain lists of addresses, and what robots.txt says of them."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from .document import CHUNK, Record, XmlReader, looks_like_html
from .entry import Entry, clean_language, clean_title, http_url, parse_date
from .feeds import parse_feed

MAX_SITEMAP = 60_000_000
_GZIP = b"\x1f\x8b"
_SLICE = 8_192  # zlib copies what it leaves of its input: short slices keep many small members cheap
_FEED = re.compile(rb"<(?:rss|feed|rdf:rdf)\b", re.IGNORECASE)
_KINDS = frozenset({"url", "sitemap"})
_WANTED = frozenset({"loc", "lastmod", "news/title", "news/publication_date", "publication/language", "news/language"})


@dataclass(slots=True)
class Sitemap:
    """What a sitemap names: addresses of pages, and of further sitemaps (``modified`` is their lastmod)."""

    entries: list[Entry] = field(default_factory=list)
    sitemaps: list[Entry] = field(default_factory=list)


def parse_sitemap(body: bytes, url: str) -> Sitemap:
    """Read a sitemap of any form: urlset, sitemapindex, text, feed (https://www.sitemaps.org/protocol.html), also gzipped.

    Fields of Google News are kept (https://developers.google.com/search/docs/crawling-indexing/sitemaps/news-sitemap).
    Namespaces do not matter, and a document that breaks off gives its complete entries. Raises ValueError, which says why
    nothing can be read: HTML, another kind of XML, no text, or more than ``MAX_SITEMAP`` bytes.
    """
    chunks = _bounded(_inflated(body) if body.startswith(_GZIP) else _cut(body))
    head = next((chunk for chunk in chunks if chunk.strip()), b"")
    if not head:
        raise ValueError("the sitemap is empty")
    if looks_like_html(head):
        raise ValueError("an HTML page instead of a sitemap")
    whole = chain([head], chunks)
    if _FEED.search(head, 0, 4096):
        return Sitemap(parse_feed(b"".join(whole), url))
    return _read_xml(whole, url) if b"<" in head[:4096] else _read_text(b"".join(whole), url)


def robots_sitemaps(named: Iterable[str], url: str) -> list[str]:
    """The sitemaps that a robots.txt names (https://www.sitemaps.org/protocol.html#submit_robots), absolute, each once.

    ``url`` is the robots.txt itself: some sites give relative addresses.
    """
    found = (http_url(sitemap, url) for sitemap in named)
    return list(dict.fromkeys(sitemap for sitemap in found if sitemap))


def _cut(body: bytes) -> Iterator[bytes]:
    return (body[at : at + CHUNK] for at in range(0, len(body), CHUNK))


def _inflated(body: bytes) -> Iterator[bytes]:
    """The content of the gzip members in ``body`` (RFC 1952), piece by piece; what is torn or foreign ends it."""
    member = zlib.decompressobj(zlib.MAX_WBITS | 16)
    for at in range(0, len(body), _SLICE):
        rest = body[at : at + _SLICE]
        while rest:
            if member.eof:
                member = zlib.decompressobj(zlib.MAX_WBITS | 16)
            try:
                yield member.decompress(rest, CHUNK)
            except zlib.error:
                return
            rest = member.unused_data if member.eof else member.unconsumed_tail
    yield member.flush()


def _bounded(chunks: Iterator[bytes]) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > MAX_SITEMAP:
            raise ValueError(f"the sitemap has more than {MAX_SITEMAP:,} bytes")
        yield chunk


def _read_xml(chunks: Iterator[bytes], url: str) -> Sitemap:
    found, reader = Sitemap(), XmlReader(_KINDS, _WANTED)
    for record in reader.records(chunks):
        if entry := _entry(record, url):
            (found.sitemaps if record.name == "sitemap" else found.entries).append(entry)
    _check_root(reader.root)
    return found


def _check_root(root: str | None) -> None:
    if root is None:
        raise ValueError("no XML that could be read")
    if root == "html":
        raise ValueError("an HTML page instead of a sitemap")
    if root not in {"urlset", "sitemapindex"}:
        raise ValueError(f"the root element is <{root[:40]}>, not <urlset> or <sitemapindex>")


def _entry(record: Record, sitemap_url: str) -> Entry | None:
    if not (url := http_url(record.text("loc"), sitemap_url)):
        return None
    modified = parse_date(record.text("lastmod"))
    if "news/title" not in record.fields and "news/publication_date" not in record.fields:
        return Entry(url, modified=modified, source="sitemap")
    return Entry(
        url,
        title=clean_title(record.text("news/title")),
        published=parse_date(record.text("news/publication_date")),
        modified=modified,
        language=clean_language(record.text("publication/language", "news/language")),
        source="news_sitemap",
    )


def _read_text(body: bytes, url: str) -> Sitemap:
    """One address a line (https://www.sitemaps.org/protocol.html#otherformats)."""
    lines = body.decode("utf-8-sig", "replace").split()
    found = [Entry(address, source="sitemap") for line in lines if line.startswith("http") and (address := http_url(line, url))]
    if not found:
        raise ValueError("neither XML nor a list of addresses")
    return Sitemap(found)
