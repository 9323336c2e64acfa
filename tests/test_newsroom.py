"""The sample newsroom keeps its promises: every page, header, encoding, feed and trap is there, and expectations fit."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import time
from collections.abc import Iterator
from html import unescape
from typing import NamedTuple
from urllib.parse import urlsplit
from xml.etree import ElementTree

import feedparser
import json_repair
import pytest
import trafilatura
from lxml import html as lxml_html

from archive.requisites import read
from tests.newsroom import Expected, Newsroom
from tests.newsroom.content import Story, read_stories

STORIES = read_stories()
SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
NEWS = "{http://www.google.com/schemas/sitemap-news/0.9}"
SPRITE_LEAK = "icon bookmark-bicon bookmarkicon cameraicon checkicon chevron down"


class Reply(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes


@pytest.fixture(scope="module")
def newsroom() -> Iterator[Newsroom]:
    with Newsroom(slow_seconds=0.3) as running:
        yield running


def fetch(url: str, method: str = "GET", **headers: str) -> Reply:
    """One request without following redirects; ``*.test`` names lead to the loopback address."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=10)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, target, headers={"Host": parts.netloc} | named)
    response = connection.getresponse()
    reply = Reply(response.status, response.headers, response.read())
    connection.close()
    return reply


def story_url(newsroom: Newsroom, slug: str) -> str:
    return newsroom.url(STORIES[slug].host, STORIES[slug].path)


def page_text(reply: Reply, story: Story) -> str:
    """All words of a page in source order, white space folded."""
    source = reply.body.decode(story.http.get("charset", "utf-8"))
    without_head = re.sub(r"<(script|style|head)\b.*?</\1>", " ", source, flags=re.DOTALL)
    blocks = re.sub(r"</?(p|div|li|ul|ol|h\d|br|section|aside|figure|blockquote)\b[^>]*>", " ", without_head)
    return " ".join(unescape(re.sub(r"<[^>]+>", "", blocks)).split())


def by_slug(newsroom: Newsroom) -> dict[str, Expected]:
    return {page.extra["slug"]: page for page in newsroom.expected if page.verdict == "article"}


def locations(body: bytes) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(body).iter(f"{SITEMAP}loc")]


def addresses(newsroom: Newsroom, place: str, host: str = "courier") -> set[str]:
    return {newsroom.url(host, s.path) for s in STORIES.values() if s.host == host and place in s.listed}


# every page


def test_every_page_answers_with_the_promised_status(newsroom: Newsroom) -> None:
    for page in newsroom.expected:
        reply = fetch(page.url)
        assert reply.status == page.extra["status"], page.url
        assert reply.headers.get("Location") == page.extra.get("location"), page.url


def test_there_are_enough_articles_on_three_hosts_in_many_languages(newsroom: Newsroom) -> None:
    articles = [page for page in newsroom.expected if page.verdict == "article"]
    assert len(articles) >= 40
    assert len({urlsplit(page.url).netloc for page in articles}) == 3
    assert {"en", "de", "fr", "es", "nl", "pl", "ru", "ar", "he", "ja", "zh"} == {page.language for page in articles}
    assert len({page.url for page in newsroom.expected}) == len(newsroom.expected)


@pytest.mark.parametrize("slug", STORIES)
def test_expected_text_stands_in_the_page(newsroom: Newsroom, slug: str) -> None:
    newsroom.forget()
    story, wanted = STORIES[slug], by_slug(newsroom)[slug]
    words = page_text(fetch(wanted.url), story)
    assert wanted.title and wanted.text
    assert wanted.title in words
    for paragraph in wanted.text.split("\n\n"):
        assert paragraph == " ".join(paragraph.split())
        assert paragraph in words
    assert all(name in words for name in wanted.authors)


@pytest.mark.parametrize("slug", [slug for slug, story in STORIES.items() if not story.updates])
def test_expected_paragraphs_follow_each_other_in_the_body(slug: str) -> None:
    story = STORIES[slug]
    body = " ".join(lxml_html.fromstring(f"<div>{story.body}</div>").text_content().split())
    places = [body.find(paragraph) for paragraph in story.expected["text"].split("\n\n")]
    assert places == sorted(places)
    assert -1 not in places


def test_links_carry_the_port_of_the_running_server(newsroom: Newsroom) -> None:
    for page in newsroom.expected:
        hosts = re.findall(rb"https?://([\w.-]+\.test(?::\d+)?)", fetch(page.url).body)
        assert all(host.endswith(b":%d" % newsroom.port) for host in hosts), page.url


