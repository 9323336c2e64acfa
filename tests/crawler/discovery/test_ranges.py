"""``since=`` and ``until=``: from ten years of a site, only what can lie in the range is asked for; counted at the server."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy import Request

import archive
from crawler.discovery.dates import Span, archive_period, article_period, counted, named_period
from crawler.discovery.doubts import Doubts, distance
from crawler.discovery.entry import Entry
from crawler.discovery.patterns import SitePatterns
from crawler.discovery.scout import PRIORITIES, Place, Scout
from crawler.range_gate import OutOfRangeError, RangeGate
from tests.crawler.discovery.papers import article, index, listing, robots, url_row, urlset
from tests.crawling import Outcome, crawl
from tests.wire.server import RawServer, Reply

YEARS = range(2014, 2024)
DAYS = [date(year, month, day) for year in YEARS for month in range(1, 13) for day in (8, 22)]
SINCE, UNTIL = date(2018, 3, 5), date(2018, 4, 28)
WANTED = [day for day in DAYS if SINCE <= day <= UNTIL]
MONTHS = [(year, month) for year in YEARS for month in range(1, 13)]
HOSTS = ("monthly", "weekly", "asked", "changes", "dated", "archive", "lists")
BETWEEN = datetime(2018, 3, 5, tzinfo=UTC), datetime(2018, 4, 21, tzinfo=UTC)


@dataclass
class Decade:
    """Ten years of seven papers, two articles a month each, of which a crawl wants four."""

    server: RawServer
    outcome: Outcome
    articles: list[dict[str, Any]]

    def asked(self, host: str, shape: str) -> list[str]:
        """The targets of a host's requests that match, in order."""
        return [seen.path for seen in self.server.seen if seen.host == f"{host}.test" and re.search(shape, seen.path)]


def stem(day: date, number: int) -> str:
    return f"/story/ferry-runs-again-and-again-{number}"


def replies(root: str) -> dict[str, Reply | list[Reply]]:
    """``root`` is the address of a host, to be filled with its name."""
    made: dict[str, Reply | list[Reply]] = {}
    plain = {day: stem(day, number) for number, day in enumerate(DAYS)}
    dated = {day: f"/{day:%Y/%m/%d}/ferry-runs-again" for day in DAYS}
    for host in HOSTS:
        home = root.format(host)
        paths = dated if host in ("dated", "lists") else plain
        made |= {f"{host}.test{paths[day]}": article(number, day) for number, day in enumerate(DAYS)}
        made[f"{host}.test/robots.txt"] = robots() if host in ("archive", "lists") else robots("", f"{home}/index.xml")
        made[f"{host}.test/"] = listing("Paper", [("/archive/", "Archive"), ("/news/", "News")])
    for year, month in MONTHS:
        of_month = [day for day in DAYS if (day.year, day.month) == (year, month)]
        for host, place in (("monthly", f"/sitemap-{year}-{month:02}.xml"), ("asked", f"/sm?yyyy={year}&mm={month:02}")):
            home = root.format(host)
            made[f"{host}.test{place}"] = urlset(*(url_row(home + plain[day]) for day in of_month))
        made[f"archive.test/archive/{year}/{month:02}/"] = listing("Month", [(plain[day], "Ferry") for day in of_month])
    for day in DAYS:
        year, week, _ = day.isocalendar()
        home = root.format("weekly")
        made[f"weekly.test/sitemap_{year}_w{week:02}.xml"] = urlset(url_row(home + plain[day]))
    for host, places in {
        "monthly": [f"/sitemap-{year}-{month:02}.xml" for year, month in MONTHS],
        "asked": [f"/sm?yyyy={year}&mm={month:02}" for year, month in MONTHS],
        "weekly": [f"/sitemap_{day.isocalendar()[0]}_w{day.isocalendar()[1]:02}.xml" for day in DAYS],
    }.items():
        made[f"{host}.test/index.xml"] = index(*((root.format(host) + place, None) for place in places))
    home = root.format("changes")
    made["changes.test/index.xml"] = index(*((f"{home}/sitemap-{year - 2012}.xml", date(year, 12, 30)) for year in YEARS[:5]))
    for year in YEARS[:5]:
        rows = [url_row(home + plain[day], day) for day in DAYS if day.year == year]
        made[f"changes.test/sitemap-{year - 2012}.xml"] = urlset(*rows)
    made["dated.test/index.xml"] = urlset(*(url_row(root.format("dated") + dated[day]) for day in DAYS))
    made["archive.test/archive/"] = listing("Archive", [(f"/archive/{year}/", str(year)) for year in YEARS])
    for year in YEARS:
        links = [(f"/archive/{year}/{month:02}/", "Month") for month in range(1, 13)]
        made[f"archive.test/archive/{year}/"] = listing("Year", links)
    newest = sorted(DAYS, reverse=True)
    for page in range(1, 25):
        links = [(dated[day], "Ferry") for day in newest[page * 10 - 10 : page * 10]]
        target = "lists.test/news/" + (f"?page={page}" if page > 1 else "")
        made[target] = listing("News", [*links, (f"/news/?page={page + 1}", "Older posts")])
    return made


