"""The blocks of a text: its lines, comparable from page to page.

A block's key is a hash of its folded words (``archive.text.fold``) in which every number is ``0``: what is the same but for a
counter or a date has the same key.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from archive.text import fold

Zone = Literal["head", "inside", "tail"]
ZONES: tuple[Zone, ...] = ("head", "inside", "tail")
ZONE_BITS = 3  # the bits of a key that are free, for a place in ZONES

_HEAD, _TAIL = 3, 8  # blocks
_MOST_LINES = 5_000  # of a text; what has more is no article
_LONGEST = 2_000  # characters of a block; what is longer is nobody's furniture
_NUMBERS = re.compile(r"\d+(?: \d+)*")
_LETTER = re.compile(r"[^\W\d_]")
_LINE = re.compile(r"[^\n]+")


class Block(NamedTuple):
    """A line of a text: where it lies, and its key: 0 if it has no letters or is too long to be compared."""

    key: int
    start: int
    end: int

    @property
    def size(self) -> int:
        """Characters."""
        return self.end - self.start


def key_of(words: str) -> int:
    """The key of a folded line: a 64-bit hash whose two lowest bits are free, 0 if there is no letter in it."""
    words = _NUMBERS.sub("0", words)
    if not _LETTER.search(words):
        return 0
    return int.from_bytes(hashlib.blake2b(words.encode("utf-8", "replace"), digest_size=8).digest()) & ~ZONE_BITS


def key_of_line(line: str) -> int:
    """The key of a line as it stands in a text."""
    return key_of(fold(line)) if len(line) <= _LONGEST else 0


def lines_of(text: str) -> Iterator[re.Match[str]]:
    """The lines of a text that are not empty."""
    return _LINE.finditer(text)


def blocks_of(text: str) -> list[Block]:
    """The blocks of a text, in order; none if there are more than any article has."""
    if text.count("\n") > 2 * _MOST_LINES:
        return []
    return [Block(key_of_line(line[0]), line.start(), line.end()) for line in lines_of(text)]


def zone_of(number: int, count: int) -> Zone:
    """Where the block of that number stands among ``count``: the first three are the head, the last eight the tail."""
    before, after = number, count - 1 - number
    if before < _HEAD and before <= after:
        return "head"
    return "tail" if after < _TAIL else "inside"
