"""A little of what ``python -m tests.fuzz`` does at length."""

import pytest

from tests.fuzz.targets import TARGETS, Target
from tests.fuzz.trial import trial

# what costs more gets fewer
EXAMPLES = {"pages": 12, "WACZ": 30, "packed WARC": 30, "walls": 30, "frames and charsets": 30}


@pytest.mark.parametrize("name", TARGETS)
def test_no_input_breaks_it(name: str) -> None:
    trial(TARGETS[name], EXAMPLES.get(name, 60), 1)


def test_what_raises_is_found() -> None:
    def check(raw: bytes) -> None:
        if b"<" in raw:
            raise KeyError(raw)

    with pytest.raises(KeyError):
        trial(Target(TARGETS["feeds"].inputs, check), 60, 1)
