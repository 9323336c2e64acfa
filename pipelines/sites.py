"""What the sites of a collection teach, kept in ``state/sites.sqlite``: derived from the articles table, and may be deleted.

Of each host a sample of lessons is kept: those of the 256 articles whose ids are smallest. An id is a hash, so that is a
random sample; whichever articles came first, and however often, it is the same one. Only first versions teach. Lessons are
added with the name of the part of the table that they came from, in one transaction: a part that a crash kept from being
learned is found missing by the next run.
"""

from __future__ import annotations

import errno
import json
import sqlite3
import threading
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from archive.collection import Collection
from archive.text import fold, simhash_folded
from pipelines.blocks import key_of_line
from pipelines.cleaning import clean, restore, uncut_text
from pipelines.site import Learned, Lesson, learn, lesson_of

SAMPLE = 256  # articles of one host
FILE_VERSION = 1

_TABLES = """
CREATE TABLE IF NOT EXISTS parts (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lessons (
    host TEXT, article BLOB, day INTEGER, simhash BLOB, blocks BLOB, PRIMARY KEY (host, article)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS hosts (
    host TEXT PRIMARY KEY, learned TEXT DEFAULT '[]',
    lessons INTEGER DEFAULT 0, changes INTEGER DEFAULT 0, stale INTEGER DEFAULT 0
) WITHOUT ROWID;
"""
_COLUMNS = ["article_id", "version", "url_host_name", "fetched_at", "text", "text_simhash", "site_boilerplate"]
_EVERY = 8  # a host is looked at again once an eighth of its lessons is new
_MOST_HOSTS = 2_000  # whose blocks are held in memory
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Host(NamedTuple):
    """A host of a collection: how many lessons of it are kept, and what was learned."""

    name: str
    lessons: int
    learned: list[Learned]


