"""A second crawl asks whether what it has is still the same: 304 answers leave revisit records and lose nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import archive
from archive.collection import open_collection
from archive.reader import read_records
from archive.verify import verify
from tests import crawling
from tests.crawler.paper import Paper, path_of, story

ODD = {
    # never asked, and says that nothing has changed
    "/2026/11/timber-boats-crowd-harbour-91.html": lambda: (304, {}, b""),
    # a tag that means any other
    "/2026/11/timber-boats-crowd-harbour-92.html": lambda: (200, {"Content-Type": "text/html", "ETag": "*"}, story(92)),
    "/2026/11/timber-boats-crowd-harbour-93.html": lambda: (
        200,
        {"Content-Type": "text/html", "ETag": '"' + "x" * 9000 + '"', "Last-Modified": "soon"},
        story(93),
    ),
}


def crawl(collection: Path, settings: dict[str, str] | None = None, **arguments: str) -> str:
    """A crawl that ends well; what it said."""
    outcome = crawling.crawl(collection, settings, **arguments)
    assert outcome.code == 0, outcome.err
    return outcome.err


ODD["/2026/11/timber-boats-crowd-harbour-94.html"] = lambda: (200, {"Content-Type": "text/html", "ETag": '"94"'}, story(94))
MOVED = {
    "/2026/11/timber-boats-crowd-harbour-94.html": lambda: (301, {"Location": path_of(95)}, b"moved"),
    "/2026/11/timber-boats-crowd-harbour-95.html": lambda: (200, {"Content-Type": "text/html"}, story(94)),
}


class Crawls:
    """A paper crawled twice; the second time there is one story more, and one has moved."""

    def __init__(self, paper: Paper, folder: Path) -> None:
        self.paper, self.collection = paper, folder / "c"
        odd = folder / "odd.txt"
        odd.write_text("\n".join(paper.home + path for path in ODD))
        self.first = crawl(self.collection, sites=paper.home + "/", urls=str(odd))
        self.first_asked = list(paper.asked)
        paper.asked.clear()
        self.new = paper.publish()
        paper.odd |= MOVED
        self.second = crawl(self.collection, sites=paper.home + "/", urls=str(odd))
        self.asked = list(paper.asked)

    def rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = archive.open_captures(self.collection).to_table().to_pylist()
        return sorted(rows, key=lambda row: row["fetch_time"])

    def row(self, path: str) -> dict[str, Any]:
        """The newest capture of a path."""
        return [row for row in self.rows() if row["url"] == self.paper.home + path][-1]


@pytest.fixture(scope="module")
def crawls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawls]:
    with Paper(3, odd=dict(ODD)) as paper:
        yield Crawls(paper, tmp_path_factory.mktemp("twice"))


def test_nothing_is_conditional_at_first(crawls: Crawls) -> None:
    assert not [one for one in crawls.first_asked if {"If-None-Match", "If-Modified-Since"} & one.headers.keys()]


def test_an_unchanged_page_costs_a_304_and_is_unchanged(crawls: Crawls) -> None:
    assert crawls.paper.statuses(path_of(1)) == [304]
    row = crawls.row(path_of(1))
    assert (row["fetch_status"], row["warc_record_type"], row["extraction"]) == (304, "revisit", "unchanged")
    assert row["extraction_reason"] == "not modified, says the server"
    assert "unchanged since an earlier crawl" in crawls.second


def test_its_record_is_a_revisit_by_the_profile_for_it_and_names_the_original(crawls: Crawls) -> None:
    row = crawls.row(path_of(1))
    record = open_collection(crawls.collection).read_record(
        row["warc_filename"], row["warc_record_offset"], row["warc_record_length"]
    )
    assert record.get("WARC-Profile") == "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
    first = next(one for one in crawls.rows() if one["url"] == row["url"])
    assert record.get("WARC-Refers-To") == first["warc_record_id"] == row["refers_to_record_id"]
    assert record.block.startswith(b"HTTP/1.0 304") or record.block.startswith(b"HTTP/1.1 304")


def test_what_changed_is_fetched_and_what_is_new_found(crawls: Crawls) -> None:
    assert crawls.paper.statuses("/feed.xml") == [200]  # it names the new story
    assert crawls.row("/feed.xml")["warc_record_type"] == "response"
    articles = archive.open_articles(crawls.collection).to_table().to_pylist()
    assert {crawls.paper.url(number) for number in (1, 2, 3, 4)} <= {row["url"] for row in articles}
    assert {row["version"] for row in articles} == {1}


def test_a_304_that_nobody_asked_for_is_an_error_and_no_revisit(crawls: Crawls) -> None:
    row = crawls.row(path_of(91))
    assert (row["warc_record_type"], row["extraction"]) == ("response", "failed")
    assert row["extraction_reason"] == "http 304, which answers no question of ours"
    assert "1 http 304" in crawls.first


@pytest.mark.parametrize("number", [92, 93])
def test_tags_that_are_none_are_not_sent_back(crawls: Crawls, number: int) -> None:
    (again,) = (one for one in crawls.asked if one.path == path_of(number))
    assert not {"If-None-Match", "If-Modified-Since"} & again.headers.keys()
    assert crawls.row(path_of(number))["extraction"] == "unchanged"  # the same bytes


def test_validators_are_not_taken_along_to_where_a_redirect_leads(crawls: Crawls) -> None:
    (moved,) = (one for one in crawls.asked if one.path == path_of(94))
    (there,) = (one for one in crawls.asked if one.path == path_of(95))
    assert (moved.headers.get("If-None-Match"), there.headers.get("If-None-Match")) == ('"94"', None)
    assert crawls.row(path_of(95))["fetch_status"] == 200


def test_all_of_it_is_proven(crawls: Crawls) -> None:
    assert not verify(open_collection(crawls.collection)).mismatches
    assert "Traceback" not in crawls.first + crawls.second


def test_feeds_and_front_pages_that_did_not_change_are_read_from_the_archive(tmp_path: Path) -> None:
    """The first crawl ends before it has what the feed names; in the second all announcements are the same."""
    with Paper(4) as paper:
        first = crawl(tmp_path / "c", sites=paper.home + "/", max_articles="1")
        assert "max_articles" in first
        paper.asked.clear()
        crawl(tmp_path / "c", sites=paper.home + "/")
        assert (paper.statuses("/"), paper.statuses("/feed.xml")) == ([304], [304])
        rows = archive.open_articles(tmp_path / "c").to_table().to_pylist()
        assert {row["url"] for row in rows} == {paper.url(number) for number in range(1, 5)}
    assert not verify(open_collection(tmp_path / "c")).mismatches


def test_a_page_that_was_left_out_before_becomes_a_row_from_the_bytes_of_then(tmp_path: Path) -> None:
    with Paper(1) as paper:
        urls = tmp_path / "urls.txt"
        urls.write_text(paper.url(1) + "\n")
        first = crawl(tmp_path / "c", {"BROADSHEET_PAGE_DEADLINE": "0.0001"}, urls=str(urls))
        assert not archive.open_articles(tmp_path / "c").count_rows(), first
        second = crawl(tmp_path / "c", urls=str(urls))
        assert paper.statuses(path_of(1)) == [200, 304]
    (row,) = archive.open_articles(tmp_path / "c").to_table().to_pylist()
    assert row["http_status"] == 200
    captures = archive.open_captures(tmp_path / "c").to_table().to_pylist()
    pages = [capture for capture in captures if capture["purpose"] == "page"]
    first_capture, again = sorted(pages, key=lambda capture: capture["fetch_time"])
    assert row["warc_record_id"] == first_capture["warc_record_id"]
    assert (first_capture["extraction"], again["extraction"]) == ("timeout", "article"), second
    assert not verify(open_collection(tmp_path / "c")).mismatches


def test_if_the_original_is_gone_or_damaged_the_page_is_asked_for_in_full(tmp_path: Path) -> None:
    with Paper(1) as paper:
        crawl(tmp_path / "c", sites=paper.home + "/")
        (file,) = (tmp_path / "c" / "archive").glob("*.warc.gz")
        place = next(
            row
            for row in archive.open_captures(tmp_path / "c").to_table().to_pylist()
            if row["url"] == paper.home + "/feed.xml"
        )
        data = bytearray(file.read_bytes())
        middle = place["warc_record_offset"] + place["warc_record_length"] // 2
        data[middle : middle + 8] = bytes(8)
        file.write_bytes(data)
        paper.asked.clear()
        again = crawl(tmp_path / "c", sites=paper.home + "/")
        assert paper.statuses("/feed.xml") == [304, 200]
        assert "Traceback" not in again, again
    assert [*read_records(sorted((tmp_path / "c" / "archive").glob("*.warc.gz"))[-1])]
