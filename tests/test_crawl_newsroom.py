"""The whole way, on the sample newsroom: what a crawl finds, keeps and writes down."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import archive
from tests.crawling import LOCAL, Outcome, crawl, scrapy
from tests.newsroom.content import Expected
from tests.newsroom.server import Newsroom, Seen
from tests.newsroom.site import Site

PAGES = Site(1).expected()
ARTICLES = [number for number, page in enumerate(PAGES) if page.verdict == "article"]


@dataclass
class Crawled:
    """Two crawls of the newsroom's front pages into one collection, the second also of an AMP twin that no page lists."""

    newsroom: Newsroom
    collection: Path
    first: Outcome
    second: Outcome
    first_requests: list[Seen]
    items: list[dict[str, Any]]
    articles: list[dict[str, Any]]
    captures: list[dict[str, Any]]

    def article(self, url: str) -> dict[str, Any]:
        """The first version of the article at ``url``, or of the article that page was folded onto."""
        states = [(row["extraction"], row["extraction_reason"]) for row in self.captures if row["url"] == url]
        assert states, f"{url} was never fetched"
        page = next(page for page in self.newsroom.expected if page.url == url)
        same = {url, page.extra["canonical"], first_page(page)}
        found = [row for row in self.articles if same & {row["url"], row["requested_url"], row["canonical_url"]}]
        assert found, f"no row for {url}: {states}"
        return min(found, key=lambda row: row["version"])


@pytest.fixture(scope="session")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawled]:
    folder = tmp_path_factory.mktemp("newsroom")
    collection = folder / "collection"
    with Newsroom() as newsroom:
        sites = ",".join(newsroom.front_pages)
        first = crawl(collection, options=("-O", str(folder / "out.jsonl")), fresh=True, sites=sites)
        requests = newsroom.requests
        (folder / "twins.txt").write_text("\n".join(page.url for page in newsroom.expected if "/amp/" in page.url))
        second = crawl(collection, sites=sites, urls=str(folder / "twins.txt"))
        yield Crawled(
            newsroom,
            collection,
            first,
            second,
            requests,
            [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()],
            archive.open_articles(collection).to_table().to_pylist(),
            archive.open_captures(collection).to_table().to_pylist(),
        )


def first_page(page: Expected) -> str:
    """Where the article begins that goes on on this page, or the page itself."""
    return page.url.partition("?page=")[0] if "page" in page.extra else page.url


def pages_of(crawled: Crawled, page: Expected) -> list[Expected]:
    """All pages of the article that a page belongs to, in order."""
    return [one for one in crawled.newsroom.expected if first_page(one) == first_page(page)] if "page" in page.extra else [page]


def expected(crawled: Crawled, number: int) -> Expected:
    return crawled.newsroom.expected[number]


@pytest.mark.parametrize("number", ARTICLES, ids=lambda number: PAGES[number].url.partition("1/")[2])
class TestEveryArticle:
    def test_has_the_expected_text(self, crawled: Crawled, number: int) -> None:
        page = expected(crawled, number)
        assert crawled.article(page.url)["text"] == "\n\n".join(one.text or "" for one in pages_of(crawled, page))

    def test_has_the_expected_title_authors_and_language(self, crawled: Crawled, number: int) -> None:
        page = expected(crawled, number)
        row = crawled.article(page.url)
        assert row["title"] == page.title
        assert [author["name"] for author in row["authors"]] == page.authors
        assert row["language"] == page.language

    def test_has_the_expected_date(self, crawled: Crawled, number: int) -> None:
        page = expected(crawled, number)
        row = crawled.article(page.url)
        if page.published is None:
            assert row["published_at"] is None
            return
        wanted = datetime.fromisoformat(page.published)
        assert row["published_at"].replace(tzinfo=None) == (wanted - (wanted.utcoffset() or wanted - wanted)).replace(
            tzinfo=None
        )
        offset = wanted.utcoffset()
        assert row["published_utc_offset_min"] == (None if offset is None else offset.total_seconds() / 60)

    def test_says_what_else_the_page_says(self, crawled: Crawled, number: int) -> None:
        page = expected(crawled, number)
        row = crawled.article(page.url)
        for name in ("subtitle", "section", "tags", "is_accessible_for_free"):
            if name in page.extra:
                assert row[name] == page.extra[name], name


def test_pages_that_are_no_articles_are_not_tabulated(crawled: Crawled) -> None:
    urls = {row["url"] for row in crawled.articles}
    assert not [page.url for page in crawled.newsroom.expected if page.verdict == "not_article" and page.url in urls]