class Sites:
    """What is known of the sites of ``collection``. A file that is damaged, or of another version, is begun anew.
    Raises OSError if it cannot be opened."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._path = collection.path / "state" / "sites.sqlite"
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._known: dict[str, Mapping[int, Learned]] = {}
        self._changed: set[str] = set()  # hosts, by the transaction that goes on
        self._keep = _kept(collection.path / "keep.txt")
        try:
            self._open()
        except sqlite3.OperationalError as error:  # no room, no right, another process has it: nothing is wrong with the file
            raise OSError(errno.EIO, f"{self._path}: {error}") from error
        except sqlite3.DatabaseError:
            self._begin_anew()

    def _open(self) -> None:
        self._database = _connect(self._path)
        version = self._database.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, FILE_VERSION):
            raise sqlite3.DatabaseError(f"file version {version}")
        if version == 0:
            self._database.executescript(f"{_TABLES} PRAGMA user_version = {FILE_VERSION};")
        self._reader = _connect(self._path)  # never waits for what is being learned

    def _begin_anew(self) -> None:
        for path in self._path.parent.glob(self._path.name + "*"):
            path.unlink()
        self._open()

    def close(self) -> None:
        """Close the file."""
        self._database.close()
        self._reader.close()

    def clean(self, row: dict[str, Any]) -> None:
        """Take out of an uncut row what its host has taught so far."""
        if learned := self._learned(row["url_host_name"]):
            clean(row, learned, self._keep)

    def clean_again(self, row: dict[str, Any]) -> None:
        """Put back what was taken out of a row, then take out what its host has taught by now. Raises ValueError if what the
        row says was taken out is not of its text."""
        restore(row)
        self.clean(row)

    def _learned(self, host: str) -> Mapping[int, Learned]:
        known = self._known.get(host)
        if known is None:
            if len(self._known) >= _MOST_HOSTS:
                self._known.clear()
            found = None
            with suppress(sqlite3.Error):  # a damaged file costs what it would have told
                found = self._reader.execute("SELECT learned FROM hosts WHERE host = ?", (host,)).fetchone()
            known = self._known[host] = {one.key: one for one in _read(found[0])} if found else {}
        return known

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction. Raises OSError if the disk refuses, or the file is damaged."""
        with self._lock:
            self._changed.clear()
            try:
                with self._database:
                    yield
            except sqlite3.Error as error:
                raise OSError(errno.EIO, f"{self._path}: {error}") from error
            for host in self._changed:  # not before they can be read
                self._known.pop(host, None)

    def learn(self, parts: list[Path], rows: list[dict[str, Any]]) -> None:
        """Take the lessons of the rows of published parts, unless these were learned already. If the disk refuses, ``catch_up``
        finds the parts missing."""
        with suppress(OSError):
            self._learn(parts, rows)

    def _learn(self, parts: list[Path], rows: list[dict[str, Any]]) -> None:
        with self._writing():
            names = [(self._name(part),) for part in parts]
            if self._database.executemany("INSERT OR IGNORE INTO parts VALUES (?)", names).rowcount > 0:
                self._take_lessons(rows)

    def _name(self, part: Path) -> str:
        return part.relative_to(self._collection.articles.folder).as_posix()

    def _take_lessons(self, rows: Iterable[dict[str, Any]]) -> None:
        hosts: dict[str, dict[bytes, dict[str, Any]]] = {}
        for row in rows:
            if row["version"] == 1 and row["text"]:
                hosts.setdefault(row["url_host_name"], {})[bytes.fromhex(row["article_id"])] = row
        for host, articles in hosts.items():
            if changes := self._sample(host, articles):
                self._database.execute("INSERT OR IGNORE INTO hosts (host) VALUES (?)", (host,))
                count = "(SELECT count(*) FROM lessons WHERE host = hosts.host)"
                change = f"UPDATE hosts SET changes = changes + ?, lessons = {count} WHERE host = ? RETURNING changes, lessons"  # noqa: S608
                changed, lessons = self._database.execute(change, (changes, host)).fetchone()
                if changed * _EVERY >= lessons:
                    self._look_at(host)

    def _sample(self, host: str, articles: Mapping[bytes, dict[str, Any]]) -> int:
        """Keep the lessons of the articles with the smallest ids; the number of those that are new."""
        most = f"SELECT article FROM lessons WHERE host = ? ORDER BY article LIMIT 1 OFFSET {SAMPLE - 1}"  # noqa: S608
        last = self._database.execute(most, (host,)).fetchone()
        new = 0
        for article in sorted(articles)[:SAMPLE]:
            if last is None or article < last[0]:
                lesson = _lesson(articles[article])
                cells = (host, article, lesson.day, lesson.simhash.to_bytes(8), lesson.blocks.tobytes())
                new += self._database.execute("INSERT OR IGNORE INTO lessons VALUES (?, ?, ?, ?, ?)", cells).rowcount
        if new and (last := self._database.execute(most, (host,)).fetchone()):
            self._database.execute("DELETE FROM lessons WHERE host = ? AND article > ?", (host, last[0]))
        return new

    def _look_at(self, host: str) -> None:
        """Make what was learned of a host anew from its lessons; if it has changed, the host's earlier rows are stale."""
        cells = self._database.execute("SELECT day, simhash, blocks FROM lessons WHERE host = ?", (host,))
        lessons = [Lesson(day, int.from_bytes(simhash), array("Q", blocks)) for day, simhash, blocks in cells]
        learned = json.dumps(learn(lessons))
        change = "UPDATE hosts SET stale = stale OR learned <> ?, learned = ?, changes = 0 WHERE host = ?"
        self._database.execute(change, (learned, learned, host))
        self._changed.add(host)

    def missing(self) -> list[Path]:
        """The parts that were not yet learned from."""
        with self._lock:
            known = {name for (name,) in self._database.execute("SELECT name FROM parts")}
        return [part for part in self._collection.articles.parts() if self._name(part) not in known]

    def catch_up(self, tick: Callable[[], None] = lambda: None) -> int:
        """Learn from the parts that were not yet learned from: after a crash, or all if the file is new; their number.
        Raises OSError if the disk refuses."""
        missing = self.missing()
        for part in missing:
            file = pq.ParquetFile(part)
            columns = [name for name in _COLUMNS if name in file.schema_arrow.names]
            self._learn([part], file.read(columns=columns).to_pylist())
            tick()
        return len(missing)

    def settle(self) -> None:
        """Look at all hosts again of which there are new lessons, so that what is known depends on the lessons alone.
        Raises OSError if the disk refuses."""
        with self._writing():
            hosts = [host for (host,) in self._database.execute("SELECT host FROM hosts WHERE changes > 0")]
            for host in hosts:
                self._look_at(host)

    def forget(self) -> None:
        """Begin anew, with nothing learned; hosts that had taught something are stale."""
        with self._writing():
            self._database.execute("DELETE FROM parts")
            self._database.execute("DELETE FROM lessons")
            self._database.execute("UPDATE hosts SET lessons = 0, changes = 1")
        self.settle()

    def unlearn(self, articles: Iterable[str], gone: Callable[[str], bool]) -> None:
        """Forget the lessons of some articles, and hosts that are ``gone``, leaving nothing in the file. Raises OSError."""
        names = [host.name for host in self.hosts()]
        with self._writing():
            self._database.execute("PRAGMA secure_delete = ON")
            for article in articles:
                key = (bytes.fromhex(article),)
                hosts = self._database.execute("DELETE FROM lessons WHERE article = ? RETURNING host", key).fetchall()
                self._unlearned(host for (host,) in hosts)
            for host in filter(gone, names):
                self._database.execute("DELETE FROM lessons WHERE host = ?", (host,))
                self._database.execute("DELETE FROM hosts WHERE host = ?", (host,))
                self._changed.add(host)
        self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _unlearned(self, hosts: Iterable[str]) -> None:
        """Note for each host that it has a lesson less."""
        for host in hosts:
            change = "UPDATE hosts SET changes = changes + 1, lessons = lessons - 1 WHERE host = ?"
            self._database.execute(change, (host,))

    def stale(self) -> set[str]:
        """Hosts that have taught something since their earlier rows were written."""
        with self._lock:
            return {host for (host,) in self._database.execute("SELECT host FROM hosts WHERE stale")}

    def freshen(self, hosts: Iterable[str]) -> None:
        """Note that all rows of these hosts say what is known by now."""
        with self._writing():
            self._database.executemany("UPDATE hosts SET stale = 0 WHERE host = ?", ((host,) for host in hosts))

    def hosts(self) -> list[Host]:
        """All hosts, by name."""
        with self._lock:
            found = self._database.execute("SELECT host, lessons, learned FROM hosts ORDER BY host").fetchall()
        return [Host(host, lessons, _read(learned)) for host, lessons, learned in found]


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, check_same_thread=False)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    return database


def _kept(path: Path) -> frozenset[int]:
    """The keys of the lines of a file of blocks that a person wants kept."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    return frozenset(map(key_of_line, lines))


def _read(learned: str) -> list[Learned]:
    return [Learned(*one) for one in json.loads(learned)]


def _lesson(row: Mapping[str, Any]) -> Lesson:
    text = uncut_text(row)
    # the row's own simhash is that of the text as it was cut
    simhash = simhash_folded(fold(text)) if row.get("site_boilerplate") else row["text_simhash"]
    return lesson_of(text, (row["fetched_at"] - _EPOCH).days, simhash or 0)
