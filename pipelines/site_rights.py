"""What files of a site say of the use of its pages: robots.txt with AI preferences, tdmrep.json with TDM reservations."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import pyarrow.compute as pc

from archive import tdmrep
from archive.capture import Capture
from archive.collection import Collection
from archive.http import content
from archive.reader import Record, RecordError
from archive.rights import AGENT, Rights
from archive.robots_txt import MOST, Group, RobotsTxt, usage_of
from archive.url import authority

ROBOTS = "/robots.txt"
_REMEMBERED = 5_000  # files


def rights_of(
    url: str, robots: tuple[Group, str | None] | None, reservations: tuple[list[tdmrep.Rule], str | None] | None
) -> Rights:
    """What both files say of an address; each comes with the id of the record it was read from, which the sources name."""
    rights, path = Rights(), _path(url)
    if robots:
        for preferences in usage_of(robots[0], path):
            rights.add_usage(_source("robots.txt", robots[1]), preferences)
    if reservations and (rule := tdmrep.rule_for(reservations[0], path)):
        rights.set_tdm(_source("tdmrep.json", reservations[1]), rule.reservation, rule.policy, url)
    return rights


def _source(name: str, record_id: str | None) -> str:
    return f"{name} {record_id}" if record_id else name


def _path(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


@dataclass(frozen=True, slots=True)
class _Held:
    """The newest file of an authority: when it was fetched, the record that holds it, and what it says."""

    date: datetime
    record_id: str
    group: Group
    rules: list[tdmrep.Rule]


class SiteFiles:
    """These files as records hold them, of each authority the newest. It holds for pages that were fetched later."""

    def __init__(self, collection: Collection) -> None:
        """Begins with those that a collection has rows of."""
        self._held: OrderedDict[str, _Held] = OrderedDict()
        for row in _rows(collection):
            capture = Capture(row["url"], row["fetch_time"], row["warc_record_id"], row["warc_record_type"], *row["place"])
            capture.status = row["fetch_status"]
            with suppress(RecordError):
                self.note(capture, lambda place=row["place"]: collection.read_record(*place))  # type: ignore[misc]

    def note(self, capture: Capture, read: Callable[[], Record]) -> None:
        """Look at a record, which ``read`` gives: it may be one of these files. A revisit says that the one before still holds,
        and so does a server that fails; an answer that there is none ends it."""
        if not is_site_file(capture.url) or capture.record_type == "revisit" or not 200 <= (capture.status or 0) < 500:
            return
        place, record = capture.url, read() if capture.status == 200 else None
        known = self._held.get(place)
        if known is None or known.date <= capture.date:
            group, rules = (read_group(record), read_rules(record)) if record else (Group(), [])
            self._held[place] = _Held(capture.date, capture.record_id, group, rules)
            self._held.move_to_end(place)
        if len(self._held) > _REMEMBERED:
            self._held.popitem(last=False)

    def rights_of(self, url: str, date: datetime) -> Rights:
        """What the files say of an address that was fetched at an instant."""
        robots, reservations = (self._held.get(authority(url) + path) for path in (ROBOTS, tdmrep.PATH))
        return rights_of(
            url,
            (robots.group, robots.record_id) if robots and robots.date <= date else None,
            (reservations.rules, reservations.record_id) if reservations and reservations.date <= date else None,
        )


def is_site_file(url: str) -> bool:
    """Whether an address is that of one of these files."""
    return urlsplit(url).path in (ROBOTS, tdmrep.PATH)


def read_group(record: Record) -> Group:
    """What a robots.txt says to us; nothing if the record cannot be read."""
    with suppress(ValueError):
        return RobotsTxt(content(record.block, MOST)).group(AGENT)
    return Group()


def read_rules(record: Record) -> list[tdmrep.Rule]:
    """The rules of a tdmrep.json; none if the record cannot be read."""
    with suppress(ValueError):
        return tdmrep.rules_of(content(record.block, tdmrep.MOST))
    return []


class NamedFiles:
    """The files that the sources of a collection's rows name, read again from their records."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._places: dict[str, dict[str, Any]] | None = None
        self._read: dict[str, tuple[Group, list[tdmrep.Rule]]] = {}

    def rights_of(self, url: str, sources: Iterable[str]) -> Rights:
        """What the files that ``sources`` name say of an address. Raises RecordError if one is not in the collection."""
        rights = Rights()
        for source in sources:
            for part in source.split(", "):
                name, _, record_id = part.partition(" ")
                if name in ("robots.txt", "tdmrep.json") and record_id:
                    group, rules = self._file(record_id)
                    said = rights_of(url, (group, record_id) if name == "robots.txt" else None, (rules, record_id))
                    rights.complete(said)
        return rights

    def _file(self, record_id: str) -> tuple[Group, list[tdmrep.Rule]]:
        if record_id not in self._read:
            record = self._record(record_id)
            self._read[record_id] = read_group(record), read_rules(record)
        return self._read[record_id]

    def _record(self, record_id: str) -> Record:
        if self._places is None:
            self._places = {row["warc_record_id"]: row for row in _rows(self._collection)}
        row = self._places.get(record_id)
        if row and row["refers_to_record_id"]:  # a revisit names the record that has the file
            row = self._places.get(row["refers_to_record_id"])
        if row is None:
            raise RecordError(f"{record_id} is no record of a robots.txt or tdmrep.json in the collection")
        return self._collection.read_record(*row["place"])


def _rows(collection: Collection) -> list[dict[str, Any]]:
    """The rows of all captures of these files, in time; ``place`` is that of the record."""
    pointer = ["warc_filename", "warc_record_offset", "warc_record_length"]
    columns = [*pointer, "url", "fetch_time", "fetch_status", "warc_record_id", "warc_record_type", "refers_to_record_id"]
    wanted = pc.field("url_path").isin([ROBOTS, tdmrep.PATH])
    rows = collection.captures.dataset().to_table(columns=columns, filter=wanted).to_pylist()
    for row in rows:
        row["place"] = tuple(row[name] for name in pointer)
    return sorted(rows, key=lambda row: row["fetch_time"])
