"""Rules that people write for a site: a TOML file with selectors and days on which they hold, checked as it is read.

    # rules/news.example.toml
    title = "h1.headline"
    published_at = ["time.first::attr(datetime)", "//meta[@name='date']/@content"]
    body = "div.story"
    drop = [".newsletter", ".read-also"]

A selector is CSS (with ``::text`` and ``::attr(name)``, as in Scrapy), or XPath if it begins with ``/`` or ``(``. What a site
looked like at other times stands in tables ``[[version]]`` with ``valid_from`` and ``valid_until``, both days included.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cssselect import SelectorError
from lxml import etree
from parsel.csstranslator import HTMLTranslator

# columns that selectors may fill, and what they say of the body
FIELDS = (
    "title", "subtitle", "description", "byline_raw", "authors", "published_at", "modified_at", "section", "tags", "language",
    "site_name", "publisher", "main_image_url", "license", "copyright_holder",
)  # fmt: skip
BODY = ("body", "drop")
_DAYS = ("valid_from", "valid_until")
_KEYS = (*FIELDS, *BODY)
_MOST_BYTES = 1_000_000
_HOST = re.compile(r"(?:\*\.)?(?!-)[\w-]+(?:\.[\w-]+)*")
_NO_ELEMENT = re.compile(r"(?:/@[\w:*-]+|/text\(\))\s*$")
_EMPTY = etree.fromstring("<html/>")


class RuleError(Exception):
    """Rule files that cannot be used; the message has a line for each fault: file, line, key, reason and mend."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How a site's pages are read from ``valid_from`` to ``valid_until`` (None: no bound); ``selectors`` as XPath, by key, in
    the order in which they are tried. ``name`` is that of the file and ``sha256`` the hash of its bytes."""

    name: str
    sha256: str
    valid_from: date | None = None
    valid_until: date | None = None
    selectors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """What ``field_sources`` and ``extractor_config`` call it: file and first digits of its hash."""
        return source_of(self.name, self.sha256)

    def holds_on(self, day: date) -> bool:
        """Whether it is for pages that were fetched on that day."""
        return (self.valid_from or date.min) <= day <= (self.valid_until or date.max)


@dataclass(frozen=True, slots=True)
class RuleFile:
    """A file of rules as it was read: for which hosts (``*.`` stands for any subdomain), and its versions."""

    name: str
    sha256: str
    content: bytes
    hosts: tuple[str, ...]
    versions: tuple[Rule, ...]

    def on(self, day: date) -> Rule | None:
        """The version for pages that were fetched on that day."""
        return next((one for one in self.versions if one.holds_on(day)), None)

    @property
    def source(self) -> str:
        """As ``Rule.source``."""
        return source_of(self.name, self.sha256)


def source_of(name: str, sha256: str) -> str:
    """How a file of rules is named in a row."""
    return f"rule:{name}@{sha256[:12]}"


class Rules:
    """The rule files of some folders; what an earlier folder says of a host goes before what a later one says."""

    def __init__(self, *folders: Path) -> None:
        """Raises RuleError with all that is wrong in all files."""
        self._by_host: dict[str, RuleFile] = {}
        faults: list[str] = []
        for folder in folders:
            here: dict[str, RuleFile] = {}
            for path in sorted(folder.glob("*.toml")):
                try:
                    found = read_rules(path)
                except RuleError as error:
                    faults.append(str(error))
                    continue
                for host in found.hosts:
                    if host in here:
                        faults.append(f"{path}: {host} has its rules in {here[host].name} too; keep one of them")
                    here[host] = found
            self._by_host = here | self._by_host
        if faults:
            raise RuleError("\n".join(faults))

    def __bool__(self) -> bool:
        return bool(self._by_host)

    def of(self, url: str) -> RuleFile | None:
        """The rule file for an address: that of its host, else of the nearest domain above it."""
        host = (urlsplit(url).hostname or "").lower()
        if found := self._by_host.get(host):
            return found
        labels = host.split(".")
        above = (".".join(labels[at:]) for at in range(1, len(labels)))
        return next((found for name in above if (found := self._by_host.get(f"*.{name}"))), None)


def read_rules(path: Path) -> RuleFile:
    """Read and check a file. Raises RuleError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RuleError(f"{path}: cannot be read ({error.strerror}); mend that, or take the file away") from None
    return parse_rules(content, path.name, str(path))


