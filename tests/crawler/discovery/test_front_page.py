"""From a front page alone: what is found, what is fetched once, and what hostile and careless sites get."""

import gzip
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import archive
from archive.reader import read_records
from tests.crawler.discovery.papers import article, index, listing, moved, reply, robots, rss, url_row, urlset, xml
from tests.crawling import Outcome, crawl
from tests.wire.server import RawServer, Reply

MEGABYTE = 1 << 20
FUTURE = "<pubDate>Fri, 01 Jan 2999 00:00:00 GMT</pubDate>"


def story(number: int) -> str:
    return f"/story/ferry-runs-again-and-again-{number}"


def packed(*rows: str) -> Reply:
    """A sitemap in a content coding."""
    body = gzip.compress(f"<urlset>{''.join(rows)}</urlset>".encode())
    return reply(body, "application/xml", more="Content-Encoding: gzip\r\n")


def large(root: str) -> dict[str, Reply | list[Reply]]:
    """A paper whose articles are found in eight ways, each named in one way alone."""
    hreflang = f'<xhtml:link rel="alternate" hreflang="de" href="{root}/de/geschichte/die-faehre-faehrt-wieder-7"/>'
    news = (
        "<news:news><news:publication><news:name>Paper</news:name><news:language>en</news:language></news:publication>"
        "<news:publication_date>2026-01-05T10:00:00Z</news:publication_date><news:title>Ferry</news:title>"
        "<news:keywords>ferry, harbour</news:keywords></news:news>"
    )
    hub = '<atom:link rel="hub" href="https://hub.example/"/>'
    pages: dict[str, Reply | list[Reply]] = {
        "/robots.txt": robots("", f"{root}/index.xml"),
        "/": listing(
            "Paper",
            [("/world/", "World"), (story(1), "The ferry runs again and again today"), ("/about/", "About us")],
            '<link rel="alternate" type="application/rss+xml" href="/feed.rss">'
            '<link rel="sitemap" href="/by-element.xml"><link rel="alternate" hreflang="de" href="/de/">',
        ),
        "/world/": listing("World", [(story(2), "The ferry"), ("/world/asia/", "Asia"), ("?page=2", "2"), ("?page=3", "3")]),
        "/world/?page=2": listing("World", [(story(3), "The ferry"), ("/world/", "1"), ("?page=3", "3")]),
        "/world/?page=3": listing("World", [(story(3), "The ferry"), ("?page=2", "2"), ("?page=4", "4")]),
        "/world/?page=4": listing("World", [(story(3), "The ferry"), ("?page=5", "5")]),
        "/world/asia/": listing("Asia", [(story(4), "The ferry"), ("/world/asia/japan/", "Japan"), ("/asia.rss", "RSS")]),
        "/world/asia/japan/": listing("Japan", [(story(99), "The ferry")]),
        "/asia.rss": rss(root + story(5)),
        "/de/": listing("Blatt", [(story(6), "Die Fähre")]),
        "/feed.rss": rss(root + story(8), head=hub),
        "/by-element.xml": urlset(url_row(root + story(9))),
        "/index.xml": index((f"{root}/nested.xml", None), (f"{root}/index.xml", None)),
        "/nested.xml": index((f"{root}/pages.xml", None), (f"{root}/news.xml", None)),
        "/pages.xml": packed(url_row(root + story(7), more=hreflang)),
        "/news.xml": urlset(url_row(root + story(10), more=news)),
        "/de/geschichte/die-faehre-faehrt-wieder-7": article(11),
    }
    pages |= {story(number): article(number) for number in (*range(1, 11), 99)}
    pages[story(8)] = article(8, head='<link rel="alternate" hreflang="fr" href="/fr/histoire/le-bac-repart-de-nouveau-8">')
    pages["/fr/histoire/le-bac-repart-de-nouveau-8"] = article(12)
    return {f"large.test{path}": page for path, page in pages.items()}


