"""What belongs stays, in the text and in Markdown: leads, subheads, lists, quotations, tables, questions; pull quotes once."""

import pytest

from pipelines.article import Article
from pipelines.extract import extract
from tests.pipelines.pages import SENTENCES, TITLE, URL, page, paragraphs


def article(body: str, head: str = "") -> Article:
    found = extract(page(f"<article><h1>{TITLE}</h1>{paragraphs(3)}{body}{paragraphs(4, 20)}</article>", head), URL).article
    assert found is not None
    assert found.text is not None and found.markdown is not None
    return found


LONG = "The keeper of the lamp has counted every ship since the first of May, and none has passed without a light of its own"


@pytest.mark.parametrize(
    ("body", "text", "markdown"),
    [
        (
            "<h2>What the pilots ask</h2><p>A second lamp.</p>",
            "What the pilots ask\n\nA second lamp.",
            "## What the pilots ask",
        ),
        (
            f"<ul><li>{LONG}.<li>{LONG}, she says.</ul>",
            f"{LONG}.\n\n{LONG}, she says.",
            f"- {LONG}.\n\n- {LONG}, she says.",
        ),
        (f"<ol><li>{LONG}.</li><li>{LONG} twice.</li></ol>", f"{LONG}.\n\n{LONG} twice.", f"1. {LONG}.\n\n1. {LONG} twice."),
        (
            f"<ul><li><p>{LONG}.</p><p>{LONG} twice.</p><ul><li>{LONG}, at night.</li></ul></li></ul>",
            f"{LONG}.\n\n{LONG} twice.\n\n{LONG}, at night.",
            f"- {LONG}.\n\n  {LONG} twice.\n\n  - {LONG}, at night.",
        ),
        (f"<blockquote><p>“{LONG}.”</p></blockquote>", f"“{LONG}.”", f"> “{LONG}.”"),
        (f"<p><q>{LONG}</q>, she said.</p>", f"“{LONG}”, she said.", f"“{LONG}”, she said."),
        (
            f"<p><b>Have you counted them all, every night?</b></p><p>{LONG}.</p>",
            f"Have you counted them all, every night?\n\n{LONG}.",
            "**Have you counted them all, every night?**",
        ),
        (f'<p>{LONG} <a href="/a_(b)">there</a>.</p>', f"{LONG} there.", "[there](https://www.example-courier.com/a_%28b%29)."),
    ],
    ids=["subhead", "list", "numbers", "list in list", "quotation", "quoted", "interview", "link"],
)
def test_stays(body: str, text: str, markdown: str) -> None:
    found = article(body)
    assert text in (found.text or "")
    assert markdown in (found.markdown or "")


def test_a_table_is_text_row_by_row() -> None:
    rows = "".join(
        f"<tr><td>{name} harbour in the north</td><td>{count} boats | {count + 2} crews</td>"
        f"<td><p>{SENTENCES[0][:60]}</p><p>so far</p></td></tr>"
        for name, count in (("East", 19), ("West", 23), ("South", 4))
    )
    found = article(f"<table><tr><th>Harbour</th><th>Boats</th><th>What is known</th></tr>{rows}</table>")
    assert f"East harbour in the north | 19 boats | 21 crews | {SENTENCES[0][:60]} so far" in (found.text or "")
    first = f"| East harbour in the north | 19 boats \\| 21 crews | {SENTENCES[0][:60]} so far |\n| West harbour"
    assert first in (found.markdown or "")
    assert "| --- | --- | --- |\n" in (found.markdown or "")


def test_a_table_that_sets_the_page_in_columns_is_no_table() -> None:
    body = f"<table><tr><td>{paragraphs(4)}</td><td>{paragraphs(4, 10)}</td></tr></table>"
    found = extract(page(f"<div><h1>{TITLE}</h1>{body}</div>"), URL).article
    assert found is not None
    assert " | " not in (found.text or "")
    assert SENTENCES[2] in (found.text or "").split("\n\n")


def test_a_pull_quote_stands_once() -> None:
    quote = SENTENCES[2]
    found = article(f"<aside class='pullquote'><p>{quote}</p></aside><blockquote class='pull'>{quote}</blockquote>")
    assert (found.text or "").count(quote) == 1
