"""Containment: which addresses may be connected to.

Private, loopback, link-local and other special addresses (IANA's registries) are refused unless ``BROADSHEET_ALLOW_PRIVATE``
lists them; public ones need ``BROADSHEET_CONTACT``, so that nobody crawls anonymously. ``crawler.resolver`` asks after name
resolution, ``crawler.handler`` again on the connection itself, before a byte is written.
"""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress
from fnmatch import fnmatch
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

CONTACT_MISSING = (
    "BROADSHEET_CONTACT is not set: a site must be able to reach who crawls it;"
    " set it to a mail address or a web page, e.g. -s BROADSHEET_CONTACT=you@example.org"
)

# What is not the public internet: https://www.iana.org/assignments/iana-ipv4-special-registry and its IPv6 twin. Not left to
# ``ipaddress``, whose lists differ from one Python release to the next.
_SPECIAL = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network; 0.0.0.0 is this machine
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared by providers (CGNAT), and Alibaba's metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's metadata, in public space
        "169.254.0.0/16",  # link-local, and most clouds' metadata
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "2001::/23",  # protocols, Teredo tunnels among them
        "2001:db8::/32",
        "2002::/16",  # 6to4 tunnels, which lead to any IPv4 address
        "3fff::/20",
    )
)
_PUBLIC_IPV6 = ipaddress.ip_network("2000::/3")  # whatever lies outside is not routed
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # stands for an IPv4 address (RFC 6052)


class AddressRefusedError(Exception):
    """This address is not connected to; the message says why and how to allow it."""


class SettingError(ValueError):
    """A setting that cannot be understood; the message names it."""


class Guard:
    """The rules for addresses, as the settings give them."""

    def __init__(self, allowed: list[Network], contact: str | None, hosts: dict[str, str]) -> None:
        self._allowed, self._contact, self._hosts = allowed, contact, hosts

    @classmethod
    def from_settings(cls, settings: BaseSettings) -> Guard:
        """Read ``BROADSHEET_ALLOW_PRIVATE``, ``BROADSHEET_CONTACT`` and ``BROADSHEET_HOSTS``. Raises SettingError."""
        networks = [_network(text) for text in settings.getlist("BROADSHEET_ALLOW_PRIVATE")]
        hosts = dict(_mapping(text) for text in settings.getlist("BROADSHEET_HOSTS"))
        return cls(networks, settings.get("BROADSHEET_CONTACT") or None, hosts)

    def fixed_address(self, name: str) -> str | None:
        """The address that ``BROADSHEET_HOSTS`` gives to a name, as /etc/hosts would."""
        return next((address for pattern, address in self._hosts.items() if fnmatch(name, pattern)), None)

    def refusal(self, name: str, address: str) -> str | None:
        """Why ``address``, which ``name`` stands for, is not connected to; None if it may be."""
        found = plain_address(address)
        if is_public(found):
            return None if self._contact else CONTACT_MISSING
        if any(found in network for network in self._allowed if network.version == found.version):
            return None
        return (
            f"{name} is the private address {found}, which is refused; if it is meant, allow it with"
            f" -s BROADSHEET_ALLOW_PRIVATE={found}/{found.max_prefixlen}"
        )

    def refusal_by_proxy(self, host: str) -> str | None:
        """Why a proxy is not asked for ``host``. It resolves names itself; what is an address in any notation, or this machine
        by name, is known without that."""
        name = host.rstrip(".")
        if name == "localhost" or name.endswith(".localhost"):
            return self.refusal(host, "127.0.0.1")
        if written := written_address(self.fixed_address(host) or host):
            return self.refusal(host, written)
        return None if self._contact else CONTACT_MISSING

    def needs_contact(self, url: str) -> bool:
        """Whether a crawl of ``url`` cannot begin for want of a contact: any name or address not known to be private."""
        host = urlsplit(url).hostname or ""
        written = written_address(self.fixed_address(host) or host)
        public = is_public(plain_address(written)) if written else host != "localhost"
        return public and not self._contact


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet."""
    if any(address in network for network in _SPECIAL if network.version == address.version):
        return False
    return address.version == 4 or address in _PUBLIC_IPV6


def plain_address(text: str) -> Address:
    """The address that packets go to: without a zone, and IPv4 where IPv6 merely wraps it (mapped, or NAT64)."""
    found = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return found.ipv4_mapped
        if found in _NAT64:
            return ipaddress.IPv4Address(found.packed[-4:])
    return found


def written_address(host: str) -> str | None:
    """The address that a host is, if it is one in any notation that name resolution takes: ``2130706433``, ``0x7f.1``."""
    host = host.strip("[]").rstrip(".").partition("%")[0]
    with suppress(ValueError):
        return str(ipaddress.ip_address(host))
    with suppress(OSError, ValueError):
        return socket.inet_ntoa(socket.inet_aton(host))
    return None


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