def twins(root: str) -> dict[str, Reply | list[Reply]]:
    """Addresses of one article, and addresses that differ little and name different ones."""
    same = [
        "/a/one-ferry-runs-again-today/?utm_source=x#top",
        "/a/one-ferry-runs-again-today/amp/",
        "/a/one-ferry-runs-again-today/?amp=1",
        "/a/one-ferry-runs-again-today/?print=1",
        "/print/a/one-ferry-runs-again-today/",
        "/a/one-ferry-runs-again-today/;jsessionid=0123456789ABCDEF",
        f"{root.upper()}/a/../a/one-ferry-runs-again-today/",
    ]
    different = ["/show.php?id=71", "/show.php?id=72", "/show.php?id=72&part=2", "/show.php/aB71234", "/show.php/Ab71234"]
    links = [(url, "The ferry runs again and again today") for url in (*same, *different, "/only/amp-form-of-a-ferry/amp/")]
    pages: dict[str, Reply | list[Reply]] = {
        "/robots.txt": robots(),
        "/": listing(
            "Twins", [*links, ("/go/8f2k1234567", "The ferry runs again and again today"), ("/m/mobile-77123456", "Mobile")]
        ),
        "/a/one-ferry-runs-again-today/": article(1),
        "/go/8f2k1234567": moved("/a/one-ferry-runs-again-today/?utm_medium=short"),
        "/a/one-ferry-runs-again-today/?utm_medium=short": article(1),
        "/m/mobile-77123456": article(1, head=f'<link rel="canonical" href="{root}/a/one-ferry-runs-again-today/">'),
        "/only/amp-form-of-a-ferry/amp/": article(2),
    }
    pages |= {url: article(3 + number) for number, url in enumerate(different)}
    return {f"twins.test{path}": page for path, page in pages.items()}


def hostile(root: str) -> dict[str, Reply | list[Reply]]:
    """A sitemap that names others' pages and no addresses, a feed and a robots.txt that never end, traps of all kinds."""
    item = f"<item><title>News</title><link>{root}{story(21)}</link>{FUTURE}</item>"
    endless = f'<rss version="2.0"><channel>{item}'.encode()
    feed = Reply(
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n" + endless, *[b"<!-- and on and on -->" * 3_000] * 400), "close"
    )
    rules = b"User-agent: *\nDisallow: /private/\nSitemap: %s/index.xml\n" % root.encode()
    robots_txt = Reply(
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + rules, *[b"# and on and on\n" * 65_536] * 100), "close"
    )
    nothing = ["file:///etc/hostname", "data:text/html,ferry", "javascript:alert(1)", root + "/" + "x" * 100_000]
    sold = [f"http://casino.test/slot-machine-of-the-day-{number}" for number in range(5)]
    params = "&".join(f"p{number}=1" for number in range(20))
    links = [
        (story(20), "The ferry runs again and again today"),
        ("/private/story-of-the-ferry-30", "The ferry is private"),
        ("/round/one-way-to-the-ferry-40", "The ferry goes round and round"),
        ("/more/more/more/", "More"),
        (f"/list?{params}", "List"),
        ("/calendar/?year=2031&month=1", "January"),
        ("/tree/", "Tree"),
        ("/feed.xml", "RSS"),
    ]
    pages: dict[str, Reply | list[Reply]] = {
        "/robots.txt": robots_txt,
        "/": listing("Hostile", links),
        "/feed.xml": feed,
        "/index.xml": index((f"{root}/index.xml", None), ("http://casino.test/sitemap.xml", None), (f"{root}/sold.xml", None)),
        "/sold.xml": urlset(*(url_row(url) for url in (*nothing, *sold, root + story(22)))),
        "/round/one-way-to-the-ferry-40": moved("/round/another-way-to-the-ferry-41"),
        "/round/another-way-to-the-ferry-41": moved("/round/one-way-to-the-ferry-40"),
        "/tree/": listing("Tree", [("a/b/", "Down"), (story(20), "The ferry runs again and again today")]),
        "/html.xml": reply("<!doctype html><title>Not found</title>"),
        "/bomb.xml": xml('<!DOCTYPE u [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><urlset><url><loc>/&b;</loc></url></urlset>'),
    }
    for depth in range(1, 12):  # each page leads one step further down, by a relative link
        pages["/tree/" + "a/b/" * depth] = listing("Tree", [("a/b/", "Down")])
    pages |= {story(number): article(number) for number in (20, 21, 22)}
    return {f"hostile.test{path}": page for path, page in pages.items()}


