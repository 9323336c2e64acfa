"""Boilerplate: what a reader never sees as part of the article does not reach its text, and nothing else is lost."""

from __future__ import annotations

import pytest

from pipelines.extract import extract
from tests.pipelines.pages import SENTENCES, TITLE, URL, page, paragraphs

WHOLE = "\n\n".join(SENTENCES)
SPRITE = (
    "<svg><symbol id='a'><title>icon bookmark</title><path d='M0 0'/></symbol><symbol><title>icon camera</title></symbol></svg>"
)


def text_of(body: str, head: str = "", attributes: str = 'lang="en"') -> str:
    found = extract(page(body, head, attributes), URL).article
    assert found is not None
    return found.text or ""


@pytest.mark.parametrize(
    "part",
    [
        SPRITE,
        f"<p>{SPRITE}</p>",
        "<script>var leak = 'leaked words that nobody reads'</script>",
        "<style>.leaked-words { color: red }</style>",
        "<template><p>leaked words of a template that waits for its script</p></template>",
        "<noscript><p>leaked words: please enable JavaScript to see this page</p></noscript>",
        "<p hidden>leaked words in a hidden paragraph that is long enough to count</p>",
        '<div aria-hidden="true"><p>leaked words for eyes only, long enough to count as text</p></div>',
        '<p style="display: none">leaked words that style hides, long enough to count as text</p>',
        '<p style="color:red;visibility:hidden">leaked words that style hides, long enough to count</p>',
        "<dialog open><p>leaked words of a dialog that asks for your consent to everything</p></dialog>",
        '<div role="alertdialog"><p>leaked words of a dialog that asks for your consent to all</p></div>',
        "<button>leaked words</button>",
        '<div class="newsletter"><p>leaked words: sign up for our letter, it comes every morning</p></div>',
    ],
)
def test_leaves_no_trace_in_the_text(part: str) -> None:
    body = f"{paragraphs(3)}{part}" + "".join(f"<p>{sentence}</p>" for sentence in SENTENCES[3:])
    assert text_of(f"<article><h1>{TITLE}</h1>{body}</article>") == WHOLE


@pytest.mark.parametrize("attribute", ["hidden", 'aria-hidden="true"', 'style="display:none"', 'role="dialog"'])
def test_a_body_that_is_marked_hidden_is_kept(attribute: str) -> None:
    assert text_of(f"<div {attribute}><article>{paragraphs()}</article></div>") == WHOLE


def test_a_body_hidden_one_way_does_not_save_what_is_hidden_another_way() -> None:
    dialog = '<div role="dialog"><p>leaked words of a dialog that asks for your consent to all</p></div>'
    assert text_of(f"<div hidden><article>{paragraphs()}{dialog}</article></div>") == WHOLE


def test_an_unclosed_button_does_not_swallow_the_article() -> None:
    assert text_of(f"<button>Menu<article>{paragraphs(30)}</article>").startswith(SENTENCES[0])


def test_an_article_inside_a_form_is_kept() -> None:
    assert text_of(f"<form action='/'><article>{paragraphs()}</article></form>") == WHOLE


class TestRepeatedHead:
    def test_headline_date_and_byline_above_the_body_are_dropped(self) -> None:
        head = '<meta name="author" content="Ada Moor"><meta property="article:published_time" content="2023-10-06T14:42:00Z">'
        lines = f"<p>{TITLE}</p><p>6 Oct, 2023 14:42</p><p>By Ada Moor</p>"
        assert text_of(f"<article><h1>{TITLE}</h1>{lines}{paragraphs()}</article>", head) == WHOLE

    def test_a_summary_that_stands_twice_stands_once(self) -> None:
        summary = "Nineteen boats came in, and a lamp is wanted."
        head = f'<meta name="description" content="{summary}">'
        body = f"<header><h1>{TITLE}</h1><p>{summary}</p></header><p>{summary}</p>{paragraphs()}"
        assert text_of(f"<article>{body}</article>", head).count(summary) <= 1

    def test_a_first_paragraph_that_is_also_the_description_is_kept(self) -> None:
        head = f'<meta name="description" content="{SENTENCES[0]}">'
        assert text_of(f"<article><h1>{TITLE}</h1>{paragraphs()}</article>", head) == WHOLE

    def test_a_date_within_the_body_is_kept(self) -> None:
        line = "6 Oct, 2023 14:42"
        assert line in text_of(f"<article>{paragraphs(7)}<p>{line}</p>{paragraphs(2, 7)}</article>")


class TestQuotationMarks:
    @pytest.mark.parametrize(
        ("language", "marks"), [("en", "“”"), ("de", "„“"), ("fr-CA", "«»")], ids=["English", "German", "French"]
    )
    def test_a_q_element_gets_the_marks_that_browsers_draw(self, language: str, marks: str) -> None:
        body = f"<article>{paragraphs()}<p>She said <q>we have <b>never</b> seen so many</q> and laughed.</p></article>"
        wanted = f"She said {marks[0]}we have never seen so many{marks[1]} and laughed."
        assert wanted in text_of(body, attributes=f'lang="{language}"')

    @pytest.mark.parametrize(
        "sentence",
        [
            "“We have never seen so many boats here<span>”</span> said the clerk of the harbour.",
            "<span>“</span>We have never seen so many boats here<em>”</em> said the clerk of the harbour.",
            "“We have never seen <a href='/x'>so many boats here”</a> said the clerk of the harbour.",
            "“We have never seen so many boats here<a href='/x'>”</a> said the clerk of the harbour.",
        ],
    )
    def test_a_mark_in_an_element_of_its_own_is_kept(self, sentence: str) -> None:
        wanted = "“We have never seen so many boats here” said the clerk of the harbour."
        assert wanted in text_of(f"<article>{paragraphs()}<p>{sentence}</p></article>")


def test_a_day_in_a_time_element_within_a_sentence_is_kept() -> None:
    sentence = 'The council met on <time datetime="2024-05-02">Thursday</time> and will meet again before the summer begins.'
    assert "met on Thursday and will" in text_of(f"<article>{paragraphs()}<p>{sentence}</p></article>")
