"""Texts compared: folding, hashes, nearness."""

from hypothesis import given
from hypothesis import strategies as st

from archive.text import count_folded, fold, sha256_folded, simhash_folded

STORY = "The ferry runs again after a week in the yard, and the harbour master says that the new engine holds. " * 5


def simhash(text: str) -> int | None:
    return simhash_folded(fold(text))


def distance(one: int | None, two: int | None) -> int:
    assert one is not None and two is not None
    return (one ^ two).bit_count()


def test_case_space_and_punctuation_do_not_count() -> None:
    assert fold("“The  Ferry”\n\nruns — again!") == "the ferry runs again"
    assert sha256_folded(fold("The ferry, again")) == sha256_folded(fold("the  FERRY again."))
    assert sha256_folded(fold("the ferry")) != sha256_folded(fold("a ferry"))


def test_near_duplicates_lie_near_and_others_far() -> None:
    near = STORY.replace("yard", "dock", 1)
    other = "Council votes on library hours; readers fear for the reading room on the hill above the town. " * 5
    assert distance(simhash(STORY), simhash(near)) <= 8
    assert distance(simhash(STORY), simhash(other)) >= 16


def test_no_words_have_no_hash() -> None:
    assert simhash("…!") is None


def test_words_are_counted_in_scripts_with_and_without_spaces() -> None:
    assert count_folded(fold("The ferry — runs again.")) == 4
    assert count_folded(fold("Паром снова ходит")) == 3
    assert count_folded(fold("港の時計が鳴る 2 times")) == 6
    assert count_folded("") == 0


@given(st.text())
def test_any_text_can_be_hashed(text: str) -> None:
    value = simhash(text)
    assert value is None or 0 <= value < 2**64
    assert len(sha256_folded(fold(text))) == 64
