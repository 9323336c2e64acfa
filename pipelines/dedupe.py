"""Versions: an article seen again is a new row only if its title or its text changed."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

from archive.canonical import normalize_url
from archive.tables import Table
from archive.url import surt


class Version(NamedTuple):
    """The newest version of an article that the collection has."""

    number: int
    text_sha256: str | None
    uncut_text_sha256: str | None
    title_sha256: str | None
    record_id: str

    @property
    def says(self) -> tuple[str | None, str | None]:
        """What makes it a version: its text, before what the site repeats was cut from it, and its title."""
        return self.uncut_text_sha256 or self.text_sha256, self.title_sha256


def article_id(url: str) -> str:
    """The stable name of an article: first 32 hex digits of the SHA-256 of its canonical address's SURT key, case kept."""
    return hashlib.sha256(surt(normalize_url(url) or url, fold_case=False).encode()).hexdigest()[:32]


class Versions:
    """The newest version of every article, as the table has it and as this crawl goes on."""

    def __init__(self, table: Table) -> None:
        self._newest: dict[str, Version] = {}
        self._records: set[str] = set()
        columns = ["article_id", "version", "text_sha256", "uncut_text_sha256", "title_sha256", "warc_record_id"]
        for batch in table.dataset().to_batches(columns=columns):
            for identity, *version in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                self._keep(identity, Version(*version))
                self._records.add(version[-1])

    def _keep(self, identity: str, version: Version) -> None:
        known = self._newest.get(identity)
        if known is None or known.number < version.number:
            self._newest[identity] = version

    def assign(self, row: dict[str, Any]) -> bool:
        """Number the row's version. False if the newest version says the same already: then it is no new row."""
        known = self._newest.get(row["article_id"])
        number = known.number + 1 if known else 1
        cells = (row["text_sha256"], row["uncut_text_sha256"], row["title_sha256"], row["warc_record_id"])
        version = Version(number, *cells)
        if known and known.says == version.says:
            row["version"] = known.number
            return False
        row["version"] = number
        row["prev_version_sha256"] = known.text_sha256 if known else None
        self._newest[row["article_id"]] = version
        return True

    def knows(self, record_id: str) -> bool:
        """Whether the table had a row of this record when the run began."""
        return record_id in self._records

    def has(self, row: dict[str, Any]) -> bool:
        """Whether the newest version was made from the very record that the row names: then the table has this row already."""
        known = self._newest.get(row["article_id"])
        return known is not None and known.record_id == row["warc_record_id"]
