"""Archives that are spoiled in one way each, made of a good one: what the checks must find."""

import zipfile
from collections.abc import Callable
from pathlib import Path

from archive.http import content, parse_head
from archive.reader import Record, read_records
from archive.record import IDENTICAL_PAYLOAD, Fields, member
from tests.zstandard import zstd

_COMPUTED = {"warc-type", "warc-record-id", "warc-block-digest", "content-length"}
Change = Callable[[Record], tuple[str, Fields, bytes] | None]


def rewritten(source: Path, out: Path, change: Change) -> Path:
    """A WARC file with each record as ``change`` gives it (type, further fields, block), or without it."""
    with out.open("wb") as file:
        for record in read_records(source):
            if changed := change(record):
                kind, more, block = changed
                fields = [(name, value) for name, value in record.fields if name.lower() not in _COMPUTED]
                file.write(member(kind, record.get("WARC-Record-ID") or "", [*fields, *more], block))
    return out


def _same(record: Record) -> tuple[str, Fields, bytes]:
    return record.kind or "", [], record.block


def _is(record: Record, url_end: str) -> bool:
    return record.kind == "response" and (record.get("WARC-Target-URI") or "").endswith(url_end)


def in_zstd(url_end: str) -> Change:
    """The body in a coding that no player reads, as stock Scrapy asks for it."""

    def change(record: Record) -> tuple[str, Fields, bytes]:
        if not _is(record, url_end):
            return _same(record)
        head = parse_head(record.block)
        assert head is not None
        body = zstd.compress(content(record.block, 1 << 24))
        kept = "".join(
            f"{name}: {value}\r\n" for name, value in head.fields if name not in ("content-encoding", "content-length")
        )
        lines = f"HTTP/1.1 200 OK\r\n{kept}Content-Encoding: zstd\r\nContent-Length: {len(body)}\r\n\r\n"
        return "response", [], lines.encode() + body

    return change


def dangling(url_end: str) -> Change:
    """A revisit of a record that is nowhere."""

    def change(record: Record) -> tuple[str, Fields, bytes]:
        if not _is(record, url_end):
            return _same(record)
        head = parse_head(record.block)
        assert head is not None
        refers: Fields = [
            ("WARC-Profile", IDENTICAL_PAYLOAD),
            ("WARC-Refers-To", "<urn:uuid:00000000-0000-4000-8000-000000000000>"),
            ("WARC-Refers-To-Target-URI", "http://nowhere.test/"),
            ("WARC-Refers-To-Date", "2020-01-01T00:00:00Z"),
        ]
        return "revisit", refers, record.block[: head.size]

    return change


def without(url_end: str) -> Change:
    """All records of an address are missing."""
    return lambda record: None if (record.get("WARC-Target-URI") or "").endswith(url_end) else _same(record)


def deflated(source: Path, out: Path) -> Path:
    """A WACZ whose WARC files are compressed once more by the ZIP."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    return out
