"""How robots.txt is had: what each answer means, how long it holds, what is kept for when it cannot be reached."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from scrapy import Request
from scrapy.http import Response
from scrapy.settings import Settings
from scrapy.signalmanager import SignalManager

import archive
from archive.robots_copies import Copy, RobotsCopies
from archive.robots_txt import MOST
from crawler.addon import DEFAULTS
from crawler.pace import Pace
from crawler.robots import RobotsForbiddenError, RobotsTxt, RobotsUnreachableError, authority
from tests.crawler.test_requisites import page, record_of, reply
from tests.crawling import Outcome, crawl
from tests.wire.server import RawServer, Reply

DAY = 86_400.0


class Web:
    """An engine that answers each request with the next of ``answers``: a status, a body, or an error to raise."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.downloader = SimpleNamespace(get_slot_key=lambda request: authority(request.url))

    async def download_async(self, request: Request) -> Response:
        self.asked.append(request.url)
        await asyncio.sleep(0)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, body = (answer, b"") if isinstance(answer, int) else (200, answer)
        return Response(request.url, status=status, body=body, request=request)


@dataclass
class Clock:
    now: float = 1e9

    def time(self) -> float:
        return self.now

    monotonic = time


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("crawler.robots.time", clock)
    return clock


class Crawler(SimpleNamespace):
    """What the middleware needs of a crawler."""

    __hash__ = object.__hash__


def robots(web: Web, **settings: Any) -> RobotsTxt:
    usual = {"ROBOTSTXT_OBEY": True, "ROBOTSTXT_PARSER": "crawler.robots_rules.RobotsRules", "USER_AGENT": "FooBot/1"}
    crawler: Any = Crawler(
        settings=Settings(DEFAULTS | usual | settings),
        stats=SimpleNamespace(inc_value=lambda name: None),
        signals=SignalManager(),
        engine=web,
    )
    return RobotsTxt(crawler)


def ask(middleware: RobotsTxt, url: str) -> str:
    async def asked() -> str:
        request = Request(url)
        try:
            await middleware.process_request(request)
        except RobotsForbiddenError:
            return "forbidden"
        except RobotsUnreachableError:
            return "unreachable"
        assert "robots_warc_record_id" in request.meta
        return "allowed"

    return asyncio.run(asked())


CLOSED, OPEN = b"User-agent: *\nDisallow: /\n", b"User-agent: *\nAllow: /\n"


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (CLOSED, "forbidden"),
        (OPEN, "allowed"),
        *((status, "allowed") for status in (204, 304, 400, 401, 403, 404, 410, 451)),
        *((status, "unreachable") for status in (429, 500, 502, 503, 504, 599)),
        (ConnectionRefusedError("nobody there"), "unreachable"),
        (OSError("max redirections reached"), "allowed"),
    ],
)
def test_what_an_answer_means(clock: Clock, answer: Any, verdict: str) -> None:
    assert ask(robots(Web(answer)), "http://a.test/x") == verdict


def test_each_authority_has_its_own_file_whatever_the_address_looks_like(clock: Clock) -> None:
    web = Web(OPEN, CLOSED, CLOSED, OPEN)
    middleware = robots(web)
    assert ask(middleware, "http://A.test:80/x") == "allowed"
    assert ask(middleware, "https://a.test/x") == "forbidden"
    assert ask(middleware, "http://a.test:8080/x") == "forbidden"
    assert ask(middleware, "http://[::1]/x") == "allowed"
    assert ask(middleware, "http://me:pass@a.test/y") == "allowed"
    asked = ["http://a.test", "https://a.test", "http://a.test:8080", "http://[::1]"]
    assert web.asked == [f"{one}/robots.txt" for one in asked]


def test_rules_that_nobody_asks_for_are_let_go_of_and_read_from_the_disk_again(clock: Clock) -> None:
    web = Web(CLOSED, OPEN, 404, 500)
    middleware = robots(web)
    hosts = ["http://a.test/", "http://b.test/", "http://none.test/", "http://dead.test/"]
    assert [ask(middleware, url) for url in hosts] == ["forbidden", "allowed", "allowed", "unreachable"]
    clock.now += 10
    ask(middleware, "http://b.test/")
    middleware.forget_unused(5)
    assert sorted(middleware._verdicts) == ["http://b.test", "http://dead.test", "http://none.test"]
    assert [ask(middleware, url) for url in hosts] == ["forbidden", "allowed", "allowed", "unreachable"]
    assert len(web.asked) == 4


