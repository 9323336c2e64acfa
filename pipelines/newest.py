"""The newest version of each article, and which records have rows, as the articles table has it: ``state/versions.sqlite``.

Derived from the table, and may be deleted. A part of the table is taken in when it is published, with its name and time in the
same transaction; a part that a crash kept from being taken in, or that was written again, is found by the next run.
"""

from __future__ import annotations

import errno
import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from archive.tables import Table
from archive.url import surt

_TABLES = """
CREATE TABLE parts (name TEXT PRIMARY KEY, stamp INTEGER) WITHOUT ROWID;
CREATE TABLE newest (article BLOB PRIMARY KEY, version INTEGER, cells TEXT) WITHOUT ROWID;
CREATE TABLE records (id BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE pages (url BLOB PRIMARY KEY, article TEXT) WITHOUT ROWID;
"""
_KEEP_NEWER = """
INSERT INTO newest VALUES (?, ?, ?) ON CONFLICT (article) DO UPDATE SET version = excluded.version, cells = excluded.cells
WHERE excluded.version >= version
"""


class Newest:
    """The cells ``columns`` of the newest row of every article, ``article_id`` and ``version`` among them; about 350 bytes an
    article on the disk, and in memory only what is not published yet. Raises OSError if the file cannot be opened."""

    def __init__(self, path: Path, table: Table, columns: Sequence[str]) -> None:
        self._path, self._table, self._columns = path, table, columns
        self._fresh: dict[str, dict[str, Any]] = {}
        self._fresh_pages: dict[str, str] = {}
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._open()
            self._catch_up()
        except sqlite3.OperationalError as error:  # no room, no right: nothing is wrong with the file
            raise OSError(errno.EIO, f"{path}: {error}") from error
        except sqlite3.DatabaseError:
            self._begin_anew()

    def _open(self) -> None:
        self._database, self._reader = _connect(self._path), _connect(self._path)  # the second never waits for the first
        version = int.from_bytes(_key(",".join(self._columns))[:3])
        found = self._database.execute("PRAGMA user_version").fetchone()[0]
        if found not in (0, version):
            raise sqlite3.DatabaseError("made by another version")
        if found == 0:
            self._database.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {version}; COMMIT;")

    def _begin_anew(self) -> None:
        with self._lock:
            self.close()
            for path in self._path.parent.glob(self._path.name + "*"):
                path.unlink()
            self._open()
            self._catch_up()

    def close(self) -> None:
        """Close the file."""
        with suppress(AttributeError):  # it could not be opened
            self._database.close()
            self._reader.close()

    def get(self, article: str) -> Mapping[str, Any] | None:
        """The newest version of an article."""
        if found := self._fresh.get(article):
            return found
        row = self._ask("SELECT cells FROM newest WHERE article = ?", article)
        return json.loads(row[0]) if row else None

    def has_record(self, record_id: str) -> bool:
        """Whether a published row was made from a record."""
        return self._ask("SELECT 1 FROM records WHERE id = ?", record_id) is not None

    def of_page(self, key: str) -> str | None:
        """The article that a page with this SURT key is one of."""
        if found := self._fresh_pages.get(key):
            return found
        row = self._ask("SELECT article FROM pages WHERE url = ?", key)
        return str(row[0]) if row else None

    def _ask(self, question: str, name: str) -> Any:
        try:
            return self._reader.execute(question, (_key(name),)).fetchone()
        except sqlite3.DatabaseError:  # damaged; and a row must not become a version that there is already
            self._begin_anew()
            return self._reader.execute(question, (_key(name),)).fetchone()

    def put(self, row: Mapping[str, Any]) -> None:
        """Take a row that is on its way to the table."""
        self._fresh[row["article_id"]] = {name: row[name] for name in self._columns}
        self._fresh_pages |= dict.fromkeys(_pages(row), row["article_id"])

    def learn(self, parts: Iterable[Path], rows: Iterable[Mapping[str, Any]]) -> None:
        """Take published parts and their rows. If the disk refuses, the rows stay in memory, and the next run finds the parts
        missing; for a thread beside the event loop."""
        with suppress(sqlite3.DatabaseError), self._lock:
            self._take([(self._name(part), _stamp(part)) for part in parts], rows)
            for row in rows:
                known = self._fresh.get(row["article_id"])
                if known and known["version"] <= row["version"]:
                    self._fresh.pop(row["article_id"], None)
                    for key in _pages(row):
                        self._fresh_pages.pop(key, None)

    def forget_parts(self, parts: Iterable[Path]) -> None:
        """The rows of these parts are in another by now. If the disk refuses, the next run begins anew."""
        with suppress(sqlite3.DatabaseError), self._lock, self._database:
            self._database.executemany("DELETE FROM parts WHERE name = ?", ((self._name(part),) for part in parts))

    def _take(self, parts: Iterable[tuple[str, int]], rows: Iterable[Mapping[str, Any]]) -> None:
        with self._database:
            self._database.executemany("INSERT OR REPLACE INTO parts VALUES (?, ?)", parts)
            for row in rows:
                cells = json.dumps({name: row.get(name) for name in self._columns})
                self._database.execute(_KEEP_NEWER, (_key(row["article_id"]), row["version"], cells))
                self._database.execute("INSERT OR IGNORE INTO records VALUES (?)", (_key(row["warc_record_id"]),))
                pages = [(_key(key), row["article_id"]) for key in _pages(row)]
                self._database.executemany("INSERT OR REPLACE INTO pages VALUES (?, ?)", pages)

    def _catch_up(self) -> None:
        """Take the parts that are not in the file as they are; begin anew if there are parts in it that are no more."""
        known = dict(self._database.execute("SELECT name, stamp FROM parts"))
        parts = {self._name(part): part for part in self._table.parts()}
        if known.keys() - parts.keys():
            with self._database:
                for table in ("parts", "newest", "records", "pages"):
                    self._database.execute(f"DELETE FROM {table}")  # noqa: S608
            known = {}
        for name, part in parts.items():
            if known.get(name) != (stamp := _stamp(part)):
                file = pq.ParquetFile(part)
                columns = [column for column in self._columns if column in file.schema_arrow.names]
                self._take([(name, stamp)], file.read(columns=columns).to_pylist())

    def _name(self, part: Path) -> str:
        return part.relative_to(self._table.folder).as_posix()


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, check_same_thread=False)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    return database


def _pages(row: Mapping[str, Any]) -> list[str]:
    return [surt(page["url"]) for page in row.get("pages") or ()]


def _stamp(part: Path) -> int:
    return part.stat().st_mtime_ns


def _key(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()[:16]
