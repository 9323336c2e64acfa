"""Addresses that lead in circles or to no end: why one is not asked for, in words that a ledger can keep."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from archive.canonical import MAX_URL

from .dates import archive_period

_MOST_SEGMENTS = 16
_MOST_PARAMETERS = 12
_REPEATS = 3
_LONGEST_CIRCLE = 5
_AHEAD = timedelta(days=1)


def excluded(url: str) -> str | None:
    """Why an address is not asked for, whoever names it; None if nothing speaks against it.

    The reason begins with its kind: ``scheme``, ``length``, ``growing path``, ``parameters``, ``calendar``.
    """
    if len(url) > MAX_URL:
        return f"length: {len(url):,} characters"
    try:
        parts = urlsplit(url)
    except ValueError:
        return "scheme: no address"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return f"scheme: {parts.scheme[:20] or 'none'}"
    names = [name for name in parts.path.split("/") if name]
    if why := _grows(names):
        return f"growing path: {why}"
    if parts.query and (why := _too_many([pair.partition("=")[0] for pair in parts.query.split("&")])):
        return f"parameters: {why}"
    period = archive_period(url)
    if period and period.begin > datetime.now(UTC) + _AHEAD:
        return f"calendar: a page of {period.begin:%Y-%m}, which is yet to come"
    return None


def _grows(names: list[str]) -> str | None:
    if len(names) > _MOST_SEGMENTS:
        return f"{len(names)} parts"
    if len(names) < _REPEATS:
        return None
    for length in range(1, min(_LONGEST_CIRCLE, len(names) // _REPEATS) + 1):
        for at in range(len(names) - _REPEATS * length + 1):
            circle = names[at : at + length]
            if names[at : at + _REPEATS * length] == circle * _REPEATS and not all(name.isdecimal() for name in circle):
                return f"/{'/'.join(circle)[:60]} comes {_REPEATS} times in a row"
    name, count = Counter(names).most_common(1)[0]
    return f"{name[:60]} comes {count} times" if count > _REPEATS and not name.isdecimal() else None


def _too_many(names: list[str]) -> str | None:
    if len(names) > _MOST_PARAMETERS:
        return f"{len(names)} of them"
    name, count = Counter(names).most_common(1)[0]
    # a[]=1&a[]=2 is one choice of several
    return f"{name[:60]} comes {count} times" if count >= _REPEATS and name and not name.endswith(("[]", "%5B%5D")) else None