def test_internal_links_to_stories_lead_somewhere(newsroom: Newsroom) -> None:
    known = {page.url: page.extra["status"] for page in newsroom.expected}
    for front in newsroom.front_pages:
        document = lxml_html.fromstring(fetch(front).body, base_url=front)
        document.make_links_absolute(front)
        linked = [url for url in document.xpath("//a/@href") if url in known]
        assert len(linked) > 8
        assert {known[url] for url in linked} <= {200, 404, 410, 500}
        assert len([url for url in document.xpath("//img/@src") if fetch(url).status != 200]) == 0


# hosts


def test_an_unknown_host_gets_the_main_site(newsroom: Newsroom) -> None:
    assert fetch(f"http://127.0.0.1:{newsroom.port}/").body == fetch(newsroom.front_pages[0]).body


def test_robots_forbids_what_the_front_page_links_to(newsroom: Newsroom) -> None:
    assert len(newsroom.disallowed) == 3
    for front in newsroom.front_pages:
        rules = fetch(f"{front}robots.txt").body.decode()
        assert "User-agent: *\nDisallow: /private/\n" in rules
        path = next(urlsplit(url).path for url in newsroom.disallowed if url.startswith(front))
        assert path in fetch(front).body.decode()
    main = fetch(newsroom.url("courier", "/robots.txt")).body.decode()
    assert "Crawl-delay: 0.05" in main
    assert re.findall(r"^Sitemap: (.*)$", main, flags=re.MULTILINE) == [
        newsroom.url("courier", "/sitemap_index.xml"),
        newsroom.url("courier", "/sitemaps/news.xml"),
    ]


# feeds and sitemaps


def test_rss_lists_its_stories(newsroom: Newsroom) -> None:
    feed = feedparser.parse(fetch(newsroom.url("courier", "/rss.xml")).body)
    assert not feed.bozo
    assert feed.version == "rss20"
    assert {entry.link for entry in feed.entries} == addresses(newsroom, "feed")
    assert all(entry.published_parsed for entry in feed.entries)


def test_atom_lists_its_stories(newsroom: Newsroom) -> None:
    feed = feedparser.parse(fetch(newsroom.url("wire", "/feed.atom")).body)
    assert not feed.bozo
    assert feed.version == "atom10"
    assert {entry.link for entry in feed.entries} == addresses(newsroom, "feed", "wire")


def test_sitemap_index_leads_to_all_stories(newsroom: Newsroom) -> None:
    parts = locations(fetch(newsroom.url("courier", "/sitemap_index.xml")).body)
    assert [urlsplit(part).path for part in parts] == ["/sitemaps/current.xml", "/sitemaps/archive.xml.gz"]
    assert addresses(newsroom, "sitemap") < set(locations(fetch(parts[0]).body))
    packed = fetch(parts[1])
    assert packed.headers["Content-Type"] == "application/gzip"
    assert packed.headers["Content-Encoding"] is None
    assert addresses(newsroom, "archive") < set(locations(gzip.decompress(packed.body)))


def test_news_sitemap_has_the_news_fields(newsroom: Newsroom) -> None:
    body = fetch(newsroom.url("courier", "/sitemaps/news.xml")).body
    assert set(locations(body)) == addresses(newsroom, "news")
    tree = ElementTree.fromstring(body)
    titles = [element.text for element in tree.iter(f"{NEWS}title")]
    assert "Pier lamp out until Monday" in titles
    assert {element.text for element in tree.iter(f"{NEWS}name")} == {"The Harbour Courier"}
    assert len(list(tree.iter(f"{NEWS}publication_date"))) == len(titles)


# how pages are sent


def test_encodings_are_declared_in_one_place_only(newsroom: Newsroom) -> None:
    russian = fetch(story_url(newsroom, "russian-ice-road"))
    assert russian.headers["Content-Type"] == "text/html; charset=windows-1251"
    assert b"charset=" not in russian.body
    assert "пристани" in russian.body.decode("windows-1251")
    polish = fetch(story_url(newsroom, "kolej-pl"))
    assert polish.headers["Content-Type"] == "text/html"
    assert b'<meta charset="iso-8859-2">' in polish.body


@pytest.mark.parametrize("path", ["/europe/2023-10-04-grid-link.html", "/static/site.css", "/feed.atom"])
def test_gzip_is_sent_to_who_accepts_it(newsroom: Newsroom, path: str) -> None:
    url = newsroom.url("wire", path)
    plain, packed = fetch(url), fetch(url, Accept_Encoding="gzip, deflate")
    assert plain.headers["Content-Encoding"] is None
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body


@pytest.mark.parametrize(("slug", "coding"), [("school-radio", None), ("library-boat", "gzip")])
def test_some_pages_come_in_chunks(newsroom: Newsroom, slug: str, coding: str | None) -> None:
    reply = fetch(story_url(newsroom, slug), Accept_Encoding="gzip")
    assert reply.headers["Transfer-Encoding"] == "chunked"
    assert reply.headers["Content-Length"] is None
    assert reply.headers["Content-Encoding"] == coding
    assert len(reply.body) > 1000