@pytest.fixture(scope="module")
def decade(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Decade]:
    folder = tmp_path_factory.mktemp("decade")
    made: dict[str, Reply | list[Reply]] = {}
    with RawServer(made) as server:
        made |= replies("http://{}.test:" + str(server.port))
        sites = ",".join(f"http://{host}.test:{server.port}/" for host in HOSTS)
        outcome = crawl(
            folder / "c", {"STATS_DUMP": "1"}, sites=sites, since=SINCE.isoformat(), until=UNTIL.isoformat(), depth="1"
        )
        yield Decade(server, outcome, archive.open_articles(folder / "c").to_table().to_pylist())


@pytest.mark.parametrize("host", HOSTS)
def test_the_articles_of_the_range_are_found_and_no_other_is_asked_for(decade: Decade, host: str) -> None:
    kept = [row["published_at"].date() for row in decade.articles if row["url_host_name"] == f"{host}.test"]
    assert sorted(kept) == WANTED
    # what was changed after the range may have been published in it: only the page tells
    changed = len([day for day in DAYS if day > UNTIL and day.year == 2018]) if host == "changes" else 0
    assert len(decade.asked(host, "ferry-runs")) == len(WANTED) + changed


@pytest.mark.parametrize(
    ("host", "shape", "wanted"),
    [
        ("monthly", r"\.xml", ["/index.xml", "/sitemap-2018-03.xml", "/sitemap-2018-04.xml"]),
        (
            "weekly",
            r"\.xml",
            ["/index.xml", "/sitemap_2018_w10.xml", "/sitemap_2018_w12.xml", "/sitemap_2018_w14.xml", "/sitemap_2018_w16.xml"],
        ),
        ("asked", r"/sm|\.xml", ["/index.xml", "/sm?yyyy=2018&mm=03", "/sm?yyyy=2018&mm=04"]),
        ("changes", r"\.xml", ["/index.xml", "/sitemap-6.xml"]),
        ("archive", "archive", ["/archive/", "/archive/2018/", "/archive/2018/03/", "/archive/2018/04/"]),
        ("lists", "/news", ["/news/", *(f"/news/?page={number}" for number in range(2, 16))]),
    ],
)
def test_only_documents_where_the_range_can_lie_are_asked_for(decade: Decade, host: str, shape: str, wanted: list[str]) -> None:
    announced = [path for path in decade.asked(host, shape) if path not in PROBED]
    assert sorted(announced) == sorted(wanted)


PROBED = {"/sitemap.xml", "/sitemap_index.xml", "/news-sitemap.xml", "/sitemap.xml.gz", "/feed.xml", "/rss.xml", "/atom.xml"}


def test_what_is_left_out_is_counted(decade: Decade) -> None:
    assert decade.outcome.code == 0
    counts = dict(re.findall(r"'(broadsheet/announced/\w+)': (\d+)", decade.outcome.err))
    # two months of `changes`, all of `dated`, and fifteen pages of `lists`, of which four articles are in the range
    assert int(counts["broadsheet/announced/out_of_range"]) == 4 + (240 - 4) + (150 - 4)
    lists = {"monthly": 118, "asked": 118, "weekly": 240 - 4, "changes": 4, "archive": 9 + 10, "lists": 1}
    assert int(counts["broadsheet/announced/out_of_range_lists"]) == sum(lists.values())
    assert "Left out of monthly.test" in decade.outcome.err


