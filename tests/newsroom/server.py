"""The newsroom's HTTP server: all hosts on one loopback port, told apart by the Host header."""

from __future__ import annotations

import gzip
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import urlsplit, urlunsplit

from .content import Expected
from .site import Answer, Site

CHUNK = 1000


class Seen(NamedTuple):
    """One request as the server saw it; ``time`` is ``time.monotonic()`` and ``host`` has no port."""

    time: float
    host: str
    path: str
    headers: dict[str, str]


class Newsroom:
    """Serve the sample newsroom: ``with Newsroom() as newsroom: crawl(newsroom.front_pages)``.

    Addresses carry the port, so ``port``, ``url``, ``front_pages``, ``expected`` and ``disallowed`` exist from ``start()``
    on. ``slow_seconds`` is how long the slow page takes to answer.
    """

    def __init__(self, port: int = 0, address: str = "127.0.0.1", slow_seconds: float = 1.5) -> None:
        self._bind = (address, port)
        self._slow_seconds = slow_seconds
        self._lock = threading.Lock()
        self._seen: list[Seen] = []
        self._fetches: Counter[tuple[str, str]] = Counter()
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        self._server = _Server(self._bind, _Handler)
        self._server.newsroom = self
        self.port: int = self._server.server_address[1]
        self.site = Site(self.port)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        if self._server and self._thread:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def url(self, host: str, path: str) -> str:
        """The address of a path on a host; ``host`` is a name or one of ``courier``, ``wire``, ``tageblick``."""
        return self.site.url(host, path)

    @property
    def hosts(self) -> list[str]:
        """The names of the three papers, main site first, without port."""
        return [host["name"] for host in self.site.hosts.values()]

    @property
    def front_pages(self) -> list[str]:
        return [self.site.url(host, "/") for host in self.hosts]

    @property
    def expected(self) -> list[Expected]:
        """What is wanted of every HTML page, at the first fetch."""
        return self.site.expected()

    @property
    def disallowed(self) -> list[str]:
        """Addresses that pages link to and robots.txt forbids."""
        return self.site.disallowed()

    @property
    def requests(self) -> list[Seen]:
        """All requests so far, in order of arrival."""
        with self._lock:
            return list(self._seen)

    def forget(self) -> None:
        """Empty the list of requests and the count of fetches: a changing article is back at its first version."""
        with self._lock:
            self._seen.clear()
            self._fetches.clear()

    def answer(self, method: str, host: str, path: str, headers: dict[str, str]) -> Answer:
        """Note a request and find its answer."""
        name = self.site.host_name(host)
        with self._lock:
            self._seen.append(Seen(time.monotonic(), name, path, headers))
            self._fetches[name, path] += method == "GET"
            count = max(self._fetches[name, path], 1)
        answer = self.site.answer(name, path, count)
        time.sleep(self._slow_seconds if answer.slow else 0)
        return answer


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    newsroom: Newsroom


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "Newsroom/1.0"
    disable_nagle_algorithm = True
    timeout = 60
    server: _Server

    def do_GET(self) -> None:
        self._reply()

    def do_HEAD(self) -> None:
        self._reply()

    def _reply(self) -> None:
        seen = dict(self.headers.items())
        target = urlsplit(self.path)  # clients that take it for their proxy ask with the whole address
        path = urlunsplit(("", "", *target[2:])) if target.netloc else self.path
        answer = self.server.newsroom.answer(self.command, self.headers.get("Host", ""), path, seen)
        etag = dict(answer.headers).get("ETag")
        if etag and etag == self.headers.get("If-None-Match"):
            self._send(304, [("ETag", etag)], b"", chunked=False)
            return
        headers, body = list(answer.headers), answer.body
        if answer.gzip and "gzip" in self.headers.get("Accept-Encoding", ""):
            headers += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
            body = gzip.compress(body, mtime=0)
        self._send(answer.status, headers, body, chunked=answer.chunked and self.request_version != "HTTP/1.0")

    def _send(self, status: int, headers: list[tuple[str, str]], body: bytes, chunked: bool) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status != 304:
            self.wfile.write(_chunks(body) if chunked else body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the newsroom's list of requests is the log."""


def _chunks(body: bytes) -> bytes:
    parts = [body[at : at + CHUNK] for at in range(0, len(body), CHUNK)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
