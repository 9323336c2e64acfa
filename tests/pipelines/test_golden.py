"""What comes out of the golden pages is what came out before: ``python -m tests.golden`` writes it anew, for review."""

import pytest

from tests.golden import EXPECTED, Golden, pages, written

ALL = list(pages())


@pytest.mark.parametrize("one", ALL, ids=[one.name for one in ALL])
def test_a_page_is_read_as_its_golden_file_says(one: Golden) -> None:
    assert written(one) == (EXPECTED / f"{one.name}.json").read_text(encoding="utf-8")


def test_every_golden_file_has_its_page() -> None:
    assert {path.stem for path in EXPECTED.glob("*.json")} == {one.name for one in ALL}
