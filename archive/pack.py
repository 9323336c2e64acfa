"""Packing a collection as WACZ 1.1.1 (https://specs.webrecorder.net/wacz/1.1.1/), one file or one a day, in constant memory.

The same collection makes the same bytes: all dates in the package are that of its newest capture, unless it is signed.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from archive.cdxj import Entry, Index, filename_of, moved_line
from archive.cdxj_lines import index_lines
from archive.collection import Collection
from archive.excerpt import Excerpt
from archive.materialised import MATERIALISED, Materialised, software
from archive.pages import pages_of
from archive.reader import RecordError
from archive.recovery import in_use
from archive.rights import Policy, without_text
from archive.signing import sign
from archive.wacz import BLOCKS, DIGEST, INDEX, PACKAGE, PAGES, VERSION, WaczError, originals_of, record_head
from archive.warc import OPEN_SUFFIX
from archive.whole import whole
from archive.withhold import excerpts, withheld_records

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_BLOCK_LINES = 1024
_STEP = 1 << 20


@dataclass(slots=True)
class Packed:
    """One WACZ file and what is in it: WARC files, index lines, pages; revisits written out in full, and those left out of the
    index since no record of the collection has their payload; captures left out, and pages without text, for the rights of
    their publishers."""

    path: Path
    bytes: int = 0
    warcs: int = 0
    lines: int = 0
    pages: int = 0
    materialised: int = 0
    withheld: int = 0
    without_text: int = 0
    unresolved: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Options:
    """How to pack. ``policy`` says what is left out for the rights of publishers (docs/rights.md); ``tick`` gets the bytes of
    WARC files that were copied."""

    title: str | None = None
    description: str | None = None
    key: EllipticCurvePrivateKey | None = None
    force: bool = False
    policy: Policy = "standard"
    tick: Callable[[int], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class _Span:
    """First and last timestamp (14 digits) of the index lines of a WARC file."""

    first: str
    last: str


def pack(collection: Collection, out: Path, options: Options) -> Packed:
    """Pack all finished WARC files of a collection into ``out``. Raises WaczError, or OSError if the disk refuses, with
    nothing half-written left behind."""
    spans = _ready(collection, [out], options)
    return _pack(collection, out, options, _finished(collection), spans)


def pack_days(collection: Collection, out: Path, options: Options) -> tuple[Path, list[Packed]]:
    """Pack a WACZ file a day beside ``out``, and a JSON file that names them all, for players to open as one collection.

    A WARC file goes with the day of its first capture. Raises as ``pack`` does.
    """
    spans = _ready(collection, [], options)
    days: dict[str, list[Path]] = {}
    for path in _finished(collection):
        if span := spans.get(path.name):
            days.setdefault(f"{span.first[:4]}-{span.first[4:6]}-{span.first[6:8]}", []).append(path)
    table = out.with_suffix(".json")
    targets = {day: out.with_name(f"{out.stem}-{day}.wacz") for day in sorted(days)}
    _refuse_existing([table, *targets.values()], options)
    packed = [_pack(collection, target, options, days[day], spans) for day, target in targets.items()]
    package = {
        "profile": "multi-wacz-package",
        "title": options.title or collection.path.resolve().name,
        "resources": [_resource(one.path.name, _sha256(one.path), one.bytes) for one in packed],
    }
    with whole(table) as file:
        file.write(json.dumps(package, indent=2).encode() + b"\n")
    return table, packed


def _ready(collection: Collection, outs: list[Path], options: Options) -> dict[str, _Span]:
    """The spans of the WARC files. Raises WaczError if the collection cannot be packed now."""
    if name := in_use(collection.archive):
        raise WaczError(f"{collection.path}: it is being written to ({name}); wait for its end")
    _refuse_existing(outs, options)
    mend = f"run: scrapy index {collection.path}"
    if not collection.index.exists():
        raise WaczError(f"{collection.index}: there is no index; {mend}")
    spans = _spans(collection.index)
    for path in _finished(collection):
        if path.name not in spans and next(index_lines(path), None):
            raise WaczError(f"{collection.index}: it lacks {path.name}; {mend}")
    if not spans:
        raise WaczError(f"{collection.path}: nothing was captured yet; crawl into it first")
    return spans


def _refuse_existing(outs: Iterable[Path], options: Options) -> None:
    for out in outs:
        if out.exists() and not options.force:
            raise WaczError(f"{out}: is there already; give another --out, or --force to replace it")


def _finished(collection: Collection) -> list[Path]:
    found = [path for path in collection.warc_files() if not path.name.endswith(OPEN_SUFFIX)]
    return sorted([*found, *collection.archive.glob("*.warc")])


def _spans(index: Path) -> dict[str, _Span]:
    spans: dict[bytes, tuple[bytes, bytes]] = {}
    with index.open("rb") as file:
        for line in file:
            stamp, name = line.split(b" ", 2)[1], filename_of(line)
            first, last = spans.get(name, (stamp, stamp))
            spans[name] = min(first, stamp), max(last, stamp)
    return {name.decode(): _Span(first.decode(), last.decode()) for name, (first, last) in spans.items()}


def _pack(collection: Collection, out: Path, options: Options, warcs: list[Path], spans: dict[str, _Span]) -> Packed:
    newest = max(spans[path.name].last for path in warcs if path.name in spans)
    packed = Packed(out, warcs=len(warcs))
    out.parent.mkdir(parents=True, exist_ok=True)
    with whole(out) as file:
        _Packing(collection, options, packed, warcs, newest).write(file)
    packed.bytes = out.stat().st_size
    return packed


class _Packing:
    """The making of one WACZ file."""

    def __init__(self, collection: Collection, options: Options, packed: Packed, warcs: list[Path], newest: str) -> None:
        self._collection, self._options, self._packed = collection, options, packed
        self._warcs, self._names = warcs, {path.name for path in warcs}
        self._withheld = withheld_records(collection, options.policy)
        self._excerpts = excerpts(collection, warcs, self._withheld)
        self._packed.withheld = sum(len(self._withheld.get(name, ())) for name in self._names)
        self._newest = datetime.strptime(newest, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        self._resources: list[dict[str, Any]] = []
        self._main: tuple[str, str] | None = None

    def write(self, out: BinaryIO) -> None:
        with zipfile.ZipFile(out, "w") as archive, tempfile.TemporaryFile(dir=self._packed.path.parent) as full:
            for path in self._warcs:
                excerpt = self._excerpts.get(path.name) or Excerpt.without(path.stat().st_size, [])
                with path.open("rb") as file:
                    self._add(archive, f"archive/{path.name}", excerpt.chunks(file, self._options.tick), excerpt.size)
            starts: list[str] = []
            lines = self._lines(Materialised(full, self._collection, self._newest))
            self._add(archive, BLOCKS, _blocks(lines, starts))
            if self._packed.materialised:
                size = full.tell()
                full.seek(0)
                self._add(archive, f"archive/{MATERIALISED}", _chunks(full), size)
            self._add(archive, INDEX, (line.encode() for line in starts), deflate=True)
            self._add(archive, PAGES, self._pages(), deflate=True)
            package = json.dumps(self._package(), indent=2).encode()
            self._add(archive, PACKAGE, [package], deflate=True)
            self._add(archive, DIGEST, [json.dumps(self._digest(package), indent=2).encode()], deflate=True)

    def _add(
        self, archive: zipfile.ZipFile, name: str, data: Iterable[bytes], size: int | None = None, deflate: bool = False
    ) -> None:
        """Add a member; players read WARC files and index blocks where they lie, so these are stored."""
        if size is None:  # it has to be known before the first byte
            with tempfile.TemporaryFile(dir=self._packed.path.parent) as spool:
                spool.writelines(data)
                size = spool.tell()
                spool.seek(0)
                self._add(archive, name, _chunks(spool), size, deflate)
            return
        info = zipfile.ZipInfo(name, max(self._newest.timetuple()[:6], (1980, 1, 1, 0, 0, 0)))
        info.compress_type = zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED
        info.external_attr = 0o644 << 16
        digest, count = hashlib.sha256(), 0
        # players take a local header without its zip64 field for granted where the directory has none
        with archive.open(info, "w", force_zip64=size > zipfile.ZIP64_LIMIT // 2) as member_file:
            for part in data:
                member_file.write(part)
                digest.update(part)
                count += len(part)
        self._resources.append(_resource(name, digest.hexdigest(), count))

    def _lines(self, full: Materialised) -> Iterator[bytes]:
        """The index lines of the package: revisits whose original lies elsewhere get a record of their own."""
        with self._collection.index.open("rb") as file, Index(self._collection.index) as index:
            for line in file:
                name = filename_of(line).decode()
                if name not in self._names or not (moved := self._moved(name, line)):
                    continue
                if b'"mime": "warc/revisit"' in line:
                    moved = self._resolved(line, moved, index, full)
                if moved:
                    self._packed.lines += 1
                    yield moved

    def _moved(self, name: str, line: bytes) -> bytes:
        """A line as it is for the package; nothing if its record is left out."""
        excerpt = self._excerpts.get(name)
        return moved_line(line, excerpt) if excerpt else line

    def _resolved(self, line: bytes, moved: bytes, index: Index, full: Materialised) -> bytes:
        revisit = Entry.parse(line)
        path = self._collection.warc_path(revisit.filename)
        with path.open("rb") as file:
            head = record_head(file, revisit.offset, revisit.length)
        originals = list(originals_of(index, revisit, head))
        if any(original.filename in self._names for original in originals):
            return moved
        for original in originals:
            try:
                changed = full.add(revisit, original)
            except (RecordError, OSError):
                continue
            self._packed.materialised += 1
            return line.partition(b"{")[0] + json.dumps(json.loads(line[line.index(b"{") :]) | changed).encode() + b"\n"
        self._packed.unresolved.append(f"{revisit.url} of {revisit.timestamp}")
        return b""

    def _pages(self) -> Iterator[bytes]:
        header = {"format": "json-pages-1.0", "id": "pages", "title": self._title, "hasText": True}
        yield json.dumps(header).encode() + b"\n"
        for page in self._kept_pages():
            self._main = max(self._main or ("", ""), (page["ts"], page["url"]))
            self._packed.pages += 1
            yield json.dumps(page, ensure_ascii=False).encode("utf-8", "replace") + b"\n"

    def _kept_pages(self) -> Iterator[dict[str, Any]]:
        left_out = {record_id for ids in self._withheld.values() for record_id in ids}
        for record_id, restrictions, page in pages_of(self._collection, self._names):
            if record_id in left_out:
                continue
            if without_text(restrictions, self._options.policy):
                self._packed.without_text += "text" in page
                page = {name: value for name, value in page.items() if name not in ("text", "description")}  # noqa: PLW2901
            yield page

    @property
    def _title(self) -> str:
        return self._options.title or self._collection.path.resolve().name

    def _package(self) -> dict[str, Any]:
        moment = datetime.now(UTC) if self._options.key else self._newest
        package = {
            "profile": "data-package",
            "title": self._title,
            "description": self._options.description,
            "created": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
            "wacz_version": VERSION,
            "software": software(),
            "mainPageURL": self._main[1] if self._main else None,
            "mainPageDate": self._main[0] if self._main else None,
            "resources": self._resources,
        }
        self._created = str(package["created"])
        return {name: value for name, value in package.items() if value is not None}

    def _digest(self, package: bytes) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(package).hexdigest()}"
        known: dict[str, Any] = {"path": PACKAGE, "hash": digest}
        if self._options.key:
            known["signedData"] = sign(digest, self._created, software(), self._options.key)
        return known


def _resource(path: str, sha256: str, size: int) -> dict[str, Any]:
    return {"name": path.rpartition("/")[2].lower(), "path": path, "hash": f"sha256:{sha256}", "bytes": size}


def _chunks(file: BinaryIO, tick: Callable[[int], None] = lambda _: None) -> Iterator[bytes]:
    while data := file.read(_STEP):
        yield data
        tick(len(data))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _blocks(lines: Iterable[bytes], starts: list[str]) -> Iterator[bytes]:
    """Index lines in gzip members; ``starts`` gets the lines of index.idx, one a member."""
    starts.append(f"!meta 0 {json.dumps({'format': 'cdxj-gzip-1.0', 'filename': BLOCKS.rpartition('/')[2]})}\n")
    offset = 0
    for block in _batches(lines, _BLOCK_LINES):
        packer = zlib.compressobj(wbits=31)
        data = packer.compress(b"".join(block)) + packer.flush()
        known = {"offset": offset, "length": len(data), "digest": f"sha256:{hashlib.sha256(data).hexdigest()}"}
        starts.append(f"{block[0].partition(b'{')[0].decode()}{json.dumps(known)}\n")
        offset += len(data)
        yield data


def _batches(lines: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    for line in lines:
        batch.append(line)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
