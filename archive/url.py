"""Addresses as archives key them: SURT keys and the parts that the Common Crawl index has as columns."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit, urlunsplit

import tldextract
from w3lib.url import safe_url_string

_DEFAULT_PORTS = {"http": 80, "https": 443}
_WWW = re.compile(r"^www\d*\.")
# the public suffix list that the package ships: nothing is fetched
_extract_domain = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)


class HostParts(NamedTuple):
    """A host's place in the public suffix list (https://publicsuffix.org)."""

    tld: str | None
    registered_domain: str | None


@lru_cache(maxsize=65_536)
def host_parts(host: str) -> HostParts:
    """Top-level domain and registered domain of ``host``; both None for an IP address or a bare name."""
    if "." not in host or is_ip(host):
        return HostParts(None, None)
    found = _extract_domain(host)
    return HostParts(host.rpartition(".")[2], found.top_domain_under_public_suffix or None)


def is_ip(host: str) -> bool:
    """Whether ``host`` is an IPv4 or IPv6 address in usual notation."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def site_key(url: str) -> str:
    """What counts as one site: the registered domain, or host and port where there is none."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    return host_parts(host).registered_domain or parts.netloc.rpartition("@")[2]


def without_secrets(url: str) -> str:
    """The address without user name, password and fragment, safe to keep (RFC 3986, 3.2.1)."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))


def surt(url: str) -> str:
    """The sort-friendly key of an address, as pywb and Common Crawl make it: ``com,example)/path?a=1&b=2``.

    The scheme, ``www.``, default ports and the fragment go; host labels turn round; case folds; query arguments sort.
    """
    parts = urlsplit(safe_url_string(url))
    host = _WWW.sub("", (parts.hostname or "").rstrip(".").lower())
    key = host if is_ip(host) else ",".join(reversed(host.split(".")))
    if (port := port_of(parts)) and port != _DEFAULT_PORTS.get(parts.scheme):
        key += f":{port}"
    path = re.sub(r"/{2,}", "/", parts.path.lower()).rstrip("/") or "/"
    query = "&".join(sorted(parts.query.lower().split("&"))) if parts.query else ""
    return f"{key}){path}" + (f"?{query}" if query else "")


def port_of(parts: SplitResult) -> int | None:
    """The port that an address names, or None where it names none or an impossible one."""
    try:
        return parts.port
    except ValueError:
        return None
