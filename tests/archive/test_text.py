"""Texts compared: folding, hashes, nearness."""

from hypothesis import given
from hypothesis import strategies as st

from archive.text import fold, simhash, text_sha256

STORY = "The ferry runs again after a week in the yard, and the harbour master says that the new engine holds. " * 5


def distance(one: int | None, two: int | None) -> int:
    assert one is not None and two is not None
    return (one ^ two).bit_count()


def test_case_space_and_punctuation_do_not_count() -> None:
    assert fold("“The  Ferry”\n\nruns — again!") == "the ferry runs again"
    assert text_sha256("The ferry, again") == text_sha256("the  FERRY again.")
    assert text_sha256("the ferry") != text_sha256("a ferry")


def test_near_duplicates_lie_near_and_others_far() -> None:
    near = STORY.replace("yard", "dock", 1)
    other = "Council votes on library hours; readers fear for the reading room on the hill above the town. " * 5
    assert distance(simhash(STORY), simhash(near)) <= 8
    assert distance(simhash(STORY), simhash(other)) >= 16


def test_no_words_have_no_hash() -> None:
    assert simhash("…!") is None
    assert simhash(None) is None
    assert text_sha256(None) is None


@given(st.text())
def test_any_text_can_be_hashed(text: str) -> None:
    value = simhash(text)
    assert value is None or 0 <= value < 2**64
    assert len(text_sha256(text) or "") == 64
