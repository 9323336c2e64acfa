"""What ``parse_feed`` reads from feeds of every kind, and what it refuses."""

from __future__ import annotations

import json
import time
import tracemalloc
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crawler.discovery.entry import Entry, parse_date
from crawler.discovery.feeds import MAX_FEED
from crawler.discovery.feeds import parse_feed as read_feed

URL = "https://paper.example/feeds/all.xml"
CEST = timezone(timedelta(hours=2))


def parse_feed(body: bytes, url: str, content_type: str | None = None) -> list[Entry]:
    return read_feed(body, url, content_type).entries


def rss(items: str, channel: str = "", declaration: str = "", version: str = "2.0") -> bytes:
    spaces = (
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="http://search.yahoo.com/mrss/"'
        ' xmlns:atom="http://www.w3.org/2005/Atom" xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0"'
    )
    return f'{declaration}<rss version="{version}" {spaces}><channel>{channel}{items}</channel></rss>'.encode()


def atom(entries: str, attributes: str = "") -> bytes:
    return f'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" {attributes}>{entries}</feed>'.encode()


def one(body: bytes, **more: str) -> Entry:
    (entry,) = parse_feed(body, URL, **more)
    return entry


class TestRss:
    def test_an_item_gives_address_title_date_and_language(self) -> None:
        item = """<item><title>Ferry &amp; fog</title><link>https://paper.example/a</link>
                  <pubDate>Tue, 07 May 2024 10:00:00 +0200</pubDate></item>"""
        assert one(rss(item, "<title>Paper</title><language>de-CH</language>")) == Entry(
            "https://paper.example/a",
            title="Ferry & fog",
            published=datetime(2024, 5, 7, 10, tzinfo=CEST),
            language="de-CH",
            source="feed",
        )

    def test_the_offset_of_a_date_is_kept(self) -> None:
        entry = one(rss("<item><link>/a</link><pubDate>Tue, 07 May 2024 10:00:00 +0200</pubDate></item>"))
        assert entry.published is not None
        assert entry.published.utcoffset() == timedelta(hours=2)

    def test_order_is_the_documents(self) -> None:
        items = "".join(f"<item><link>/{name}</link></item>" for name in "cab")
        assert [entry.url[-1] for entry in parse_feed(rss(items), URL)] == ["c", "a", "b"]

    @pytest.mark.parametrize("version", ["0.91", "0.92", "2.0", ""])
    def test_the_version_does_not_matter(self, version: str) -> None:
        assert one(rss("<item><link>/a</link></item>", version=version)).url == "https://paper.example/a"

    @pytest.mark.parametrize(
        ("item", "path"),
        [
            ("<link>story</link>", "/feeds/story"),
            ("<link>\n  https://paper.example/a\n</link>", "/a"),
            ("<link><![CDATA[https://paper.example/?a=1&b=2]]></link>", "/?a=1&b=2"),
            ("<link>https://paper.example/?a=1&b=2&copy=3</link>", "/?a=1&b=2&copy=3"),
            ("<link>https://paper.example/?a=1&amp;amp;b=2</link>", "/?a=1&b=2"),
            ("<link>https://paper.example/a b</link>", "/a%20b"),
            ("<link>https://paper.example/a#comments</link>", "/a"),
            ("<guid>https://paper.example/g</guid>", "/g"),
            ('<link/><atom:link href="/h"/>', "/h"),
            ('<atom:link rel="self" href="/self"/><link>/page</link>', "/page"),
            ('<guid isPermaLink="false">https://paper.example/g</guid><link>/l</link>', "/l"),
            ("<link>https://burner.example/~r/1</link><feedburner:origLink>/own</feedburner:origLink>", "/own"),
        ],
    )
    def test_which_address_an_item_has(self, item: str, path: str) -> None:
        assert one(rss(f"<item>{item}</item>")).url == "https://paper.example" + path

    @pytest.mark.parametrize(
        "link", ["", "file:///etc/passwd", "javascript:alert(1)", "mailto:a@b.c", "data:text/html,x", "http://[", "https://"]
    )
    def test_an_item_without_http_address_is_left_out(self, link: str) -> None:
        assert parse_feed(rss(f"<item><title>t</title><link>{link}</link></item>"), URL) == []

    def test_a_guid_that_is_no_address_is_none(self) -> None:
        assert parse_feed(rss("<item><guid>4711</guid></item>"), URL) == []

    @pytest.mark.parametrize(
        ("title", "text"),
        [
            ("<![CDATA[AT&T &amp; co]]>", "AT&T & co"),
            ("AT&T", "AT&T"),
            ("a&nbsp;caf&eacute;", "a café"),
            ("&lt;b&gt;Bold&lt;/b&gt;\n  news", "Bold news"),
            ("5 &lt; 6", "5 < 6"),
            ("Why &lt;x&gt; is unknown", "Why <x> is unknown"),
        ],
    )
    def test_titles_are_plain_text(self, title: str, text: str) -> None:
        assert one(rss(f"<item><link>/a</link><title>{title}</title></item>")).title == text

    def test_a_pictures_title_is_not_the_items(self) -> None:
        item = "<item><media:title>Photo</media:title><title>News</title><link>/a</link></item>"
        assert one(rss(item)).title == "News"

    def test_modified_never_fills_published(self) -> None:
        entry = one(rss("<item><link>/a</link><atom:updated>2024-05-07T10:00:00Z</atom:updated></item>"))
        assert (entry.published, entry.modified) == (None, datetime(2024, 5, 7, 10, tzinfo=UTC))


