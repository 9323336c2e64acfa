"""What publishers say in header fields, robots.txt and tdmrep.json, read as the texts of these conventions have it."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from protego import Protego

from archive.http import parse_head
from archive.rights import (
    FIELDS,
    Rights,
    fields_of,
    header_restrictions,
    joined,
    of_fields,
    reserved,
    usage,
    withheld,
    without_text,
)
from archive.robots_txt import RobotsTxt, covers, usage_of
from archive.tdmrep import rule_for, rules_of

URL = "https://paper.example/story"
NOW = datetime(2026, 11, 26, tzinfo=UTC)


def robots(*values: str) -> Rights:
    rights = Rights()
    for value in values:
        rights.add_robots("header:x-robots-tag", value)
    return rights


@pytest.mark.parametrize(
    ("values", "restricted"),
    [
        (("noarchive",), ["noarchive"]),
        (("NoArchive, NOSNIPPET",), ["noarchive", "nosnippet"]),
        (("nocache",), ["noarchive"]),
        (("none",), ["noindex"]),
        (("noindex, follow", "noarchive"), ["noarchive", "noindex"]),
        (("googlebot: noarchive",), []),
        (("broadsheet: noarchive",), ["noarchive"]),
        (("Broadsheet:noarchive",), ["noarchive"]),
        (("googlebot: noindex, broadsheet: noarchive, nosnippet",), ["noarchive", "nosnippet"]),
        (("noindex, googlebot: noarchive",), ["noindex"]),
        (("googlebot: noindex", "noarchive"), ["noarchive"]),
        (("max-snippet: 0",), ["nosnippet"]),
        (("max-snippet:-1, max-image-preview:large, max-video-preview:-1",), []),
        (("noai, noimageai",), ["noai"]),
        (("archive", "noarchive"), ["noarchive"]),
        (("noarchive", "all"), ["noarchive"]),
        (("unavailable_after: 25 Jun 2010 15:00:00 PST",), ["unavailable_after=2010-06-25T23:00:00Z"]),
        (("unavailable_after: Wed, 3 Dec 2025 13:09:53 GMT, noindex",), ["noindex", "unavailable_after=2025-12-03T13:09:53Z"]),
        (("noarchive, unavailable_after: 2026-12-01",), ["noarchive", "unavailable_after=2026-12-01T00:00:00Z"]),
        (("unavailable_after: 2026-12-01", "unavailable_after: 2026-11-01"), ["unavailable_after=2026-11-01T00:00:00Z"]),
        (("unavailable_after: one day",), []),
        (("otherbot: unavailable_after: 2026-12-01",), []),
        (("", ",,:,", "no archive"), []),
    ],
)
def test_robots_directives_are_read_for_everybody_and_for_us(values: tuple[str, ...], restricted: list[str]) -> None:
    assert robots(*values).restrictions() == restricted


def test_unknown_is_null_and_allowed_is_false() -> None:
    assert robots("nofollow").noarchive is None
    assert robots("all").columns() | {"noai": None} == robots("archive, index, snippet").columns()
    assert robots("all").noarchive is False


@pytest.mark.parametrize(
    ("preferences", "said"),
    [
        ("train-ai=n", {"train-ai": "n"}),
        ("train-ai=y,search=n", {"train-ai": "y", "search": "n"}),
        # the examples of the vocabulary's sixth section
        ('train-ai=y, train-ai, search=n, search="n"', {}),
        ("train-ai;allow=n, train-ai=y", {"train-ai": "y"}),
        ('train-ai;has;parameters="?"', {}),
        ("Train-AI=n", {}),
        ("train-ai=n,", {}),
        ("train-ai=n search=n", {}),
        ('x="a, train-ai=n", ai-use=n', {"ai-use": "n"}),
        ('x=("a" b;c=1), y=?0, z=:YQ==:, w=1.5, v=@1, train-ai=n;q=2', {"train-ai": "n"}),
        ("", {}),
        ("train-ai=N", {}),
    ],
)
def test_usage_preferences_are_a_dictionary_of_structured_fields(preferences: str, said: dict[str, str]) -> None:
    assert usage(preferences) == said


@settings(max_examples=150, deadline=None)
@given(st.text(st.sampled_from('train-ai=ny,;" ()?:*%0a\\'), max_size=4_000) | st.text(max_size=300))
@example("(" * 4_000)
@example("a=" + "(1 " * 1_300)
@example('a="' + '\\"' * 1_990)
@example("a" + ";b" * 1_990 + "!")
@example("a=(" + "b;c " * 990 + "!")
def test_no_header_takes_long(value: str) -> None:
    began = time.process_time()
    usage(value)
    robots(value)
    assert time.process_time() - began < 0.5


def test_several_header_fields_of_one_name_are_read_line_by_line() -> None:
    head = parse_head(
        b"HTTP/1.1 200 OK\r\nX-Robots-Tag: googlebot: noindex\r\nX-Robots-Tag: noarchive\r\nTDM-Reservation: 1\r\n"
        b"tdm-policy: /policy.json\r\nContent-Usage: train-ai=y\r\nContent-Usage: search=n\r\nServer: x\r\n\r\n"
    )
    assert head
    rights = of_fields(fields_of(head), URL)
    assert rights.restrictions() == ["noarchive", "tdm-reservation=1", "search=n"]
    assert rights.tdm_policy == "https://paper.example/policy.json"
    assert rights.content_usage == "search=n, train-ai=y"
    assert rights.sources == {
        "noarchive": "header:x-robots-tag",
        "tdm_reservation": "header:tdm-reservation",
        "tdm_policy": "header:tdm-reservation",
        "content_usage": "header:content-usage",
    }
    assert header_restrictions(head, URL) == rights.restrictions()
    assert header_restrictions(parse_head(b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n"), URL) is None
    assert header_restrictions(None, URL) is None


@pytest.mark.parametrize(
    ("value", "read"), [("1", 1), ("0", 0), (1, 1), (0, 0), ("2", None), (True, None), (None, None), ("yes", None), (1.5, None)]
)
def test_a_reservation_is_0_or_1_or_nothing(value: object, read: int | None) -> None:
    rights = Rights()
    rights.set_tdm("file", value, "javascript:alert(1)", URL)
    assert (rights.tdm_reservation, rights.tdm_policy) == (read, None)


def test_the_stronger_place_wins_with_its_policy_or_without() -> None:
    rights = Rights()
    rights.set_tdm("tdmrep.json <urn:x>", 1, "https://paper.example/p", URL)
    rights.set_tdm("header:tdm-reservation", "0", None, URL)
    assert (rights.tdm_reservation, rights.tdm_policy, rights.sources) == (
        0,
        None,
        {"tdm_reservation": "header:tdm-reservation"},
    )


def test_of_the_pages_of_an_article_what_restricts_holds_with_its_source() -> None:
    first, second, third = Rights(), Rights(), Rights()
    first.add_robots("meta:robots", "archive, unavailable_after: 2030-01-02")
    first.add_usage("header:content-usage", "train-ai=y")
    second.add_robots("header:x-robots-tag", "noarchive, unavailable_after: 2029-01-02")
    second.set_tdm("meta:tdm-reservation", 0, None, "")
    third.set_tdm("header:tdm-reservation", 1, "https://a.example/policy", "")
    third.add_usage("header:content-usage", "train-ai=n")
    whole = joined([first, second, third])
    assert whole.restrictions() == ["noarchive", "unavailable_after=2029-01-02T00:00:00Z", "tdm-reservation=1", "train-ai=n"]
    assert (whole.noindex, whole.tdm_policy) == (None, "https://a.example/policy")
    assert whole.sources["noarchive"] == "header:x-robots-tag"
    assert joined([first]).columns() == first.columns()
    assert joined([Rights(), second]).columns() == second.columns()


def test_of_several_usage_preferences_the_restricting_one_holds() -> None:
    page, site = Rights(), Rights()
    page.add_usage("header:content-usage", "train-ai=n, search=y")
    site.add_usage("robots.txt <urn:x>", "train-ai=y, search=n, ai-use=y")
    page.complete(site)
    assert page.content_usage == "ai-use=y, search=n, train-ai=n"
    assert page.sources["content_usage"] == "header:content-usage, robots.txt <urn:x>"


# https://www.ietf.org/archive/id/draft-ietf-aipref-attach-04.html, 3.4, and a group with more in it
ROBOTS = b"""User-Agent: *
Allow: /
Disallow: /never/
Content-Usage: / train-ai=n
Content-Usage: /ai-ok/ train-ai=y

