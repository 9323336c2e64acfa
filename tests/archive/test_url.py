"""Addresses as keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.url import host_parts, site_key, surt, without_secrets


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


@given(st.from_regex(r"https?://[a-z0-9.-]{1,20}(:[0-9]{1,6})?/[ -~]{0,30}", fullmatch=True))
def test_any_address_has_a_key(url: str) -> None:
    try:
        key = surt(url)
    except ValueError:  # what urllib itself refuses, e.g. an unclosed bracket
        return
    assert ")/" in key
