"""The frontier's file: order, what a crash leaves, a full disk, crawls beside each other, and the ledger as a table."""

import errno
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.frontier import Crawl, Frontier, Host
from archive.frontier_file import FrontierDamagedError, FrontierError
from archive.frontier_orders import Order, collect, done, obey, post
from archive.ledger import Announced, Outcome
from archive.ledger_table import day_sums, publish, publish_part, sums
from archive.tables import ledger_table

DAY = 86_400_000_000


@pytest.fixture
def frontier(tmp_path: Path) -> Iterator[Frontier]:
    frontier = Frontier(tmp_path / "frontier.sqlite")
    frontier.begin_crawl("20261126T000000Z-aaaaaa", "news", "news")
    yield frontier
    frontier.database.close()


def add(frontier: Frontier, url: str, rank: int = 0, key: int | None = None) -> int:
    host = frontier.host(url.split("/")[2])
    address = frontier.announce(Announced(host.number, url, "page", frontier.source_token("feed", "http://f/"), 5, 5, DAY))
    frontier.see(hash(url) & (1 << 64) - 1 if key is None else key, address)
    frontier.push(host, rank, address, url)
    return address


def pop_all(frontier: Frontier, host: Host) -> list[str]:
    found = []
    while one := frontier.pop(host):
        found.append(one.request)
    return found


def crashed(frontier: Frontier) -> Frontier:
    """The file as another process finds it, with what was not flushed lost."""
    frontier.database.close()
    again = Frontier(frontier.path)
    again.open_crawl(again.crawls()[0])
    return again


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(-3, 3), st.booleans(), st.booleans()), max_size=300))
def test_requests_come_by_rank_then_in_order_whatever_is_saved_or_taken_meanwhile(
    tmp_path_factory: pytest.TempPathFactory, moves: list[tuple[int, int, bool, bool]]
) -> None:
    frontier = Frontier(tmp_path_factory.mktemp("f") / "frontier.sqlite")
    frontier.begin_crawl("x", "news", "news")
    waiting: dict[str, list[tuple[int, int]]] = {}
    for number, (site, rank, save, take) in enumerate(moves):
        host = frontier.host(f"h{site}")
        frontier.push(host, rank, 0, str(number))
        waiting.setdefault(host.name, []).append((rank, number))
        if save:
            frontier.flush()
        if take:
            one = frontier.pop(host)
            assert one
            least = min(waiting[host.name])
            assert (one.rank, int(one.request)) == least
            waiting[host.name].remove(least)
            if rank > 0:
                frontier.remove(host, one)
    assert frontier.waiting == sum(map(len, waiting.values()))
    for name, left in waiting.items():
        assert pop_all(frontier, frontier.host(name)) == [str(number) for _, number in sorted(left)]
    frontier.close()


def test_more_than_are_at_hand_come_in_order_too(frontier: Frontier) -> None:
    host = frontier.host("h")
    for number in range(500):
        frontier.push(host, -number, 0, str(number))
    assert len(host.ahead) <= 64
    assert pop_all(frontier, host) == [str(number) for number in reversed(range(500))]
    assert frontier.waiting == 0


def test_after_a_crash_waits_what_was_saved_and_not_removed(frontier: Frontier) -> None:
    first, second = add(frontier, "http://h/1"), add(frontier, "http://h/2")
    host = frontier.host("h")
    one = frontier.pop(host)
    assert one
    frontier.flush()
    frontier.remove(host, one)
    frontier.settle(first, Outcome("captured", None, 7, "<urn:uuid:1>"))
    again = crashed(frontier)
    assert pop_all(again, again.host("h")) == ["http://h/1", "http://h/2"]
    assert again.state(first) == again.state(second) == "queued"
    again.remove(again.host("h"), one)
    again.settle(first, Outcome("captured", None, 7, "<urn:uuid:1>"))
    again.flush()
    last = crashed(again)
    assert pop_all(last, last.host("h")) == ["http://h/2"]
    assert last.state(first) == "captured"
    assert last.waiting == 0
    last.close()


def test_a_crawl_has_a_seen_set_of_its_own_and_leaves_others_alone(frontier: Frontier) -> None:
    add(frontier, "http://h/1", key=1)
    frontier.flush()
    first = frontier.crawl
    frontier.begin_crawl("20261126T000001Z-bbbbbb", "other", "news")
    assert frontier.address(1) is None
    assert frontier.waiting == 0
    add(frontier, "http://h/2", key=1)
    frontier.end_crawl()
    frontier.open_crawl(first)
    assert frontier.waiting == 1
    assert frontier.address(1)
    assert frontier.crawls() == [first]
    frontier.end_crawl()
    assert frontier.crawls() == []
    frontier.open_crawl(Crawl(9, "", "", "", 0))


