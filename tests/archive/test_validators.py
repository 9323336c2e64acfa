"""By what an answer can be asked for again: what servers write into ETag and Last-Modified, and what of it is sent back."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.http import parse_head
from archive.validators import Validators, is_conditional, validators_of

DATE = datetime(2026, 11, 23, 12, tzinfo=UTC)
MONDAY = "Mon, 23 Nov 2026 11:00:00 GMT"


def of(etag: str | None = None, modified: str | None = None) -> Validators | None:
    lines = [f"{name}: {value}\r\n" for name, value in (("ETag", etag), ("Last-Modified", modified)) if value is not None]
    head = parse_head(f"HTTP/1.1 200 OK\r\n{''.join(lines)}\r\n".encode("latin-1"))
    assert head
    return validators_of(head, DATE)


@pytest.mark.parametrize("etag", ['"abc"', 'W/"abc"', '""', '"a,b"', '"ä"', "abc", "5f3-1a2", '"' + "x" * 500 + '"'])
def test_a_tag_is_sent_back_as_it_was_written(etag: str) -> None:
    assert of(etag) == Validators(etag, None)


@pytest.mark.parametrize(
    "etag", ["*", "", "   ", '"abc', 'w/"abc"x"', '"a b"', "a, b", '"a", "b"', "a b", '"\x01"', '"' + "x" * 600 + '"']
)
def test_what_is_no_tag_is_not(etag: str) -> None:
    assert of(etag) is None


@pytest.mark.parametrize(
    "date",
    [
        "",
        "0",
        "-1",
        "yesterday",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Tue, 24 Nov 2026 11:00:00 GMT",
        "Mon, 23 Nov 99999 11:00:00 GMT",
        MONDAY + " " * 60 + "x",
        "2026-11-23T11:00:00Z x",
    ],
)
def test_a_date_that_cannot_be_true_is_not(date: str) -> None:
    assert of(modified=date) is None


def test_one_good_validator_stays_beside_a_bad_one() -> None:
    assert of("*", MONDAY) == Validators(None, MONDAY)
    assert of('"a"', "never") == Validators('"a"', None)
    assert Validators('"a"', MONDAY).fields() == [("If-None-Match", '"a"'), ("If-Modified-Since", MONDAY)]


@given(st.text(st.characters(codec="latin-1")), st.text(st.characters(codec="latin-1")))
def test_whatever_comes_only_what_fits_into_a_field_goes_back(etag: str, modified: str) -> None:
    found = of(etag, modified)
    for _, value in found.fields() if found else ():
        assert value and len(value) <= 512
        assert not set(value) & set("\r\n\0")
        assert value.encode("latin-1").strip() == value.encode("latin-1")


def test_a_request_is_conditional_by_its_fields_alone() -> None:
    assert is_conditional(b'GET / HTTP/1.1\r\nif-none-match : "a"\r\n\r\n')
    assert is_conditional(b"GET / HTTP/1.1\r\nHost: a\r\nIf-Modified-Since: x\r\n\r\n")
    assert not is_conditional(b"GET /?If-None-Match:1 HTTP/1.1\r\nX-If-None-Match: 1\r\n\r\n")
