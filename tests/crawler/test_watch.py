"""A watch in a process of its own, as someone would run it for weeks, with intervals of a moment."""

import signal
import sqlite3
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import archive
from archive.collection import open_collection
from archive.ledger import state_named
from archive.verify import verify
from tests.crawler.paper import Paper, path_of
from tests.crawling import Running, begin, scrapy
from tests.newsroom.server import Newsroom

QUICK = {
    "BROADSHEET_WATCH_SHORTEST": "0.1",
    "BROADSHEET_WATCH_LONGEST": "0.4",
    "BROADSHEET_SYNC_SECONDS": "0.1",
    "BROADSHEET_PART_SECONDS": "0.3",
    "BROADSHEET_ROBOTS_TTL": "3600",
}


def watching(collection: Path, settings: dict[str, str] | None = None, **arguments: str) -> Running:
    return begin(collection, QUICK | (settings or {}), watch="true", **arguments)


def stop(watch: Running, how: signal.Signals = signal.SIGTERM) -> int:
    """Its exit code, negative for a signal."""
    watch.send_signal(how)
    return watch.wait().code


def rows(collection: Path, table: str = "articles") -> list[dict[str, Any]]:
    opened = archive.open_articles(collection) if table == "articles" else archive.open_captures(collection)
    found: list[dict[str, Any]] = opened.to_table().to_pylist()
    return found


class Watched:
    """One watch that lives through what happens in weeks: news, a changed list, a broken one, a stop and a new start."""

    def __init__(self, folder: Path) -> None:
        self.collection = folder / "c"
        sites = folder / "sites.txt"
        with Paper(3) as paper, Paper(2) as other:
            self.paper, self.other = paper, other
            sites.write_text(paper.home + "/\n")
            with watching(self.collection, {"BROADSHEET_WATCH_REPORT_SECONDS": "1.5"}, sites=str(sites)) as watch:
                watch.until(lambda: len(paper.statuses("/feed.xml")) >= 3)
                self.new = paper.publish()
                watch.until(lambda: paper.statuses(path_of(4)))
                sites.write_text("nonsense here\n")
                watch.until(lambda: "nonsense" in watch.err)
                seen = len(paper.statuses("/feed.xml"))
                watch.until(lambda: len(paper.statuses("/feed.xml")) > seen + 2)
                sites.write_text(f"{paper.home}/\n{other.home}/\n")
                watch.until(lambda: other.statuses(path_of(2)))
                sites.write_text(f"{other.home}/\n")
                watch.until(lambda: "1 left out" in watch.err)
                time.sleep(0.5)  # what was under way
                self.late = len(paper.asked)
                seen = len(other.statuses("/"))
                watch.until(lambda: len(other.statuses("/")) > seen + 2)
                self.later = len(paper.asked)
                self.code, self.said = stop(watch), watch.err


def test_an_answer_with_the_same_bytes_is_not_read_again(tmp_path: Path) -> None:
    with Paper(40) as paper:
        front = paper._document("/")[1]
        paper.odd["/"] = lambda: (200, {"Content-Type": "text/html"}, front)  # without any validators
        with watching(tmp_path / "c", {"ROBOTSTXT_OBEY": "False"}, sites=paper.home + "/") as watch:
            watch.until(lambda: len(paper.statuses("/")) >= 5)
            assert stop(watch) == 0
    states = [row["extraction"] for row in rows(tmp_path / "c", "captures") if row["url"] == paper.home + "/"]
    assert (states.count("not_article"), set(states)) == (1, {"not_article", "unchanged"})


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    return Watched(tmp_path_factory.mktemp("watch"))


def test_it_finds_what_is_new_and_fetches_each_page_once(watched: Watched) -> None:
    assert {row["url"] for row in rows(watched.collection)} == {
        *(watched.paper.url(number) for number in range(1, 5)),
        *(watched.other.url(number) for number in range(1, 3)),
    }
    assert [watched.paper.statuses(path_of(number)) for number in range(1, 5)] == [[200]] * 4


def test_what_did_not_change_answered_304_each_time(watched: Watched) -> None:
    for path in ("/", "/feed.xml"):
        statuses = watched.paper.statuses(path)
        assert statuses.count(200) == 2, statuses  # at first, and when the fourth story came
        assert statuses.count(304) >= 3
    revisits = [row for row in rows(watched.collection, "captures") if row["fetch_status"] == 304]
    assert {row["warc_record_type"] for row in revisits} == {"revisit"}
    assert [row["extraction"] for row in revisits if row["url"].endswith("/")].count("unchanged") >= 2  # nobody read it again


def test_it_ends_in_order_at_sigterm_and_all_of_it_is_proven(watched: Watched) -> None:
    assert watched.code == 0
    assert "ended: shutdown" in watched.said
    assert "Traceback" not in watched.said
    assert not [*(watched.collection / "archive").glob("*.open")]
    findings = verify(open_collection(watched.collection))
    assert not findings.mismatches, findings.mismatches
    assert findings.counts["captures"] == len(watched.paper.asked) + len(watched.other.asked)


def test_a_list_that_cannot_be_used_is_said_once_and_changes_nothing(watched: Watched) -> None:
    assert watched.said.count("'nonsense here' is neither a file nor an http or https address; going on with the list") == 1


def test_a_site_that_left_the_list_is_asked_no_more(watched: Watched) -> None:
    assert watched.later == watched.late


def test_it_says_a_line_now_and_then_and_no_more(watched: Watched) -> None:
    reports = [line for line in watched.said.splitlines() if "next visit in" in line]
    assert reports
    assert "visits in" in reports[0] and "unchanged" in reports[0] and "articles" in reports[0]
    lines = watched.said.partition("Crawl 2")[0].splitlines()
    others = [line for line in lines if "[broadsheet]" in line and line not in reports]
    assert len(others) <= 5, others  # the beginning, three lists, and the one that could not be used