class TestRdf:
    def test_rss_1_has_items_beside_the_channel(self) -> None:
        body = b"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
            xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="https://paper.example/"><title>P</title>
            <dc:language>fr</dc:language><items><rdf:Seq><rdf:li rdf:resource="https://paper.example/a"/></rdf:Seq></items>
            </channel><item rdf:about="https://paper.example/a"><title>Pont</title><dc:date>2024-05-07</dc:date></item></rdf:RDF>"""
        expected = Entry(
            "https://paper.example/a", title="Pont", published=datetime(2024, 5, 7, tzinfo=UTC), language="fr", source="feed"
        )
        assert one(body) == expected

    def test_rss_090(self) -> None:
        body = b"""<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
            xmlns="http://my.netscape.com/rdf/simple/0.9/"><channel><title>P</title><link>https://paper.example/</link></channel>
            <item><title>Pont</title><link>https://paper.example/a</link></item></rdf:RDF>"""
        assert one(body) == Entry("https://paper.example/a", title="Pont", source="feed")


class TestAtom:
    def test_the_link_to_the_page_is_chosen(self) -> None:
        links = """<link rel="self" href="/self"/><link type="application/json" href="/json"/>
                   <link rel="enclosure" href="/mp3"/><link rel="alternate" type="text/html" href="/page?a=1&amp;b=2"/>"""
        assert one(atom(f"<entry>{links}</entry>")).url == "https://paper.example/page?a=1&b=2"

    def test_bases_add_up(self) -> None:
        entry = '<entry xml:base="2024/"><link xml:base="05/" href="a"/></entry><entry><link href="b"/></entry>'
        urls = [found.url for found in parse_feed(atom(entry, 'xml:base="https://other.example/x/"'), URL)]
        assert urls == ["https://other.example/x/2024/05/a", "https://other.example/x/b"]

    def test_an_unusable_base_is_passed_over(self) -> None:
        assert one(atom('<entry xml:base="http://["><link href="/a"/></entry>')).url == "https://paper.example/a"

    def test_language_is_inherited(self) -> None:
        entries = '<entry xml:lang="nn"><title>t</title><link href="a"/></entry><entry><title>t</title><link href="b"/></entry>'
        assert [entry.language for entry in parse_feed(atom(entries, 'xml:lang="nb"'), URL)] == ["nn", "nb"]

    def test_both_dates(self) -> None:
        dates = "<published>2024-05-07T10:00:00Z</published><updated>2024-05-08T00:00:00Z</updated>"
        entry = one(atom(f'<entry><link href="a"/>{dates}</entry>'))
        assert (entry.published, entry.modified) == (datetime(2024, 5, 7, 10, tzinfo=UTC), datetime(2024, 5, 8, tzinfo=UTC))

    @pytest.mark.parametrize(
        "title",
        [
            '<title type="html">Tide &lt;i&gt;clock&lt;/i&gt;</title>',
            '<title type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">Tide <i>clock</i></div></title>',
            "<source><title>Elsewhere</title></source><title>Tide clock</title>",
        ],
    )
    def test_titles_of_all_types(self, title: str) -> None:
        assert one(atom(f'<entry>{title}<link href="a"/></entry>')).title == "Tide clock"

    @pytest.mark.parametrize("attribute", ["", ' type="text"'])
    def test_plain_titles_may_look_like_markup(self, attribute: str) -> None:
        assert one(atom(f'<entry><title{attribute}>The &lt;b&gt; tag</title><link href="a"/></entry>')).title == "The <b> tag"


