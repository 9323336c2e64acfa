"""What it costs to keep records: writing beside warcio, recovery of a long file, fsync. ``python -m benchmarks.records``."""

from __future__ import annotations

import argparse
import gzip
import io
import os
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders, StatusAndHeadersParser
from warcio.warcwriter import WARCWriter

from archive.exchange import Exchange
from archive.recovery import recover
from archive.warc import OPEN_SUFFIX, WarcWriter

REQUEST = b"GET /%d HTTP/1.1\r\nHost: news.example\r\nUser-Agent: benchmark\r\nAccept-Encoding: gzip\r\n\r\n"


def made_up(count: int) -> list[Exchange]:
    """Pages of about 35 KiB as gzip carries them."""
    dice = random.Random(1)
    words = [bytes(dice.choices(b"abcdefghijklmnopqrstuvwxyz", k=dice.randint(2, 11))) for _ in range(9_000)]
    out = []
    for number in range(count):
        body = gzip.compress(b" ".join(dice.choices(words, k=11_000)), 6, mtime=0)
        head = b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html; charset=utf-8\r\nContent-Encoding: gzip\r\n"
        raw = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
        out.append(Exchange(f"http://news.example/{number}", REQUEST % number, raw, time.time_ns(), 0.1, "192.0.2.7"))
    return out


def of_file(path: Path, most: int) -> list[Exchange]:
    """The responses of a WARC file, with a request made up for each."""
    out = []
    with path.open("rb") as file:
        for record in ArchiveIterator(file, no_record_parse=True):
            if record.rec_type == "response" and len(out) < most:
                url = record.rec_headers.get_header("WARC-Target-URI")
                out.append(Exchange(url, REQUEST % len(out), record.raw_stream.read(), time.time_ns(), 0.1, "192.0.2.7"))
    return out


def write_ours(exchanges: list[Exchange], folder: Path) -> int:
    """Response, request and metadata of each, as a crawl writes them; bytes of the file."""
    writer = WarcWriter(folder, [("software", "benchmark")], "ours", 1 << 40)
    for exchange in exchanges:
        writer.write(exchange)
    writer.close()
    return writer.bytes_written


def write_warcio(exchanges: list[Exchange], folder: Path) -> int:
    """The same three records with warcio, which computes the digests and compresses."""
    path = folder / "warcio.warc.gz"
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=True, warc_version="1.1")
        for exchange in exchanges:
            records = []
            for kind, raw in (("response", exchange.response), ("request", exchange.request)):
                stream = io.BytesIO(raw)
                parser = StatusAndHeadersParser(["HTTP/1.1", "HTTP/1.0"] if kind == "response" else ["GET"], verify=False)
                head: StatusAndHeaders = parser.parse(stream)
                headers = {"WARC-IP-Address": exchange.peer}
                records.append(
                    writer.create_warc_record(exchange.url, kind, stream, http_headers=head, warc_headers_dict=headers)
                )
            writer.write_request_response_pair(records[1], records[0])
            note = io.BytesIO(b"fetchTimeMs: 100\r\n")
            about = {"WARC-Concurrent-To": records[0].rec_headers.get_header("WARC-Record-ID")}
            writer.write_record(
                writer.create_warc_record(
                    exchange.url, "metadata", note, warc_content_type="application/warc-fields", warc_headers_dict=about
                )
            )
    return path.stat().st_size


def cpu(function: Callable[[], int]) -> tuple[float, int]:
    """CPU seconds and what the function returned; best of three."""
    best, result = float("inf"), 0
    for _ in range(3):
        began = time.process_time()
        result = function()
        best = min(best, time.process_time() - began)
    return best, result


def recovery(exchanges: list[Exchange], folder: Path, size: int) -> tuple[float, int]:
    """Seconds to recover a file of ``size`` bytes that ends within a record, and its bytes."""
    writer = WarcWriter(folder, [("software", "benchmark")], "torn", 1 << 40)
    while writer.bytes_written < size:
        for exchange in exchanges:
            writer.write(exchange)
    os.close(writer._file._fd)  # as a crash does: neither closed in order nor renamed
    path = folder / (writer.names[0] + OPEN_SUFFIX)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 100)
    began = time.perf_counter()
    (found,) = recover(folder)
    seconds = time.perf_counter() - began
    assert found.path and found.lost
    total = found.kept + found.lost
    found.path.unlink()
    return seconds, total


def fsync(exchanges: list[Exchange], folder: Path, every: int) -> float:
    """Milliseconds a capture of writing with an fsync each ``every`` captures (0: none)."""
    writer = WarcWriter(folder, [], f"sync{every}", 1 << 40)
    began = time.perf_counter()
    for number, exchange in enumerate(exchanges):
        writer.write(exchange)
        if every and number % every == every - 1:
            writer.sync()
    return (time.perf_counter() - began) / len(exchanges) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1000, help="exchanges to write (default 1000)")
    parser.add_argument("--warc", type=Path, help="take the responses of this WARC file instead of made-up pages")
    parser.add_argument("--recover", type=int, default=10**9, help="bytes of the file to recover (default 1 GB)")
    given = parser.parse_args()
    exchanges = of_file(given.warc, given.records) if given.warc else made_up(given.records)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours, our_bytes = cpu(lambda: write_ours(exchanges, folder))
        theirs, their_bytes = cpu(lambda: write_warcio(exchanges, folder))
        each = 1000 / len(exchanges)
        print(f"{len(exchanges):,} exchanges, {sum(len(one.response) for one in exchanges) / 1e6:,.1f} MB of responses")
        print(f"  writing: {ours * each:.3f} ms of CPU each, warcio {theirs * each:.3f}: {ours / theirs:.2f}x (at most 0.2x)")
        print(f"  bytes:   {our_bytes:,}, warcio {their_bytes:,}: {our_bytes / their_bytes:.3f}x (at most 1.05x)")
        for every in (0, 50, 1):
            print(f"  fsync {f'every {every}' if every else 'never'}: {fsync(exchanges, folder, every):.3f} ms a capture")
        for left in folder.iterdir():
            left.unlink()
        seconds, size = recovery(exchanges, folder, given.recover)
        print(f"  recovery of {size / 1e9:.2f} GB: {seconds:.2f} s (at most 5 s for 1 GB)")


if __name__ == "__main__":
    main()
