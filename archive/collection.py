"""A collection on disk: a folder in WACZ's own shape, with its tables and its state beside the WARCs."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from archive import foreign
from archive.reader import Record, read_record
from archive.tables import Table, articles_table, captures_table, ledger_table
from archive.warc import OPEN_SUFFIX
from archive.whole import sync_folder

FORMAT_VERSION = 1
_MARKER = "collection.json"


class CollectionError(Exception):
    """A folder that cannot be used as a collection; the message names it, the reason and the mend."""


@dataclass(frozen=True, slots=True)
class Collection:
    """Where the parts of a collection lie."""

    path: Path

    @property
    def archive(self) -> Path:
        """WARC files."""
        return self.path / "archive"

    @property
    def index(self) -> Path:
        """CDXJ index of all WARC files."""
        return self.path / "indexes" / "index.cdxj"

    @property
    def articles(self) -> Table:
        """One row an article version."""
        return articles_table(self.path / "tables" / "articles")

    @property
    def captures(self) -> Table:
        """One row a fetch."""
        return captures_table(self.path / "tables" / "captures")

    @property
    def ledger(self) -> Table:
        """One row an announced address and crawl."""
        return ledger_table(self.path / "tables" / "ledger")

    @property
    def frontier(self) -> Path:
        """What waits to be fetched, and what was seen."""
        return self.path / "state" / "frontier.sqlite"

    def warc_files(self) -> list[Path]:
        """All WARC files of our own, finished ones and those still open, by name."""
        own = [*self.archive.glob("*.warc.gz"), *self.archive.glob("*.warc.gz" + OPEN_SUFFIX)]
        return sorted(path for path in own if not self.is_foreign(path.name))

    def warc_path(self, filename: str) -> Path:
        """The file that a row's ``warc_filename`` means: under its final name, or still open."""
        final = self.archive / Path(filename).name
        return final if final.exists() or self.is_foreign(final.name) else final.with_name(final.name + OPEN_SUFFIX)

    @property
    def sources(self) -> Path:
        """What is known of the files of others that rows point into: a JSON file for each, see ``archive.sources``."""
        return self.path / "state" / "sources"

    def is_foreign(self, filename: str) -> bool:
        """Whether a file in the archive folder was given to ``scrapy extract``, so that its rules are the standard's alone."""
        return (self.sources / f"{filename}.json").exists()

    def read_record(self, filename: str, offset: int, length: int) -> Record:
        """The record that a row points at. Raises RecordError."""
        read = foreign.read_record if self.is_foreign(Path(filename).name) else read_record
        return read(self.warc_path(filename), offset, length)


def open_collection(path: str | os.PathLike[str]) -> Collection:
    """An existing collection. Raises CollectionError if there is none, or one of another format version."""
    folder = Path(path)
    if not folder.is_dir():
        raise CollectionError(f"{folder}: there is no such collection; crawl into it first, or check the path")
    marker = folder / _MARKER
    if not marker.is_file():
        raise CollectionError(f"{folder}: not a collection, {_MARKER} is missing; check the path, or choose an empty folder")
    try:
        version = json.loads(marker.read_text())["format_version"]
    except (ValueError, KeyError, TypeError):
        raise CollectionError(f"{marker}: cannot be read; restore it, or crawl into another folder") from None
    if version != FORMAT_VERSION:
        raise CollectionError(
            f"{folder}: collection of format version {version}, and this Broadsheet reads and writes version"
            f" {FORMAT_VERSION}; use the Broadsheet that made it, or crawl into another folder"
        )
    return Collection(folder)


def create_collection(path: str | os.PathLike[str]) -> Collection:
    """The collection at ``path``, made if the folder is missing or empty. Raises CollectionError as above."""
    folder = Path(path)
    try:
        if folder.is_dir() and any(folder.iterdir()):
            found = open_collection(folder)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            _mark(folder)
            found = Collection(folder)
        tables = (found.articles.folder, found.captures.folder, found.ledger.folder)
        for part in (found.archive, found.index.parent, *tables):
            part.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise CollectionError(f"{folder}: a file is in the way; give a folder") from None
    except OSError as error:
        raise CollectionError(f"{folder}: cannot be written ({error.strerror}); check the folder's rights") from None
    return found


def _mark(folder: Path) -> None:
    about = {
        "format": "broadsheet-collection",
        "format_version": FORMAT_VERSION,
        "created": f"{datetime.now(UTC):%FT%TZ}",
    }
    partial = folder / ("." + _MARKER)
    partial.write_text(json.dumps(about, indent=1) + "\n")
    partial.rename(folder / _MARKER)
    sync_folder(folder)
