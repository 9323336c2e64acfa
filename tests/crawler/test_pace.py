"""How often hosts are asked: the rules on a clock of our own, and the gaps as servers saw them."""

import json
import random
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy import Request
from scrapy.http import Headers

import archive
from crawler.downloader import PacedDownloader
from crawler.pace import Pace, Rules, retry_after
from crawler.places import Places
from tests.crawling import LOCAL, Running, python
from tests.wire.server import RawServer, Reply, Seen

KEY = "news.example"


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def pace(clock: Clock, delays: dict[str, float] | None = None, **rules: Any) -> Pace:
    return Pace(replace(Rules(), **rules), delays, clock)


def wait(paced: Pace, clock: Clock, key: str = KEY) -> float:
    return max(0.0, paced.not_before(key) - clock.now)


class TestTheGap:
    def test_nothing_is_held_back_before_the_first_request(self, clock: Clock) -> None:
        paced = pace(clock)
        assert paced.not_before(KEY) == 0.0
        assert paced.begin(KEY) == 0.0
        assert paced.begin(KEY) == 1.0

    def test_it_counts_from_the_answer_not_from_the_question(self, clock: Clock) -> None:
        paced = pace(clock)
        paced.begin(KEY)
        clock.now += 0.4
        paced.answered(KEY, 0.4)
        assert paced.begin(KEY) == 1.0

    def test_it_is_the_largest_of_setting_crawl_delay_and_latency(self, clock: Clock) -> None:
        paced = pace(clock, {"slow.example": 5.0})
        assert (paced.gap(KEY), paced.gap("slow.example")) == (1.0, 5.0)
        paced.asks_for(KEY, 3.0)
        assert paced.gap(KEY) == 3.0
        paced.asks_for(KEY, 1_000_000.0)
        assert paced.gap(KEY) == 60.0
        paced.asks_for(KEY, 0.1)
        assert paced.gap(KEY) == 1.0
        for _ in range(9):
            paced.answered(KEY, 4.0)
        assert paced.gap(KEY) == 8.0
        for _ in range(9):
            paced.answered(KEY, 400.0)
        assert paced.gap(KEY) == 30.0

    def test_one_slow_page_is_no_slow_host(self, clock: Clock) -> None:
        paced = pace(clock)
        for latency in (0.1, 0.1, 55.0, 0.1):
            paced.answered(KEY, latency)
        assert paced.gap(KEY) == 1.0

    def test_a_crawl_delay_holds_for_the_very_next_request(self, clock: Clock) -> None:
        paced = pace(clock)
        paced.begin(KEY)  # robots.txt itself
        paced.answered(KEY, 0.1)
        paced.asks_for(KEY, 20.0)
        assert wait(paced, clock) == 20.0

    def test_hosts_do_not_wait_for_each_other_unless_they_share_an_address(self, clock: Clock) -> None:
        paced = pace(clock)
        for key in (KEY, "img.example"):
            paced.has_address(key, "192.0.2.1")
        paced.begin(KEY)
        assert wait(paced, clock, "img.example") == 0.25
        assert wait(paced, clock, "other.example") == 0.0
        clock.now += 0.3
        assert paced.begin("img.example") == 0.0

    @given(st.lists(st.tuples(st.sampled_from(["begin", "answered", "refused", "failed", "asks_for"]), st.floats(0, 100))))
    def test_whatever_happens_two_requests_are_never_closer_than_the_delay(self, events: list[tuple[str, float]]) -> None:
        clock = Clock()
        paced, begun = pace(clock), []
        for what, number in events:
            if what == "begin" and paced.begin(KEY) == 0.0:
                begun.append(clock.now)
            elif what in ("refused", "failed"):
                getattr(paced, what)(KEY, "why")
            elif what != "begin":
                getattr(paced, what)(KEY, number)
            clock.now += number / 20
        if paced.left(KEY) is None:
            assert all(after - before >= 1.0 for before, after in pairwise(begun))


