"""When each announcement is looked at again, kept in the collection: a watch that was stopped or killed goes on where it was.

One sqlite file of about 300 bytes an address. It may be deleted: then everything that is watched is looked at once, and found
again from the seeds.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from crawler.intervals import Bounds, after_failure, after_visit

FILE_VERSION = 1
_TABLES = """
CREATE TABLE visits (
    url TEXT PRIMARY KEY, purpose TEXT, request TEXT, seed TEXT, active INTEGER,
    "interval" REAL, due REAL, visited REAL, read_by TEXT
) WITHOUT ROWID;
CREATE INDEX by_due ON visits (due) WHERE active;
CREATE INDEX by_seed ON visits (seed);
CREATE TABLE clock (last REAL);
INSERT INTO clock VALUES (0);
"""
_DUE = """
SELECT url, purpose, request, seed, read_by FROM (
    SELECT *, row_number() OVER (PARTITION BY seed ORDER BY due) AS turn FROM (
        SELECT * FROM visits WHERE active AND due <= ? ORDER BY due LIMIT 20000
    )
) WHERE turn <= ? ORDER BY due LIMIT ?
"""
_EACH = 10  # visits to what was found from one seed that are under way
_MOST = 1_000  # addresses that one seed may have watched: beyond, it is a trap or an archive
_BACK = 60.0  # seconds by which a clock may be set back without a word


@dataclass(frozen=True, slots=True)
class Visit:
    """An address whose time has come: the ``request`` for it, as text, and the ``seed`` that it was found from; ``read_by``
    names the run that last read what it answers."""

    url: str
    purpose: str
    request: str
    seed: str
    read_by: str | None


class Schedule:
    """The addresses that are watched. All instants are seconds since 1970, given by the caller."""

    def __init__(self, path: Path, bounds: Bounds) -> None:
        """A file that is damaged, or of another version, is begun anew. Raises OSError if it cannot be opened."""
        self.path, self.bounds = path, bounds
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._open()
        except sqlite3.OperationalError as error:  # no room, no right: nothing is wrong with the file
            raise OSError(errno.EIO, f"{path}: {error}") from error
        except sqlite3.DatabaseError:
            self.begin_anew()

    def begin_anew(self) -> None:
        """Forget everything; ``follow`` is to come."""
        self._database.close()
        for left in self.path.parent.glob(self.path.name + "*"):
            left.unlink()
        self._open()

    def _open(self) -> None:
        self._database = sqlite3.connect(self.path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        version = self._database.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, FILE_VERSION):
            raise sqlite3.DatabaseError(f"file version {version}")
        if self._database.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("damaged")
        if version == 0:
            self._database.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {FILE_VERSION}; COMMIT;")
        (self._last,) = (self._saved,) = self._database.execute("SELECT last FROM clock").fetchone()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def follow(self, seeds: Iterable[tuple[str, str, str]], now: float) -> tuple[int, int]:
        """Watch these seeds (address, purpose, request) and what was found from them, and nothing else; how many are new, and
        how many are left out from now on. What is left out keeps its place, should it come back."""
        with self._database:
            self._database.execute("BEGIN")
            before = self._watched_seeds()
            self._database.execute("CREATE TEMP TABLE IF NOT EXISTS seeds (url TEXT PRIMARY KEY, purpose TEXT, request TEXT)")
            self._database.execute("DELETE FROM seeds")
            self._database.executemany("INSERT OR IGNORE INTO seeds VALUES (?, ?, ?)", seeds)
            self._database.execute(
                "INSERT OR IGNORE INTO visits SELECT url, purpose, request, url, 1, ?, ?, NULL, NULL FROM seeds",
                (self.bounds.first, now),
            )
            self._database.execute(
                "UPDATE visits SET seed = visits.url, purpose = seeds.purpose, request = seeds.request"
                " FROM seeds WHERE seeds.url = visits.url"
            )
            self._database.execute("UPDATE visits SET active = seed IN (SELECT url FROM seeds)")
            # whatever bounds held before, these hold now
            self._database.execute("UPDATE visits SET due = ? + ? WHERE active AND due > ? + ?", (now, self.bounds.longest) * 2)
            after = self._watched_seeds()
        return len(after - before), len(before - after)

    def _watched_seeds(self) -> set[str]:
        return {seed for (seed,) in self._database.execute("SELECT url FROM visits WHERE active AND url = seed")}

    def admit(self, url: str, purpose: str, request: str, seed: str, due: float) -> bool:
        """Watch an address, from the instant ``due`` on if it is new; False if its seed has as many as it may have."""
        known = self._database.execute("SELECT active FROM visits WHERE url = ?", (url,)).fetchone()
        if known and known[0]:
            return True
        if self._database.execute("SELECT count(*) FROM visits WHERE seed = ?", (seed,)).fetchone()[0] >= _MOST:
            return False
        row = (url, purpose, request, seed, self.bounds.first, due)
        return self._write("INSERT OR REPLACE INTO visits VALUES (?, ?, ?, ?, 1, ?, ?, NULL, NULL)", row)

    def due(self, now: float, most: int) -> list[Visit]:
        """What is to be visited by now, the longest due first; of each seed so many that a slow one keeps no other waiting."""
        return [Visit(*row) for row in self._database.execute(_DUE, (now, _EACH, most))]

    def visited(self, url: str, now: float, new: int, run: str) -> None:
        """Note what a visit brought, and that ``run`` has read it."""
        if row := self._times(url):
            interval, visited = row
            # nothing is known of how fast it runs until it was seen twice
            then = after_visit(interval, now - visited, new, self.bounds) if visited else self.bounds.within(interval)
            values = (then, now + then, now, run, url)
            self._write('UPDATE visits SET "interval" = ?, due = ?, visited = ?, read_by = ? WHERE url = ?', values)

    def failed(self, url: str, now: float, *, gone: bool = False, left: bool = False) -> None:
        """Note that a visit brought no answer; ``gone``: there is no such thing, ``left``: its host is left alone, which says
        nothing of the address."""
        if row := self._times(url):
            then = self.bounds.within(row[0]) if left else after_failure(row[0], self.bounds, gone=gone)
            self._write('UPDATE visits SET "interval" = ?, due = ? WHERE url = ?', (then, now + then, url))

    def drop(self, url: str) -> None:
        """Watch an address no longer."""
        self._write("DELETE FROM visits WHERE url = ?", (url,))

    def _write(self, change: str, values: tuple[object, ...]) -> bool:
        """False if the disk is full; then the address is visited sooner than it would be."""
        try:
            self._database.execute(change, values)
        except sqlite3.OperationalError:
            return False
        return True

    def _times(self, url: str) -> tuple[float, float | None] | None:
        found: tuple[float, float | None] | None = self._database.execute(
            'SELECT "interval", visited FROM visits WHERE url = ?', (url,)
        ).fetchone()
        return found

    def keep_time(self, now: float) -> float:
        """To be called now and then. If the clock was set back, all that is planned moves with it; by how many seconds."""
        back = self._last - now if self._last - now > _BACK else 0.0
        self._last = now
        if not back and 0 <= now - self._saved < _BACK:
            return 0.0
        with suppress(sqlite3.OperationalError), self._database:
            self._database.execute("BEGIN")
            if back:
                self._database.execute("UPDATE visits SET due = due - ?, visited = visited - ?", (back, back))
            self._database.execute("UPDATE clock SET last = ?", (now,))
            self._saved = now
        return back

    def counts(self) -> tuple[int, int]:
        """How many seeds and how many addresses in all are watched."""
        (seeds,) = self._database.execute("SELECT count(*) FROM visits WHERE active AND url = seed").fetchone()
        (all_,) = self._database.execute("SELECT count(*) FROM visits WHERE active").fetchone()
        return seeds, all_

    def next_due(self) -> float | None:
        """When the next visit is due; None if nothing is watched."""
        (due,) = self._database.execute("SELECT min(due) FROM visits WHERE active").fetchone()
        return float(due) if due is not None else None