def test_it_is_asked_for_once_by_the_first_of_many(clock: Clock) -> None:
    web = Web(OPEN)
    middleware = robots(web)

    async def all_at_once() -> None:
        await asyncio.gather(*(middleware.process_request(Request(f"http://a.test/{n}")) for n in range(20)))

    asyncio.run(all_at_once())
    assert len(web.asked) == 1


def test_it_holds_for_a_day_at_most_whatever_the_setting(clock: Clock) -> None:
    web = Web(OPEN, CLOSED)
    middleware = robots(web, BROADSHEET_ROBOTS_TTL=1e9)
    assert ask(middleware, "http://a.test/x") == "allowed"
    clock.now += DAY - 1
    assert ask(middleware, "http://a.test/x") == "allowed"
    clock.now += 2
    assert ask(middleware, "http://a.test/x") == "forbidden"


def test_while_it_cannot_be_reached_the_last_good_copy_holds(clock: Clock) -> None:
    web = Web(b"User-agent: *\nDisallow: /private\n", 500, OSError("gone"), 404, 500)
    middleware = robots(web)
    for _ in range(3):
        assert ask(middleware, "http://a.test/private") == "forbidden"
        assert ask(middleware, "http://a.test/x") == "allowed"
        clock.now += DAY + 1
    assert ask(middleware, "http://a.test/private") == "allowed"  # it is gone for good
    clock.now += DAY + 1
    assert ask(middleware, "http://a.test/x") == "unreachable"


def test_what_could_not_be_reached_is_asked_for_again_after_growing_times(clock: Clock) -> None:
    web = Web(500, 500, OPEN)
    middleware = robots(web)
    assert ask(middleware, "http://a.test/x") == "unreachable"
    clock.now += 299
    assert ask(middleware, "http://a.test/x") == "unreachable"
    clock.now += 2
    assert ask(middleware, "http://a.test/x") == "unreachable"
    assert len(web.asked) == 2
    clock.now += 599
    assert ask(middleware, "http://a.test/x") == "unreachable"
    assert len(web.asked) == 2
    clock.now += 2
    assert ask(middleware, "http://a.test/x") == "allowed"


def test_its_crawl_delay_reaches_the_pace(clock: Clock) -> None:
    middleware = robots(Web(b"User-agent: foobot\nCrawl-delay: 7\n"))
    ask(middleware, "http://a.test/x")
    assert Pace.of(middleware._crawler).gap("http://a.test") == 7.0


def test_copies_outlive_the_run_and_a_spoiled_file(tmp_path: Path) -> None:
    copies = RobotsCopies(tmp_path / "state" / "robots.sqlite")
    copies.put("http://a.test", Copy(b"\x00\xff", 12.5, "<urn:uuid:1>"))
    copies.put("http://a.test", Copy(CLOSED, 13.5, None))
    copies.close()
    copies = RobotsCopies(tmp_path / "state" / "robots.sqlite")
    assert copies.get("http://a.test") == Copy(CLOSED, 13.5, None)
    assert copies.get("http://b.test") is None
    copies.forget("http://a.test")
    assert copies.get("http://a.test") is None
    copies.close()
    (tmp_path / "state" / "robots.sqlite").write_bytes(b"spoiled" * 999)
    assert RobotsCopies(tmp_path / "state" / "robots.sqlite").get("http://a.test") is None


def text(body: bytes) -> Reply:
    return reply(body, "text/plain")


def moved(to: str) -> Reply:
    return reply(b"", status="301 Moved", more=f"Location: {to}\r\n")


BROKEN = reply(b"broken", status="500 Oh No")


