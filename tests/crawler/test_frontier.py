"""Crawls that are broken off and gone on with, the ledger that says what became of each address, and a person's hand in it."""

import argparse
import io
import re
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from scrapy.exceptions import UsageError
from scrapy.settings import Settings

import archive
from archive.collection import create_collection
from crawler.commands.frontier import Command
from tests.crawling import begin, scrapy
from tests.newsroom.server import Newsroom

SLOW = {
    "DOWNLOAD_DELAY": "0.03",
    "BROADSHEET_SYNC_SECONDS": "0.05",
    "BROADSHEET_LEDGER_SECONDS": "0.3",
    "BROADSHEET_CRAWL_DELAY_MAX": "0",
    "RETRY_ENABLED": "0",
}
BEFORE = ("/robots.txt", "/.well-known/")
STATES = {"captured", "unchanged", "duplicate", "robots", "excluded", "out_of_range", "blocked", "failed", "not_article"}


@pytest.fixture
def newsroom() -> Iterator[Newsroom]:
    with Newsroom(slow_seconds=0) as newsroom:
        yield newsroom


def crawl(collection: Path, settings: dict[str, str] | None = None, **arguments: str) -> tuple[int, str]:
    """Exit code and log of a whole crawl."""
    with begin(collection, SLOW | (settings or {}), **arguments) as running:
        outcome = running.wait()
    return outcome.code, outcome.err


def break_off(newsroom: Newsroom, collection: Path, how: int, requests: int, **arguments: str) -> None:
    """A crawl that is ended after so many requests."""
    with begin(collection, SLOW, **arguments) as crawl:
        crawl.until(lambda: len(newsroom.requests) >= requests)
        time.sleep(0.1)
        crawl.send_signal(how)
        crawl.wait()


def ledger(collection: Path) -> list[dict[str, Any]]:
    return archive.open_ledger(collection).to_table().to_pylist()


def frontier(*arguments: str | Path) -> str:
    """What ``scrapy frontier ARGUMENTS`` prints, without a process of its own."""
    command, parser = Command(), argparse.ArgumentParser(conflict_handler="resolve")
    command.settings = Settings()
    command.add_options(parser)
    options, rest = parser.parse_known_args([str(one) for one in arguments])
    with redirect_stdout(io.StringIO()) as out:
        command.run(rest, options)
    return out.getvalue()


def asked(newsroom: Newsroom, since: int = 0) -> Counter[str]:
    """How often each address was asked for, but for what a host is asked beforehand."""
    return Counter(one.host + one.path for one in newsroom.requests[since:] if not one.path.startswith(BEFORE))


def test_each_announced_address_is_in_the_ledger_once_and_fetched_once(tmp_path: Path, newsroom: Newsroom) -> None:
    sites = ",".join(newsroom.front_pages)
    code, log = crawl(tmp_path / "c", sites=sites, since="2022-01-01")
    assert code == 0, log
    assert max(asked(newsroom).values()) == 1
    rows = ledger(tmp_path / "c")
    states = Counter(row["state"] for row in rows)
    assert max(Counter(row["url"] for row in rows).values()) == 1
    assert set(states) <= STATES
    (total,) = re.findall(r"announced  (\d+) addresses:", log)
    assert int(total) == len(rows) == states.total()
    of_hosts = re.findall(r"(\d+) of [a-z.-]+\.test: (.*)", log)
    assert [int(count) for count, _ in of_hosts] == [sum(map(int, re.findall(r"\d+", words))) for _, words in of_hosts]
    articles = {row["requested_url"] for row in archive.open_articles(tmp_path / "c").to_table().to_pylist()}
    captured = {row["url"]: row for row in rows if row["state"] == "captured"}
    assert articles <= set(captured)
    records = set(archive.open_captures(tmp_path / "c").to_table().column("warc_record_id").to_pylist())
    assert {row["warc_record_id"] for row in rows if row["warc_record_id"]} <= records
    left_out = [row for row in rows if row["state"] == "out_of_range" and row["warc_record_id"] is None]
    assert left_out  # announced with a date, so never asked for
    assert not {row["url"].partition("://")[2].replace(f":{newsroom.port}", "") for row in left_out} & set(asked(newsroom))
    assert {"rss.xml" in str(source["via"]) for row in rows for source in row["sources"]} == {True, False}
    assert any(len(row["sources"]) > 2 and row["announced_date"] for row in rows)
    assert "nothing waits" in frontier(tmp_path / "c")
    # a crawl after one that was finished looks at everything again
    began = len(newsroom.requests)
    code, log = crawl(tmp_path / "c", sites=sites, since="2022-01-01")
    assert set(asked(newsroom, began)) == set(asked(newsroom))
    again = [row for row in ledger(tmp_path / "c") if row["crawl_id"] == max(row["crawl_id"] for row in ledger(tmp_path / "c"))]
    assert Counter(row["url"] for row in again) == Counter(row["url"] for row in rows)
    assert Counter(row["state"] for row in again)["unchanged"] > 20
    report = frontier("--ledger", tmp_path / "c")
    (sums,) = re.findall(r"all +([\d, ]+)", report)
    announced, *parts = map(int, sums.split())
    assert announced == sum(parts) == len(rows)


