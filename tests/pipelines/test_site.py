"""What is furniture of a site, and what only recurs: the same whatever the order, and correct text survives."""

from __future__ import annotations

import random
import time
from collections import Counter
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from archive.cuts import cut
from pipelines.blocks import key_of_line
from pipelines.cleaning import REMOVED, SUSPECT, clean, restore
from pipelines.site import BAR, Learned, learn, lesson_of
from tests.pipelines.furnished import FIRST_DAY, PITCH, SERIES, Furnished, Line, sentence, site


def lesson(row: dict[str, Any]):  # type: ignore[no-untyped-def]
    return lesson_of(row["text"], (row["fetched_at"] - FIRST_DAY).days, row["text_simhash"])


def learned_of(articles: list[Furnished]) -> dict[int, Learned]:
    return {one.key: one for one in learn([lesson(article.row()) for article in articles])}


@cache
def courier() -> tuple[Furnished, ...]:
    return tuple(site(120))


@cache
def cleaned() -> list[dict[str, Any]]:
    learned, rows = learned_of(list(courier())), [article.row() for article in courier()]
    for row in rows:
        clean(row, learned)
    return rows


def recurring(*lines: str, on: int, of: int = 60, place: int = -1, own: int = 6) -> list[Furnished]:
    """``of`` articles, the first ``on`` of which have ``lines``: at the end, or before the paragraph ``place``."""
    articles = []
    for number in range(of):
        body = _body(number, own)
        extra = [Line(line, "furniture") for line in lines] if number < on else []
        at = len(body) if place < 0 else place
        articles.append(Furnished(number, FIRST_DAY, [*body[:at], *extra, *body[at:]]))
    return articles


@cache
def _body(number: int, count: int) -> list[Line]:
    dice = random.Random(f"recurring {number}")
    return [Line(sentence(dice), "own") for _ in range(count)]


class TestASite:
    def test_loses_its_furniture(self) -> None:
        counts = Counter(
            (line.kind, line.text in row["text"].split("\n\n"))
            for article, row in zip(courier(), cleaned(), strict=True)
            for line in article.lines
            if line.kind.startswith("furniture")
        )
        gone = sum(count for (_, stays), count in counts.items() if not stays)
        assert gone / counts.total() > 0.9, counts

    def test_keeps_what_is_an_articles_own_and_what_recurs_rightly(self) -> None:
        lost = [
            line
            for article, row in zip(courier(), cleaned(), strict=True)
            for line in article.lines
            if not line.kind.startswith("furniture") and line.text not in row["text"].split("\n\n")
        ]
        assert lost == []

    def test_loses_in_markdown_what_it_loses_in_text(self) -> None:
        for article, row in zip(courier(), cleaned(), strict=True):
            left = {line.markdown for line in article.lines if line.text in row["text"].split("\n\n")}
            assert set(row["markdown"].split("\n\n")) == left

    def test_says_in_each_row_what_was_cut_and_has_it_measured_anew(self) -> None:
        row = next(row for row in cleaned() if row["site_boilerplate"])
        whole = next(article for article in courier() if article.row()["url"] == row["url"]).row()
        assert row["field_sources"]["text"] == "trafilatura+site"
        assert REMOVED in row["quality_flags"]
        assert row["uncut_text_sha256"] == whole["text_sha256"] != row["text_sha256"]
        assert row["word_count"] < whole["word_count"]
        assert cut(whole["text"], [one for one in row["site_boilerplate"] if one["field"] == "text"]) == row["text"]

    def test_has_every_row_back_as_it_was(self) -> None:
        for article, row in zip(courier(), cleaned(), strict=True):
            again = dict(row)
            restore(again)
            assert again == article.row()


