"""Arguments of the news spider: what is taken, and what is refused with which words."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from crawler.arguments import ArgumentError, NewsArguments


def test_addresses_are_parted_by_commas_and_a_bare_host_is_a_site() -> None:
    parsed = NewsArguments.parse({"sites": "https://a.example/news, b.example,b.example"})
    assert parsed.sites == ("https://a.example/news", "https://b.example/")
    assert parsed.collection == "collections/news"


def test_a_file_has_one_address_a_line(tmp_path: Path) -> None:
    file = tmp_path / "urls.txt"
    file.write_text("# mine\nhttps://a.example/1\n\n  https://a.example/2  \n")
    assert NewsArguments.parse({"urls": str(file)}).urls == ("https://a.example/1", "https://a.example/2")


def test_since_is_an_instant_and_max_articles_a_number() -> None:
    parsed = NewsArguments.parse({"feeds": "https://a.example/rss", "since": "2026-11-23", "max_articles": "7"})
    assert parsed.since == datetime(2026, 11, 23, tzinfo=UTC)
    assert parsed.max_articles == 7
    assert parsed.seeds == ("https://a.example/rss",)


def test_until_means_the_whole_day_and_depth_may_be_none() -> None:
    parsed = NewsArguments.parse({"sites": "a.example", "until": "2026-11-23", "depth": "0"})
    assert parsed.until == datetime(2026, 11, 23, 23, 59, 59, 999_999, tzinfo=UTC)
    assert parsed.depth == 0
    exact = NewsArguments.parse({"sites": "a.example", "until": "2026-11-23T12:00:00+00:00"})
    assert (exact.until, exact.depth) == (datetime(2026, 11, 23, 12, tzinfo=UTC), 2)


def test_every_watches_and_names_the_longest_interval() -> None:
    parsed = NewsArguments.parse({"sites": "a.example", "feeds": "https://a.example/rss", "every": "15m"})
    assert (parsed.watch, parsed.every) == (True, 900)
    assert NewsArguments.parse({"sites": "a.example", "watch": "True"}).watch
    assert not NewsArguments.parse({"sites": "a.example", "watch": "false"}).watch


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "nothing to crawl"),
        ({"site": "https://a.example/"}, "unknown argument 'site': did you mean sites?"),
        ({"colour": "red"}, "unknown argument 'colour': there are sites, feeds"),
        ({"sites": "file:///etc/passwd"}, "sites: 'file:///etc/passwd' is neither a file nor an http or https address"),
        ({"sites": "data:text/html,hello"}, "sites: 'data:text/html' is neither"),
        ({"feeds": "https://"}, "feeds: 'https://' is neither"),
        ({"sitemaps": "https://a.example:0x1/"}, "sitemaps: "),
        (
            {"sites": "https://me:hush@a.example/"},
            "sites: 'https://redacted@a.example/' holds a user name: pages behind a password",
        ),
        ({"sites": "https://me:hush@a.example:x/"}, "sites: 'https://redacted@a.example:x/' is neither"),
        ({"urls": "missing.txt"}, "urls: there is no file 'missing.txt'"),
        ({"sites": "a" * 5_000}, "is neither a file nor"),
        ({"sites": ","}, "sites: ',' names no address"),
        ({"sites": "a.example", "since": "yesterday"}, "since: 'yesterday' is no date; write it like 2026-11-23"),
        ({"sites": "a.example", "until": "soon"}, "until: 'soon' is no date; write it like 2026-11-23"),
        (
            {"sites": "a.example", "since": "2026-11-02", "until": "2026-11-01"},
            "until: '2026-11-01' lies before since=2026-11-02",
        ),
        ({"sites": "a.example", "depth": "two"}, "depth: 'two' is not a number from 0"),
        ({"sites": "a.example", "max_articles": "-3"}, "max_articles: '-3' is not a number from 1"),
        ({"sites": "a.example", "max_articles": "0"}, "max_articles: '0' is not a number from 1"),
        ({"sites": "a.example", "watch": "perhaps"}, "watch: 'perhaps' is neither true nor false"),
        ({"sites": "a.example", "every": "soon"}, "every: 'soon' is no length of time; write it like 90s, 15m, 2h or 1d"),
        ({"sites": "a.example", "every": "15m", "watch": "no"}, "every: goes with watch=true alone"),
        ({"urls": "https://a.example/1", "watch": "true"}, "watch: there is nothing to watch in a list of pages"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_reason(given: dict[str, str], words: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        NewsArguments.parse(given)
    assert words in str(caught.value)
    assert "hush" not in str(caught.value)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "urls.bin"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ArgumentError, match="cannot be read"):
        NewsArguments.parse({"urls": str(file)})
