"""A crawl reaches no address that is not meant for it, however it is led there: told by who must not be reached."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import archive
from tests.crawler.test_requisites import page, reply
from tests.crawling import Outcome, crawl, python
from tests.wire.proxy import Proxy
from tests.wire.server import RawServer, Reply

# a machine within: 127.0.0.2 in every notation, and names that lead there; PORT is its server's
WITHIN = [
    "127.0.0.2:PORT", "127.0.0.2.:PORT", "127.2:PORT", "2130706434:PORT", "017700000002:PORT", "0x7f.2:PORT", "0x7F000002:PORT",
    "0177.0.0.2:PORT", "127.0.0.02:PORT", "１２７.０.０.２:PORT", "①②⑦.⓪.⓪.②:PORT", "127。0。0。2:PORT",
    "[::ffff:127.0.0.2]:PORT", "[::ffff:7f00:2]:PORT", "[64:ff9b::7f00:2]:PORT", "[2002:7f00:2::]:PORT", "[::127.0.0.2]:PORT",
    "[::1]:PORT", "[::]:PORT",
    "[fe80::1%25lo]:PORT", "user:word@127.0.0.2:PORT", "inner.test:PORT", "inner.test.:PORT", "INNER.TEST:PORT",
]  # fmt: skip
# where clouds keep their secrets, and networks that are nobody's business; nothing listens there
ELSEWHERE = [
    "169.254.169.254",
    "[fd00:ec2::254]",
    "[::ffff:a9fe:a9fe]",
    "168.63.129.16",
    "100.100.100.200",
    "10.0.0.1",
    "224.0.0.1",
]
MOVED = b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n"


# everything by which a page makes browsers ask for an address
LURES = [
    '<link rel=canonical href="{}?canonical"><link rel=amphtml href="{}?amp">',
    '<link rel=stylesheet href="{}?css"><link rel=next href="{}?next">',
    '<link rel=icon href="{}?icon"><meta http-equiv=refresh content="0;url={}?refresh">',
    '<script src="{}?js"></script><meta property="og:image" content="{}?og">',
    '<img src="{}?img" srcset="{}?srcset 2x">',
    '<iframe src="{}?frame"></iframe>',
    '<style>@import "{}?import"; body { background: url({}?background) }</style>',
    "<style>@font-face { font-family: x; src: url({}?font) }</style>",
]


def replies(port: int) -> dict[str, Reply]:
    """A site of which every address, feed and sitemap lures within."""
    targets = [f"http://{host.replace('PORT', str(port))}/secret" for host in [*WITHIN, *ELSEWHERE]]
    urls = [target.encode() for target in targets]
    out = {
        "/": reply(b"<h1>Front</h1>" + b"".join(b'<a href="/story-%d">A story about number %d</a>' % (n, n) for n in range(9)))
    }
    items = b"".join(b"<item><title>A</title><link>%s?feed</link></item>" % url for url in urls)
    items += b"".join(b"<item><title>B</title><link>/moved-%d</link></item>" % n for n in range(len(urls)))
    items += b"".join(b"<item><title>C</title><link>/story-%d</link></item>" % n for n in range(len(LURES)))
    out["/feed.xml"] = reply(b"<rss><channel>%s</channel></rss>" % items, content_type="application/rss+xml")
    entries = b"".join(b"<url><loc>%s?sitemap</loc></url>" % url for url in urls)
    out["/sitemap.xml"] = reply(b"<urlset>%s</urlset>" % entries, content_type="application/xml")
    index = b"".join(b"<sitemap><loc>%s?index</loc></sitemap>" % url for url in urls)
    out["/index.xml"] = reply(b"<sitemapindex>%s</sitemapindex>" % index, content_type="application/xml")
    for n, lure in enumerate(LURES):
        lures = (lure.replace("{}", target) for target in targets[n % 4 :: 4])
        out[f"/story-{n}"] = reply(page("".join(lures), f" {n}"))
    for n, url in enumerate(urls):
        out[f"/moved-{n}"] = Reply((MOVED % url,))
    return out


@dataclass
class Lured:
    """What a crawl of that site did; ``asked`` has its captures of other hosts than the site's."""

    outcome: Outcome
    connections: int
    asked: list[dict[str, Any]]
    ways: set[str]


