"""What a row says of its own worth: the score, and the flags."""

from datetime import UTC, datetime, timedelta

import pytest

from pipelines.article import Article
from pipelines.extract import extract
from pipelines.quality import DOUBTFUL, Signs, flags, score
from tests.pipelines.pages import SENTENCES, TITLE, URL, jsonld, page, paragraphs

NOW = datetime.now(UTC)
FINE = {"title": "Boats", "text": "x", "word_count": 500, "published_at": NOW}


def flags_of(*, repeated: bool = False, mismatch: bool = False, claimed: str | None = None, **given: object) -> list[str]:
    return flags(Article(**(FINE | given)), repeated=repeated, mismatch=mismatch, claimed=claimed)  # type: ignore[arg-type]


def test_nothing_is_wrong_with_a_good_article() -> None:
    assert flags_of() == []
    assert (
        extract(page(head=f"<meta property='article:published_time' content='{NOW:%Y-%m-%d}'>"), URL).article.quality_flags
        == []
    )  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("flag", "given"),
    [
        ("no_title", {"title": None}),
        ("title_from_url", {"field_sources": {"title": "url"}}),
        ("no_date", {"published_at": None}),
        ("date_future", {"published_at": NOW + timedelta(days=2)}),
        ("modified_before_published", {"modified_at": NOW - timedelta(days=3)}),
        ("language_mismatch", {"mismatch": True}),
        ("paywalled", {"is_accessible_for_free": False}),
        ("repeated_text", {"repeated": True}),
        ("text_breaks_off", {"text": "The clerk said that she …"}),
        ("text_breaks_off", {"text": "The clerk said that she [...]"}),
        ("jsonld_differs", {"text": SENTENCES[0], "claimed": "Something else is told here, at length. " * 40}),
        ("doubtful_text", {"quality_score": DOUBTFUL - 0.01}),
        ("short_text", {"word_count": 79}),
    ],
)
def test_each_flag(flag: str, given: dict[str, object]) -> None:
    assert flags_of(**given) == [flag]  # type: ignore[arg-type]


def test_what_json_ld_says_too_does_not_differ_and_a_teaser_says_nothing() -> None:
    text = "\n\n".join(SENTENCES * 3)
    assert flags_of(text=text, claimed=text) == []
    assert flags_of(text=text, claimed="A teaser.") == []


def test_a_page_without_any_title_has_that_of_its_address() -> None:
    html = page(f"<article>{paragraphs(6)}</article>")
    found = extract(html, "https://www.example-courier.com/news/the-ferry-runs-again-since-monday-123456.html").article
    assert found is not None
    assert (found.title, found.field_sources["title"]) == ("The ferry runs again since monday", "url")
    assert "title_from_url" in found.quality_flags


def test_more_doubt_is_less_worth() -> None:
    good = Signs(uncertain=-6.0, islands=0.7, weakest=-3.0, prose=0.9, ended=1.0)
    assert 0.95 < score(good) <= 1
    for sign in (
        good._replace(uncertain=-1.0),
        good._replace(islands=3.0),
        good._replace(weakest=-0.7),
        good._replace(ended=0.3),
    ):
        assert score(sign) < score(good)
    assert score(Signs(0.0, 4.0, -0.1, 1.0, 0.0)) > 0


def test_a_score_is_given_to_what_the_judge_has_read_alone() -> None:
    whole = extract(page(), URL).article
    assert whole is not None
    assert whole.quality_score is not None
    assert 0.9 < whole.quality_score < 1
    body = " ".join(SENTENCES * 3)
    elsewhere = extract(
        page("<div></div>", jsonld(f'{{"@type": "NewsArticle", "headline": "{TITLE}", "articleBody": "{body}"}}')), URL
    )
    assert elsewhere.article is not None
    assert elsewhere.article.quality_score is None