class TestJsonFeed:
    def test_an_item(self) -> None:
        item = {
            "id": "1",
            "url": "/a",
            "title": "Kite",
            "date_published": "2024-05-07T10:00:00+02:00",
            "date_modified": "2024-05-08",
        }
        feed = {"version": "https://jsonfeed.org/version/1.1", "language": "he", "items": [item, "no item", {"id": "7"}]}
        assert one(json.dumps(feed).encode("utf-8-sig")) == Entry(
            "https://paper.example/a",
            title="Kite",
            published=datetime(2024, 5, 7, 10, tzinfo=CEST),
            modified=datetime(2024, 5, 8, tzinfo=UTC),
            language="he",
            source="feed",
        )

    @pytest.mark.parametrize("body", [b"{}", b"[]", b'{"version": "https://jsonfeed.org/version/1", "items": 1}'])
    def test_other_json_is_refused(self, body: bytes) -> None:
        with pytest.raises(ValueError, match="no JSON Feed"):
            parse_feed(body, URL)


class TestWhatElseAFeedSays:
    @pytest.mark.parametrize(
        "body",
        [
            atom(
                '<link rel="hub" href="https://hub.example/"/><link rel="next" href="?page=2"/><entry><link href="a"/></entry>'
            ),
            rss(
                "<item><link>/a</link></item>",
                '<atom:link rel="hub" href="https://hub.example/"/><atom:link rel="next" href="?page=2"/>',
            ),
            json.dumps(
                {
                    "version": "https://jsonfeed.org/version/1.1",
                    "hubs": [{"type": "WebSub", "url": "https://hub.example/"}, 7],
                    "next_url": "?page=2",
                    "items": [{"url": "/a"}],
                }
            ).encode(),
        ],
    )
    def test_hubs_and_the_feed_behind_it(self, body: bytes) -> None:
        feed = read_feed(body, URL)
        assert (feed.hubs, feed.next, len(feed.entries)) == (["https://hub.example/"], f"{URL}?page=2", 1)

    def test_items_without_an_address_are_noted_with_the_reason(self) -> None:
        items = "".join(f"<item><link>{link}</link></item>" for link in ("javascript:alert(1)", "data:,x", "x" * 5_000))
        assert [one.reason for one in read_feed(rss(items), URL).unusable] == [
            "scheme: javascript",
            "scheme: data",
            "length: 5,000 characters",
        ]

    def test_a_feed_that_never_ends_is_read_as_far_as_it_may_go(self) -> None:
        body = rss("<item><link>/a</link></item>" + "<!-- on and on -->" * (MAX_FEED // 18) + "<item><link>/b</link></item>")
        assert [entry.url[-1] for entry in parse_feed(body, URL)] == ["a"]


class TestCharsets:
    @pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "windows-1252", "iso-8859-15"])
    def test_the_declaration_or_the_byte_order_mark_tells(self, charset: str) -> None:
        declaration = f'<?xml version="1.0" encoding="{charset.removesuffix("-sig")}"?>'
        body = rss("<item><link>/a</link><title>Käse &amp; café</title></item>", declaration=declaration).decode()
        assert one(body.encode(charset)).title == "Käse & café"

    def test_the_header_tells_if_the_document_does_not(self) -> None:
        body = rss("<item><link>/a</link><title>Лёд</title></item>").decode().encode("koi8-r")
        assert one(body, content_type="text/xml; charset=koi8-r").title == "Лёд"

    def test_valid_utf8_beats_a_wrong_header(self) -> None:
        body = rss("<item><link>/a</link><title>Лёд</title></item>")
        assert one(body, content_type="text/xml; charset=iso-8859-1").title == "Лёд"

    def test_japanese_in_seven_bits(self) -> None:
        declaration = '<?xml version="1.0" encoding="iso-2022-jp"?>'
        body = rss("<item><link>/a</link><title>バス</title></item>", declaration=declaration).decode()
        assert one(body.encode("iso-2022-jp")).title == "バス"

    @pytest.mark.parametrize("charset", ["zlib", "punycode", "no-such-thing"])
    def test_what_is_no_charset_is_taken_for_utf8(self, charset: str) -> None:
        body = rss(
            "<item><link>/a</link><title>x\xff</title></item>", declaration=f'<?xml version="1.0" encoding="{charset}"?>'
        )
        assert one(body.replace("\xff".encode(), b"\xff")).title == "x\N{REPLACEMENT CHARACTER}"


