"""XML as feeds and sitemaps really send it: broken, huge or hostile; read in a stream, bounded, nothing expanded or loaded."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import Any

from lxml import etree
from w3lib.encoding import http_content_type_encoding, read_bom, resolve_encoding

CHUNK = 65_536
_MAX_ELEMENTS = 2_000_000
_MAX_TEXT = 8_192
_MAX_REPEATS = 100
_XML = "{http://www.w3.org/XML/1998/namespace}"

# everything but XML's own references: unescaped ampersands, HTML's names, and entities that a hostile DTD declares
_BARE_AMPERSAND = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});)")
_LONGEST_REFERENCE = 10
_START = re.compile(rb"<(?:\?xml|rss|feed|rdf:rdf|urlset|sitemapindex)\b", re.IGNORECASE)
_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)?<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_DECLARED = re.compile(rb"\s*<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([\w.:-]{1,40})")
_CHARSET = re.compile(r"utf|iso|latin|ascii|cp\d|koi8|big5|gb|hz|euc|shift|mac|tis|kz|johab")


@dataclass(slots=True)
class Field:
    """A wanted element: its text, attributes, and the xml:base and xml:lang that hold for it."""

    attributes: dict[str, str]
    bases: tuple[str, ...]
    language: str | None
    text: str = ""


@dataclass(slots=True)
class Record:
    """An item, entry, url or sitemap element; ``fields`` are named as its children, or ``parent/name`` if they lie deeper."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    fields: dict[str, list[Field]] = field(default_factory=dict)

    def first(self, *paths: str) -> Field | None:
        """The first field at the first of ``paths`` that has one."""
        return next((self.fields[path][0] for path in paths if path in self.fields), None)

    def text(self, *paths: str) -> str | None:
        """The text of ``first``."""
        found = self.first(*paths)
        return found.text if found else None


class XmlReader:
    """Reads records from XML that may be broken or hostile; no tree is built, so memory does not grow with the document.

    Names are lower case without namespace. Declared entities are never expanded, DTDs and other files never loaded.
    After reading, ``root`` is the root element's name and ``head`` holds the wanted fields outside of records.
    """

    def __init__(self, kinds: frozenset[str], wanted: frozenset[str]) -> None:
        self.root: str | None = None
        self.head = Record("head")
        self._kinds, self._wanted = kinds, wanted
        self._names = frozenset(path.rpartition("/")[2] for path in wanted)
        self._path: list[str] = []
        self._scopes: list[tuple[int, tuple[str, ...], str | None]] = [(0, (), None)]
        self._record, self._record_depth = self.head, 0
        self._field: Field | None = None
        self._field_depth = 0
        self._parts: list[str] = []
        self._done: list[Record] = []
        self._elements = 0

    def records(self, chunks: Iterable[bytes], content_type: str | None = None) -> Iterator[Record]:
        """The complete records, as far as the document can be read. Raises ValueError for too many elements."""
        target: Any = self  # the stubs want a subclass of a class that only they have
        parser = etree.XMLParser(target=target, encoding="utf-8", recover=True, resolve_entities=False, load_dtd=False)
        for piece in _escaped(_utf8(iter(chunks), content_type)):
            parser.feed(piece)
            yield from self._finished()
        with suppress(etree.XMLSyntaxError):  # no element at all; what matters was handed over before
            parser.close()
        yield from self._finished()

    def _finished(self) -> list[Record]:
        if self._elements > _MAX_ELEMENTS:
            raise ValueError(f"more than {_MAX_ELEMENTS:,} elements")
        done, self._done = self._done, []
        return done

    # what lxml calls: https://lxml.de/parsing.html#the-target-parser-interface

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        self._elements += 1
        name = _local(tag)
        path = self._path
        path.append(name)
        if self.root is None:
            self.root = name
        if attributes:
            self._enter_scope(attributes)
        if name in self._kinds:
            self._begin_record(name, attributes)
        elif name in self._names and self._field is None:
            key = name if not self._record_depth or len(path) == self._record_depth + 1 else f"{path[-2]}/{name}"
            if key in self._wanted:
                self._begin_field(key, attributes)

    def data(self, text: str) -> None:
        """A piece of text."""
        if self._field is not None and len(self._parts) < _MAX_TEXT:
            self._parts.append(text[:_MAX_TEXT])

    def end(self, tag: str) -> None:
        """An element ends."""
        depth = len(self._path)
        if self._field is not None and depth == self._field_depth:
            self._field.text = "".join(self._parts).strip()[:_MAX_TEXT]
            self._field = None
        if depth == self._record_depth:
            self._end_record()
        if self._scopes[-1][0] == depth > 0:
            self._scopes.pop()
        self._path.pop()

    def close(self) -> None:
        """The document ends; lxml wants this."""

    def _enter_scope(self, attributes: dict[str, str]) -> None:
        base, language = attributes.get(f"{_XML}base"), attributes.get(f"{_XML}lang")
        if base is not None or language is not None:
            _, bases, outer = self._scopes[-1]
            # a document that nests more bases than this means harm
            inner = (*bases, base) if base is not None and len(bases) < 8 else bases
            self._scopes.append((len(self._path), inner, language if language is not None else outer))

    def _begin_record(self, name: str, attributes: dict[str, str]) -> None:
        if self._record_depth:  # a record in a record: the outer one's end tag is missing
            self._end_record()
        self._record, self._record_depth = Record(name, dict(attributes) if attributes else {}), len(self._path)

    def _end_record(self) -> None:
        self._done.append(self._record)
        self._record, self._record_depth, self._field = self.head, 0, None

    def _begin_field(self, key: str, attributes: dict[str, str]) -> None:
        same = self._record.fields.setdefault(key, [])
        if len(same) < _MAX_REPEATS:
            _, bases, language = self._scopes[-1]
            self._field = Field(dict(attributes) if attributes else {}, bases, language)
            self._field_depth, self._parts = len(self._path), []
            same.append(self._field)


