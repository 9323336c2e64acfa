"""Sitemaps, sitemap indexes, Google News sitemaps, plain lists of addresses, and what robots.txt says of them."""

from __future__ import annotations

import asyncio
import codecs
import re
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from .document import CHUNK, Record, XmlReader, looks_like_html
from .entry import Entry, Unusable, clean_language, clean_title, http_url, parse_date, split_keywords, unusable
from .feeds import parse_feed

MAX_SITEMAP = 60_000_000
_GZIP = b"\x1f\x8b"
_PART = 200  # entries that are in memory at once
_LAYERS = 3
_SLICE = 8_192  # zlib copies what it leaves of its input: short slices keep many small members cheap
_LONGEST_PIECE = 2 * CHUNK  # of a text: an endless line is no address
_FEED = re.compile(rb"<(?:rss|feed|rdf:rdf)\b", re.IGNORECASE)
_KINDS = frozenset({"url", "sitemap"})
_NEWS = ("news/title", "news/publication_date", "news/keywords")
_WANTED = frozenset({"loc", "lastmod", *_NEWS, "publication/language", "news/language", "image/loc", "link"})


@dataclass(frozen=True, slots=True)
class Nested:
    """A further sitemap that an index names; ``modified`` is its lastmod."""

    url: str
    modified: datetime | None = None


Item = Entry | Nested | Unusable


def read_sitemap(body: bytes, url: str) -> Iterator[Item]:
    """Read a sitemap of any form: urlset, sitemapindex, text, feed (https://www.sitemaps.org/protocol.html), also gzipped.

    Entries come while the document is being read: memory does not grow with it. Fields of Google News, pictures and pages in
    other languages are kept (https://developers.google.com/search/docs/crawling-indexing/sitemaps/news-sitemap). Namespaces do
    not matter, and a document that breaks off gives its complete entries. Raises ValueError, which says why nothing can be
    read, or nothing more: HTML, another kind of XML, no text, or more than ``MAX_SITEMAP`` bytes.
    """
    chunks = _bounded(_unpacked(body))
    head = next((chunk for chunk in chunks if chunk.strip()), b"")
    if not head:
        raise ValueError("the sitemap is empty")
    if looks_like_html(head):
        raise ValueError("an HTML page instead of a sitemap")
    whole = chain([head], chunks)
    if _FEED.search(head, 0, 4096):
        feed = parse_feed(b"".join(whole), url)
        yield from chain(feed.entries, feed.unusable)
    elif b"<" in head[:4096]:
        yield from _read_xml(whole, url)
    else:
        yield from _read_text(whole, url)


async def parts(items: Iterator[Item]) -> AsyncIterator[list[Item]]:
    """The items of a sitemap part by part, each read in a thread. Raises ValueError where nothing more can be read."""
    broken = None
    while broken is None:
        part, broken = await asyncio.to_thread(_part, items)
        if part:
            yield part
        elif broken is None:
            return
    raise broken


def _part(items: Iterator[Item]) -> tuple[list[Item], ValueError | None]:
    """Some more items, and why there are no more, if the sitemap is broken; of an index all, since only together they tell
    whether their numbers are years."""
    part: list[Item] = []
    pages = 0
    try:
        for item in items:
            part.append(item)
            pages += not isinstance(item, Nested)
            if pages >= _PART:
                break
    except ValueError as error:
        return part, error
    return part, None


def robots_sitemaps(named: Iterable[str], url: str) -> list[str]:
    """The sitemaps that a robots.txt names (https://www.sitemaps.org/protocol.html#submit_robots), absolute, each once.

    ``url`` is the robots.txt itself: some sites give relative addresses.
    """
    found = (http_url(sitemap, url) for sitemap in named)
    return list(dict.fromkeys(sitemap for sitemap in found if sitemap))


def _unpacked(body: bytes) -> Iterator[bytes]:
    """``body`` piece by piece, gzip undone: servers pack what is packed already."""
    chunks: Iterator[bytes] = (body[at : at + _SLICE] for at in range(0, len(body), _SLICE))
    for _ in range(_LAYERS):
        head = next(filter(None, chunks), b"")
        chunks = chain([head], chunks)
        if not head.startswith(_GZIP):
            break
        chunks = _inflated(chunks)
    return chunks


def _inflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The content of gzip members (RFC 1952), piece by piece; what is torn or foreign ends it."""
    member = zlib.decompressobj(zlib.MAX_WBITS | 16)
    for chunk in chunks:
        rest = chunk
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


def _read_xml(chunks: Iterator[bytes], url: str) -> Iterator[Item]:
    reader = XmlReader(_KINDS, _WANTED)
    for record in reader.records(chunks):
        _check_root(reader.root)
        yield from _items(record, url)
    _check_root(reader.root)


def _check_root(root: str | None) -> None:
    if root is None:
        raise ValueError("no XML that could be read")
    if root == "html":
        raise ValueError("an HTML page instead of a sitemap")
    if root not in {"urlset", "sitemapindex"}:
        raise ValueError(f"the root element is <{root[:40]}>, not <urlset> or <sitemapindex>")


def _items(record: Record, sitemap_url: str) -> Iterator[Item]:
    """What one element names: a page and its forms in other languages, or a sitemap."""
    if not (url := http_url(record.text("loc"), sitemap_url)):
        yield unusable(record.text("loc"))
        return
    modified = parse_date(record.text("lastmod"))
    if record.name == "sitemap":
        yield Nested(url, modified)
        return
    alternates = {other: language for other, language in _alternates(record, sitemap_url) if other != url}
    yield _entry(record, url, modified)
    for other, language in alternates.items():
        yield Entry(other, modified=modified, language=language, alternate=True, source="sitemap")


def _entry(record: Record, url: str, modified: datetime | None) -> Entry:
    images = len(record.fields.get("image/loc", ()))
    if not any(name in record.fields for name in _NEWS):
        return Entry(url, modified=modified, images=images, source="sitemap")
    return Entry(
        url,
        title=clean_title(record.text("news/title")),
        published=parse_date(record.text("news/publication_date")),
        modified=modified,
        language=clean_language(record.text("publication/language", "news/language")),
        keywords=split_keywords(record.text("news/keywords")),
        images=images,
        source="news_sitemap",
    )


def _alternates(record: Record, sitemap_url: str) -> Iterator[tuple[str, str | None]]:
    """The same article in other languages (https://developers.google.com/search/docs/specialty/international)."""
    for link in record.fields.get("link", ()):
        said = link.attributes
        if (
            said.get("rel") == "alternate"
            and (tag := said.get("hreflang"))
            and (url := http_url(said.get("href"), sitemap_url))
        ):
            yield url, clean_language(tag) if tag != "x-default" else None


def _read_text(chunks: Iterator[bytes], url: str) -> Iterator[Item]:
    """One address a line (https://www.sitemaps.org/protocol.html#otherformats)."""
    found = False
    for line in _lines(chunks):
        if line.startswith("http") and (address := http_url(line, url)):
            found = True
            yield Entry(address, source="sitemap")
        elif ":" in line:
            yield unusable(line)
    if not found:
        raise ValueError("neither XML nor a list of addresses")


def _lines(chunks: Iterator[bytes]) -> Iterator[str]:
    rest = ""
    for text in codecs.iterdecode(chunks, "utf-8-sig", "replace"):
        *lines, rest = re.split(r"\s+", (rest + text)[-_LONGEST_PIECE:])
        yield from filter(None, lines)
    if rest:
        yield rest