class TestBroken:
    def test_what_breaks_off_gives_its_complete_items(self) -> None:
        body = rss("<item><link>/a</link></item><item><link>/b-long-address</link></item>")
        assert [entry.url for entry in parse_feed(body[: body.index(b"-address")], URL)] == ["https://paper.example/a"]

    def test_a_missing_end_tag_costs_no_other_item(self) -> None:
        items = "<item><link>/a</link><title>A</item><item><link>/b</link></item><item><link>/c</link></item>"
        assert [entry.url[-1] for entry in parse_feed(rss(items), URL)] == ["a", "b", "c"]

    def test_undeclared_prefixes_do_not_matter(self) -> None:
        body = b"<rss><channel><item><dc:date>2024-05-07</dc:date><link>/a</link></item></channel></rss>"
        assert one(body).published == datetime(2024, 5, 7, tzinfo=UTC)

    def test_warnings_and_blank_lines_before_the_feed_are_skipped(self) -> None:
        body = b"\n<b>Warning</b>: mysql_connect()\n" + rss("<item><link>/a</link></item>", declaration='<?xml version="1.0"?>')
        assert one(body).url == "https://paper.example/a"

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (b"", "empty"),
            (b"\xef\xbb\xbf \n", "empty"),
            (b"<!DOCTYPE html><html><p>Not found", "HTML page"),
            (b"<!-- cached --><HTML>", "HTML page"),
            (b'<x:html xmlns:x="http://www.w3.org/1999/xhtml"/>', "HTML page"),
            (b"<urlset/>", "<urlset>"),
            (b"<opml><item><link>http://a.example/</link></item></opml>", "<opml>"),
            (b"Not found", "neither XML nor JSON"),
            (b"\x00\x01\x02\x03", "neither XML nor JSON"),
            (b'{"a": ', "Expecting value"),
            (b"[" * 200_000, "nests too deeply"),
        ],
    )
    def test_what_is_no_feed_is_refused_with_the_reason(self, body: bytes, reason: str) -> None:
        with pytest.raises(ValueError, match=reason):
            parse_feed(body, URL)


BOMB = '<!DOCTYPE rss [<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(12)) + "]>"
HOSTILE = {
    "a billion laughs": rss('<item><title a="&a12;">&a12;</title><link>/a</link></item>', declaration=BOMB),
    "one large entity": rss("<item><title>" + "&a;" * 100_000, declaration=f'<!DOCTYPE r [<!ENTITY a "{"x" * 100_000}">]>'),
    "deep": b"<rss><channel><item>" + b"<a>" * 100_000,
    "deep with bases": b"<rss><channel>" + b'<a xml:base="b/">' * 30_000,
    "nested items": b"<rss><channel>" + b"<item>" * 100_000,
    "many attributes": b"<rss><channel><item " + b" ".join(b'a%d="1"' % n for n in range(50_000)) + b">",
    "many links": b"<rss><channel><item>" + b"<link>/a</link>" * 200_000,
    "endless text": b"<rss><channel><item><title>" + b"x" * 12_000_000,
    "one ampersand after another": b"<rss><channel><item><title>" + b"&" * 2_000_000,
    "open brackets": b"<rss><channel><item><title>" + b"<" * 2_000_000,
    "half a doctype": b"<rss>" + b"<!DOCTYPE " + b"<!ENTITY " * 200_000,
}


