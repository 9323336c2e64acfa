"""CDXJ lines made from records, as cdxj-indexer makes them: of a whole WARC file, or of a capture just written."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warcio.statusandheaders import StatusAndHeadersParser
from warcio.timeutils import iso_date_to_timestamp

from archive.capture import Capture
from archive.digest import warc_digest
from archive.exchange import Exchange
from archive.foreign import Damage, NoArchiveError, read_records
from archive.http import split_interim
from archive.reader import Record
from archive.request_key import METHODS, MOST_BODY, body_query, with_body
from archive.url import surt
from archive.warc import OPEN_SUFFIX

_ANSWERS = frozenset({"response", "revisit"})
_WITH_HEAD = _ANSWERS | {"request"}
_INDEXED = _ANSWERS | {"resource", "metadata"}
_TYPE_END = re.compile(r"[;\s]")
_http = StatusAndHeadersParser([], verify=False)


@dataclass(frozen=True, slots=True)
class Fault:
    """A place in a WARC file that cannot be read, and why."""

    filename: str
    offset: int
    what: str

    def __str__(self) -> str:
        return f"{self.filename} at {self.offset}: {self.what}"


@dataclass(slots=True)
class _Part:
    """What a line needs of one record. ``http`` is the parsed head of its HTTP message."""

    kind: str
    url: str
    timestamp: str
    http: Any
    content_type: str | None = None
    record_id: str | None = None
    concurrent_to: str | None = None
    digest: str | None = None
    body: bytes = b""
    offset: int = 0
    length: int = 0

    @property
    def is_indexed(self) -> bool:
        """Whether it gets a line."""
        return self.kind in _INDEXED and bool(self.url and self.timestamp)


def index_lines(path: Path, report: Callable[[Fault], None] = lambda _: None) -> Iterator[bytes]:
    """The index lines of a WARC file, in the file's order. Damaged places go to ``report``. Raises OSError."""
    filename = path.name.removesuffix(OPEN_SUFFIX)
    previous: _Part | None = None
    for part in _parts(path, report):
        request, answer = _pair(previous, part)
        if answer:
            yield _line(answer, request, filename)
            previous = None
            continue
        if previous and previous.is_indexed:
            yield _line(previous, None, filename)
        previous = part
    if previous and previous.is_indexed:
        yield _line(previous, None, filename)


def _parts(path: Path, report: Callable[[Fault], None]) -> Iterator[_Part]:
    try:
        for item in read_records(path):
            if isinstance(item, Damage):
                report(Fault(path.name, item.offset, item.reason))
            elif (part := _part(item)).kind in _ANSWERS and not (part.url and part.timestamp):
                report(Fault(path.name, item.offset, "a record without WARC-Target-URI or WARC-Date"))
            else:
                yield part
    except NoArchiveError as error:
        report(Fault(path.name, 0, str(error).removeprefix("at 0: ")))


def capture_line(capture: Capture, exchange: Exchange) -> bytes | None:
    """The index line of a capture just written; None for an attempt without an answer. Equal to ``index_lines`` of its file."""
    if capture.record_type not in _ANSWERS:
        return None
    stream, sent = io.BytesIO(split_interim(exchange.response)[1]), io.BytesIO(exchange.request)
    answer = _Part(capture.record_type, capture.url, f"{capture.date:%Y%m%d%H%M%S}", _http_head(stream))
    answer.digest = capture.digest or warc_digest(stream.read())
    answer.offset, answer.length = capture.offset, capture.length
    request = _Part("request", capture.url, answer.timestamp, _http_head(sent), body=sent.read(MOST_BODY))
    return _line(answer, request, capture.filename)


def _http_head(stream: io.BytesIO) -> Any:
    try:
        return _http.parse(stream)
    except EOFError:
        return None


def _part(record: Record) -> _Part:
    """What the index needs of a record."""
    kind = record.kind or ""
    if kind != "request" and (kind not in _INDEXED or _is_about(record)):
        return _Part("", "", "", None)
    payload, url = io.BytesIO(record.block), (record.get("WARC-Target-URI") or "").replace(" ", "%20")
    part = _Part(
        kind=kind,
        url=url,
        timestamp=_timestamp(record.get("WARC-Date")),
        http=_http_head(payload) if kind in _WITH_HEAD and url.startswith(("http:", "https:")) else None,
        content_type=record.get("Content-Type"),
        record_id=record.get("WARC-Record-ID"),
        concurrent_to=record.get("WARC-Concurrent-To"),
        digest=record.get("WARC-Payload-Digest"),
        offset=record.offset,
        length=record.length - record.padding,
    )
    if kind == "request":
        if part.http and part.http.protocol.upper() in METHODS:
            part.body = payload.read(MOST_BODY)
    elif part.digest is None:
        part.digest = warc_digest(payload.read())
    return part


def _timestamp(date: str | None) -> str:
    try:
        return str(iso_date_to_timestamp(date)) if date else ""
    except (ValueError, TypeError):  # warcio makes a date of any numbers
        return ""


def _is_about(record: Record) -> bool:
    """Whether a record only tells of another one; cdxj-indexer leaves those out too."""
    return record.kind not in _ANSWERS and record.get("Content-Type") == "application/warc-fields"


def _pair(first: _Part | None, second: _Part) -> tuple[_Part | None, _Part | None]:
    """The request and the answer in two neighbouring records that belong together, whichever came first."""
    if first is None or first.url != second.url or first.record_id is None or second.concurrent_to != first.record_id:
        return None, None
    if first.kind in _ANSWERS and second.kind == "request":
        return second, first
    if first.kind == "request" and second.kind in _ANSWERS:
        return first, second
    return None, None


def _line(part: _Part, request: _Part | None, filename: str) -> bytes:
    known = {
        "url": part.url,
        "mime": _media_type(part),
        "status": part.http.get_statuscode() if part.http else None,
        "digest": part.digest,
        "length": str(part.length),
        "offset": str(part.offset),
        "filename": filename,
    }
    fields = {name: value for name, value in known.items() if value is not None}
    key_url = part.url
    if request and request.http and request.http.protocol.upper() in METHODS:
        query = _query(request)
        fields |= {"requestBody": query, "method": request.http.protocol.upper()}
        key_url = with_body(part.url, request.http.protocol, query)
    return f"{surt(key_url)} {part.timestamp} {json.dumps(fields)}\n".encode()


def _query(request: _Part) -> str | None:
    declared = request.http.get_header("Content-Length")
    try:
        size = 8192 if declared is None else int(declared)
    except ValueError:
        return None
    return body_query(request.http.get_header("Content-Type"), request.body[: max(size, 0)])


def _media_type(part: _Part) -> str | None:
    if part.kind == "revisit":
        return "warc/revisit"
    value: str | None = part.content_type
    if part.kind == "response":
        value = part.http.get_header("Content-Type") if part.http else None
    return _TYPE_END.split(value, maxsplit=1)[0].strip() if value else value
