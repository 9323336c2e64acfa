"""Containment: which addresses may be connected to, checked after name resolution and again on the connection itself.

Private, loopback, link-local and other special addresses (IANA's registries, as ``ipaddress`` knows them) are refused unless
``BROADSHEET_ALLOW_PRIVATE`` lists them; public ones need ``BROADSHEET_CONTACT``, so that nobody crawls anonymously.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from scrapy.resolver import CachingThreadedResolver, dnscache
from twisted.internet import defer
from twisted.internet.error import DNSLookupError

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings
    from twisted.internet.base import ReactorBase
    from twisted.python.failure import Failure

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

CONTACT_MISSING = (
    "BROADSHEET_CONTACT is not set: a site must be able to reach who crawls it;"
    " set it to a mail address or a web page, e.g. -s BROADSHEET_CONTACT=you@example.org"
)


class AddressRefusedError(Exception):
    """This address is not connected to; the message says why and how to allow it."""


class SettingError(ValueError):
    """A setting that cannot be understood; the message names it."""


class Guard:
    """The rules for addresses, as the settings give them."""

    def __init__(self, allowed: list[Network], contact: str | None, hosts: dict[str, str]) -> None:
        self._allowed, self._contact, self._hosts = allowed, contact, hosts
        self._proxies = {urlsplit(proxy).hostname for proxy in getproxies().values()}

    @classmethod
    def from_settings(cls, settings: BaseSettings) -> Guard:
        """Read ``BROADSHEET_ALLOW_PRIVATE``, ``BROADSHEET_CONTACT`` and ``BROADSHEET_HOSTS``. Raises SettingError."""
        networks = [_network(text) for text in settings.getlist("BROADSHEET_ALLOW_PRIVATE")]
        hosts = dict(_mapping(text) for text in settings.getlist("BROADSHEET_HOSTS"))
        return cls(networks, settings.get("BROADSHEET_CONTACT") or None, hosts)

    def fixed_address(self, name: str) -> str | None:
        """The address that ``BROADSHEET_HOSTS`` gives to a name, as /etc/hosts would."""
        return next((address for pattern, address in self._hosts.items() if fnmatch(name, pattern)), None)

    def trust_proxy(self, host: str | None) -> None:
        """A proxy that the user configured may be anywhere."""
        self._proxies.add(host)

    def refusal(self, name: str, address: str) -> str | None:
        """Why ``address``, which ``name`` stands for, is not connected to; None if it may be."""
        if name in self._proxies or address in self._proxies:
            return None
        found = ipaddress.ip_address(address.partition("%")[0])
        found = getattr(found, "ipv4_mapped", None) or found
        if found.is_global and not found.is_multicast:
            return None if self._contact else CONTACT_MISSING
        if any(found in network for network in self._allowed if network.version == found.version):
            return None
        return (
            f"{name} is the private address {found}, which is refused; if it is meant, allow it with"
            f" -s BROADSHEET_ALLOW_PRIVATE={found}/{found.max_prefixlen}"
        )

    def needs_contact(self, url: str) -> bool:
        """Whether a crawl of ``url`` cannot begin for want of a contact: any name or address not known to be private."""
        host = urlsplit(url).hostname or ""
        try:
            public = ipaddress.ip_address(self.fixed_address(host) or host).is_global
        except ValueError:
            public = host != "localhost"
        return public and not self._contact


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise SettingError(f"BROADSHEET_ALLOW_PRIVATE: {text!r} is no network in CIDR form, e.g. 127.0.0.0/8") from None


def _mapping(text: str) -> tuple[str, str]:
    pattern, _, address = text.strip().partition("=")
    try:
        return pattern.lower(), str(ipaddress.ip_address(address))
    except ValueError:
        raise SettingError(f"BROADSHEET_HOSTS: {text!r} is not of the form NAME=ADDRESS, e.g. *.test=127.0.0.1") from None


# seconds for which a name that nobody knows is not looked up again, and one that could not be looked up
_UNKNOWN_SECONDS, _FAILED_SECONDS = 30.0, 0.5


class GuardedResolver(CachingThreadedResolver):
    """Scrapy's resolver, that hands out allowed addresses only; ``refusals`` keeps the reasons by name."""

    def __init__(self, reactor: ReactorBase, cache_size: int, timeout: float, guard: Guard) -> None:
        super().__init__(reactor, cache_size, timeout)
        self.guard = guard
        self.refusals: dict[str, str] = {}
        self._unknown: dict[str, tuple[float, str]] = {}

    @classmethod
    def from_crawler(cls, crawler: Any, reactor: ReactorBase) -> GuardedResolver:
        """Scrapy's constructor; ``crawler`` is anything with settings."""
        settings = crawler.settings
        size = settings.getint("DNSCACHE_SIZE") if settings.getbool("DNSCACHE_ENABLED") else 0
        return cls(reactor, size, settings.getfloat("DNS_TIMEOUT"), Guard.from_settings(settings))

    def forget(self) -> None:
        """Look up all names anew: sites move within the weeks of a watch."""
        for known in (dnscache, self.refusals, self._unknown):
            known.clear()

    def getHostByName(self, name: str, timeout: Any = ()) -> defer.Deferred[str]:  # noqa: N802  (Twisted's name)
        """Resolve ``name``; a refused address fails like an unknown name, with the reason kept."""
        if fixed := self.guard.fixed_address(name):
            return defer.succeed(fixed).addCallback(self._checked, name)
        if (known := self._unknown.get(name)) and known[0] > time.monotonic():
            return defer.fail(DNSLookupError(known[1]))
        found = super().getHostByName(name, timeout)
        return found.addErrback(self._note_unknown, name).addCallback(self._checked, name)

    def _note_unknown(self, failure: Failure, name: str) -> Failure:
        why = str(failure.value)
        self._unknown[name] = (time.monotonic() + (_UNKNOWN_SECONDS if is_unknown(why) else _FAILED_SECONDS), why)
        return failure

    def _checked(self, address: str, name: str) -> str:
        if reason := self.guard.refusal(name, address):
            self.refusals[name] = reason
            raise DNSLookupError(reason)
        return address


def is_unknown(why: str) -> bool:
    """Whether an error of name resolution says that there is no such name; not, that nobody could be asked just now."""
    return f"[Errno {socket.EAI_NONAME}]" in why


def reactor_resolver() -> Any:
    """The resolver that is in use, or None."""
    from twisted.internet import reactor  # noqa: PLC0415  (installs a reactor on import)

    return getattr(reactor, "resolver", None)
