"""When: the range that a crawl is to cover, and what addresses say of the time that lies behind them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

DAY = timedelta(days=1)
_MONTHS = dict(
    zip(("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), range(1, 13), strict=True)
)
_YEAR = r"(?<!\d)(?P<year>(?:1[6-9]|2[01])\d\d)"
_MONTH = (
    r"(?P<month>0?[1-9]|1[0-2]|jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_COMPACT = r"(?P<month>0[1-9]|1[0-2])(?P<day>0[1-9]|[12]\d|3[01])"
_PARTED = r"(?P<month>0[1-9]|1[0-2])(?P=between)(?P<day>0[1-9]|[12]\d|3[01])"
_DAY = r"(?P<day>0?[1-9]|[12]\d|3[01])"
# as they stand in the names of sitemaps and archive pages, most precise first
_NAMES = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_YEAR}[-_/.]{_MONTH}[-_/.]{_DAY}(?!\d)",
        rf"{_YEAR}(?P<month>0[1-9]|1[0-2])(?P<day>0[1-9]|[12]\d|3[01])?(?!\d)",
        rf"{_YEAR}[-_/]?(?:w|kw|week)[-_/]?(?P<week>0?[1-9]|[1-4]\d|5[0-3])(?!\d)",
        rf"{_YEAR}[-_/]?q(?P<quarter>[1-4])(?!\d)",
        rf"{_YEAR}[-_/.]{_MONTH}(?![\da-z])",
        rf"{_YEAR}(?!\d)",
    )
]
_PARAMETERS = {
    **dict.fromkeys(("year", "yyyy", "yy", "y", "jahr", "annee", "ano", "anno"), "year"),
    **dict.fromkeys(("month", "mm", "m", "monat", "mois", "mes", "mese"), "month"),
    **dict.fromkeys(("day", "dd", "d", "tag", "jour", "dia", "giorno"), "day"),
    **dict.fromkeys(("week", "ww", "w", "kw"), "week"),
}
# as they stand in the addresses of articles: at the edge of a part of the path; elsewhere a date is a part of the headline
_DATED = [
    re.compile(rf"/{_YEAR}(?P<between>[-_/]){_MONTH}(?P=between){_DAY}(?![\da-z])", re.IGNORECASE),
    re.compile(rf"/{_YEAR}{_COMPACT}(?=[-_/.]|$)"),
    re.compile(rf"[-_.]{_YEAR}(?P<between>-?){_PARTED}(?=\.\w{{3,5}}$|/?$)"),
    re.compile(rf"/{_YEAR}/{_MONTH}/(?=[^/])", re.IGNORECASE),
]
_ARCHIVE = re.compile(
    rf"(?:^|/){_YEAR}(?:[-_/]{_MONTH}(?:[-_/]{_DAY})?)?(?:/(?:page|seite|p)?/?\d{{0,4}})?(?:\.\w{{3,5}})?/?$", re.IGNORECASE
)


class Period(NamedTuple):
    """From ``begin`` up to, not including, ``end``."""

    begin: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Span:
    """The time that a crawl is to cover: from ``since`` to ``until``, each None where it is open."""

    since: datetime | None = None
    until: datetime | None = None

    def __bool__(self) -> bool:
        return self.since is not None or self.until is not None

    def outside(self, published: datetime) -> str | None:
        """Why an article of this date lies outside; None if it does not."""
        if self.since and published < self.since:
            return f"published {published:%Y-%m-%d}, before {self.since:%Y-%m-%d}"
        if self.until and published > self.until:
            return f"published {published:%Y-%m-%d}, after {self.until:%Y-%m-%d}"
        return None

    def misses(self, period: Period | None) -> bool:
        """Whether nothing of a period that an address names lies within; a day to either side is allowed for time zones."""
        return period is not None and bool(
            (self.since and period.end + DAY <= self.since) or (self.until and period.begin - DAY > self.until)
        )

    def leaves_out(self, published: datetime | None, modified: datetime | None, url: str) -> bool:
        """Whether an article that is announced with these dates lies outside. What was not modified since was not published
        since, either; what was modified later may be old. Without a usable date the address's own counts."""
        published, modified = credible(published), credible(modified)
        if published:
            return bool((self.since and _end(published) <= self.since) or (self.until and published > self.until))
        return bool(self.since and modified and _end(modified) <= self.since) or self.misses(article_period(url))

    def doubts(self, published: datetime | None, modified: datetime | None, url: str) -> bool:
        """Whether nothing is known but a change after the range."""
        published, modified = credible(published), credible(modified)
        late = self.until is not None and modified is not None and modified > self.until
        return late and published is None and article_period(url) is None

    def leaves_out_list(self, modified: datetime | None, url: str) -> bool:
        """Whether a sitemap or archive page has nothing to say of this time: by its name, or by its last change."""
        modified = credible(modified)
        return bool(self.since and modified and _end(modified) <= self.since) or self.misses(named_period(url))


