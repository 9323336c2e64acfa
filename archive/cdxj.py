"""The CDXJ index: which record answers an address, and where it lies. One sorted line a capture, as cdxj-indexer writes it.

A line is ``SURT-KEY TIMESTAMP JSON``; keys sort as bytes. https://specs.webrecorder.net/cdxj/0.1.0/
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from archive.excerpt import Excerpt
from archive.request_key import METHODS, body_query, with_body
from archive.url import surt

_FILENAME = b'"filename": "'


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an index. ``offset`` and ``length`` are bytes in the WARC file ``filename``; ``timestamp`` has 14 digits
    (UTC). ``mime`` is ``warc/revisit`` for a revisit. ``method`` and ``request_body`` are set for requests with a body."""

    key: str
    timestamp: str
    url: str
    filename: str
    offset: int
    length: int
    mime: str | None = None
    status: int | None = None
    digest: str | None = None
    method: str | None = None
    request_body: str | None = None

    @classmethod
    def parse(cls, line: bytes) -> Entry:
        """Read a line. Raises ValueError if it is none."""
        try:
            key, timestamp, data = line.decode().rstrip("\n").split(" ", 2)
            known = json.loads(data)
            status = str(known.get("status", ""))
            return cls(
                key=key,
                timestamp=timestamp,
                url=known["url"],
                filename=known["filename"],
                offset=int(known["offset"]),
                length=int(known["length"]),
                mime=known.get("mime"),
                status=int(status) if status.isdecimal() else None,
                digest=known.get("digest"),
                method=known.get("method"),
                request_body=known.get("requestBody"),
            )
        except (KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"no line of an index: {error!r}") from None

    @property
    def moment(self) -> datetime:
        """The timestamp as an instant."""
        return datetime.strptime(self.timestamp, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


class LineSource(Protocol):
    """Sorted lines, wherever they lie."""

    def lines_from(self, prefix: bytes) -> Iterator[bytes]:
        """All lines from the first one that is not less than ``prefix``; a few before it may come, too."""

    def close(self) -> None:
        """Let go of what is open."""


class SortedFile:
    """A sorted text file, searched by halving on disk. Raises OSError if there is none."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = file.seek(0, io.SEEK_END)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def lines_from(self, prefix: bytes) -> Iterator[bytes]:
        """See LineSource."""
        at = self._first(prefix)
        while True:  # by position, so that several look-ups may go on at a time
            self._file.seek(at)
            if not (line := self._file.readline()):
                return
            at += len(line)
            yield line

    def _first(self, prefix: bytes) -> int:
        """Where the first line that is not less than ``prefix`` begins."""
        low, high = 0, self._size
        while low < high:
            middle = (low + high) // 2
            if self._line_from(middle)[1] < prefix:
                low = middle + 1
            else:
                high = middle
        return self._line_from(low)[0]

    def _line_from(self, at: int) -> tuple[int, bytes]:
        """The first line that begins at ``at`` or behind it, and where; the end counts as the greatest line."""
        self._file.seek(max(at - 1, 0))
        if at > 0:
            at += len(self._file.readline()) - 1
        return at, self._file.readline() or b"\xff"


class Index:
    """Look-ups in a sorted CDXJ file; memory stays constant. Raises OSError if there is none."""

    def __init__(self, source: Path | LineSource) -> None:
        self._source = SortedFile(source.open("rb")) if isinstance(source, Path) else source

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: object) -> None:
        self._source.close()

    def __iter__(self) -> Iterator[Entry]:
        """All entries in order."""
        return self.of_prefix("")

    def lines(self, url: str, method: str = "GET", content_type: str | None = None, body: bytes = b"") -> Iterator[Entry]:
        """All captures of an address, oldest first; http and https, with and without ``www.``, share them."""
        if method in METHODS:
            url = with_body(url, method, body_query(content_type, body))
        return self.of_key(surt(url))

    def of_key(self, key: str) -> Iterator[Entry]:
        """All captures of a SURT key, oldest first."""
        return self.of_prefix(key + " ")

    def of_prefix(self, key: str) -> Iterator[Entry]:
        """All entries whose SURT key begins like ``key``: ``com,example)/news/`` for a folder, ``com,example`` for hosts."""
        prefix = key.encode()
        for line in self._source.lines_from(prefix):
            if line.startswith(b"!") or (line < prefix):  # a line of metadata, or one before
                continue
            if not line.startswith(prefix):
                return
            yield Entry.parse(line)

    def nearest(self, url: str, timestamp: str) -> Entry | None:
        """The capture of an address nearest in time to ``timestamp`` (14 digits, or fewer from the left); the very address
        wins over one that merely shares its key. None if there is none. Raises ValueError for a timestamp that is none."""
        wanted = datetime.strptime(timestamp + "00000101000000"[len(timestamp) :], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        return min(self.lines(url), key=lambda found: (found.url != url, abs(found.moment - wanted)), default=None)


def moved_line(line: bytes, excerpt: Excerpt, filename: str | None = None) -> bytes:
    """A line whose record lies where it was moved to, in a file that may have another name now; nothing if it did not stay."""
    head, brace, data = line.partition(b"{")
    known = json.loads(brace + data)
    offset = excerpt.moved(int(known["offset"]))
    if offset is None:
        return b""
    known |= {"offset": str(offset), "filename": filename or known["filename"]}
    return head + json.dumps(known).encode() + b"\n"


def filename_of(line: bytes) -> bytes:
    """The file that a line names; within JSON strings quotes are escaped, so the search cannot be led astray."""
    return line.partition(_FILENAME)[2].partition(b'"')[0]