@pytest.fixture(scope="module")
def lured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lured]:
    folder = tmp_path_factory.mktemp("lured")
    secret = {"/secret": reply(b"secret")}
    with (
        RawServer(secret, address="127.0.0.2") as inner,
        RawServer(secret, address="::1", port=inner.port) as inner6,
        RawServer(replies(inner.port)) as outer,
    ):
        settings = {
            "BROADSHEET_ALLOW_PRIVATE": "127.0.0.1",
            "BROADSHEET_HOSTS": "inner.test=127.0.0.2",
            "BROADSHEET_CONTACT": "tests@example.org",
            "BROADSHEET_REQUISITES": "full",
            "BROADSHEET_OTHER_SITES": "*",  # else a sitemap index would not get that far
            "ROBOTSTXT_OBEY": "0",  # else the first refusal of a host would answer for all
            "BROADSHEET_DEAD_AFTER": "1000",
            "RETRY_ENABLED": "0",
            "CONCURRENT_REQUESTS_PER_DOMAIN": "8",
        }
        given = {"feeds": outer.url("/feed.xml"), "sitemaps": f"{outer.url('/sitemap.xml')},{outer.url('/index.xml')}"}
        outcome = crawl(folder / "c", settings, sites=outer.url("/"), **given)
        rows = archive.open_captures(folder / "c").to_table().to_pylist()
        asked = [row for row in rows if urlsplit(row["url"]).netloc != f"127.0.0.1:{outer.port}"]
        ways = {urlsplit(row["url"]).query or "redirect" for row in asked}
        yield Lured(outcome, inner.connections + inner6.connections, asked, ways)


def test_nothing_within_is_connected_to(lured: Lured) -> None:
    assert lured.connections == 0
    assert lured.outcome.code == 0
    assert "Traceback" not in lured.outcome.err


def test_every_attempt_is_recorded_with_its_reason_and_none_has_an_answer(lured: Lured) -> None:
    assert lured.asked
    for row in lured.asked:
        assert row["warc_record_type"] == "metadata", row
        assert row["ip_address"] is None
        assert "is refused" in row["fetch_error"] or "DNS lookup of" in row["fetch_error"] or "invalid" in row["fetch_error"], (
            row
        )


def test_all_ways_by_which_a_site_names_addresses_were_tried(lured: Lured) -> None:
    assert lured.ways >= {
        "redirect",
        "feed",
        "sitemap",
        "index",
        "css",
        "icon",
        "js",
        "img",
        "srcset",
        "frame",
        "import",
        "font",
    }
    refused = {urlsplit(row["url"]).hostname for row in lured.asked if "is refused" in row["fetch_error"]}
    assert refused >= {
        "127.0.0.2",
        "2130706434",
        "0x7f.2",
        "::ffff:127.0.0.2",
        "64:ff9b::7f00:2",
        "inner.test",
        "169.254.169.254",
    }


PATCHED = """
import json, socket, sys
from scrapy.cmdline import execute
real, answers = socket.getaddrinfo, {name: list(found) for name, found in json.loads(sys.argv.pop(1)).items()}
def getaddrinfo(host, port, *args, **kwargs):
    if host not in answers:
        return real(host, port, *args, **kwargs)
    found = answers[host].pop(0) if len(answers[host]) > 1 else answers[host][0]
    return [one for address in found for one in real(address, port, *args, **kwargs)]
socket.getaddrinfo = getaddrinfo
execute(["scrapy", *sys.argv[1:]])
"""


def crawl_with_names(names: dict[str, list[list[str]]], collection: Path, urls: list[str], **settings: str) -> str:
    """Crawl with a name service of our own: each name's answers, one a look-up. What was logged."""
    collection.parent.mkdir(exist_ok=True)
    (collection.parent / "urls.txt").write_text("\n".join(urls))
    settings |= {
        "BROADSHEET_WORKERS": "1",
        "BROADSHEET_CONTACT": "tests@example.org",
        "DOWNLOAD_DELAY": "0",
        "RETRY_ENABLED": "0",
        "DNSCACHE_ENABLED": "0",
    }
    options = [part for name, value in settings.items() for part in ("-s", f"{name}={value}")]
    given = ["crawl", "news", "-a", f"urls={collection.parent / 'urls.txt'}", "-a", f"collection={collection}", *options]
    with python("-c", PATCHED, json.dumps(names), *given) as crawl:
        done = crawl.wait()
    assert done.code == 0, done.err
    return done.err


