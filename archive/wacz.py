"""Reading and checking WACZ files of any hand (https://specs.webrecorder.net/wacz/1.1.1/): ZIPs are not trusted."""

from __future__ import annotations

import hashlib
import json
import re
import struct
import tempfile
import zipfile
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from isal import isal_zlib
from isal.igzip_lib import IsalError

from archive.cdxj import Entry, Index, SortedFile
from archive.cdxj_file import Lines
from archive.signing import SigningError, is_signed
from archive.url import surt

VERSION = "1.1.1"
PACKAGE, DIGEST, PAGES = "datapackage.json", "datapackage-digest.json", "pages/pages.jsonl"
INDEX, BLOCKS, PLAIN_INDEX = "indexes/index.idx", "indexes/index.cdx.gz", "indexes/index.cdxj"
_MOST_JSON = 64 << 20  # bytes of a JSON file or a line of one
_MOST_BLOCK = 64 << 20
_MOST_INDEX = 4 << 30  # bytes of a plain one, which is unpacked for look-ups
_MOST_RATIO = 1100  # deflate cannot pack better
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_STEP = 1 << 18
_TARGET = re.compile(rb"(?im)^WARC-Target-URI:[ \t]*<?([^\r\n]*?)>?[ \t]*\r?$")


class WaczError(Exception):
    """A WACZ file that cannot be made or read; the message names it, the reason and the mend."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file in the ZIP: ``offset`` of its first byte in the WACZ file, ``packed`` bytes there, ``size`` unpacked.

    ``hidden`` tells that its own header is longer than the ZIP directory lets players think.
    """

    name: str
    offset: int
    packed: int
    size: int
    stored: bool
    hidden: bool = False


class Wacz:
    """A WACZ file, opened by ``open_wacz``. ``warcs`` maps file names, as the index has them, to members."""

    def __init__(self, path: Path, archive: zipfile.ZipFile, members: dict[str, Member]) -> None:
        self.path, self.members, self._zip = path, members, archive
        self.warcs = {PurePosixPath(name).name: one for name, one in members.items() if name.startswith("archive/")}
        self.package: dict[str, Any] = self.json(PACKAGE)

    def __enter__(self) -> Wacz:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def json(self, name: str) -> dict[str, Any]:
        """A JSON object in the package. Raises WaczError if there is none of that name."""
        try:
            with self.open(name) as file:
                data = json.loads(file.read(_MOST_JSON))
        except (ValueError, RecursionError):
            data = None
        if not isinstance(data, dict):
            raise WaczError(f"{self.path}: {name} is no JSON object")
        return data

    def open(self, name: str) -> BinaryIO:
        """A member's bytes, unpacked as they are read. Raises WaczError if it is missing, and ZIP errors while reading."""
        if name not in self.members:
            raise WaczError(f"{self.path}: {name} is missing")
        return self._zip.open(name)  # type: ignore[return-value]

    def pages(self) -> Iterator[dict[str, Any]]:
        """The pages, without the header line. Raises WaczError at a line that is none."""
        for number, line in enumerate(self.page_lines()):
            try:
                page = json.loads(line)
            except (ValueError, RecursionError):
                page = None
            if not isinstance(page, dict):
                raise WaczError(f"{self.path}: {PAGES}: line {number + 1} is no JSON object")
            if number:
                yield page

    def page_lines(self) -> Iterator[bytes]:
        """The lines of pages.jsonl, the header first."""
        with self.open(PAGES) as file:
            while line := file.readline(_MOST_JSON):
                yield line

    def index(self) -> Index:
        """The index, compressed or plain. Raises WaczError if there is none."""
        if INDEX in self.members and BLOCKS in self.members:
            return Index(Blocks(self))
        if PLAIN_INDEX in self.members and self.members[PLAIN_INDEX].size > _MOST_INDEX:
            raise WaczError(f"{PLAIN_INDEX} has more than {_MOST_INDEX >> 30} GiB; such an index has to be in blocks")
        with self.open(PLAIN_INDEX) as file:
            copy = tempfile.TemporaryFile()  # noqa: SIM115
            while data := file.read(_STEP):
                copy.write(data)
        return Index(SortedFile(copy))

    def place(self, entry: Entry) -> tuple[int, int]:
        """Offset and length of a record in the WACZ file itself. Raises WaczError if its WARC file cannot hold it."""
        warc = self.warcs.get(entry.filename)
        if warc is None or not warc.stored or entry.offset < 0 or not 0 < entry.length <= warc.size - entry.offset:
            raise WaczError(f"{entry.filename} has no {entry.length} bytes at {entry.offset}")
        return warc.offset + entry.offset, entry.length


