"""The arguments of ``scrapy crawl news``: typed, checked before anything is fetched, each error with its mend."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from crawler.intervals import seconds_of
from crawler.plain_log import plain

DEFAULT_COLLECTION = "collections/news"
DEFAULT_DEPTH = 2
_LISTS = ("sites", "feeds", "sitemaps", "urls")
_TRUE, _FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})


class ArgumentError(ValueError):
    """A spider argument that cannot be used; the message names it, the reason and the mend."""


@dataclass(frozen=True, slots=True)
class NewsArguments:
    """What to crawl and where to keep it.

    ``sites`` are front pages, ``feeds`` and ``sitemaps`` addresses of such, ``urls`` addresses of pages; ``since`` and
    ``until`` leave out what was published before or after; ``depth`` is how many steps from a front page sections are
    followed; ``max_articles`` ends the crawl; ``collection`` is a folder. With ``watch`` the crawl goes on for ever, and looks
    at each announcement again, at the latest after ``every`` seconds if that is given. ``files`` names the arguments that are
    files.
    """

    sites: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    depth: int = DEFAULT_DEPTH
    max_articles: int | None = None
    collection: str = DEFAULT_COLLECTION
    watch: bool = False
    every: float | None = None
    files: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, given: dict[str, str]) -> NewsArguments:
        """Read ``-a NAME=VALUE`` pairs. Raises ArgumentError."""
        known = [field.name for field in fields(cls) if field.name != "files"]
        for name in given:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = f"did you mean {near[0]}?" if near else "there are " + ", ".join(known)
                raise ArgumentError(f"unknown argument {name!r}: {hint}")
        parsed = cls(
            sites=_addresses("sites", given.get("sites"), bare_host=True),
            feeds=_addresses("feeds", given.get("feeds")),
            sitemaps=_addresses("sitemaps", given.get("sitemaps")),
            urls=_addresses("urls", given.get("urls")),
            since=_instant("since", given.get("since")),
            until=_instant("until", given.get("until"), end=True),
            depth=DEFAULT_DEPTH if (depth := _number("depth", given.get("depth"), 0)) is None else depth,
            max_articles=_number("max_articles", given.get("max_articles"), 1),
            collection=given.get("collection") or DEFAULT_COLLECTION,
            watch=_flag("watch", given.get("watch"), bool(given.get("every"))),
            every=_duration("every", given.get("every")),
            files=tuple((name, given[name]) for name in _LISTS if _is_file(given.get(name))),
        )
        if parsed.since and parsed.until and parsed.since > parsed.until:
            raise ArgumentError(f"until: {given['until']!r} lies before since={given['since']}; give the earlier one as since=")
        if not parsed.seeds:
            raise ArgumentError("nothing to crawl: give sites=, feeds=, sitemaps= or urls=, e.g. -a sites=https://example.org/")
        if parsed.watch and not (parsed.sites or parsed.feeds or parsed.sitemaps):
            raise ArgumentError("watch: there is nothing to watch in a list of pages; give sites=, feeds= or sitemaps=")
        if parsed.every and not parsed.watch:
            raise ArgumentError("every: goes with watch=true alone; leave one of them out")
        return parsed

    @property
    def seeds(self) -> tuple[str, ...]:
        """All addresses that the crawl begins with."""
        return self.sites + self.feeds + self.sitemaps + self.urls


def _addresses(name: str, value: str | None, *, bare_host: bool = False) -> tuple[str, ...]:
    """Addresses parted by commas, or a file with one a line; empty lines and lines that begin with # are passed over."""
    if not value:
        return ()
    if not _is_file(value):
        if name == "urls" and "://" not in value:
            raise ArgumentError(f"urls: there is no file {value!r}; give a file with one address a line")
        lines = value.split(",")
    else:
        try:
            lines = Path(value).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ArgumentError(f"{name}: {value!r} cannot be read: {error}") from None
    found = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not found:
        raise ArgumentError(f"{name}: {value!r} names no address")
    return tuple(dict.fromkeys(_address(name, text, bare_host=bare_host) for text in found))


def _is_file(value: str | None) -> bool:
    try:
        return bool(value) and not str(value).startswith(("http://", "https://")) and Path(str(value)).is_file()
    except (OSError, ValueError):  # no name that a file can have
        return False


def _address(name: str, text: str, *, bare_host: bool) -> str:
    if bare_host and "://" not in text and "." in text.partition("/")[0]:
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or any(character.isspace() for character in text):
        raise ArgumentError(f"{name}: {plain(text[:200])!r} is neither a file nor an http or https address")
    if "@" in parts.netloc:
        mend = "pages behind a password are not taken; leave name and password out"
        raise ArgumentError(f"{name}: {plain(text)!r} holds a user name: {mend}")
    return text if parts.path else text + "/"


def _instant(name: str, value: str | None, *, end: bool = False) -> datetime | None:
    """A date or time; with ``end`` a date without a time means its last moment."""
    if not value:
        return None
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        raise ArgumentError(f"{name}: {value!r} is no date; write it like 2026-11-23 or 2026-11-23T08:00:00+01:00") from None
    if end and len(value) <= len("2026-11-23"):
        instant += timedelta(days=1, microseconds=-1)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _number(name: str, value: str | None, least: int) -> int | None:
    if not value:
        return None
    if not value.isdecimal() or int(value) < least:
        raise ArgumentError(f"{name}: {value!r} is not a number from {least}")
    return int(value)


def _flag(name: str, value: str | None, default: bool) -> bool:
    if not value:
        return default
    if (word := value.strip().lower()) not in _TRUE | _FALSE:
        raise ArgumentError(f"{name}: {value!r} is neither true nor false")
    return word in _TRUE


def _duration(name: str, value: str | None) -> float | None:
    if not value:
        return None
    if not (seconds := seconds_of(value)):
        raise ArgumentError(f"{name}: {value!r} is no length of time; write it like 90s, 15m, 2h or 1d")
    return seconds
