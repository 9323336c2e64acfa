"""What a player gets when it asks an archive for an address: a document, or the reason why there is none.

The rules are those of ReplayWeb.page and pywb, the stricter one where they differ: an address is looked up with its scheme, the
capture nearest in time answers, a revisit needs its original, and gzip and br are the content codings that are undone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from urllib.parse import urljoin, urlsplit

from archive.cdxj import Entry, Index
from archive.collection import Collection
from archive.http import Head, content, parse_head
from archive.reader import Record, RecordError
from archive.requisites import Reference, read, read_part
from archive.url import without_secrets
from archive.wacz import originals_of

Kind = Literal["coding", "damage", "missing", "revisit", "scheme", "status", "truncated"]

# that players undo, or that are none
_READABLE: tuple[list[str], ...] = (["gzip"], ["br"], ["identity"], [])
_CODINGS = {"gzip", "x-gzip", "br", "deflate", "zstd", "compress", "x-compress"}
_MOST_DOCUMENT = 16 << 20
_MOST_REDIRECTS = 5
_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Fault:
    """Why something does not replay: what kind of trouble, and in words."""

    kind: Kind
    what: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What an address gives: the references of the document, or a fault."""

    references: list[Reference] = field(default_factory=list)
    fault: Fault | None = None


def unreadable_coding(head: Head) -> str | None:
    """The content codings of an answer, if no player undoes them; odd words are no codings, and browsers pass over them."""
    return ", ".join(head.codings) if head.codings not in _READABLE and _CODINGS & set(head.codings) else None


def original_of(revisit: Record, index: Index) -> Entry | None:
    """Where the record lies that a revisit stands for."""
    head = "\r\n".join(f"{name}: {value}" for name, value in revisit.fields).encode()
    url, digest = revisit.get("WARC-Target-URI") or "", revisit.get("WARC-Payload-Digest")
    entry = Entry("", f"{revisit.date:%Y%m%d%H%M%S}", url, "", 0, 0, digest=digest)
    return next(originals_of(index, entry, head), None)


class Playback:
    """Asks a collection for addresses as a player does. Remembers what it found, within bounds."""

    def __init__(self, collection: Collection, index: Index) -> None:
        self._collection, self._index = collection, index
        self._known: OrderedDict[tuple[str, str], Answer] = OrderedDict()

    def page(self, record: Record, url: str) -> Answer:
        """What the record of a page gives, its address being ``url``."""
        return self._document(record, url, read)

    def ask(self, url: str, moment: datetime) -> Answer:
        """What an address gives to a page of this time."""
        for _ in range(_MOST_REDIRECTS):
            entry = self._nearest(url, moment)
            if entry is None:
                return Answer(fault=self._absence(url))
            if not 300 <= (entry.status or 0) < 400 or entry.status == 304:
                return self._answer(entry)
            try:
                url = self._target(entry)
            except ValueError as error:
                return Answer(fault=Fault("damage", str(error)))
        return Answer(fault=Fault("status", "it redirects for ever"))

    def _nearest(self, url: str, moment: datetime) -> Entry | None:
        found = (entry for entry in self._index.lines(url) if entry.url == url and entry.method is None)
        return min(found, key=lambda entry: abs(entry.moment - moment), default=None)

    def _absence(self, url: str) -> Fault:
        rest = url.partition(":")[2]
        if any(entry.url.partition(":")[2] == rest for entry in self._index.lines(url)):
            other = "https" if url.startswith("http:") else "http"
            return Fault("scheme", f"it was fetched by {other} alone, and players do not fall back")
        return Fault("missing", "it is not in the archive")

    def _answer(self, entry: Entry) -> Answer:
        place = entry.filename, str(entry.offset)
        if place in self._known:
            self._known.move_to_end(place)
            return self._known[place]
        answer = self._known[place] = self._looked_at(entry)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return answer

    def _looked_at(self, entry: Entry) -> Answer:
        if (entry.status or 0) >= 400:
            return Answer(fault=Fault("status", f"the site answered {entry.status}"))
        try:
            record = self._record(entry)
            if record.kind == "revisit":
                original = original_of(record, self._index)
                if original is None:
                    return Answer(fault=Fault("revisit", "the original that it refers to is in no file of the collection"))
                record = self._record(original)
        except RecordError as error:
            return Answer(fault=Fault("damage", f"{entry.filename} at {entry.offset}: {error}"))
        return self._document(record, entry.url, read_part)

    def _record(self, entry: Entry) -> Record:
        return self._collection.read_record(entry.filename, entry.offset, entry.length)

    def _target(self, entry: Entry) -> str:
        """Where a redirect leads. Raises ValueError."""
        head = parse_head(self._record(entry).block)
        target = urljoin(entry.url, (head.get("location") if head else None) or "")
        if urlsplit(target).scheme not in ("http", "https"):
            raise ValueError(f"a redirect that leads to {target[:60]!r}")
        return without_secrets(target)

    def _document(self, record: Record, url: str, read: Callable[[bytes, str, str | None], list[Reference]]) -> Answer:
        if cut := record.get("WARC-Truncated"):
            return Answer(fault=Fault("truncated", f"it was cut off ({cut})"))
        head = parse_head(record.block)
        if head is None and record.kind != "resource":
            return Answer(fault=Fault("damage", "the record holds no HTTP response"))
        if head and (coding := unreadable_coding(head)):
            return Answer(fault=Fault("coding", f"no player reads a body in {coding}"))
        content_type = head.get("content-type") if head else record.get("Content-Type")
        try:
            body = content(record.block, _MOST_DOCUMENT) if head else record.block[:_MOST_DOCUMENT]
        except ValueError as error:
            return Answer(fault=Fault("coding", str(error)))
        return Answer(read(body, url, content_type))