class TestHostile:
    @pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
    def test_time_and_memory_are_bounded(self, body: bytes) -> None:
        tracemalloc.start()
        begun = time.process_time()
        parse_feed(body, URL)
        seconds = time.process_time() - begun
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert seconds < 8  # tracing costs a factor of about four
        assert peak < 60_000_000

    def test_declared_entities_are_not_expanded(self) -> None:
        assert one(HOSTILE["a billion laughs"]).title == "&a12;"

    def test_files_are_not_read(self, tmp_path: object) -> None:
        secret = tmp_path / "secret"  # type: ignore[operator]
        secret.write_text("do not tell")
        body = rss(
            "<item><title>x&a;y</title><link>/a</link></item>",
            declaration=f'<!DOCTYPE r [<!ENTITY a SYSTEM "{secret.as_uri()}">]>',
        )
        assert one(body).title == "x&a;y"

    @given(st.binary(max_size=2_000) | st.binary(max_size=500).map(lambda noise: rss("<item><link>/a</link>") + noise))
    @example(b"<rss \xff='")
    @example(b"\xff\xfe<")
    def test_any_bytes_give_entries_or_a_valueerror(self, body: bytes) -> None:
        try:
            entries = parse_feed(body, URL)
        except ValueError as error:
            assert str(error)
        else:
            assert all(entry.url.startswith(("http://", "https://")) for entry in entries)

    @given(st.text(max_size=80), st.text(max_size=80))
    def test_any_link_and_date(self, link: str, date: str) -> None:
        item = {"url": link, "date_published": date}
        feed = {"version": "https://jsonfeed.org/version/1.1", "items": [item]}
        for entry in parse_feed(json.dumps(feed).encode(), URL):
            assert entry.url.startswith(("http://", "https://"))
            assert entry.published is None or entry.published.tzinfo


class TestDates:
    @pytest.mark.parametrize(
        ("text", "iso"),
        [
            ("2024", "2024-01-01T00:00:00+00:00"),
            ("2024-05", "2024-05-01T00:00:00+00:00"),
            ("2024-05-07", "2024-05-07T00:00:00+00:00"),
            ("2024-05-07T10:20Z", "2024-05-07T10:20:00+00:00"),
            ("2024-05-07T10:20:30+02:00", "2024-05-07T10:20:30+02:00"),
            ("2024-05-07T10:20:30-0530", "2024-05-07T10:20:30-05:30"),
            ("2024-05-07T10:20:30 02:00", "2024-05-07T10:20:30+02:00"),
            (" 2024-05-07 10:20:30 +0200\n", "2024-05-07T10:20:30+02:00"),
            ("2024-05-07 10:20:30 UTC", "2024-05-07T10:20:30+00:00"),
            ("2024-05-07t10:20:30z", "2024-05-07T10:20:30+00:00"),
            ("2024/5/7", "2024-05-07T00:00:00+00:00"),
            ("2024-05-07T10:20:30", "2024-05-07T10:20:30+00:00"),
            ("Tue, 07 May 2024 10:20:30 GMT", "2024-05-07T10:20:30+00:00"),
            ("Tue, 7 May 24 10:20 -0400", "2024-05-07T10:20:00-04:00"),
            ("07 May 2024 10:20:30 CEST", "2024-05-07T10:20:30+02:00"),
            ("Tue, 07 May 2024 10:20:30 EST", "2024-05-07T10:20:30-05:00"),
        ],
    )
    def test_every_usual_form(self, text: str, iso: str) -> None:
        found = parse_date(text)
        assert found is not None
        assert found.isoformat() == iso

    @pytest.mark.parametrize(
        "text",
        [None, "", "yesterday", "2024-13-01", "0000-00-00T00:00:00Z", "2024-02-30", "20", "Tue, 99 May 2024 10:00", "9" * 999],
    )
    def test_anything_else_is_unknown(self, text: str | None) -> None:
        assert parse_date(text) is None

    @given(st.datetimes(timezones=st.just(CEST) | st.just(UTC), min_value=datetime(1000, 1, 1)))
    def test_iso_round_trips(self, moment: datetime) -> None:
        assert parse_date(moment.isoformat()) == moment

    @given(st.text("0123456789-+:/ TZ.,MayTueGMT", max_size=40))
    def test_any_text_gives_an_aware_date_or_none(self, text: str) -> None:
        found = parse_date(text)
        assert found is None or found.utcoffset() is not None
