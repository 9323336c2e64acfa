"""What was taken down, when and why: ``takedowns.jsonl`` in a collection, one line a takedown. It is never taken again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from archive.canonical import normalize_url
from archive.collection import Collection, CollectionError
from archive.url import surt
from archive.whole import whole

FILE = "takedowns.jsonl"
_HOST = re.compile(r"(\*\.)?([^\s/?#@*:\[\]]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?")


def identity(url: str) -> str:
    """What two addresses of one page share: their SURT key, the case of paths kept, tracking parameters left out. Articles are
    told apart by it, too."""
    return surt(normalize_url(url) or url, fold_case=False)


class TargetError(ValueError):
    """What cannot be taken down; the message says why, and what to give."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address, a host, or a host with all below it. ``key`` is the ``identity`` of an address, or the host's part of a SURT
    key: ``org,example``."""

    given: str
    kind: Literal["address", "host", "hosts"]
    key: str

    @classmethod
    def parse(cls, given: str) -> Target:
        """``https://example.org/story``, ``example.org`` (any port, with and without ``www.``), ``example.org:8080`` or
        ``*.example.org``. Raises TargetError."""
        if "://" in given:
            return cls(given, "address", _key_of_address(given))
        found = _HOST.fullmatch(given.strip())
        if found is None:
            raise TargetError(f"{given!r}: neither an address nor a host; write https://example.org/story, or example.org")
        key = surt(f"http://{found[2]}{found[3] or ''}/").partition(")")[0]
        return cls(given.strip(), "hosts" if found[1] else "host", key)

    def covers_host(self, name: str) -> bool:
        """Whether a host is meant."""
        return self.kind != "address" and self.covers(f"http://{name}/")

    def covers(self, url: str) -> bool:
        """Whether an address is meant."""
        if self.kind == "address":
            return identity(url) == self.key
        host = surt(url).partition(")")[0]
        # SURT keys leave a usual port out; a host that was given without one has any
        same = host == self.key or host.startswith(self.key + ":")
        return same or (self.kind == "hosts" and host.startswith(self.key + ","))


def _key_of_address(given: str) -> str:
    try:
        parts = urlsplit(given)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise TargetError(f"{given!r}: no http or https address; write it as captures.url has it")
    if parts.path in ("/robots.txt", "/.well-known/tdmrep.json"):
        raise TargetError(f"{given}: articles name it as what was said to the crawler; take down the host")
    return identity(given)


@dataclass(frozen=True, slots=True)
class Tombstone:
    """One takedown: what was given, when (ISO 8601, UTC), why, the identities of the addresses that went, and how many captures
    and articles."""

    target: str
    time: str
    reason: str
    keys: list[str] = field(default_factory=list)
    captures: int = 0
    articles: int = 0

    @property
    def words(self) -> str:
        """For the rows and the ledger."""
        return f"taken down on {self.time[:10]}: {self.reason}"


class Tombstones:
    """All takedowns of a collection. Raises CollectionError if their file cannot be read: what was taken down must not come
    back for that."""

    def __init__(self, collection: Collection) -> None:
        self.all = _read(collection)
        self._keys = {key: one for one in self.all for key in one.keys}
        self._hosts: dict[str, Tombstone] = {}
        self._below: dict[str, Tombstone] = {}
        for one in self.all:
            target = Target.parse(one.target)
            if target.kind != "address":
                self._hosts[target.key] = one
            if target.kind == "hosts":
                self._below[target.key] = one

    def of(self, url: str) -> Tombstone | None:
        """The takedown that an address falls under."""
        if not self.all:
            return None
        host = surt(url).partition(")")[0]
        plain = host.partition(":")[0] or host
        found = self._hosts.get(host) or self._hosts.get(plain) or (self._keys and self._keys.get(identity(url))) or None
        while found is None and plain:
            found, plain = self._below.get(plain), plain.rpartition(",")[0]
        return found


def _read(collection: Collection) -> list[Tombstone]:
    path = collection.path / FILE
    if not path.exists():
        return []
    found = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        try:
            found.append(Tombstone(**json.loads(line)))
            Target.parse(found[-1].target)
        except (ValueError, TypeError):
            mend = "restore it: it says what must not be taken again"
            raise CollectionError(f"{path}: line {number} is no takedown; {mend}") from None
    return found


def bury(collection: Collection, tombstone: Tombstone) -> None:
    """Add a takedown, unless it is there; whole and durable. Raises OSError."""
    known = _read(collection)
    if tombstone not in known:
        _write(collection, [*known, tombstone])


def _write(collection: Collection, tombstones: Iterable[Tombstone]) -> None:
    with whole(collection.path / FILE) as file:
        file.writelines(json.dumps(asdict(one), ensure_ascii=False).encode() + b"\n" for one in tombstones)
