"""A small HTTP proxy on loopback, of both kinds: CONNECT tunnels for https, whole addresses in the request line for http."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.wire.server import read_request


@dataclass
class Proxy:
    """Passes on whatever it is asked for, as it comes; ``heads`` has what each connection began with."""

    heads: list[bytes] = field(default_factory=list)
    port: int = 0

    def __enter__(self) -> Proxy:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=32)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            request, _ = read_request(client, b"")
            if not request:
                return
            self.heads.append(request)
            method, target, _ = request.split(b" ", 2)
            parts = urlsplit("//" + target.decode() if method == b"CONNECT" else target.decode())
            with socket.create_connection((parts.hostname, parts.port or 80)) as origin:
                if method == b"CONNECT":
                    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                else:
                    origin.sendall(request)
                _pass_on(client, origin)


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    opposite = {one: other, other: one}
    while True:
        for side in select.select([one, other], [], [])[0]:
            data = side.recv(65_536)
            if not data:
                return
            opposite[side].sendall(data)