def test_validators_save_a_second_answer(newsroom: Newsroom) -> None:
    url = story_url(newsroom, "herring-quota")
    etag = fetch(url).headers["ETag"]
    again = fetch(url, If_None_Match=etag)
    assert (again.status, again.body) == (304, b"")
    assert fetch(newsroom.url("courier", "/static/logo.png")).headers["Last-Modified"]


def test_head_has_headers_and_no_body(newsroom: Newsroom) -> None:
    reply = fetch(newsroom.front_pages[0], method="HEAD")
    assert reply.status == 200
    assert int(reply.headers["Content-Length"]) > 1000
    assert reply.body == b""


def test_a_connection_is_kept_alive(newsroom: Newsroom) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", newsroom.port, timeout=10)
    for path in ("/", "/about/", "/nowhere/", "/harbour/"):
        connection.request("GET", path)
        socket = connection.sock
        assert len(connection.getresponse().read()) > 100
        assert connection.sock is socket is not None
    connection.close()


def test_one_page_is_slow_and_one_sets_a_cookie(newsroom: Newsroom) -> None:
    start = time.monotonic()
    fetch(story_url(newsroom, "slow-archive-reader"))
    assert time.monotonic() - start >= 0.3
    assert fetch(story_url(newsroom, "school-radio")).headers["Set-Cookie"].startswith("edition=morning")


def test_redirects_lead_to_articles(newsroom: Newsroom) -> None:
    seen = []
    url = newsroom.url("courier", "/s/8f2k")
    while location := (reply := fetch(url)).headers["Location"]:
        seen.append(reply.status)
        url = location
    assert seen == [302, 301]
    assert url == story_url(newsroom, "lantern-walk")
    assert fetch(newsroom.url("courier", "/news.php?id=4471")).status == 301


def test_static_files_have_their_media_types(newsroom: Newsroom) -> None:
    types = {
        "/static/pier.jpg": "image/jpeg",
        "/static/lanterns.png": "image/png",
        "/static/map.svg": "image/svg+xml",
        "/static/site.css": "text/css",
        "/static/tide-digits.woff2": "font/woff2",
    }
    for path, media in types.items():
        reply = fetch(newsroom.url("tageblick", path))
        assert (reply.status, reply.headers["Content-Type"]) == (200, media)
    style = fetch(newsroom.url("courier", "/static/site.css")).body
    assert b'@import url("type.css")' in style
    assert fetch(newsroom.url("courier", "/favicon.ico")).body.startswith(b"\x00\x00\x01\x00")


def test_the_host_of_pictures_answers_for_its_files_alone(newsroom: Newsroom) -> None:
    types = {"/pier-640.webp": "image/webp", "/pier-640.jpg": "image/jpeg", "/wire.css": "text/css"}
    for path, media in types.items():
        reply = fetch(newsroom.url("cdn", path))
        assert (reply.status, reply.headers["Content-Type"]) == (200, media)
    assert fetch(newsroom.url("cdn", "/")).status == 404
    assert b"Disallow:\n" in fetch(newsroom.url("cdn", "/robots.txt")).body
    assert "cdn.harbour-courier.test" not in newsroom.hosts


def test_whatever_a_page_or_a_stylesheet_loads_is_there(newsroom: Newsroom) -> None:
    kinds: set[str] = set()
    open_, seen = [page.url for page in newsroom.expected if page.extra["status"] == 200], set()
    while open_:
        url = open_.pop()
        reply = fetch(url)
        assert reply.status == 200, url
        for reference in read(reply.body, url, reply.headers["Content-Type"]):
            kinds.add(reference.kind)
            if reference.url not in seen:
                seen.add(reference.url)
                open_.append(reference.url)
    assert kinds == {"stylesheet", "image", "font", "script", "media", "frame"}
    assert len([url for url in seen if "//cdn." in url]) > 15
    served = {path for key, path in newsroom.site.routes if path.startswith("/static/") or key == "cdn"} - {"/robots.txt"}
    assert sorted(served - {urlsplit(url).path for url in seen}) == []


# what pages hold


def test_the_sprite_leaks_in_a_naive_extraction(newsroom: Newsroom) -> None:
    sprites = [story for story in STORIES.values() if story.template == "sprite"]
    assert len(sprites) >= 4
    for story in sprites:
        reply = fetch(newsroom.url(story.host, story.path))
        assert SPRITE_LEAK in trafilatura.html2txt(reply.body, clean=False)
        assert page_text(reply, story).count(story.headline) >= 3
        assert re.search(r"</a><span class=\"q\">,?[”»]</span>", reply.body.decode())


