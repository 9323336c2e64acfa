"""What a feed says of a page fills the cells that the page leaves open, is kept with its record, and is found there again."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import archive
from archive.announcement import Announcement, announcement_of
from archive.exchange import Exchange
from archive.reader import captures
from archive.warc import WarcWriter
from pipelines.article import Page
from pipelines.extract import extract
from tests.crawling import crawl, scrapy
from tests.wire.server import RawServer, Reply

WORDS = " ".join(f"The ferry of line {number} is early today, says its captain." for number in range(30))
BARE = f"<html><body><div class=text><p>{WORDS}</p><p>{WORDS[::-1]}</p></div></body></html>".encode()
URL = "http://news.example/2021/03/04/a1b2c3"
SAID = Announcement("feed", "Ferries run early", datetime(2021, 3, 5, 7, 30, tzinfo=UTC))
WHEN = st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))


def read(html: bytes, said: Announcement | None = SAID) -> Page:
    page = extract(html, URL, announced=said)
    assert page.article is not None, page.reason
    return page


def cells(page: Page) -> tuple[Any, ...]:
    article = page.article
    assert article is not None
    sources = article.field_sources
    return article.title, article.published_at, sources.get("title"), sources.get("published_at")


def test_a_page_without_headline_and_date_has_those_of_the_feed() -> None:
    assert cells(read(BARE)) == (SAID.title, SAID.published, "feed:title", "feed:published")


def test_what_the_page_says_itself_comes_first() -> None:
    page = b'<meta property="article:published_time" content="2021-03-04T22:00:00Z"><h1>Early ferries</h1>' + BARE
    assert cells(read(page)) == ("Early ferries", datetime(2021, 3, 4, 22, tzinfo=UTC), "h1", "meta:article:published_time")


def test_a_time_of_midnight_is_a_day() -> None:
    page = read(BARE, Announcement("news_sitemap", None, datetime(2021, 3, 5, tzinfo=UTC)))
    assert page.article is not None
    assert (page.article.published_precision, page.article.field_sources["published_at"]) == ("day", "news_sitemap:published")


def test_the_text_is_the_pages_alone() -> None:
    with_title = BARE.replace(b"<p>", b"<p>Ferries run early</p><p>", 1)
    said, unsaid = read(with_title).article, read(with_title, None).article
    assert said
    assert unsaid
    assert (said.text, said.text_sha256) == (unsaid.text, unsaid.text_sha256)


@given(st.sampled_from(["feed", "news_sitemap"]), st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1), WHEN)
def test_the_record_of_a_page_gives_it_back(source: str, title: str, published: datetime) -> None:
    said = Announcement(source, title, published)
    assert announcement_of({name: value for name, value in said.fields() if value}) == said


@pytest.mark.parametrize(
    "known",
    [
        {},
        {"announcedBy": "feed"},
        {"announcedBy": "psychic", "announcedTitle": "x"},
        {"announcedBy": "feed", "announcedDate": "x"},
    ],
)
def test_what_is_no_announcement_is_none(known: dict[str, str]) -> None:
    assert announcement_of(known) is None


def test_a_title_cannot_add_lines_to_the_record(tmp_path: Path) -> None:
    said = Announcement("feed", "A headline\r\nvia: http://evil.example/\nerror: none", None)
    writer = WarcWriter(tmp_path, [], "x", 1 << 30)
    writer.write(Exchange(URL, b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nfine", 1, announced=said))
    writer.close()
    (capture,) = captures(next(tmp_path.iterdir()))
    assert capture.via is None
    assert capture.error is None
    assert capture.announced == Announcement("feed", "A headline via: http://evil.example/ error: none")


def test_a_crawl_keeps_it_and_another_reading_of_its_files_finds_it(tmp_path: Path) -> None:
    feed = (
        b'<rss version="2.0"><channel><title>n</title><item><title>Ferries run early</title>'
        b"<link>http://news.test:%d/a1b2c3</link><pubDate>Fri, 05 Mar 2021 07:30:00 GMT</pubDate></item></channel></rss>"
    )

    def answer(kind: bytes, body: bytes) -> Reply:
        return Reply((b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (kind, len(body), body),))

    with RawServer({}) as server:
        server.replies = {"/feed": answer(b"application/rss+xml", feed % server.port), "/a1b2c3": answer(b"text/html", BARE)}
        outcome = crawl(tmp_path / "c", feeds=f"http://news.test:{server.port}/feed")
    assert outcome.code == 0, outcome.err
    again = scrapy("extract", *map(str, (tmp_path / "c" / "archive").glob("*.warc.gz")), "-o", str(tmp_path / "d"))
    assert again.code == 0, again.err
    columns = ["title", "published_at", "field_sources", "text_sha256"]
    (row,), (other,) = (archive.open_articles(tmp_path / name).to_table(columns).to_pylist() for name in "cd")
    assert row == other
    assert (row["title"], row["published_at"]) == (SAID.title, SAID.published)
    assert dict(row["field_sources"])["title"] == "feed:title"
    proven = scrapy("verify", str(tmp_path / "c"))
    assert proven.code == 0, proven.out
