"""Revisits written out in full, for a package that lacks the records which they refer to."""

from __future__ import annotations

import uuid
from datetime import datetime
from importlib.metadata import version
from typing import BinaryIO

from archive.cdxj import Entry
from archive.collection import Collection
from archive.http import parse_head
from archive.reader import Record, RecordError, read_record
from archive.record import member, warc_date, warc_fields
from archive.warc import CONFORMS_TO

MATERIALISED = "materialised.warc.gz"
NAMESPACE = uuid.UUID("6f0c2d0e-6d2b-5b5e-9a3e-0c5b0f6f5a11")  # of ids made from other ids, so that they stay the same
_FRAMING = ("transfer-encoding", "content-encoding", "content-length")


class Materialised:
    """A WARC file of responses that were stored as revisits, each with the payload of its original."""

    def __init__(self, file: BinaryIO, collection: Collection, date: datetime) -> None:
        self._file, self._collection, self._date = file, collection, date
        self._warcinfo_id = _derived("warcinfo", collection.path.resolve().name)

    def add(self, revisit: Entry, original: Entry) -> dict[str, str]:
        """Write the response that a revisit stands for; returns what changes in its index line. Raises RecordError."""
        said, found = self._read(revisit), self._read(original)
        block, status, content_type = _joined(said.block, found.block)
        if not self._file.tell():
            self._begin()
        revisit_id = said.get("WARC-Record-ID") or ""
        response_id = _derived("response", revisit_id)
        about = [(name, value) for name in _KEPT if (value := said.get(name))]
        about.append(("WARC-Warcinfo-ID", self._warcinfo_id))
        fields = [*about, ("Content-Type", "application/http;msgtype=response")]
        if digest := found.get("WARC-Payload-Digest"):
            fields.append(("WARC-Payload-Digest", digest))
        note = [
            ("materialisedFrom", revisit_id),
            ("payloadOf", found.get("WARC-Record-ID") or ""),
            (
                "note",
                "this response was stored as a revisit; its payload is that of the original, which is not in this package",
            ),
        ]
        about += [("WARC-Concurrent-To", response_id), ("Content-Type", "application/warc-fields")]
        offset = self._file.tell()
        length = self._file.write(member("response", response_id, fields, block))
        self._file.write(member("metadata", _derived("metadata", revisit_id), about, warc_fields(note)))
        place = {"length": str(length), "offset": str(offset), "filename": MATERIALISED}
        return {"mime": content_type, "status": str(status), "digest": digest or original.digest or ""} | place

    def _begin(self) -> None:
        date, info = ("WARC-Date", warc_date(self._date)), [("software", software()), ("conformsTo", CONFORMS_TO)]
        fields = [date, ("WARC-Filename", MATERIALISED), ("Content-Type", "application/warc-fields")]
        self._file.write(member("warcinfo", self._warcinfo_id, fields, warc_fields(info)))

    def _read(self, entry: Entry) -> Record:
        return read_record(self._collection.warc_path(entry.filename), entry.offset, entry.length)


_KEPT = ("WARC-Target-URI", "WARC-Date", "WARC-IP-Address", "WARC-Page-ID", "WARC-Protocol", "WARC-Cipher-Suite")


def _joined(revisit: bytes, original: bytes) -> tuple[bytes, int, str]:
    """The head that a revisit record has with its original's body, status and media type; the original's own head where the
    revisit has none, says 304, or frames another body."""
    said, found = parse_head(revisit), parse_head(original)
    if found is None:
        raise RecordError("the original is no HTTP response")
    head, start = found, original[: found.size]
    if said and said.status != 304 and all(said.get(name) == found.get(name) for name in _FRAMING):
        head, start = said, revisit[: said.size]
    return start + original[found.size :], head.status, (head.get("content-type") or "").partition(";")[0].strip()


def _derived(kind: str, name: str) -> str:
    return f"<urn:uuid:{uuid.uuid5(NAMESPACE, f'{kind} {name}')}>"


def software() -> str:
    """What made a file, as warcinfo records and packages name it."""
    return f"Broadsheet/{version('broadsheet')}"
