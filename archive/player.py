"""The player: ReplayWeb.page, a program of its own (AGPL), fetched once at a pinned version, checked, and served unmodified.

What an archive holds is other people's JavaScript. It runs on an origin of its own, on loopback, where nothing can be written
and nothing lies but the player and the files to be played.
"""

from __future__ import annotations

import base64
import hashlib
import mimetypes
import re
import subprocess
import tarfile
import tempfile
import threading
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO, Self
from urllib.parse import quote, unquote, urlencode, urlsplit

from platformdirs import user_cache_path

PACKAGE = "replaywebpage@2.4.6"
# sha512 of the package's file, as package managers note it
INTEGRITY = "uG50jESRld0p+fY7+nUxIWl7hvfimreNjSmaNkc/a9a8gBdmb7PH4J42Iib+vgk9KrHd0HLScVT++LgqV5fwpQ=="
_PARTS = ("index.html", "ui.js", "sw.js", "LICENSE")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_STEP = 1 << 18


class PlayerError(Exception):
    """The player is not there or cannot be fetched; the message says what to do."""


def player_folder() -> Path:
    """Where the player lies in the user's cache. Raises PlayerError if it was not fetched yet."""
    folder = _folder()
    if not all((folder / name).is_file() for name in _PARTS):
        raise PlayerError(f"the player is not here yet; get it once ({PACKAGE}, about 2 MB) with: scrapy replay --fetch-player")
    return folder


def _folder() -> Path:
    return user_cache_path("broadsheet") / PACKAGE.replace("@", "-")


def fetch_player() -> Path:
    """Fetch the package with npm and keep what replay needs of it, if its checksum is right; its folder.

    Raises PlayerError.
    """
    with tempfile.TemporaryDirectory() as name:
        try:
            subprocess.run(  # noqa: S603
                ["npm", "pack", PACKAGE, "--silent"],  # noqa: S607
                cwd=name,
                check=True,
                capture_output=True,
                text=True,
                timeout=300,
            )
        except FileNotFoundError:
            raise PlayerError("npm is not installed; it fetches the player: install Node.js, then try again") from None
        except subprocess.CalledProcessError as error:
            raise PlayerError(f"npm could not fetch {PACKAGE}: {error.stderr.strip()[-300:]}") from None
        (package,) = Path(name).glob("*.tgz")
        unpack(package, _folder())
    return _folder()


def unpack(package: Path, folder: Path) -> None:
    """Unpack what replay needs. Raises PlayerError if the file is not the very one that is expected."""
    found = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
    if found != INTEGRITY:
        raise PlayerError(f"{package.name} is not the file that is expected: its sha512 is {found}; nothing was kept of it")
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(package) as files:
        for part in _PARTS:
            source = files.extractfile(f"package/{part}")
            assert source is not None
            (folder / part).write_bytes(source.read())


class ReplayServer:
    """Serves the player and ``files`` (by name, at ``/files/NAME``) on 127.0.0.1, to be read only.

    ``with ReplayServer(player_folder(), {"news.wacz": path}) as server: open(server.page("news.wacz"))``
    """

    def __init__(self, player: Path, files: Mapping[str, Path], port: int = 0) -> None:
        self._paths = {f"/{name}": player / name for name in _PARTS} | {"/": player / "index.html"}
        # embedded players look for themselves here
        self._paths |= {f"/replay{path}": file for path, file in list(self._paths.items())}
        self._paths |= {f"/files/{name}": path for name, path in files.items()}
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self._paths))
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.origin = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def page(self, name: str, url: str | None = None, timestamp: str | None = None) -> str:
        """The address at which a browser shows a file: its list of pages, or the page ``url`` as it was at ``timestamp``."""
        place = {"view": "pages"} | ({"url": url} if url else {}) | ({"ts": timestamp} if timestamp else {})
        return f"{self.origin}/?{urlencode({'source': f'/files/{quote(name)}'})}#{urlencode(place)}"


def _handler(paths: Mapping[str, Path]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Answer with a file or a part of one."""
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            """The same without the body."""
            self._answer(with_body=False)

        def _answer(self, *, with_body: bool) -> None:
            host, port = self.headers.get("Host", ""), self.server.server_address[1]  # type: ignore[index]
            path = paths.get(unquote(urlsplit(self.path).path))
            if host not in (f"127.0.0.1:{port}", f"localhost:{port}"):  # another site's name that leads here (DNS rebinding)
                self._refuse(HTTPStatus.MISDIRECTED_REQUEST)
            elif path is None or not path.is_file():
                self._refuse(HTTPStatus.NOT_FOUND)
            else:
                with path.open("rb") as file:
                    self._send(path, file, with_body=with_body)

        def _send(self, path: Path, file: BinaryIO, *, with_body: bool) -> None:
            size = path.stat().st_size
            span = _span(self.headers.get("Range"), size)
            if span is None:
                self._refuse(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, ("Content-Range", f"bytes */{size}"))
                return
            start, end = span
            partial = "Range" in self.headers
            self.send_response(HTTPStatus.PARTIAL_CONTENT if partial else HTTPStatus.OK)
            if partial:
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
            media = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            self.send_header("Content-Type", f"{media}; charset=utf-8" if media.startswith("text/") else media)
            self.send_header("Content-Length", str(end - start))
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Cache-Control", "no-cache")
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("Referrer-Policy", "no-referrer")
            self.end_headers()
            if with_body:
                file.seek(start)
                left = end - start
                while left and (data := file.read(min(left, _STEP))):
                    self.wfile.write(data)
                    left -= len(data)

        def _refuse(self, status: HTTPStatus, *headers: tuple[str, str]) -> None:
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler


def _span(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte and end of what a Range header asks for (RFC 9110, 14.2; one range); all of it without one."""
    if header is None:
        return 0, size
    found = _RANGE.fullmatch(header.strip())
    if not found or found[1] == found[2] == "":
        return None
    if not found[1]:
        return max(0, size - int(found[2])), size
    start, end = int(found[1]), min(int(found[2]) + 1 if found[2] else size, size)
    return (start, end) if start < end else None