User-Agent: ExampleBot
Allow: /
Content-Usage: / train-ai=y

User-agent: broadsheet
content-usage : /a search=y # said twice
Content-Usage:/a search=n
Content-Usage: ai-use=n
Content-usage: /*.pdf$ train-ai=n
Allow: /
"""


@pytest.mark.parametrize(
    ("token", "path", "said"),
    [
        ("other", "/test", ["train-ai=n"]),
        ("other", "/ai-ok/test", ["train-ai=y"]),
        ("examplebot", "/ai-ok/test", ["train-ai=y"]),
        ("broadsheet", "/about", ["search=y", "search=n"]),
        ("broadsheet", "/other", ["ai-use=n"]),
        ("broadsheet", "/other.pdf", ["train-ai=n"]),
        ("broadsheet", "/other.pdf?x", ["ai-use=n"]),
    ],
)
def test_content_usage_of_robots_txt_goes_by_the_longest_path(token: str, path: str, said: list[str]) -> None:
    assert usage_of(RobotsTxt(ROBOTS).group(token), path) == said


def test_content_usage_ends_a_list_of_crawlers_as_other_rules_do() -> None:
    file = RobotsTxt(b"User-agent: a\nContent-Usage: / train-ai=n\nUser-agent: b\nDisallow: /x\n")
    assert usage_of(file.group("b"), "/") == []
    assert usage_of(file.group("a"), "/") == ["train-ai=n"]


PARTS = st.sampled_from(["/", "a", "b", "c", "*", ".", "?", "é", "%2F", "%2f", "%61"])
PATHS = st.text(st.sampled_from("/abc.?"), max_size=12).map(lambda text: "/" + text.rstrip("?"))
PATTERNS = st.lists(PARTS, max_size=8).map(lambda parts: "/" + "".join(parts))


@settings(max_examples=200, deadline=None)
@given(
    PATTERNS,
    st.sampled_from(["", "$"]),
    st.text(st.sampled_from("/abc.?"), max_size=12).map(lambda text: "/" + text.rstrip("?")),
)
def test_paths_match_as_in_the_parser_of_robots_txt(pattern: str, end: str, path: str) -> None:
    judge = Protego.parse(f"User-agent: x\nDisallow: {pattern}{end}")
    assert covers(pattern + end, path) is not judge.can_fetch(f"https://paper.example{path}", "x")


@pytest.mark.parametrize(
    ("pattern", "path", "same"),
    [
        ("/a%2fb", "/a%2Fb", True),
        ("/a/b", "/a%2Fb", False),
        ("/%7Euser", "/~user", True),
        ("/café", "/caf%C3%A9/x", True),
        ("*", "/any", True),
        ("/x$", "/x", True),
        ("/x$", "/xx", False),
        ("/a*a$", "/a", False),
    ],
)
def test_escapes_are_compared_in_one_form(pattern: str, path: str, same: bool) -> None:
    assert covers(pattern, path) is same


def test_a_hostile_pattern_takes_no_time() -> None:
    began = time.process_time()
    assert not covers("/" + "*a" * 2_000 + "b$", "/" + "a" * 20_000)
    assert time.process_time() - began < 0.5


FILE = b"""[
 {"location": "/directory-b/html/", "tdm-reservation": 1, "tdm-policy": "https://provider.example/policies/policy.json"},
 {"location": "/directory-b/images/*.jpg", "tdm-reservation": 0},
 {"location": "/directory-b/", "tdm-reservation": 1}, {"tdm-reservation": 1}, 7, {"location": ["/"]}
]"""


def test_of_tdmrep_json_the_first_matching_rule_holds() -> None:
    rules = rules_of(FILE)
    assert len(rules) == 3
    for path, said in (("/directory-b/html/x", 1), ("/directory-b/images/a.jpg", 0), ("/directory-b/x", 1)):
        found = rule_for(rules, path)
        assert found
        assert found.reservation == said
    assert rule_for(rules, "/elsewhere") is None


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"location": "/", "tdm-reservation": 1}', b"<html>", b"[" * 100_000, b"\xff\xfe", b"7"]
)
def test_what_is_no_tdmrep_json_says_nothing(body: bytes) -> None:
    assert rules_of(body) == []


@settings(max_examples=100)
@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.text() | st.integers(), st.lists, max_leaves=5).map(repr).map(str.encode)
)
def test_no_file_breaks_its_reader(body: bytes) -> None:
    rule_for(rules_of(body), "/x")
    usage_of(RobotsTxt(body).group("broadsheet"), "/x")


@pytest.mark.parametrize(
    ("restriction", "left_out", "no_text", "no_article"),
    [
        ("noarchive", ("standard", "strict"), False, True),
        ("unavailable_after=2026-11-01T00:00:00Z", ("standard", "strict"), False, False),
        ("unavailable_after=2026-12-01T00:00:00Z", (), False, False),
        ("noindex", (), True, False),
        ("nosnippet", (), True, False),
        ("search=n", (), True, False),
        ("tdm-reservation=1", ("strict",), True, True),
        ("train-ai=n", ("strict",), True, True),
        ("noai", ("strict",), True, True),
    ],
)
def test_each_policy_does_what_its_table_says(
    restriction: str, left_out: tuple[str, ...], no_text: bool, no_article: bool
) -> None:
    for policy in ("record", "standard", "strict"):
        assert withheld([restriction], policy, NOW) == (restriction if policy in left_out else None)
        assert without_text([restriction], policy) is (no_text and policy != "record")
    assert reserved([restriction]) == (restriction if no_article else None)
    assert withheld(None, "strict", NOW) is None


def test_field_names_are_lower_case() -> None:
    assert all(name == name.lower() for name in FIELDS)
