"""Reading WARC records strictly: one gzip member, one record, every length true. What is off is named, with its place.

For other people's archives warcio's lenient iterator is the right reader; this one is for proving ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from isal import isal_zlib
from isal.igzip_lib import IsalError

from archive.capture import Capture
from archive.digest import matches
from archive.http import entity_body, parse_head
from archive.record import Original

_STEP = 1 << 18


class RecordError(ValueError):
    """A record that is not what the standard or its pointer says."""


@dataclass(frozen=True, slots=True)
class Record:
    """A WARC record as it lies in its file: byte offset and length of its gzip member, header fields, block."""

    offset: int
    length: int
    fields: tuple[tuple[str, str], ...]
    block: bytes

    def get(self, name: str) -> str | None:
        """First value of the header field ``name``, whatever its case."""
        return next((value for key, value in self.fields if key.lower() == name.lower()), None)

    @property
    def kind(self) -> str | None:
        """WARC-Type."""
        return self.get("WARC-Type")


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
    record = Record(offset, length, tuple(fields), rest[:-4])
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
    pending: Capture | None = None
    for record in read_records(path):
        if stands_for_capture(record):
            if pending:
                yield pending
            pending = _capture(record, path.name)
        elif pending and record.kind == "request" and record.get("WARC-Concurrent-To") == pending.record_id:
            pending.request_record_id = record.get("WARC-Record-ID")
        if pending and record.kind == "metadata" and not record.get("WARC-Refers-To"):
            _note(pending, record.block)
    if pending:
        yield pending


def _capture(record: Record, filename: str) -> Capture:
    head = parse_head(record.block) if record.kind in ("response", "revisit") else None
    return Capture(
        url=record.get("WARC-Target-URI") or "",
        date=datetime.fromisoformat(record.get("WARC-Date") or ""),
        record_id=record.get("WARC-Record-ID") or "",
        record_type=record.kind or "",
        filename=filename,
        offset=record.offset,
        length=record.length,
        status=head.status if head else None,
        digest=record.get("WARC-Payload-Digest"),
        content_type=head.get("content-type") if head else None,
        location=head.get("location") if head else None,
        truncated=record.get("WARC-Truncated") if record.kind == "response" else None,
        ip_address=record.get("WARC-IP-Address"),
        page_id=record.get("WARC-Page-ID"),
        original=_original(record),
    )


def _original(record: Record) -> Original | None:
    record_id, date = record.get("WARC-Refers-To"), record.get("WARC-Refers-To-Date")
    if record.kind != "revisit" or not record_id or not date:
        return None
    url, digest = record.get("WARC-Refers-To-Target-URI") or "", record.get("WARC-Payload-Digest") or ""
    return Original(url, datetime.fromisoformat(date), digest, record_id, "", -1, 0)


def _note(capture: Capture, block: bytes) -> None:
    """Take from a metadata record what no other record says."""
    known = dict(line.split(": ", 1) for line in block.decode("utf-8", "replace").splitlines() if ": " in line)
    capture.via, capture.purpose, capture.error = known.get("via"), known.get("purpose"), known.get("error")
    capture.unpacked = known.get("unpackedContentCoding")
    capture.milliseconds = int(known["fetchTimeMs"]) if known.get("fetchTimeMs", "").isdigit() else None