def test_every_request_that_the_server_saw_has_a_capture_row(crawled: Crawled) -> None:
    seen = [f"http://{request.host}:{crawled.newsroom.port}{request.path}" for request in crawled.newsroom.requests]
    assert sorted(seen) == sorted(row["url"] for row in crawled.captures)


def test_an_article_that_goes_on_is_one_row_with_all_its_records(crawled: Crawled) -> None:
    (page,) = (page for page in crawled.newsroom.expected if page.extra.get("page") == 1)
    (row,) = (row for row in crawled.articles if first_page(page) in row["url"])
    assert [one["url"] for one in row["pages"]] == [one.url for one in pages_of(crawled, page)]
    captures = {one["warc_record_id"]: one for one in crawled.captures}
    first, *further = (captures[one["warc_record_id"]] for one in row["pages"])
    assert (first["extraction"], row["warc_record_id"]) == ("article", first["warc_record_id"])
    assert [one["extraction_reason"] for one in further] == [f"page {number} of {row['url']}" for number in (2, 3)]
    assert {one["extraction"] for one in further} == {"page"}


def test_a_twin_is_folded_onto_its_article(crawled: Crawled) -> None:
    (page,) = (page for page in crawled.newsroom.expected if "amp_of" in page.extra)
    assert not [row for row in crawled.articles if row["url"] == page.url]
    (twin,) = (row for row in crawled.captures if row["url"] == page.url)
    assert (twin["extraction"], twin["extraction_reason"]) == ("duplicate", f"AMP twin of {page.extra['canonical']}")


def test_robots_txt_is_obeyed(crawled: Crawled) -> None:
    assert crawled.newsroom.disallowed
    assert not set(crawled.newsroom.disallowed) & {row["url"] for row in crawled.captures}
    assert {row["robots_allowed"] for row in crawled.articles} == {True}


