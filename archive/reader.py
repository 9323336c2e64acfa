"""Reading WARC records strictly: one gzip member, one record, every length true. What is off is named, with its place.

This one is for proving our own files; ``archive.foreign`` reads what others wrote.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from isal import isal_zlib
from isal.igzip_lib import IsalError

from archive.announcement import announcement_of
from archive.capture import Capture
from archive.digest import matches
from archive.http import entity_body, parse_head
from archive.record import Original
from archive.rights import header_restrictions

_STEP = 1 << 18


class RecordError(ValueError):
    """A record that is not what the standard or its pointer says."""


@dataclass(frozen=True, slots=True)
class Record:
    """A WARC record as it lies in its file: byte offset and length (of its gzip member, if it is packed), header fields, block.

    ``size`` counts the block's bytes, also where a reader kept fewer; ``padding`` the line breaks behind a record that is not
    packed, which ``length`` includes.
    """

    offset: int
    length: int
    fields: tuple[tuple[str, str], ...]
    block: bytes
    size: int
    padding: int = 0

    def get(self, name: str) -> str | None:
        """First value of the header field ``name``, whatever its case."""
        return next((value for key, value in self.fields if key.lower() == name.lower()), None)

    @property
    def kind(self) -> str | None:
        """WARC-Type."""
        return self.get("WARC-Type")

    @property
    def date(self) -> datetime:
        """WARC-Date. Raises ValueError if there is none."""
        return instant(self.get("WARC-Date") or "")


def instant(text: str) -> datetime:
    """A WARC-Date (WARC 1.1, 5.4; a year or a month may do) as an instant in UTC. Raises ValueError."""
    found = datetime.fromisoformat(text + "-01-01"[len(text) - 4 :] if len(text) in (4, 7) else text)
    try:
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError(f"{text} lies before the first year or after the last") from None


def read_record(path: Path, offset: int, length: int) -> Record:
    """The record whose gzip member fills exactly ``length`` bytes of ``path`` from ``offset``. Raises RecordError."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read(length)
    except FileNotFoundError:
        raise RecordError("the file is missing") from None
    unpacker = isal_zlib.decompressobj(31)
    try:
        plain = unpacker.decompress(data)
    except IsalError as error:
        raise RecordError(f"no gzip member begins here ({error})") from None
    if not unpacker.eof:
        raise RecordError("the gzip member does not end where the pointer says")
    if unpacker.unused_data:
        raise RecordError("more than one gzip member lies between the pointer's ends")
    return _parse(plain, offset, length)


def read_records(path: Path) -> Iterator[Record]:
    """All records of a gzipped WARC file in order. Raises RecordError, with the offset, at the first that is damaged."""
    with path.open("rb") as file:
        offset, rest = 0, b""
        while rest or (rest := file.read(_STEP)):
            plain, length, rest = _next_member(file, rest, offset)
            yield _parse(plain, offset, length)
            offset += length


def _next_member(file: BinaryIO, data: bytes, offset: int) -> tuple[bytes, int, bytes]:
    unpacker, parts, taken = isal_zlib.decompressobj(31), [], 0
    while True:
        try:
            parts.append(unpacker.decompress(data))
        except IsalError as error:
            raise RecordError(f"offset {offset}: not a gzip member ({error})") from None
        taken += len(data)
        if unpacker.eof:
            return b"".join(parts), taken - len(unpacker.unused_data), unpacker.unused_data
        if not (data := file.read(_STEP)):
            raise RecordError(f"offset {offset}: the file ends within a gzip member")


def _parse(plain: bytes, offset: int, length: int) -> Record:
    head, found, rest = plain.partition(b"\r\n\r\n")
    version, _, lines = head.partition(b"\r\n")
    if not found or version not in (b"WARC/1.0", b"WARC/1.1"):
        raise RecordError(f"offset {offset}: no WARC record head")
    fields = []
    for line in lines.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if not colon:
            raise RecordError(f"offset {offset}: malformed header line {line[:60]!r}")
        fields.append((name.decode("utf-8", "replace"), value.strip().decode("utf-8", "replace")))
    record = Record(offset, length, tuple(fields), rest[:-4], len(rest) - 4)
    if rest[-4:] != b"\r\n\r\n" or record.get("Content-Length") != str(len(record.block)):
        raise RecordError(f"offset {offset}: Content-Length does not fit the block")
    return record


