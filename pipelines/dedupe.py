"""Versions: an article seen again is a new row only if its title or its text changed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from archive.tables import Table
from archive.url import surt
from pipelines.newest import Newest

_COLUMNS = ("version", "text_sha256", "uncut_text_sha256", "title_sha256", "warc_record_id")


class Version(NamedTuple):
    """The newest version of an article that the collection has."""

    number: int
    text_sha256: str | None
    uncut_text_sha256: str | None
    title_sha256: str | None
    record_id: str

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Version:
        """The version that a row is."""
        return cls(*(row[name] for name in _COLUMNS))

    @property
    def says(self) -> tuple[str | None, str | None]:
        """What makes it a version: its text, before what the site repeats was cut from it, and its title."""
        return self.uncut_text_sha256 or self.text_sha256, self.title_sha256


def article_id(url: str) -> str:
    """The stable name of an article: first 32 hex digits of the SHA-256 of its canonical address's SURT key."""
    return hashlib.sha256(surt(url).encode()).hexdigest()[:32]


class Versions:
    """The newest version of every article, as the table has it and as this crawl goes on; kept in the file ``path``."""

    def __init__(self, table: Table, path: Path) -> None:
        self._newest = Newest(path, table, ["article_id", *_COLUMNS])
        self.learn, self.close = self._newest.learn, self._newest.close

    def _known(self, row: Mapping[str, Any]) -> Version | None:
        found = self._newest.get(row["article_id"])
        return Version.of(found) if found else None

    def assign(self, row: dict[str, Any]) -> bool:
        """Number the row's version. False if the newest version says the same already: then it is no new row."""
        known = self._known(row)
        row["version"] = known.number if known else 1
        if known:
            if known.says == Version.of(row).says:
                return False
            row["version"] = known.number + 1
        row["prev_version_sha256"] = known.text_sha256 if known else None
        self._newest.put(row)
        return True

    def knows(self, record_id: str) -> bool:
        """Whether the table has a row of this record."""
        return self._newest.has_record(record_id)

    def has(self, row: dict[str, Any]) -> bool:
        """Whether the newest version was made from the very record that the row names: then the table has this row already."""
        known = self._known(row)
        return known is not None and known.record_id == row["warc_record_id"]
