"""The arguments of ``scrapy crawl news``: typed, checked before anything is fetched, each error with its mend."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from crawler.plain_log import plain

DEFAULT_COLLECTION = "collections/news"


class ArgumentError(ValueError):
    """A spider argument that cannot be used; the message names it, the reason and the mend."""


@dataclass(frozen=True, slots=True)
class NewsArguments:
    """What to crawl and where to keep it.

    ``sites`` are front pages, ``feeds`` and ``sitemaps`` addresses of such, ``urls`` addresses of pages; ``since`` leaves
    out what was published before that instant; ``max_articles`` ends the crawl; ``collection`` is a folder.
    """

    sites: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    since: datetime | None = None
    max_articles: int | None = None
    collection: str = DEFAULT_COLLECTION

    @classmethod
    def parse(cls, given: dict[str, str]) -> NewsArguments:
        """Read ``-a NAME=VALUE`` pairs. Raises ArgumentError."""
        known = [field.name for field in fields(cls)]
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
            since=_since(given.get("since")),
            max_articles=_count("max_articles", given.get("max_articles")),
            collection=given.get("collection") or DEFAULT_COLLECTION,
        )
        if not parsed.seeds:
            raise ArgumentError("nothing to crawl: give sites=, feeds=, sitemaps= or urls=, e.g. -a sites=https://example.org/")
        return parsed

    @property
    def seeds(self) -> tuple[str, ...]:
        """All addresses that the crawl begins with."""
        return self.sites + self.feeds + self.sitemaps + self.urls


def _addresses(name: str, value: str | None, *, bare_host: bool = False) -> tuple[str, ...]:
    """Addresses parted by commas, or a file with one a line; empty lines and lines that begin with # are passed over."""
    if not value:
        return ()
    if value.startswith(("http://", "https://")) or not (file := Path(value)).is_file():
        if name == "urls" and "://" not in value:
            raise ArgumentError(f"urls: there is no file {value!r}; give a file with one address a line")
        lines = value.split(",")
    else:
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise ArgumentError(f"{name}: {value!r} cannot be read: {error}") from None
    found = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not found:
        raise ArgumentError(f"{name}: {value!r} names no address")
    return tuple(dict.fromkeys(_address(name, text, bare_host=bare_host) for text in found))


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


def _since(value: str | None) -> datetime | None:
    if not value:
        return None
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        raise ArgumentError(f"since: {value!r} is no date; write it like 2026-11-23 or 2026-11-23T08:00:00+01:00") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _count(name: str, value: str | None) -> int | None:
    if not value:
        return None
    if not value.isdecimal() or int(value) < 1:
        raise ArgumentError(f"{name}: {value!r} is not a number from 1")
    return int(value)