def parse_rules(content: bytes, name: str, where: str | None = None) -> RuleFile:
    """The rules in a file's bytes. Raises RuleError with all that is wrong in it; ``where`` is what it calls the file."""
    where = where or name
    if len(content) > _MOST_BYTES:
        raise RuleError(f"{where}: {len(content):,} bytes are no rules; the most is {_MOST_BYTES:,}")
    try:
        text = content.decode()
        table = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise RuleError(f"{where}: no UTF-8 at byte {error.start}; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise RuleError(f"{where}: no TOML: {error}; selectors stand in quotes, lists in brackets") from None
    sha256 = hashlib.sha256(content).hexdigest()
    check = _Check(where, text)
    hosts = check.hosts(table.pop("hosts", None), name)
    versions = tuple(
        Rule(name, sha256, *check.days(one, number), check.selectors(one, number)) for number, one in check.versions(table)
    )
    check.apart(versions)
    if check.faults:
        raise RuleError("\n".join(check.faults))
    return RuleFile(name, sha256, content, hosts, versions)


class _Check:
    """Takes a file's table apart and notes what is wrong with it, and in which line."""

    def __init__(self, where: str, text: str) -> None:
        self._where, self._lines = where, text.splitlines()
        self.faults: list[str] = []

    def _deny(self, key: str, what: str, version: int = 0) -> None:
        self.faults.append(f"{self._where}, line {self._line(key, version)}, {key}: {what}")

    def _line(self, key: str, version: int) -> int:
        """Where a key stands, in the table of that number (0: before any table)."""
        tables, named = 0, re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=")
        for number, line in enumerate(self._lines, 1):
            tables += line.strip().replace(" ", "").startswith("[[version]]")
            if tables == version and named.match(line):
                return number
        return next((at for at, line in enumerate(self._lines, 1) if re.match(rf"\s*\[+\s*{re.escape(key)}\b", line)), 1)

    def hosts(self, given: Any, name: str) -> tuple[str, ...]:
        if given is None:
            host = name.removesuffix(".toml").lower()
            if not _HOST.fullmatch(host):
                self._deny("hosts", f'the file\'s name {name!r} is no host; name the file after one, or say hosts = ["…"]')
            return (host, f"www.{host}")
        listed = [given] if isinstance(given, str) else given
        if not isinstance(listed, list) or not listed or not all(isinstance(one, str) for one in listed):
            self._deny("hosts", 'a list of names is wanted, e.g. hosts = ["news.example", "*.news.example"]')
            return ()
        for one in listed:
            if not _HOST.fullmatch(one):
                self._deny("hosts", f"{one!r} is no host; give names alone, without scheme, port and path")
        return tuple(one.lower() for one in listed)

    def versions(self, table: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
        """The tables with selectors: those named version, or the whole file."""
        listed = table.pop("version", None)
        if listed is None:
            yield 0, table
            return
        for key in table:
            self._deny(key, "stands beside [[version]]; move it into the version that it is for")
        if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
            self._deny("version", "tables are wanted: [[version]], with two brackets")
            return
        yield from enumerate(listed, 1)

    def days(self, table: dict[str, Any], version: int) -> tuple[date | None, date | None]:
        days: list[date | None] = []
        for key in _DAYS:
            value = table.pop(key, None)
            if value is not None and (isinstance(value, datetime) or not isinstance(value, date)):
                self._deny(key, f"{value!r} is no day; write it without quotes, e.g. {key} = 2026-01-31", version)
                value = None
            days.append(value)
        first, last = days
        if first and last and last < first:
            self._deny("valid_until", f"{last} is before valid_from, {first}; exchange them", version)
        return first, last

    def selectors(self, table: dict[str, Any], version: int) -> dict[str, tuple[str, ...]]:
        found = {}
        for key, value in table.items():
            if key not in _KEYS:
                near = get_close_matches(key, (*_KEYS, *_DAYS, "hosts"), 1)
                mend = f"did you mean {near[0]}?" if near else f"there are {', '.join((*_KEYS, *_DAYS))}"
                self._deny(key, f"there is no such key; {mend}", version)
                continue
            listed = value if isinstance(value, list) else [value]
            if not listed or not all(isinstance(one, str) and one.strip() for one in listed):
                self._deny(key, "a selector in quotes is wanted, or a list of them", version)
                continue
            found[key] = tuple(xpath for one in listed if (xpath := self._xpath(key, one.strip(), version)))
        if not table:
            self._deny("version", "it has no selectors; give at least one, or take the table away", version)
        return found

    def _xpath(self, key: str, selector: str, version: int) -> str | None:
        """The selector as XPath that compiles and runs, or None."""
        is_path = selector[0] in "/("
        if key in BODY and ("::" in selector if not is_path else _NO_ELEMENT.search(selector)):
            self._deny(key, f"{selector!r} gives text; {key} needs elements, so leave the end away", version)
            return None
        try:
            xpath = selector if is_path else str(HTMLTranslator().css_to_xpath(selector))
            etree.XPath(xpath)(_EMPTY)
        except (SelectorError, etree.XPathError) as error:
            kind = "XPath" if is_path else "CSS (XPath begins with / or a bracket)"
            self._deny(key, f"{selector!r} is no {kind}: {error}; mend the selector", version)
            return None
        return xpath

    def apart(self, versions: tuple[Rule, ...]) -> None:
        """Of two versions for one day nobody could tell which is meant."""
        order = sorted(enumerate(versions, 1), key=lambda one: one[1].valid_from or date.min)
        for (_, before), (number, after) in pairwise(order):
            first = after.valid_from or date.min
            if before.holds_on(first):
                until = f"valid_until of the one before must be before {first}" if after.valid_from else "give it a valid_from"
                self._deny("valid_from", f"this version and another one hold on the same day; {until}", number)
