"""Scripted replies over plain sockets and TLS: each path names what is sent, in which pieces, and how the connection ends."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import socket
import ssl
import struct
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Reply:
    """``pieces`` are bytes to send and pauses in seconds; ``end`` is keep, close, reset, hang, or deaf: the connection stays
    open, and is closed without an answer when the next request has come."""

    pieces: tuple[bytes | float, ...]
    end: str = "keep"


@dataclass
class Seen:
    """One request as it came, what was sent for it, and the client's port, which names the connection; ``time`` is
    ``time.monotonic()``, before anything was sent."""

    path: str
    received: bytes
    connection: int
    sent: bytes = b""
    time: float = field(default_factory=time.monotonic)

    @property
    def host(self) -> str:
        """The name in the Host field."""
        (line,) = (line for line in self.received.split(b"\r\n") if line.lower().startswith(b"host:"))
        return line[5:].strip().decode("latin-1").partition(":")[0]


@dataclass
class RawServer:
    """Serves ``replies`` by path (query aside), or by host and path with or without its query, on ``address``; a list is given
    one after the other, its last for ever; unknown paths get a 404; ``seen`` has all exchanges, ``connections`` counts what was
    accepted."""

    replies: Mapping[str, Reply | list[Reply]]
    tls: ssl.SSLContext | None = None
    seen: list[Seen] = field(default_factory=list)
    port: int = 0
    address: str = "127.0.0.1"
    connections: int = 0

    def __enter__(self) -> RawServer:
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        self._listener = socket.create_server((self.address, self.port), family=family, backlog=128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def url(self, path: str) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{path}"

    def _reply(self, host: str, target: str) -> Reply:
        path = urlsplit(target).path
        found = self.replies.get(host + target) or self.replies.get(host + path) or self.replies.get(path) or _NOT_FOUND
        if isinstance(found, Reply):
            return found
        return found.pop(0) if len(found) > 1 else found[0]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with contextlib.suppress(OSError, ssl.SSLError):
            port = plain.getpeername()[1]
            connection = self.tls.wrap_socket(plain, server_side=True) if self.tls else plain
            rest = b""
            while True:
                request, rest = read_request(connection, rest)
                if not request:
                    break
                path = request.split(b" ")[1].decode("latin-1")
                seen = Seen(path, request, port)
                self.seen.append(seen)
                reply = self._reply(seen.host, path)
                _send(connection, reply, seen)
                if reply.end != "keep":
                    _end(connection, reply.end)
                    break
            connection.close()


_NOT_FOUND = Reply((b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot found",))


def read_request(connection: socket.socket, data: bytes) -> tuple[bytes, bytes]:
    """The next request of a connection, and what came behind it; nothing if the other end is done."""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65_536)
        if not more:
            return b"", b""
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    lengths = [line.partition(b":")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    wanted = int(lengths[0]) if lengths else 0
    while len(rest) < wanted:
        rest += connection.recv(65_536)
    return head + b"\r\n\r\n" + rest[:wanted], rest[wanted:]


def _send(connection: socket.socket, reply: Reply, seen: Seen) -> None:
    for piece in reply.pieces:
        if isinstance(piece, float):
            time.sleep(piece)
        else:
            seen.sent += piece  # noted first: a client that hangs up makes sendall raise
            connection.sendall(piece)


def _end(connection: socket.socket, how: str) -> None:
    if how == "hang":
        time.sleep(3)
    if how == "deaf":
        read_request(connection, b"")
    if how == "close" and isinstance(connection, ssl.SSLSocket):
        connection.unwrap()  # an orderly end of TLS; without it the client must think that bytes are missing
    if how == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def tls_context(folder: Path, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """A server context with a self-signed certificate for 127.0.0.1; ``version`` is the highest it speaks."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), now, now + datetime.timedelta(days=1)
        )
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    if version:
        context.maximum_version = version
    return context
