"""HTTP/1.x messages as bytes: where the head ends, what the body is, what was sent in it (RFC 9112, RFC 2616).

Lenient on purpose: archives hold what servers really sent, so a malformed line is passed over and never raised.
"""

from __future__ import annotations

import io
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

import brotli

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_INTERIM = re.compile(rb"HTTP/1\.\d 1\d\d[ \r\n]")
_STATUS_LINE = re.compile(rb"HTTP/(\d(?:\.\d)?)[ \t]+(\d{3})(?!\d)")
_SECRET = re.compile(rb"(?im)^(authorization|cookie|proxy-authorization)([ \t]*:)[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*")
# user name and password in the request target (as proxies are sent it) or in the Host field
_USERINFO = re.compile(rb"(?im)(\A\S+ https?://|^host[ \t]*:[ \t]*)[^\s/?#]*@")
# header fields that are no longer true of a body once its codings are undone
_FRAMING = re.compile(rb"(?im)^(content-encoding|transfer-encoding|content-length)(?=[ \t]*:)")
_MAX_UNPACKED = 64 << 20
_PIECE = 256 << 10  # bytes of a long message that are in memory at once
_MOST_MEMBERS = 100  # of a gzip stream: the rest is copied for each, and a page of a million empty ones would take hours


@dataclass(frozen=True, slots=True)
class Head:
    """A response's status line and header fields; ``size`` is where the body begins."""

    version: str
    status: int
    fields: tuple[tuple[str, str], ...]
    size: int
    complete: bool

    def get(self, name: str) -> str | None:
        """First value of the field ``name`` (lower case), or None."""
        return next((value for key, value in self.fields if key == name), None)

    def all(self, name: str) -> str:
        """All values of the field ``name`` (lower case), joined as RFC 9110, 5.3 says."""
        return ", ".join(value for key, value in self.fields if key == name)

    @property
    def codings(self) -> list[str]:
        """Content codings in the order in which they were applied, lower case (RFC 9110, 8.4)."""
        return [coding for part in self.all("content-encoding").split(",") if (coding := part.strip().lower())]


def split_interim(raw: bytes) -> tuple[bytes, bytes]:
    """Part the interim answers (1xx) from the final response that follows them."""
    end = 0
    while _INTERIM.match(raw, end) and (found := _HEAD_END.search(raw, end)):
        end = found.end()
    return raw[:end], raw[end:]


def parse_head(raw: bytes) -> Head | None:
    """Read a response's head, or None where the bytes do not begin like an HTTP response."""
    status = _STATUS_LINE.match(raw)
    if status is None:
        return None
    end = _HEAD_END.search(raw)
    head = raw[: end.start()] if end else raw
    lines = re.sub(rb"\r?\n[ \t]+", b" ", head).split(b"\n")[1:]
    fields = tuple(
        (name.strip().lower().decode("latin-1"), value.strip().decode("latin-1"))
        for name, colon, value in (line.partition(b":") for line in lines)
        if colon
    )
    return Head(status[1].decode(), int(status[2]), fields, end.end() if end else len(raw), end is not None)


def dechunk(body: bytes) -> bytes:
    """Undo chunked framing (RFC 9112, 7.1); of a cut or malformed body, what can be read."""
    return b"".join(_dechunked(io.BytesIO(body)))


def _dechunked(file: BinaryIO) -> Iterator[bytes]:
    while (line := file.readline()).endswith(b"\n"):
        try:
            size = int(line.split(b";")[0].strip(), 16)
        except ValueError:
            return
        if size <= 0:
            return
        while size and (piece := file.read(min(size, _PIECE))):
            yield piece
            size -= len(piece)
        if (end := file.read(2)) != b"\r\n":
            file.seek(1 - len(end), os.SEEK_CUR)


def pieces(file: BinaryIO, start: int) -> Iterator[bytes]:
    """What is in a file from a byte on, piece by piece."""
    file.seek(start)
    return iter(partial(file.read, _PIECE), b"")


def entity_pieces(file: BinaryIO, start: int, head: Head) -> Iterator[bytes]:
    """The payload, as ``entity_body`` gives it, of a response whose body begins at a byte of a file."""
    if not _is_chunked(head):
        return pieces(file, start)
    file.seek(start)
    return _dechunked(file)


