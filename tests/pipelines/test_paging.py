"""Which page of an article an address is, which is next, and which page is another's twin."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml.html import document_fromstring

from pipelines.paging import Turn, numbered, turn_of, twin_of

SITE = "https://a.example"


@pytest.mark.parametrize(
    ("here", "there", "follows"),
    [
        ("/story/", "/story/?page=2", True),
        ("/story", "/story/2", True),
        ("/story/2/", "/story/3/", True),
        ("/story.html", "/story-2.html", True),
        ("/story/", "/story/page/2/", True),
        ("/story?id=7", "/story?id=7&seite=2", True),
        ("/story", "/story?page=1", True),  # counted from zero
        ("/story?page=9", "/story?page=10", True),
        ("/2026/11/first-post/", "/2026/11/second-post/", False),
        ("/story?id=1", "/story?id=2", False),
        ("/story/2", "/story/4", False),
        ("/story/3", "/story/2", False),
        ("/story", "/story", False),
        ("/story", "https://b.example/story/2", False),
        ("/report-2024", "/report-2025", False),
    ],
)
def test_the_next_page_of_an_article_is_told_from_the_next_article(here: str, there: str, follows: bool) -> None:
    url, other = SITE + here, there if there.startswith("https") else SITE + there
    assert turn_of(url, [], [other]) == Turn(None, other if follows else None)
    assert turn_of(other, [url], []) == Turn(url if follows else None, None)


@pytest.mark.parametrize(
    ("url", "canonical", "attributes", "twin"),
    [
        ("/amp/story", "/story", "", "AMP"),
        ("/story/amp/", "/story", "", "AMP"),
        ("/story.amp.html", "/story.html", "", "AMP"),
        ("/story?amp=1", "/story", "", "AMP"),
        ("/story?outputType=amp", "/story", "", "AMP"),
        ("/story-m", "/story", "amp", "AMP"),
        ("https://amp.a.example/story", "/story", "", "AMP"),
        ("/story/print", "/story", "", "print"),
        ("/print/story", "/story", "", "print"),
        ("/story?view=print", "/story", "", "print"),
        ("/story-druckversion.html", "/story.html", "", "print"),
        ("/story", "/story", "amp", None),  # it is its own article
        ("/story?page=2", "/story", "amp", None),  # a further page
        ("/story?utm_source=x", "/story", "", None),
        ("/print-shop-opens-again", "/print-shop-opens", "", None),
        ("/camp/story", "/story", "", None),
        ("/story", None, "amp", None),
    ],
)
def test_a_twin_is_told_by_its_address_or_its_own_word(
    url: str, canonical: str | None, attributes: str, twin: str | None
) -> None:
    root = document_fromstring(f"<html {attributes}><body><p>x</p></body></html>")
    where = url if url.startswith("https") else SITE + url
    assert twin_of(where, SITE + canonical if canonical else None, root) == twin


@given(st.text(max_size=40))
def test_any_address_has_a_number_and_none_follows_itself(tail: str) -> None:
    url = f"{SITE}/{tail}"
    try:
        found = numbered(url)
    except ValueError:  # no address to urlsplit either
        return
    assert 0 <= found.number <= 999
    assert not turn_of(url, [url], [url])
