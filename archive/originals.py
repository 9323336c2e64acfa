"""Where each address's payload was last stored in full, so that a later visit that finds the same can refer to it."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import uuid
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from archive.capture import Capture
from archive.excerpt import Excerpt
from archive.record import Original
from archive.validators import Validators
from archive.warc import OPEN_SUFFIX

_TABLES = """
CREATE TABLE IF NOT EXISTS originals (
    url BLOB PRIMARY KEY, digest TEXT, record_id BLOB, date INTEGER, filename TEXT, "offset" INTEGER, length INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS confirmed (url BLOB PRIMARY KEY, date INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS validators (url BLOB PRIMARY KEY, etag TEXT, last_modified TEXT) WITHOUT ROWID;
"""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fresh:
    """What is not saved yet: payloads stored in full, instants at which a later visit found the same, and by what to ask for it
    (None: the answer named nothing)."""

    originals: dict[bytes, Original]
    confirmed: dict[bytes, datetime]
    validators: dict[bytes, Validators | None]


class Originals:
    """A sqlite file of about 250 bytes an address, beside the WARC files in ``archive``. May be deleted: payloads are then
    stored in full once more.

    What is added is found at once, and saved by ``commit``, to be called when the records are durable: no record may refer
    to one that a crash took.
    """

    def __init__(self, path: Path, archive: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._archive = archive
        self._lock = threading.Lock()
        self._fresh = Fresh({}, {}, {})
        try:
            self._open(path)
        except sqlite3.DatabaseError:
            path.unlink()
            self._open(path)

    def _open(self, path: Path) -> None:
        self._database = sqlite3.connect(path, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(_TABLES)

    def get(self, url: str) -> Original | None:
        """The record that holds what ``url`` last answered, if its file is still there."""
        key = _key(url)
        with self._lock:
            found = self._fresh.originals.get(key) or self._saved(key, url)
        return found if found and self._is_there(found.filename) else None

    def last_seen(self, url: str) -> datetime | None:
        """When ``url`` last answered what ``get`` gives: when that was stored, or a later visit that found the same."""
        if (found := self.get(url)) is None:
            return None
        key = _key(url)
        with self._lock:
            again = self._fresh.confirmed.get(key) or self._confirmed(key)
        return max(found.date, again or found.date)

    def validators(self, url: str) -> Validators | None:
        """What to ask by whether what ``get`` gives is still what ``url`` answers."""
        if self.get(url) is None:
            return None
        key = _key(url)
        with self._lock:
            if key in self._fresh.validators:
                return self._fresh.validators[key]
            row = self._database.execute("SELECT etag, last_modified FROM validators WHERE url = ?", (key,)).fetchone()
        return Validators(*row) if row else None

    def _confirmed(self, key: bytes) -> datetime | None:
        row = self._database.execute("SELECT date FROM confirmed WHERE url = ?", (key,)).fetchone()
        return _EPOCH + row[0] * _MICROSECOND if row else None

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
        """Remember a whole answer that was stored in full, or that one was found to be the same as before."""
        key = _key(capture.url)
        if capture.record_type == "revisit":
            with self._lock:
                self._fresh.confirmed[key] = capture.date
                if capture.validators or capture.status == 200:
                    self._fresh.validators[key] = capture.validators
        elif capture.record_type == "response" and capture.status == 200 and capture.digest and not capture.truncated:
            place = (capture.filename, capture.offset, capture.length)
            found = Original(capture.url, capture.date, capture.digest, capture.record_id, *place)
            with self._lock:
                self._fresh.originals[key] = found
                self._fresh.validators[key] = capture.validators

    def take(self) -> Fresh:
        """What was added since the last time; to be given to ``commit`` once its records are durable."""
        with self._lock:
            return Fresh(dict(self._fresh.originals), dict(self._fresh.confirmed), dict(self._fresh.validators))

    def commit(self, durable: Fresh) -> None:
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
            for key, found in durable.originals.items()
        ]
        dates = [(key, (date - _EPOCH) // _MICROSECOND) for key, date in durable.confirmed.items()]
        named = [(key, one.etag, one.last_modified) for key, one in durable.validators.items() if one]
        nameless = [(key,) for key, one in durable.validators.items() if one is None]
        with self._lock:
            try:
                with self._database:
                    self._database.executemany("INSERT OR REPLACE INTO originals VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
                    self._database.executemany("INSERT OR REPLACE INTO confirmed VALUES (?, ?)", dates)
                    self._database.executemany("INSERT OR REPLACE INTO validators VALUES (?, ?, ?)", named)
                    self._database.executemany("DELETE FROM validators WHERE url = ?", nameless)
            except sqlite3.OperationalError:
                return  # the disk is full: they stay in memory until the next time
            _forget(self._fresh.originals, durable.originals)
            _forget(self._fresh.confirmed, durable.confirmed)
            _forget(self._fresh.validators, durable.validators)

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _forget(fresh: dict[bytes, T], saved: dict[bytes, T]) -> None:
    for key, found in saved.items():
        if fresh.get(key) is found:
            fresh.pop(key, None)


def _key(url: str) -> bytes:
    return hashlib.sha256(url.encode()).digest()[:16]


def relocate(path: Path, moves: Mapping[str, tuple[str | None, Excerpt]]) -> None:
    """Let the file at ``path``, if there is one, follow WARC files that were written anew: for each its new name and what
    stayed of it. What did not stay is forgotten."""
    if not path.exists():
        return
    with closing(sqlite3.connect(path)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()  # all by address
        for name, (new, excerpt) in moves.items():
            rows = database.execute('SELECT url, "offset" FROM originals WHERE filename = ?', (name,)).fetchall()
            places = [(new, excerpt.moved(offset), url) for url, offset in rows]
            gone = [(url,) for _, offset, url in places if offset is None]
            with database:
                database.executemany('UPDATE originals SET filename = ?, "offset" = ? WHERE url = ?', places)
                for (table,) in tables:
                    database.executemany(f"DELETE FROM {table} WHERE url = ?", gone)  # noqa: S608
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
