"""What becomes of the addresses that documents and pages name; what is learned of a site; traps and twins."""

import sys
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.discovery.dates import Span
from crawler.discovery.entry import Entry
from crawler.discovery.feeds import Feed
from crawler.discovery.links import classify_links, feed_links
from crawler.discovery.patterns import SitePatterns
from crawler.discovery.scout import Lead, Place, Scout
from crawler.discovery.sitemaps import Nested
from crawler.discovery.traps import excluded
from crawler.discovery.twins import plain_form
from pipelines.article import Link, Page
from pipelines.dedupe import article_id

ROOT = "https://paper.example"
HOME = Place(f"{ROOT}/", "paper.example", "front_page")
STORY = f"{ROOT}/2024/05/07/storm-barrier-holds-{{}}"


def scout(**more: object) -> Scout:
    return Scout(SitePatterns(most_sections=10), **more)  # type: ignore[arg-type]


def link(url: str, text: str | None = None, rel: str | None = None) -> Link:
    return Link(url=url if "://" in url else ROOT + url, text=text, rel=rel)


def page(*links: Link, relations: tuple[Link, ...] = (), feeds: tuple[str, ...] = ()) -> Page:
    return Page("not_article", "section", None, list(links), list(feeds), list(relations))


def states(leads: list[Lead]) -> list[tuple[str, str]]:
    return [(lead.url.removeprefix(ROOT), lead.state) for lead in leads]


class TestOrder:
    def test_announcements_come_first_and_likely_articles_before_unlikely_ones(self) -> None:
        one = scout()
        feed = Feed([Entry(STORY.format(1), source="feed")])
        (sure,) = one.of_feed(feed, replace(HOME, url=f"{ROOT}/feed"))
        (vague,) = one.of_sitemap([Entry(f"{ROOT}/politics", source="sitemap")], HOME)
        leads = {lead.url: lead for lead in one.of_page(page(link("/sport/")), HOME)}
        (document,) = one.of_front_page(page(feeds=(f"{ROOT}/feed",)), HOME, [f"{ROOT}/sitemap.xml"])
        assert document.priority > sure.priority > leads[f"{ROOT}/sport/"].priority
        assert sure.priority > vague.priority

    def test_what_pages_proved_to_be_corrects_what_their_addresses_say(self) -> None:
        patterns = SitePatterns(10)
        article, gallery = f"{ROOT}/m/7", f"{ROOT}/gallery/pictures-of-the-day-{{}}"
        before = patterns.chance("paper.example", article), patterns.chance("paper.example", gallery.format(99))
        for number in range(20):
            patterns.learn("paper.example", f"{ROOT}/m/{number}", article=True)
            patterns.learn("paper.example", gallery.format(number), article=False)
        after = patterns.chance("paper.example", article), patterns.chance("paper.example", gallery.format(99))
        assert before[0] < 0.5 < after[0]
        assert after[1] < 0.5 < before[1]
        assert patterns.chance("other.example", article) == before[0]

    def test_memory_is_bounded(self) -> None:
        patterns = SitePatterns(10)
        for number in range(3_000):
            patterns.learn("paper.example", f"{ROOT}/{chr(97 + number % 26)}{number}x/y", article=False)
            patterns.learn(f"{number}.example", f"https://{number}.example/", article=False)
        assert len(patterns._sites) <= 2_000
        assert len(patterns._sites["paper.example"].seen) <= 201


