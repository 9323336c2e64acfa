"""What ``parse_sitemap`` and ``robots_sitemaps`` read, recover and refuse."""

from __future__ import annotations

import gzip
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crawler.discovery.entry import Entry
from crawler.discovery.sitemaps import MAX_SITEMAP, Nested, read_sitemap, robots_sitemaps
from tests.crawling import ROOT

URL = "https://paper.example/sitemap.xml"
SITEMAP = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
NEWS = 'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'
IMAGE = 'xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"'


@dataclass
class Sitemap:
    entries: list[Entry] = field(default_factory=list)
    sitemaps: list[Nested] = field(default_factory=list)
    unusable: int = 0


def parse_sitemap(body: bytes, url: str) -> Sitemap:
    found = Sitemap()
    for item in read_sitemap(body, url):
        if isinstance(item, Entry):
            found.entries.append(item)
        elif isinstance(item, Nested):
            found.sitemaps.append(item)
        else:
            found.unusable += 1
    return found


def urlset(rows: str, spaces: str = f"{SITEMAP} {NEWS} {IMAGE}") -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset {spaces}>{rows}</urlset>'.encode()


def locs(*paths: str) -> str:
    return "".join(f"<url><loc>https://paper.example/{path}</loc></url>" for path in paths)


def urls(body: bytes) -> list[str]:
    return [entry.url for entry in parse_sitemap(body, URL).entries]


ROW = """<url><loc>https://paper.example/a</loc><lastmod>2024-05-08</lastmod>
    <image:image><image:loc>https://paper.example/a.jpg</image:loc><image:title>Photo</image:title></image:image><news:news>
    <news:publication><news:name>Paper</news:name><news:language>zh-cn</news:language></news:publication>
    <news:publication_date>2024-05-07T10:00:00+02:00</news:publication_date><news:title>Tea &amp; fog</news:title>
    <news:keywords>tea, harbour  fog,,tea</news:keywords></news:news></url>"""
ANNOUNCED = Entry(
    "https://paper.example/a",
    title="Tea & fog",
    published=datetime(2024, 5, 7, 10, tzinfo=timezone(timedelta(hours=2))),
    modified=datetime(2024, 5, 8, tzinfo=UTC),
    language="zh-cn",
    keywords=("tea", "harbour fog"),
    images=1,
    source="news_sitemap",
)


