"""WARC 1.1 records (ISO 28500:2017) as bytes: one exchange becomes a response, its request and what else is known of it."""

from __future__ import annotations

import base64
import ipaddress
import os
import re
import uuid
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO

from isal import isal_zlib

from archive.digest import digest_of
from archive.exchange import Exchange
from archive.http import Head, entity_body, entity_pieces, parse_head, pieces, playable, redact, split_interim
from archive.validators import is_conditional

Fields = list[tuple[str, str]]

# OpenSSL's names of TLS 1.2 suites → IANA's, which WARC-Cipher-Suite asks for; TLS 1.3 names are the same in both
_IANA = {
    "ECDHE-ECDSA-AES128-GCM-SHA256": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305": "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "ECDHE-RSA-CHACHA20-POLY1305": "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "ECDHE-RSA-AES128-SHA256": "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "ECDHE-RSA-AES256-SHA384": "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
    "ECDHE-RSA-AES128-SHA": "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "ECDHE-RSA-AES256-SHA": "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "DHE-RSA-AES128-GCM-SHA256": "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
    "DHE-RSA-AES256-GCM-SHA384": "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
    "AES128-GCM-SHA256": "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "AES256-GCM-SHA384": "TLS_RSA_WITH_AES_256_GCM_SHA384",
}


@dataclass(frozen=True, slots=True)
class Records:
    """The gzip members of one capture, the record that stands for it first, and what the captures table says of it."""

    members: list[bytes]
    record_id: str
    record_type: str
    date: datetime
    peer: str | None
    head: Head | None = None
    digest: str | None = None
    request_record_id: str | None = None
    unpacked: str | None = None
    original: Original | None = None


@dataclass(frozen=True, slots=True)
class Original:
    """The record that holds a payload in full, for records of later visits to refer to.

    ``date`` is its WARC-Date; ``filename``, ``offset`` and ``length`` (bytes) are its place in the collection.
    """

    url: str
    date: datetime
    digest: str
    record_id: str
    filename: str
    offset: int
    length: int


def new_record_id() -> str:
    """A fresh WARC-Record-ID (WARC 1.1, 5.2): a random UUID as URN, in angle brackets."""
    return f"<urn:uuid:{uuid.uuid4()}>"


