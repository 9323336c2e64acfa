"""Recording download handler: Scrapy's own HTTP/1.1 handler, with every byte noted as it crosses the socket.

It lies beneath all middlewares, so robots.txt, redirects, retries, feeds and errors are recorded too. A context variable ties
a Scrapy request to the connection that serves it: ``Agent.request`` asks the pool for a connection in the same synchronous
step in which ``download_request`` began. Nothing is marked in headers, and no bytes enter ``request.meta``.
"""

from __future__ import annotations

import time
import uuid
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from scrapy.core.downloader.handlers.http11 import HTTP11DownloadHandler
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadFailedError,
    DownloadTimeoutError,
    StopDownload,
)
from twisted.internet import defer
from twisted.internet.error import ConnectionDone
from twisted.web._newclient import HEADER, STATUS
from twisted.web.client import HTTPConnectionPool
from twisted.web.http import _ChunkedTransferDecoder

from archive.exchange import Exchange, Truncation
from archive.http import parse_head, split_interim
from archive.url import without_secrets
from crawler.archiving import Archiving
from crawler.attempt import Attempt, Limits
from crawler.guard import AddressRefusedError, Guard
from crawler.resolver import reactor_resolver
from crawler.tls import UnverifiedHosts
from pipelines.rows import PAGES
from pipelines.run import current

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from twisted.python.failure import Failure


MOST_IDLE = 200  # connections that are kept open for another request, whatever the number of hosts


@dataclass(slots=True)
class Trace:
    """All attempts for one Scrapy request: one, or more if Twisted sends it again on a fresh connection."""

    guard: Guard | None
    limits: Limits
    unverified: bool
    folder: Path | None = None
    began: int = field(default_factory=time.time_ns)
    attempts: list[Attempt] = field(default_factory=list)


_trace: ContextVar[Trace | None] = ContextVar("trace", default=None)


class _Tee:
    """The transport as a request writes to it: the bytes are noted and passed on."""

    def __init__(self, transport: Any, sent: list[bytes]) -> None:
        self._transport, self._sent = transport, sent

    def write(self, data: bytes) -> None:
        self._sent.append(bytes(data))
        self._transport.write(data)

    def writeSequence(self, parts: Any) -> None:  # noqa: N802  (Twisted's name)
        self.write(b"".join(parts))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Recording:
    """Mixed in front of the protocol class that Scrapy's own connection pool builds."""

    _attempt: Attempt | None = None
    _tls: tuple[str | None, str | None] | None = None
    transport: Any
    _state: str

    def request(self, request: Any) -> Any:
        """Note what is written for ``request``, unless the connection leads where it must not."""
        trace: Trace | None = getattr(request, "trace", None)
        if trace is None or self._state != "QUIESCENT":
            return super().request(request)  # type: ignore[misc]
        peer = self.transport.getPeer().host
        if trace.guard and (reason := trace.guard.refusal(peer, peer)):
            return defer.fail(AddressRefusedError(reason))
        attempt = self._attempt = Attempt(trace.limits, trace.folder, peer=peer)
        trace.attempts.append(attempt)
        write_to = type(request).writeTo
        request.writeTo = lambda transport: write_to(request, _Tee(transport, attempt.sent))
        return super().request(request)  # type: ignore[misc]

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """Note what came."""
        attempt = self._attempt
        if attempt and not attempt.ended:
            # only now is the TLS handshake surely over: Twisted writes the request before it ends
            if self._tls is None:
                self._tls = _tls_facts(self.transport)
            attempt.tls_version, attempt.cipher = self._tls
            attempt.add(data)
        super().dataReceived(data)  # type: ignore[misc]
        if attempt and not attempt.ended and not attempt.cut:
            parser = getattr(self, "_parser", None)
            chunked = isinstance(getattr(parser, "bodyDecoder", None), _ChunkedTransferDecoder)
            if excess := attempt.excess(in_head=getattr(parser, "state", None) in (STATUS, HEADER), chunked=chunked, data=data):
                attempt.cut = excess
                self.transport.abortConnection()

    def _finishResponse(self, rest: bytes) -> None:  # noqa: N802
        attempt, self._attempt = self._attempt, None
        if attempt:
            attempt.surplus, attempt.ended = len(rest), True
        super()._finishResponse(rest)  # type: ignore[misc]

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802
        """Note whether the end was an orderly one, before Scrapy hears of it."""
        attempt, self._attempt = self._attempt, None
        if attempt:
            attempt.clean, attempt.ended = reason.type is ConnectionDone, True
            # Twisted hangs up itself on what it cannot parse, e.g. an endless header line
            attempt.hung_up = bool(getattr(self.transport, "disconnecting", False))
        super().connectionLost(reason)  # type: ignore[misc]


