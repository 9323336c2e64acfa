"""WARC 1.1 records (ISO 28500:2017) as bytes: one exchange becomes a response, its request and what else is known of it."""

from __future__ import annotations

import base64
import ipaddress
import uuid
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from isal import isal_zlib

from archive.digest import warc_digest
from archive.exchange import Exchange
from archive.http import Head, entity_body, parse_head, redact, split_interim

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
    head: Head | None
    digest: str | None
    request_record_id: str | None
    date: datetime
    peer: str | None


def new_record_id() -> str:
    """A fresh WARC-Record-ID (WARC 1.1, 5.2): a random UUID as URN, in angle brackets."""
    return f"<urn:uuid:{uuid.uuid4()}>"


def moment(nanoseconds: int) -> datetime:
    """Nanoseconds since 1970 as an instant, whole microseconds, UTC."""
    return datetime.fromtimestamp(nanoseconds // 1000 / 1e6, UTC)


def warc_date(instant: datetime) -> str:
    """WARC-Date (WARC 1.1, 5.4): W3C profile of ISO 8601, UTC, microseconds."""
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def member(kind: str, record_id: str, fields: Iterable[tuple[str, str]], block: bytes) -> bytes:
    """One WARC record as one gzip member (WARC 1.1, annex D). Line breaks in values are folded to spaces."""
    lines = [("WARC-Type", kind), ("WARC-Record-ID", record_id), *fields]
    lines += [("WARC-Block-Digest", warc_digest(block)), ("Content-Length", str(len(block)))]
    head = "WARC/1.1\r\n" + "".join(f"{name}: {' '.join(value.split())}\r\n" for name, value in lines) + "\r\n"
    packer = isal_zlib.compressobj(1, zlib.DEFLATED, 31)
    return b"".join((packer.compress(head.encode()), packer.compress(block), packer.compress(b"\r\n\r\n"), packer.flush()))


def warc_fields(fields: Iterable[tuple[str, str]]) -> bytes:
    """A block of type ``application/warc-fields`` (WARC 1.1, 6.5); the values' line breaks are folded to spaces."""
    return "".join(f"{name}: {' '.join(value.split())}\r\n" for name, value in fields).encode()


def records_of(exchange: Exchange, warcinfo_id: str) -> Records:
    """The records of one exchange: response, request and metadata; or a metadata record alone if no answer came."""
    interim, response = split_interim(exchange.response)
    head = parse_head(response)
    date = moment(exchange.began)
    about = [("WARC-Target-URI", exchange.url), ("WARC-Date", warc_date(date)), ("WARC-Warcinfo-ID", warcinfo_id)]
    if exchange.page_id:
        about.append(("WARC-Page-ID", exchange.page_id))
    peer = canonical_ip(exchange.peer)
    request, blanked = redact(exchange.request)
    note = _metadata_block(exchange, interim, blanked, b"" if head else response)
    metadata_id = new_record_id()
    if head is None:
        where = [("WARC-IP-Address", peer)] if peer else []
        members = [member("metadata", metadata_id, [*about, *where, _FIELDS_TYPE], note)]
        return Records(members, metadata_id, "metadata", None, None, None, date, peer)
    response_id, request_id = new_record_id(), new_record_id()
    wire = about + _wire_fields(exchange, head, peer)
    fields = [*wire, ("Content-Type", "application/http;msgtype=response")]
    body = entity_body(response)
    digest = warc_digest(body) if body is not None else None
    if digest:
        fields.append(("WARC-Payload-Digest", digest))
    if exchange.truncated:
        fields.append(("WARC-Truncated", exchange.truncated))
    concurrent = ("WARC-Concurrent-To", response_id)
    members = [
        member("response", response_id, fields, response),
        member("request", request_id, [*wire, concurrent, ("Content-Type", "application/http;msgtype=request")], request),
        member("metadata", metadata_id, [*about, concurrent, _FIELDS_TYPE], note),
    ]
    return Records(members, response_id, "response", head, digest, request_id, date, peer)


_FIELDS_TYPE = ("Content-Type", "application/warc-fields")


def canonical_ip(address: str | None) -> str | None:
    """WARC-IP-Address (WARC 1.1, 5.11): dotted IPv4, or IPv6 as RFC 4291 and RFC 5952 write it, mapped IPv4 undone."""
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


def _metadata_block(exchange: Exchange, interim: bytes, blanked: list[str], stray: bytes) -> bytes:
    """What the crawler knows of the fetch; names from WARC 1.1, 6.5 where it has them."""
    known = [
        ("via", exchange.via),
        ("fetchTimeMs", str(round(exchange.seconds * 1000))),
        ("purpose", exchange.purpose),
        ("error", exchange.error),
        ("attempts", str(exchange.attempts) if exchange.attempts > 1 else None),
        ("redactedRequestFields", ", ".join(blanked)),
        ("interimResponse", base64.b64encode(interim).decode()),
        ("surplusBytes", str(exchange.surplus) if exchange.surplus else None),
        ("unparsedResponse", base64.b64encode(stray).decode()),
    ]
    return warc_fields((name, value) for name, value in known if value)
