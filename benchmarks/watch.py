"""``python -m benchmarks.watch``: weeks of watching in minutes; does memory grow with what was seen?

Feeds on loopback are revisited as fast as it goes; a share of the visits finds one new article, the rest gets a 304. Printed is
the memory of the crawling process (unique set size; the workers are others) each time an eighth of the visits has been made.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).parents[1]
SETTINGS = {
    "BROADSHEET_ALLOW_PRIVATE": "127.0.0.0/8",
    "BROADSHEET_HOSTS": "*.test=127.0.0.1",
    "BROADSHEET_WORKERS": "1",
    "BROADSHEET_LATENCY_FACTOR": "0",
    "BROADSHEET_ADDRESS_DELAY": "0",
    "BROADSHEET_WATCH_SHORTEST": "0.01",
    "BROADSHEET_WATCH_LONGEST": "0.2",
    "BROADSHEET_WATCH_REPORT_SECONDS": "20",
    "BROADSHEET_WARC_MAX_SECONDS": "20",
    "BROADSHEET_PART_SECONDS": "5",
    "BROADSHEET_AUDIT_SAMPLE": "0",
    "DOWNLOAD_DELAY": "0",
}
LISTED = 20  # entries of a feed
EIGHTHS = 8


class Feeds(ThreadingHTTPServer):
    """Feeds of ``feeds`` hosts; every ``every``-th visit to any finds one more story there."""

    daemon_threads = True

    def __init__(self, feeds: int, every: int) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.stories, self.every = [LISTED] * feeds, every
        self.visits = self.pages = 0
        self.lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Feeds

    def do_GET(self) -> None:
        number = int(re.match(r"site(\d+)", self.headers["Host"])[1])  # type: ignore[index]
        if self.path == "/robots.txt":
            self._send(200, "text/plain", "", b"User-agent: *\nDisallow:\n")
        elif self.path == "/feed":
            self._feed(number)
        else:
            self.server.pages += 1
            self._send(200, "text/html", "", page(self.path))

    def _feed(self, number: int) -> None:
        server = self.server
        with server.lock:
            server.visits += 1
            server.stories[number] += server.visits % server.every == 0
            count = server.stories[number]
        etag = f'"{count}"'
        if self.headers.get("If-None-Match") == etag:
            self._send(304, "", etag, b"")
            return
        base = f"http://{self.headers['Host']}/2026/the-story-of-this-day-number-"
        items = "".join(f"<item><link>{base}{count - at}</link></item>" for at in range(LISTED))
        self._send(200, "application/rss+xml", etag, f"<rss version='2.0'><channel>{items}</channel></rss>".encode())

    def _send(self, status: int, kind: str, etag: str, body: bytes) -> None:
        head = (
            f"HTTP/1.1 {status} X\r\n" + (f"Content-Type: {kind}\r\n" if kind else "") + (f"ETag: {etag}\r\n" if etag else "")
        )
        length = f"Content-Length: {len(body)}\r\n" if status != 304 else ""
        self.wfile.write(f"{head}{length}\r\n".encode() + body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def page(path: str) -> bytes:
    dice = random.Random(path)
    words = [f"{dice.choice('bdfgklmnprst')}{dice.choice('aeiou')}{dice.choice('lmnrst')}en" for _ in range(400)]
    told = "".join(f"<p>{' '.join(words[at : at + 50]).capitalize()}.</p>" for at in range(0, 400, 50))
    return f"<html><head><title>{path}</title></head><body><article><h1>{path}</h1>{told}</article></body></html>".encode()


def unique_kilobytes(pid: int) -> int:
    """Memory that is this process' alone."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(found) for found in re.findall(r"Private_\w+: +(\d+) kB", text))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visits", type=int, default=20_000)
    parser.add_argument("--feeds", type=int, default=100)
    parser.add_argument("--every", type=int, default=10, help="each so manyth visit finds a new article")
    given = parser.parse_args()
    server = Feeds(given.feeds, given.every)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        feeds = Path(folder) / "feeds.txt"
        feeds.write_text("".join(f"http://site{n}.test:{server.server_port}/feed\n" for n in range(given.feeds)))
        options = [part for name, value in SETTINGS.items() for part in ("-s", f"{name}={value}")]
        command = [sys.executable, "-m", "scrapy", "crawl", "news", "-a", "watch=true", "-a", f"feeds={feeds}"]
        process = subprocess.Popen([*command, "-a", f"collection={folder}/c", *options], cwd=ROOT, env=dict(os.environ))
        watch(process, server, given.visits)
        process.send_signal(signal.SIGTERM)
        process.wait()
        print(f"files {len(list(Path(folder, 'c', 'archive').iterdir()))}, exit code {process.returncode}")


def watch(process: subprocess.Popen[bytes], server: Feeds, visits: int) -> None:
    began, first = time.monotonic(), 0
    for eighth in range(1, EIGHTHS + 1):
        while server.visits < visits * eighth / EIGHTHS:
            assert process.poll() is None, "the watch has ended"
            time.sleep(0.1)
        memory = unique_kilobytes(process.pid)
        first = first or memory
        print(
            f"{eighth}/{EIGHTHS}: {server.visits:,} visits, {server.pages:,} pages, {time.monotonic() - began:,.0f} s,"
            f" {memory / 1024:.1f} MB ({(memory - first) / 1024:+.1f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