def moment(nanoseconds: int) -> datetime:
    """Nanoseconds since 1970 as an instant, whole microseconds, UTC."""
    return datetime.fromtimestamp(nanoseconds // 1000 / 1e6, UTC)


def warc_date(instant: datetime) -> str:
    """WARC-Date (WARC 1.1, 5.4): W3C profile of ISO 8601, UTC, microseconds."""
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def member(kind: str, record_id: str, fields: Iterable[tuple[str, str]], block: bytes, *, packed: bool = False) -> bytes:
    """One WARC record as one gzip member (WARC 1.1, annex D). Line breaks in values are folded to spaces.

    A block that is ``packed`` already is stored in its member without another try.
    """
    return _member(kind, record_id, fields, _Block(block), packed=packed)


@dataclass(frozen=True, slots=True)
class _Block:
    """The block of a record: bytes, or what is in a file from the byte ``start`` on."""

    memory: bytes
    file: BinaryIO | None = None
    start: int = 0

    def __len__(self) -> int:
        return os.fstat(self.file.fileno()).st_size - self.start if self.file else len(self.memory)

    def pieces(self) -> Iterable[bytes]:
        return pieces(self.file, self.start) if self.file else [self.memory]

    def payload(self, head: Head) -> Iterable[bytes]:
        """The pieces of the entity body, if it is a response with that head."""
        return entity_pieces(self.file, self.start + head.size, head) if self.file else [entity_body(self.memory, head) or b""]


def _member(kind: str, record_id: str, fields: Iterable[tuple[str, str]], block: _Block, *, packed: bool = False) -> bytes:
    lines = [("WARC-Type", kind), ("WARC-Record-ID", record_id), *fields]
    lines += [("WARC-Block-Digest", digest_of(block.pieces())), ("Content-Length", str(len(block)))]
    head = "WARC/1.1\r\n" + "".join(f"{name}: {' '.join(value.split())}\r\n" for name, value in lines) + "\r\n"
    packer = zlib.compressobj(0, zlib.DEFLATED, 31) if packed else isal_zlib.compressobj(1, zlib.DEFLATED, 31)
    return b"".join(
        (packer.compress(head.encode()), *map(packer.compress, block.pieces()), packer.compress(b"\r\n\r\n"), packer.flush())
    )


def warc_fields(fields: Iterable[tuple[str, str]]) -> bytes:
    """A block of type ``application/warc-fields`` ; the values' line breaks are folded to spaces."""
    return "".join(f"{name}: {' '.join(value.split())}\r\n" for name, value in fields).encode()


def records_of(exchange: Exchange, warcinfo_id: str, original: Original | None = None) -> Records:
    """The records of one exchange: response, request and metadata; or a metadata record alone if no answer came.

    A revisit record stands for the response if its payload is that of ``original``, or the server, being asked, says so (304).
    """
    interim, response = split_interim(exchange.response)
    head = parse_head(response)
    date = moment(exchange.began)
    about = [("WARC-Target-URI", exchange.url), ("WARC-Date", warc_date(date)), ("WARC-Warcinfo-ID", warcinfo_id)]
    if exchange.page_id:
        about.append(("WARC-Page-ID", exchange.page_id))
    peer = canonical_ip(exchange.peer)
    request, blanked = redact(exchange.request)
    unpacked = None
    if head:
        response, unpacked = playable(response, head)
        head = parse_head(response) if unpacked else head
    note = _metadata_block(exchange, interim, blanked, unpacked, b"" if head else response)
    metadata_id = new_record_id()
    if head is None:
        where = [("WARC-IP-Address", peer)] if peer else []
        members = [member("metadata", metadata_id, [*about, *where, _FIELDS_TYPE], note)]
        return Records(members, metadata_id, "metadata", date, peer)
    response_id, request_id = new_record_id(), new_record_id()
    wire = about + _wire_fields(exchange, head, peer)
    fields = [*wire, ("Content-Type", "application/http;msgtype=response")]
    block = _Block(response, exchange.file, len(interim))
    digest = digest_of(block.payload(head)) if head.complete else None
    profile = _profile(exchange, head, len(block) - head.size, digest, original)
    if profile:
        assert original is not None
        fields += _revisit_fields(profile, original)
        digest = original.digest
        if profile == IDENTICAL_PAYLOAD:
            block = _Block(response[: head.size])
    if digest:
        fields.append(("WARC-Payload-Digest", digest))
    if exchange.truncated or profile == IDENTICAL_PAYLOAD:
        fields.append(("WARC-Truncated", exchange.truncated or "length"))
    concurrent = ("WARC-Concurrent-To", response_id)
    kind = "revisit" if profile else "response"
    members = [
        _member(kind, response_id, fields, block, packed=_is_packed(head, len(block))),
        member("request", request_id, [*wire, concurrent, ("Content-Type", "application/http;msgtype=request")], request),
        member("metadata", metadata_id, [*about, concurrent, _FIELDS_TYPE], note),
    ]
    return Records(members, response_id, kind, date, peer, head, digest, request_id, unpacked, original if profile else None)


_PACKED_TYPES = re.compile(r"image/(?!svg)|audio/|video/|font/woff")


def _is_packed(head: Head, size: int) -> bool:
    """Whether nothing is won by compressing an answer again: its body is, and the head is small beside it."""
    packed = head.codings == ["gzip"] or _PACKED_TYPES.match((head.get("content-type") or "").strip().lower())
    return bool(packed) and size > 16 * 1024


# WARC 1.1, 6.7.2 and 6.7.3
IDENTICAL_PAYLOAD = "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
NOT_MODIFIED = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
_SMALLEST_REVISITED = 512  # bytes: a shorter body takes no more room than a reference to it


def _profile(exchange: Exchange, head: Head, size: int, digest: str | None, original: Original | None) -> str | None:
    """The profile of the revisit record that an exchange makes, or None if it is a response of its own."""
    if original is None or exchange.truncated:
        return None
    if head.status == 304:
        return NOT_MODIFIED if is_conditional(exchange.request) else None
    same = head.status == 200 and digest == original.digest and size >= _SMALLEST_REVISITED
    return IDENTICAL_PAYLOAD if same else None


def _revisit_fields(profile: str, original: Original) -> Fields:
    return [
        ("WARC-Profile", profile),
        ("WARC-Refers-To", original.record_id),
        ("WARC-Refers-To-Target-URI", original.url),
        ("WARC-Refers-To-Date", warc_date(original.date)),
    ]


def outlinks_of(capture_id: str, url: str, date: datetime, warcinfo_id: str, links: Iterable[str]) -> bytes:
    """The member of a metadata record that lists where a page leads, one ``outlink`` a line, as Heritrix names it.

    It describes the capture ``capture_id`` (WARC-Refers-To; WARC 1.1, 6.6) and bears that capture's date.
    """
    fields = [
        ("WARC-Target-URI", url),
        ("WARC-Date", warc_date(date)),
        ("WARC-Warcinfo-ID", warcinfo_id),
        ("WARC-Refers-To", capture_id),
        _FIELDS_TYPE,
    ]
    return member("metadata", new_record_id(), fields, warc_fields(("outlink", link) for link in links))


_FIELDS_TYPE = ("Content-Type", "application/warc-fields")


def canonical_ip(address: str | None) -> str | None:
    """WARC-IP-Address (WARC 1.1, 5.10): dotted IPv4, or IPv6 as RFC 4291 and RFC 5952 write it, mapped IPv4 undone."""
    if not address:
        return None
    found = ipaddress.ip_address(address.partition("%")[0])
    return str(getattr(found, "ipv4_mapped", None) or found)


def _wire_fields(exchange: Exchange, head: Head, peer: str | None) -> Fields:
    fields = [("WARC-IP-Address", peer)] if peer else []
    fields.append(("WARC-Protocol", f"http/{head.version}"))
    if exchange.tls_version:
        fields.append(("WARC-Protocol", exchange.tls_version.lower().replace("tlsv", "tls/")))
    if exchange.cipher and (suite := _IANA.get(exchange.cipher, exchange.cipher)).startswith("TLS_"):
        fields.append(("WARC-Cipher-Suite", suite))
    return fields


def _metadata_block(exchange: Exchange, interim: bytes, blanked: list[str], unpacked: str | None, stray: bytes) -> bytes:
    """What the crawler knows of the fetch; names from WARC 1.1, 6.6 where it has them."""
    known = [
        ("via", exchange.via),
        ("fetchTimeMs", str(round(exchange.seconds * 1000))),
        ("purpose", exchange.purpose),
        *(exchange.announced.fields() if exchange.announced else ()),
        ("error", exchange.error),
        ("tlsCertificate", "not verified" if exchange.unverified else None),
        ("attempts", str(exchange.attempts) if exchange.attempts > 1 else None),
        ("redactedRequestFields", ", ".join(blanked)),
        ("unpackedContentCoding", unpacked),
        ("interimResponse", base64.b64encode(interim).decode()),
        ("surplusBytes", str(exchange.surplus) if exchange.surplus else None),
        ("unparsedResponse", base64.b64encode(stray).decode()),
    ]
    return warc_fields((name, value) for name, value in known if value)
