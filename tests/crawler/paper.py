"""A small paper on loopback that goes on appearing: front page, feed, sitemap and stories, all with entity tags."""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from tests.pipelines.pages import sentence

Answer = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True)
class Asked:
    """One request as it came, and the status of its answer."""

    path: str
    headers: dict[str, str]
    status: int


@dataclass
class Paper:
    """``with Paper(3) as paper``: three stories; ``publish`` adds one. ``odd`` has answers of one's own by path."""

    count: int = 3
    odd: dict[str, Callable[[], Answer]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def __enter__(self) -> Self:
        paper = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                headers = dict(self.headers.items())
                status, fields, body = paper.answer(self.path, headers)
                paper.asked.append(Asked(self.path, headers, status))
                self.send_response(status)
                for name, value in fields.items():
                    self.send_header(name, value)
                if status != 304:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body if status != 304 else b"")

            def log_message(self, format: str, *args: object) -> None:
                """The paper's list of requests is the log."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads, self._server.block_on_close = True, False
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.home = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def publish(self) -> str:
        """One more story; its address."""
        self.count += 1
        return self.url(self.count)

    def url(self, number: int) -> str:
        return f"{self.home}{path_of(number)}"

    def answer(self, path: str, headers: dict[str, str]) -> Answer:
        if path in self.odd:
            return self.odd[path]()
        kind, body = self._document(path)
        if not body:
            return 404, {}, b"no such page"
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        return (304 if headers.get("If-None-Match") == etag else 200), {"ETag": etag, "Content-Type": kind}, body

    def _document(self, path: str) -> tuple[str, bytes]:
        stories = range(self.count, 0, -1)
        if path == "/":
            links = "".join(f'<li><a href="{path_of(n)}">Timber boats crowd harbour number {n} again</a></li>' for n in stories)
            feed = '<link rel="alternate" type="application/rss+xml" href="/feed.xml">'
            return "text/html", f"<html><head><title>Paper</title>{feed}</head><body><ul>{links}</ul></body></html>".encode()
        if path == "/feed.xml":
            items = "".join(f"<item><title>Boats {n}</title><link>{self.url(n)}</link></item>" for n in stories)
            return "application/rss+xml", f"<rss version='2.0'><channel>{items}</channel></rss>".encode()
        if path == "/robots.txt":
            return "text/plain", b"User-agent: *\nDisallow:\n"
        number = next((n for n in stories if path == path_of(n)), None)
        return ("text/html", story(number)) if number else ("", b"")

    def statuses(self, path: str) -> list[int]:
        """The answers that a path has given, in order."""
        return [one.status for one in self.asked if one.path == path]


def path_of(number: int) -> str:
    return f"/2026/11/timber-boats-crowd-harbour-{number}.html"


def story(number: int) -> bytes:
    told = "".join(f"<p>{sentence(number * 10 + n)}</p>" for n in range(8))
    head, title = f"<title>Timber boats crowd harbour {number}</title>", f"<h1>Timber boats {number}</h1>"
    return f"<html lang='en'><head>{head}</head><body><article>{title}{told}</article></body></html>".encode()