class TestABlock:
    def test_with_other_numbers_is_the_same(self) -> None:
        line = "1,234 people read this on 3 May 2024, 12 commented"
        assert key_of_line(line) == key_of_line("987 people read this on 28 May 2026, 1,000 commented!")
        assert key_of_line(line) != key_of_line("No people read this on 3 May 2024, 12 commented")

    @pytest.mark.parametrize("line", ["14:32", "* * *", "___", "", "12.", "x" * 2_001])
    def test_without_letters_or_as_long_as_an_article_is_none(self, line: str) -> None:
        assert key_of_line(line) == 0

    @pytest.mark.parametrize(("on", "cuts"), [(11, False), (12, True)])
    def test_is_cut_from_a_number_and_a_share_of_the_articles_on(self, on: int, cuts: bool) -> None:
        assert [one.sure for one in learned_of(recurring(PITCH, on=on, of=32)).values()] == [cuts]

    @pytest.mark.parametrize(("of", "cuts"), [(60, True), (100, False)])
    def test_is_cut_only_if_it_is_certain_to_stand_on_its_share_of_all(self, of: int, cuts: bool) -> None:
        assert [one.sure for one in learned_of(recurring(PITCH, on=17, of=of)).values()] == [cuts]

    def test_inside_texts_needs_a_larger_share(self) -> None:
        articles = recurring(PITCH, on=15, place=6, own=20)
        assert [(one.zone, one.sure) for one in learned_of(articles).values()] == [("inside", False)]
        row = articles[0].row()
        clean(row, learned_of(articles))
        assert (row["site_boilerplate"], row["quality_flags"]) == ([], [*articles[0].row()["quality_flags"], SUSPECT])

    def test_that_was_learned_at_the_end_stays_inside(self) -> None:
        learned = learned_of(recurring(PITCH, on=40))
        row = recurring(PITCH, on=1, place=8, own=30)[0].row()
        clean(row, learned)
        assert PITCH in row["text"]
        assert SUSPECT in row["quality_flags"]

    def test_that_is_much_of_an_article_stays(self) -> None:
        row = recurring(PITCH, on=1, own=1)[0].row()
        clean(row, learned_of(recurring(PITCH, on=40)))
        assert PITCH in row["text"]

    def test_is_not_learned_from_a_few_articles(self) -> None:
        assert learned_of(recurring(PITCH, on=BAR.articles - 1, of=BAR.articles - 1)) == {}

    def test_of_a_season_is_learned_by_its_days(self) -> None:
        articles = [
            Furnished(one.number, FIRST_DAY + timedelta(days=-one.number), one.lines)
            for one in recurring("The vote: all results.", on=25, of=250)
        ]
        assert [(one.on, one.of, one.sure) for one in learned_of(articles).values()] == [(25, 250, True)]
        at_once = [Furnished(one.number, FIRST_DAY, one.lines) for one in articles]
        assert [one.sure for one in learned_of(at_once).values()] == [False]

    def test_that_a_person_keeps_stays(self) -> None:
        articles = recurring(PITCH, on=40)
        row = articles[0].row()
        clean(row, learned_of(articles), {key_of_line(PITCH)})
        assert row == articles[0].row()

    def test_that_is_the_heading_of_what_stays_stays(self) -> None:
        articles = recurring("## Background", on=60, place=3)
        row = articles[0].row()
        clean(row, learned_of(articles))
        assert row == articles[0].row()

    def test_in_a_list_leaves_the_list_whole(self) -> None:
        articles = recurring("share this page with friends", on=60)
        row = articles[0].row()
        row["text"] += "\n\nAfter it."
        row["markdown"] = row["markdown"].replace("\n\nshare", "\n\n- one\n- share") + "\n\nAfter it."
        row["text"] = row["text"].replace("\n\nshare", "\n\none\n\nshare")
        clean(row, learned_of(articles))
        assert row["text"].endswith("\n\none\n\nAfter it.")
        assert row["markdown"].endswith("\n\n- one\n\nAfter it.")

    def test_that_is_a_link_goes_from_markdown_too(self) -> None:
        articles = recurring("Read all about it in our archive", on=60)
        row = articles[0].row()
        row["markdown"] = row["markdown"].replace("our archive", "[our **archive**](https://news.example/a_b?c=archive)")
        clean(row, learned_of(articles))
        assert "archive" not in row["markdown"]


