"""The CDXJ index: which record answers an address, and where it lies. One sorted line a capture, as cdxj-indexer writes it.

A line is ``SURT-KEY TIMESTAMP JSON``; keys sort as bytes. https://specs.webrecorder.net/cdxj/0.1.0/
"""

from __future__ import annotations

import base64
import hashlib
import heapq
import io
import json
import os
import re
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from warcio.statusandheaders import StatusAndHeadersParser
from warcio.timeutils import iso_date_to_timestamp

from archive.capture import Capture
from archive.excerpt import Excerpt
from archive.exchange import Exchange
from archive.foreign import Damage, NoArchiveError, read_records
from archive.http import split_interim
from archive.reader import Record
from archive.request_key import METHODS, MOST_BODY, body_query, with_body
from archive.url import surt
from archive.warc import OPEN_SUFFIX, sync_folder

_ANSWERS = frozenset({"response", "revisit"})
_WITH_HEAD = _ANSWERS | {"request"}
_INDEXED = _ANSWERS | {"resource", "metadata"}
_TYPE_END = re.compile(r"[;\s]")
_STEP = 1 << 16
_RUN_BYTES = 32 << 20
_MOST_RUNS = 64
_FILENAME = b'"filename": "'
_http = StatusAndHeadersParser([], verify=False)


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
    answer.digest = capture.digest or _sha1(stream)
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
        part.digest = _sha1(payload)
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


def _sha1(stream: Any) -> str:
    digest = hashlib.sha1(usedforsecurity=False)
    while data := stream.read(_STEP):
        digest.update(data)
    return "sha1:" + base64.b32encode(digest.digest()).decode()


class Lines:
    """Index lines gathered in any order, given back sorted and each once; what exceeds 32 MiB waits in files in ``folder``."""

    def __init__(self, folder: Path, lines: Iterable[bytes] = ()) -> None:
        self._folder = folder
        self._lines: list[bytes] = []
        self._bytes = 0
        self._runs: list[BinaryIO] = []
        for line in lines:
            self.add(line)

    def add(self, line: bytes) -> None:
        """Take a line. Raises OSError if the disk refuses; it was taken all the same."""
        self._lines.append(line)
        self._bytes += len(line) + 64  # what Python adds to it
        if self._bytes >= _RUN_BYTES:
            run = self._run([sorted(self._lines)])
            self._lines, self._bytes = [], 0
            self.add_sorted(run)

    def add_sorted(self, lines: BinaryIO) -> None:
        """Take a file of lines that are sorted; it is closed in the end. Raises OSError as ``add`` does."""
        self._runs.append(lines)
        if len(self._runs) >= _MOST_RUNS:
            self._runs = [self._run(self._rewound())]

    def _run(self, parts: Iterable[Iterable[bytes]]) -> BinaryIO:
        run = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
        run.writelines(merged(parts))
        run.seek(0)
        return run

    def __iter__(self) -> Iterator[bytes]:
        return merged([*self._rewound(), sorted(self._lines)])

    def _rewound(self) -> list[BinaryIO]:
        for run in self._runs:
            run.seek(0)
        return self._runs


def merged(parts: Iterable[Iterable[bytes]]) -> Iterator[bytes]:
    """Sorted lines of several sources as one sorted sequence, each once."""
    return (line for line, _ in groupby(heapq.merge(*parts)))


def merge(index: Path, lines: Iterable[bytes], filenames: Collection[str]) -> int:
    """Put sorted ``lines`` into an index in place of all that it held of the WARC files ``filenames``; constant memory.

    The new index appears whole and durable. Returns its number of lines. Raises OSError with the old one untouched.
    """
    names = {name.encode() for name in filenames}
    if not index.exists():
        return _write(index, lines)
    with index.open("rb") as old:
        return _write(index, merged([(line for line in old if filename_of(line) not in names), lines]))


def _write(index: Path, lines: Iterable[bytes]) -> int:
    index.parent.mkdir(parents=True, exist_ok=True)
    partial = index.with_name(f".{index.name}.partial")
    try:
        with partial.open("wb") as out:
            count = 0
            for line in lines:
                out.write(line)
                count += 1
            out.flush()
            os.fsync(out.fileno())
        partial.rename(index)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(index.parent)
    return count


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


def add_files(index: Path, paths: Collection[Path]) -> list[Fault]:
    """Read WARC files into an index, in place of what it held of them. Returns what could not be read."""
    index.parent.mkdir(parents=True, exist_ok=True)
    faults: list[Fault] = []
    lines = Lines(index.parent, (line for path in paths for line in index_lines(path, faults.append)))
    merge(index, lines, {path.name.removesuffix(OPEN_SUFFIX) for path in paths})
    return faults


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How many lines an index has, and which places of the WARC files could not be read."""

    lines: int
    faults: list[Fault]


def rebuild(
    index: Path,
    paths: Collection[Path],
    tick: Callable[[int], None] = lambda _: None,
    jobs: int = 1,
    refused: Callable[[str], object] | None = None,
) -> Rebuilt:
    """Make an index anew from all WARC files, in ``jobs`` processes. ``tick`` gets the bytes of each file that is done; an
    address that is ``refused`` gets no line.

    The torn tail of a file that a crash left open is recovery's business and no fault. Raises OSError with the old index
    untouched if the disk refuses.
    """
    index.parent.mkdir(parents=True, exist_ok=True)
    faults: list[Fault] = []
    with tempfile.TemporaryDirectory(dir=index.parent, prefix=".runs-") as folder:
        lines = Lines(Path(folder))
        for path, run, found in _runs(paths, Path(folder), min(jobs, len(paths))):
            lines.add_sorted(run.open("rb"))
            run.unlink()
            faults += [fault for fault in found if not fault.filename.endswith(OPEN_SUFFIX)]
            tick(path.stat().st_size)
        count = _write(index, (line for line in lines if not refused(Entry.parse(line).url)) if refused else lines)
    return Rebuilt(count, sorted(faults, key=lambda fault: (fault.filename, fault.offset)))


def _runs(paths: Collection[Path], folder: Path, jobs: int) -> Iterator[tuple[Path, Path, list[Fault]]]:
    """Each WARC file with the file of its sorted lines, as they get ready."""
    if jobs <= 1:
        yield from ((path, *_write_run(path, folder)) for path in paths)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:  # the caller may have threads, which a fork would cut off
        tasks = {pool.submit(_write_run, path, folder): path for path in paths}
        for task in as_completed(tasks):
            yield tasks[task], *task.result()


def _write_run(path: Path, folder: Path) -> tuple[Path, list[Fault]]:
    run, faults = folder / path.name, list[Fault]()
    with run.open("wb") as out:
        out.writelines(Lines(folder, index_lines(path, faults.append)))
    return run, faults