def digest_faults(record: Record) -> list[str]:
    """What the record's own digests deny: block digest, and payload digest over the entity body (WARC 1.1, 5.8, 5.9)."""
    faults = []
    block_digest, payload_digest = record.get("WARC-Block-Digest"), record.get("WARC-Payload-Digest")
    if block_digest and not matches(block_digest, record.block):
        faults.append("block digest does not match")
    if payload_digest and record.kind == "response" and not matches(payload_digest, entity_body(record.block) or b""):
        faults.append("payload digest does not match")
    return faults


def stands_for_capture(record: Record) -> bool:
    """Whether a fetch has its row for this record: an answer, or the note of an attempt that got none."""
    if record.kind == "metadata":
        return not record.get("WARC-Concurrent-To") and not record.get("WARC-Refers-To")
    return record.kind in ("response", "revisit")


def captures(path: Path) -> Iterator[Capture]:
    """The captures of one of our WARC files, made again from its records: what the captures table says of it.

    Of the original that a revisit refers to, only the record id and date are known here; its place is not (offset -1).
    """
    return (capture for capture, _ in captures_of(read_records(path), path.name, stands_for_capture))


def captures_of(records: Iterable[Record], filename: str, stands: Callable[[Record], bool]) -> Iterator[tuple[Capture, Record]]:
    """The captures among the records of one file, each with the record that ``stands`` for it."""
    pending: tuple[Capture, Record] | None = None
    request: Record | None = None
    for record in records:
        if stands(record):
            if pending:
                yield pending
            pending = _capture(record, filename), record
            # most programs write the request behind the answer, some before it
            if request and record.get("WARC-Concurrent-To") == request.get("WARC-Record-ID"):
                pending[0].request_record_id = request.get("WARC-Record-ID")
        elif record.kind == "request":
            request = record
            if pending and record.get("WARC-Concurrent-To") == pending[0].record_id:
                pending[0].request_record_id = record.get("WARC-Record-ID")
        if pending and record.kind == "metadata" and (stands(record) or _is_note(record, pending[0])):
            _note(pending[0], record.block)
    if pending:
        yield pending


def _is_note(record: Record, capture: Capture) -> bool:
    """Whether a metadata record says how the capture was fetched; outlinks refer to it instead."""
    return not record.get("WARC-Refers-To") and record.get("WARC-Concurrent-To") == capture.record_id


def _capture(record: Record, filename: str) -> Capture:
    head = parse_head(record.block) if record.kind in ("response", "revisit") else None
    return Capture(
        url=record.get("WARC-Target-URI") or "",
        date=record.date,
        record_id=record.get("WARC-Record-ID") or "",
        record_type=record.kind or "",
        filename=filename,
        offset=record.offset,
        length=record.length,
        status=head.status if head else None,
        digest=record.get("WARC-Payload-Digest"),
        content_type=head.get("content-type") if head else _own_type(record),
        location=head.get("location") if head else None,
        truncated=record.get("WARC-Truncated") if record.kind == "response" else None,
        ip_address=record.get("WARC-IP-Address"),
        page_id=record.get("WARC-Page-ID"),
        original=_original(record),
        restrictions=header_restrictions(head, record.get("WARC-Target-URI") or ""),
    )


def _own_type(record: Record) -> str | None:
    """The media type of a record that holds a document without an HTTP head."""
    return record.get("Content-Type") if record.kind in ("response", "resource") else None


def _original(record: Record) -> Original | None:
    record_id = record.get("WARC-Refers-To")
    if record.kind != "revisit" or not record_id:
        return None
    try:
        date = instant(record.get("WARC-Refers-To-Date") or "")
    except ValueError:
        return None
    url, digest = record.get("WARC-Refers-To-Target-URI") or "", record.get("WARC-Payload-Digest") or ""
    return Original(url, date, digest, record_id, "", -1, 0)


def _note(capture: Capture, block: bytes) -> None:
    """Take from a metadata record what no other record says."""
    known = dict(line.split(": ", 1) for line in block.decode("utf-8", "replace").splitlines() if ": " in line)
    capture.via, capture.purpose, capture.error = known.get("via"), known.get("purpose"), known.get("error")
    capture.unpacked, capture.announced = known.get("unpackedContentCoding"), announcement_of(known)
    took = known.get("fetchTimeMs", "")
    capture.milliseconds = int(took) if re.fullmatch(r"\d{1,9}", took) else None