class Blocks:
    """The compressed index: gzip members of many lines (``index.cdx.gz``), and the first key of each (``index.idx``)."""

    def __init__(self, wacz: Wacz) -> None:
        self._file = wacz.path.open("rb")
        self._member = wacz.members[BLOCKS]
        with wacz.open(INDEX) as file:
            lines = file.read(_MOST_JSON).splitlines()
        self._keys: list[bytes] = []
        self._places: list[tuple[int, int]] = []
        for line in lines:
            if not line.startswith(b"!"):
                key, _, data = line.partition(b"{")
                try:
                    known = json.loads(b"{" + data)
                    self._places.append((int(known["offset"]), int(known["length"])))
                except (ValueError, KeyError, TypeError, OverflowError):
                    raise WaczError(f"{wacz.path}: {INDEX} has a line that is none") from None
                self._keys.append(key.rstrip())
        self._block = lru_cache(maxsize=4)(self._read)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def lines_from(self, prefix: bytes) -> Iterator[bytes]:
        """See ``LineSource``. Raises WaczError for a block that cannot be read."""
        # the lines that are sought may begin in the block before the first one whose key is not less
        for number in range(max(bisect_left(self._keys, prefix) - 1, 0), len(self._keys)):
            yield from self._block(number)

    def _read(self, number: int) -> list[bytes]:
        offset, length = self._places[number]
        if not self._member.stored or offset < 0 or not 0 < length <= self._member.size - offset:
            raise WaczError(f"{INDEX} names a block that {BLOCKS} does not have")
        self._file.seek(self._member.offset + offset)
        try:
            plain = isal_zlib.decompressobj(31).decompress(self._file.read(length), _MOST_BLOCK)
        except IsalError as error:
            raise WaczError(f"{BLOCKS} at {offset}: {error}") from None
        return list(plain.splitlines(keepends=True))


