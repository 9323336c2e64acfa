"""Serves all hostile cases on loopback, each on a host of its own."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from tests.newsroom.hostile import lists, packing, pages, parts, rules, transport, ways
from tests.newsroom.hostile.case import PORT, SECURE_PORT, Case
from tests.wire.server import RawServer, Reply, tls_context

CASES: list[Case] = [case for part in (transport, packing, ways, rules, pages, lists, parts) for case in part.CASES]
ADDRESS, WITHIN = "127.0.0.2", "127.0.0.3"


class HostileNewsroom:
    """``with HostileNewsroom(folder) as hostile``: its servers run; ``within`` plays a machine that nobody may reach."""

    def __init__(self, folder: Path) -> None:
        self.plain = RawServer({}, address=ADDRESS)
        self.secure = RawServer({}, tls_context(folder), address=ADDRESS)
        self.within = RawServer({}, address=WITHIN)

    def __enter__(self) -> Self:
        self.plain.__enter__()
        self.secure.__enter__()
        self.within.port = self.plain.port
        self.within.__enter__()
        served = {case.host + path: self._placed(answer) for case in CASES for path, answer in case.replies.items()}
        self.plain.replies = self.secure.replies = served
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        for server in (self.plain, self.secure, self.within):
            server.__exit__(kind, error, tb)

    def _placed(self, answer: Reply) -> Reply:
        """An answer with our ports in it."""
        ports = {PORT: b"%d" % self.plain.port, SECURE_PORT: b"%d" % self.secure.port}
        if not any(isinstance(piece, bytes) and mark in piece for mark in ports for piece in answer.pieces[:1]):
            return answer
        (first, *rest) = answer.pieces
        assert isinstance(first, bytes)
        head, end, body = first.partition(b"\r\n\r\n")
        for mark, port in ports.items():
            head, body = head.replace(mark, port), body.replace(mark, port)
        lines = [
            b"Content-Length: %d" % len(body) if line.startswith(b"Content-Length: ") else line for line in head.split(b"\r\n")
        ]
        return Reply((b"\r\n".join(lines) + end + body, *rest), answer.end)

    def url(self, case: Case, path: str | None = None) -> str:
        """An address of a case, as it is asked for."""
        server = self.secure if case.secure else self.plain
        return f"{'https' if case.secure else 'http'}://{case.host}:{server.port}{path or case.entry}"

    def of_kind(self, kind: str) -> list[str]:
        """The entries of one kind."""
        return [self.url(case) for case in CASES if case.kind == kind]