class TestOtherSites:
    LEADS = (Entry("https://casino.example/slots-of-the-day-77", source="sitemap"), Entry(STORY.format(1), source="sitemap"))

    def test_a_document_speaks_for_its_own_site(self) -> None:
        assert [lead.state for lead in scout().of_sitemap(self.LEADS, HOME)] == ["other_site", "wanted"]

    def test_a_document_that_lies_elsewhere_speaks_for_the_site_that_names_it(self) -> None:
        place = replace(HOME, url="https://feeds.burner.example/paper")
        assert [lead.state for lead in scout().of_sitemap(self.LEADS, place)] == ["other_site", "wanted"]

    def test_a_document_that_a_person_names_may_name_whatever_it_likes(self) -> None:
        leads = list(scout().of_sitemap(self.LEADS, replace(HOME, given=True)))
        assert [(lead.state, lead.place.site) for lead in leads] == [("wanted", "casino.example"), ("wanted", "paper.example")]

    def test_hosts_that_the_user_allows(self) -> None:
        assert [lead.state for lead in scout(other_sites=("*.example",)).of_sitemap(self.LEADS, HOME)] == ["wanted"] * 2

    def test_a_sitemap_may_name_sitemaps_beside_itself(self) -> None:
        place = replace(HOME, url="https://maps.example/paper/index.xml")
        items = [Nested("https://maps.example/paper/1.xml"), Nested(f"{ROOT}/2.xml"), Nested("https://casino.example/3.xml")]
        assert [lead.state for lead in scout().of_sitemap(items, place)] == ["wanted", "wanted", "other_site"]

    def test_indexes_nest_five_deep_at_most(self) -> None:
        (lead,) = scout().of_sitemap([Nested(f"{ROOT}/6.xml")], replace(HOME, level=5))
        assert (lead.state, lead.reason.partition(":")[0]) == ("excluded", "nesting")


class TestPages:
    def test_what_a_front_page_leads_to(self) -> None:
        front = page(
            link(STORY.format(1)), link("/sport/"), link("/login"), link("https://other.example/"), feeds=(f"{ROOT}/f.rss",)
        )
        assert states(list(scout().of_page(front, HOME))) == [
            ("/2024/05/07/storm-barrier-holds-1", "wanted"),
            ("/sport/", "wanted"),
            ("/f.rss", "wanted"),
        ]

    @pytest.mark.parametrize(("level", "depth", "follows"), [(0, 1, True), (1, 1, False), (1, 2, True), (0, 0, False)])
    def test_sections_within_reach(self, level: int, depth: int, follows: bool) -> None:
        leads = list(scout(depth=depth).of_page(page(link("/sport/")), replace(HOME, level=level)))
        assert bool(leads) is follows

    def test_a_site_has_so_many_sections_at_most(self) -> None:
        one, sections = scout(), [link(f"/part{number}/") for number in range(12)]
        leads = list(one.of_page(page(*sections), HOME)) + list(one.of_page(page(*sections[:1]), HOME))
        assert [lead.state for lead in leads] == ["wanted"] * 10 + ["excluded"] * 2 + ["wanted"]
        assert leads[11].reason == "sections: more than 10 of this site"

    def test_usual_places_are_tried_for_what_is_not_named(self) -> None:
        one = scout()
        assert {lead.purpose for lead in one.of_front_page(page(), HOME, []) if lead.probe} == {"sitemap", "feed"}
        named = page(relations=(link("/s.xml", rel="sitemap"),))
        leads = list(one.of_front_page(named, HOME, []))
        assert [(lead.purpose, lead.probe) for lead in leads if lead.purpose == "sitemap"] == [("sitemap", False)]
        assert all(lead.probe for lead in leads if lead.purpose == "feed")

    def test_a_list_ends_where_the_range_ends(self) -> None:
        one = scout(span=Span(since=datetime(2025, 1, 1, tzinfo=UTC)))
        leads = list(one.of_page(page(link(STORY.format(1)), link("/page/2")), HOME))
        assert states(leads) == [("/2024/05/07/storm-barrier-holds-1", "out_of_range"), ("/page/2", "out_of_range")]

    def test_a_list_has_so_many_pages_at_most(self) -> None:
        turned = replace(HOME, url=f"{ROOT}/page/3", turned=2)
        leads = list(scout(list_pages=3).of_page(page(link(STORY.format(1)), link("/page/4")), turned))
        assert (leads[1].state, leads[1].reason) == ("excluded", "pages: more than 3 of one list")

    def test_kinds_of_pages_that_bring_nothing_are_left_out(self) -> None:
        one = scout()
        for number in range(50):
            one.patterns.learn("paper.example", f"{ROOT}/go/{number}", article=False)
        (lead,) = one.of_page(page(link("/go/99", "The ferry runs again and again today")), HOME)
        assert (lead.state, lead.reason.partition(":")[0]) == ("excluded", "barren")
        (announced,) = one.of_sitemap([Entry(f"{ROOT}/go/99", source="sitemap")], HOME)
        assert announced.state == "wanted"

    def test_lists_that_differ_in_parameters_alone_are_bounded(self) -> None:
        patterns = SitePatterns(1_000)
        kinds = [patterns.section("paper.example", f"{ROOT}/list?sort={number}") for number in range(201)]
        assert kinds[:200] == [None] * 200
        assert kinds[200] == "parameters: more than 200 addresses that differ in them alone"