def looks_like_html(body: bytes) -> bool:
    """Whether a document begins as an HTML page does: soft errors and consent pages come instead of XML."""
    return bool(_HTML.match(body[:2048].removeprefix(codecs.BOM_UTF8)))


@lru_cache(maxsize=256)
def _local(tag: str) -> str:
    name = tag.rpartition("}")[2].rpartition(":")[2].lower()
    # these vocabularies name their elements as RSS does
    return f"media:{name}" if re.match(r"\{[^}]*(?:mrss|itunes|googleplay)|(?:media|itunes):", tag) else name


def _escaped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The document from its first markup on, with every doubtful ampersand escaped."""
    rest, begun = b"", False
    for chunk in chunks:
        piece = rest + (chunk if begun else _from_markup(chunk))
        begun = True
        cut = piece.rfind(b"&", -_LONGEST_REFERENCE) if piece else -1
        piece, rest = (piece, b"") if cut < 0 else (piece[:cut], piece[cut:])
        yield _BARE_AMPERSAND.sub(b"&amp;", piece)
    yield _BARE_AMPERSAND.sub(b"&amp;", rest)


def _from_markup(chunk: bytes) -> bytes:
    found = _START.search(chunk, 0, 4096)  # blank lines and PHP's warnings come before the declaration
    return chunk[found.start() :] if found else chunk.lstrip()


def _utf8(chunks: Iterator[bytes], content_type: str | None) -> Iterator[bytes]:
    head = next(chunks, b"")
    texts = codecs.iterdecode(chain([head], chunks), _charset(head, content_type), "replace")
    return (text.encode() for text in texts)


def _charset(head: bytes, content_type: str | None) -> str:
    """Byte order mark, then the bytes themselves, then header (RFC 7303, 3.2) and declaration.

    What is valid UTF-8 is UTF-8: servers call it ISO-8859-1 by default far more often than the reverse happens by chance.
    """
    if bom := read_bom(head)[0]:
        return {"utf-8": "utf-8-sig"}.get(bom, bom)
    if b"\0" in head[:2]:
        return "utf-16-le" if head[1:2] == b"\0" else "utf-16-be"
    declared = _DECLARED.match(head)
    named = http_content_type_encoding(content_type) or (declared and resolve_encoding(declared[1].decode("ascii", "replace")))
    # Python's codecs include some that are no charset (zlib) or decode slowly (punycode)
    return named if named and _CHARSET.match(named) and not _is_utf8(head) else "utf-8"


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return b"\x1b" not in head  # ISO-2022 is ASCII to the eye