class TestDoubts:
    UNTIL = datetime(2020, 1, 1, tzinfo=UTC)

    @pytest.mark.parametrize(("days", "wanted"), [(1, 0), (29, 0), (31, 1), (61, 2), (200, 3), (1_500, 6), (5_000, 6)])
    def test_distances(self, days: int, wanted: int) -> None:
        assert distance(self.UNTIL + timedelta(days=days), self.UNTIL) == wanted

    def test_after_enough_pages_of_another_time_no_more_are_asked_for(self) -> None:
        doubts = Doubts()
        for _ in range(18):
            doubts.learn("paper.example", 6, within=False)
        assert doubts.settled("paper.example", 6) is None
        doubts.learn("paper.example", 6, within=False)
        assert doubts.settled("paper.example", 6) == (
            "changed after the range, as 19 others of its site, of which 0 lay within"
        )
        assert doubts.settled("paper.example", 0) is None
        assert doubts.settled("other.example", 6) is None
        doubts.learn("paper.example", 6, within=True)
        assert doubts.settled("paper.example", 6) is None

    def test_the_gate_asks_when_the_turn_of_a_request_has_come(self) -> None:
        scout = Scout(SitePatterns(1), Span(until=self.UNTIL))
        place = Place("https://paper.example/sitemap.xml", "paper.example")
        entry = Entry("https://paper.example/a", modified=self.UNTIL + timedelta(days=2_000), source="sitemap")
        (lead,) = scout.of_sitemap([entry], place)
        assert (lead.state, lead.doubt) == ("wanted", 6)
        assert lead.priority < PRIORITIES["section"]
        gate = RangeGate(SimpleNamespace(spider=SimpleNamespace(scout=scout)))  # type: ignore[arg-type]
        request = Request(lead.url, meta={"doubt": lead.doubt, "where": {"site": "paper.example"}})
        gate.process_request(request)
        for _ in range(19):
            scout.doubts.learn("paper.example", 6, within=False)
        with pytest.raises(OutOfRangeError, match="as 19 others"):
            gate.process_request(request)
        gate.process_request(Request(lead.url))


