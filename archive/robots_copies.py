"""The last good robots.txt of each authority, kept in the collection from run to run: one sqlite file, which may be deleted."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

_TABLE = """
CREATE TABLE IF NOT EXISTS robots (authority TEXT PRIMARY KEY, fetched REAL, record_id TEXT, body BLOB) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class Copy:
    """A robots.txt as it was read: ``fetched`` in seconds since 1970, ``record_id`` names its WARC record, if it has one."""

    body: bytes
    fetched: float
    record_id: str | None


class RobotsCopies:
    """A mapping of authorities (``https://example.org``) to copies. Without a ``path`` it forgets at the end of the run.

    What the disk refuses is not kept: a crawl never fails for it.
    """

    def __init__(self, path: Path | None) -> None:
        try:
            self._database = _opened(path)
        except sqlite3.DatabaseError:
            assert path is not None
            path.unlink()
            self._database = _opened(path)

    def get(self, authority: str) -> Copy | None:
        """The last good copy."""
        columns = "SELECT body, fetched, record_id FROM robots WHERE authority = ?"
        row = self._database.execute(columns, (authority,)).fetchone()
        return Copy(*row) if row else None

    def put(self, authority: str, copy: Copy) -> None:
        """Keep a copy in place of the one before."""
        row = (authority, copy.fetched, copy.record_id, copy.body)
        with suppress(sqlite3.OperationalError), self._database:
            self._database.execute("INSERT OR REPLACE INTO robots VALUES (?, ?, ?, ?)", row)

    def forget(self, authority: str) -> None:
        """The authority has none any more."""
        with suppress(sqlite3.OperationalError), self._database:
            self._database.execute("DELETE FROM robots WHERE authority = ?", (authority,))

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _opened(path: Path | None) -> sqlite3.Connection:
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(path or ":memory:", check_same_thread=False)  # scrapy shell opens it in another thread
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    database.execute(_TABLE)
    return database


def forget_hosts(path: Path, covers: Callable[[str], bool]) -> None:
    """Take the copies of hosts out of a file, if there is one, leaving nothing of them in it; ``covers`` is asked with the
    authority's root."""
    if not path.exists():
        return
    with closing(_opened(path)) as database:
        database.execute("PRAGMA secure_delete = ON")
        names = [name for (name,) in database.execute("SELECT authority FROM robots") if covers(_root(name))]
        with database:
            database.executemany("DELETE FROM robots WHERE authority = ?", ((name,) for name in names))
        if names:
            database.execute("VACUUM")
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _root(name: str) -> str:
    """``https://example.org/`` of any name that a copy has."""
    return "/".join(name.split("/")[:3]) + "/"