def test_a_broken_off_crawl_goes_on_as_a_person_wants_it(tmp_path: Path, newsroom: Newsroom) -> None:
    courier, wire, _ = newsroom.front_pages
    sites = ",".join(newsroom.front_pages)
    break_off(newsroom, tmp_path / "c", signal.SIGINT, 22, sites=sites)
    began = len(newsroom.requests)
    rows = ledger(tmp_path / "c")
    queued = {row["url"] for row in rows if row["state"] == "queued"}
    assert len(queued) > 10
    shown = frontier(tmp_path / "c")
    assert "1 unfinished crawl" in shown
    waiting = sum(int(count) for count in re.findall(r"(?m)^ +(\d+)  [a-z.-]+\.test$", shown))
    assert waiting >= len(queued)
    of_courier = sorted(url for url in queued if url.startswith(courier))
    host = newsroom.hosts[0]
    assert of_courier[0] in frontier(tmp_path / "c", host)
    frontier(tmp_path / "c", "--drop", of_courier[0], "--raise", of_courier[-1], "--ban", newsroom.hosts[2], "--raise", host)
    added = f"{wire}europe/added-by-hand.html"
    assert "for the next crawl" in frontier(tmp_path / "c", "--add", added)
    assert f"banned: {newsroom.hosts[2]}" in frontier(tmp_path / "c")
    # another command is another crawl, which leaves the first as it is
    code, log = crawl(tmp_path / "c", urls=of_courier[1])
    assert code == 0, log
    assert sum(asked(newsroom, began).values()) == 2, "the page, and what was added"
    began = len(newsroom.requests)
    code, log = crawl(tmp_path / "c", sites=sites)
    assert code == 0, log
    assert f"Going on with crawl {rows[0]['crawl_id']}" in log
    after = [one.host + one.path for one in newsroom.requests[began:] if not one.path.startswith(BEFORE)]
    without_port = [url.partition("://")[2].replace(f":{newsroom.port}", "") for url in (of_courier[0], of_courier[-1])]
    assert without_port[0] not in after
    assert without_port[1] in after[:3]
    assert not [url for url in after if url.startswith(newsroom.hosts[2])]
    assert max(asked(newsroom).values()) <= 2
    last = {row["url"]: row for row in ledger(tmp_path / "c") if row["crawl_id"] == rows[0]["crawl_id"]}
    assert not [row for row in last.values() if row["state"] == "queued"]
    assert last[of_courier[0]]["reason"] == "dropped by hand"
    assert Counter(row["reason"] for row in last.values())["its host was banned by hand"] > 0


def test_a_damaged_frontier_is_made_anew_and_no_page_is_fetched_twice(tmp_path: Path, newsroom: Newsroom) -> None:
    sites = ",".join(newsroom.front_pages)
    break_off(newsroom, tmp_path / "c", signal.SIGKILL, 40, sites=sites)
    path = tmp_path / "c" / "state" / "frontier.sqlite"
    for file in path.parent.glob("frontier.sqlite-*"):
        file.unlink()
    path.write_bytes(b"SQLite format 3\0" + b"spoiled" * 5_000)
    with pytest.raises(UsageError, match=r"frontier.sqlite is damaged .*; the next crawl makes it anew"):
        frontier(tmp_path / "c")
    code, log = crawl(tmp_path / "c", sites=sites)
    assert code == 0, log
    assert "frontier.sqlite was damaged and is made anew" in log
    assert "Traceback" not in log
    pages = {row["url"] for row in archive.open_articles(tmp_path / "c").to_table().to_pylist()}
    counts = asked(newsroom)
    twice = [url for url in pages if counts[url.partition("://")[2].replace(f":{newsroom.port}", "")] > 1]
    assert len(twice) <= 3, twice  # those that were under way
    rows = ledger(tmp_path / "c")
    assert max(Counter(row["url"] for row in rows).values()) == 1
    assert pages <= {row["url"] for row in rows if row["state"] in ("captured", "unchanged", "duplicate")} | {
        row["url"] for row in rows if row["purpose"] == "page"
    }
    assert not list(path.parent.glob("*.damaged*"))


def test_a_frontier_that_another_program_has_locked_is_named(tmp_path: Path, newsroom: Newsroom) -> None:
    code, log = crawl(tmp_path / "c", urls=newsroom.expected[0].url)
    other = sqlite3.connect(tmp_path / "c" / "state" / "frontier.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    code, log = crawl(tmp_path / "c", urls=newsroom.expected[0].url)
    other.close()
    assert code == 1
    assert f"Stopping: {tmp_path / 'c' / 'state' / 'frontier.sqlite'} is locked by another program: close that" in log
    assert "Traceback" not in log


def test_addresses_of_a_hundred_kilobytes_are_left_out_and_said(tmp_path: Path, newsroom: Newsroom) -> None:
    long = newsroom.front_pages[0] + "x" * 100_000
    (tmp_path / "urls").write_text(f"{long}\n{long}y\n{newsroom.expected[0].url}\n")
    code, log = crawl(tmp_path / "c", urls=str(tmp_path / "urls"))
    assert code == 0, log
    states = Counter((row["state"], row["reason"]) for row in ledger(tmp_path / "c"))
    assert {reason: count for (state, reason), count in states.items() if state == "excluded"} == {
        f"an address of {len(long):,} characters": 1,
        f"an address of {len(long) + 1:,} characters": 1,
    }
    assert sum(asked(newsroom).values()) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--add", "example.org"], "--add 'example.org': give an address"),
        (["--add", "ftp://example.org/"], "give an http or https address"),
        (["--ban", "https://example.org/"], "give the name of a host"),
        (["--drop", " "], "give an address"),
        (["--drop", "a b"], "give an address"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(tmp_path: Path, options: list[str], words: str) -> None:
    create_collection(tmp_path / "c")
    with pytest.raises(UsageError) as refused:
        frontier(*options, tmp_path / "c")
    assert words in str(refused.value)


def test_the_command_ends_with_2_and_the_reason_where_there_is_no_collection(tmp_path: Path) -> None:
    outcome = scrapy("frontier", str(tmp_path / "none"))
    assert outcome.code == 2
    assert "there is no such collection" in outcome.err
    assert "Traceback" not in outcome.err
