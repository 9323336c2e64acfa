"""A crawl that meets walls: they are recorded as such, never tabulated as articles, and their hosts are asked more slowly."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

import archive
from tests.crawler.test_requisites import page, reply
from tests.crawling import Outcome, crawl, scrapy
from tests.wire.server import RawServer, Reply


def wall(title: str, status: str = "200 OK", more: str = "", body: str = "") -> Reply:
    html = f"<html><head><title>{title}</title></head><body><h1>{title}</h1>{body}</body></html>"
    return reply(html.encode(), status=status, more=more)


PASSWORD = "<form><input type=password name=p></form>"
# path on walled.test → its answer and what the row is to say
WALLS = {
    "/captcha": (wall("Are you a human?"), "captcha: it is called 'Are you a human?'"),
    "/firewall": (wall("Attention Required!", "403 Forbidden"), "firewall: it is called 'Attention Required!'"),
    "/challenge": (wall("", "403 Forbidden", "CF-Mitigated: challenge\r\n"), "firewall: cf-mitigated challenge"),
    "/busy": (wall("Just a moment...", "503 Busy", "Retry-After: 0\r\n"), "captcha: it is called 'Just a moment...'"),
}
OTHERS = {
    "/login": (wall("Anmelden - Kurier", body=PASSWORD), "login wall: it is called 'Anmelden'"),
    "/lost": (wall("Página no encontrada"), "soft 404: it is called 'Página no encontrada'"),
}


@dataclass
class Crawled:
    """One crawl of a walled host, one with walls of other kinds, and a free one."""

    server: RawServer
    outcome: Outcome
    collection: Path
    rows: dict[str, list[dict[str, Any]]]
    articles: set[str]

    def gaps(self, host: str) -> list[float]:
        times = [seen.time for seen in self.server.seen if seen.host == host]
        return [after - before for before, after in pairwise(times[-4:])]


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawled]:
    folder = tmp_path_factory.mktemp("walls")
    replies = {path: answer for path, (answer, _) in (WALLS | OTHERS).items()}
    replies |= {f"/story-{n}": reply(page("", f" {n}")) for n in range(6)}
    with RawServer(replies) as server:
        asked = {"walled.test": [*WALLS, *(f"/story-{n}" for n in range(3))], "other.test": [*OTHERS, "/story-5"]}
        urls = [f"http://{host}:{server.port}{path}" for host, paths in asked.items() for path in paths]
        urls += [f"http://free.test:{server.port}/story-{n}" for n in range(6)]
        (folder / "urls.txt").write_text("\n".join(urls))
        settings = {"BROADSHEET_BACKOFF": "0.05", "BROADSHEET_BACKOFF_MAX": "0.2", "DOWNLOAD_DELAY": "0.02"}
        settings |= {"BROADSHEET_REFUSALS_MAX": "99", "BROADSHEET_ADDRESS_DELAY": "0"}
        outcome = crawl(folder / "c", settings, urls=str(folder / "urls.txt"))
        rows: dict[str, list[dict[str, Any]]] = {}
        for row in archive.open_captures(folder / "c").to_table().to_pylist():
            rows.setdefault(row["url"].replace(f":{server.port}", ""), []).append(row)
        articles = archive.open_articles(folder / "c").to_table().column("url").to_pylist()
        yield Crawled(server, outcome, folder / "c", rows, {url.replace(f":{server.port}", "") for url in articles})


def test_each_wall_is_recorded_as_what_it_is(crawled: Crawled) -> None:
    for host, walls in (("walled.test", WALLS), ("other.test", OTHERS)):
        for path, (_, reason) in walls.items():
            rows = crawled.rows[f"http://{host}{path}"]
            assert {(row["extraction"], row["extraction_reason"]) for row in rows} == {("blocked", reason)}


def test_none_of_them_is_an_article(crawled: Crawled) -> None:
    stories = {f"http://walled.test/story-{n}" for n in range(3)} | {f"http://free.test/story-{n}" for n in range(6)}
    assert crawled.articles <= stories | {"http://other.test/story-5"}
    assert len({url.partition("story")[2] for url in crawled.articles}) == 6


def test_the_walled_host_is_asked_more_slowly_and_the_log_says_so(crawled: Crawled) -> None:
    # stories and the second and third try of /busy: four walls double the delay to 8 times 0.02 s, the fifth to 16 times
    assert mean(crawled.gaps("walled.test")) >= (8 + 8 + 16) / 3 * 0.02 * 0.95
    assert min(crawled.gaps("free.test")) < 0.3
    assert min(crawled.gaps("other.test")) < 0.3
    said = [line for line in crawled.outcome.err.splitlines() if "more slowly" in line]
    assert len(said) == 6  # /busy was tried three times
    assert all("walled.test is asked again in" in line for line in said)
    assert "it shows a wall (captcha: it is called" in crawled.outcome.err


def test_the_summary_counts_them(crawled: Crawled) -> None:
    assert "          6 blocked by a captcha, firewall, consent or login wall, or a soft 404" in crawled.outcome.err
    assert "  hosts      refused us 6 times" in crawled.outcome.err
    assert crawled.outcome.code == 0


def test_rows_made_again_from_the_records_say_the_same(crawled: Crawled, tmp_path: Path) -> None:
    warcs = [str(path) for path in (crawled.collection / "archive").glob("*.warc.gz")]
    assert scrapy("extract", *warcs, "-o", str(tmp_path / "again"), settings={"BROADSHEET_WORKERS": "1"}).code == 0
    again = archive.open_captures(tmp_path / "again").to_table().to_pylist()
    assert len([row for row in again if row["extraction"] == "blocked"]) == len(WALLS) + 2 + len(OTHERS)