@dataclass
class Crawled:
    """Two crawls into one collection, between which a robots.txt broke."""

    server: RawServer
    collection: Path
    first: Outcome
    second: Outcome
    articles: dict[str, dict[str, Any]]
    captures: list[dict[str, Any]]

    def asked(self, host: str) -> list[str]:
        return [seen.path for seen in self.server.seen if seen.host == host]


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawled]:
    folder = tmp_path_factory.mktemp("robots")
    long = b"User-agent: *\n" + b"# and so on\n" * (MOST // 12) + b"Disallow: /\n"
    hops = {f"hops.test/{n}": moved(f"/{n + 1}") for n in range(1, 5)}
    replies: dict[str, Reply | list[Reply]] = {
        **{f"/{name}": reply(page("", f" {name}")) for name in ("open", "private")},
        "kept.test/robots.txt": [text(b"User-agent: *\nDisallow: /private\n"), BROKEN],
        "hops.test/robots.txt": moved("/1"),
        **hops,
        "hops.test/5": text(b"User-agent: *\nDisallow: /private\n"),
        "round.test/robots.txt": moved("/robots.txt?again"),
        "away.test/robots.txt": moved("http://127.0.0.9:9/robots.txt"),
        "long.test/robots.txt": text(long),
        "broken.test/robots.txt": BROKEN,
    }
    hosts = ("kept", "hops", "round", "away", "long", "broken", "none")
    with RawServer(replies) as server:
        urls = [f"http://{host}.test:{server.port}/{name}" for host in hosts for name in ("open", "private")]
        (folder / "urls.txt").write_text("\n".join(urls))
        settings = {"BROADSHEET_ROBOTS_TTL": "0", "BROADSHEET_ALLOW_PRIVATE": "127.0.0.1"}
        first = crawl(folder / "c", settings, urls=str(folder / "urls.txt"))
        articles = archive.open_articles(folder / "c").to_table().to_pylist()
        (folder / "urls.txt").write_text("\n".join(url for url in urls if "kept" in url))
        second = crawl(folder / "c", settings, urls=str(folder / "urls.txt"))
        captures = archive.open_captures(folder / "c").to_table().to_pylist()
        named = {row["url"].replace(f":{server.port}", ""): row for row in articles}
        yield Crawled(server, folder / "c", first, second, named, captures)


def test_every_row_names_the_record_of_the_robots_txt_that_allowed_it(crawled: Crawled) -> None:
    assert crawled.first.code == crawled.second.code == 0
    by_id = {row["warc_record_id"]: row for row in crawled.captures}
    for url, article in crawled.articles.items():
        assert article["robots_allowed"] is True
        if "round" not in url:
            robots_txt = by_id[article["robots_warc_record_id"]]
            assert robots_txt["purpose"] == "robots"
            assert robots_txt["url_host_name"] == article["url_host_name"]
    kept = by_id[crawled.articles["http://kept.test/open"]["robots_warc_record_id"]]
    assert b"Disallow: /private" in record_of(crawled.collection, kept).block


def test_only_what_robots_txt_allows_is_fetched(crawled: Crawled) -> None:
    both = {f"http://{host}.test/{name}" for host in ("round", "long", "none") for name in ("open", "private")}
    assert set(crawled.articles) == both | {"http://kept.test/open", "http://hops.test/open"}
    fetched = {(seen.host, seen.path) for seen in crawled.server.seen}
    assert not fetched & {
        ("kept.test", "/private"),
        ("hops.test", "/private"),
        ("broken.test", "/open"),
        ("away.test", "/open"),
    }


def test_five_redirects_are_followed_and_no_more(crawled: Crawled) -> None:
    assert crawled.asked("hops.test") == ["/robots.txt", "/1", "/2", "/3", "/4", "/5", "/.well-known/tdmrep.json", "/open"]
    assert crawled.asked("round.test").count("/robots.txt?again") == 5


def test_a_robots_txt_that_broke_leaves_the_copy_of_the_run_before_in_force(crawled: Crawled) -> None:
    assert crawled.asked("kept.test").count("/robots.txt") == 4  # once, and three times in vain
    assert crawled.asked("kept.test").count("/open") == 2
    assert "/private" not in crawled.asked("kept.test")
