"""Writing WARC files that survive a crash: one write for a capture; ``.open`` and locked until closed, by size or age."""

from __future__ import annotations

import fcntl
import math
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from archive.capture import Capture
from archive.exchange import Exchange
from archive.record import Original, Records, member, new_record_id, outlinks_of, records_of, warc_date, warc_fields
from archive.rights import header_restrictions
from archive.validators import validators_of
from archive.whole import sync_folder

OPEN_SUFFIX = ".open"
CONFORMS_TO = "http://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/"


class Place(NamedTuple):
    """Where one record lies: file name, first byte of its gzip member, bytes of it."""

    filename: str
    offset: int
    length: int


class WarcFile:
    """One WARC file while it grows: named ``….warc.gz.open`` and locked, renamed to ``….warc.gz`` when closed."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.final = folder / name
        self.path = folder / (name + OPEN_SUFFIX)
        self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
        fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.size = 0
        self.began = time.monotonic()
        self._closing = threading.Lock()
        self._closed = False

    def append(self, members: Sequence[bytes]) -> list[Place]:
        """Write all members or none; returns their places. Raises OSError (disk full …) with the file as it was."""
        data = memoryview(b"".join(members))
        try:
            done = 0
            while done < len(data):
                done += os.write(self._fd, data[done:])
        except OSError:
            os.ftruncate(self._fd, self.size)
            raise
        places, at = [], self.size
        for one in members:
            places.append(Place(self.name, at, len(one)))
            at += len(one)
        self.size = at
        return places

    def sync(self) -> None:
        """Make what was written safe against power loss; may be called from another thread."""
        with self._closing:
            if not self._closed:
                os.fsync(self._fd)

    def discard(self) -> None:
        """Remove the file, which holds nothing yet."""
        self.path.unlink()
        os.close(self._fd)
        self._closed = True

    def close(self) -> None:
        """Sync, take the final name, make that name durable, unlock."""
        with self._closing:
            os.fsync(self._fd)
            self.path.rename(self.final)
            sync_folder(self.final.parent)
            os.close(self._fd)
            self._closed = True


class WarcWriter:
    """A series of WARC files in one folder, each begun with a warcinfo record of ``info`` and closed at ``max_bytes``, or when
    it is ``max_seconds`` old.

    ``announce`` is told the name of each before it is made. ``names`` are those of all, the one at hand last.
    """

    def __init__(
        self,
        folder: Path,
        info: Iterable[tuple[str, str]],
        prefix: str,
        max_bytes: int,
        announce: Callable[[str], None] = lambda name: None,
        *,
        max_seconds: float = math.inf,
    ) -> None:
        self._announce, self._max_seconds = announce, max_seconds
        self._folder, self._prefix, self._max_bytes = folder, prefix, max_bytes
        self._info = [*info, ("format", "WARC File Format 1.1"), ("conformsTo", CONFORMS_TO)]
        self._serial = 0
        self.names: list[str] = []
        self.bytes_written = 0
        self._file, self.warcinfo_id = self._begin()

    def write(self, exchange: Exchange, original: Original | None = None) -> Capture:
        """Append the records of one exchange; the capture says where. Raises OSError if the disk refuses; then nothing
        of it is in the file.

        If the answer is that of ``original``, a revisit record refers to it.
        """
        if self._file.size >= self._max_bytes or self._is_old:
            self._rotate()
        records = records_of(exchange, self.warcinfo_id, original)
        places = self._file.append(records.members)
        self.bytes_written += sum(place.length for place in places)
        return _capture(exchange, records, places[0])

    def write_outlinks(self, capture: Capture, links: Iterable[str]) -> None:
        """Append where the page of a capture leads. Raises OSError if the disk refuses."""
        self._file.append([outlinks_of(capture.record_id, capture.url, capture.date, self.warcinfo_id, links)])

    def sync(self) -> None:
        """Make all captures written so far durable (fsync)."""
        self._file.sync()

    def close(self) -> None:
        """Close the file at hand; the writer is of no more use."""
        self._file.close()

    def rotate_if_old(self) -> None:
        """Close the file at hand and begin another, if it is old and holds anything. Raises OSError if the disk refuses."""
        if self._is_old and self._file.size > self._empty:
            self._rotate()

    @property
    def _is_old(self) -> bool:
        return time.monotonic() - self._file.began >= self._max_seconds

    def _rotate(self) -> None:
        # the next file first: another process that looks for a locked file always finds one
        full = self._file
        self._file, self.warcinfo_id = self._begin()
        full.close()

    def _begin(self) -> tuple[WarcFile, str]:
        now = datetime.now(UTC)
        name = f"{self._prefix}-{now:%Y%m%d%H%M%S}{now.microsecond // 1000:03}-{self._serial:05}-{os.getpid()}.warc.gz"
        self._serial += 1
        self._announce(name)
        file, info_id = WarcFile(self._folder, name), new_record_id()
        fields = [("WARC-Date", warc_date(now)), ("WARC-Filename", name), ("Content-Type", "application/warc-fields")]
        try:
            file.append([member("warcinfo", info_id, fields, warc_fields(self._info))])
        except OSError:
            file.discard()
            raise
        self.names.append(name)
        self._empty = file.size
        return file, info_id


def _capture(exchange: Exchange, records: Records, place: Place) -> Capture:
    head = records.head
    return Capture(
        url=exchange.url,
        date=records.date,
        record_id=records.record_id,
        record_type=records.record_type,
        filename=place.filename,
        offset=place.offset,
        length=place.length,
        status=head.status if head else None,
        digest=records.digest,
        content_type=head.get("content-type") if head else None,
        location=head.get("location") if head else None,
        truncated=exchange.truncated if head else None,
        request_record_id=records.request_record_id,
        ip_address=records.peer,
        milliseconds=round(exchange.seconds * 1000),
        error=exchange.error,
        purpose=exchange.purpose,
        via=exchange.via,
        announced=exchange.announced,
        page_id=exchange.page_id,
        unpacked=records.unpacked,
        original=records.original,
        validators=validators_of(head, records.date) if head else None,
        restrictions=header_restrictions(head, exchange.url),
    )
