"""What one HTTP exchange left on the wire: the only source for what the archive says of a fetch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, Literal

from archive.announcement import Announcement

Truncation = Literal["length", "time", "disconnect", "unspecified"]


@dataclass(slots=True)
class Exchange:
    """One request and what answered it, as bytes.

    ``url`` is the address as requested, without credentials and fragment. ``request`` and ``response`` are the bytes of
    HTTP/1.x messages as they crossed the socket (a TLS or CONNECT layer undone, nothing else). ``began`` is the wall clock
    at the request's first byte in nanoseconds since 1970, ``seconds`` the time until the end. ``peer`` is the server's IP
    address, None behind a proxy or if no connection came about. ``truncated`` is a WARC-Truncated reason (WARC 1.1, 5.15)
    and ``error`` says why in words. ``surplus`` counts bytes that followed the end of the message; they are not stored.
    ``unverified`` says that the server's certificate was taken as it was, whoever it names.
    ``announced`` is what a feed or news sitemap said of the page.
    Of a long answer, ``response`` is the beginning, with all of its head, and ``file`` has the whole; its body is in no coding
    but gzip.
    ``page_id`` names a page and all that was fetched for its replay (WARC-Page-ID, as Browsertrix writes it).
    """

    url: str
    request: bytes
    response: bytes
    began: int
    seconds: float = 0.0
    peer: str | None = None
    tls_version: str | None = None
    cipher: str | None = None
    truncated: Truncation | None = None
    error: str | None = None
    unverified: bool = False
    surplus: int = 0
    attempts: int = 1
    via: str | None = None
    purpose: str | None = None
    page_id: str | None = None
    announced: Announcement | None = None
    file: BinaryIO | None = None
