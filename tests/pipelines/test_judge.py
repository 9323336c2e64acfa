"""The page as segments, and the judge that says which of them are the article."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.body import Body, read_body
from pipelines.extract import parse
from pipelines.judge import SIGNS, UNKNOWN, WITNESSED, Claims, Hearing, doubt_of
from pipelines.segments import KINDS, Segment, add_up, kinds_of, segments
from tests.pipelines.pages import SENTENCES, paragraphs, sentence

URL = "https://www.example-courier.com/boats"


def of(body: str) -> list[Segment]:
    tree = parse(f"<html><body>{body}</body></html>")
    assert tree is not None
    return segments(tree)


def texts(body: str) -> list[str]:
    return [one.text for one in of(body)]


def body_of(html: str, claims: Claims | None = None) -> Body:
    tree = parse(f"<html><body>{html}</body></html>")
    assert tree is not None
    return read_body(tree, URL, claims or Claims())


class TestSegments:
    @pytest.mark.parametrize(
        ("html", "wanted"),
        [
            ("<p>one</p><p>two</p>", ["one", "two"]),
            ("<div>one<p>two</p>three</div>", ["one", "two", "three"]),
            ("<p>one <b>and <i>two</i></b> are <a href='/x'>three</a></p>", ["one and two are three"]),
            ("<p>one<br>two</p>", ["one", "two"]),
            ("<p> \n one\t two </p><p> </p>", ["one two"]),
            ("<ul><li>one<ul><li>two</li></ul></li></ul>", ["one", "two"]),
            ("<p>one<script>two</script><style>three</style> four</p>", ["one four"]),
            ("<p>one<svg><title>icon</title></svg></p>", ["one"]),
            ("<table><tr><td>one</td><td>two</td></tr></table>", ["one", "two"]),
        ],
    )
    def test_are_what_block_level_elements_part(self, html: str, wanted: list[str]) -> None:
        assert texts(html) == wanted

    def test_count_characters_in_links_and_in_emphasis(self) -> None:
        (one,) = of("<p>see <a href='/x'>the <b>ledger</b></a></p>")
        assert (one.linked, one.strong, one.words) == (len("the ledger"), len("ledger"), 3)

    def test_of_scripts_without_spaces_count_two_characters_as_a_word(self) -> None:
        (one,) = of("<p>港の事務所は船を数えた</p>")
        assert one.words >= 5

    def test_know_what_the_elements_around_them_are_called(self) -> None:
        (one,) = of('<div class="RelatedStories"><div class="news-teaser"><p class="byline__Author">x</p></div></div>')
        named = [kind for number, kind in enumerate(KINDS) if one.place.near >> number & 1]
        assert {"author", "side"} <= set(named)

    def test_a_short_stem_is_a_whole_word(self) -> None:
        advert = kinds_of("ad")
        assert advert and not kinds_of("address") & advert and kinds_of("ad-slot") & advert

    def test_add_up_in_the_elements_around_them(self) -> None:
        found = of(f"<main><div>{paragraphs(3)}</div><aside><a href='/x'>more boats</a></aside></main>")
        places = {place.tag: place for place in add_up(found)}
        assert places["main"].words == sum(one.words for one in found)
        assert places["aside"].linked == places["aside"].words == 2
        assert places["div"].direct == places["div"].prose == places["main"].prose

    def test_of_a_page_without_end_are_bounded(self) -> None:
        assert len(of("<p>x</p>" * 30_000)) == 10_000

    @given(st.text(alphabet="ab <>/pdivbr&;\n", max_size=300))
    def test_lose_no_visible_word(self, html: str) -> None:
        tree = parse(f"<html><body>x {html}</body></html>")
        assert tree is not None
        assert "".join("".join(one.text for one in segments(tree)).split()) == "".join(tree.text_content().split())


class TestTheJudge:
    def test_sees_every_sign_of_every_segment(self) -> None:
        hearing = Hearing(of(paragraphs()), Claims("Boats"))
        assert {len(row) for row in hearing.signs()} == {len(SIGNS) + len(WITNESSED)}
        assert {len(row) for row in hearing.signs(["one line"])} == {len(SIGNS) + len(WITNESSED)}

    def test_knows_what_a_witness_would_say_only_when_one_is_heard(self) -> None:
        hearing = Hearing(of(paragraphs(2)), Claims())
        attested = len(SIGNS) + WITNESSED.index("attested")
        assert [row[attested] for row in hearing.signs()] == [UNKNOWN, UNKNOWN]
        assert [row[attested] for row in hearing.signs([SENTENCES[1]])] == [0.0, 1.0]

    def test_keeps_paragraphs_and_leaves_lists_of_links(self) -> None:
        links = "".join(f'<li><a href="/{number}">Another story of the day</a></li>' for number in range(12))
        body = body_of(f"<ul>{links}</ul><article>{paragraphs(8)}</article><aside><ul>{links}</ul></aside>")
        assert body.text()[0] == SENTENCES[0]
        assert "Another story of the day" not in body.text()

    def test_doubt_is_the_share_of_words_that_may_be_judged_wrongly(self) -> None:
        assert doubt_of([10, 10], [1.0, 0.0]) == 0
        assert doubt_of([10, 10], [0.9, 0.1]) == pytest.approx(0.2)
        assert doubt_of([10], [0.1]) == float("inf")


class TestTheBody:
    def test_has_a_line_for_a_row_of_a_table(self) -> None:
        rows = "<tr><th>Port</th><th>Boats counted this year</th></tr><tr><td>Harrowmouth</td><td>nineteen</td></tr>"
        found = Body(of(f"{paragraphs(2)}<table>{rows}</table>"))
        assert found.text()[2:] == ["Port | Boats counted this year", "Harrowmouth | nineteen"]

    def test_has_headings_items_quotations_emphasis_and_links_in_markdown(self) -> None:
        html = (
            "<h2>The ledger</h2><ul><li>one <b>big </b>boat</li></ul><blockquote><p>Count <em>twice</em></p></blockquote>"
            '<p>See <a href="https://example.org/x"> the ledger </a>.</p><pre>a\n  b</pre>'
        )
        assert Body(of(html)).markdown() == [
            "## The ledger",
            "- one **big** boat",
            "> Count *twice*",
            "See [the ledger](https://example.org/x) .",
            "```\na\n  b\n```",
        ]

    def test_says_a_notice_that_comes_again_and_again_not_at_all(self) -> None:
        notice = (
            "<p>Your privacy settings keep this external content from being shown, and you may change them at any time.</p>"
        )
        said = body_of("<article>" + "".join(f"{paragraphs(3, 3 * n)}{notice}" for n in range(4)) + "</article>")
        assert not [line for line in said.text() if "privacy" in line]
        assert said.repeated

    def test_says_an_article_once_that_stands_there_for_three_sizes_of_screens(self) -> None:
        said = body_of("".join(f'<div class="variant-{size}">{paragraphs(6)}</div>' for size in "sml"))
        assert said.text() == [sentence(number) for number in range(6)]

    def test_says_a_pull_quote_once(self) -> None:
        quote = "the old one can no longer be seen from the outer buoy"
        said = body_of(f"<article>{paragraphs(3)}<blockquote>{quote}</blockquote>{paragraphs(4, 3)}</article>")
        assert "\n".join(said.text()).count(quote) == 1

    def test_begins_with_the_summary_above_it(self) -> None:
        summary = "Nineteen boats came in, and a lamp is wanted."
        said = body_of(f"<header><h1>Boats</h1><p>{summary}</p></header><div>{paragraphs(8)}</div>", Claims("Boats", summary))
        assert said.text()[:2] == [summary, SENTENCES[0]]

    @pytest.mark.parametrize(
        "html",
        [
            "<blockquote>" + "the same words said over and over again by everybody here</blockquote><blockquote>" * 9_000,
            "<p>" + "word " * 20 + "</p>" + "<p>other words</p>" * 12_000,
            "<div>" * 5_000 + "deep",
            "<b>" * 5_000 + "deep",
            "".join(f"<p>{'x' * 50} {number}</p>" for number in range(12_000)),
        ],
        ids=["quotes", "many short", "deep", "deep inline", "long words"],
    )
    def test_of_a_hostile_page_is_read_within_five_seconds(self, html: str) -> None:
        began = time.process_time()
        body_of(html, Claims("Boats", "words", "the claimed body of it " * 400_000))
        assert time.process_time() - began < 5