def open_wacz(path: Path) -> Wacz:
    """A WACZ file, its ZIP looked over: no name that climbs out, no member twice, encrypted, overlapping or of a false
    length. Raises WaczError, with the reason."""
    try:
        archive = zipfile.ZipFile(path)
    except OSError as error:
        raise WaczError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise WaczError(f"{path}: no ZIP file ({error})") from None
    try:
        with path.open("rb") as file:
            members = [_member(info, file) for info in archive.infolist() if not info.is_dir()]
        _check_layout(members, path.stat().st_size)
        return Wacz(path, archive, {one.name: one for one in members})
    except (WaczError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        archive.close()
        raise WaczError(str(error) if isinstance(error, WaczError) else f"{path}: {error}") from None


def _member(info: zipfile.ZipInfo, file: BinaryIO) -> Member:
    name = info.filename
    if (
        name.startswith("/")
        or "\\" in info.orig_filename
        or ":" in name
        or ".." in name.split("/")
        or "\0" in info.orig_filename
    ):
        raise WaczError(f"the name {name!r} leads out of the package")
    if info.flag_bits & 1:
        raise WaczError(f"{name} is encrypted")
    stored = info.compress_type == zipfile.ZIP_STORED
    if not stored and info.compress_type != zipfile.ZIP_DEFLATED:
        raise WaczError(f"{name} is packed by a method that players do not know ({info.compress_type})")
    if (stored and info.compress_size != info.file_size) or info.file_size > _MOST_RATIO * info.compress_size + 1024:
        raise WaczError(f"{name} lies about its length")
    file.seek(max(info.header_offset, 0))
    data = file.read(_LOCAL_HEADER.size) if info.header_offset >= 0 else b""
    if len(data) < _LOCAL_HEADER.size or data[:4] != b"PK\x03\x04":
        raise WaczError(f"{name} is not where the ZIP directory says")
    _, name_length, extra_length = _LOCAL_HEADER.unpack(data)
    offset = info.header_offset + len(data) + name_length + extra_length
    hidden = bool(extra_length) and not info.extra
    return Member(name, offset, info.compress_size, info.file_size, stored, hidden)


def _check_layout(members: list[Member], size: int) -> None:
    places = sorted(members, key=lambda one: one.offset)
    for one, following in pairwise(places):
        if one.offset + one.packed > following.offset:
            raise WaczError(f"{one.name} and {following.name} overlap")
    if places and places[-1].offset + places[-1].packed > size:
        raise WaczError(f"{places[-1].name} reaches beyond the end")
    names = [one.name for one in members]
    if twice := next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None:
        raise WaczError(f"{twice} is there twice")


def check(path: Path, tick: Callable[[int], None] = lambda _: None) -> list[str]:
    """What is wrong with a WACZ file, in words; nothing if all holds: digests, signature, WARC files stored, index sorted and
    each line at its record, revisits with their originals, pages in the index. ``tick`` gets the bytes that were read."""
    try:
        with open_wacz(path) as wacz:
            faults = [*_digest_faults(wacz, tick), *_shape_faults(wacz)]
            faults += [] if faults else [*_index_faults(wacz), *_page_faults(wacz)]
    except (WaczError, OSError, zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
        return [str(error)]
    return faults


def _digest_faults(wacz: Wacz, tick: Callable[[int], None]) -> Iterator[str]:
    resources = wacz.package.get("resources")
    listed = {one.get("path"): one for one in resources if isinstance(one, dict)} if isinstance(resources, list) else {}
    for name, member in wacz.members.items():
        if name in (PACKAGE, DIGEST):
            continue
        known = listed.pop(name, None)
        if known is None:
            yield f"{name} is not listed in {PACKAGE}"
            continue
        algorithm, _, value = str(known.get("hash")).partition(":")
        if algorithm not in ("sha256", "md5"):
            yield f"{name} has no digest that can be checked"
        elif (known.get("bytes"), value) != (member.size, _hash(wacz, name, algorithm, tick)):
            yield f"{name} does not match its digest or size"
    yield from (f"{name} is listed, but missing" for name in listed)
    if DIGEST in wacz.members:
        yield from _signature_faults(wacz)


def _signature_faults(wacz: Wacz) -> Iterator[str]:
    known, digest = wacz.json(DIGEST), "sha256:" + _hash(wacz, PACKAGE, "sha256", lambda _: None)
    if known.get("hash") != digest:
        yield f"{PACKAGE} does not match its digest"
    signed = known.get("signedData")
    if signed is None:
        return
    if not isinstance(signed, dict) or signed.get("created") != wacz.package.get("created"):
        yield "the signature is of another moment than the package"
    elif "domain" in signed:
        yield f"signed for {signed['domain']}: such a signature is checked by authsign, not here"
    else:
        try:
            if not is_signed(digest, signed):
                yield "the signature does not match"
        except SigningError as error:
            yield f"the signature was not checked: {error}"


def _hash(wacz: Wacz, name: str, algorithm: str, tick: Callable[[int], None]) -> str:
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with wacz.open(name) as file:
        while data := file.read(_STEP):
            digest.update(data)
            tick(len(data))
    return digest.hexdigest()


def _shape_faults(wacz: Wacz) -> Iterator[str]:
    if wacz.package.get("profile") != "data-package" or not str(wacz.package.get("wacz_version")).startswith("1."):
        yield f"{PACKAGE} is not of WACZ version 1"
    if not wacz.warcs:
        yield "there is no WARC file in it"
    yield from (f"{one.name} is compressed by the ZIP, players cannot read it" for one in wacz.warcs.values() if not one.stored)
    yield from (
        f"{one.name} lies behind a longer header than the ZIP directory tells" for one in wacz.members.values() if one.hidden
    )
    if BLOCKS in wacz.members and not wacz.members[BLOCKS].stored:
        yield f"{BLOCKS} is compressed by the ZIP, players cannot read it"
    if PLAIN_INDEX not in wacz.members and not {INDEX, BLOCKS} <= wacz.members.keys():
        yield "there is no index in it"
    if PAGES not in wacz.members:
        yield f"{PAGES} is missing"


def _index_faults(wacz: Wacz) -> Iterator[str]:
    last, count = ("", ""), 0
    with wacz.index() as index, wacz.path.open("rb") as file, wacz.index() as originals:
        for entry in index:
            count += 1
            if (entry.key, entry.timestamp) < last:
                yield f"the index is not sorted at {entry.key} {entry.timestamp}"
            last = entry.key, entry.timestamp
            try:
                if (found := _target(file, *wacz.place(entry))) != entry.url:
                    yield f"{entry.filename} at {entry.offset} has {found or 'no record'}, the index says {entry.url}"
            except WaczError as error:
                yield f"{entry.url}: {error}"
            if entry.mime == "warc/revisit" and not _has_original(originals, entry, file, wacz):
                yield f"{entry.url} of {entry.timestamp} is a revisit without its original"
    if not count:
        yield "the index is empty"


def record_head(file: BinaryIO, offset: int, length: int) -> bytes:
    """The WARC head, at most 64 KiB, of the record that lies at ``offset``; empty if there is none."""
    file.seek(offset)
    data = file.read(min(length, 1 << 16))
    if data[:2] == b"\x1f\x8b":
        try:
            data = isal_zlib.decompressobj(31).decompress(data, 1 << 16)
        except IsalError:
            return b""
    return data.partition(b"\r\n\r\n")[0] if data.startswith(b"WARC/") else b""


def head_field(head: bytes, name: str) -> str | None:
    """First value of a field in a WARC head."""
    found = re.search(rb"(?im)^" + re.escape(name.encode()) + rb":[ \t]*([^\r\n]*?)[ \t]*\r?$", head)
    return found[1].decode("utf-8", "replace") if found else None


def _target(file: BinaryIO, offset: int, length: int) -> str | None:
    value = head_field(record_head(file, offset, length), "WARC-Target-URI")
    return value.removeprefix("<").removesuffix(">").replace(" ", "%20") if value else None


def _has_original(index: Index, revisit: Entry, file: BinaryIO, wacz: Wacz) -> bool:
    head = record_head(file, *wacz.place(revisit))
    return any(True for _ in originals_of(index, revisit, head))


def originals_of(index: Index, revisit: Entry, head: bytes) -> Iterator[Entry]:
    """The records that a revisit with the WARC head ``head`` may refer to: the address and date that it names, or, where it
    names none, its own address and digest (WARC 1.1, 6.7)."""
    url, date = head_field(head, "WARC-Refers-To-Target-URI"), head_field(head, "WARC-Refers-To-Date")
    timestamp = re.sub(r"\D", "", date or "")[:14]
    for entry in index.lines(url or revisit.url):
        if entry.mime == "warc/revisit" or entry.url != (url or revisit.url):
            continue
        if entry.timestamp == timestamp if timestamp else entry.digest == revisit.digest:
            yield entry


def _page_faults(wacz: Wacz) -> Iterator[str]:
    header = json.loads(next(wacz.page_lines(), b"null"))
    if not isinstance(header, dict) or header.get("format") != "json-pages-1.0":
        yield f"{PAGES} has no header line"
    with tempfile.TemporaryDirectory() as folder, wacz.index() as index:
        pages = Lines(Path(folder))  # in the order of the index, so that each of its blocks is read once
        for page in wacz.pages():
            url, stamp = str(page.get("url")), re.sub(r"\D", "", str(page.get("ts")))[:14]
            pages.add(json.dumps([surt(url), stamp, url]).encode() + b"\n")
        for line in pages:
            key, stamp, url = json.loads(line)
            if not any(entry.url == url and entry.timestamp == stamp for entry in index.of_key(key)):
                yield f"the page {url} of {stamp} is not in the index"