def credible(date: datetime | None) -> datetime | None:
    """A date in the future says nothing: clocks are wrong, and articles are planned ahead."""
    return None if date is None or date > datetime.now(UTC) + DAY else date


def _end(date: datetime) -> datetime:
    """A time of midnight stands for the whole day: most such dates were written without a time."""
    return date + DAY if (date.hour, date.minute, date.second) == (0, 0, 0) else date


@lru_cache(maxsize=1_024)
def named_period(url: str) -> Period | None:
    """The time that the name of a sitemap or archive page stands for (``sitemap-2024-05.xml``, ``?yyyy=2021&mm=03``)."""
    parts = urlsplit(url)
    path = unquote(parts.path)
    return _of_query(parts.query) or _of_text(path.rpartition("/")[2]) or _of_text(path)


@lru_cache(maxsize=1_024)
def archive_period(url: str) -> Period | None:
    """The time that an archive page stands for, if the address is one's: it ends in a date, or its parameters are one."""
    parts = urlsplit(url)
    if found := _of_query(parts.query):
        return found
    match = _ARCHIVE.search(unquote(parts.path))
    return _period(match) if match else None


def article_period(url: str) -> Period | None:
    """The day or month that the address of an article names; None if it names none."""
    path = unquote(urlsplit(url).path)
    return next((period for shape in _DATED if (match := shape.search(path)) and (period := _period(match))), None)


def counted(urls: Iterable[str]) -> set[str]:
    """Of the sitemaps of one index, those that only seem to be named by a year: others of the same name have other numbers."""
    series: dict[str, list[tuple[str, str]]] = {}
    for url in urls:
        if len(numbers := re.findall(r"\d+", urlsplit(url).path.rpartition("/")[2])) == 1:
            series.setdefault(re.sub(r"\d+", "#", url), []).append((url, numbers[0]))
    odd = (
        members
        for members in series.values()
        if not all(re.fullmatch(r"(?:1[6-9]|2[01])\d\d", number) for _, number in members)
    )
    return {url for members in odd for url, number in members if len(number) == 4}


def _of_query(query: str) -> Period | None:
    pairs = parse_qsl(query[:500], keep_blank_values=False)
    named = {_PARAMETERS[name.lower()]: value for name, value in pairs if name.lower() in _PARAMETERS}
    if re.fullmatch(r"(?:1[6-9]|2[01])\d\d", named.get("year", "")):
        numbers = {name: int(value) for name, value in named.items() if value.isdecimal() and len(value) <= 4}
        return _from_numbers(numbers)
    # from=2021-01-01&to=2021-01-31, or one date in any parameter
    days = [period for _, value in pairs if (match := _NAMES[0].fullmatch(value)) and (period := _period(match))]
    return Period(min(day.begin for day in days), max(day.end for day in days)) if days else None


def _of_text(text: str) -> Period | None:
    for shape in _NAMES:
        if found := [period for match in shape.finditer(text[:500]) if (period := _period(match))]:
            return Period(min(one.begin for one in found), max(one.end for one in found))
    return None


def _period(match: re.Match[str]) -> Period | None:
    named = {name: value for name, value in match.groupdict().items() if value and name != "between"}
    return _from_numbers({name: _MONTHS.get(value[:3].lower()) or int(value) for name, value in named.items()})


def _from_numbers(given: dict[str, int]) -> Period | None:
    try:
        if "week" in given:
            begin = datetime.fromisocalendar(given["year"], given["week"], 1).replace(tzinfo=UTC)
            return Period(begin, begin + 7 * DAY)
        quarter = given.get("quarter")
        month = given.get("month") or (quarter * 3 - 2 if quarter else None)
        begin = datetime(given["year"], month or 1, given.get("day", 1) if month else 1, tzinfo=UTC)
    except ValueError:
        return None
    if month and "day" in given:
        return Period(begin, begin + DAY)
    months = 3 if quarter else 1 if month else 12
    year, after = divmod(begin.month - 1 + months, 12)
    return Period(begin, begin.replace(year=begin.year + year, month=after + 1))
