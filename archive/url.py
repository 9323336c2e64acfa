"""Addresses as archives key them: SURT keys and the parts that the Common Crawl index has as columns."""

from __future__ import annotations

import ipaddress
import re
import socket
from contextlib import suppress
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit, urlunsplit

import tldextract

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


def authority(url: str) -> str:
    """Scheme, host and port of an address, the port left out where it is the usual one: what one robots.txt holds for."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = parts.port if parts.port != {"http": 80, "https": 443}.get(parts.scheme) else None
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


def without_secrets(url: str) -> str:
    """The address without user name, password and fragment, safe to keep (RFC 3986, 3.2.1)."""
    parts = urlsplit(url)
    kept = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
    # http:////name:word@host has no authority, but has one when it is put together again
    return without_secrets(kept) if "@" in urlsplit(kept).netloc else kept


def surt(url: str, *, fold_case: bool = True) -> str:
    """The sort-friendly key of an address, as pywb and Common Crawl make it: ``com,example)/path?a=1&b=2``.

    The scheme, ``www.``, default ports, the fragment and session ids go; host labels turn round; escapes are undone, dot
    segments resolved and only what needs it escaped again (the Safe Browsing rules for URLs); case folds; query arguments
    sort. An address without a host (``urn:…``) keeps its scheme; one with an impossible port is its own key. Without
    ``fold_case`` path and query keep their case: to servers it may matter.
    """
    fold = str.lower if fold_case else str
    scheme, opaque, authority, path, query = _PARTS.match(_BREAKS.sub("", url.strip())).groups("")  # type: ignore[union-attr]
    if opaque:
        key, path = opaque.lower(), fold(_escape(_unescape(authority + path))).rstrip("/")
    else:
        try:
            host, port = _host_and_port(authority.rpartition("@")[2])
        except ValueError:
            return _escape(url.encode("utf-8", "surrogateescape"))
        key = ",".join(reversed(host.split("."))) if ":" not in host else host
        key += f":{port})" if port and port != _DEFAULT_PORTS.get(scheme.lower() or "http") else ")"
        path = fold(_without_session(_escape(_resolve(_unescape(path))), _PATH_SESSIONS)).rstrip("/") or "/"
    query = fold(_without_session(_escape(_unescape(query)), _QUERY_SESSIONS))
    arguments = "&".join("=".join(pair) for pair in sorted(part.split("=", 1) for part in query.split("&")))
    return key + path + (f"?{arguments}" if arguments else "")


# RFC 3986, appendix B, but a missing scheme or slash is forgiven, as browsers do; a scheme without a host is opaque
_PARTS = re.compile(
    r"(?is)(?:((?!filedesc:)[a-z][a-z0-9+.-]*(?=://)|https?(?=:)):/*|([a-z][a-z0-9+-]*:)(?!\d+(?:/|$))|//)?"
    r"([^/?#]*)([^?#]*)(?:\?([^#]*))?"
)
_BREAKS = re.compile(r"[\t\r\n]")
_TO_ESCAPE = re.compile(rb"[\x00-\x20\x7f-\xff#%]")
_PATH_SESSIONS = (
    re.compile(r"(?i)^(.*/)\((?:[a-z]\([0-9a-z]{24}\))+\)/([^?]+\.aspx.*)$"),
    re.compile(r"(?i)^(.*/)\([0-9a-z]{24}\)/([^?]+\.aspx.*)$"),
)
_QUERY_SESSIONS = tuple(
    re.compile(rf"(?i)^(.*){name}(?:&(.*))?$")
    for name in (
        "jsessionid=[0-9a-z]{32}",
        "phpsessid=[0-9a-z]{32}",
        "sid=[0-9a-z]{32}",
        "aspsessionid[a-z]{8}=[a-z]{24}",
        "cfid=[^&]+&cftoken=[^&]+",
    )
)


def _host_and_port(authority: str) -> tuple[str, int | None]:
    host, colon, port = authority.rpartition(":")
    if not colon or authority.endswith("]"):
        host, port = authority, ""
    name = _unescape(host.strip("[]")).decode("utf-8", "replace").lower()
    if port and not (port.isascii() and port.isdigit() and int(port) <= 65_535):
        raise ValueError(f"no port: {port}")
    return _plain_host(name), int(port) if port else None


def _plain_host(name: str) -> str:
    """A host as keys have it: Punycode, IPv4 in four decimal parts, without ``www.``."""
    try:
        raw = name.encode("idna")
    except UnicodeError:  # a label that is empty or too long
        raw = name.encode()
    name = re.sub(r"\.{2,}", ".", _escape(raw)).strip(".")
    if re.fullmatch(r"[0-9.]+", name):
        with suppress(OSError):
            return socket.inet_ntoa(socket.inet_aton(name))
    return _WWW.sub("", name)


def _unescape(part: str) -> bytes:
    """Undo percent-escapes until none is left."""
    raw = part.encode("utf-8", "surrogateescape")
    while b"%" in raw and (plain := unquote_to_bytes(re.sub(rb"%(?:25)+", b"%25", raw))) != raw:
        raw = plain
    return raw


def _escape(raw: bytes) -> str:
    return _TO_ESCAPE.sub(lambda found: b"%%%02x" % found[0][0], raw).decode("ascii")


def _resolve(path: bytes) -> bytes:
    """Dot segments and doubled slashes resolved; ``..`` above the root stays."""
    kept: list[bytes] = []
    for segment in path.removeprefix(b"/").split(b"/"):
        if segment == b".." and kept and kept[-1] != b"..":
            kept.pop()  # be it an empty one
        elif segment != b".":
            kept.append(segment)
    return b"/" + b"/".join(filter(None, kept))


def _without_session(part: str, patterns: tuple[re.Pattern[str], ...]) -> str:
    for pattern in patterns:
        if found := pattern.match(part):
            part = found[1] + (found[2] or "")
    return part


def port_of(parts: SplitResult) -> int | None:
    """The port that an address names, or None where it names none or an impossible one."""
    try:
        return parts.port
    except ValueError:
        return None
