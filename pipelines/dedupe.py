"""Versions: an article seen again is a new row only if its title or its text changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from archive.canonical import normalize_url
from archive.tables import Table
from archive.url import surt
from pipelines.newest import Newest

TWIN = "twin"  # quality flag of a row that was read from an AMP or print twin, since the article itself was not there
_COLUMNS = (
    "version", "text_sha256", "uncut_text_sha256", "title_sha256", "text_simhash", "warc_record_id", "quality_flags", "pages",
)  # fmt: skip
_NEAR = 12  # bits of the simhash in which an article and its twin may differ


class Version(NamedTuple):
    """The newest version of an article that the collection has."""

    number: int
    text_sha256: str | None
    uncut_text_sha256: str | None
    title_sha256: str | None
    text_simhash: int | None
    record_id: str
    twin: bool
    pages: Sequence[dict[str, Any]] = ()

    @classmethod
    def of(cls, row: Mapping[str, Any], number: int) -> Version:
        """The version that a row is."""
        twin = TWIN in row["quality_flags"]
        hashes = (row["text_sha256"], row["uncut_text_sha256"], row["title_sha256"])
        return cls(number, *hashes, row["text_simhash"], row["warc_record_id"], twin, row["pages"] or ())

    @property
    def says(self) -> tuple[str | None, str | None]:
        """What makes it a version: its text, before what the site repeats was cut from it, and its title."""
        return self.uncut_text_sha256 or self.text_sha256, self.title_sha256

    def is_said_by(self, other: Version) -> bool:
        """Whether another version says the same. What was read from a twin need be nearly the same only."""
        if self.says == other.says:
            return True
        near = ((self.text_simhash or 0) ^ (other.text_simhash or 0)).bit_count() <= _NEAR
        return self.twin and not other.twin and near


def article_id(url: str) -> str:
    """The stable name of an article: first 32 hex digits of the SHA-256 of its canonical address's SURT key, case kept."""
    return hashlib.sha256(surt(normalize_url(url) or url, fold_case=False).encode()).hexdigest()[:32]


class Versions:
    """The newest version of every article, as the table has it and as this crawl goes on; kept in the file ``path``."""

    def __init__(self, table: Table, path: Path) -> None:
        self._newest = Newest(path, table, ["article_id", *_COLUMNS])
        self.learn, self.close, self.forget_parts = self._newest.learn, self._newest.close, self._newest.forget_parts

    def _known(self, row: Mapping[str, Any]) -> Version | None:
        return self._version(row["article_id"])

    def _version(self, identity: str) -> Version | None:
        found = self._newest.get(identity)
        return Version.of(found, found["version"]) if found else None

    def assign(self, row: dict[str, Any]) -> bool:
        """Number the row's version. False if the newest version says the same already: then it is no new row."""
        known = self._known(row)
        number = known.number + 1 if known else 1
        if known and known.is_said_by(Version.of(row, number)):
            row["version"] = known.number
            return False
        row["version"] = number
        row["prev_version_sha256"] = known.text_sha256 if known else None
        self._newest.put(row)
        return True

    def of_pages(self, keys: Iterable[str], title_sha256: str | None) -> tuple[str, Sequence[dict[str, Any]]] | None:
        """The article of that title which has pages with these SURT keys, and the cells of ``pages`` in its newest version."""
        for identity in filter(None, map(self._newest.of_page, keys)):
            known = self._version(identity)
            if known and known.title_sha256 == title_sha256:
                return identity, known.pages
        return None

    def speaks_for_itself(self, identity: str) -> bool:
        """Whether an article has a row that was not read from a twin of it."""
        known = self._version(identity)
        return known is not None and not known.twin

    def knows(self, record_id: str) -> bool:
        """Whether the table has a row of this record."""
        return self._newest.has_record(record_id)

    def has(self, row: dict[str, Any]) -> bool:
        """Whether the newest version was made from the very record that the row names: then the table has this row already."""
        known = self._known(row)
        return known is not None and known.record_id == row["warc_record_id"]
