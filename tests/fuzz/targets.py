"""The parsers, each with the inputs it is given and what it may raise for them."""

from __future__ import annotations

import gzip
import json
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import brotli
from hypothesis import strategies as st

from archive import foreign, reader, rights, tdmrep
from archive.canonical import normalize_url
from archive.cdxj import Entry, Index
from archive.cdxj_lines import index_lines
from archive.http import content, dechunk, entity_body, parse_head, playable, redact, split_interim
from archive.markup import unicode_of
from archive.player import _span
from archive.recovery import whole_members
from archive.request_key import body_query, with_body
from archive.requisites import of_css, read, srcset
from archive.robots_txt import RobotsTxt, usage_of
from archive.text import count_folded, fold, simhash_folded
from archive.url import host_parts, site_key, surt, without_secrets
from archive.wacz import WaczError, check, open_wacz
from crawler.arguments import ArgumentError, NewsArguments
from crawler.discovery import dates as periods
from crawler.discovery.entry import clean_language, clean_title, http_url, parse_date
from crawler.discovery.feeds import parse_feed
from crawler.discovery.links import classify_links, feed_links
from crawler.discovery.shape import chance, pattern
from crawler.discovery.sitemaps import read_sitemap, robots_sitemaps
from crawler.discovery.traps import excluded
from crawler.discovery.twins import plain_form
from crawler.guard import is_public, plain_address, written_address
from crawler.pace import retry_after
from crawler.plain_log import plain
from crawler.robots_rules import RobotsRules
from pipelines import dates, dump, jsonld
from pipelines.blocked import obstacle, obstacle_in
from pipelines.extract import extract
from pipelines.paging import numbered
from pipelines.titles import without_site
from tests.archive.foreign_files import STYLES, arc_bytes, wacz
from tests.fuzz.mutants import mutants, texts
from tests.newsroom.hostile import pages
from tests.newsroom.site import Site
from tests.zstandard import zstd