class TestForms:
    def test_a_urlset_gives_addresses_and_lastmod(self) -> None:
        body = urlset(locs("a") + "<url><loc>\n https://paper.example/b\n</loc><lastmod>2024-05</lastmod></url>")
        expected = [
            Entry("https://paper.example/a", source="sitemap"),
            Entry("https://paper.example/b", modified=datetime(2024, 5, 1, tzinfo=UTC), source="sitemap"),
        ]
        assert parse_sitemap(body, URL) == Sitemap(expected, [])

    def test_google_news_fields_are_kept_and_those_of_images_are_not_taken_for_them(self) -> None:
        assert parse_sitemap(urlset(ROW), URL).entries == [ANNOUNCED]

    def test_the_same_article_in_other_languages_is_another_article(self) -> None:
        links = "".join(
            f'<xhtml:link rel="alternate" hreflang="{tag}" href="https://paper.example/{path}"/>'
            for tag, path in (("en", "a"), ("de-CH", "de/a"), ("x-default", "all/a"))
        )
        body = urlset(f"<url><loc>https://paper.example/a</loc>{links}</url>")
        assert [(entry.url[22:], entry.language, entry.alternate) for entry in parse_sitemap(body, URL).entries] == [
            ("a", None, False),
            ("de/a", "de-CH", True),
            ("all/a", None, True),
        ]

    def test_pictures_are_counted(self) -> None:
        images = "".join(f"<image:image><image:loc>/{n}.jpg</image:loc></image:image>" for n in range(3))
        (entry,) = parse_sitemap(urlset(f"<url><loc>/a</loc>{images}</url>"), URL).entries
        assert (entry.url, entry.images) == ("https://paper.example/a", 3)

    def test_an_index_gives_sitemaps(self) -> None:
        rows = "<sitemap><loc>/s1.xml.gz</loc><lastmod>2024-05-07</lastmod></sitemap><sitemap><loc>/s2.xml</loc></sitemap>"
        found = parse_sitemap(f"<sitemapindex {SITEMAP}>{rows}</sitemapindex>".encode(), URL)
        first = Nested("https://paper.example/s1.xml.gz", datetime(2024, 5, 7, tzinfo=UTC))
        assert found == Sitemap([], [first, Nested("https://paper.example/s2.xml")])

    def test_an_empty_urlset_is_a_sitemap(self) -> None:
        assert parse_sitemap(urlset(""), URL) == Sitemap()

    def test_plain_text_has_one_address_a_line(self) -> None:
        body = b"\xef\xbb\xbfhttps://paper.example/a\r\nhttps://paper.example/b?x=1&y=2\n\nnonsense\nftp://paper.example/c\n"
        assert urls(body) == ["https://paper.example/a", "https://paper.example/b?x=1&y=2"]

    def test_a_feed_serves_as_a_sitemap(self) -> None:
        found = parse_sitemap(b"<rss><channel><item><link>/a</link></item></channel></rss>", URL)
        assert found.entries == [Entry("https://paper.example/a", source="feed")]

    @pytest.mark.parametrize("charset", ["utf-16", "utf-8-sig"])
    def test_charsets(self, charset: str) -> None:
        assert parse_sitemap(urlset(ROW).decode().replace("UTF-8", charset).encode(charset), URL).entries == [ANNOUNCED]


