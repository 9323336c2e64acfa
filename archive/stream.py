"""Anybody's WARC files, record by record, in constant memory: gzipped or plain, with what is damaged named and passed over.

``archive.reader`` proves our own files; this module reads whatever it is given. warcio parses the heads.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from isal import isal_zlib
from isal.igzip_lib import IsalError
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ArcWarcRecordLoader

from archive.reader import RecordError

_STEP = 1 << 16
_MOST_HEAD = 16 << 20  # bytes of WARC and HTTP heads together
_MAGIC = b"\x1f\x8b\x08"
_NEXT_PLAIN = re.compile(rb"\r?\n\r?\nWARC/(?=[01]\.\d+\r?\n)")
T = TypeVar("T")

_loader = ArcWarcRecordLoader(verify_http=False)


@dataclass(frozen=True, slots=True)
class Fault:
    """A place in a WARC file that cannot be read, and why."""

    filename: str
    offset: int
    what: str

    def __str__(self) -> str:
        return f"{self.filename} at {self.offset}: {self.what}"


@dataclass(slots=True)
class Opened:
    """One record while it is read. ``record`` is warcio's: heads parsed, ``raw_stream`` at the payload. ``offset`` is where it
    begins in its file; ``length``, in bytes of the file, is known once it was read."""

    record: Any
    offset: int
    finish: Callable[[], int]
    length: int = 0

    def get(self, name: str) -> str | None:
        """First value of a WARC header field."""
        value: str | None = self.record.rec_headers.get_header(name)
        return value

    def close(self) -> None:
        """Read what is left of it. Raises RecordError if it is damaged."""
        while self.record.raw_stream.read(_STEP):
            pass
        if getattr(self.record.raw_stream, "limit", 0):
            raise RecordError("the record is shorter than its Content-Length")
        self.length = self.finish()


def each_record(path: Path, read: Callable[[Opened], T], report: Callable[[Fault], None]) -> Iterator[tuple[Opened, T]]:
    """Every whole record of ``path`` in order, with what ``read`` took from it while it was open.

    Damaged places go to ``report``, and reading goes on at the next record that begins well. ``read`` may raise RecordError
    too. Raises OSError if the file cannot be read at all.
    """
    with path.open("rb") as file:
        packed = file.read(2) == _MAGIC[:2]
        offset: int | None = 0
        while offset is not None:
            file.seek(offset)
            try:
                for opened in _packed(file, offset) if packed else _plain(file, offset):
                    offset = opened.offset
                    value = read(opened)
                    opened.close()
                    yield opened, value
                    offset += opened.length
                return
            except RecordError as error:
                report(Fault(path.name, offset, str(error)))
            offset = _next_packed(file, offset + 1) if packed else _next_plain(file, offset + 1)


class _Bounded:
    """The stream that warcio reads from: heads are bounded, or one hostile line would fill the memory."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._left, self._at = stream, _MOST_HEAD, 0

    def readline(self, length: int = _MOST_HEAD) -> bytes:
        line = self._stream.readline(min(length, _MOST_HEAD))
        self._left -= len(line)
        self._at += len(line)
        if self._left < 0:
            raise RecordError(f"its head has more than {_MOST_HEAD >> 20} MiB")
        return line

    def read(self, length: int) -> bytes:
        data = self._stream.read(length)
        self._at += len(data)
        return data

    def tell(self) -> int:
        return self._at


class _Member(io.RawIOBase):
    """One gzip member, unpacked as it is read. ``rest`` is what was read of the file beyond its end."""

    def __init__(self, file: BinaryIO, data: bytes) -> None:
        self._file, self._data, self._taken = file, data, 0
        self._unpacker = isal_zlib.decompressobj(31)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._unpacker.eof:
            data = self._data or self._file.read(_STEP)
            try:
                plain = self._unpacker.decompress(data, len(buffer))
            except IsalError as error:
                raise RecordError(f"the gzip member is damaged ({error})") from None
            self._data = self._unpacker.unconsumed_tail
            self._taken += len(data) - len(self._data)
            if plain:
                buffer[: len(plain)] = plain
                return len(plain)
            if not data:
                raise RecordError("the file ends within a gzip member")
        return 0

    @property
    def rest(self) -> bytes:
        return self._unpacker.unused_data or self._data

    @property
    def length(self) -> int:
        return self._taken - len(self._unpacker.unused_data)


def _packed(file: BinaryIO, offset: int) -> Iterator[Opened]:
    data = file.read(_STEP)
    while data:
        member = _Member(file, data)
        stream: Any = io.BufferedReader(member, _STEP)
        yield (opened := Opened(_load(_Bounded(stream)), offset, partial(_end_member, stream, member)))
        offset += opened.length
        data = member.rest or file.read(_STEP)


def _end_member(stream: BinaryIO, member: _Member) -> int:
    while left := stream.read(_STEP):
        if left.strip():
            raise RecordError("more than one record in a gzip member, or bytes behind a record's end")
    return member.length


def _plain(file: BinaryIO, offset: int) -> Iterator[Opened]:
    end = file.seek(0, io.SEEK_END)
    while offset < end:
        file.seek(offset)
        stream = _Bounded(file)
        yield (opened := Opened(_load(stream), offset, stream.tell))
        file.seek(offset + opened.length)
        while (line := file.readline(_STEP)) in (b"\r\n", b"\n"):
            pass
        offset = file.tell() - len(line)


def _load(stream: _Bounded) -> Any:
    try:
        record = _loader.parse_record_stream(stream, known_format="warc")
    except (ArchiveLoadFailed, EOFError, ValueError, AttributeError) as error:
        if isinstance(error, RecordError):
            raise
        raise RecordError(f"no WARC record begins here ({error or 'it is empty'})") from None
    if record.length is None:
        raise RecordError("a record without Content-Length")
    return record


def _next_packed(file: BinaryIO, offset: int) -> int | None:
    """Where the next gzip member with a WARC record in it begins."""
    while (at := _find(file, offset, lambda data: data.find(_MAGIC))) is not None:
        file.seek(at)
        with suppress(IsalError):
            if isal_zlib.decompressobj(31).decompress(file.read(4096), 5) == b"WARC/":
                return at
        offset = at + 1
    return None


def _next_plain(file: BinaryIO, offset: int) -> int | None:
    def begin(data: bytes) -> int:
        found = _NEXT_PLAIN.search(data)
        return found.end() - len(b"WARC/") if found else -1

    return _find(file, offset, begin)


def _find(file: BinaryIO, offset: int, begin: Callable[[bytes], int]) -> int | None:
    """The first place from ``offset`` that ``begin`` finds; windows overlap, so that none is cut in two."""
    while True:
        file.seek(offset)
        data = file.read(_STEP)
        if (at := begin(data)) >= 0:
            return offset + at
        if len(data) < _STEP:
            return None
        offset += _STEP - 32