def _tls_facts(transport: Any) -> tuple[str | None, str | None]:
    handle = transport.getHandle()
    if hasattr(handle, "get_cipher_name"):
        return handle.get_protocol_version_name(), handle.get_cipher_name()
    return None, None


def _recording_factory(factory: type[Any]) -> type[Any]:
    """The factory of a connection pool, building protocols that record."""
    made: dict[type[Any], type[Any]] = {}

    class RecordingFactory(factory):  # type: ignore[misc]
        def buildProtocol(self, addr: Any) -> Any:  # noqa: N802
            protocol = super().buildProtocol(addr)
            kind = type(protocol)
            if kind not in made:
                made[kind] = type("Recording" + kind.__name__, (Recording, kind), {})
            protocol.__class__ = made[kind]
            return protocol

    return RecordingFactory


class _Connection:
    """A pooled connection that ties its next request to a trace."""

    def __init__(self, connection: Any, trace: Trace) -> None:
        self._connection, self._trace = connection, trace

    def request(self, request: Any) -> Any:
        request.trace = self._trace
        return self._connection.request(request)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


class _RecordingPool(HTTPConnectionPool):
    _timeouts: dict[Any, Any]

    def _putConnection(self, key: Any, connection: Any) -> None:  # noqa: N802
        super()._putConnection(key, connection)  # type: ignore[no-untyped-call]
        while len(self._timeouts) > MOST_IDLE:  # oldest first
            oldest = next(iter(self._timeouts.values()))
            which = oldest.args
            oldest.cancel()
            self._removeConnection(*which)  # type: ignore[no-untyped-call]

    def getConnection(self, key: Any, endpoint: Any) -> Any:  # noqa: N802
        trace = _trace.get()
        found = super().getConnection(key, endpoint)
        return found.addCallback(_Connection, trace) if trace else found