class TestGzip:
    def test_gzip_is_known_by_its_first_bytes(self) -> None:
        assert urls(gzip.compress(urlset(locs("a", "b")))) == ["https://paper.example/a", "https://paper.example/b"]

    def test_what_was_packed_twice_is_unpacked_twice(self) -> None:
        assert urls(gzip.compress(gzip.compress(urlset(locs("a"))))) == ["https://paper.example/a"]

    def test_members_are_joined(self) -> None:
        body = urlset(locs("a", "b"))
        assert urls(gzip.compress(body[:100]) + gzip.compress(body[100:])) == urls(body)

    def test_what_follows_the_last_member_is_ignored(self) -> None:
        assert urls(gzip.compress(urlset(locs("a"))) + b"\0\0rubbish") == ["https://paper.example/a"]

    def test_a_torn_file_gives_what_can_be_read(self) -> None:
        whole = urlset(locs(*(f"{number * 7919 % 10_007}" for number in range(5_000))))
        packed = gzip.compress(whole)
        found = urls(packed[: len(packed) // 2])
        assert found
        assert found == urls(whole)[: len(found)]

    def test_plain_text_may_be_packed_too(self) -> None:
        assert urls(gzip.compress(b"https://paper.example/a\n")) == ["https://paper.example/a"]

    def test_a_bomb_is_refused(self) -> None:
        with pytest.raises(ValueError, match="more than 60,000,000 bytes"):
            parse_sitemap(gzip.compress(urlset(" " * (MAX_SITEMAP + 1)), 1), URL)

    def test_broken_gzip_is_refused(self) -> None:
        with pytest.raises(ValueError, match="empty"):
            parse_sitemap(b"\x1f\x8bnonsense", URL)


class TestTolerance:
    @pytest.mark.parametrize(
        "spaces", ["", 'xmlns="http://www.google.com/schemas/sitemap/0.84"', f"{SITEMAP} xmlns:news='http://wrong.example/'"]
    )
    def test_namespaces_do_not_matter(self, spaces: str) -> None:
        assert parse_sitemap(urlset(ROW, spaces), URL).entries == [ANNOUNCED]

    def test_prefixed_elements(self) -> None:
        body = b'<s:urlset xmlns:s="http://www.sitemaps.org/schemas/sitemap/0.9"><s:url><s:loc>/a</s:loc></s:url></s:urlset>'
        assert urls(body) == ["https://paper.example/a"]

    def test_unescaped_ampersands(self) -> None:
        assert urls(urlset(locs("?a=1&b=2&amp;c=3&copy=4"))) == ["https://paper.example/?a=1&b=2&c=3&copy=4"]

    @pytest.mark.parametrize("at", range(65_520, 65_545))
    def test_ampersands_at_the_edge_of_a_chunk(self, at: int) -> None:
        start = urlset(locs("?a=1&amp;b=2&c=3"))
        body = start.replace(b"<url>", b"<url>" + b" " * (at - start.index(b"&")), 1)
        assert body[at : at + 1] == b"&"
        assert urls(body) == ["https://paper.example/?a=1&b=2&c=3"]

    def test_a_broken_tail_costs_only_itself(self) -> None:
        body = urlset(locs("a", "b", "a-very-long-address"))
        for end in range(body.index(b"/a-very") + 1, body.index(b"</url></urlset>")):
            assert urls(body[:end]) == ["https://paper.example/a", "https://paper.example/b"]

    def test_a_missing_end_tag_costs_nothing(self) -> None:
        body = urlset("<url><loc>/a</loc><url><loc>/b</loc></url>" + locs("c"))
        assert urls(body) == [f"https://paper.example/{name}" for name in "abc"]

    def test_control_characters_are_dropped(self) -> None:
        assert urls(urlset(locs("a\x08", "b"))) == ["https://paper.example/a", "https://paper.example/b"]

    @pytest.mark.parametrize("loc", ["", "file:///etc/hostname", "ftp://paper.example/a", "http://[::1", "/" + "x" * 3_000])
    def test_an_entry_without_usable_address_is_left_out(self, loc: str) -> None:
        found = parse_sitemap(urlset(f"<url><loc>{loc}</loc></url>" + locs("b")), URL)
        assert [entry.url for entry in found.entries] == ["https://paper.example/b"]
        assert found.unusable == 1

    def test_an_unreadable_date_is_unknown(self) -> None:
        found = parse_sitemap(urlset("<url><loc>/a</loc><lastmod>long ago</lastmod></url>"), URL)
        assert found.entries == [Entry("https://paper.example/a", source="sitemap")]


class TestRefusal:
    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (b"", "empty"),
            (b" \n", "empty"),
            (b"<!doctype html><title>404</title>", "HTML page"),
            (b"<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'/>", "HTML page"),
            (b"Not found", "neither XML nor a list"),
            (b"<kml><url><loc>http://a.example/</loc></url></kml>", "<kml>"),
            (b"<", "no XML"),
            (urlset("<x/>" * 2_100_000), "elements"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_the_reason_is_given(self, body: bytes, reason: str) -> None:
        with pytest.raises(ValueError, match=reason):
            parse_sitemap(body, URL)

    def test_declared_entities_are_not_expanded(self, tmp_path: object) -> None:
        secret = tmp_path / "secret"  # type: ignore[operator]
        secret.write_text("do-not-tell")
        doctype = f'<!DOCTYPE urlset [<!ENTITY a "/laughs"><!ENTITY b SYSTEM "{secret.as_uri()}">]>'
        body = doctype.encode() + urlset("<url><loc>/x?&a;&b;</loc></url>").partition(b"\n")[2]
        assert urls(body) == ["https://paper.example/x?&a;&b;"]


# what reading a sitemap adds to a process that holds its bytes: the most resident memory afterwards, less that before
READ = """
import sys
from pathlib import Path
from crawler.discovery.sitemaps import read_sitemap
body = Path(sys.argv[1]).read_bytes()
memory = lambda name: int(Path("/proc/self/status").read_text().partition(name + ":")[2].split()[0])
Path("/proc/self/clear_refs").write_text("5")
before = memory("VmRSS")
print(sum(1 for _ in read_sitemap(body, "https://paper.example/sitemap.xml")), memory("VmHWM") - before)
"""


class TestSize:
    def test_fifty_megabytes_take_no_memory_beyond_their_bytes(self, tmp_path: Path) -> None:
        padding = f"<image:image><image:loc>https://paper.example/{'x' * 900}.jpg</image:loc></image:image>"
        rows = (f"<url><loc>https://paper.example/{n}</loc>{padding}</url>" for n in range(50_000))
        body = urlset("".join(rows))
        assert len(body) > 50_000_000
        (tmp_path / "sitemap").write_bytes(gzip.compress(body, 1))
        command = [sys.executable, "-c", READ, str(tmp_path / "sitemap")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
        entries, kilobytes = map(int, done.stdout.split())
        assert entries == 50_000
        assert kilobytes < 30 * 1024  # 0.6 MiB

    def test_entries_come_while_the_document_is_being_read(self) -> None:
        items = read_sitemap(urlset(locs(*map(str, range(5_000)))) + b"<" * 100, URL)
        assert next(items) == Entry("https://paper.example/0", source="sitemap")

    def test_many_empty_members_take_little_time(self) -> None:
        body = gzip.compress(b"") * 200_000
        begun = time.process_time()
        with pytest.raises(ValueError, match="empty"):
            parse_sitemap(body, URL)
        assert time.process_time() - begun < 5


PATHS = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="#\\"), min_size=1, max_size=30).filter(
    lambda path: not path.startswith("/") and "." not in path and "&amp;" not in path
)
DATES = st.none() | st.datetimes(timezones=st.just(UTC), min_value=datetime(1990, 1, 1))
TITLES = st.from_regex(r"\A[\w&'\"]{1,9}( [\w&'\"]{1,9}){0,5}\Z").filter(lambda title: "&" not in title)


class TestAnything:
    @example(rows=[(";", None, None), ("?", None, None)], packed=False)
    @given(st.lists(st.tuples(PATHS, DATES, st.none() | TITLES), max_size=20), st.booleans())
    def test_what_is_written_is_read(self, rows: list[tuple[str, datetime | None, str | None]], packed: bool) -> None:
        written = [
            Entry(f"https://paper.example/{path}", title=title, modified=date, source="news_sitemap" if title else "sitemap")
            for path, date, title in rows
        ]
        body = urlset("".join(map(_row, written)))
        assert parse_sitemap(gzip.compress(body) if packed else body, URL).entries == written

    @given(st.binary(max_size=2_000) | st.binary(max_size=500).map(lambda noise: urlset(ROW)[:-9] + noise))
    @example(b"<urlset>\xff")
    @example(gzip.compress(b"<")[:-1])
    def test_any_bytes_give_a_sitemap_or_a_valueerror(self, body: bytes) -> None:
        for given_body in (body, b"\x1f\x8b" + body, gzip.compress(body)):
            try:
                found = parse_sitemap(given_body, URL)
            except ValueError as error:
                assert str(error)
            else:
                assert all(entry.url.startswith(("http://", "https://")) for entry in found.entries + found.sitemaps)


def _row(entry: Entry) -> str:
    lastmod = f"<lastmod>{entry.modified.isoformat()}</lastmod>" if entry.modified else ""
    news = f"<news:news><news:title>{escape(entry.title)}</news:title></news:news>" if entry.title else ""
    return f"<url><loc>{escape(entry.url)}</loc>{lastmod}{news}</url>"


class TestRobots:
    def test_every_sitemap_once_and_absolute(self) -> None:
        named = ["https://paper.example/a.xml", "/b.xml", "https://paper.example/a.xml", "file:///etc/passwd", "", "http://["]
        found = robots_sitemaps(named, "https://paper.example/robots.txt")
        assert found == ["https://paper.example/a.xml", "https://paper.example/b.xml"]

    @given(st.lists(st.text(max_size=50)))
    def test_any_names(self, named: list[str]) -> None:
        assert all(url.startswith("http") for url in robots_sitemaps(named, "https://paper.example/robots.txt"))
