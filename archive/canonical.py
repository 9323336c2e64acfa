"""The one form under which an address counts as seen.

``courlan`` and ``w3lib.canonicalize_url`` normalise too, but they sort the query, and courlan drops ``cid``, ``uid`` and
``source``, by which some sites tell articles apart.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from w3lib.url import safe_url_string

MAX_URL = 2083
_PORTS = {"http": 80, "https": 443}
# parameters that name the way to a page, never the page: analytics, advertising, newsletters
_TRACKING = re.compile(
    r"(?:utm|mtm|hsa|pk|piwik|matomo)_\w+|at_(?:medium|campaign|custom\d)|_(?:ga|gl|hsenc|hsmi|openstat)|mc_[ce]id|mkt_tok"
    r"|(?:fb|g|d|y|ys|tw|tt|msc|li_fat_|irc)(?:cl|clk|)id|gclsrc|[gw]braid|igshid|igsh|srsltid|vero_id|xtor|cmpid|ncid|ocid"
    r"|wt[._]z?mc(?:_id)?|ns_(?:mchannel|source|campaign|linkname|fee)|ref_src|__twitter_impression|_branch_(?:match_id|referrer)"
    r"|guce_referrer(?:_sig)?|guccounter|soc_(?:src|trk)|amp_(?:gsa|js_v)|usqp",
    re.IGNORECASE,
)
# one visitor's session, by names that mean nothing else, or by a value that only a session has
_SESSION = re.compile(
    r"(?:jsessionid|phpsessid|aspsessionid\w*|cftoken|oscsid|zenid)=.*|cfid=\d+|(?:s|sid|sess(?:ion)?_?id)=[0-9a-f]{32}",
    re.IGNORECASE,
)
_PATH_SESSION = re.compile(r";(?:jsessionid|phpsessid|sid)=[^/;]*|/\((?:[a-z]\([0-9a-z]{24}\))+\)(?=/)", re.IGNORECASE)
# what is in this form already: most addresses of a large sitemap
_NORMAL = re.compile(r"https?://[a-z0-9-]+(?:\.[a-z0-9-]+)*(?:/(?!\.{1,2}(?:/|$))[\w~!$'()*+,:@.-]*)+", re.ASCII)
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?|[0-9a-f:.]*:[0-9a-f:.]*", re.ASCII)
_ESCAPE = re.compile(r"(?<!%)%([0-9a-f]{2})", re.IGNORECASE)
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def normalize_url(url: str) -> str | None:
    """The form under which an address counts as seen (RFC 3986, 6.2.2 and 6.2.3); None if it is no usable http(s) address.

    Scheme and host in lower case and ASCII (IDNA), no default port, user name, fragment, tracking parameter or session id,
    escapes only where they are needed and in upper case, no dot segments. All other parameters stay, in their order, and so
    does the case of paths: ``?id=1`` and ``?id=2``, ``/aB`` and ``/ab`` are two pages.
    """
    url = url.strip()
    if len(url) > MAX_URL:
        return None
    if len(url) < 253 and _NORMAL.fullmatch(url) and not _PATH_SESSION.search(url):
        return url
    try:
        parts = urlsplit(safe_url_string(url))
        origin = _origin(parts.scheme, parts.hostname or "", parts.port)
    except ValueError:
        return None
    if not origin:
        return None
    path = _without_dots(_escapes(_PATH_SESSION.sub("", parts.path)))
    query = _escapes("&".join(pair for pair in parts.query.split("&") if pair and not _says_nothing(pair)))
    found = f"{origin}{path or '/'}" + (f"?{query}" if query else "")
    return found if len(found) <= MAX_URL else None


def _says_nothing(pair: str) -> bool:
    return bool(_TRACKING.fullmatch(pair.partition("=")[0]) or _SESSION.fullmatch(pair))


def _origin(scheme: str, host: str, port: int | None) -> str | None:
    if scheme not in _PORTS or len(host) > 253 or not _HOST.fullmatch(host):
        return None
    host = f"[{host}]" if ":" in host else host.rstrip(".")
    return f"{scheme}://{host}" + (f":{port}" if port and port != _PORTS[scheme] else "")


def _without_dots(path: str) -> str:
    if "/." not in path:
        return path
    kept: list[str] = []
    for name in path.split("/"):
        if name == ".." and len(kept) > 1:
            kept.pop()
        elif name not in {".", ".."}:
            kept.append(name)
    return "/".join(kept) + ("/" if path.endswith(("/.", "/..")) else "")


def _escapes(text: str) -> str:
    return _ESCAPE.sub(_plain, text) if "%" in text else text


def _plain(escape: re.Match[str]) -> str:
    meant = chr(int(escape[1], 16))
    return meant if meant in _UNRESERVED else escape[0].upper()
