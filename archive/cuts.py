"""What was taken out of a text, noted so that the text can be put back exactly as it was."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict


class Cut(TypedDict):
    """A stretch that was taken out of a column: ``at`` is the character of the uncut text where it stood, ``text`` what stood
    there, with the line breaks that went with it."""

    field: str
    at: int
    text: str


def cut(text: str, cuts: Iterable[Cut]) -> str:
    """``text`` without ``cuts``, which are in order of their place. Raises ValueError if something else stands there."""
    kept, end = [], 0
    for one in cuts:
        if not text.startswith(one["text"], one["at"]) or one["at"] < end:
            raise ValueError(f"at character {one['at']} of the text stands something else than what was cut")
        kept.append(text[end : one["at"]])
        end = one["at"] + len(one["text"])
    return "".join(kept) + text[end:]


def uncut(text: str, cuts: Iterable[Cut]) -> str:
    """The text that ``cut`` was given. Raises ValueError if the cuts are not of this text."""
    parts, at, length = [], 0, 0
    for one in cuts:
        taken = one["at"] - length
        if taken < 0 or at + taken > len(text):
            raise ValueError(f"the text ends before character {one['at']}, where something was cut")
        parts += [text[at : at + taken], one["text"]]
        at, length = at + taken, one["at"] + len(one["text"])
    return "".join(parts) + text[at:]