@dataclass
class Crawled:
    server: RawServer
    collection: Path
    outcome: Outcome
    articles: list[dict[str, Any]]
    captures: list[dict[str, Any]]
    ledger: list[dict[str, Any]]

    def asked(self, host: str) -> list[str]:
        return [seen.path for seen in self.server.seen if seen.host == host]

    def kept(self, host: str) -> set[str]:
        root = f"http://{host}:{self.server.port}"
        return {row["url"].removeprefix(root) for row in self.articles if row["url_host_name"] == host}

    def stat(self, name: str) -> int:
        found = re.search(rf"'broadsheet/{name}': (\d+)", self.outcome.err)
        return int(found[1]) if found else 0


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawled]:
    folder = tmp_path_factory.mktemp("front")
    made: dict[str, Reply | list[Reply]] = {}
    with RawServer(made) as server:
        root = f"http://{{}}.test:{server.port}"
        made |= large(root.format("large")) | twins(root.format("twins")) | hostile(root.format("hostile"))
        sites = ",".join(f"{root.format(host)}/" for host in ("large", "twins", "hostile"))
        sitemaps = ",".join(f"{root.format('hostile')}/{name}.xml" for name in ("html", "bomb"))
        settings = {"STATS_DUMP": "1", "RETRY_ENABLED": "0", "CONCURRENT_REQUESTS_PER_DOMAIN": "4"}
        outcome = crawl(folder / "c", settings, sites=sites, sitemaps=sitemaps)
        tables = (
            table(folder / "c").to_table().to_pylist()
            for table in (archive.open_articles, archive.open_captures, archive.open_ledger)
        )
        yield Crawled(server, folder / "c", outcome, *tables)


def test_the_crawl_ends_well(crawled: Crawled) -> None:
    assert crawled.outcome.code == 0
    assert "Traceback" not in crawled.outcome.err


class TestFound:
    @pytest.mark.parametrize(
        ("number", "source"),
        [
            (1, "front_page"),
            (2, "section"),
            (3, "section"),  # on the second page of a list
            (4, "section"),  # in a section of a section
            (5, "feed"),  # that only a link of a section names
            (6, "section"),  # of the front page in another language
            (7, "sitemap"),  # in an index in an index
            (8, "feed"),
            (9, "sitemap"),  # that a link element names
            (10, "news_sitemap"),
        ],
    )
    def test_an_article_that_is_named_in_one_way(self, crawled: Crawled, number: int, source: str) -> None:
        (row,) = (row for row in crawled.articles if row["url"].endswith(f"large.test:{crawled.server.port}{story(number)}"))
        assert row["discovery_source"] == source

    def test_other_languages_of_an_article_are_articles_of_their_own(self, crawled: Crawled) -> None:
        sources = {row["url"].rpartition("/")[2]: row["discovery_source"] for row in crawled.articles}
        assert sources["die-faehre-faehrt-wieder-7"] == "sitemap"
        assert sources["le-bac-repart-de-nouveau-8"] == "alternate"

    def test_sections_are_followed_two_steps_from_the_front_page(self, crawled: Crawled) -> None:
        assert "/world/asia/" in crawled.asked("large.test")
        assert "/world/asia/japan/" not in crawled.asked("large.test")

    def test_a_list_is_turned_until_it_repeats_itself(self, crawled: Crawled) -> None:
        pages = [path for path in crawled.asked("large.test") if "page=" in path]
        assert sorted(pages) == ["/world/?page=2", "/world/?page=3"]

    def test_nothing_is_fetched_twice(self, crawled: Crawled) -> None:
        for host in ("large.test", "twins.test"):
            assert [path for path, count in Counter(crawled.asked(host)).items() if count > 1] == []

    def test_a_websub_hub_is_noted(self, crawled: Crawled) -> None:
        assert crawled.stat("websub/feeds") == 1
        files = sorted((crawled.collection / "archive").iterdir())
        blocks = [record.block for path in files for record in read_records(path) if record.kind == "metadata"]
        assert any(b"outlink: https://hub.example/" in block for block in blocks)