def test_the_table_has_all_sources_and_dates_and_is_written_again_under_the_same_names(
    frontier: Frontier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archive.ledger.PART_ROWS", 2)
    addresses = [add(frontier, f"http://h/{number}") for number in range(5)]
    table = ledger_table(tmp_path / "ledger")
    publish(frontier, table)
    names = [part.name for part in table.parts()]
    frontier.announce_again(addresses[0], frontier.source_token("section", None), 9, None)
    frontier.announce_again(addresses[0], frontier.source_token("feed", "http://f/"), 11, None)
    frontier.settle(addresses[0], Outcome("robots", "robots.txt forbids it", 8))
    publish(frontier, table)
    assert [part.name for part in table.parts()] == names
    assert len(names) == 3
    rows = {row["url"]: row for row in table.dataset().to_table().to_pylist()}
    assert len(rows) == 5
    row = rows["http://h/0"]
    assert row["sources"] == [{"source": "feed", "via": "http://f/"}, {"source": "section", "via": None}]
    assert (row["state"], row["reason"]) == ("robots", "robots.txt forbids it")
    assert row["last_announced_at"].microsecond == 11
    assert [tuple(one) for one in sums(frontier)] == [("h", "queued", 4), ("h", "robots", 1)]
    assert [tuple(one) for one in day_sums(frontier)] == [("h", "1970-01-02", "queued", 4), ("h", "1970-01-02", "robots", 1)]


def test_only_parts_that_changed_are_written_again_and_only_with_what_was_saved(
    frontier: Frontier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archive.ledger.PART_ROWS", 2)
    addresses = [add(frontier, f"http://h/{number}") for number in range(6)]
    table = ledger_table(tmp_path / "ledger")
    publish(frontier, table)
    assert not frontier.changed
    before = [part.stat().st_ino for part in table.parts()]
    frontier.settle(addresses[0], Outcome("robots", "robots.txt forbids it", 8))
    assert not frontier.changed  # it is in memory alone
    frontier.flush()
    frontier.settle(addresses[0], Outcome("captured", None, 9, "<urn:uuid:1>"))
    publish_part(frontier.path, frontier.crawl, 1, table)
    assert [part.stat().st_ino == inode for part, inode in zip(table.parts(), before, strict=True)] == [False, True, True]
    states = {row["url"]: row["state"] for row in table.dataset().to_table().to_pylist()}
    assert states == {f"http://h/{number}": "queued" if number else "robots" for number in range(6)}
    frontier.announce_again(addresses[3], frontier.source_token("section", None), 9, None)
    obey(frontier, Order("drop", "http://h/5"), "h", "http://h/5")
    assert frontier.changed == {1, 2, 3}
    again = crashed(frontier)
    assert again.changed == {1, 2, 3}  # another process knows of no part what it says
    again.close()


def test_a_row_that_is_gone_from_the_file_goes_from_the_table(frontier: Frontier, tmp_path: Path) -> None:
    table = ledger_table(tmp_path / "ledger")
    add(frontier, "http://h/1")
    tomorrow = Announced(frontier.host("h").number, "http://h/2", "page", frontier.source_token("feed", None), DAY + 5, DAY + 5)
    frontier.settle(frontier.announce(tomorrow), Outcome("memory"))
    publish(frontier, table)
    assert len(table.parts()) == 2  # a day each
    again = crashed(frontier)  # what only a dead process held was never announced
    publish(again, table)
    assert table.dataset().to_table()["url"].to_pylist() == ["http://h/1"]
    again.close()


def test_what_the_disk_refuses_stays_in_memory_until_there_is_room(frontier: Frontier, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for number in range(300):
        add(frontier, f"http://h/{number}" + "x" * 1_000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        for _ in range(2):
            with pytest.raises(OSError, match=r"frontier.sqlite: ") as refused:
                frontier.flush()
            assert refused.value.errno == errno.EFBIG
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert frontier.address(hash("http://h/7" + "x" * 1_000) & (1 << 64) - 1)
    frontier.flush()
    assert len(pop_all(frontier, frontier.host("h"))) == 300


def test_a_file_that_is_damaged_or_too_new_is_named(tmp_path: Path) -> None:
    path = tmp_path / "frontier.sqlite"
    path.write_bytes(b"no database at all" * 500)
    with pytest.raises(FrontierDamagedError, match="is damaged"):
        Frontier(path)
    assert not path.exists()
    assert path.with_name("frontier.sqlite.damaged").exists()
    frontier = Frontier(path)
    frontier.database.execute("PRAGMA user_version = 99")
    frontier.close()
    with pytest.raises(FrontierError, match="newer Broadsheet"):
        Frontier(path)


def test_requests_that_only_a_dead_process_held_are_announced_again(frontier: Frontier) -> None:
    address = add(frontier, "http://h/1", key=1)
    frontier.settle(address, Outcome("memory"))
    frontier.flush()
    assert frontier.address(1) == address
    again = crashed(frontier)
    assert again.address(1) is None
    again.close()


def test_orders_are_obeyed_and_counted(frontier: Frontier) -> None:
    addresses = [add(frontier, f"http://h/{number}", rank=number) for number in range(5)]
    host = frontier.host("h")
    under_way = frontier.pop(host)
    assert under_way
    assert obey(frontier, Order("raise", "http://h/4"), "h", "http://h/4") == 1
    assert obey(frontier, Order("drop", "http://h/2"), "h", "http://h/2") == 1
    one = frontier.pop(host)
    assert one
    assert one.request == "http://h/4"
    assert obey(frontier, Order("ban", "h"), "h", None) == 2  # what is under way is not taken back
    assert host.banned
    assert frontier.waiting == 0
    assert [frontier.state(address) for address in addresses] == ["queued", "excluded", "excluded", "excluded", "queued"]
    assert obey(frontier, Order("unban", "h"), "h", None) == 0
    assert not host.banned


def test_orders_to_a_running_crawl_are_kept_until_they_were_obeyed(tmp_path: Path) -> None:
    path, order = tmp_path / "frontier.sqlite", Order("ban", "example.org")
    assert collect(path) == []
    post(path, [order])
    assert collect(path) == [order]
    post(path, [Order("add", "http://h/")])
    assert collect(path) == [order], "not yet done"
    done(path)
    assert collect(path) == [Order("add", "http://h/")]
    done(path)
    assert collect(path) == []
