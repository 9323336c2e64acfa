"""The frontier's sqlite file: its tables, and what its errors mean."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

_TABLES = """
CREATE TABLE IF NOT EXISTS crawls (number INTEGER PRIMARY KEY, crawl_id TEXT, command TEXT, spider TEXT, began INTEGER);
CREATE TABLE IF NOT EXISTS hosts (number INTEGER PRIMARY KEY, name TEXT UNIQUE, raised INTEGER, banned INTEGER);
CREATE TABLE IF NOT EXISTS waiting (crawl INTEGER, host INTEGER, count INTEGER, PRIMARY KEY (crawl, host)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS queue (
    serial INTEGER PRIMARY KEY, crawl INTEGER, host INTEGER, rank INTEGER, address INTEGER, request TEXT
);
CREATE INDEX IF NOT EXISTS turns ON queue (crawl, host, rank);
CREATE TABLE IF NOT EXISTS seen (key INTEGER PRIMARY KEY, address INTEGER);
CREATE TABLE IF NOT EXISTS ledger (
    address INTEGER PRIMARY KEY, crawl INTEGER, host INTEGER, url TEXT, purpose TEXT, sources TEXT, first INTEGER, last INTEGER,
    dated INTEGER, state INTEGER, reason TEXT, settled INTEGER, record TEXT
);
CREATE INDEX IF NOT EXISTS held ON ledger (crawl) WHERE state = 99;
CREATE TABLE IF NOT EXISTS documents (number INTEGER PRIMARY KEY, url TEXT UNIQUE);
CREATE TABLE IF NOT EXISTS given (url TEXT PRIMARY KEY) WITHOUT ROWID;
"""
VERSION = 1
DAMAGED = ".damaged"
_BUSY_SECONDS = 2.0
_WAITED_FOR = {sqlite3.SQLITE_FULL: errno.ENOSPC, sqlite3.SQLITE_IOERR: errno.EFBIG, sqlite3.SQLITE_BUSY: errno.EBUSY}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class FrontierError(Exception):
    """A frontier file that cannot be used; the message names it, the reason and the mend."""


class FrontierDamagedError(FrontierError, OSError):
    """A frontier file that holds something else than it should; it was set aside."""

    def __init__(self, words: str) -> None:
        super().__init__(errno.EIO, words)

    def __str__(self) -> str:
        return str(self.strerror)


@contextmanager
def understood(path: Path) -> Iterator[None]:
    """sqlite's errors as what they mean: the disk is full, the file is locked or damaged."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in _DAMAGED:
            set_aside(path)
            raise FrontierDamagedError(f"{path} is damaged ({error}); the next crawl makes it anew") from error
        if code in _WAITED_FOR:
            held = f"{path} is locked by another program: close that"
            raise OSError(_WAITED_FOR[code], held if code == sqlite3.SQLITE_BUSY else f"{path.name}: {error}") from error
        raise


def set_aside(path: Path) -> None:
    """Give a damaged file another name; the next one is made anew."""
    for suffix in ("", "-wal", "-shm"):  # another file's log must not be taken for that of the next
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(path.with_name(path.name + DAMAGED + suffix))


def read_only(path: Path) -> closing[sqlite3.Connection]:
    """A connection beside the one that writes: it sees what was committed."""
    return closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True))


def make_durable(path: Path) -> None:
    """Let what was committed outlast a power cut: sqlite brings its log to the disk no sooner than it empties it into the file.

    Raises OSError."""
    with suppress(FileNotFoundError), path.with_name(path.name + "-wal").open("rb") as log:
        os.fsync(log.fileno())


def open_file(path: Path) -> sqlite3.Connection:
    """The file, made if it is missing. Raises FrontierError, and sqlite's own errors."""
    database = sqlite3.connect(path, timeout=_BUSY_SECONDS, check_same_thread=False)
    try:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise FrontierError(f"{path}: written by a newer Broadsheet; use that one, or delete the file and begin anew")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA wal_autocheckpoint = 20000")  # pages; ``checkpoint`` comes before, and beside the event loop
        database.execute("PRAGMA cache_size = -16000")
        database.execute("PRAGMA secure_delete = OFF")
        if version < VERSION:
            database.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
    except BaseException:
        database.close()
        raise
    return database
