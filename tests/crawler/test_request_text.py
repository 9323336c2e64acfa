"""Requests come out of the frontier's file as they went in, and secrets do not go in."""

from datetime import UTC, datetime
from typing import Any

import pytest
import scrapy
from hypothesis import given, settings
from hypothesis import strategies as st
from scrapy import FormRequest, Request
from scrapy.http import Response

from archive.frontier import Host
from crawler.discovery.entry import Entry
from crawler.request_text import NotPlainError, request_of_text, request_text
from crawler.turns import Turns
from pipelines.tabulate import Found


class Spider(scrapy.Spider):
    name = "any"

    def parse(self, response: Response) -> None: ...

    def failed(self, failure: object) -> None: ...


SPIDER = Spider()
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.floats(allow_nan=False) | st.datetimes(),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text() | st.integers() | st.binary(), inner),
    max_leaves=8,
)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(), PLAIN), st.integers(-(10**9), 10**9), st.binary())
def test_whatever_is_plain_comes_out_as_it_went_in(values: dict[str, Any], priority: int, body: bytes) -> None:
    found = Found("feed", "http://f/", "http://h/a")
    request = Request(
        "http://h/a?b=ü#c",
        SPIDER.parse,
        errback=SPIDER.failed,
        method="POST",
        body=body,
        headers={"Accept": "x", "X-Two": ["1", "2"]},
        priority=priority,
        dont_filter=True,
        flags=["f"],
        meta=values | {"proxy": None, "dated": datetime(2026, 1, 1, tzinfo=UTC)},
        cb_kwargs={"found": found, "entry": Entry("http://h/", source="feed"), "values": values},
    )
    again = request_of_text(request_text(request, SPIDER), SPIDER)
    assert again.to_dict(spider=SPIDER) == request.to_dict(spider=SPIDER)


def test_a_subclass_stays_one_and_what_a_fetch_left_is_forgotten() -> None:
    request = FormRequest(
        "http://h/", formdata={"a": "b"}, meta={"capture": object(), "site_rights": object(), "download_slot": "h", "depth": 2}
    )
    again = request_of_text(request_text(request, SPIDER), SPIDER)
    assert type(again) is FormRequest
    assert again.body == b"a=b"
    assert again.meta == {"depth": 2}


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Request("http://me:word@h/"), "a user name"),
        (Request("http://h/", cookies={"a": "b"}), "cookies"),
        (Request("http://h/", headers={"authorization": "Basic x"}), "Authorization"),
        (Request("http://h/", meta={"proxy": "http://me:word@proxy/"}), "a user name"),
        (Request("http://h/", meta={"x": object()}), "object"),
        (Request("http://h/", callback=print), "no method of the spider"),
    ],
)
def test_secrets_and_what_is_not_plain_are_refused(request_: Request, words: str) -> None:
    with pytest.raises(NotPlainError, match=words):
        request_text(request_, SPIDER)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"url":"http://h/","callback":"gone"}', '{"url":"http://h/","_class":"os.path"}']
)
def test_text_that_is_no_request_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        request_of_text(text, SPIDER)


def test_hosts_take_turns_by_when_they_may_be_asked() -> None:
    now, times = [100.0], {"a": 0.0, "b": 103.0, "c": 101.0, "d": 50.0, "e": 99.0}
    turns = Turns(lambda name: times[name], lambda: now[0])
    hosts = {name: Host(number, name, raised=name == "e") for number, name in enumerate(times)}
    for host in hosts.values():
        turns.add(host)
        turns.add(host)
    assert [turns.take(), turns.take(), turns.take(), turns.take()] == [hosts["e"], hosts["a"], hosts["d"], None]
    assert turns.wait() == 1.0
    now[0] = 101.5
    times["c"] = 102.0  # asked by somebody else meanwhile
    assert turns.take() is None
    assert turns.wait() == 0.5
    now[0] = 110.0
    assert [turns.take(), turns.take(), turns.take()] == [hosts["c"], hosts["b"], None]
    assert turns.wait() is None
