"""Dates that stand in bare text by themselves, and what is said of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from pipelines.dates import UNKNOWN, conventions
from pipelines.dump_words import CHANGED, PUBLISHED

_LANGUAGES = (
    "de", "fr", "es", "it", "pt", "nl", "pl", "ru", "sv", "nb", "da", "fi", "cs", "tr", "uk", "el", "ro", "hu", "id", "hr",
    "bg", "ca", "ar", "ar-SY", "he", "fa", "hi", "vi", "sk", "sl", "lt", "lv", "et", "sr", "bn", "ta", "te", "th", "sw",
    "af", "is", "eu", "gl",
)  # fmt: skip
_CLOCK = r"\d{1,2}\s?[:.h時시点點]\s?\d\d(?::\d\d)?"
_HALF = r"(?:\s*[AaPp]\.?[Mm]\.?(?!\w))?"
_AT = r"um|à|at|às|a las|alle(?:\s+ore)?|ore|kl\.?|klo|kello|o godz\.|om|o|ve|saat|la ora|în|lúc|pukul|в|о|στις"
_WEEKDAY = r"(?:\s?[(（][^\W\d_]{1,3}[)）])?"
_BEHIND = rf"(?:\s?[,|–—·-]?\s?(?:(?:{_AT})\s)?(?P<clock>{_CLOCK}{_HALF})(?:\s?(?:分|분|Uhr|hrs?|h|น\.)(?!\w))?)?"
_ZONE = r"(?:\s?\(?(?P<zone>UTC|GMT|Z|[A-Z]{2,4}T|[+-]\d\d:?\d\d)\)?(?!\w))?"
_LETTERS = r"[^\W\d_][\w\u0300-\u036f\u0900-\u0963\u0966-\u0dff\u0e31-\u0e4e]{1,14}"
_DAY = r"(?<![\d.,:])(?P<day>\d{1,2})(?:st|nd|rd|th|er|º|ª|\.)?"
_OF = r"(?:(?:de|del|d['’])\s*)?"
_SPAN = re.compile(
    rf"(?:{_DAY}\s+{_OF}(?P<month>{_LETTERS})\.?,?\s+{_OF}(?P<year>\d{{4}})(?!\d)"
    rf"|(?P<month2>{_LETTERS})\.?\s+(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year2>\d{{4}})(?!\d)"
    r"|(?<![\d-])(?P<year3>\d{4})\s?(?P<part3>[-./年년])\s?(?P<month3>\d{1,2})\s?[-./月월]\s?(?P<day3>\d{1,2})(?!\d)[日일]?(?:T(?=\d))?"
    r"|(?<![\d./-])(?P<first>\d{1,2})(?P<part>[./-])(?P<second>\d{1,2})(?P=part)(?P<year4>\d{4})(?!\d)"
    r"|(?P<day5>\d{1,2})\s+tháng\s+(?P<month5>\d{1,2}),?\s+(?:năm\s+)?(?P<year5>\d{4})(?!\d))"
    rf"{_WEEKDAY}{_BEHIND}{_ZONE}"
)
_BEFORE = re.compile(
    rf"(?<![\d.,:])(?P<clock>\d{{1,2}}[:.]\d\d{_HALF})(?:\s(?:Uhr|hrs?|h))?\s?[,|–—-]?\s?(?:(?:on|am|le|el|il)\s)?$",
    re.IGNORECASE,
)
_TIME = re.compile(r"(\d{1,2})\s?\D\s?(\d\d)(?::(\d\d))?\s*([ap])?", re.IGNORECASE)
# a day behind one of these is told of in a sentence
_PREPOSITION = re.compile(
    r"on|in|at|from|since|until|till|by|of|the|before|after|between|and|to|am|vom|bis|seit|zum|im|ab|der|dem|den|und|le|du|au|depuis"
    r"|en|et|el|del|desde|hasta|il|dal|al|em|de|no|do|op|van|sinds|tot|fra|til|från|till|dnia|w|od|z|с|по|до|от|в|на|к|στις|από",
    re.IGNORECASE,
)
_MARK = re.compile(r"[.!?…。！？][\"”»’')」]*$")
_LABEL = 40  # characters before a date in which it is said what happened on it
_SHORT_LINE = 80  # characters


@dataclass(frozen=True, slots=True)
class Printed:
    """A date in a line: where it stands, what it is in ISO 8601 (None: day and month cannot be told apart), and whether it is
    said to be the date of publication, or of a change."""

    start: int
    end: int
    iso: str | None
    labelled: bool
    changed: bool


def printed(line: str, head: int) -> Iterator[Printed]:
    """The dates in a line that are no part of its prose: up to ``head``, behind a sentence, alone, with a label or a clock."""
    for found in _SPAN.finditer(line):
        clock = _BEFORE.search(line, max(0, found.start() - 24), found.start())
        start = clock.start() if clock else found.start()
        month = found["month"] or found["month2"]
        if month and not is_month(month):
            continue
        begin = max(0, start - _LABEL)
        before = line[begin:start].rstrip(" ,|·•:–—-(")
        label = PUBLISHED.search(before) or CHANGED.search(before)
        if label or _stands_alone(line, before, found, head, exact=bool(clock or found["clock"])):
            at = begin + label.start() if label else start
            yield Printed(at, found.end(), _iso(found, clock), bool(PUBLISHED.search(before)), bool(CHANGED.search(before)))


def _stands_alone(line: str, before: str, found: re.Match[str], head: int, *, exact: bool) -> bool:
    """Whether a date without a label is no part of a sentence."""
    word = (before.split() or [""])[-1]
    if _PREPOSITION.fullmatch(word):
        return False
    if len(line) < _SHORT_LINE:
        return True
    behind = line[found.end() :].lstrip(" ,|·•:–—-)")
    goes_on = behind[:1].islower() and not re.match(r"(?:by|von|par|por|di|da|door|av|af)\s", behind)
    return head > 0 and not goes_on and (exact or found.start() < head or bool(_MARK.search(before)))


@cache
def _months() -> dict[str, int]:
    """Names of months in all languages; where two languages differ, the one that is named first holds."""
    names: dict[str, int] = {}
    for language in _LANGUAGES:
        for name, number in conventions(language).months.items():
            names.setdefault(name, number)
    return {**names, **UNKNOWN.months}


def is_month(name: str) -> bool:
    """Whether a word is the name of a month in any language that is known."""
    return name.casefold().rstrip(".") in _months()


def _number_of(name: str) -> int | None:
    return _months().get(name.casefold().rstrip("."))


def _iso(found: re.Match[str], before: re.Match[str] | None) -> str | None:
    year = next(int(found[name]) for name in ("year", "year2", "year3", "year4", "year5") if found[name])
    month, day = _month_and_day(found)
    if month is None or day is None:
        return None
    try:
        date = datetime(year, month, day)
    except ValueError:
        return None
    if not 1500 < year < 2200:
        return None
    clock = _time((before or found)["clock"] or "")
    zone = _offset(found["zone"]) if clock else ""
    return f"{date:%Y-%m-%d}{clock}{zone}"


def _month_and_day(found: re.Match[str]) -> tuple[int | None, int | None]:
    if name := found["month"] or found["month2"]:
        return _number_of(name), int(found["day"] or found["day2"])
    if found["first"]:
        first, second = int(found["first"]), int(found["second"])
        if first > 12 or (found["part"] == "." and second <= 12):
            return second, first
        # below 13 nobody can tell which is the month, whatever is usual in a language
        return (first, second) if second > 12 else (None, None)
    return int(found["month3"] or found["month5"]), int(found["day3"] or found["day5"])


def _time(text: str) -> str:
    found = _TIME.match(text)
    if not found:
        return ""
    hour, minute, second = int(found[1]), int(found[2]), found[3]
    if found[4]:
        hour = hour % 12 + (12 if found[4].lower() == "p" else 0)
    if hour > 23 or minute > 59:
        return ""
    return f"T{hour:02}:{minute:02}" + (f":{second}" if second else "")


def _offset(zone: str | None) -> str:
    if zone in ("UTC", "GMT", "Z"):
        return "+00:00"
    return f"{zone[:3]}:{zone[-2:]}" if zone and zone[0] in "+-" else ""
