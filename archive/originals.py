"""Where each address's payload was last stored in full, so that a later visit that finds the same can refer to it."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

from archive.capture import Capture
from archive.record import Original
from archive.warc import OPEN_SUFFIX

_TABLE = """
CREATE TABLE IF NOT EXISTS originals (
    url BLOB PRIMARY KEY, digest TEXT, record_id BLOB, date INTEGER, filename TEXT, "offset" INTEGER, length INTEGER
) WITHOUT ROWID
"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Originals:
    """A sqlite file of about 170 bytes an address, beside the WARC files in ``archive``. May be deleted: payloads are then
    stored in full once more.

    What is added is found at once, and saved by ``commit``, to be called when the records are durable: no record may refer
    to one that a crash took.
    """

    def __init__(self, path: Path, archive: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._archive = archive
        self._lock = threading.Lock()
        self._fresh: dict[bytes, Original] = {}
        try:
            self._open(path)
        except sqlite3.DatabaseError:
            path.unlink()
            self._open(path)

    def _open(self, path: Path) -> None:
        self._database = sqlite3.connect(path, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute(_TABLE)

    def get(self, url: str) -> Original | None:
        """The record that holds what ``url`` last answered, if its file is still there."""
        key = _key(url)
        with self._lock:
            found = self._fresh.get(key) or self._saved(key, url)
        return found if found and self._is_there(found.filename) else None

    def _saved(self, key: bytes, url: str) -> Original | None:
        columns = 'digest, record_id, date, filename, "offset", length'
        row = self._database.execute(f"SELECT {columns} FROM originals WHERE url = ?", (key,)).fetchone()  # noqa: S608
        if row is None:
            return None
        digest, record_id, date, *place = row
        return Original(url, _EPOCH + date * _MICROSECOND, digest, f"<urn:uuid:{uuid.UUID(bytes=record_id)}>", *place)

    def _is_there(self, filename: str) -> bool:
        final = self._archive / filename
        return final.exists() or final.with_name(filename + OPEN_SUFFIX).exists()

    def add(self, capture: Capture) -> None:
        """Remember a whole answer that was stored in full."""
        if capture.record_type == "response" and capture.status == 200 and capture.digest and not capture.truncated:
            place = (capture.filename, capture.offset, capture.length)
            found = Original(capture.url, capture.date, capture.digest, capture.record_id, *place)
            with self._lock:
                self._fresh[_key(capture.url)] = found

    def take(self) -> dict[bytes, Original]:
        """What was added since the last time; to be given to ``commit`` once its records are durable."""
        with self._lock:
            return dict(self._fresh)

    def commit(self, durable: dict[bytes, Original]) -> None:
        """Save what ``take`` gave; for a thread beside the event loop."""
        rows = [
            (
                key,
                found.digest,
                uuid.UUID(found.record_id[10:-1]).bytes,
                (found.date - _EPOCH) // _MICROSECOND,
                found.filename,
                found.offset,
                found.length,
            )
            for key, found in durable.items()
        ]
        with self._lock:
            try:
                with self._database:
                    self._database.executemany("INSERT OR REPLACE INTO originals VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            except sqlite3.OperationalError:
                return  # the disk is full: they stay in memory until the next time
            for key, found in durable.items():
                if self._fresh.get(key) is found:
                    del self._fresh[key]

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _key(url: str) -> bytes:
    return hashlib.sha256(url.encode()).digest()[:16]