class TestPagers:
    @pytest.mark.parametrize(
        ("here", "links", "follows"),
        [
            ("/news/", [("/news/?page=2", "2"), ("/news/?page=3", "3")], "/news/?page=2"),
            ("/news/?page=2", [("/news/?page=1", "1"), ("/news/?page=3", "3"), ("/news/?page=9", "9")], "/news/?page=3"),
            ("/news/page/2/", [("/news/page/3/", "3"), ("/news/page/1/", "1")], "/news/page/3/"),
            ("/news", [("/news/seite-2", "2")], "/news/seite-2"),
            ("/news/", [("/sport/?page=2", "2")], None),
            ("/news/?page=3", [("/news/?page=1", "1"), ("/news/?page=2", "2")], None),
            ("/news/", [("/news/?before=abc", "Older posts")], "/news/?before=abc"),
            ("/news/", [("/news/?before=abc", "Ältere Beiträge »")], "/news/?before=abc"),
            ("/news/", [("/news/?before=abc", "Ferry")], None),
        ],
    )
    def test_the_next_page_of_a_list(self, here: str, links: list[tuple[str, str]], follows: str | None) -> None:
        found = classify_links([link(url, text) for url, text in links], ROOT + here)
        assert found.next == (follows and ROOT + follows)

    def test_rel_next(self) -> None:
        assert classify_links([link("/news/x", rel="next")], f"{ROOT}/news/").next == f"{ROOT}/news/x"

    def test_links_that_look_like_feeds(self) -> None:
        paths = ["/rss.xml", "/world.rss", "/feeds/", "/feed", "/comments/feed", "/a/feeding-the-ducks", "/index.xml"]
        links = [*map(link, paths), link("https://other.example/rss.xml")]
        assert feed_links(links, ROOT) == [ROOT + path for path in paths[:4]]


class TestTwins:
    @pytest.mark.parametrize(
        ("path", "plain"),
        [
            ("/s/amp/", "/s/"), ("/s/amp", "/s"), ("/amp/s", "/s"), ("/news/amp/s-1", "/news/s-1"), ("/s.amp.html", "/s.html"),
            ("/s?amp=1&id=3", "/s?id=3"), ("/s?outputType=amp", "/s"), ("/s?print=1", "/s"), ("/s/print/", "/s/"),
            ("/print/s", "/s"), ("/s?view=print&id=4", "/s?id=4"),
        ],
    )  # fmt: skip
    def test_the_page_of_an_amp_or_print_form(self, path: str, plain: str) -> None:
        assert plain_form(ROOT + path) == ROOT + plain

    @pytest.mark.parametrize(
        "url", ["https://paper-example.cdn.ampproject.org/c/s/paper.example/s", "https://www.google.com/amp/s/paper.example/s"]
    )
    def test_caches(self, url: str) -> None:
        assert plain_form(url) == f"{ROOT}/s"
        (lead,) = scout().of_sitemap([Entry(url, source="sitemap")], HOME)
        assert (lead.state, lead.url) == ("wanted", f"{ROOT}/s")

    @pytest.mark.parametrize("path", ["/s?id=3", "/amp", "/amp/", "/best-guitar-amp", "/print", "/s?page=print", "/printing/s"])
    def test_what_is_no_form_of_another_page(self, path: str) -> None:
        assert plain_form(ROOT + path) is None

    def test_the_page_is_asked_for_and_the_form_is_kept_in_mind(self) -> None:
        (lead,) = scout().of_page(page(link("/2024/05/07/storm-barrier-holds/amp/")), HOME)
        assert (lead.url, lead.twin) == (
            f"{ROOT}/2024/05/07/storm-barrier-holds/",
            f"{ROOT}/2024/05/07/storm-barrier-holds/amp/",
        )

    def test_a_form_that_a_page_names_is_not_asked_for(self) -> None:
        one, form = scout(), f"{ROOT}/mobile/storm-barrier-holds-as-tide-turns"
        assert list(one.of_article(page(relations=(link(form, rel="amphtml"),)), replace(HOME, url=STORY.format(1)))) == []
        (lead,) = one.of_page(page(link(form)), HOME)
        assert (lead.state, lead.reason) == ("duplicate", "the AMP form of a page that is here")

    def test_other_languages_are_other_articles(self) -> None:
        relations = (link("/de/sturm", "de", "alternate"), link("https://other.example/fr", "fr", "alternate"))
        leads = list(scout().of_article(page(relations=relations), replace(HOME, url=STORY.format(1))))
        assert [(lead.url, lead.source) for lead in leads] == [(f"{ROOT}/de/sturm", "alternate")]


