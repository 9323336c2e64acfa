"""Which requests count as the same."""

import pytest
from scrapy import Request

from crawler.fingerprint import CanonicalFingerprinter

PAGE = "https://paper.example/show?id=7"


def same(one: Request, other: Request) -> bool:
    names = CanonicalFingerprinter()
    return names.fingerprint(one) == names.fingerprint(other)


@pytest.mark.parametrize(
    "url", ["HTTPS://Paper.Example:443/show?id=7#top", "https://paper.example/a/../show?utm_source=x&id=7&PHPSESSID=abc"]
)
def test_forms_of_one_address_are_one_request(url: str) -> None:
    assert same(Request(PAGE), Request(url))
    assert same(Request(PAGE), Request(url, meta={"redirect_urls": ["https://paper.example/go"]}))


def test_another_id_and_another_method_are_another_request() -> None:
    assert not same(Request(PAGE), Request("https://paper.example/show?id=8"))
    assert not same(Request(PAGE), Request(PAGE + "&utm_source=x", method="POST"))


def test_a_page_may_redirect_to_another_form_of_its_own_address() -> None:
    assert not same(Request(PAGE), Request(PAGE + "&utm_source=x", meta={"redirect_urls": [PAGE]}))


def test_what_a_page_loads_is_asked_for_as_it_is_written() -> None:
    assert not same(Request(PAGE), Request(PAGE + "&utm_source=x", meta={"verbatim_url": True}))
