"""Dates as pages give them: an instant, how exact it is, and the offset, if the page says it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Literal

from babel import Locale, UnknownLocaleError

_ISO = re.compile(
    r"(\d{4})-(\d\d?)-(\d\d?)(?:(?:T|\s+|T\s)(\d\d?):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(Z|UTC|GMT|[+-]\d\d:?\d\d|[+-]\d\d)?)?(?:\[[\w/]+\])?",
    re.IGNORECASE,
)
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T?(\d\d)(\d\d)(\d\d)?(Z|[+-]\d\d:?\d\d)?)?")
_CLOCK = r"(?!\d)(?:\D{0,12}?(\d{1,2})[:.h時시]\s?(\d\d)(?::(\d\d))?\s*([ap]\.?m\.?)?(?!\d))?"
_MONTH = r"([^\W\d_]{3,12})"
_OF = r"(?:(?:de|del|d['’])\s+)?"
_DAY_FIRST = re.compile(
    rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th|er|º|ª|\.)?\s+{_OF}{_MONTH}\.?,?\s+{_OF}(\d{{4}}){_CLOCK}", re.IGNORECASE
)
_MONTH_FIRST = re.compile(rf"{_MONTH}\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+(\d{{4}}){_CLOCK}", re.IGNORECASE)
_YEAR_FIRST = re.compile(rf"(?<!\d)(\d{{4}})\.?\s+(?:m\.\s+|gada\s+)?{_MONTH}\.?\s+(\d{{1,2}}){_CLOCK}", re.IGNORECASE)
# in China, Japan, Korea and Viet Nam months have numbers
_BIG_FIRST = re.compile(rf"(?<!\d)(\d{{4}})\s?[./年년]\s?(\d{{1,2}})\s?[./月월]\s?(\d{{1,2}})(?!\d)[.日일]?{_CLOCK}")
_THANG = re.compile(r"(\d{1,2})\s+tháng\s+(\d{1,2})[,\s]+(?:năm\s+)?(\d{4})", re.IGNORECASE)
_FIGURES = re.compile(rf"(?<!\d)(\d{{1,2}})\s?([./-])\s?(\d{{1,2}})\s?\2\s?(\d{{4}})(?!\d){_CLOCK}")
_MAIL = re.compile(
    r"(?:\w{3,9},\s*)?\d{1,2}\s+[a-z]{3}\w*\s+\d{4}\s+\d{1,2}:\d\d(?::\d\d)?\s*(?:[+-]\d{4}|[A-Z]{1,4})?$", re.IGNORECASE
)
_URL = re.compile(r"/(20\d\d|19\d\d)[/-]?(0[1-9]|1[0-2])[/-]?(0[1-9]|[12]\d|3[01])(?:[/-]|\b)")
_SHORT_DAY_FIRST = re.compile("d.*M")


@dataclass(frozen=True, slots=True)
class Conventions:
    """How dates are printed where a page comes from: names of months (folded) and their numbers; whether the day stands before
    the month in figures, or None if that is not known."""

    months: Mapping[str, int]
    day_first: bool | None


@cache
def conventions(language: str | None, country: str | None = None) -> Conventions:
    """Those of a language (BCP 47) and country (ISO 3166), by the Unicode CLDR (UTS 35); English names are always known.

    English without a country is written both ways, so the order of figures is not known.
    """
    tags = (language or "").replace("_", "-").split("-")
    territory = next((tag.upper() for tag in tags[1:] if len(tag) == 2), None) or (country or "").upper() or None
    locale = _locale(tags[0], territory) or _locale(tags[0], None)
    months = _months(Locale("en")) | (_months(locale) if locale else {})
    if locale is None or (locale.language == "en" and locale.territory is None):
        return Conventions(months, None)
    return Conventions(months, bool(_SHORT_DAY_FIRST.match(locale.date_formats["short"].pattern)))


def _locale(language: str, territory: str | None) -> Locale | None:
    try:
        return Locale.parse("_".join(filter(None, (language.lower(), territory)))) if language else None
    except (ValueError, UnknownLocaleError):
        return None


def _months(locale: Locale) -> dict[str, int]:
    names = {}
    for context in ("format", "stand-alone"):
        for width in ("wide", "abbreviated"):
            for number, name in locale.months[context][width].items():
                names[name.casefold().rstrip(".")] = number
    return names


UNKNOWN = conventions(None)


@dataclass(frozen=True, slots=True)
class Moment:
    """A date as read: the instant in UTC, the precision of what was printed, the offset in minutes if it was given."""

    instant: datetime
    precision: Literal["second", "minute", "day"]
    offset: int | None
    raw: str


def parse(raw: str | None, printed: Conventions = UNKNOWN) -> Moment | None:
    """Read an ISO 8601 date, an RFC 5322 date, or a printed one; None for anything else.

    Figures alone are read as ``printed`` has it; where that is not known, only if one of them can be no month.
    """
    text = " ".join((raw or "").split())[:200]
    if not text or not any(map(str.isdigit, text)):
        return None
    try:
        return _iso(text) or _mail(text) or _words(text, printed.months) or _figures(text, printed.day_first)
    except (ValueError, OverflowError):
        return None


def from_url(url: str) -> Moment | None:
    """The day in an address such as /2023/10/06/story."""
    found = _URL.search(url)
    return parse("-".join(found.groups())) if found else None


def _iso(text: str) -> Moment | None:
    found = _ISO.match(text)
    if found:
        year, month, day, hour, minute, second, _, zone = found.groups()
    else:
        if not (compact := _COMPACT.fullmatch(text)):
            return None
        year, month, day, hour, minute, second, zone = compact.groups()
    return _moment((year, month, day), (hour, minute, second), zone, text)


def _mail(text: str) -> Moment | None:
    if not _MAIL.match(text):
        return None
    try:
        instant = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    offset = instant.utcoffset()
    minutes = int(offset.total_seconds() // 60) if offset is not None else None
    instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return Moment(instant.astimezone(UTC), "second", minutes, text)


def _words(text: str, months: Mapping[str, int]) -> Moment | None:
    if found := _DAY_FIRST.search(text):
        day, month, year, *clock = found.groups()
    elif found := _MONTH_FIRST.search(text):
        month, day, year, *clock = found.groups()
    elif found := _YEAR_FIRST.search(text):
        year, month, day, *clock = found.groups()
    else:
        return None
    number = months.get(month.casefold())
    return _moment((year, str(number), day), _clock(clock), None, text) if number else None


def _clock(parts: Sequence[str | None]) -> tuple[str | None, ...]:
    hour, minute, second, half = parts
    if half and hour:
        hour = str(int(hour) % 12 + (12 if half.lower().startswith("p") else 0))
    return hour, minute, second


def _figures(text: str, day_first: bool | None) -> Moment | None:
    if found := _BIG_FIRST.search(text):
        year, month, day, *clock = found.groups()
    elif found := _THANG.search(text):
        day, month, year = found.groups()
        clock = [None] * 4
    elif found := _FIGURES.search(text):
        first, separator, second, year, *clock = found.groups()
        # points part days from months wherever they part figures; a figure above 12 is no month
        sure = separator == "." or int(first) > 12 or (False if int(second) > 12 else day_first)
        if sure is None:
            return None
        day, month = (first, second) if sure else (second, first)
    else:
        return None
    return _moment((year, month, day), _clock(clock), None, text)


def _moment(day: tuple[str, str, str], clock: tuple[str | None, ...], zone: str | None, raw: str) -> Moment:
    hour, minute, second = clock
    offset = _offset(zone)
    tz = UTC if offset is None else timezone(timedelta(minutes=offset))
    year, month, date = (int(part) for part in day)
    instant = datetime(year, month, date, int(hour or 0), int(minute or 0), int(second or 0), tzinfo=tz).astimezone(UTC)
    if not 1500 < instant.year < 2200:
        raise ValueError("not a date of this time")
    precision: Literal["second", "minute", "day"] = "second" if second else "minute" if hour else "day"
    return Moment(instant, precision, offset if hour else None, raw)


def _offset(zone: str | None) -> int | None:
    if not zone:
        return None
    if zone.upper() in ("Z", "UTC", "GMT"):
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return -minutes if zone[0] == "-" else minutes