def entity_body(raw: bytes, head: Head | None = None) -> bytes | None:
    """The payload of a response (WARC 1.1, 6.3.2): transfer coding undone, content coding kept; None without a head.

    ``head`` is the parsed head, if it is at hand.
    """
    head = head or parse_head(raw)
    if head is None or not head.complete:
        return None
    body = raw[head.size :]
    return dechunk(body) if _is_chunked(head) else body


def _is_chunked(head: Head) -> bool:
    return "chunked" in head.all("transfer-encoding").lower()


def content(raw: bytes, limit: int) -> bytes:
    """The document a response carries, transfer and content codings undone, at most ``limit`` bytes of it.

    Raises ValueError for a coding that cannot be undone or a body that does not follow its coding.
    """
    head, body = parse_head(raw), entity_body(raw)
    if head is None or body is None:
        raise ValueError("no HTTP response head")
    for coding in reversed(head.codings):
        body = _decode(body, coding, limit)
    return body[:limit]


def playable(raw: bytes, head: Head) -> tuple[bytes, str | None]:
    """A response in a form that every player can read, and the content codings that were undone for it.

    Players read gzip, and some of them nothing else (docs/decisions.md): a body that a server sent in another coding is
    unpacked, and the header fields that spoke of its old form are renamed ``x-orig-…``, as Browsertrix does. What needs no
    change, cannot be unpacked, or would become longer than 64 MiB comes back as it is, with None.
    """
    if not head.complete or head.codings == ["gzip"] or not _CODINGS.keys() & set(head.codings):
        return raw, None
    try:
        body = content(raw, _MAX_UNPACKED + 1)
    except ValueError:
        return raw, None
    if len(body) > _MAX_UNPACKED:
        return raw, None
    lines = _FRAMING.sub(lambda name: b"x-orig-" + name[1].lower(), raw[: head.size].rstrip(b"\r\n"))
    return lines + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body, ", ".join(head.codings)


def _decode(body: bytes, coding: str, limit: int) -> bytes:
    if coding in ("compress", "x-compress", "sdch"):
        raise ValueError(f"content coding {coding!r} cannot be undone")
    undo = _CODINGS.get(coding)
    if undo is None:
        return body  # identity, none, utf-8 …: servers write all kinds of things here, and browsers read it as it came
    try:
        return undo(body, limit)
    except (zlib.error, brotli.error, zstd.ZstdError) as error:
        raise ValueError(f"body is not {coding}: {error}") from error


def _gunzip(body: bytes, limit: int) -> bytes:
    """The members of a gzip stream, as browsers read them; what follows the last one is no part of it."""
    out = b""
    for _ in range(_MOST_MEMBERS):
        unpacker = zlib.decompressobj(31)
        out += unpacker.decompress(body, limit - len(out))
        body = unpacker.unused_data
        if len(out) >= limit or not body.startswith(b"\x1f\x8b"):
            break
    return out


def _inflate(body: bytes, limit: int) -> bytes:
    # the standard means zlib's form, some servers send the bare one
    return zlib.decompressobj(15 if body[:1] == b"\x78" else -15).decompress(body, limit)


def _unzstd(body: bytes, limit: int) -> bytes:
    unpacker = zstd.ZstdDecompressor()
    out = unpacker.decompress(body, limit)
    while len(out) < limit and not unpacker.eof and not unpacker.needs_input:
        out += unpacker.decompress(b"", limit - len(out))
    return out


def _unbrotli(body: bytes, limit: int) -> bytes:
    unpacker = brotli.Decompressor()
    out = bytes(unpacker.process(body, output_buffer_limit=limit))
    while len(out) < limit and not unpacker.is_finished():
        more = bytes(unpacker.process(b"", output_buffer_limit=limit))
        if not more:
            raise brotli.error("it ends too soon")
        out += more
    return out


_CODINGS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _inflate,
    "br": _unbrotli,
    "zstd": _unzstd,
}


def redact(request: bytes) -> tuple[bytes, list[str]]:
    """Blank the secrets in a request's head: values of secret header fields, and credentials in its address.

    Also returns what was blanked: the fields' names, and ``address``.
    """
    end = _HEAD_END.search(request)
    head, rest = (request[: end.start()], request[end.start() :]) if end else (request, b"")
    names = [found[1].decode("latin-1") for found in _SECRET.finditer(head)]
    names += ["address"] if _USERINFO.search(head) else []
    head = _USERINFO.sub(rb"\1redacted@", _SECRET.sub(rb"\1\2 redacted", head))
    return (head + rest if names else request), names
