"""What one connection carries for one request, as it crosses the wire, within limits; a long answer goes on in a file."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from archive.http import parse_head, split_interim

MOST_LINES = 2_000  # of the head of an answer, with interim answers
_LONG = 4 << 20  # bytes of an answer that are in memory at most
_TINY, _MOST_TINY = 6, 50_000  # bytes between line breaks of a chunked body, on average, and line breaks from which it counts


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes that are received at most: of an answer's head, and of the whole message as it crosses the wire (0: no limit)."""

    head: int
    message: int


@dataclass(slots=True)
class Attempt:
    """What one connection carried for one request. ``cut`` says why we hung up, if we did; a long answer goes on in a file, in
    ``folder`` if there is one, which has ``kept`` bytes of it."""

    limits: Limits
    folder: Path | None = None
    began: int = field(default_factory=time.time_ns)
    sent: list[bytes] = field(default_factory=list)
    received: list[bytes] = field(default_factory=list)
    peer: str | None = None
    tls_version: str | None = None
    cipher: str | None = None
    surplus: int = 0
    size: int = 0
    lines: int = 0
    cut: str | None = None
    ended: bool = False
    clean: bool = True
    hung_up: bool = False
    file: BinaryIO | None = None
    kept: int = 0

    def add(self, data: bytes) -> None:
        """Note what came."""
        self.received.append(data)
        self.size += len(data)
        if self.folder and self.size - self.kept > _LONG:
            try:
                self._keep()
            except OSError:  # the disk is full: the rest stays in memory
                self.folder = None

    def _keep(self) -> None:
        if self.file is None:
            # without a name: it is gone if the process dies
            self.file = TemporaryFile(dir=self.folder)  # noqa: SIM115
        data = b"".join(self.received)
        self.received = [data]
        while data:
            written = os.pwrite(self.file.fileno(), data, self.kept)
            self.kept, data = self.kept + written, data[written:]
            self.received = [data] if data else []

    def answer(self) -> tuple[bytes, BinaryIO | None]:
        """What came, but for what followed the end of the message; of a long one the beginning, and a file with all of it."""
        whole = self.size - self.surplus
        if self.file:
            with suppress(OSError):
                self._keep()
                self.file.truncate(whole)
                begin = os.pread(self.file.fileno(), _LONG, 0)
                if (head := parse_head(split_interim(begin)[1])) and head.complete and head.codings in ([], ["gzip"]):
                    return begin, self.file
            self.received.insert(0, os.pread(self.file.fileno(), self.kept, 0))
        received = b"".join(self.received)
        self.received = [received]  # the pieces would take the same memory again
        return received[:whole], None

    def excess(self, *, in_head: bool, chunked: bool, data: bytes) -> str | None:
        """Why no more is taken: the head is too long, or the whole message with all its framing, or it is nearly all framing:
        each chunk is work, however small."""
        if in_head or chunked:
            self.lines += data.count(b"\n")
        if in_head and (self.size > self.limits.head or self.lines > MOST_LINES):
            return f"the head is longer than BROADSHEET_HEAD_MAXSIZE ({self.limits.head:,} bytes) or {MOST_LINES:,} lines"
        if 0 < self.limits.message < self.size:
            return f"more than {self.limits.message:,} bytes for one answer"
        if chunked and self.lines > _MOST_TINY and self.size < self.lines * _TINY:
            return f"it comes in chunks of a few bytes, more than {_MOST_TINY // 2:,} of them"
        return None
