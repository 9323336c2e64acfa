"""Pages that carry their text as script data alone."""

from __future__ import annotations

import json

import pytest

from pipelines.extract import extract
from pipelines.scripted import html_in
from tests.pipelines.pages import TITLE, URL, page, paragraphs

BODY = paragraphs()


def flight(html: str) -> str:
    """As React's servers stream it: a string that holds data, which holds HTML as a string."""
    data = json.dumps({"body": html}).replace("<", "\\u003c").replace(">", "\\u003e")
    return f"self.__next_f.push([1,{json.dumps('5:' + data)}])"


@pytest.mark.parametrize(
    "script",
    [flight(BODY), "window.state=" + json.dumps({"a": {"body": BODY}}), "x=" + json.dumps(BODY).replace("</", "<\\/")],
)
def test_the_text_is_read_from_the_data(script: str) -> None:
    found = extract(page(f"<h1>{TITLE}</h1><div id='app'></div><script>{script}</script>", ""), URL).article
    assert found is not None
    assert found.field_sources["text"] == "script"
    assert found.text == extract(page(f"<article><h1>{TITLE}</h1>{BODY}</article>", ""), URL).article.text  # type: ignore[union-attr]
    assert "u003c" not in found.text
    assert "<" not in found.text


def test_a_page_that_has_its_text_is_read_as_it_stands() -> None:
    found = extract(
        page(f"<article><h1>{TITLE}</h1>{BODY}</article><script>{flight('<p>x</p>' * 9)}</script>", ""), URL
    ).article
    assert found is not None
    assert found.field_sources["text"].startswith("judge")


@pytest.mark.parametrize(
    "script",
    [
        "",
        '"' * 10_001,
        '"\\',
        '"</p>',
        '"<p></p>' + "\\" * 10_000,
        "u003c/p" * 50_000,
        '"' + '\\"' * 50_000 + "</p>",
        "[" * 9_999 + '"</p>"',
    ],
)
def test_odd_scripts_hold_nothing(script: str) -> None:
    assert html_in([script]) is None