@dataclass
class Turned:
    """What a crawl came to whose names turned elsewhere while it ran: connections within, and rows by host."""

    connections: int
    rows: dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> Turned:
    """DNS rebinding: 127.0.0.1 and ::1 play public addresses here, 127.0.0.2 is the private one."""
    folder = tmp_path_factory.mktemp("turned")
    stories = {f"/story-{n}": reply(page("", f" {n}")) for n in range(7)}
    stories = {path: Reply(answer.pieces, "close") for path, answer in stories.items()}  # each needs a connection of its own
    with (
        RawServer(stories) as outer,
        RawServer(stories, address="::1", port=outer.port),
        RawServer(stories, address="127.0.0.2", port=outer.port) as inner,
    ):
        urls = [f"http://{host}.example:{outer.port}/story-{n}" for host in ("turning", "mixed") for n in range(6)]
        urls += [f"http://{host}:{outer.port}/story-6" for host in ("six.example", "[::1]")]
        names = {
            "turning.example": [["127.0.0.1"]] * 10 + [["127.0.0.2"], ["::ffff:127.0.0.2"]],
            "mixed.example": [["127.0.0.2", "127.0.0.1"], ["127.0.0.2", "::1"]],
            "six.example": [["::1"]],
        }
        crawl_with_names(names, folder / "c", urls, BROADSHEET_ALLOW_PRIVATE="127.0.0.1,::1")
        connections = inner.connections
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in archive.open_captures(folder / "c").to_table().to_pylist():
        rows.setdefault(urlsplit(row["url"]).hostname or "", []).append(row)
    return Turned(connections, rows)


def test_a_name_that_turns_to_a_private_address_is_not_followed_there(turned: Turned) -> None:
    assert turned.connections == 0
    assert any("turning.example is the private address" in (row["fetch_error"] or "") for row in turned.rows["turning.example"])
    assert {row["ip_address"] for rows in turned.rows.values() for row in rows} == {"127.0.0.1", "::1", None}


def test_sites_that_have_only_an_ipv6_address_are_reached(turned: Turned) -> None:
    for host in ("six.example", "::1"):
        (row,) = (row for row in turned.rows[host] if row["url"].endswith("/story-6"))
        assert (row["extraction"], row["ip_address"]) == ("article", "::1")


@dataclass
class Asked:
    """Requests with a resolver that hands out everything, straight and through a proxy."""

    inner: RawServer
    proxy: Proxy
    errors: list[str]


STRAIGHT = ["127.0.0.2", "2130706434", "0x7f.2"]
PROXIED = ["127.0.0.2", "2130706434", "[::ffff:127.0.0.2]", "inner.test"]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    folder = tmp_path_factory.mktemp("asked")
    with RawServer({"/story": reply(page(""))}, address="127.0.0.2") as inner, Proxy() as proxy:
        meta = {"proxy": f"http://127.0.0.1:{proxy.port}"}
        requests = [{"url": f"http://{host}:{inner.port}/story"} for host in STRAIGHT]
        requests += [{"url": f"http://{host}:{inner.port}/story", "meta": meta} for host in PROXIED]
        settings = {
            "TWISTED_DNS_RESOLVER": "scrapy.resolver.CachingHostnameResolver",
            "BROADSHEET_ALLOW_PRIVATE": "127.0.0.1",
            "BROADSHEET_HOSTS": "inner.test=127.0.0.2",
            "BROADSHEET_CONTACT": "tests@example.org",
            "ROBOTSTXT_OBEY": False,
            "RETRY_ENABLED": False,
            "DOWNLOAD_DELAY": 0,
        }
        plan = {"settings": settings, "requests": requests, "collection": str(folder / "c")}
        (folder / "plan.json").write_text(json.dumps(plan))
        with python("-m", "tests.wire.spider", str(folder / "plan.json")) as crawl:
            assert crawl.wait().code == 0, crawl.err
        rows = archive.open_captures(folder / "c").to_table().to_pylist()
        yield Asked(inner, proxy, [row["fetch_error"] or "" for row in rows])


def test_the_connection_itself_is_looked_at_whatever_resolver_is_in_use(asked: Asked) -> None:
    assert asked.inner.connections == len(STRAIGHT)
    assert asked.inner.seen == []  # nothing was said on them


def test_what_a_proxy_is_asked_for_is_looked_at_too(asked: Asked) -> None:
    assert asked.proxy.heads == []
    assert len(asked.errors) == len(STRAIGHT) + len(PROXIED)
    assert all("which is refused" in error for error in asked.errors)
