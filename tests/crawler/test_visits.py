"""Visits under way: how many at a time, who waits for whom, what is counted as new."""

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from scrapy import Request
from scrapy.exceptions import DownloadTimeoutError

from crawler.conditional import NotModifiedError
from crawler.intervals import Bounds
from crawler.schedule import Schedule
from crawler.spiders.news import NewsSpider
from crawler.visits import Visits
from crawler.watch_report import Report
from pipelines.tabulate import Found

NOW = 1_700_000_000.0
SITE, FEED = "http://a.test/", "http://a.test/feed"


@dataclass
class Desk:
    """Visits to two addresses of one seed, an engine that keeps what it is given, a clock."""

    folder: Path
    sent: list[Request] = field(default_factory=list)
    held: set[str] = field(default_factory=set)
    now: float = 1_000.0

    def __post_init__(self) -> None:
        self.spider = NewsSpider(sites=SITE)
        self.schedule = Schedule(self.folder / "watch.sqlite", Bounds(90, 7 * 86_400, 900))
        run: Any = SimpleNamespace(crawl_id="run", originals=SimpleNamespace(get=lambda url: url in self.held or None))
        self.report = Report(3600)
        self.visits = Visits(self.schedule, self.spider, run, self.report)
        texts = [self.visits.text(request(self.spider, SITE, "front_page"))]
        self.schedule.follow([text for text in texts if text], NOW)

    def send(self, now: float = NOW) -> list[Request]:
        self.sent = []
        engine: Any = SimpleNamespace(crawl=self.sent.append)
        self.visits.send(engine, now)
        return self.sent


def request(spider: NewsSpider, url: str, purpose: str) -> Request:
    meta = {"purpose": purpose, "via": None}
    found = {"found": Found(purpose, None, url)}
    return Request(url, spider.parse, errback=spider.failed, cb_kwargs=found, meta=meta)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = Desk(tmp_path)
    monkeypatch.setattr("crawler.visits.time", SimpleNamespace(time=lambda: NOW + desk.now, monotonic=lambda: desk.now))
    return desk


def test_what_is_under_way_is_not_sent_again_until_nothing_was_heard_for_hours(desk: Desk) -> None:
    (visit,) = desk.send()
    assert (visit.url, visit.dont_filter, visit.meta["watched"], visit.meta["was_read"]) == (SITE, True, SITE, False)
    desk.now += 3_600
    assert not desk.send()
    desk.now += 6 * 3_600
    desk.visits.settle()
    desk.now += 10 * 3_600
    assert [one.url for one in desk.send()] == [SITE]


def test_a_seed_rests_for_as_long_as_a_visit_took(desk: Desk) -> None:
    text = desk.visits.text(request(desk.spider, FEED, "feed"))
    assert text
    (visit,) = desk.send()
    desk.schedule.admit(*text, SITE, NOW)
    desk.now += 60
    desk.visits.failed(visit, DownloadTimeoutError())
    desk.now += 59
    assert not desk.send()
    desk.now += 2
    assert [one.url for one in desk.send()] == [FEED]


def test_new_is_what_is_neither_here_nor_dropped_nor_left_out(desk: Desk) -> None:
    (visit,) = desk.send()
    desk.held.add("http://a.test/held")
    for name in ("new", "held", "dropped", "left"):
        page = request(desk.spider, f"http://a.test/{name}", "page")
        page.meta["announced_by"] = SITE
        if name == "left":
            page.meta["left_out"] = ("out_of_range", "")
        desk.visits.scheduled(page)
        if name in ("dropped", "left"):
            desk.visits.dropped(page)
    desk.visits.failed(visit, NotModifiedError())
    desk.visits.settle()
    assert (desk.report.entries, desk.report.unchanged) == (1, 1)


def test_a_request_of_another_version_of_the_spider_is_forgotten(desk: Desk) -> None:
    desk.schedule.follow([(SITE, "front_page", '{"url":"http://a.test/","callback":"gone"}')], NOW)
    assert not desk.send()
    assert desk.schedule.counts() == (0, 0)
