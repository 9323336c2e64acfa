"""What is cut from a text can be put back, exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.cuts import Cut, cut, uncut


def test_a_cut_text_comes_back() -> None:
    cuts = [Cut(field="text", at=0, text="One\n\n"), Cut(field="text", at=10, text="\n\nThree")]
    assert cut("One\n\nTwo!!\n\nThree", cuts) == "Two!!"
    assert uncut("Two!!", cuts) == "One\n\nTwo!!\n\nThree"


@given(st.text(max_size=60), st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=5))
def test_any_cuts_of_any_text_come_back(text: str, places: list[tuple[int, int]]) -> None:
    cuts, end = [], 0
    for at, length in sorted(places):
        if at >= end and text[at : at + length]:
            cuts.append(Cut(field="text", at=at, text=text[at : at + length]))
            end = at + length
    assert uncut(cut(text, cuts), cuts) == text


def test_cuts_of_another_text_are_refused() -> None:
    with pytest.raises(ValueError, match="character 2"):
        cut("abcdef", [Cut(field="text", at=2, text="x")])
    with pytest.raises(ValueError, match="character 9"):
        uncut("abc", [Cut(field="text", at=9, text="x")])