def test_a_crawl_delay_sets_the_pace_of_its_host(crawled: Crawled) -> None:
    times = [request.time for request in crawled.first_requests if request.host == "www.harbour-courier.test"]
    # the first request, for robots.txt, cannot know the delay yet; what arrives late leaves a shorter gap behind it
    gaps = sorted(after - before for before, after in pairwise(times[1:]))
    assert sum(gaps) >= 0.05 * len(gaps) * 0.95
    assert gaps[len(gaps) // 10] > 0.05 / 2
    assert sum(times[place + 9] - times[place] >= 0.05 * 8 for place in range(1, len(times) - 9)) == len(times) - 10


def test_failures_have_rows_with_their_state(crawled: Crawled) -> None:
    states = {row["fetch_status"] for row in crawled.captures if row["extraction"] == "failed" or row["fetch_status"] >= 400}
    assert {404, 410, 500} <= states


def test_a_redirected_article_keeps_the_address_it_was_found_under(crawled: Crawled) -> None:
    redirects = [row for row in crawled.captures if row["fetch_redirect"]]
    assert len(redirects) >= 3
    for row in redirects:
        assert [capture for capture in crawled.captures if capture["url"] == row["fetch_redirect"]], row["url"]


def test_a_second_crawl_adds_only_what_changed(crawled: Crawled) -> None:
    newer = [row for row in crawled.articles if row["version"] == 2]
    assert len(newer) == 1
    (old,) = (row for row in crawled.articles if row["article_id"] == newer[0]["article_id"] and row["version"] == 1)
    assert newer[0]["prev_version_sha256"] == old["text_sha256"] != newer[0]["text_sha256"]
    wanted = next(page.extra["second_text"] for page in crawled.newsroom.expected if "second_text" in page.extra)
    assert newer[0]["text"] == wanted
    assert "unchanged" in {row["extraction"] for row in crawled.captures}


def test_a_wire_story_on_two_hosts_is_a_near_duplicate(crawled: Crawled) -> None:
    first, second = (row for row in crawled.articles if "storm-barrier" in row["url"])
    assert first["text_sha256"] != second["text_sha256"], "each site has a summary of its own above it"
    assert (first["text_simhash"] ^ second["text_simhash"]).bit_count() <= 12


def test_the_icon_sprite_never_reaches_a_text(crawled: Crawled) -> None:
    assert not [row["url"] for row in crawled.articles if "bookmark" in row["text"] or "chevron" in row["text"]]


def test_feed_export_has_the_same_articles(crawled: Crawled) -> None:
    (first_crawl,) = {row["crawl_id"] for row in crawled.articles if row["version"] == 1}
    rows = [row for row in crawled.articles if row["crawl_id"] == first_crawl]
    assert {item["warc_record_id"]: item["text"] for item in crawled.items} == {
        row["warc_record_id"]: row["text"] for row in rows
    }


def test_the_log_is_calm_and_the_summary_says_what_came_of_it(crawled: Crawled) -> None:
    assert (crawled.first.code, crawled.second.code) == (0, 0)
    assert "Traceback" not in crawled.first.err + crawled.second.err
    assert "[scrapy.middleware]" not in crawled.first.err
    # two pages are gone for good; that the usual places of feeds have none is no error
    assert "          2 http 404" in crawled.first.err
    assert f"  sites      {len(crawled.newsroom.front_pages)}" in crawled.first.err
    assert f"scrapy verify {crawled.collection}" in crawled.first.err
    assert "unchanged since an earlier crawl" in crawled.second.err


def test_verify_proves_the_collection_and_names_what_was_tampered_with(crawled: Crawled, tmp_path: Path) -> None:
    proven = scrapy("verify", str(crawled.collection), settings={"BROADSHEET_WORKERS": "1"}, fresh=True)
    assert proven.code == 0, proven.out
    assert f"{len(crawled.articles):,} texts extracted again" in proven.out
    (name, *_) = sorted(path.name for path in (crawled.collection / "archive").iterdir())
    copy = tmp_path / "copy"
    for path in crawled.collection.rglob("*"):
        if path.is_file():
            target = copy / path.relative_to(crawled.collection)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    damaged = bytearray((copy / "archive" / name).read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (copy / "archive" / name).write_bytes(damaged)
    denied = scrapy("verify", "--no-texts", str(copy))
    assert denied.code == 1
    assert name in denied.out


class TestWhatElseTheSpiderTakes:
    def test_a_list_of_addresses(self, crawled: Crawled, tmp_path: Path) -> None:
        wanted = [page.url for page in crawled.newsroom.expected if page.verdict == "article"][:3]
        (tmp_path / "urls.txt").write_text("\n".join(wanted))
        outcome = crawl(tmp_path / "c", urls=str(tmp_path / "urls.txt"))
        assert outcome.code == 0
        rows = archive.open_articles(tmp_path / "c").to_table().to_pylist()
        assert {row["requested_url"] for row in rows} == set(wanted)
        assert {row["discovery_source"] for row in rows} == {"list"}

    def test_max_articles_ends_the_crawl_with_exactly_so_many(self, crawled: Crawled, tmp_path: Path) -> None:
        outcome = crawl(tmp_path / "c", sites=crawled.newsroom.front_pages[0], max_articles="4")
        assert "ended: max_articles" in outcome.err
        assert archive.open_articles(tmp_path / "c").count_rows() == 4

    def test_since_leaves_out_what_is_older(self, crawled: Crawled, tmp_path: Path) -> None:
        dates = sorted(row["published_at"] for row in crawled.articles if row["published_at"])
        since = dates[len(dates) // 2]
        crawl(tmp_path / "c", sites=",".join(crawled.newsroom.front_pages), since=since.isoformat())
        kept = archive.open_articles(tmp_path / "c").to_table().to_pylist()
        assert kept
        assert min(row["published_at"] for row in kept if row["published_at"]) >= since


def test_scrapy_list_and_shell_work_and_record_nothing(crawled: Crawled, tmp_path: Path) -> None:
    assert scrapy("list", fresh=True).out.strip() == "news"
    url = crawled.newsroom.expected[ARTICLES[0]].url
    shell = scrapy("shell", url, "-c", "response.status", settings=LOCAL)
    assert shell.out.strip().endswith("200"), shell.err
    assert not (tmp_path / "collections").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-a", "sitse=https://a.example/"), "unknown argument 'sitse': did you mean sites?"),
        (("-a", "sites=https://a.example/"), "BROADSHEET_CONTACT is not set"),
        (("-a", "sites=http://127.0.0.1/", "-s", "BROADSHEET_WORKERS=none"), "BROADSHEET_WORKERS: 'none' is not a number"),
    ],
)
def test_a_wrong_argument_ends_in_one_line_before_anything_is_fetched(arguments: tuple[str, ...], words: str) -> None:
    outcome = scrapy("crawl", "news", *arguments)
    assert outcome.code == 2
    assert words in outcome.err
    assert "Traceback" not in outcome.err
