"""Dates as pages give them: an instant, how exact it is, and the offset, if the page says it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Literal

_ISO = re.compile(
    r"(\d{4})-(\d\d?)-(\d\d?)(?:(?:T|\s+|T\s)(\d\d?):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(Z|UTC|GMT|[+-]\d\d:?\d\d|[+-]\d\d)?)?(?:\[[\w/]+\])?",
    re.IGNORECASE,
)
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T?(\d\d)(\d\d)(\d\d)?(Z|[+-]\d\d:?\d\d)?)?")
_MONTHS = {
    name: number
    for number, names in enumerate(
        ("jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july", "aug august"), 1
    )
    for name in names.split()
} | {
    name: number
    for number, names in enumerate(("sep sept september", "oct october", "nov november", "dec december"), 9)
    for name in names.split()
}
_CLOCK = r"(?:\D{1,12}?(\d{1,2}):(\d\d)(?::(\d\d))?\s*([ap]\.?m\.?)?)?"
_DAY_FIRST = re.compile(rf"(\d{{1,2}})(?:st|nd|rd|th)?\.?\s+([a-z]{{3,9}})\.?,?\s+(\d{{4}}){_CLOCK}", re.IGNORECASE)
_MONTH_FIRST = re.compile(rf"([a-z]{{3,9}})\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+(\d{{4}}){_CLOCK}", re.IGNORECASE)
_URL = re.compile(r"/(20\d\d|19\d\d)[/-]?(0[1-9]|1[0-2])[/-]?(0[1-9]|[12]\d|3[01])(?:[/-]|\b)")


@dataclass(frozen=True, slots=True)
class Moment:
    """A date as read: the instant in UTC, the precision of what was printed, the offset in minutes if it was given."""

    instant: datetime
    precision: Literal["second", "minute", "day"]
    offset: int | None
    raw: str


def parse(raw: str | None) -> Moment | None:
    """Read an ISO 8601 date, an RFC 5322 date, or an English one with the month in letters; None for anything else.

    Numbers alone with slashes are not read: day and month could be either.
    """
    text = " ".join((raw or "").split())[:200]
    if not text:
        return None
    try:
        return _iso(text) or _mail(text) or _words(text)
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
    try:
        instant = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    offset = instant.utcoffset()
    minutes = int(offset.total_seconds() // 60) if offset is not None else None
    instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return Moment(instant.astimezone(UTC), "second", minutes, text)


def _words(text: str) -> Moment | None:
    if found := _DAY_FIRST.search(text):
        day, month, year, *clock = found.groups()
    elif found := _MONTH_FIRST.search(text):
        month, day, year, *clock = found.groups()
    else:
        return None
    number = _MONTHS.get(month.lower())
    if number is None:
        return None
    hour, minute, second, half = clock
    if half and hour:
        hour = str(int(hour) % 12 + (12 if half.lower().startswith("p") else 0))
    return _moment((year, str(number), day), (hour, minute, second), None, text)


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