def test_killed_and_begun_again_it_goes_on_where_it_was(tmp_path: Path) -> None:
    long = {"BROADSHEET_WATCH_LONGEST": "600"}
    with Paper(3) as paper:
        with watching(tmp_path / "c", long, feeds=paper.home + "/feed.xml") as watch:
            watch.until(lambda: len(rows(tmp_path / "c")) == 3 if (tmp_path / "c" / "tables").exists() else False)
            stop(watch, signal.SIGKILL)
        before = len(paper.asked)
        with watching(tmp_path / "c", long, feeds=paper.home + "/feed.xml") as watch:
            watch.until(lambda: "Watching 1 sites" in watch.err)
            time.sleep(1.5)
            assert len(paper.asked) == before, "it is not due yet"
            assert stop(watch) == 0
        paper.publish()
        with watching(tmp_path / "c", feeds=paper.home + "/feed.xml") as watch:
            watch.until(lambda: paper.statuses(path_of(4)))
            assert stop(watch) == 0
        assert [paper.statuses(path_of(number)) for number in range(1, 5)] == [[200]] * 4
    assert not verify(open_collection(tmp_path / "c")).mismatches
    assert len(rows(tmp_path / "c")) == 4


def test_its_ledger_shows_while_it_runs_and_adds_up_after_a_kill(tmp_path: Path) -> None:
    collection = tmp_path / "c"
    settings = {"BROADSHEET_LEDGER_SECONDS": "0.1", "BROADSHEET_CRAWL_DELAY_MAX": "0", "DOWNLOAD_DELAY": "0.1"}

    def states() -> Counter[str]:
        """How many addresses are in which state; to open the table proves each part whole."""
        if not (collection / "tables" / "ledger").exists():
            return Counter()
        found = archive.open_ledger(collection).to_table().to_pylist()
        assert len({(row["crawl_id"], row["url"]) for row in found}) == len(found)
        return Counter(row["state"] for row in found)

    with Newsroom(slow_seconds=0) as newsroom:
        given = {"sites": newsroom.front_pages[2]}
        with watching(collection, settings, **given) as watch:
            watch.until(lambda: states()["captured"] and states()["queued"] > 3)
            stop(watch, signal.SIGKILL)
        assert states()["queued"]
        with watching(collection, settings, **given) as watch:
            watch.until(lambda: "Going on with crawl" in watch.err and states()["captured"] > 5)
            assert stop(watch) == 0
        assert "Traceback" not in watch.err
    database = sqlite3.connect(collection / "state" / "frontier.sqlite")
    kept = Counter(state_named(code) for (code,) in database.execute("SELECT state FROM ledger"))
    database.close()
    assert states() == kept
    assert kept.total() > 10


def test_a_page_that_could_not_be_had_is_asked_for_again_and_one_that_is_gone_is_not(tmp_path: Path) -> None:
    tries: list[int] = []

    def broken() -> tuple[int, dict[str, str], bytes]:
        tries.append(1)
        return (503, {"Retry-After": "0"}, b"busy") if len(tries) == 1 else (200, {}, b"<p>Here it is, after all.</p>")

    gone = (410, {}, b"gone")
    with Paper(3, odd={path_of(2): broken, path_of(3): lambda: gone}) as paper:
        settings = {"RETRY_TIMES": "0", "BROADSHEET_BACKOFF": "0.05"}
        with watching(tmp_path / "c", settings, feeds=paper.home + "/feed.xml") as watch:
            watch.until(lambda: len(tries) == 2)
            seen = len(paper.statuses("/feed.xml"))
            watch.until(lambda: len(paper.statuses("/feed.xml")) > seen + 3)
            assert stop(watch) == 0
        assert (len(tries), paper.statuses(path_of(3))) == (2, [410])


def test_a_feed_that_changes_each_time_without_news_is_asked_more_seldom(tmp_path: Path) -> None:
    with Paper(2) as paper:
        plain = paper._document("/feed.xml")[1]
        answers = iter(range(10**6))
        paper.odd["/feed.xml"] = lambda: (200, {"ETag": f'"{next(answers)}"'}, plain + b"<!-- %d -->" % next(answers))
        with watching(tmp_path / "c", {"BROADSHEET_WATCH_LONGEST": "600"}, feeds=paper.home + "/feed.xml") as watch:
            watch.until(lambda: paper.statuses(path_of(2)))
            time.sleep(4)
            stop(watch)
        assert 1 <= len(paper.statuses("/feed.xml")) <= 4
        assert paper.statuses(path_of(1)) == [200]


def test_what_the_bounds_do_not_allow_ends_in_one_line(tmp_path: Path) -> None:
    given = ("-a", "every=10s", "-a", "sites=http://127.0.0.1/", "-a", f"collection={tmp_path / 'c'}")
    outcome = scrapy("crawl", "news", *given)
    assert outcome.code == 2
    assert "every: 10 s is not within 90 s and 604800 s; e.g. -a every=15m" in outcome.err
    assert "Traceback" not in outcome.err


def test_what_is_secret_is_not_watched_and_not_written_down(tmp_path: Path) -> None:
    given = ("-a", "watch=true", "-a", "feeds=http://me:hunter2@127.0.0.1/feed.xml", "-a", f"collection={tmp_path / 'c'}")
    outcome = scrapy("crawl", "news", *given)
    assert outcome.code == 2
    assert "holds a user name" in outcome.err
    assert "hunter2" not in outcome.err
    assert not (tmp_path / "c").exists()