class TestTraps:
    @pytest.mark.parametrize(
        ("url", "kind"),
        [
            ("/a/b/a/b/a/b", "growing path"), ("/a/a/a", "growing path"), ("/x/a/y/a/z/a/w/a", "growing path"),
            ("/" + "/".join(map(str, range(20))), "growing path"),
            ("/?" + "&".join(f"p{n}=1" for n in range(13)), "parameters"),
            ("/?a=1&a=2&a=3", "parameters"), ("/calendar/2199/05/", "calendar"), ("/x?year=2199&month=1", "calendar"),
            ("/events?date=2199-01-01", "calendar"), ("/" + "x" * 100_000, "length"),
        ],
    )  # fmt: skip
    def test_kinds(self, url: str, kind: str) -> None:
        assert (excluded(ROOT + url) or "").partition(":")[0] == kind

    @pytest.mark.parametrize(
        "url", ["file:///etc/passwd", "data:text/html,x", "javascript:alert(1)", "http://[", "", "http://"]
    )
    def test_what_is_no_web_address(self, url: str) -> None:
        assert (excluded(url) or "").partition(":")[0] == "scheme"

    @pytest.mark.parametrize(
        "path", ["/2024/05/07/b", "/2005/05/05/x", "/1/1/1", "/a/a/b", "/news/uk/news", "/?tag[]=a&tag[]=b&tag[]=c", "/2024/"]
    )
    def test_what_is_none(self, path: str) -> None:
        assert excluded(ROOT + path) is None

    @given(st.text(max_size=200))
    def test_any_text(self, text: str) -> None:
        for url in (text, ROOT + "/" + text):
            assert excluded(url) is None or ":" in (excluded(url) or "")
            plain_form(url) if excluded(url) is None else None


@given(st.lists(st.builds(link, st.text(max_size=40).map(lambda path: f"{ROOT}/{path}"), st.none() | st.text(max_size=20))))
def test_any_links_give_leads_in_canonical_form(links: list[Link]) -> None:
    for lead in scout().of_page(page(*links), HOME):
        assert lead.state != "wanted" or (lead.url.startswith(ROOT) and lead.url.isascii())
        assert sys.getsizeof(lead.reason) < 1_000


def test_one_article_has_one_name_and_different_ones_have_different_names() -> None:
    same = ["/s?id=7", "/s?id=7&utm_source=x", "/s?id=7#top", "/s?PHPSESSID=abc&id=7", "/s;jsessionid=A1?id=7", "/./s?id=7"]
    assert len({article_id(ROOT + path) for path in same}) == 1
    different = ["/s?id=7", "/s?id=8", "/s", "/S?id=7", "/s?id=7&part=2", "/s?cid=7", "/s?sid=7"]
    assert len({article_id(ROOT + path) for path in different}) == len(different)
