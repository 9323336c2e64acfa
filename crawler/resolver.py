"""Names looked up for the whole process, IPv4 and IPv6: addresses that are refused are handed to nobody."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies

from scrapy.utils.datatypes import LocalCache
from twisted.internet import defer, threads
from twisted.internet._idna import _idnaBytes
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import IHostnameResolver, IHostResolution, IResolverSimple
from twisted.python.failure import Failure
from zope.interface import implementer

from crawler.guard import Guard, written_address

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase

# seconds for which a name that nobody knows is not looked up again, and one that could not be looked up
_UNKNOWN_SECONDS, _FAILED_SECONDS = 30.0, 0.5


_REMEMBERED = 10_000  # names without an address


class Unknown(NamedTuple):
    """Why a name has no address, until when (monotonic seconds) it is not looked up again."""

    until: float
    why: str


@implementer(IHostnameResolver, IResolverSimple)
class GuardedResolver:
    """Scrapy's ``TWISTED_DNS_RESOLVER``. ``refusals`` says why a name's addresses are refused, ``unknown`` why it has none."""

    def __init__(self, reactor: ReactorBase, cache_size: int, timeout: float, guard: Guard) -> None:
        self._reactor, self._timeout, self._guard = reactor, timeout, guard
        self._known: LocalCache[str, list[str]] = LocalCache(cache_size)
        self._proxies = {urlsplit(proxy).hostname for proxy in getproxies().values()}
        self.unknown: LocalCache[str, Unknown] = LocalCache(_REMEMBERED)
        self.refusals: LocalCache[str, str] = LocalCache(_REMEMBERED)

    @classmethod
    def from_crawler(cls, crawler: Any, reactor: ReactorBase) -> GuardedResolver:
        """Scrapy's constructor; ``crawler`` is anything with settings."""
        settings = crawler.settings
        size = settings.getint("DNSCACHE_SIZE") if settings.getbool("DNSCACHE_ENABLED") else 0
        return cls(reactor, size, settings.getfloat("DNS_TIMEOUT"), Guard.from_settings(settings))

    def install_on_reactor(self) -> None:
        """Become the only way to look up a name, for endpoints and for what is older than they."""
        reactor: Any = self._reactor
        reactor.installResolver(self)
        reactor.installNameResolver(self)

    def forget(self) -> None:
        """Look up all names anew: sites move within the weeks of a watch."""
        for known in (self._known, self.unknown, self.refusals):
            known.clear()

    def trust_proxy(self, host: str | None) -> None:
        """A proxy that the user configured may be anywhere."""
        self._proxies.add(host)

    def addresses(self, name: str) -> defer.Deferred[list[str]]:
        """The addresses of ``name`` that may be connected to, IPv4 first: one of each kind, since a name may list other
        people's by the thousand. Fails with DNSLookupError, which says why there are none."""
        name = name if name.isascii() else _idnaBytes(name).decode()
        return self._found(name).addCallback(self._allowed, name)

    def _found(self, name: str) -> defer.Deferred[list[str]]:
        if known := self._guard.fixed_address(name) or written_address(name):
            return defer.succeed([known])
        if name in self._known:
            return defer.succeed(self._known[name])
        if (unknown := self.unknown.get(name)) and unknown.until > time.monotonic():
            return defer.fail(DNSLookupError(unknown.why))
        reactor: Any = self._reactor
        found = threads.deferToThreadPool(reactor, reactor.getThreadPool(), _look_up, name)
        found.addTimeout(self._timeout, reactor)
        return found.addCallbacks(self._note_known, self._note_unknown, callbackArgs=(name,), errbackArgs=(name,))

    def _note_known(self, found: list[str], name: str) -> list[str]:
        self._known[name] = found
        return found

    def _note_unknown(self, failure: Failure, name: str) -> list[str]:
        late = isinstance(failure.value, defer.TimeoutError)
        why = f"DNS lookup of {name} failed: {'no answer in time' if late else failure.getErrorMessage()}"
        self.unknown[name] = Unknown(time.monotonic() + (_UNKNOWN_SECONDS if is_unknown(why) else _FAILED_SECONDS), why)
        raise DNSLookupError(why)

    def _allowed(self, found: list[str], name: str) -> list[str]:
        self.refusals.pop(name, None)
        if name in self._proxies:
            return found
        refusals = {one: why for one in found if (why := self._guard.refusal(name, one))}
        if len(refusals) == len(found):
            self.refusals[name] = refusals[found[0]]
            raise DNSLookupError(refusals[found[0]])
        return [one for one in found if one not in refusals]

    def getHostByName(self, name: str, timeout: Sequence[int] = ()) -> defer.Deferred[str]:  # noqa: N802  (Twisted's name)
        """The first of ``addresses``."""
        return self.addresses(name).addCallback(lambda found: found[0])

    def resolveHostName(  # noqa: N802  (Twisted's name)
        self,
        resolutionReceiver: Any,  # noqa: N803
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        addressTypes: Sequence[Any] | None = None,  # noqa: N803
        transportSemantics: str = "TCP",  # noqa: N803
    ) -> Any:
        """Hand ``addresses`` to a receiver; none at all if there are none."""
        resolution = _Resolution(hostName)
        resolutionReceiver.resolutionBegan(resolution)

        def hand_over(found: list[str]) -> None:
            for one in found:
                resolutionReceiver.addressResolved((IPv6Address if ":" in one else IPv4Address)("TCP", one, portNumber))

        def end(result: Any) -> Any:
            resolutionReceiver.resolutionComplete()
            return None if isinstance(result, Failure) and isinstance(result.value, DNSLookupError) else result

        self.addresses(hostName).addCallback(hand_over).addBoth(end)
        return resolution


@implementer(IHostResolution)
class _Resolution:
    def __init__(self, name: str) -> None:
        self.name = name

    def cancel(self) -> None:
        """Nothing is held that would have to be let go."""


def _look_up(name: str) -> list[str]:
    """The first IPv4 and the first IPv6 address of a name, as the machine resolves it."""
    found: dict[int, str] = {}
    for family, _, _, _, place in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM):
        found.setdefault(family, str(place[0]))
    return [found[family] for family in (socket.AF_INET, socket.AF_INET6) if family in found]


def is_unknown(why: str) -> bool:
    """Whether an error of name resolution says that there is no such name; not, that nobody could be asked just now."""
    return f"[Errno {socket.EAI_NONAME}]" in why


def reactor_resolver() -> GuardedResolver | None:
    """The resolver that is in use, if it is a guarded one."""
    from twisted.internet import reactor  # noqa: PLC0415  (installs a reactor on import)

    with suppress(AttributeError):
        resolver = reactor.nameResolver
        return resolver if isinstance(resolver, GuardedResolver) else None
    return None
