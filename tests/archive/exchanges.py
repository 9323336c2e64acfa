"""Exchanges to store, and the readers that other people wrote to read them back."""

import io
import time
from pathlib import Path

import fastwarc
from warcio.archiveiterator import ArchiveIterator

from archive.exchange import Exchange
from archive.warc import WarcWriter

HTML = b"<html><body><p>The ferry runs again.</p></body></html>"
REQUEST = b"GET /ferry HTTP/1.1\r\nHost: news.example\r\n\r\n"
ASKING = b'GET /ferry HTTP/1.1\r\nHost: news.example\r\nIf-None-Match: "a"\r\n\r\n'  # whether it has changed


def response(body: bytes = HTML, head: bytes = b"Content-Type: text/html\r\n") -> bytes:
    """A response with a Content-Length."""
    return b"HTTP/1.1 200 OK\r\n" + head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def exchange(**given: object) -> Exchange:
    """A usual exchange, but for what is given."""
    usual: dict[str, object] = {
        "url": "http://news.example/ferry",
        "request": REQUEST,
        "response": response(),
        "began": time.time_ns(),
        "seconds": 0.25,
        "peer": "192.0.2.7",
    }
    return Exchange(**(usual | given))  # type: ignore[arg-type]


def writer(folder: Path, max_bytes: int = 1 << 30) -> WarcWriter:
    """A writer with a small warcinfo."""
    folder.mkdir(parents=True, exist_ok=True)
    return WarcWriter(folder, [("software", "test"), ("operator", "the tests")], "test", max_bytes)


def warcio_records(path: Path) -> list[tuple[dict[str, str], bytes]]:
    """Header fields and block of every record, as warcio reads them."""
    with path.open("rb") as file:
        return [
            (dict(record.rec_headers.headers), record.raw_stream.read())
            for record in ArchiveIterator(file, no_record_parse=True)
        ]


def fastwarc_records(path: Path) -> list[tuple[dict[str, str], bytes]]:
    """The same, as fastwarc reads them."""
    records = fastwarc.ArchiveIterator(io.BytesIO(path.read_bytes()), parse_http=False)
    return [(dict(record.headers), record.reader.read()) for record in records]
