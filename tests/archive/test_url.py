"""Addresses as keys."""

import json
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.url import host_parts, site_key, surt, without_secrets
from tests.peers import peer


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("http://www.Example.com:80/A//b/?b=2&a=1#x", "com,example)/a/b?a=1&b=2"),
        ("https://example.com:443", "com,example)/"),
        ("https://news.example.co.uk:8443/x", "uk,co,example,news:8443)/x"),
        ("http://127.0.0.2:8099/news/x.html", "2,0,0,127:8099)/news/x.html"),
        ("http://www2.example.com/", "com,example)/"),
        ("http://example.com/?", "com,example)/"),
    ],
)
def test_surt_keys(url: str, key: str) -> None:
    assert surt(url) == key


def test_http_and_https_of_one_page_share_a_key() -> None:
    assert surt("http://www.example.com/a") == surt("https://example.com/a/")


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("news.bbc.co.uk", "bbc.co.uk"),
        ("example.com", "example.com"),
        ("127.0.0.1", None),
        ("localhost", None),
        ("[::1]", None),
    ],
)
def test_registered_domains(host: str, domain: str | None) -> None:
    assert host_parts(host).registered_domain == domain


def test_without_a_registered_domain_host_and_port_are_the_site() -> None:
    assert site_key("http://127.0.0.1:8001/a") != site_key("http://127.0.0.1:8002/a")
    assert site_key("https://www.example.com/a") == site_key("http://news.example.com:8080/")


def test_credentials_and_fragments_are_taken_out() -> None:
    assert without_secrets("https://ines:secret@example.com:8443/a?b=c#d") == "https://example.com:8443/a?b=c"


@pytest.mark.parametrize(
    "url", ["http:////ines:secret@example.com/a", "a:////ines:secret@b", "http://x@ines:secret@example.com"]
)
def test_credentials_are_taken_out_wherever_slashes_hide_them(url: str) -> None:
    assert "secret" not in urlsplit(without_secrets(url)).netloc


@given(st.text() | st.from_regex(r"https?://[a-z0-9.-]{1,20}(:[0-9]{1,6})?/[ -~]{0,30}", fullmatch=True))
def test_any_address_has_a_key_of_one_word(url: str) -> None:
    assert not any(character.isspace() for character in surt(url))


HOSTS = [
    "example.com",
    "www.Example.com",
    "WWW3.news.example.co.uk",
    "b\u00fccher.example",
    "\u0440\u0444.\u0440\u0444",
    "xn--p1ai.xn--p1ai",
]
HOSTS += [
    "192.0.2.7",
    "0300.0.2.7",
    "3221225991",
    "localhost",
    "ex_a.example",
    "example.com.",
    "ines:secret@example.com",
    "ex%61mple.com",
]
PIECES = [
    *"aBz09/?&=#+;:@~!'\"<>|\\[]{}%^-_,(). \t",
    "\u00e4",
    "\u00c9",
    "\u65e5",
    "\U0001f600",
    "\u00ad",
    "//",
    "/../",
    "/./",
    "..",
    "%41",
    "%25",
]
PIECES += [
    "%2F",
    "%2e",
    "%3f",
    "%26",
    "%zz",
    "%C3%A4",
    "%E4",
    "%00",
    "%2525",
    "b=2",
    "a=1",
    "a-b=1",
    "a[]=",
    "utm_source=x",
    "index.html",
]
PIECES += [
    "PHPSESSID=" + "0a" * 16,
    "jsessionid=" + "0A" * 16,
    "sid=" + "1" * 32,
    "cfid=1&cftoken=2",
    "(" + "0a" * 12 + ")/x.aspx",
]
tails = st.lists(st.sampled_from(PIECES), max_size=9).map("".join)
urls = st.tuples(
    st.sampled_from(["http://", "https://", "HTTP://"]),
    st.sampled_from(HOSTS),
    st.sampled_from(["", ":80", ":443", ":8080", ":0443"]),
    st.sampled_from(["", "/", "?", "/?", "#"]).flatmap(lambda begin: tails.map(begin.__add__) if begin else st.just("")),
).map("".join)
OTHERS = ["urn:pageinfo:https://Example.com/a/", "urn:view:https://example.com/?b=2&a=1", "urn:text:https://example.com/a b"]
OTHERS += [
    "dns:Example.com",
    "mailto:ines@example.com",
    "data:text/plain,hello",
    "metadata://gnu.org/software/wget/warc/MANIFEST.txt",
]
OTHERS += [
    "example.com/a",
    "//example.com/a",
    "http:example.com",
    "http:/example.com/a",
    "https://example.com:99999/",
    "ftp://example.com/a/",
]
OTHERS += [
    "http://[2001:db8::1]:8080/x",
    "http://example.com/?__wb_method=POST&a=b c&d=#e",
    "http://ex..ample.com/",
    "http://1.2.3/",
]


def test_keys_are_those_of_the_reference_implementation() -> None:
    made: list[str] = []

    @settings(max_examples=1500, database=None, derandomize=True)
    @given(urls)
    def gather(url: str) -> None:
        made.append(url)

    gather()
    asked = [*OTHERS, *dict.fromkeys(made)]
    script = "import json, sys, cdxj_indexer.main as m\nkey = m.CDXJIndexer.get_url_key\n"
    script += "print(json.dumps([key(None, url) for url in json.load(sys.stdin)]))"
    keys = json.loads(peer("python", "-c", script, stdin=json.dumps(asked)))
    assert len(asked) > 700
    assert [(url, surt(url)) for url in asked] == list(zip(asked, keys, strict=True))