class RecordingHandler(HTTP11DownloadHandler):
    """Download handler for http and https that hands every exchange to the crawl's run, whatever came of it.

    The capture is left in ``request.meta["capture"]``, and in ``request.meta["heard"]`` whether any byte was received.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        from twisted.internet import reactor  # noqa: PLC0415  (installs a reactor on import)

        pool = _RecordingPool(reactor, persistent=True)  # type: ignore[no-untyped-call]
        pool.maxPersistentPerHost = self._pool.maxPersistentPerHost
        pool._factory = _recording_factory(self._pool._factory)
        self._pool = pool
        self._guard = Guard.from_settings(crawler.settings)
        self._head_maxsize = crawler.settings.getint("BROADSHEET_HEAD_MAXSIZE")
        names = crawler.settings.getlist("BROADSHEET_TLS_UNVERIFIED")
        self._tls = UnverifiedHosts.beside(crawler, self._contextFactory, names)
        self._contextFactory: Any = self._tls

    async def download_request(self, request: Request) -> Response:
        """Fetch and record."""
        request.meta.pop("capture", None)
        request.meta.pop("heard", None)
        unverified = request.url.startswith("https:") and self._tls.is_for(urlsplit(request.url).hostname or "")
        run = current(self._crawler)
        folder = run.collection.path / "state" if run else None
        trace = Trace(None if request.meta.get("proxy") else self._guard, self._limits(request), unverified, folder)
        _trace.set(trace)
        try:
            self._check_proxied(request)
            response = await super().download_request(request)
        except Exception as error:
            better = _unresolved(request, error) or _too_long(trace)
            await self._record(request, trace, better or error)
            if better:
                raise better from error
            raise
        flags = response.flags
        await self._record(request, trace, None, partial="partial" in flags, stopped="download_stopped" in flags)
        return response

    def _limits(self, request: Request) -> Limits:
        body = request.meta.get("download_maxsize", self._default_maxsize)
        # chunked coding adds a few bytes to each chunk, or very many to very small ones
        return Limits(self._head_maxsize, 2 * body + self._head_maxsize if body else 0)

    def _check_proxied(self, request: Request) -> None:
        if proxy := request.meta.get("proxy"):
            if reason := self._guard.refusal_by_proxy(urlsplit(request.url).hostname or ""):
                raise AddressRefusedError(reason)
            if resolver := reactor_resolver():
                resolver.trust_proxy(urlsplit(proxy).hostname)

    async def _record(
        self, request: Request, trace: Trace, error: Exception | None, *, partial: bool = False, stopped: bool = False
    ) -> None:
        request.meta["heard"] = any(attempt.size for attempt in trace.attempts)
        run = current(self._crawler)
        if run is None or run.closed:
            return
        exchange = _exchange(request, trace, error, partial=partial, stopped=stopped)
        strange = None
        if error is None and parse_head(split_interim(exchange.response)[1]) is None:
            # Twisted reads "http/1.1 200 OK" and the like; there can be no response record that a row could point at
            strange = DownloadFailedError("the answer does not begin as HTTP does")
            exchange.error = _reason(strange, request.url)
        archiving = self._crawler.get_extension(Archiving)
        assert archiving is not None  # there is a run, and only the extension makes one
        request.meta["capture"] = await archiving.insist(run.record, exchange)
        if strange:
            raise strange


def _unresolved(request: Request, error: Exception) -> Exception | None:
    """Why a name has no address, or none that is allowed: Twisted forgets it on the way."""
    resolver, host = reactor_resolver(), urlsplit(request.url).hostname
    if resolver is None or host is None or not isinstance(error, CannotResolveHostError) or request.meta.get("proxy"):
        return None
    if refused := resolver.refusals.get(host):
        return AddressRefusedError(refused)
    unknown = resolver.unknown.get(host)
    return CannotResolveHostError(unknown.why) if unknown else None


def _too_long(trace: Trace) -> DownloadCancelledError | None:
    cut = trace.attempts[-1].cut if trace.attempts else None
    return DownloadCancelledError(cut) if cut else None


def _exchange(request: Request, trace: Trace, error: Exception | None, *, partial: bool, stopped: bool) -> Exchange:
    attempt = trace.attempts[-1] if trace.attempts else Attempt(trace.limits, began=trace.began)
    response, file = attempt.answer()
    proxied = bool(request.meta.get("proxy"))
    return Exchange(
        url=without_secrets(request.url),
        request=b"".join(attempt.sent),
        response=response,
        file=file,
        began=attempt.began,
        seconds=(time.time_ns() - trace.began) / 1e9,
        peer=None if proxied else attempt.peer,
        tls_version=attempt.tls_version,
        cipher=attempt.cipher,
        unverified=trace.unverified,
        truncated=_truncation(attempt, error, partial=partial, stopped=stopped),
        error=_reason(error, request.url) if error else None,
        surplus=attempt.surplus,
        attempts=max(1, len(trace.attempts)),
        via=_via(request),
        purpose=_purpose(request),
        announced=request.meta.get("announced"),
        page_id=request.meta.get("page_id") or (str(uuid.uuid4()) if _purpose(request) in PAGES else None),
    )


def _via(request: Request) -> str | None:
    """The address that led to this one: a redirect, what the spider says, or the referrer."""
    referer = request.headers.get("Referer")
    before: list[str] = request.meta.get("redirect_urls") or []
    via: str | None = before[-1] if before else request.meta.get("via")
    via = via or (referer.decode("latin-1") if referer else None)
    return without_secrets(via) if via and "@" in via else via


def _truncation(attempt: Attempt, error: Exception | None, *, partial: bool, stopped: bool) -> Truncation | None:
    if not attempt.size:
        return None
    if isinstance(error, DownloadTimeoutError):
        return "time"
    if isinstance(error, (DownloadCancelledError, StopDownload)) or stopped:
        return "length"
    if error:
        return "disconnect" if attempt.ended and not attempt.hung_up else "unspecified"
    # a body that ends with the connection is whole only if the connection was closed in order
    return "disconnect" if partial and not attempt.clean else None


def _purpose(request: Request) -> str | None:
    purpose: str | None = request.meta.get("purpose")
    return purpose or ("robots" if urlsplit(request.url).path == "/robots.txt" else None)


def _reason(error: Exception, url: str) -> str:
    """The error in one line, without the credentials of the address."""
    words = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    credentials, at, _ = urlsplit(url).netloc.rpartition("@")
    return (words.replace(credentials + at, "") if at else words)[:500]
