"""Live blogs: posts with times from JSON-LD or from the page, and their words in the text, in order, once."""

import json
from datetime import UTC, datetime

import pytest

from pipelines.article import Article
from pipelines.extract import extract
from tests.pipelines.pages import SENTENCES, URL, jsonld, page, sentence

CLOCKS = (16, 14, 13, 11)


def article(html: bytes) -> Article:
    found = extract(html, URL).article
    assert found is not None
    return found


def blog(shape: str, *, around: str = "live-blog", count: int = 4, head: str = "", time: str = "") -> bytes:
    """A page with posts of that shape, newest first."""
    posts = "".join(
        shape.format(
            clock=f"{CLOCKS[at]}:05",
            time=time or f"2024-05-06T{CLOCKS[at]}:05:00+02:00",
            epoch=int(datetime(2024, 5, 6, CLOCKS[at] - 2, 5, tzinfo=UTC).timestamp()),
            text=sentence(at),
            more=sentence(at + 5),
            title=f"Update number {CLOCKS[at]}",
        )
        for at in range(count)
    )
    return page(
        f"<article><h1>The harbour, as it happens</h1><p>{SENTENCES[4]}</p><div class='{around}'>{posts}</div></article>", head
    )


SHAPES = {
    "sections": "<section class='update'><time datetime='{time}'>{clock}</time><h3>{title}</h3><p>{text}</p><p>{more}</p>"
    "</section>",
    "items": "<li class='entry'><div><span class='author'>Ada Moor</span><time datetime='{time}'>{clock}</time></div>"
    "<h3>{title}</h3><div class='txt'><p>{text}</p><p>{more}</p></div></li>",
    "stamps": "<div class='entry x' data-sort-time='{epoch}'><h4>{title}</h4><p>{text}</p><p>{more}</p></div>",
    "bold": "<article class='post'><header><p><time datetime='{time}'>{clock}</time></p></header>"
    "<p><b>{title}</b></p><p>{text}</p><p>{more}</p></article>",
    "microdata": "<div itemprop='liveBlogUpdate' itemscope><time itemprop='datePublished' datetime='{time}'>{clock}</time>"
    "<h3>{title}</h3><p>{text}</p><p>{more}</p></div>",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_posts_are_found_as_the_page_sets_them(shape: str) -> None:
    # a time without an element of its own is looked for only where the page calls itself a live blog
    head = jsonld('{"@type": "LiveBlogPosting", "headline": "x"}') if shape == "stamps" else ""
    found = article(blog(SHAPES[shape], head=head))
    assert [post["at"] for post in found.posts] == [datetime(2024, 5, 6, clock - 2, 5, tzinfo=UTC) for clock in CLOCKS]
    assert [post["title"] for post in found.posts][1:] == [f"Update number {clock}" for clock in CLOCKS[1:]]
    assert [post["text"] for post in found.posts] == [f"{sentence(at)}\n\n{sentence(at + 5)}" for at in range(4)]
    assert {post["author"] for post in found.posts} == {"Ada Moor" if shape == "items" else None}
    places = [(found.text or "").index(sentence(at)) for at in range(4)]
    assert places == sorted(places), "in the page's order"


@pytest.mark.parametrize(
    "html",
    [
        blog(SHAPES["sections"], around="more-stories"),
        blog(SHAPES["sections"], around="live-blog", count=2),
        blog("<section class='update'><h3>{title}</h3><p>{text}</p><p>{more}</p></section>"),
    ],
    ids=["not live", "two are no blog", "no times"],
)
def test_other_pages_have_none(html: bytes) -> None:
    assert article(html).posts == []


def claimed(count: int, **node: object) -> str:
    updates = [
        {
            "headline": f"Update number {at}",
            "articleBody": sentence(at),
            "datePublished": f"2024-05-06T0{at}:00Z",
            "author": "Ada Moor",
        }
        for at in range(count)
    ]
    return jsonld(json.dumps({"@type": "LiveBlogPosting", "headline": "x", "liveBlogUpdate": updates} | node))


def test_what_json_ld_lists_and_the_page_would_load_later_is_in_the_text_once() -> None:
    body = f"<article><h1>x</h1><section><h3>Update number 0</h3><p>{sentence(0)}</p></section></article>"
    found = article(page(body, claimed(4)))
    assert [post["title"] for post in found.posts] == [f"Update number {at}" for at in range(4)]
    assert found.posts[0]["author"] == "Ada Moor" and found.posts[3]["at"] == datetime(2024, 5, 6, 3, tzinfo=UTC)
    assert (found.text or "").endswith("\n\n".join(line for at in (1, 2, 3) for line in (f"Update number {at}", sentence(at))))
    assert (found.text or "").count(sentence(0)) == 1
    assert "### Update number 3" in (found.markdown or "")
    assert found.field_sources["text"].endswith("+posts")


@pytest.mark.parametrize(
    "updates",
    ["no list", 7, {"headline": "x"}, [None, 1, []], [{"headline": ["a"], "articleBody": {"b": 1}, "datePublished": 99}]],
)
def test_any_claim_is_stood(updates: object) -> None:
    found = article(page(None, claimed(0, liveBlogUpdate=updates)))
    assert all(post["at"] is None for post in found.posts)
    assert "harbour office" in (found.text or "")
