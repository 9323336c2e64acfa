"""What a robots.txt allows. The cases are the facts that Google's published parser tests state
(github.com/google/robotstxt, robots_test.cc), told in our own words; where RFC 9309 says otherwise, the RFC is right."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.robots_txt import MOST, beginning, product_token
from crawler.robots_rules import RobotsRules


def allowed(text: str | bytes, path: str, agent: str = "FooBot") -> bool:
    body = text if isinstance(text, bytes) else text.encode()
    return RobotsRules(body).allowed(f"http://foo.bar{path}", agent)


GROUPS = """
allow: /foo/bar/

user-agent: FooBot
disallow: /
allow: /x/
user-agent: BarBot
disallow: /
allow: /y/


allow: /w/
user-agent: BazBot

user-agent: FooBot
allow: /z/
disallow: /
"""


@pytest.mark.parametrize(
    ("agent", "open_paths", "closed_paths"),
    [
        ("FooBot", ["/x/b", "/z/d"], ["/y/c", "/w/a", "/foo/bar/"]),
        ("BarBot", ["/y/c", "/w/a"], ["/z/d", "/x/b", "/foo/bar/"]),
        ("BazBot", ["/z/d"], ["/x/b", "/y/c", "/w/a", "/foo/bar/"]),
        ("QuxBot", ["/x/b", "/y/c", "/foo/bar/"], []),
    ],
)
def test_groups_of_one_crawler_are_joined_and_rules_before_any_are_nobodys(
    agent: str, open_paths: list[str], closed_paths: list[str]
) -> None:
    for path in open_paths:
        assert allowed(GROUPS, path, agent), path
    for path in closed_paths:
        assert not allowed(GROUPS, path, agent), path


@pytest.mark.parametrize("between", ["Sitemap: https://foo.bar/sitemap", "Invalid-Unknown-Line: unknown", "Crawl-delay: 7", ""])
def test_other_lines_do_not_part_a_group(between: str) -> None:
    text = f"User-agent: BarBot\n{between}\nUser-agent: *\nDisallow: /\n"
    assert not allowed(text, "/", "FooBot")
    assert not allowed(text, "/", "BarBot")


# text → paths that are open, paths that are closed, for FooBot
CASES: dict[str, tuple[list[str], list[str]]] = {
    "": (["/"], []),
    "user-agent: FooBot\ndisallow: /\n": ([], ["/x/y"]),
    "foo: FooBot\nbar: /\n": (["/x/y"], []),
    "user-agent FooBot\ndisallow /\n": ([], ["/x/y"]),
    "USER-AGENT: FooBot\nALLOW: /x/\nDISALLOW: /\n": (["/x/y"], ["/a/b"]),
    "uSeR-aGeNt: FooBot\nAlLoW: /x/\ndIsAlLoW: /\n": (["/x/y"], ["/a/b"]),
    "User-Agent: foobot\nDisallow: /\n": ([], ["/x"]),
    "User-Agent: FOO BAR\nAllow: /x/\nDisallow: /\n": (["/a"], []),
    "User-agent: FooBot/1.2\nDisallow: /\n": ([], ["/x"]),
    "User-agent: Foo\nDisallow: /\n": (["/x"], []),
    "User-agent: FooBot-News\nDisallow: /\n": (["/x"], []),
    "User-agent: *\nDisallow: /\nUser-agent: FooBot\nAllow: /\n": (["/x"], []),
    "User-agent: * baz\nDisallow: /\n": ([], ["/x"]),
    "User-agent: *baz\nDisallow: /\n": (["/x"], []),
    "user-agent: FooBot\nallow: /\nuser-agent: BarBot\ndisallow: /\n": (["/x"], []),
    "user-agent: *\nallow: /\nuser-agent: FooBot\ndisallow: /\n": ([], ["/x"]),
    "user-agent: FooBot\ndisallow: /x/\n": (["/X/y", "/"], ["/x/y"]),
    # the longest match, and of two equal ones the permission
    "user-agent: FooBot\ndisallow: /x/page.html\nallow: /x/\n": (["/x/"], ["/x/page.html"]),
    "user-agent: FooBot\nallow: /x/page.html\ndisallow: /x/\n": (["/x/page.html"], ["/x/"]),
    "user-agent: FooBot\ndisallow: \nallow: \n": (["/x/page.html"], []),
    "user-agent: FooBot\ndisallow: /\nallow: /\n": (["/x/page.html"], []),
    "user-agent: FooBot\ndisallow: /x\nallow: /x/\n": (["/x/"], ["/x"]),
    "user-agent: FooBot\nallow: /page\ndisallow: /*.html\n": (["/page"], ["/page.html"]),
    "user-agent: FooBot\nallow: /x/page.\ndisallow: /*.html\n": (["/x/page.html"], ["/x/y.html"]),
    "User-agent: *\nDisallow: /x/\nUser-agent: FooBot\nDisallow: /y/\n": (["/x/page"], ["/y/page"]),
    # octets are compared in one form (RFC 9309, 2.2.2)
    "User-agent: FooBot\nDisallow: /\nAllow: /foo/bar?qux=taz&baz=http://foo.bar?tar&par\n": (
        ["/foo/bar?qux=taz&baz=http://foo.bar?tar&par"],
        ["/foo/bar?qux"],
    ),
    "User-agent: FooBot\nDisallow: /\nAllow: /foo/bar/ツ\n": (["/foo/bar/%E3%83%84", "/foo/bar/ツ"], ["/foo/bar/"]),
    "User-agent: FooBot\nDisallow: /\nAllow: /foo/bar/%E3%83%84\n": (["/foo/bar/%E3%83%84", "/foo/bar/%e3%83%84"], []),
    "User-agent: FooBot\nDisallow: /\nAllow: /foo/bar/%62%61%7A\n": (["/foo/bar/%62%61%7A", "/foo/bar/baz"], []),
    # stars, ends, comments
    "User-agent: FooBot\nDisallow: /foo/bar/quz\nAllow: /foo/*/qux\n": (
        ["/foo/quz", "/foo//quz", "/foo/bax/quz"],
        ["/foo/bar/quz"],
    ),
    "User-agent: FooBot\nDisallow: /foo/bar$\nAllow: /foo/bar/qux\n": (
        ["/foo/bar/qux", "/foo/bar/", "/foo/bar/baz"],
        ["/foo/bar"],
    ),
    "User-agent: FooBot\n# Disallow: /\nDisallow: /foo/quz#qux\nAllow: /\n": (["/foo/bar"], ["/foo/quz"]),
    "User-Agent: *\nAllow: /allowed-slash/index.html\nDisallow: /\n": (
        ["/allowed-slash/index.html", "/allowed-slash/"],
        ["/allowed-slash/index.htm", "/anyother-url"],
    ),
    # the table of Google's documentation
    "user-agent: FooBot\ndisallow: /\nallow: /fish\n": (
        ["/fish", "/fish.html", "/fish/salmon.html", "/fishheads", "/fishheads/yummy.html", "/fish.html?id=anything"],
        ["/bar", "/Fish.asp", "/catfish", "/?id=fish"],
    ),
    "user-agent: FooBot\ndisallow: /\nallow: /fish*\n": (["/fish", "/fishheads/yummy.html"], ["/bar", "/catfish"]),
    "user-agent: FooBot\ndisallow: /\nallow: /fish/\n": (
        ["/fish/", "/fish/salmon", "/fish/?salmon"],
        ["/bar", "/fish", "/fish.html", "/Fish/Salmon.html"],
    ),
    "user-agent: FooBot\ndisallow: /\nallow: /*.php\n": (
        ["/filename.php", "/folder/filename.php", "/folder/any.php.file.html", "/filename.php/", "/index?f=filename.php/"],
        ["/bar", "/windows.PHP", "/php/"],
    ),
    "user-agent: FooBot\ndisallow: /\nallow: /*.php$\n": (
        ["/filename.php", "/folder/filename.php"],
        ["/bar", "/filename.php?parameters", "/filename.php/", "/filename.php5", "/php/", "/aaaphpaaa"],
    ),
    "user-agent: FooBot\ndisallow: /\nallow: /fish*.php\n": (
        ["/fish.php", "/fishheads/catfish.php?parameters"],
        ["/bar", "/Fish.PHP"],
    ),
    "user-agent: FooBot\nallow: /p\ndisallow: /\n": (["/page"], ["/x"]),
    "user-agent: FooBot\nallow: /folder\ndisallow: /folder\n": (["/folder/page"], []),
    "user-agent: FooBot\nallow: /page\ndisallow: /*.htm\n": ([], ["/page.htm"]),
    "user-agent: FooBot\nallow: /$\ndisallow: /\n": (["/"], ["/page.html"]),
    # ends of lines, and what only looks like one
    "user-agent: FooBot\r\ndisallow: /a\r\n": (["/"], ["/a"]),
    "user-agent: FooBot\rdisallow: /a\r": (["/"], ["/a"]),
    "user-agent: FooBot\ndisallow: /a\u2028allow: /\n": (["/a"], []),
    "user-agent: FooBot\ndisallow: /a\x0bb\n": (["/a"], ["/a%0Bb"]),
    # how people spell
    "useragent: FooBot\ndissallow: /\n": ([], ["/"]),
}


@pytest.mark.parametrize("text", CASES)
def test_rules_decide_as_published(text: str) -> None:
    open_paths, closed_paths = CASES[text]
    assert [path for path in open_paths if not allowed(text, path)] == []
    assert [path for path in closed_paths if allowed(text, path)] == []


def test_a_byte_order_mark_is_passed_over_and_a_broken_one_spoils_its_line() -> None:
    body = b"User-Agent: FooBot\nAllow: /y/\nDisallow: /\n"
    assert not allowed(b"\xef\xbb\xbf" + body, "/x")
    assert allowed(b"\xef\xbb\xbf" + body, "/y/")
    assert allowed(b"\xef\x11\xbf" + body, "/x")  # nobody is named, so the rules are nobody's


def test_no_more_than_500_kib_are_read_and_lines_end_somewhere() -> None:
    assert not allowed(b"User-agent: *\n" + b"#" * (MOST - 40) + b"\nDisallow: /\n", "/")
    assert allowed(b"User-agent: *\n" + b"#" * MOST + b"\nDisallow: /\n", "/")
    path = "/" + "a" * 20_000
    assert not allowed(f"User-agent: *\nDisallow: {path}\n", path)


@pytest.mark.parametrize(
    ("user_agent", "token"),
    [
        ("Broadsheet/0.1.0 (+https://example.org/bot)", "broadsheet"),
        ("Mozilla/5.0 (compatible; Foobot/1.0; +http://x.example)", "foobot"),
        ("foo_bar-baz 2", "foo_bar-baz"),
        ("", "*"),
        ("123", "*"),
    ],
)
def test_the_product_token_is_the_name_without_version_and_contact(user_agent: str, token: str) -> None:
    assert product_token(user_agent) == token


def test_an_address_in_the_user_agent_is_no_name() -> None:
    agent = "Broadsheet/0.1.0 (+https://googlebot.example/contact)"
    assert allowed("User-agent: googlebot\nDisallow: /\n", "/", agent)
    assert allowed("User-agent: contact\nDisallow: /\n", "/", agent)


def test_crawl_delay_is_that_of_the_crawlers_group() -> None:
    rules = RobotsRules(b"User-agent: *\nCrawl-delay: 30\nDisallow: /x\n\nUser-agent: FooBot\nCrawl-delay: 2.5\n")
    assert rules.crawl_delay("FooBot/1.0") == 2.5
    assert rules.crawl_delay("BarBot") == 30
    for odd in (b"-1", b"nan", b"inf", b"soon", b""):
        assert RobotsRules(b"User-agent: *\nCrawl-delay: " + odd).crawl_delay("FooBot") is None


def test_sitemaps_are_found_wherever_they_stand() -> None:
    rules = RobotsRules(
        b"Sitemap: /a.xml\nUser-agent: FooBot\nsite-map: /b.xml\nDisallow: /\nSITEMAP: http://c.example/c.xml\n"
    )
    assert rules.sitemaps == ["/a.xml", "/b.xml", "http://c.example/c.xml"]


@given(st.binary(max_size=300), st.text(max_size=30))
def test_no_file_is_too_odd(body: bytes, path: str) -> None:
    rules = RobotsRules(b"User-agent: *\n" + body)
    assert rules.allowed("http://foo.bar/" + path, "FooBot") in (True, False)


def test_the_line_that_is_cut_at_500_kib_is_left_out() -> None:
    """Of ``Disallow: /private/`` only ``Disallow: /`` might be read, which forbids everything."""
    head, rule = b"User-agent: *\n", b"Disallow: /private/\n"
    body = head + b"#" * (MOST - len(head) - 12) + b"\n" + rule
    assert body[:MOST].endswith(b"Disallow: /")
    assert RobotsRules(body).allowed("http://a.example/public", "broadsheet")
    assert len(beginning(body * 2)) <= MOST


def test_thousands_of_agents_and_rules_take_no_longer_than_they_are_long() -> None:
    agents = b"".join(b"User-agent: %s\n" % bytes(97 + int(digit) for digit in str(number)) for number in range(20_000))
    began = time.process_time()
    rules = RobotsRules(agents + b"User-agent: Broadsheet\n" + b"Disallow: /x\n" * 9_000)
    assert not rules.allowed("http://a.example/x", "broadsheet")
    assert time.process_time() - began < 2  # it was more than 40 s
