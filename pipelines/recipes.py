"""How people want a site's pages read: its rule, its page object, or both; and the copies by which that can be proven later."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pipelines.rules import Rule, RuleError, RuleFile, Rules, parse_rules

_COPIES = ("state", "rules")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is done besides or instead of the usual; ``page_object`` is ``module:class``, ``page_sha256`` that of its file."""

    rule: Rule | None = None
    page_object: str | None = None
    page_sha256: str = ""

    @property
    def config(self) -> str:
        """What the column ``extractor_config`` says of it."""
        return " ".join([*([self.rule.source] if self.rule else []), *([self.page_source] if self.page_object else [])])

    @property
    def page_source(self) -> str:
        """What ``field_sources`` calls the page object."""
        return f"page_object:{self.page_object}@{self.page_sha256[:12]}"


class Recipes:
    """The recipes of one run: rules in the collection's folder ``rules``, then those in ``folder``; page objects in
    ``modules``.

    Raises RuleError with all that is wrong.
    """

    def __init__(self, collection: Path | None = None, folder: Path | None = None, modules: Iterable[str] = ()) -> None:
        if folder is not None and not folder.is_dir():
            raise RuleError(f"{folder}: there is no such folder of rules; make it, or leave BROADSHEET_RULES away")
        own = collection / "rules" if collection else None
        self._rules = Rules(*(one for one in (own, folder) if one and one.is_dir()))
        self._copies = collection.joinpath(*_COPIES) if collection else None
        self._copied: set[str] = set()
        self._modules = tuple(modules)
        if self._modules:
            from pipelines.page_objects import find  # noqa: PLC0415 - web-poet is an extra

            find(self._modules)

    def of(self, url: str, day: date) -> Recipe | None:
        """The recipe for a page that was fetched on that day, or None: read it as any other."""
        file = self._rules.of(url)
        rule = file.on(day) if file else None
        if file and rule:
            self._keep(file)
        if self._modules:
            from pipelines.page_objects import page_object  # noqa: PLC0415

            if chosen := page_object(url):
                return Recipe(rule, *chosen)
        return Recipe(rule) if rule else None

    def now(self, url: str) -> str | None:
        """The rule file that is for an address by now, as ``Rule.source`` names it."""
        file = self._rules.of(url)
        return file.source if file else None

    def _keep(self, file: RuleFile) -> None:
        """Keep a copy of a rule file in the collection, so that its rows can be proven when the rule is another one."""
        if self._copies is None or file.sha256 in self._copied:
            return
        place = self._copies / f"{file.name}@{file.sha256[:12]}"
        with suppress(OSError):  # the disk is full: the next page tries again, and verify says what is missing
            if not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                partial = place.with_name("." + place.name)
                partial.write_bytes(file.content)
                partial.rename(place)
            self._copied.add(file.sha256)


class Kept:
    """The recipes that a collection's rows were made with, by their copies."""

    def __init__(self, collection: Path, modules: Iterable[str] = ()) -> None:
        self._folder = collection.joinpath(*_COPIES)
        self._files: dict[str, RuleFile | None] = {}
        self._modules = tuple(modules)

    def of(self, config: str | None, url: str, day: date) -> Recipe | None:
        """The recipe that ``extractor_config`` names, for a page of that address and day; None if there was none.

        Raises LookupError with the reason if it cannot be had any more.
        """
        parts = (config or "").split()
        rule, page, page_sha256 = None, None, ""
        for part in parts:
            kind, _, named = part.partition(":")
            name, _, digest = named.rpartition("@")
            if kind == "rule":
                rule = self._rule(name, digest, day)
            elif kind == "page_object":
                page, page_sha256 = name, self._page_object(name, digest)
            else:
                raise LookupError(f"{part!r} is of another version of Broadsheet")
        return Recipe(rule, page, page_sha256) if parts else None

    def _rule(self, name: str, digest: str, day: date) -> Rule:
        key = f"{name}@{digest}"
        if key not in self._files:
            self._files[key] = self._read(key, name, digest)
        file = self._files[key]
        if file is None:
            raise LookupError(f"the copy of rule {key} is missing or damaged: {self._folder / key}")
        rule = file.on(day)
        if rule is None:
            raise LookupError(f"rule {key} has no version for {day}")
        return rule

    def _read(self, key: str, name: str, digest: str) -> RuleFile | None:
        if os.sep in key:
            return None
        with suppress(OSError, RuleError):
            content = (self._folder / key).read_bytes()
            if hashlib.sha256(content).hexdigest().startswith(digest) and digest:
                return parse_rules(content, name)
        return None

    def _page_object(self, name: str, digest: str) -> str:
        try:
            from pipelines.page_objects import find, sha256_of  # noqa: PLC0415

            find(self._modules)
            now = sha256_of(name)
        except (ImportError, RuleError, AttributeError) as error:
            raise LookupError(f"page object {name} cannot be had: {error}") from None
        if not now.startswith(digest):
            raise LookupError(f"page object {name} has changed since")
        return now