class TestNames:
    @pytest.mark.parametrize(
        ("name", "begin", "days"),
        [
            ("sitemap-2024-05.xml", "2024-05-01", 31),
            ("sitemap-202405.xml.gz", "2024-05-01", 31),
            ("sitemap-2024-may.xml", "2024-05-01", 31),
            ("sitemap_20240507.xml", "2024-05-07", 1),
            ("sitemap_2019_w12.xml", "2019-03-18", 7),
            ("sitemap-2021-q3.xml", "2021-07-01", 92),
            ("sitemap-2016.xml", "2016-01-01", 366),
            ("sitemap-pt-post-2015-03.xml", "2015-03-01", 31),
            ("sm?yyyy=2021&mm=03", "2021-03-01", 31),
            ("sm.xml?year=2020&month=2&day=29", "2020-02-29", 1),
            ("sm?from=2021-01-01&to=2021-01-31", "2021-01-01", 31),
            ("sitemaps/2020/07/posts.xml", "2020-07-01", 31),
            ("2021/12/", "2021-12-01", 31),
        ],
    )
    def test_the_time_that_a_sitemap_is_named_by(self, name: str, begin: str, days: int) -> None:
        period = named_period(f"https://paper.example/{name}")
        assert period is not None
        assert (period.begin.date().isoformat(), (period.end - period.begin).days) == (begin, days)

    @pytest.mark.parametrize(
        "name", ["sitemap.xml", "post-sitemap12.xml", "sitemap.xml?page=2019", "sm-20241345.xml", "x?mm=03"]
    )
    def test_other_names_are_no_time(self, name: str) -> None:
        assert named_period(f"https://paper.example/{name}") is None

    def test_a_number_in_a_series_is_no_year(self) -> None:
        series = [f"https://paper.example/sitemap{number}.xml" for number in (1, 2, 2018, 2019)]
        assert counted(series) == {series[2], series[3]}
        assert counted(series[2:]) == set()

    @pytest.mark.parametrize(
        ("path", "begin"),
        [
            ("2024/05/07/storm", "2024-05-07"),
            ("politics/2024/may/07/budget", "2024-05-07"),
            ("news/2024-05-07/budget", "2024-05-07"),
            ("20240507-budget", "2024-05-07"),
            ("story-20240507.html", "2024-05-07"),
            ("budget-2024-05-07", "2024-05-07"),
            ("2024/05/budget.html", "2024-05-01"),
        ],
    )
    def test_the_day_or_month_in_an_articles_address(self, path: str, begin: str) -> None:
        period = article_period(f"https://paper.example/{path}")
        assert period is not None
        assert period.begin.date().isoformat() == begin

    @pytest.mark.parametrize(
        "path",
        ["d-day-1944-06-06-remembered", "budget-2024-falls", "2024/market/x", "a/20191104123", "world-68001234", "2024/story"],
    )
    def test_a_number_or_the_date_of_an_event_is_no_date(self, path: str) -> None:
        assert article_period(f"https://paper.example/{path}") is None

    @pytest.mark.parametrize(
        "path", ["2024/", "archive/2024/05/07", "x?date=2024-05-07", "archive/2024/05/page/3", "2024-05.html"]
    )
    def test_archive_pages(self, path: str) -> None:
        assert archive_period(f"https://paper.example/{path}") is not None

    @given(st.text(max_size=60))
    def test_any_address(self, text: str) -> None:
        for read in (named_period, archive_period, article_period):
            read(f"https://paper.example/{text.replace('[', '')}")


class TestSpan:
    SPAN = Span(*BETWEEN)
    MIDDLE = datetime(2018, 4, 1, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("published", "modified", "url", "out"),
        [
            (None, None, "/story", False),
            ("2018-04-01", None, "/story", False),
            ("2018-03-04", None, "/story", True),
            ("2018-04-22", None, "/story", True),
            (None, "2018-03-04", "/story", True),
            (None, "2020-01-01", "/story", False),  # an old article may be changed later
            (None, "2020-01-01", "/2019/12/31/story", True),
            ("2018-04-01", None, "/2012/12/31/story", False),  # what is announced counts more than the address
            (None, None, "/2018/03/04/story", False),  # a day to either side, for time zones
            (None, None, "/2018/03/03/story", True),
            ("2999-01-01", None, "/story", False),  # a date in the future says nothing
            ("2999-01-01", None, "/2012/12/31/story", True),
        ],
    )
    def test_announced_dates_and_addresses(self, published: str | None, modified: str | None, url: str, out: bool) -> None:
        dates = [datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None for text in (published, modified)]
        assert self.SPAN.leaves_out(*dates, f"https://paper.example{url}") is out

    def test_a_date_without_a_time_is_a_whole_day(self) -> None:
        noon = Span(datetime(2018, 3, 5, 12, tzinfo=UTC), None)
        assert not noon.leaves_out(datetime(2018, 3, 5, tzinfo=UTC), None, "https://paper.example/story")
        assert noon.leaves_out(datetime(2018, 3, 5, 11, tzinfo=UTC), None, "https://paper.example/story")

    def test_an_open_span_leaves_nothing_out(self) -> None:
        assert not Span()
        assert not Span().leaves_out(self.MIDDLE, None, "https://paper.example/2018/01/01/x")
        assert Span().outside(self.MIDDLE) is None

    def test_why_an_article_lies_outside(self) -> None:
        assert self.SPAN.outside(self.MIDDLE) is None
        assert self.SPAN.outside(self.MIDDLE - timedelta(days=90)) == "published 2018-01-01, before 2018-03-05"
        assert self.SPAN.outside(self.MIDDLE + timedelta(days=90)) == "published 2018-06-30, after 2018-04-21"