URL = "http://news.example/2024/05/06/a-story-about-ferries"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
ANSWERS = [
    HEAD + b"Content-Length: 5\r\n\r\nhello",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + HEAD + b"X-Folded: a\r\n b\r\n\r\n",
    b"GET http://u:p@a.example/ HTTP/1.1\r\nHost: a.example\r\nCookie: a=b\r\nAuthorization: Basic eA==\r\n\r\n",
]
CODINGS = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress, "zstd": zstd.compress}
TOKENS = [b"HTTP/1.1 ", b"100 ", b"Content-Length: ", b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: gzip, br\r\n", b"\r\n\r\n", b"0\r\n\r\n", b"ffffffffff\r\n"]  # fmt: skip
TAGS = [b"<p>", b"</p>", b"<article>", b"<h1>", b"<table>", b"<td>", b"<svg>", b"<style>", b"<script type='application/ld+json'>", b"</script>", b"<!--", b"-->", b"<a href=", b"<img srcset='", b"<base href='", b"<time datetime='", b"<meta charset=", b"utf-16", b"<template>", b"<select>", b"<noscript>", b"<![CDATA[", b"&#x0;", b"&#99999999;", b"style='display:none'", b"hidden", b"By ", b"2024-05-06", b"<li>", b"<blockquote>", b"<pre>"]  # fmt: skip
XML = [b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&b;", b"<item>", b"</item>", b"<loc>", b"<url>", b"<link>", b"<![CDATA[", b"]]>", b"xml:base='", b"xmlns:a='", b"<?xml encoding='utf-16'?>", b"<news:publication_date>", b"http://a.example/"]  # fmt: skip


@dataclass(frozen=True)
class Target:
    """``check`` is called with what ``inputs`` draws, and may raise ``allowed``."""

    inputs: st.SearchStrategy[Any]
    check: Callable[[Any], object]
    allowed: tuple[type[Exception], ...] = ()


@contextmanager
def file_of(data: bytes, name: str = "a.warc.gz") -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="fuzz") as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        yield path


def message(raw: bytes) -> None:
    interim, final = split_interim(raw)
    assert interim + final == raw
    head, body = parse_head(final), entity_body(final)
    assert body is None or len(body) <= len(raw)
    dechunk(raw)
    if head:
        playable(final, head)
    stored, blanked = redact(raw)
    assert blanked or stored == raw
    obstacle_in(final)
    with suppress(ValueError):
        assert len(content(final, 1_000)) <= 1_000


def coded(drawn: tuple[bytes, str, str]) -> None:
    body, first, second = drawn
    packed = CODINGS[first](body)
    for data in (body, packed, packed[: len(body) // 2]):
        raw = HEAD + b"Content-Encoding: %s, %s\r\n\r\n" % (second.encode(), first.encode()) + data
        with suppress(ValueError):
            assert len(content(raw, 5_000)) <= 5_000


def archive_file(data: bytes) -> None:
    with file_of(data) as path:
        offset = -1
        for item in foreign.read_records(path):
            assert item.offset > offset
            offset = item.offset
            if isinstance(item, reader.Record):
                assert item.offset + item.length <= len(data)
                foreign.digest_faults(item)
                foreign.is_capture(item)


def captured(data: bytes) -> None:
    with file_of(data) as path:
        records = (one for one in foreign.read_records(path) if isinstance(one, reader.Record))
        list(reader.captures_of(records, path.name, foreign.is_capture))
        for line in index_lines(path):
            Entry.parse(line)


def own_file(data: bytes) -> None:
    with file_of(data) as path:
        assert 0 <= whole_members(path) <= len(data)
        for record in reader.read_records(path):
            reader.digest_faults(record)


def package(data: bytes) -> None:
    with file_of(data, "a.wacz") as path:
        with suppress(foreign.NoArchiveError):
            list(foreign.read_records(path))
        check(path)
        with open_wacz(path) as opened:
            list(opened.pages())


def index(data: bytes) -> None:
    with file_of(data, "index.cdxj") as path, Index(path) as opened:
        with suppress(ValueError):
            list(opened)
        opened.nearest(URL, "20240506")


def robots(body: bytes) -> None:
    rules = RobotsRules(body)
    rules.allowed(URL + "?a=b", "Broadsheet/1.0 (+a@b.org)")
    rules.crawl_delay("broadsheet")
    robots_sitemaps(rules.sitemaps, URL)


def reservations(drawn: tuple[bytes, str]) -> None:
    body, field = drawn
    tdmrep.rule_for(tdmrep.rules_of(body), "/2024/05/06/a?b=c")
    usage_of(RobotsTxt(body).group("broadsheet"), "/2024/05/06/a?b=c")
    found = rights.of_fields(dict.fromkeys(rights.FIELDS, field), URL)
    str(found).encode("utf-8", "surrogatepass")
    list(rights.directives(field))
    rights.usage(field)


def address(text: str) -> None:
    surt(text)
    found = normalize_url(text)
    assert found is None or normalize_url(found) == found, (text, found)
    links: list[Any] = [{"url": text, "text": text, "rel": None}, {"url": found or text, "text": None, "rel": "next"}]
    classify_links(links, URL)
    feed_links(links, URL)
    http_url(text, URL)
    host_parts(text)
    if written := written_address(text):
        is_public(plain_address(written))


def found_address(text: str) -> None:
    """What is asked of an address that was found, and so is in canonical form."""
    if (url := normalize_url(text)) is None:
        return
    for ask in (
        periods.named_period,
        periods.archive_period,
        periods.article_period,
        excluded,
        plain_form,
        chance,
        pattern,
        numbered,
    ):
        ask(url)


def secret(text: str) -> None:
    assert "@" not in urlsplit(without_secrets(text)).netloc
    site_key(text)


def linked_data(text: str) -> None:
    found = jsonld.nodes([text, text])
    main = jsonld.main_article(found, URL)
    for node in (*found, main):
        jsonld.types(node)
        for value in node.values():
            jsonld.string(value)


def date(text: str) -> None:
    dates.parse(text)
    dates.from_url(text)
    parse_date(text)
    retry_after({"Retry-After": text.encode("utf-8", "replace")})


def page(drawn: tuple[bytes, str | None]) -> None:
    html, content_type = drawn
    found = extract(html, URL, content_type=content_type, headers={"x-robots-tag": "noarchive"}, requisites=True)
    assert found.verdict in ("article", "not_article", "blocked")
    json.dumps([found.links, found.article.authors if found.article else None])  # what cannot be written is no result
    str(found.article).encode("utf-8")


def wall(text: str) -> None:
    obstacle(503, {"cf-mitigated": text[:20]}, text)
    obstacle(200, {}, text, 20, claims_article=True)


def sheet(text: str) -> None:
    for one in of_css(text, URL):
        assert one.url.startswith("http")
    srcset(text)


def part(drawn: tuple[bytes, str | None]) -> None:
    body, content_type = drawn
    for one in read(body, URL, content_type):
        assert one.url.startswith("http")
    unicode_of(body, content_type)


def body_of_request(drawn: tuple[bytes, str]) -> None:
    body, content_type = drawn
    assert len(with_body(URL, "POST", body_query(content_type, body))) < 5_000


def words(text: str) -> None:
    folded = fold(text)
    count_folded(folded)
    simhash_folded(folded)
    without_site(text, [text[:20], "News"])
    clean_title(text)
    clean_language(text)
    assert "\x1b" not in plain(text)
    assert all(line.startswith("    ") for line in plain(text).splitlines()[1:])


def given(drawn: dict[str, str]) -> None:
    NewsArguments.parse(drawn)


@cache
def archives() -> dict[str, bytes]:
    """Archive files by the program that writes such, and a package of our own reader's."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = {style: make(folder / f"{number}").read_bytes() for number, (style, make) in enumerate(STYLES.items())}
        made["wacz"] = wacz(folder / "b.wacz").read_bytes()
    return made | {"arc": arc_bytes(packed=False), "arc 2": arc_bytes(packed=False, second_version=True)}


def plain_archives() -> list[bytes]:
    """The same unpacked: what a mutation changes is not lost in a checksum."""
    return [gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data for data in archives().values() if data[:2] != b"PK"]


@cache
def articles() -> list[bytes]:
    """Pages of both newsrooms, the small ones."""
    site = Site(1)
    honest = [site.routes[place](1).body for place in list(site.routes)[:60]]
    hostile = [piece for case in pages.CASES for piece in case.replies[case.entry].pieces if isinstance(piece, bytes)]
    return [body for body in (*honest, *hostile) if b"<" in body and len(body) < 40_000]


def feeds() -> list[bytes]:
    site = Site(1)
    kinds = ("rss", "atom", "sitemap", "feed")
    found = [route(1).body for (_, path), route in site.routes.items() if any(kind in path for kind in kinds)]
    return [*(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body for body in found), JSON_FEED, URLSET]


JSON_FEED = b'{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": "1", "url": "/a", "title": "t", "date_published": "2024-05-06T07:08:09Z"}]}'  # fmt: skip
URLSET = b'<urlset xmlns:news="n"><url><loc>http://news.example/a</loc><news:news><news:publication_date>2024-05-06</news:publication_date></news:news></url></urlset>'  # fmt: skip
ROBOTS = [
    b"User-agent: *\nDisallow: /a*b$\nAllow: /\nCrawl-delay: 5\nSitemap: /s.xml\n",
    b"\xef\xbb\xbfuser agent broadsheet\r\ndissallow /x\r",
]
ADDRESSES = [URL, "https://user:word@[::ffff:127.0.0.1]:8080/a/../b;c?d=e&f#g", "//a.example/%25%32%35?PHPSESSID=0123456789abcdef0123456789abcdef", "http://0x7f.1./", "http://bücher.example:80/é", "urn:uuid:1", "http://a.example/(S(0123456789abcdefghijklmn))/a.aspx"]  # fmt: skip
DATES = ["2024-05-06T07:08:09.123+02:00", "Mon, 06 May 2024 07:08:09 GMT", "6 May 2024, 7:08 p.m.", "May 6th, 2024", "20240506T070809Z", "/2024/05/06/", "120", "2024-05"]  # fmt: skip
LD = ['{"@context": "https://schema.org", "@graph": [{"@type": ["NewsArticle"], "@id": "a", "headline": "x", "author": [{"name": "A"}], "datePublished": "2024-05-06"}]}', "<!-- {'a': 1,} -->"]  # fmt: skip
RESERVED = [
    b'[{"location": "/a*$", "tdm-reservation": 1, "tdm-policy": "http://a.example/p"}]',
    b"User-agent: *\nContent-Usage: /a*b$ train-ai=n, search=y\nAllow: /\n",
]
FIELDS = [
    "noindex, broadsheet: noarchive, unavailable_after: 25 Jun 2010 15:00:00 PST",
    "train-ai=n, search=y;a=b",
    "1",
    "max-snippet:5",
]
DUMPS = [
    "icon bookmark-bicon bookmarkicon camera 6 Oct, 2023 14:42 The ferry runs again Two ships are back The ferry runs again. It called at noon, and 9 people went ashore."
]
CSS = ["@import url('a.css') screen; a{background:url(\"b.png\")} b{src:url(c.woff2) format('woff2'), image-set('d.png' 1x, url(e.png) type('image/png') 2x)}", "a.png 1x, b.png 2x, (c) 300w"]  # fmt: skip
CSS_TOKENS = ["@import ", "url(", "image-set(", "\\61 ", "/*", "*/", "type("]
INDEX = b'com,example,news)/a 20240506070809 {"url": "http://news.example/a", "status": "200", "offset": "1", "length": "2", "filename": "a.warc.gz"}\n' * 3  # fmt: skip
BODIES = [
    b"a=b&c=%20",
    b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\nc\r\n--x--\r\n',
    b'{"a": [1, {"b": null}]}\n{"a": 2}',
]
TYPES = [
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json",
    "text/plain",
    "application/x-amf",
]
CHARSETS = [None, "text/html", "text/html; charset=utf-16", "text/html; charset=utf-7", "text/html; charset=zlib", "text/html; charset=iso-2022-jp", "text/css; charset=idna", "text/html; charset=unicode_escape", "text/html; charset=\0"]  # fmt: skip
WARC = [b"WARC/1.1\r\n", b"WARC-Type: response\r\n", b"WARC-Type: revisit\r\n", b"WARC-Date: ", b"Content-Length: ", b"WARC-Target-URI: ", b"WARC-Refers-To-Date: 0001-01-01", b"\x1f\x8b\x08", b"filedesc://", b" 20240506070809 "]  # fmt: skip

TARGETS: dict[str, Target] = {
    "HTTP messages": Target(mutants(ANSWERS, TOKENS), message),
    "content codings": Target(st.tuples(mutants(ANSWERS), st.sampled_from(list(CODINGS)), st.sampled_from([*CODINGS, "x"])), coded),
    "WARC and ARC": Target(mutants(plain_archives(), WARC), archive_file, (foreign.NoArchiveError,)),
    "packed WARC": Target(mutants(list(archives().values()), WARC), archive_file, (foreign.NoArchiveError,)),
    "captures and index lines": Target(mutants(plain_archives(), WARC), captured, (foreign.NoArchiveError,)),
    "own WARC files": Target(mutants(plain_archives() + list(archives().values()), WARC).flatmap(lambda raw: st.sampled_from([raw, gzip.compress(raw)])), own_file, (reader.RecordError,)),
    "WACZ": Target(mutants([archives()["wacz"]], [b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"]), package, (WaczError,)),
    "CDXJ": Target(mutants([INDEX], [b"com,example)/ ", b'"offset": "', b" {", b"20240506"]), index, (ValueError,)),
    "robots.txt": Target(mutants(ROBOTS, [b"User-agent: ", b"Disallow: ", b"Allow: *", b"Crawl-delay: ", b"Sitemap: "]), robots),
    "reservations of rights": Target(st.tuples(mutants(RESERVED, [b"Content-Usage: /a* train-ai=n", b'"location": "/*"']), texts(FIELDS, ["unavailable_after: ", "broadsheet: ", "train-ai=n"])), reservations),
    "feeds": Target(mutants(feeds(), XML), lambda body: parse_feed(body, URL, "application/xml"), (ValueError,)),
    "sitemaps": Target(mutants(feeds(), XML), lambda body: list(read_sitemap(body, URL)), (ValueError,)),
    "addresses": Target(texts(ADDRESSES, ["http://", "%25", "/../", "xn--", "::", "0x"]), address),
    "addresses that were found": Target(texts(ADDRESSES, ["http://a.example/", "2024/05/", "/page/2", "?date=2024-05-06", "/amp", "99999"]), found_address),
    "dumps": Target(texts(DUMPS, ["icon bookmark", "6 Oct, 2023 14:42", " | ", "\n\n", "Share"]), dump.clean),
    "secrets in addresses": Target(texts(ADDRESSES, ["http://", "@", "//"]), secret, (ValueError,)),
    "JSON-LD": Target(texts(LD, ['"@type": ', '"@graph": [', "1e999", "NaN", "\\ud800", "/*"]), linked_data),
    "dates": Target(texts(DATES, ["+99:99", "24:60", "Feb 30 ", "0000", "9999"]), date),
    "pages": Target(st.tuples(mutants(articles(), TAGS), st.sampled_from(CHARSETS)), page),
    "walls": Target(texts([body.decode("utf-8", "replace") for body in articles()[:9]], ["captcha", "<title>", "403"]), wall),
    "stylesheets": Target(texts(CSS, CSS_TOKENS), sheet),
    "frames and charsets": Target(st.tuples(mutants(articles(), TAGS), st.sampled_from(CHARSETS)), part),
    "bodies of requests": Target(st.tuples(mutants(BODIES), st.sampled_from(TYPES)), body_of_request),
    "words, titles, log lines": Target(texts(["A Headline - The Paper | News", "شريط 港 Größe"], ["|", " - ", "\u202e", "\u2028"]), words),
    "Range": Target(texts(["bytes=0-5", "bytes=-5", "bytes=5-"]), lambda text: _span(text, 10)),
    "arguments": Target(st.fixed_dictionaries({"sites": texts(ADDRESSES), "since": texts(DATES)}), given, (ArgumentError,)),
}  # fmt: skip
