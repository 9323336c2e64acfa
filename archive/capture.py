"""A capture: one fetch as the archive holds it, and the row of the captures table that points at it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

from archive.announcement import Announcement
from archive.record import Original
from archive.url import host_parts, port_of, surt, without_secrets
from archive.validators import Validators


@dataclass(slots=True)
class Capture:
    """One WARC record that stands for a fetch, and where it lies.

    ``record_type`` is ``response``, ``revisit`` for one that says the same as ``original``, or ``metadata`` for an attempt
    that no byte answered. ``filename`` is relative to the collection's archive folder; ``offset`` and ``length`` (bytes) bound
    the record's gzip member. ``unpacked`` names the content codings that were undone to store it. ``validators`` are what a
    later visit can ask by whether it is still the same. ``extraction`` and ``reason`` are set once the page was read; until
    then ``restrictions`` are those of the header fields alone. Serves as the row of ``archive.schema.CAPTURES``.
    """

    url: str
    date: datetime
    record_id: str
    record_type: str
    filename: str
    offset: int
    length: int
    status: int | None = None
    digest: str | None = None
    content_type: str | None = None
    location: str | None = None
    truncated: str | None = None
    request_record_id: str | None = None
    ip_address: str | None = None
    milliseconds: int | None = None
    error: str | None = None
    purpose: str | None = None
    via: str | None = None
    announced: Announcement | None = None
    page_id: str | None = None
    unpacked: str | None = None
    original: Original | None = None
    validators: Validators | None = None
    extraction: str | None = None
    reason: str | None = None
    restrictions: list[str] | None = None

    @property
    def is_not_modified(self) -> bool:
        """Whether the server said, being asked, that its answer is still that of ``original``."""
        return self.status == 304 and self.original is not None

    def row(self, crawl_id: str) -> dict[str, Any]:
        """This capture as a row of the captures table."""
        return {
            **url_columns(self.url),
            "fetch_time": self.date,
            "fetch_status": self.status,
            "fetch_redirect": self._redirect(),
            "content_digest": self.digest,
            "content_mime_type": media_type(self.content_type),
            "content_charset": charset(self.content_type),
            "content_truncated": self.truncated,
            "warc_filename": self.filename,
            "warc_record_offset": self.offset,
            "warc_record_length": self.length,
            "warc_record_id": self.record_id,
            "warc_record_type": self.record_type,
            "request_record_id": self.request_record_id,
            "refers_to_record_id": self.original.record_id if self.original else None,
            "ip_address": self.ip_address,
            "fetch_ms": self.milliseconds,
            "fetch_error": self.error,
            "purpose": self.purpose,
            "via": self.via,
            "page_id": self.page_id,
            "extraction": self.extraction,
            "extraction_reason": self.reason,
            "restrictions": self.restrictions,
            "crawl_id": crawl_id,
        }

    def _redirect(self) -> str | None:
        if self.location is None or self.status is None or not 300 <= self.status < 400:
            return None
        location = self.location
        with suppress(UnicodeError):  # heads are read as Latin-1, and what is not ASCII in them is UTF-8 nearly always
            location = location.encode("latin-1").decode("utf-8")
        try:
            return without_secrets(urljoin(self.url, location))
        except ValueError:
            return location


def url_columns(url: str) -> dict[str, Any]:
    """The columns of the Common Crawl index that come from the address alone."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    tld, domain = host_parts(host)
    return {
        "url_surtkey": surt(url),
        "url": url,
        "url_host_name": host,
        "url_host_tld": tld,
        "url_host_registered_domain": domain,
        "url_protocol": parts.scheme,
        "url_port": port_of(parts),
        "url_path": parts.path or "/",
        "url_query": parts.query or None,
    }


def media_type(content_type: str | None) -> str | None:
    """The media type of a Content-Type field, lower case, without parameters."""
    return (content_type or "").partition(";")[0].strip().lower() or None


def charset(content_type: str | None) -> str | None:
    """The charset parameter of a Content-Type field, lower case."""
    _, _, value = (content_type or "").lower().partition("charset=")
    return value.partition(";")[0].strip(" \"'") or None
