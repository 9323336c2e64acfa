"""Pages that belong to one article are gathered before its row is made: the pages it goes on on, and its AMP and print twins.

What comes of them is a function of the set of pages, whatever came first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from archive.capture import Capture
from archive.text import fold
from archive.url import surt
from pipelines.article import Article, Page
from pipelines.dedupe import article_id
from pipelines.paging import MOST_PAGES, PAGE_WORD, numbered
from pipelines.tabulate import Found

_MOST_TWINS = 2_000  # that wait for their article; about 50 kB each

_PAGE_OF_TITLE = re.compile(rf"\W*(?:\b{PAGE_WORD}\W*\d+(?:\W+\w{{1,3}}\W+\d+)?|\(?\d+\s*/\s*\d+\)?)\W*$", re.IGNORECASE)


@dataclass(slots=True)
class Sheet:
    """A page of an article, as read, and what its row is made of besides; ``more`` are cells that the crawl adds."""

    page: Page
    article: Article
    capture: Capture
    found: Found
    spider: str | None
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What the page is found by: the SURT key of its address."""
        return surt(self.capture.url)

    @property
    def identity(self) -> str:
        """The article it is, or repeats."""
        return article_id(self.article.canonical_url or self.capture.url)


class Series:
    """The pages of one article that goes on, as far as they have come: by address."""

    def __init__(self) -> None:
        self.sheets: dict[str, Sheet] = {}
        self.lost: set[str] = set()

    @property
    def is_whole(self) -> bool:
        """Whether every page that the others name has come, or will not come any more."""
        return not (self.missing - self.lost)

    @property
    def missing(self) -> set[str]:
        """The pages that others name and that have not come."""
        return {surt(url) for one in self.sheets.values() for url in _named(one)} - self.sheets.keys()

    def in_order(self) -> list[Sheet]:
        """The pages as one reads them."""
        return sorted(self.sheets.values(), key=lambda one: (numbered(one.capture.url).number, one.key))


def _named(sheet: Sheet) -> Iterator[str]:
    turn, number = sheet.page.turn, numbered(sheet.capture.url).number
    if turn.previous:
        yield turn.previous
    if turn.next and number < MOST_PAGES:
        yield turn.next


class Gathering:
    """The series and twins that are not complete. Nothing of them is in a table yet: after a crash they are read again."""

    def __init__(self) -> None:
        self._series: dict[tuple[str, str], Series] = {}
        self._twins: dict[str, list[Sheet]] = {}
        self._waiting_twins = 0

    @property
    def open_series(self) -> int:
        """How many articles wait for further pages."""
        return len(self._series)

    def holds(self, capture: Capture) -> bool:
        """Whether a capture's page waits for others of its article."""
        sheets = (sheet for series in self._series.values() for sheet in series.sheets.values())
        return any(sheet.capture.record_id == capture.record_id for sheet in sheets)

    def __len__(self) -> int:
        return sum(len(series.sheets) for series in self._series.values()) + self._waiting_twins

    def add_page(self, sheet: Sheet, superseded: Callable[[Sheet], None]) -> list[Series]:
        """Take a page of an article that goes on; the series that is complete now. Of two captures of a page the later one
        counts, and the other is ``superseded``."""
        # numbers alone do not make pages of one article: a series of articles may be numbered too
        name = numbered(sheet.capture.url).base, fold(_PAGE_OF_TITLE.sub("", sheet.article.title or ""))
        sheets = self._series.setdefault(name, Series()).sheets
        known = sheets.get(sheet.key, sheet)
        sheets[sheet.key] = max(known, sheet, key=lambda one: (one.capture.date, one.capture.record_id))
        if known is not sheet:
            superseded(known if sheets[sheet.key] is sheet else sheet)
        return self._if_whole(name)

    def lose(self, url: str) -> list[Series]:
        """Note that a page will not come; the series that are complete without it."""
        key, complete = surt(url), []
        for name in [name for name, series in self._series.items() if key in series.missing]:
            self._series[name].lost.add(key)
            complete += self._if_whole(name)
        return complete

    def _if_whole(self, name: tuple[str, str]) -> list[Series]:
        return [self._series.pop(name)] if self._series[name].is_whole else []

    def add_twin(self, sheet: Sheet) -> list[Sheet]:
        """Take a twin whose article has not come; those that will wait no longer, if there are too many."""
        self._twins.setdefault(sheet.identity, []).append(sheet)
        self._waiting_twins += 1
        return self.twins_of(next(iter(self._twins))) if self._waiting_twins > _MOST_TWINS else []

    def twins_of(self, identity: str) -> list[Sheet]:
        """The twins that waited for an article; they wait no longer."""
        twins = self._twins.pop(identity, [])
        self._waiting_twins -= len(twins)
        return twins

    def files(self) -> set[str]:
        """The names of the archive files with the records of what waits."""
        series = (sheet for one in self._series.values() for sheet in one.sheets.values())
        return {sheet.capture.filename for sheet in (*series, *chain.from_iterable(self._twins.values()))}

    def rest(self) -> tuple[list[Series], list[list[Sheet]]]:
        """All series and twins that still wait; they wait no longer."""
        left = list(self._series.values()), list(self._twins.values())
        self.__init__()  # type: ignore[misc]
        return left
