"""What kept articles need to replay is fetched with them, tied to them, and never more than was allowed."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from scrapy import Request as ScrapyRequest
from scrapy.exceptions import IgnoreRequest
from scrapy.http import TextResponse
from scrapy.settings import Settings

import archive
from archive.collection import open_collection
from archive.reader import read_record
from archive.requisites import Reference
from archive.verify import verify
from crawler.addon import DEFAULTS
from crawler.pace import Pace
from crawler.requisites import Requisites
from crawler.robots import RobotsUnreachableError
from pipelines.tabulate import ArticleRow
from tests.crawling import Outcome, begin, crawl, scrapy
from tests.newsroom.server import Newsroom
from tests.wire.server import RawServer, Reply

LINE = "<p>The ferry called at pier {} before noon, and {} passengers went ashore with their bicycles.</p>"
STORY = "<h1>The ferry runs again</h1>" + "".join(LINE.format(number, number + 3) for number in range(9))


def page(references: str, words: str = "") -> bytes:
    head = f"<title>The ferry runs again{words}</title>"
    return f"<html><head>{head}</head><body><article>{STORY}{words}{references}</article></body></html>".encode()


def reply(body: bytes, content_type: str = "text/html", status: str = "200 OK", more: str = "") -> Reply:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return Reply((head.encode() + body,))


def rows(collection: Path, table: str) -> list[dict[str, Any]]:
    opened = archive.open_articles if table == "articles" else archive.open_captures
    return opened(collection).to_table().to_pylist()


def fetched(server: RawServer) -> list[str]:
    return [seen.path for seen in server.seen if seen.path not in ("/robots.txt", "/.well-known/tdmrep.json")]


@pytest.fixture(scope="module")
def newsroom() -> Iterator[Newsroom]:
    with Newsroom(slow_seconds=0) as newsroom:
        yield newsroom


def crawl_newsroom(newsroom: Newsroom, collection: Path, mode: str, **settings: str) -> Outcome:
    newsroom.forget()
    given = {"BROADSHEET_REQUISITES": mode, "BROADSHEET_CRAWL_DELAY_MAX": "0", **settings}
    story = next(page.url for page in newsroom.expected if "night-ferry" in page.url)
    outcome = crawl(collection, given, urls=story)
    assert outcome.code == 0, outcome.err
    assert not verify(open_collection(collection)).mismatches
    return outcome


def assets(newsroom: Newsroom) -> set[str]:
    paths = {seen.path for seen in newsroom.requests if seen.host.startswith("cdn") or "static" in seen.path}
    return {path.rpartition("/")[2] for path in paths} - {"robots.txt", "tdmrep.json"}


def test_in_full_mode_all_that_a_page_and_its_stylesheets_name_is_fetched_once(newsroom: Newsroom, tmp_path: Path) -> None:
    outcome = crawl_newsroom(newsroom, tmp_path / "c", "full")
    wanted = {"site.css", "type.css", "print.css", "tide-digits.woff2", "paper.png", "logo.png", "consent.js"}
    assert wanted | {"lanterns-320.webp"} <= assets(newsroom)
    paths = [(seen.host, seen.path) for seen in newsroom.requests]
    assert ("www.harbour-courier.test", "/favicon.ico") in paths
    assert len(paths) == len(set(paths))
    (article,) = rows(tmp_path / "c", "articles")
    assert (article["replay_coverage"], article["requisites_missing"]) == (100.0, [])
    captures = rows(tmp_path / "c", "captures")
    (owner,) = (row["page_id"] for row in captures if row["warc_record_id"] == article["warc_record_id"])
    parts = [row for row in captures if row["purpose"] == "requisite"]
    assert len(parts) >= len(wanted)
    assert {row["page_id"] for row in parts} == {owner}
    assert {row["extraction"] for row in parts} == {None}
    record = record_of(tmp_path / "c", parts[0])
    assert record.get("WARC-Page-ID") == owner
    assert f"requisites {len(parts)} fetched, 0 missing" in outcome.err


def record_of(collection: Path, row: dict[str, Any]):  # type: ignore[no-untyped-def]
    path = open_collection(collection).warc_path(row["warc_filename"])
    return read_record(path, row["warc_record_offset"], row["warc_record_length"])


def test_a_full_crawl_of_the_newsroom_replays_whole(newsroom: Newsroom, tmp_path: Path) -> None:
    newsroom.forget()
    settings = {"BROADSHEET_REQUISITES": "full", "BROADSHEET_CRAWL_DELAY_MAX": "0", "BROADSHEET_SYNC_SECONDS": "0.02"}
    outcome = crawl(tmp_path / "c", settings, sites=",".join(newsroom.front_pages))
    assert "replay     100 % of what 20 of the new pages load is here" in outcome.err
    articles = rows(tmp_path / "c", "articles")
    assert {row["replay_coverage"] for row in articles} == {100.0}
    loaded = [seen for seen in newsroom.requests if "/static/" in seen.path or seen.host.startswith("cdn")]
    assert len(loaded) == len({(seen.host, seen.path) for seen in loaded})  # once each, whichever pages name it
    # pages whose article waits for what they load have not failed, the further ones of an article neither
    ledger = archive.open_ledger(tmp_path / "c").to_table(["state", "reason"]).to_pylist()
    assert {row["reason"] for row in ledger if row["state"] == "failed"} == {"http 404", "http 410", "http 500"}
    audited = scrapy("audit", "--least", "100", str(tmp_path / "c"))
    assert audited.code == 0, audited.out
    assert len(articles) > 40
    assert f"{len(articles)} pages, {len(articles)} of them with all that they load" in audited.out


def test_the_summary_says_how_little_replays_of_pages_alone(newsroom: Newsroom, tmp_path: Path) -> None:
    assert "replay     0 % of what 1 of the new pages load is here" in crawl_newsroom(newsroom, tmp_path / "c", "html").err
    assert "replay " not in crawl_newsroom(newsroom, tmp_path / "d", "html", BROADSHEET_AUDIT_SAMPLE="0").err
    audited = scrapy("audit", "--least", "100", str(tmp_path / "c"))
    assert audited.code == 1
    assert "paper.png (1 pages): it is not in the archive" in audited.out


def test_in_images_mode_pictures_alone_are_fetched(newsroom: Newsroom, tmp_path: Path) -> None:
    crawl_newsroom(newsroom, tmp_path / "c", "images")
    assert assets(newsroom)
    assert {name.rpartition(".")[2] for name in assets(newsroom)} <= {"jpg", "png", "svg", "webp"}
    (article,) = rows(tmp_path / "c", "articles")
    assert article["replay_coverage"] == 100.0


def test_in_html_mode_nothing_but_pages_is_fetched(newsroom: Newsroom, tmp_path: Path) -> None:
    crawl_newsroom(newsroom, tmp_path / "c", "html")
    assert not assets(newsroom)
    (article,) = rows(tmp_path / "c", "articles")
    assert (article["replay_coverage"], article["requisites_missing"]) == (None, None)


def test_within_their_time_to_live_pictures_are_not_fetched_again(newsroom: Newsroom, tmp_path: Path) -> None:
    crawl_newsroom(newsroom, tmp_path / "c", "images")
    first = assets(newsroom)
    crawl_newsroom(newsroom, tmp_path / "c", "images")
    assert not assets(newsroom)
    crawl_newsroom(newsroom, tmp_path / "c", "images", BROADSHEET_REQUISITES_TTL="0")
    assert assets(newsroom) in (first, set())  # the page is unchanged by now: it makes no row


@contextmanager
def serving() -> Iterator[RawServer]:
    shared = '<link rel="stylesheet" href="/shared.css"><img src="/a.png">'
    poor = "".join(f'<img src="/{name}.png">' for name in ("a", "gone", "private/c", "moved"))
    looping = '<link rel="stylesheet" href="/loop.css"><iframe src="/frame"></iframe>'
    replies = {
        "/robots.txt": reply(b"User-agent: *\nDisallow: /private/\n", "text/plain"),
        "/first": reply(page(shared)),
        "/second": reply(page(shared + '<img src="/b.png">', "<p>A second story, with words of its own.</p>")),
        "/poor": reply(page(poor, "<p>A poor story, with words of its own.</p>")),
        "/heavy": reply(page("".join(f'<img src="/heavy-{n}.png">' for n in range(9)))),
        "/many": reply(page("".join(f'<img src="/many-{n}.png">' for n in range(30)))),
        "/odd": reply(page('<link rel="stylesheet" href="/css?family=A|B[1]&amp;q=ä">')),
        "/css": reply(b"a{}", "text/css"),
        "/forbidding": reply(page("".join(f'<img src="/private/{n}.png"><img src="/many-{n}.png">' for n in range(150)))),
        "/looping": reply(page(looping, "<p>A looping story, with words of its own.</p>")),
        "/loop.css": reply(b"@import 'loop2.css'; a{background:url(a.png)}", "text/css"),
        "/loop2.css": reply(b"@import 'loop.css'; @import 'deep.css';", "text/css"),
        "/deep.css": reply(b"a{background:url(too-deep.png)}", "text/css"),
        "/frame": reply(page('<img src="/framed.png"><iframe src="/frame-in-frame"></iframe>')),
        "/shared.css": reply(b"a{background:url(bg.png)}", "text/css"),
        "/moved.png": reply(b"", more="Location: /target.png\r\n", status="302 Found"),
        "/gone.png": reply(b"", status="404 Not Found"),
    }
    for name in ("/a.png", "/b.png", "/bg.png", "/framed.png", "/target.png"):
        replies[name] = reply(b"\x89PNG picture", "image/png")
    for number in range(9):
        replies[f"/heavy-{number}.png"] = reply(b"\x89PNG" + b"x" * 100_000, "image/png")
    for number in range(150):
        replies[f"/many-{number}.png"] = reply(b"\x89PNG picture", "image/png")
    with RawServer(replies) as server:
        yield server


@pytest.fixture
def site() -> Iterator[RawServer]:
    with serving() as server:
        yield server


def crawl_site(site: RawServer, collection: Path, *paths: str, **settings: str) -> dict[str, dict[str, Any]]:
    given = {"BROADSHEET_REQUISITES": "full", "RETRY_ENABLED": "0", **settings}
    outcome = crawl(collection, given, urls=",".join(site.url(path) for path in paths))
    assert outcome.code == 0, outcome.err
    assert "Traceback" not in outcome.err
    assert not verify(open_collection(collection)).mismatches
    return {row["url"].removeprefix(site.url("")): row for row in rows(collection, "articles")}


@dataclass
class Crawled:
    """One crawl of several pages: what the server was asked, the rows by path."""

    asked: list[str]
    articles: dict[str, dict[str, Any]]
    captures: list[dict[str, Any]]
    site: RawServer


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawled]:
    folder = tmp_path_factory.mktemp("requisites")
    with serving() as site:
        articles = crawl_site(site, folder / "c", "/first", "/second", "/poor", "/looping")
        yield Crawled(fetched(site), articles, rows(folder / "c", "captures"), site)


def test_what_two_pages_share_is_fetched_once_and_counts_for_both(crawled: Crawled) -> None:
    assert len(crawled.asked) == len(set(crawled.asked))
    assert {"/a.png", "/b.png", "/bg.png", "/shared.css"} <= set(crawled.asked)
    assert [crawled.articles[path]["replay_coverage"] for path in ("/first", "/second")] == [100.0, 100.0]


def test_what_is_gone_or_forbidden_is_missing_and_named(crawled: Crawled) -> None:
    poor = crawled.articles["/poor"]
    assert sorted(poor["requisites_missing"]) == [crawled.site.url("/gone.png"), crawled.site.url("/private/c.png")]
    assert poor["replay_coverage"] == 50.0
    assert "/private/c.png" not in crawled.asked
    assert "/target.png" in crawled.asked  # behind the redirect


def test_addresses_are_fetched_as_a_browser_writes_them(site: RawServer, tmp_path: Path) -> None:
    crawl_site(site, tmp_path / "c", "/odd")
    assert "/css?family=A|B[1]&q=%C3%A4" in fetched(site)
    assert site.url("/css?family=A|B[1]&q=%C3%A4") in {row["url"] for row in rows(tmp_path / "c", "captures")}
    assert scrapy("audit", "--least", "100", str(tmp_path / "c")).code == 0


def test_stylesheets_and_frames_are_followed_but_not_for_ever(crawled: Crawled) -> None:
    assert {"/loop.css", "/loop2.css", "/deep.css", "/frame", "/framed.png"} <= set(crawled.asked)
    assert "/too-deep.png" not in crawled.asked
    assert crawled.site.url("/frame-in-frame") in crawled.articles["/looping"]["requisites_missing"]
    (frame,) = (row for row in crawled.captures if row["url"].endswith("/frame"))
    assert (frame["purpose"], frame["extraction"]) == ("requisite", None)  # never an article


def test_a_row_waits_for_all_that_its_page_names_and_comes_once(site: RawServer, tmp_path: Path) -> None:
    """However soon the first ones are settled: here at once, for robots.txt is known."""
    page_ = crawl_site(site, tmp_path / "c", "/forbidding")["/forbidding"]
    assert len(rows(tmp_path / "c", "articles")) == 1
    assert len(page_["requisites_missing"]) == 150
    assert page_["replay_coverage"] == pytest.approx(100 * 150 / 300)


def test_a_page_has_a_budget_of_bytes_and_of_requests(site: RawServer, tmp_path: Path) -> None:
    budget = {"BROADSHEET_REQUISITES_BYTES": "250000", "BROADSHEET_REQUISITES_MAX": "12", "CONCURRENT_REQUESTS": "1"}
    articles = crawl_site(site, tmp_path / "c", "/heavy", "/many", **budget)
    assert 3 <= len([path for path in fetched(site) if "heavy-" in path]) < 9
    assert len([path for path in fetched(site) if "many-" in path]) == 12
    assert articles["/many"]["replay_coverage"] == pytest.approx(40.0)
    assert articles["/heavy"]["replay_coverage"] < 100


def test_a_file_that_is_too_long_is_cut_marked_and_missing(site: RawServer, tmp_path: Path) -> None:
    heavy = crawl_site(site, tmp_path / "c", "/heavy", BROADSHEET_REQUISITE_MAXSIZE="50000")["/heavy"]
    assert heavy["replay_coverage"] == 0.0
    cut = [row for row in rows(tmp_path / "c", "captures") if "heavy-" in row["url"]]
    assert {row["content_truncated"] for row in cut} == {"length"}


def test_max_articles_does_not_cut_off_what_a_kept_article_needs(site: RawServer, tmp_path: Path) -> None:
    settings = {"BROADSHEET_REQUISITES": "full", "CONCURRENT_REQUESTS_PER_DOMAIN": "1"}
    urls = ",".join(site.url(path) for path in ("/first", "/second", "/many", "/heavy"))
    outcome = crawl(tmp_path / "c", settings, urls=urls, max_articles="1")
    assert "ended: max_articles" in outcome.err
    (article,) = rows(tmp_path / "c", "articles")
    assert article["replay_coverage"] == 100.0
    assert len(article["requisites_missing"]) == 0


def test_nor_what_it_needs_of_hosts_that_were_not_asked_before(newsroom: Newsroom, tmp_path: Path) -> None:
    settings = {"BROADSHEET_REQUISITES": "full", "BROADSHEET_CRAWL_DELAY_MAX": "0"}
    crawl(tmp_path / "c", settings, sites=newsroom.front_pages[0], max_articles="1")
    (article,) = rows(tmp_path / "c", "articles")
    assert article["requisites_missing"] == []


def test_a_stylesheet_of_an_earlier_run_is_read_in_the_archive(site: RawServer, tmp_path: Path) -> None:
    crawl_site(site, tmp_path / "c", "/first", BROADSHEET_REQUISITES_MAX="1")
    assert fetched(site) == ["/first", "/shared.css"]
    crawl_site(site, tmp_path / "c", "/second")
    assert sorted(fetched(site)[2:]) == ["/a.png", "/b.png", "/bg.png", "/second"]  # the sheet's picture, and not the sheet
    assert scrapy("audit", "--least", "100", str(tmp_path / "c")).code == 0


def cut_off(collection: Path, how: signal.Signals) -> str:
    """What a crawl of one page with 200 pictures says that is ended after the first few."""
    replies = {"/robots.txt": reply(b""), "/many": reply(page("".join(f'<img src="/{n}.png">' for n in range(200))))}
    replies |= {f"/{number}.png": reply(b"\x89PNG picture", "image/png") for number in range(200)}
    with RawServer(replies) as site:
        settings = {"BROADSHEET_REQUISITES": "full", "DOWNLOAD_DELAY": "0.05"}
        with begin(collection, settings, urls=site.url("/many")) as process:
            process.until(lambda: len(site.seen) >= 6)
            process.send_signal(how)
            return process.wait(30).err


def test_an_article_whose_requisites_are_cut_off_by_ctrl_c_keeps_its_row(tmp_path: Path) -> None:
    assert "Traceback" not in cut_off(tmp_path / "c", signal.SIGINT)
    (article,) = rows(tmp_path / "c", "articles")
    assert 0 < article["replay_coverage"] < 100
    assert len(article["requisites_missing"]) > 100
    assert not verify(open_collection(tmp_path / "c")).mismatches


def test_an_article_whose_requisites_are_cut_off_by_a_kill_gets_its_row_by_the_next_crawl(
    site: RawServer, tmp_path: Path
) -> None:
    cut_off(tmp_path / "c", signal.SIGKILL)
    assert not rows(tmp_path / "c", "articles")
    articles = crawl_site(site, tmp_path / "c", "/first")
    (made_again,) = (row for url, row in articles.items() if url.endswith("/many"))
    assert (made_again["replay_coverage"], made_again["requisites_missing"]) == (None, None)
    assert articles["/first"]["replay_coverage"] == 100.0


def test_an_unknown_mode_is_named_before_anything_is_fetched(tmp_path: Path) -> None:
    outcome = crawl(tmp_path / "c", {"BROADSHEET_REQUISITES": "everything"}, urls="http://127.0.0.1:9/")
    assert outcome.code == 2
    assert "BROADSHEET_REQUISITES=everything: there is no such mode; choose html, images or full" in outcome.err


class Held:
    """What the extension needs of a tabulator: the rows that it is to keep."""

    def __init__(self) -> None:
        self.rows: list[ArticleRow] = []

    def hold_article(self, row: ArticleRow, fill: object) -> None:
        self.rows.append(row)

    def release_article(self, row: ArticleRow) -> None:
        self.rows.remove(row)


@pytest.fixture
def extension() -> Requisites:
    run = SimpleNamespace(tabulator=Held(), originals=SimpleNamespace(last_seen=lambda url: None, get=lambda url: None))
    crawler = SimpleNamespace(
        settings=Settings(DEFAULTS | {"BROADSHEET_REQUISITES": "full"}),
        stats=SimpleNamespace(inc_value=lambda name: None),
        spider=SimpleNamespace(requisite=None, requisite_failed=None),
        get_extension=lambda kind: SimpleNamespace(run=run),
    )
    made = Requisites(crawler)  # type: ignore[arg-type]
    (first,) = made.begin(ArticleRow(), sheets("first.css"), "first", "http://a.test/")
    made.came(answer(first.url), first.url)  # the host is known to answer from here on
    return made


def answer(url: str, css: str = "") -> TextResponse:
    request = ScrapyRequest(url, meta={"capture": SimpleNamespace(truncated=None)})
    return TextResponse(url, body=css.encode(), headers={"Content-Type": "text/css"}, request=request)


def sheets(*names: str) -> list[Reference]:
    return [Reference(f"http://a.test/{name}", "stylesheet") for name in names]


def test_a_row_is_given_when_nothing_more_is_to_come_and_not_before(extension: Requisites) -> None:
    row = ArticleRow()
    asked = iter(extension.begin(row, sheets("one.css", "two.css"), "page", "http://a.test/"))
    first = next(asked)
    assert extension.failed(first.url) == []  # before anybody has looked at the second
    (second,) = asked
    (nested,) = extension.came(answer(second.url, "@import 'three.css';"), second.url)
    assert nested.url == "http://a.test/three.css"
    assert extension.came(answer(nested.url), nested.url) == [row]
    assert row["requisites_missing"] == [first.url]
    assert row["replay_coverage"] == pytest.approx(100 * 2 / 3)
    assert not extension.pending


def test_the_first_request_to_a_host_goes_alone_and_speaks_for_all(extension: Requisites) -> None:
    row = ArticleRow()
    names = [Reference(f"http://{host}.test/{number}.png", "image") for number in range(99) for host in ("mute", "well")]
    mute, well = extension.begin(row, names, "page", "http://a.test/")
    assert (mute.url, well.url) == ("http://mute.test/0.png", "http://well.test/0.png")
    assert extension.failed(mute.url, RobotsUnreachableError("no answer")) == []
    others = extension.failed(well.url, IgnoreRequest("404"))
    assert len(others) == 98
    given = [item for request in others for item in extension.came(answer(request.url), request.url)]
    assert given == [row]
    assert len(row["requisites_missing"]) == 100
    assert not extension.pending


def test_a_host_that_is_left_alone_is_not_even_asked(extension: Requisites) -> None:
    row = ArticleRow()
    Pace.of(extension.crawler).failed("mute.test", "it did not answer", final=True)
    assert extension.begin(row, [Reference("http://mute.test/1.png", "image")], "page", "http://a.test/") == [row]
    assert row["requisites_missing"] == ["http://mute.test/1.png"]


def test_depth_counts_from_each_page_anew(extension: Requisites) -> None:
    deep, near = ArticleRow(), ArticleRow()
    (one,) = extension.begin(deep, sheets("1.css"), "deep", "http://a.test/deep")
    (two,) = extension.came(answer(one.url, "@import '2.css';"), one.url)
    (three,) = extension.came(answer(two.url, "@import '3.css';"), two.url)
    assert extension.begin(near, sheets("3.css"), "near", "http://a.test/near") == []  # is on its way
    deep_row, four = sorted(extension.came(answer(three.url, "@import '4.css';"), three.url), key=lambda item: item is not deep)
    assert deep_row is deep
    assert four.url == "http://a.test/4.css"  # wanted by the page that is near to it alone
    assert extension.came(answer(four.url), four.url) == [near]


def test_sheets_that_name_others_for_ever_are_followed_three_deep(extension: Requisites) -> None:
    asked = []
    for start in ("0.css", "2.css", "0.css"):
        coming = extension.begin(ArticleRow(), sheets(start), "page", "http://a.test/")
        while coming:
            item = coming.pop()
            if isinstance(item, ScrapyRequest):
                number = int(item.url.rpartition("/")[2].removesuffix(".css"))
                asked.append(number)
                coming += extension.came(answer(item.url, f"@import '{number + 1}.css'; @import '{number - 1}.css';"), item.url)
    assert sorted(asked) == [-2, -1, 0, 1, 2, 3, 4]
    assert not extension.pending
