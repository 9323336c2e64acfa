"""A file of records without some of them: the others byte for byte, and where each of them then lies."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import BinaryIO

from archive.reader import Record

_STEP = 1 << 20


class Excerpt:
    """The ``runs`` (offset and length, in order) of a file that stay; ``size`` is the sum of their bytes."""

    def __init__(self, runs: Iterable[tuple[int, int]]) -> None:
        self.runs = [(offset, length) for offset, length in runs if length > 0]
        self._offsets = [offset for offset, _ in self.runs]
        self._starts: list[int] = []
        self.size = 0
        for _, length in self.runs:
            self._starts.append(self.size)
            self.size += length

    @classmethod
    def without(cls, size: int, removed: Iterable[tuple[int, int]]) -> Excerpt:
        """All of a file of ``size`` bytes but the ``removed`` places."""
        runs, at = [], 0
        for offset, length in sorted(removed):
            runs.append((at, offset - at))
            at = offset + length
        return cls([*runs, (at, size - at)])

    def moved(self, offset: int) -> int | None:
        """Where a record that began at ``offset`` begins now; None if it did not stay."""
        at = bisect_right(self._offsets, offset) - 1
        if at < 0 or offset >= self.runs[at][0] + self.runs[at][1]:
            return None
        return self._starts[at] + offset - self.runs[at][0]

    def chunks(self, file: BinaryIO, tick: Callable[[int], None] = lambda _: None) -> Iterator[bytes]:
        """The bytes that stay."""
        for offset, length in self.runs:
            file.seek(offset)
            while length > 0 and (data := file.read(min(length, _STEP))):
                yield data
                tick(len(data))
                length -= len(data)  # noqa: PLW2901


def is_about(record: Record, ids: Collection[str]) -> bool:
    """Whether a record is one of the captures ``ids``, or tells of one: its request, its notes, a revisit of it."""
    named = (record.get("WARC-Record-ID"), record.get("WARC-Concurrent-To"), record.get("WARC-Refers-To"))
    return any(name in ids for name in named)
