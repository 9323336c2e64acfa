"""Verdict: articles are told from fronts, sections and empty pages, with the reason."""

from __future__ import annotations

import pytest

from pipelines.extract import extract
from tests.pipelines.pages import SENTENCES, URL, jsonld, page, paragraphs

LINKS = "".join(
    f'<li><a href="/news/2024/05/{day:02}/story-{day}">A headline of nine words about the harbour, number {day}</a></li>'
    for day in range(1, 31)
)
TEASERS = "".join(
    f'<div><h2><a href="/news/story-{n}">A headline about the harbour and number {n}</a></h2>'
    f"<p>A summary of story {n} in one line of text.</p></div>"
    for n in range(12)
)


@pytest.mark.parametrize(
    ("html", "url"),
    [
        (page(f"<nav><a href='/world'>World</a></nav><ul>{LINKS}</ul>"), "https://www.example-courier.com/"),
        (page(f"<ul>{LINKS}</ul>"), "https://www.example-courier.com/world"),
        (page(TEASERS, '<meta property="og:type" content="website">'), "https://www.example-courier.com/world"),
        (page("<div id='app'></div>"), URL),
        (page("<form><input name='q'></form><p>No results.</p>"), "https://www.example-courier.com/search?q=boat"),
    ],
    ids=["front page", "list of links", "list of teasers", "empty page", "search"],
)
def test_is_no_article(html: bytes, url: str) -> None:
    found = extract(html, url)
    assert (found.verdict, found.article) == ("not_article", None)
    assert found.reason


@pytest.mark.parametrize("name", ["NewsArticle", "ReportageNewsArticle", "LiveBlogPosting", "OpinionNewsArticle"])
def test_a_short_page_that_jsonld_calls_an_article_is_one(name: str) -> None:
    found = extract(page(f"<article>{paragraphs(2)}</article>", jsonld(f'{{"@type": "{name}", "headline": "Boats"}}')), URL)
    assert found.verdict == "article"
    assert name in found.reason


def test_a_body_alone_is_evidence_enough() -> None:
    assert extract(page(f"<div>{paragraphs()}</div>"), "https://www.example-courier.com/boats").verdict == "article"


def test_a_short_page_without_any_evidence_is_no_article() -> None:
    assert extract(page(f"<div><p>{SENTENCES[0]}</p></div>"), "https://www.example-courier.com/boats").verdict == "not_article"


def test_links_of_a_page_that_is_no_article_are_kept() -> None:
    assert len(extract(page(f"<ul>{LINKS}</ul>"), "https://www.example-courier.com/").links) == 30