def test_the_changing_article_changes_once(newsroom: Newsroom) -> None:
    newsroom.forget()
    wanted = by_slug(newsroom)["bridge-toll-correction"]
    first, second, third = (fetch(wanted.url) for _ in range(3))
    old, new = (set((text or "").split("\n\n")) for text in (wanted.text, wanted.extra["second_text"]))
    assert len(old - new) == len(new - old) == 1
    assert (old - new).pop() in first.body.decode()
    assert (new - old).pop() in second.body.decode()
    assert wanted.extra["second_modified"] in second.body.decode()
    assert second.body == third.body
    assert first.headers["ETag"] != second.headers["ETag"]
    assert fetch(wanted.url, If_None_Match=second.headers["ETag"]).status == 304


def structured_data(newsroom: Newsroom, slug: str) -> str:
    scripts = re.findall(r'application/ld\+json">(.*?)</script>', fetch(story_url(newsroom, slug)).body.decode(), re.DOTALL)
    assert len(scripts) == 1
    return scripts[0]


def test_json_ld_comes_in_its_shapes(newsroom: Newsroom) -> None:
    assert json.loads(structured_data(newsroom, "herring-quota"))["author"][0]["@type"] == "Organization"
    graph = json.loads(structured_data(newsroom, "library-boat"))["@graph"]
    assert {"NewsArticle", "WebPage", "BreadcrumbList", "Organization", "Person"} == {node["@type"] for node in graph}
    live = json.loads(structured_data(newsroom, "live-regatta"))
    assert (live["@type"], len(live["liveBlogUpdate"])) == ("LiveBlogPosting", 4)
    assert json.loads(structured_data(newsroom, "shipyard-accounts"))["isAccessibleForFree"] is False
    assert b"ld+json" not in fetch(story_url(newsroom, "night-ferry")).body


def test_broken_json_ld_can_be_mended(newsroom: Newsroom) -> None:
    for slug in (slug for slug, story in STORIES.items() if story.jsonld == "broken"):
        text = structured_data(newsroom, slug)
        with pytest.raises(json.JSONDecodeError):
            json.loads(text, strict=False)
        assert json_repair.loads(text)["datePublished"] == STORIES[slug].published


def test_pages_of_one_article_name_each_other(newsroom: Newsroom) -> None:
    first = lxml_html.fromstring(fetch(story_url(newsroom, "dredger-1")).body)
    assert first.xpath("//link[@rel='next']/@href") == [story_url(newsroom, "dredger-2")]
    last = lxml_html.fromstring(fetch(story_url(newsroom, "dredger-3")).body)
    assert last.xpath("//link[@rel='prev']/@href") == [story_url(newsroom, "dredger-2")]
    assert not last.xpath("//link[@rel='next']")


def test_twins(newsroom: Newsroom) -> None:
    wanted = by_slug(newsroom)
    page = lxml_html.fromstring(fetch(story_url(newsroom, "mussel-stew")).body)
    assert page.xpath("//link[@rel='amphtml']/@href") == [story_url(newsroom, "mussel-stew-amp")]
    twin = lxml_html.fromstring(fetch(story_url(newsroom, "mussel-stew-amp")).body)
    assert twin.xpath("//link[@rel='canonical']/@href") == [story_url(newsroom, "mussel-stew")]
    wire, copy = wanted["wire-storm-barrier"], wanted["courier-storm-barrier"]
    assert (copy.text or "").endswith(f"\n\n{wire.text}")
    assert urlsplit(wire.url).hostname != urlsplit(copy.url).hostname


@pytest.mark.parametrize("slug", ["arabic-olive", "hebrew-kite"])
def test_right_to_left_pages_say_so(newsroom: Newsroom, slug: str) -> None:
    assert f'lang="{STORIES[slug].lang}" dir="rtl"' in fetch(story_url(newsroom, slug)).body.decode()


def test_a_page_without_date_names_none(newsroom: Newsroom) -> None:
    article = fetch(story_url(newsroom, "no-date-quarry")).body.decode()
    assert by_slug(newsroom)["no-date-quarry"].published is None
    assert not re.search(r"20\d\d|<time|published_time", re.sub(r'<div class="sidebar".*', "", article, flags=re.DOTALL))


# the server itself


def test_requests_are_noted(newsroom: Newsroom) -> None:
    newsroom.forget()
    fetch(newsroom.url("wire", "/europe/?print=1"), User_Agent="test/1")
    (seen,) = newsroom.requests
    assert (seen.host, seen.path) == ("news.northline-wire.test", "/europe/?print=1")
    assert seen.headers["User-Agent"] == "test/1"
    assert seen.time <= time.monotonic()


def test_a_newsroom_can_be_stopped_and_started_on_its_port() -> None:
    with Newsroom() as first:
        port = first.port
    with Newsroom(port=port) as second:
        assert fetch(second.front_pages[0]).status == 200
