"""Which links of a page are followed, as what, and when two addresses count as one."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from archive.canonical import normalize_url
from crawler.discovery.links import classify_links, feed_links, well_known
from pipelines.article import Link

FRONT = "https://www.paper.co.uk/"
HEADLINE = "Storm barrier holds as the tide turns"


def kind(url: str, text: str | None = None, page: str = FRONT) -> str | None:
    found = classify_links([Link(url=url, text=text, rel=None)], page)
    return "article" if found.articles else "section" if found.sections or found.next else None


class TestArticles:
    @pytest.mark.parametrize(
        "path",
        [
            "2024/05/07/storm",
            "politics/2024/may/07/budget",
            "news/2024-05-07/budget",
            "2024/05/budget.html",
            "20240507-budget",
            "storm-barrier-holds-as-tide-turns",
            "harbour/barrier-holds-tide",
            "news/world-68001234",
            "wirtschaft/article250000123/",
            "politik/budget-a-31234567.html",
            "news/articles/c1ab2cd3ef4o",
            "story/storm-barrier",
            "stories/4000123/",
            "?p=1234",
            "index.php?id=77",
            "artikel.php?artikel=4711",
            "%D0%BB%D0%B5%D0%B4-%D0%BD%D0%B0-%D1%80%D0%B5%D0%BA%D0%B5-%D1%82%D0%B0%D0%B5%D1%82",
            "opinion/why-tides-turn-so-late/2024/05",
            "autoren/jane-doe/why-the-tides-turn-so-late-this-year",
            "privacy/storm-barrier-fined-for-leaking-names",
        ],
    )
    def test_by_address_alone(self, path: str) -> None:
        assert kind(FRONT + path) == "article"

    @pytest.mark.parametrize("path", ["harbour/storm-barrier", "sport/final.html", "tide-clock-restored"])
    def test_by_the_headline_where_the_address_leaves_doubt(self, path: str) -> None:
        assert kind(FRONT + path, HEADLINE) == "article"
        assert kind(FRONT + path, "Harbour") == "section"


class TestSections:
    @pytest.mark.parametrize(
        "path",
        [
            *("politics", "politics/", "news/world", "sport/football/premier-league", "en/", "us/politics", "opinion"),
            *("world/middle-east/", "world/us-and-canada", "science-and-environment", "kultur/film-und-serien/"),
            *("topics/climate-change", "thema/ukraine-krieg/", "category/economy/", "wirtschaft.html", "live", "podcasts/"),
            *("2024/", "2024/05/", "2024/05/07", "archive/2024", "news/page/3", "page/2", "news?page=2", "index.html"),
        ],
    )
    def test_by_address(self, path: str) -> None:
        assert kind(FRONT + path, path.rstrip("/").rpartition("/")[2]) == "section"

    @pytest.mark.parametrize("path", ["2024/05/07", "news/page/3", "politics"])
    def test_a_long_text_makes_no_article_of_an_archive_page(self, path: str) -> None:
        assert kind(FRONT + path, HEADLINE) == "section"


class TestLeftOut:
    @pytest.mark.parametrize(
        "url",
        [
            *(
                "mailto:desk@paper.co.uk",
                "javascript:void(0)",
                "tel:+441",
                "ftp://www.paper.co.uk/2024/05/07/storm",
                "http://[",
            ),
            *(
                FRONT + "2024/05/07/" + name
                for name in ("storm.jpg", "storm-report.PDF", "feed.xml", "storm.mp3", "feed/", "print")
            ),
            *(
                FRONT + name
                for name in ("login", "account/login.php", "subscribe/", "privacy-policy", "imprint.html", "kontakt")
            ),
            *(
                FRONT + name
                for name in ("search?q=storm+barrier", "share?u=1", "jobs/sales", "wp-login.php", "about-us", "agb")
            ),
            *(
                FRONT + name
                for name in ("tag/storm", "tags/storm/page/2", "author/jane-doe-of-the-harbour-desk", "news/autor/x")
            ),
            *("https://login.paper.co.uk/x", "https://abo.paper.co.uk/angebot", "https://cdn.paper.co.uk/a"),
        ],
    )
    def test_what_is_no_page_to_read(self, url: str) -> None:
        assert kind(url, HEADLINE) is None

    def test_the_page_itself(self) -> None:
        assert kind(FRONT, "Home") is None
        assert kind("https://www.paper.co.uk", "Home") is None
        assert kind(FRONT, "Home", page=FRONT + "politics") == "section"

    def test_an_address_beyond_any_use(self) -> None:
        assert kind(FRONT + "storm-" * 1000) is None


class TestSite:
    @pytest.mark.parametrize(
        ("page", "url", "same"),
        [
            (FRONT, "http://paper.co.uk/a", True),
            (FRONT, "https://sport.paper.co.uk/a", True),
            (FRONT, "https://other.co.uk/a", False),
            (FRONT, "https://paper.co.uk.evil.example/a", False),
            (FRONT, "https://paper.co.uk@evil.example/a", False),
            ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/a", True),
            ("http://127.0.0.1:8000/", "http://127.0.0.1:9000/a", False),
            ("http://127.0.0.1/", "http://127.0.0.2/a", False),
            ("http://[::1]:8000/", "http://[::1]:8000/a", True),
            ("http://localhost/", "http://localhost:80/a", True),
            ("http://localhost/", "http://localhost:81/a", False),
        ],
    )
    def test_one_site_is_one_registered_domain_or_one_host_and_port(self, page: str, url: str, same: bool) -> None:
        assert (kind(url, page=page) is not None) is same


class TestManyLinks:
    @pytest.mark.parametrize("noise", ["a1", "a", "1", "-", "a-", "/a", "2024/", "%41", "_", "&p="])
    def test_long_addresses_take_no_longer(self, noise: str) -> None:
        links = [Link(url=f"{FRONT}{noise * (2_000 // len(noise))}!{n}", text=None, rel=None) for n in range(100)]
        begun = time.process_time()
        classify_links(links, FRONT)
        assert time.process_time() - begun < 1

    def test_order_is_the_pages_and_each_link_lands_once(self) -> None:
        paths = ["politics", "2024/05/07/b", "sport", "2024/05/07/a", "login"]
        found = classify_links([Link(url=FRONT + path, text=None, rel=None) for path in paths], FRONT)
        assert [link["url"].removeprefix(FRONT) for link in found.articles] == ["2024/05/07/b", "2024/05/07/a"]
        assert [link["url"].removeprefix(FRONT) for link in found.sections] == ["politics", "sport"]

    def test_three_hundred_links_take_milliseconds(self) -> None:
        links = [Link(url=f"{FRONT}news/2024/05/{n}/storm-barrier-holds-{n}", text=HEADLINE, rel=None) for n in range(300)]
        classify_links(links, FRONT)
        begun = time.process_time()
        classify_links(links, FRONT)
        assert time.process_time() - begun < 0.05  # about 4 ms

    @given(st.lists(st.builds(Link, url=st.text() | st.text().map(FRONT.__add__), text=st.none() | st.text(), rel=st.none())))
    def test_any_links(self, links: list[Link]) -> None:
        found = classify_links(links, FRONT)
        assert all(link["url"].startswith(("http", "HTTP")) for link in found.articles + found.sections)


class TestNormalize:
    @pytest.mark.parametrize(
        ("url", "normal"),
        [
            ("HTTPS://WWW.Paper.Example", "https://www.paper.example/"),
            ("http://paper.example:80/a", "http://paper.example/a"),
            ("https://paper.example:443/a", "https://paper.example/a"),
            ("https://paper.example:80/a", "https://paper.example:80/a"),
            ("https://paper.example./a", "https://paper.example/a"),
            ("https://paper.example/a#top", "https://paper.example/a"),
            (" https://paper.example/a\n", "https://paper.example/a"),
            ("https://paper.example/a/../b/./c", "https://paper.example/b/c"),
            ("https://paper.example/../..", "https://paper.example/"),
            ("https://paper.example//x/./y", "https://paper.example//x/y"),
            ("https://münchen.example/ä b", "https://xn--mnchen-3ya.example/%C3%A4%20b"),
            ("https://paper.example/%c3%a4", "https://paper.example/%C3%A4"),
            ("https://user:word@paper.example/a", "https://paper.example/a"),
            ("https://paper.example/a?", "https://paper.example/a"),
            ("http://[::1]:8000/a", "http://[::1]:8000/a"),
            ("https://paper.example/a?utm_source=x&id=7&fbclid=y&UTM_Medium=z", "https://paper.example/a?id=7"),
            ("https://paper.example/a?gclid=1&mc_cid=2&srsltid=3&_ga=4", "https://paper.example/a"),
        ],
    )
    def test_one_form(self, url: str, normal: str) -> None:
        assert normalize_url(url) == normal

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("?id=1", "?id=2"),
            ("?b=1&a=2", "?a=2&b=1"),
            ("?a=1&a=2", "?a=2&a=1"),
            ("?a=", ""),
            ("?cid=1", "?cid=2"),
            ("?source=1", "?source=2"),
            ("?uid=1", "?uid=2"),
            ("A", "a"),
            ("a/", "a"),
            ("a%2Fb", "a/b"),
        ],
    )
    def test_what_may_be_two_pages_stays_two(self, one: str, other: str) -> None:
        first, second = normalize_url(f"https://paper.example/{one}"), normalize_url(f"https://paper.example/{other}")
        assert first is not None
        assert second is not None
        assert first != second

    @pytest.mark.parametrize(
        "url",
        [
            *("", "a", "/a", "//paper.example/a", "ftp://paper.example/a", "mailto:a@b.c", "javascript:alert(1)", "data:,x"),
            *(
                "http://",
                "http:///a",
                "http://[",
                "http://a:port/",
                "http://a:99999/",
                "http://a b/",
                "http://a..b/",
                "http://%41/",
            ),
            "https://paper.example/" + "x" * 2_083,
        ],
    )
    def test_none_for_what_cannot_be_fetched(self, url: str) -> None:
        assert normalize_url(url) is None

    def test_the_longest_address(self) -> None:
        url = "https://paper.example/".ljust(2_083, "x")
        assert normalize_url(url) == url

    @given(st.text() | st.text().map("https://paper.example/".__add__) | st.text().map("http://".__add__))
    @example("https://paper.example/?a&&b&utm_x=1&")
    @example("https://paper.example/%%41%")
    def test_the_normal_form_is_its_own_normal_form(self, url: str) -> None:
        normal = normalize_url(url)
        assert normal is None or (normal.isascii() and normalize_url(normal) == normal)


def test_well_known_places_are_at_the_root_of_the_site() -> None:
    places = well_known("https://paper.example/en/index.html?x=1")
    assert places["sitemap"][0] == "https://paper.example/sitemap.xml"
    assert "https://paper.example/feed" in places["feed"]
    assert len({*places["sitemap"], *places["feed"]}) <= 12


def test_links_that_are_no_addresses_are_passed_over() -> None:
    odd = [
        {"url": url, "text": None, "rel": None} for url in ("http://[/feed", "http://a.example:99999/feed", "http://[::x]/rss")
    ]
    assert feed_links(odd, "http://a.example/") == []  # type: ignore[arg-type]