class TestRefusals:
    def test_retry_after_is_obeyed_to_the_second(self, clock: Clock) -> None:
        paced = pace(clock)
        paced.refused(KEY, "429", 120.0)
        assert wait(paced, clock) == 120.0
        assert paced.left(KEY) is None

    def test_a_retry_after_shorter_than_the_gap_does_not_shorten_it(self, clock: Clock) -> None:
        paced = pace(clock, delay=10.0)
        paced.refused(KEY, "429", 0.0)
        assert wait(paced, clock) >= 10.0

    def test_without_it_the_time_doubles_with_some_chance_in_it(self, clock: Clock) -> None:
        paced, waits = pace(clock), []
        for _ in range(5):
            paced.refused(KEY, "503")
            waits.append(wait(paced, clock))
            clock.now += waits[-1]
        for number, seconds in enumerate(waits):
            assert 10.0 * 2**number <= seconds <= 15.0 * 2**number
        others = set()
        for _ in range(5):
            another = pace(clock)
            another.refused(KEY, "503")
            others.add(wait(another, clock))
        assert len(others) > 1

    def test_a_host_that_refuses_goes_slower_and_wins_its_pace_back(self, clock: Clock) -> None:
        paced = pace(clock)
        paced.refused(KEY, "429", 1.0)
        paced.refused(KEY, "429", 1.0)
        assert paced.gap(KEY) == 4.0
        for _ in range(20):
            paced.answered(KEY)
        assert paced.gap(KEY) == 1.0
        for _ in range(99):
            paced.refused(KEY, "429", 1.0)
        assert paced.gap(KEY) == 16.0

    def test_after_too_many_or_too_long_a_time_the_host_is_left_alone(self, clock: Clock) -> None:
        paced = pace(clock)
        for _ in range(6):
            assert paced.left(KEY) is None
            paced.refused(KEY, "it answered 429")
        assert "left alone for 600 s more: it answered 429, 6 times in a row" in (paced.left(KEY) or "")
        clock.now += 601
        paced.answered(KEY)  # to say no is an answer, too
        paced.refused(KEY, "it answered 429")
        assert "left alone for 1200 s" in (paced.left(KEY) or "")
        paced.refused("patient.example", "it answered 503", 7_200.0)
        assert "asks for 7200 s" in (paced.left("patient.example") or "")
        clock.now += 7_201.0
        assert paced.left("patient.example") is None

    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            (b"120", 120.0),
            (b" 0 ", 0.0),
            (b"99999999999999999999", 999999999999.0),
            (format_datetime(datetime(2026, 11, 23, 10, 5, tzinfo=UTC), usegmt=True).encode(), 300.0),
            (b"Monday, 23-Nov-26 10:01:00 GMT", 60.0),
            (format_datetime(datetime(2026, 11, 22, tzinfo=UTC), usegmt=True).encode(), 0.0),
            (b"-5", None),
            (b"soon", None),
            (b"1e9", None),
            ("١٢".encode(), None),
            (b"", None),
        ],
    )
    def test_retry_after_is_a_number_of_seconds_or_a_date_on_the_servers_clock(
        self, value: bytes, seconds: float | None
    ) -> None:
        headers = Headers({"Retry-After": value, "Date": "Mon, 23 Nov 2026 10:00:00 GMT"})
        assert retry_after(headers) == seconds

    def test_a_date_without_a_servers_clock_is_compared_with_ours(self) -> None:
        later = datetime.now(UTC) + timedelta(seconds=90)
        assert retry_after(Headers({"Retry-After": format_datetime(later, usegmt=True)})) == pytest.approx(90, abs=2)

    @given(st.binary())
    def test_no_value_is_too_odd(self, value: bytes) -> None:
        seconds = retry_after(Headers({"Retry-After": value}))
        assert seconds is None or seconds >= 0


class TestDeadHosts:
    def test_they_are_left_alone_for_growing_times(self, clock: Clock) -> None:
        paced = pace(clock)
        for _ in range(2):
            paced.failed(KEY, "it did not answer")
            assert paced.left(KEY) is None
        for seconds in (300, 600, 1_200):
            paced.failed(KEY, "it did not answer")
            assert f"for {seconds} s more: it did not answer" in (paced.left(KEY) or "")
            assert paced.not_before(KEY) == 0.0  # handed out, to be given up
            clock.now += seconds
            assert paced.left(KEY) is None

    def test_an_answer_makes_them_as_good_as_new(self, clock: Clock) -> None:
        paced = pace(clock)
        for _ in range(3):
            paced.failed(KEY, "it did not answer")
        clock.now += 301
        paced.answered(KEY)
        for _ in range(2):
            paced.failed(KEY, "it did not answer")
        assert paced.left(KEY) is None

    def test_a_name_that_nobody_knows_is_not_asked_for_three_times(self, clock: Clock) -> None:
        paced = pace(clock)
        paced.failed(KEY, "no such name", final=True)
        assert paced.left(KEY)

    def test_they_are_never_left_for_more_than_a_day(self, clock: Clock) -> None:
        paced = pace(clock)
        for _ in range(60):
            paced.failed(KEY, "it did not answer", final=True)
        assert "for 86400 s" in (paced.left(KEY) or "")