class TestCorrectText:
    @pytest.mark.parametrize("place", [0, -1])
    @pytest.mark.parametrize("share", [0.02, 0.05, 0.1, 0.15])
    def test_that_stands_on_a_few_of_many_pages_survives(self, share: float, place: int) -> None:
        articles = recurring(SERIES, on=int(share * 250), of=250, place=place)
        row = articles[0].row()
        clean(row, learned_of(articles))
        assert row["text"] == articles[0].text

    def test_near_duplicates_and_the_same_page_again_teach_nothing_new(self) -> None:
        story = recurring(on=0, of=40)[0]
        twins = [Furnished(number, FIRST_DAY, story.lines) for number in range(100, 150)]
        assert learned_of([*recurring(on=0, of=40), *twins]) == {}

    def test_of_a_whole_article_that_stands_on_all_pages_survives(self) -> None:
        story = [sentence(random.Random(number)) for number in range(8)]
        articles = recurring(*story, on=60, own=3)
        learned = learned_of(articles)
        assert sum(one.sure for one in learned.values()) == 8
        row = articles[0].row()
        clean(row, learned)
        assert row["text"] == articles[0].text


@cache
def lessons() -> list[Any]:
    return [lesson(article.row()) for article in site(40)]


@given(st.permutations(range(40)))
@settings(max_examples=25, deadline=None)
def test_the_order_of_articles_decides_nothing(order: list[int]) -> None:
    assert learn([lessons()[number] for number in order]) == learn(lessons())


@given(st.lists(st.sampled_from(["a one", "- b [x](y)", "1", "***", "## b", "c\nd", PITCH]), max_size=12), st.booleans())
@example(["a one", "- b [x](y)", "a one"], False)  # a line of its own between two that go
@settings(max_examples=150, deadline=None)
def test_whatever_is_cut_can_be_put_back(lines: list[str], marked: bool) -> None:
    learned = {key_of_line(one): Learned(key_of_line(one), 30, 40, "tail", True) for one in ("a one", "d", "b x", PITCH)}
    article = Furnished(1, FIRST_DAY, [Line(line, "own") for line in lines])
    row = article.row(markdown=article.text if marked else "\n".join(lines))
    before = dict(row)
    clean(row, learned)
    restore(row)
    assert row == before


class TestHostileSites:
    @pytest.mark.parametrize(
        "text",
        [
            "\n\n".join(f"line {'x' * (number % 7)}{number:x}z" for number in range(300_000)),
            "\n\n".join("a" for _ in range(1_000_000)),
            "\n".join("word " * 200_000 for _ in range(2)),
            "one " * 500_000,
        ],
        ids=["many blocks", "one block a million times", "blocks of a megabyte", "one block"],
    )
    def test_cost_no_more_than_a_moment_and_little_room(self, text: str) -> None:
        learned = {key_of_line("a"): Learned(key_of_line("a"), 30, 40, "tail", True)}
        row = recurring(on=0, of=1)[0].row(text=text, markdown=text)
        began = time.process_time()
        one = lesson_of(text, 0, 0)
        clean(row, learned)
        assert time.process_time() - began < 0.5
        assert len(one.blocks) <= 200
        assert row["text"] == text

    def test_that_repeat_everything_everywhere_are_learned_from_in_a_second(self) -> None:
        dice = random.Random(1)
        text = "\n\n".join(sentence(dice) for _ in range(200))
        some = [lesson_of(text, 0, dice.getrandbits(64)) for _ in range(256)]
        began = time.process_time()
        assert len(learn(some)) == 200
        assert time.process_time() - began < 1
