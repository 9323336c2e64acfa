"""Reading other people's archives: any version of WARC and ARC, gzipped by record or not, alone or stored in a WACZ.

What is damaged is named, with its place, and passed over: reading goes on at the next gzip member or record head. Memory stays
bounded whatever a file claims. warcio and fastwarc end at the first damage and take a torn last record for a whole one, so this
reader is our own (docs/decisions.md).
"""

from __future__ import annotations

import os
import re
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from isal import isal_zlib
from isal.igzip_lib import IsalError

from archive.arc import ARC_LINE, Fields, arc_fields, derived_id
from archive.digest import matches
from archive.http import entity_body, parse_head
from archive.reader import Record, RecordError, instant, stands_for_capture

MAX_BLOCK = 64 << 20  # bytes of a block that are kept; the rest is read over
_STEP = 1 << 16
_MAX_HEAD = 1 << 20
_GZIP = b"\x1f\x8b\x08"
_MEMBERS = (".warc", ".warc.gz", ".arc", ".arc.gz")
NAMES = (*_MEMBERS, ".wacz")

_VERSION = re.compile(rb"WARC/\d\.\d+[ \t]*\r?\n")
_MEMBER_START = re.compile(rb"\x1f\x8b\x08(?=[\x00-\x1f])")
_START = re.compile(_MEMBER_START.pattern + rb"|" + _VERSION.pattern + rb"|(?<=\n)" + ARC_LINE.pattern)
_HEAD_END = re.compile(rb"\n\r?\n")
_BREAKS = re.compile(rb"(?:\r\n)+|\n*")


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes that are no record: where they begin in the file, and what is wrong with them."""

    offset: int
    reason: str


class NoArchiveError(RecordError):
    """A file that holds no record at all; the message says what it is not."""


def read_records(path: Path) -> Iterator[Record | Damage]:
    """All records of an archive file in order, with what is damaged in between.

    Offsets are those of the file itself, also within a WACZ. A block beyond ``MAX_BLOCK`` is cut to it (``Record.size`` tells).
    Raises NoArchiveError if there is no record in the file, OSError if it cannot be read.
    """
    with path.open("rb", buffering=0) as file:
        items = _in_parts(file.fileno(), path)
        first, second = next(items, None), next(items, None)
        if first is None:
            empty = path.stat().st_size == 0
            raise NoArchiveError("the file is empty" if empty else "the WACZ holds no WARC file under archive/")
        if isinstance(first, Damage) and second is None:
            raise NoArchiveError(f"at {first.offset}: {first.reason}")
        yield first
        if second is not None:
            yield second
        yield from items


def read_record(path: Path, offset: int, length: int) -> Record:
    """The record that fills exactly ``length`` bytes of ``path`` from ``offset``. Raises RecordError."""
    try:
        with path.open("rb", buffering=0) as file:
            record = _record_at(_Part(file.fileno(), offset, offset + length), offset)
    except FileNotFoundError:
        raise RecordError("the file is missing") from None
    except _DamagedError as error:
        raise RecordError(str(error)) from None
    if record.length != length:
        raise RecordError("the record does not end where the pointer says")
    return record


def is_capture(record: Record) -> bool:
    """Whether a record stands for a fetch over HTTP: requests, notes, DNS answers, screenshots and the like do not."""
    address = (record.get("WARC-Target-URI") or "").lower()
    return address.startswith(("http://", "https://")) and (record.kind == "resource" or stands_for_capture(record))


def digest_faults(record: Record) -> list[str]:
    """What the record's own digests deny. Payload digests are made over the entity body, as the standard says, or over the
    chunked bytes, as many programs do; either holds. Algorithms that are not known and blocks that were cut pass."""
    if record.size != len(record.block):
        return []
    block_digest, payload_digest = record.get("WARC-Block-Digest"), record.get("WARC-Payload-Digest")
    faults = []
    if block_digest and not _holds(block_digest, record.block):
        faults.append("block digest does not match")
    if payload_digest and record.kind in ("response", "resource"):
        head = parse_head(record.block)
        stored = record.block[head.size :] if head else record.block
        if not _holds(payload_digest, stored) and not _holds(payload_digest, entity_body(record.block) or b""):
            faults.append("payload digest does not match")
    return faults


def _holds(digest: str, data: bytes) -> bool:
    try:
        return matches(digest, data)
    except (ValueError, TypeError):
        return True


class _DamagedError(Exception):
    """What begins here is no whole record; ``resume`` is where to look for the next, if known."""

    def __init__(self, reason: str, resume: int = 0) -> None:
        super().__init__(reason)
        self.resume = resume


@dataclass(frozen=True, slots=True)
class _Part:
    """The bytes of a file that hold records: all of it, or a stored member of a WACZ."""

    fd: int
    begin: int
    end: int

    def read(self, offset: int, size: int) -> bytes:
        return os.pread(self.fd, max(0, min(size, self.end - offset)), offset)


def _in_parts(fd: int, path: Path) -> Iterator[Record | Damage]:
    size = os.fstat(fd).st_size
    if os.pread(fd, 4, 0) != b"PK\x03\x04":
        yield from _in_part(_Part(fd, 0, size))
        return
    try:
        with zipfile.ZipFile(path) as wacz:
            members = sorted(wacz.infolist(), key=lambda member: member.header_offset)
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        yield Damage(0, f"the ZIP directory cannot be read ({error})")
        return
    for member in members:
        if not member.filename.startswith("archive/") or not member.filename.endswith(_MEMBERS):
            continue
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
            why = f"{member.filename} is packed or encrypted, and WACZ wants it stored: nothing can point into it"
            yield Damage(max(member.header_offset, 0), why)
            continue
        head = os.pread(fd, 30, member.header_offset) if member.header_offset >= 0 else b""
        if len(head) < 30 or head[:4] != b"PK\x03\x04":
            yield Damage(max(member.header_offset, 0), f"the ZIP directory lies about {member.filename}")
            continue
        begin = member.header_offset + 30 + sum(struct.unpack_from("<HH", head, 26))
        yield from _in_part(_Part(fd, begin, min(size, begin + member.compress_size)))


def _in_part(part: _Part) -> Iterator[Record | Damage]:
    offset = part.begin
    while offset < part.end:
        try:
            record = _record_at(part, offset)
        except _DamagedError as damage:
            yield Damage(offset, str(damage))
            offset = _next_start(part, offset, max(offset + 1, damage.resume))
        else:
            yield record
            offset += record.length


def _next_start(part: _Part, damaged: int, offset: int) -> int:
    """Where the next record seems to begin, at or after ``offset``; the end if none does."""
    # within a packed record bytes that look like a record head belong to its own data
    start = _MEMBER_START if _begins_record(part, damaged) else _START
    while offset < part.end:
        # one byte more before, for the line break ahead of a record, and a record head's worth behind
        before = max(part.begin, offset - 1)
        window = part.read(before, _MAX_HEAD)
        for found in start.finditer(window, offset - before):
            at = before + found.start()
            if window[found.start()] != _GZIP[0] or _begins_record(part, at):
                return at
        if before + len(window) >= part.end:
            break
        offset = max(before + len(window) - 8192, offset + 1)
    return part.end


def _begins_record(part: _Part, offset: int) -> bool:
    try:
        plain = isal_zlib.decompressobj(31).decompress(part.read(offset, 4096), 4096)
    except IsalError:
        return False
    return _begins(plain)


def _begins(plain: bytes) -> bool:
    return bool(_VERSION.match(plain) or ARC_LINE.match(plain))


def _record_at(part: _Part, offset: int) -> Record:
    member = _Member(part, offset) if part.read(offset, 3) == _GZIP else None
    stream = _Stream(member or _Plain(part, offset))
    head = stream.head()
    if line := ARC_LINE.match(head):
        size = int(line[5])
    elif _VERSION.match(head):
        size = _content_length(head)
    else:
        raise _DamagedError("no WARC or ARC record begins here")
    # of a plain record the end is looked at first: whoever lies about it costs one look and not a reading
    padding = 0 if member else _padding(part, offset, len(head), size)
    block = stream.take(size)
    if stream.taken - len(head) < size:
        raise _DamagedError(f"it holds {stream.taken - len(head):,} of the {size:,} bytes that it announces")
    length = _member_length(stream, member) if member else len(head) + size + padding
    fields = _arc_fields(line, block) if line else _warc_fields(head, block)
    return Record(offset, length, fields, block, size, padding)


def _member_length(stream: _Stream, member: _Member) -> int:
    """Pass the line breaks behind a packed block; the bytes of the gzip member."""
    rest = stream.rest()
    if _begins(rest.lstrip(b"\r\n")):
        raise _DamagedError(
            "more than one record lies in one gzip member, where nothing can point at it: unpack the file with gunzip,"
            " then give the unpacked one"
        )
    if not _BREAKS.fullmatch(rest) or len(rest) >= _STEP:
        raise _DamagedError("its gzip member holds more than the bytes that it announces")
    return member.consumed


def _padding(part: _Part, offset: int, head: int, size: int) -> int:
    """The bytes of line breaks behind a plain record, if it ends where it says."""
    end = offset + head + size
    if end > part.end:
        raise _DamagedError(f"it holds {part.end - offset - head:,} of the {size:,} bytes that it announces", offset + head)
    behind = part.read(end, 4096)
    found = _BREAKS.match(behind)
    breaks = found[0] if found else b""
    following = behind[len(breaks) :]
    follows = not following or _begins(following) or following.startswith(_GZIP)
    if not follows and not breaks.startswith(b"\r\n\r\n"):  # behind WARC's own end the next record may be the damaged one
        raise _DamagedError("no record follows the bytes that it announces", offset + head)
    return len(breaks)


def _content_length(head: bytes) -> int:
    found = re.search(rb"(?im)^content-length[ \t]*:[ \t]*(\d{1,18})[ \t]*\r?$", head)
    if found is None:
        raise _DamagedError("Content-Length is missing or no number")
    return int(found[1])


def _arc_fields(line: re.Match[bytes], block: bytes) -> Fields:
    try:
        return arc_fields(line, block)
    except ValueError as error:
        raise _DamagedError(f"its date is none ({error})") from None


def _warc_fields(head: bytes, block: bytes) -> Fields:
    lines = re.sub(rb"\r?\n[ \t]+", b" ", head).splitlines()[1:]
    pairs = (line.partition(b":") for line in lines if line)
    fields = [(_text(name), _text(value)) for name, colon, value in pairs if colon]
    known = {name.lower(): value for name, value in reversed(fields)}
    if not known.get("warc-type"):
        raise _DamagedError("WARC-Type is missing")
    try:
        instant(known.get("warc-date", ""))
    except ValueError:
        raise _DamagedError("WARC-Date is missing or no date") from None
    # WARC 1.0 put the address in angle brackets in its grammar, and wget writes it so
    fields = [(name, value.strip("<>") if name.lower() == "warc-target-uri" else value) for name, value in fields]
    if not known.get("warc-record-id"):
        address = known.get("warc-target-uri", "")
        fields.append(("WARC-Record-ID", derived_id(known["warc-type"], address, known["warc-date"], block)))
    return tuple(fields)


def _text(raw: bytes) -> str:
    return raw.strip().decode("utf-8", "replace")


class _Stream:
    """A record's plain bytes, from its head on; ``taken`` of them were handed out."""

    def __init__(self, source: _Member | _Plain) -> None:
        self._source = source
        self.taken = 0
        self._buffer = b""

    def head(self) -> bytes:
        """Up to the empty line; of ARC, the first line."""
        while True:
            more = self._source.read(_STEP if self._buffer else 4096)
            self._buffer += more
            if line := ARC_LINE.match(self._buffer):
                return self._cut(line.end())
            if self._buffer and not b"WARC/".startswith(self._buffer[:5]) and len(self._buffer) >= _STEP:
                raise _DamagedError("no WARC or ARC record begins here")
            if _VERSION.match(self._buffer) and (end := _HEAD_END.search(self._buffer)):
                return self._cut(end.end())
            if len(self._buffer) > _MAX_HEAD:
                raise _DamagedError(f"its header is longer than {_MAX_HEAD >> 20} MiB")
            if not more:
                cut = _VERSION.match(self._buffer)
                raise _DamagedError("its header is cut" if cut else "no WARC or ARC record begins here")

    def _cut(self, size: int) -> bytes:
        piece, self._buffer = self._buffer[:size], self._buffer[size:]
        self.taken += len(piece)
        return piece

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes, or as many as there are; kept are the first ``MAX_BLOCK``."""
        piece = self._cut(size)
        kept, count = [piece], len(piece)
        while count < size and (piece := self._source.read(min(size - count, 1 << 20))):
            if count < MAX_BLOCK:
                kept.append(piece[: MAX_BLOCK - count])
            count += len(piece)
            self.taken += len(piece)
        return b"".join(kept)

    def rest(self) -> bytes:
        """What is left of a gzip member, which is read to its end if that is less than 64 KiB."""
        while len(self._buffer) < _STEP and (more := self._source.read(_STEP)):
            self._buffer += more
        return self._buffer


class _Plain:
    """Bytes of a part as they lie there."""

    def __init__(self, part: _Part, offset: int) -> None:
        self._part, self._at = part, offset

    def read(self, size: int) -> bytes:
        data = self._part.read(self._at, size)
        self._at += len(data)
        return data


class _Member:
    """The plain bytes of one gzip member; ``consumed`` is its length in the file, once all of it was read."""

    def __init__(self, part: _Part, offset: int) -> None:
        self._part, self._at, self._offset = part, offset, offset
        self._unpacker = isal_zlib.decompressobj(31)
        self._data = b""

    @property
    def consumed(self) -> int:
        return self._at - self._offset - len(self._unpacker.unused_data)

    def read(self, size: int) -> bytes:
        """Some plain bytes, at most ``size``; none at the member's end."""
        while not self._unpacker.eof:
            if not self._data:
                self._data = self._part.read(self._at, _STEP)
                self._at += len(self._data)
                if not self._data:
                    raise _DamagedError("the file ends within a gzip member")
            try:
                plain: bytes = self._unpacker.decompress(self._data, size)
            except IsalError as error:
                raise _DamagedError(f"its gzip member is damaged ({error})") from None
            self._data = self._unpacker.unconsumed_tail
            if plain:
                return plain
        return b""
