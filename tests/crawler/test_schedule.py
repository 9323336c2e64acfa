"""The schedule of a watch: what is due when, across restarts, changed lists, clocks that jump and files that are damaged."""

import sqlite3
from pathlib import Path

import pytest

from crawler.intervals import Bounds
from crawler.schedule import _EACH, _MOST, Schedule

BOUNDS = Bounds(90, 7 * 86_400, 900)
NOW = 1_700_000_000.0
SEEDS = [("http://a.test/", "front_page", "{}"), ("http://b.test/feed", "feed", "{}")]


@pytest.fixture
def schedule(tmp_path: Path) -> Schedule:
    made = Schedule(tmp_path / "watch.sqlite", BOUNDS)
    made.follow(SEEDS, NOW)
    return made


def due(schedule: Schedule, now: float) -> list[str]:
    return [visit.url for visit in schedule.due(now, 100)]


def test_seeds_are_due_at_once_and_then_in_their_interval(schedule: Schedule) -> None:
    assert sorted(due(schedule, NOW)) == ["http://a.test/", "http://b.test/feed"]
    schedule.visited("http://a.test/", NOW, 5, "run")
    assert due(schedule, NOW + 899) == ["http://b.test/feed"]
    assert due(schedule, NOW + 900) == ["http://b.test/feed", "http://a.test/"]
    schedule.visited("http://a.test/", NOW + 900, 0, "run")
    assert due(schedule, NOW + 900 + 1349) == ["http://b.test/feed"]
    assert schedule.next_due() == NOW


def test_what_was_found_is_due_at_once_and_once(schedule: Schedule) -> None:
    section = ("http://a.test/world/", "section", "{}", "http://a.test/")
    assert schedule.admit(*section, NOW + 5)
    assert "http://a.test/world/" in due(schedule, NOW + 5)
    schedule.visited("http://a.test/world/", NOW + 5, 0, "run")
    assert schedule.admit(*section, NOW + 6)
    assert "http://a.test/world/" not in due(schedule, NOW + 6)


def test_a_later_run_goes_on_where_it_was(schedule: Schedule, tmp_path: Path) -> None:
    schedule.visited("http://a.test/", NOW, 0, "first")
    later = Schedule(tmp_path / "watch.sqlite", BOUNDS)  # the other one never closed: it was killed
    assert later.follow(SEEDS, NOW + 10) == (0, 0)
    (visit,) = later.due(NOW + 899, 100)
    assert visit.url == "http://b.test/feed" and visit.read_by is None
    assert {one.url: one.read_by for one in later.due(NOW + 900, 100)}["http://a.test/"] == "first"


def test_a_changed_list_takes_in_and_leaves_out_with_all_that_was_found(schedule: Schedule) -> None:
    schedule.admit("http://a.test/rss", "feed", "{}", "http://a.test/", NOW)
    schedule.visited("http://a.test/rss", NOW, 0, "run")
    assert schedule.follow([*SEEDS[1:], ("http://c.test/", "front_page", "{}")], NOW) == (1, 1)
    assert due(schedule, NOW + 10**6) == ["http://b.test/feed", "http://c.test/"]
    assert schedule.counts() == (2, 2)
    assert schedule.follow(SEEDS, NOW) == (1, 1)  # it comes back, and has kept its place
    assert due(schedule, NOW + 899) == ["http://a.test/", "http://b.test/feed"]


def test_a_feed_that_was_a_seed_and_is_one_no_more_may_be_found_again(schedule: Schedule) -> None:
    schedule.follow(SEEDS[:1], NOW)
    assert schedule.admit("http://b.test/feed", "feed", "found", "http://a.test/", NOW)
    assert "http://b.test/feed" in due(schedule, NOW)
    schedule.follow(SEEDS, NOW)
    (visit,) = (visit for visit in schedule.due(NOW, 9) if visit.url == "http://b.test/feed")
    assert (visit.seed, visit.request) == ("http://b.test/feed", "{}")


def test_failures_wait_longer_each_time_but_not_because_of_their_host(schedule: Schedule) -> None:
    schedule.failed("http://a.test/", NOW, left=True)
    assert due(schedule, NOW + 900)[-1] == "http://a.test/"
    schedule.failed("http://a.test/", NOW)
    assert "http://a.test/" not in due(schedule, NOW + 1799)
    schedule.failed("http://a.test/", NOW, gone=True)
    assert "http://a.test/" not in due(schedule, NOW + 14_399)
    assert "http://a.test/" in due(schedule, NOW + 14_400)


def test_a_seed_has_so_many_and_no_more(schedule: Schedule) -> None:
    taken = [schedule.admit(f"http://a.test/{n}/", "section", "{}", "http://a.test/", NOW) for n in range(_MOST)]
    assert taken == [True] * (_MOST - 1) + [False]


def test_one_seed_keeps_no_other_waiting(schedule: Schedule) -> None:
    for n in range(500):
        schedule.admit(f"http://a.test/{n}/", "section", "{}", "http://a.test/", NOW - 1)
    found = schedule.due(NOW, 100)
    assert [visit.seed for visit in found].count("http://a.test/") == _EACH
    assert found[-1].url == "http://b.test/feed"


def test_a_clock_that_is_set_back_moves_the_plan_and_stops_nothing(schedule: Schedule, tmp_path: Path) -> None:
    schedule.keep_time(NOW)
    for url, *_ in SEEDS:
        schedule.visited(url, NOW, 0, "run")
    year = 365 * 86_400
    assert schedule.keep_time(NOW + 1) == 0
    assert schedule.keep_time(NOW - 59) == 0  # as time servers do
    assert schedule.keep_time(NOW - year) == year - 59
    assert not due(schedule, NOW - year + 800)
    assert len(due(schedule, NOW - year + 960)) == 2
    later = Schedule(tmp_path / "watch.sqlite", BOUNDS)  # or while nobody watched
    assert later.keep_time(NOW - 2 * year) == year
    assert len(due(later, NOW - 2 * year + 960)) == 2


def test_a_clock_that_was_wrong_by_years_holds_nothing_up(schedule: Schedule) -> None:
    schedule.visited("http://a.test/", NOW + 10**9, 0, "run")
    schedule.follow(SEEDS, NOW)
    assert "http://a.test/" in due(schedule, NOW + BOUNDS.longest)


def test_shorter_bounds_hold_at_once(schedule: Schedule, tmp_path: Path) -> None:
    for day in range(20):
        schedule.visited("http://a.test/", NOW + day, 0, "run")
    later = Schedule(tmp_path / "watch.sqlite", Bounds(90, 900, 900))
    later.follow(SEEDS, NOW)
    assert "http://a.test/" in due(later, NOW + 901)


@pytest.mark.parametrize("damage", ["noise", "version", "pages"])
def test_a_file_that_cannot_be_read_is_begun_anew(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "watch.sqlite"
    if damage == "noise":
        path.write_bytes(b"no database at all" * 1000)
    elif damage == "pages":
        made = Schedule(path, BOUNDS)
        made.follow([(f"http://{n}.test/", "front_page", "{}") for n in range(2000)], NOW)
        made.close()
        with path.open("r+b") as file:
            file.seek(8192)
            file.write(b"\x7f" * 50_000)
    else:
        sqlite3.connect(path).execute("PRAGMA user_version = 99").connection.commit()
    schedule = Schedule(path, BOUNDS)
    schedule.follow(SEEDS, NOW)
    assert len(due(schedule, NOW)) == 2