class TestOneArticle:
    def test_its_twins_are_not_fetched(self, crawled: Crawled) -> None:
        asked = [path for path in crawled.asked("twins.test") if "one-ferry" in path]
        assert asked == ["/a/one-ferry-runs-again-today/"]
        (short,) = (row for row in crawled.ledger if "/go/8f2k" in row["url"])
        assert short["state"] == "duplicate"

    def test_redirects_and_canonical_addresses_lead_to_it(self, crawled: Crawled) -> None:
        rows = [row for row in crawled.articles if "Ferry number 1 " in row["title"] and row["url_host_name"] == "twins.test"]
        assert len({row["article_id"] for row in rows}) == 1
        assert [row["version"] for row in rows] == [1]

    def test_an_amp_form_without_a_page_is_fetched(self, crawled: Crawled) -> None:
        assert "/only/amp-form-of-a-ferry/amp/" in crawled.kept("twins.test")

    def test_what_differs_by_an_id_or_by_case_stays_apart(self, crawled: Crawled) -> None:
        different = {"/show.php?id=71", "/show.php?id=72", "/show.php?id=72&part=2", "/show.php/aB71234", "/show.php/Ab71234"}
        rows = [row for row in crawled.articles if "/show.php" in row["url"]]
        assert different <= crawled.kept("twins.test")
        assert len({row["article_id"] for row in rows}) == len(different)


class TestHostile:
    def test_the_beginning_of_a_feed_that_never_ends_is_read(self, crawled: Crawled) -> None:
        assert story(21) in crawled.kept("hostile.test")
        (seen,) = (seen for seen in crawled.server.seen if seen.path == "/feed.xml" and seen.host == "hostile.test")
        assert len(seen.sent) < 22 * MEGABYTE  # of 26
        assert "longer than DOWNLOAD_MAXSIZE" in crawled.outcome.err

    def test_the_rules_of_an_endless_robots_txt_hold(self, crawled: Crawled) -> None:
        (seen,) = (seen for seen in crawled.server.seen if seen.path == "/robots.txt" and seen.host == "hostile.test")
        assert len(seen.sent) < 10 * MEGABYTE  # of 100
        assert not [path for path in crawled.asked("hostile.test") if "private" in path]
        assert {story(20), story(22)} <= crawled.kept("hostile.test")

    def test_a_sitemap_speaks_for_its_own_site_alone(self, crawled: Crawled) -> None:
        assert not crawled.asked("casino.test")
        assert (crawled.stat("announced/other_site"), crawled.stat("announced/other_site_lists")) == (5, 1)

    def test_what_is_no_address_to_fetch_is_counted_by_kind(self, crawled: Crawled) -> None:
        assert (crawled.stat("excluded/scheme"), crawled.stat("excluded/length")) == (3, 1)

    def test_an_index_that_names_itself_is_read_once(self, crawled: Crawled) -> None:
        assert crawled.asked("hostile.test").count("/index.xml") == 1

    def test_a_redirect_loop_ends(self, crawled: Crawled) -> None:
        assert len([path for path in crawled.asked("hostile.test") if path.startswith("/round/")]) <= 11  # REDIRECT_MAX_TIMES

    @pytest.mark.parametrize("kind", ["growing_path", "parameters", "calendar"])
    def test_traps_are_bounded_and_named(self, crawled: Crawled, kind: str) -> None:
        assert crawled.stat(f"excluded/{kind}") >= 1
        assert f"({kind.replace('_', ' ')}: " in crawled.outcome.err
        deepest = max(path.count("a/b/") for path in crawled.asked("hostile.test"))
        assert deepest < 3
        assert not [path for path in crawled.asked("hostile.test") if "2031" in path or "p19" in path or "/more/" in path]

    @pytest.mark.parametrize(
        ("shape", "state", "reason"),
        [
            ("/more/more/more/", "excluded", "growing path"),
            ("/list?p0=1", "excluded", "parameters"),
            ("/calendar/", "excluded", "calendar"),
            ("casino.test/slot", "excluded", "of another site than hostile.test"),
            ("file:///etc/hostname", "excluded", "scheme: file"),
            ("/xxxxxxxx", "excluded", "length"),
            ("/round/one-way", "failed", "max redirections"),
            ("/private/", "robots", "robots.txt"),
        ],
    )
    def test_the_ledger_names_it(self, crawled: Crawled, shape: str, state: str, reason: str) -> None:
        rows = [row for row in crawled.ledger if shape in row["url"]]
        assert rows
        assert {row["state"] for row in rows} == {state}
        assert all(reason in row["reason"] for row in rows)

    def test_html_and_entities_in_place_of_a_sitemap_do_no_harm(self, crawled: Crawled) -> None:
        assert "an HTML page instead of a sitemap" in crawled.outcome.err
        assert not [path for path in crawled.asked("hostile.test") if "aaaa" in path]