def answer(body: bytes = b"fine", *before: float, status: bytes = b"200 OK", more: bytes = b"") -> Reply:
    head = b"HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n%s\r\n" % (status, len(body), more)
    return Reply((*before, head + body))


def busy(status: bytes, more: bytes) -> Reply:
    return answer(b"later", status=status, more=more)


DELAY = 0.08
DATES = b"Date: Mon, 23 Nov 2026 10:00:00 GMT\r\nRetry-After: Mon, 23 Nov 2026 10:00:01 GMT\r\n"
EVEN = [f"h{number}.test" for number in range(5)]
CHANCE = random.Random(7)
REPLIES: dict[str, Reply | list[Reply]] = {
    "/robots.txt": answer(b"User-agent: *\nDisallow: /private\n", 0.02),
    "patient.test/robots.txt": answer(b"User-agent: *\nCrawl-delay: 0.3\n"),
    "mute.test/robots.txt": Reply((), "close"),
    "busy.test/first": [busy(b"429 Too Many Requests", b"Retry-After: 2\r\n"), answer()],
    "dated.test/first": [busy(b"503 Busy", DATES), answer()],
    "/dripping-head": Reply((b"HTTP/1.1 200 OK\r\n", *[0.05, b"X: 1\r\n"] * 12), "close"),
    "/broken": Reply((b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf",), "close"),
    "/mute": Reply((), "close"),
    "/asleep": Reply((0.5,), "close"),
    "/drip": Reply((b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nd", 0.1, b"r", 0.1, b"ip")),
    "/fickle": [answer(status=b"503 Busy", more=b"Retry-After: 0\r\n"), answer()],
} | {f"/{number}": answer(b"x" * 99, CHANCE.uniform(0, 0.06)) for number in range(7)}


def plan(server: RawServer) -> list[str]:
    """Bad manners on both sides: five hosts with answers that come early, late, in pieces, broken or not at all, one with a
    crawl-delay, two that ask for time, one that never answers, one that nobody knows."""
    paths = [
        "/away",
        "/broken",
        "/mute",
        "/asleep",
        "/drip",
        "/fickle",
        *(f"/{number}" for number in range(4)),
    ]
    asked = [f"{host}:{server.port}{path}" for path in paths for host in EVEN]
    asked += [f"patient.test:{server.port}/{number}" for number in range(5)]
    asked += [f"{host}.test:{server.port}/first" for host in ("busy", "dated")]
    asked += [f"busy.test:{server.port}/{number % 7}?{number}" for number in range(10)]
    asked += [f"drip.test:{server.port}/dripping-head?{number}" for number in range(2)]
    asked += [f"mute.test:{server.port}/{number}" for number in range(30)]
    return [f"http://{address}" for address in (*asked, *(f"nobody.invalid/{number}" for number in range(30)))]


def start(folder: Path, urls: list[str], **settings: Any) -> Running:
    """A crawl by a spider that asks for all ``urls`` at once."""
    what = {"collection": str(folder / "c"), "settings": LOCAL | settings, "requests": [{"url": url} for url in urls]}
    (folder / "plan.json").write_text(json.dumps(what))
    return python("-m", "tests.wire.spider", str(folder / "plan.json"))


CROWDED = {
    "DOWNLOAD_DELAY": DELAY,
    "BROADSHEET_ADDRESS_DELAY": 0.02,
    "CONCURRENT_REQUESTS": 8,
    "CLOSESPIDER_TIMEOUT": 5,
    "BROADSHEET_HOSTS": "*.crowd.test=127.0.0.2,*.test=127.0.0.1",
    "BROADSHEET_ALLOW_PRIVATE": "127.0.0.0/8",
}


@dataclass
class Crawled:
    """What the servers of five crawls saw: that of one address shared, that of a crawl ended early, that of a host beside a
    crowded address and alone are apart."""

    seen: list[Seen]
    shared: list[Seen]
    ended: list[Seen]
    beside: list[Seen]
    alone: list[Seen]
    states: Counter[str]
    stats: dict[str, Any]
    rows: list[dict[str, Any]]
    logs: list[str]

    def times(self, host: str) -> list[float]:
        return sorted(seen.time for seen in self.seen if seen.host == host)

    def gaps(self, host: str) -> list[float]:
        return [after - before for before, after in pairwise(self.times(host))]


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Crawled:
    """Five crawls at the same time, which is load, too."""
    folders = [tmp_path_factory.mktemp(name) for name in ("bad", "shared", "ended", "beside", "alone")]
    alone = {"/robots.txt": answer(b""), "/": answer()}
    stopped = {f"single.test/{number}": answer(b"fine", 0.02) for number in range(8)} | {
        "/robots.txt": answer(b""),
        "/": busy(b"429 Too Many Requests", b"Retry-After: 900\r\n"),
    }
    usual = {"/": answer(), "/robots.txt": answer(b"")}
    slow = {"/": Reply((1.0, *answer().pieces)), "/robots.txt": answer(b"")}
    with (
        RawServer(REPLIES) as server,
        RawServer(alone) as shared,
        RawServer(stopped) as ended,
        RawServer(usual) as beside,
        RawServer(usual) as by_itself,
        RawServer(slow, address="127.0.0.2") as crowded,
    ):
        away = answer(status=b"302 Found", more=b"Location: http://patient.test:%d/away\r\n" % server.port)
        server.replies = {**REPLIES, "/away": away, "patient.test/away": answer()}
        many = [f"http://h{number}.test:{shared.port}/" for number in range(6)]
        one, other = ([f"http://quiet.test:{of.port}/?{number}" for number in range(20)] for of in (beside, by_itself))
        crowd = [f"http://c{number}.crowd.test:{crowded.port}/" for number in range(60)]
        single = [f"http://single.test:{ended.port}/{number}" for number in range(8)]
        crawls = [
            start(
                folders[0],
                plan(server),
                DOWNLOAD_DELAY=DELAY,
                BROADSHEET_ADDRESS_DELAY=0,
                DOWNLOAD_TIMEOUT=0.3,
                CONCURRENT_REQUESTS=8,
            ),
            start(folders[1], many, BROADSHEET_ADDRESS_DELAY=DELAY),
            start(folders[2], [f"http://busy.test:{ended.port}/", *single], CLOSESPIDER_TIMEOUT=4),
            start(folders[3], [*crowd, *one], **CROWDED),
            start(folders[4], other, **CROWDED),
        ]
        ended_as = [crawl.wait(60) for crawl in crawls]
    logs = [outcome.err for outcome in ended_as]
    assert [outcome.code for outcome in ended_as] == [0] * 5, logs
    stats = json.loads((folders[0] / "plan.stats.json").read_text())
    rows = archive.open_captures(folders[0] / "c").to_table().to_pylist()
    states = Counter(archive.open_ledger(folders[3] / "c").to_table(["state"])["state"].to_pylist())
    return Crawled(server.seen, shared.seen, ended.seen, beside.seen, by_itself.seen, states, stats, rows, logs)


def test_at_the_server_no_gap_is_ever_below_the_delay_of_its_host(crawled: Crawled) -> None:
    for host in EVEN:
        assert min(crawled.gaps(host)) >= DELAY, host
        assert len(crawled.times(host)) >= 12
    assert min(crawled.gaps("patient.test")) >= 0.3
    assert [seen.path for seen in crawled.seen if seen.host == "patient.test"].count("/away") == 5  # redirects keep time, too
    assert {seen.path for seen in crawled.seen} >= {"/asleep", "/mute", "/fickle", "/broken", "/drip"}
    assert crawled.stats["finish_reason"] == "finished"


def test_and_yet_hosts_are_asked_side_by_side(crawled: Crawled) -> None:
    times = sorted(time for host in EVEN for time in crawled.times(host))
    assert len(times) / (times[-1] - times[0]) > 1 / DELAY


def test_a_host_that_asks_for_time_gets_it_and_keeps_no_other_waiting(crawled: Crawled) -> None:
    """Eight requests at most are under way, and more than that wait for the busy host."""
    longest = max(crawled.gaps("busy.test"))
    assert 2.0 <= longest < 4.0
    began = crawled.times("busy.test")[crawled.gaps("busy.test").index(longest)]
    assert len(crawled.times("busy.test")) == 13  # nothing was lost: robots.txt, the first twice, and the others
    meanwhile = [time for time in crawled.times("h4.test") if began < time < began + 2]
    assert len(meanwhile) >= 3
    assert "busy.test is asked again in 2.0 s and more slowly: it answered 429" in crawled.logs[0]


def test_a_date_in_retry_after_is_obeyed_too(crawled: Crawled) -> None:
    first, second = (seen.time for seen in crawled.seen if seen.host == "dated.test" and seen.path == "/first")
    assert 1.0 <= second - first < 3.0


def test_a_host_that_does_not_answer_is_given_up_with_all_that_waits_for_it(crawled: Crawled) -> None:
    assert [seen.path for seen in crawled.seen if seen.host == "mute.test"] == ["/robots.txt"] * 3
    assert "mute.test is left alone for 300 s: it did not answer" in crawled.logs[0]


def test_a_name_that_is_not_found_is_given_up_with_its_attempts_on_record(crawled: Crawled) -> None:
    rows = [row for row in crawled.rows if row["url_host_name"] == "nobody.invalid"]
    assert {row["url"] for row in rows} == {"http://nobody.invalid/robots.txt"}
    assert len(rows) <= 3  # one, if a name server says that there is no such name; here there may be none to ask
    assert "CannotResolveHostError" in rows[0]["fetch_error"]


def test_an_answer_that_drips_is_left_in_time_and_its_host_is_not_dead(crawled: Crawled) -> None:
    rows = [row for row in crawled.rows if row["url_path"] == "/dripping-head"]
    assert len(rows) == 6
    assert "time" in {row["content_truncated"] for row in rows} <= {"time", None}
    assert "drip.test is left alone" not in crawled.logs[0]


def test_hosts_on_one_address_share_its_limit(crawled: Crawled) -> None:
    times = sorted(seen.time for seen in crawled.shared)
    assert len(times) == 12
    # counted at our side: two requests on their way at once may come closer together by what the way took
    assert times[-1] - times[0] >= 11 * DELAY - 0.05


def test_a_crawl_that_ends_does_not_wait_for_hosts_that_asked_for_time(crawled: Crawled) -> None:
    assert [seen.path for seen in crawled.ended if seen.host == "busy.test"] == ["/robots.txt", "/"]


def test_even_without_a_delay_a_host_has_one_connection(crawled: Crawled) -> None:
    seen = [seen for seen in crawled.ended if seen.host == "single.test"]
    assert len(seen) > 2
    assert len({one.connection for one in seen}) == 1
    assert min(after.time - before.time for before, after in pairwise(seen[1:])) >= 0.02


def test_hosts_crowded_on_one_address_do_not_slow_a_host_elsewhere(crawled: Crawled) -> None:
    beside, alone = ([seen.time for seen in some if seen.path.startswith("/?")] for some in (crawled.beside, crawled.alone))
    assert len(beside) == len(alone) == 20
    assert beside[-1] - beside[0] <= 1.3 * (alone[-1] - alone[0])


def test_what_waits_for_a_place_when_the_crawl_ends_stays_in_the_queue(crawled: Crawled) -> None:
    assert crawled.states["queued"] > 30
    assert crawled.states.keys() == {"queued", "captured"}


class TestPlaces:
    def test_an_address_has_so_many_and_the_next_host_waits_its_turn(self) -> None:
        places, order = Places(2), []
        for host in ("a", "b", "c", "d", "a", "c"):
            places.take(host, "192.0.2.1").addCallback(lambda _, host=host: order.append(host))
        assert (order, places.waiting) == (["a", "b", "a"], 3)
        places.leave("b")
        assert (order, places.waiting) == (["a", "b", "a", "c", "c"], 1)
        places.leave("a")
        assert (order[-1], places.waiting) == ("d", 0)

    def test_another_address_is_another_matter(self) -> None:
        places = Places(1)
        places.take("a", "192.0.2.1")
        places.take("b", "192.0.2.2")
        places.leave("a")
        places.leave("nobody")
        places.take("c", "192.0.2.1")
        assert places.waiting == 0


def test_what_waits_for_a_stopped_host_does_not_count_as_under_way() -> None:
    downloader = object.__new__(PacedDownloader)
    downloader.active = {Request(f"http://busy.test/{number}") for number in range(10)}
    downloader.total_concurrency = 4
    downloader._of_host, downloader._stopped, downloader.places = Counter({"busy.test": 7}), set(), Places(2)
    downloader._begun = 0
    assert downloader.needs_backout()
    downloader._stopped.add("busy.test")
    assert not downloader.needs_backout()
    downloader.total_concurrency = 3
    assert downloader.needs_backout()
    downloader.places.waiting = 1
    assert not downloader.needs_backout()
    downloader._begun = 4
    assert downloader.needs_backout()
