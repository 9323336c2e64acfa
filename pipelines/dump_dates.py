"""Dates that stand in bare text by themselves, and what is said of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta, timezone

from pipelines import dates
from pipelines.dump_words import CHANGED, PUBLISHED

_CLOCK = r"\d{1,2}\s?[:.h時시]\s?\d\d(?::\d\d)?"
_HALF = r"(?:\s*[ap]\.?m\.?(?!\w))?"
_BEHIND = rf"(?:\s?[,|–—-]?\s?(?:(?:um|à|at|às|a las|alle|kl\.?|kello|o godz\.|в|at)\s)?{_CLOCK}{_HALF}(?:\s?(?:分|분|Uhr|hrs?|h)(?!\w))?)?"
_ZONE = r"(?:\s?(?:UTC|GMT|Z|[A-Z]{2,4}T)(?!\w))?"
_MONTH = r"[^\W\d_]{3,12}\.?"
_DAY = r"(?<![\d.,:])\d{1,2}(?:st|nd|rd|th|er|º|ª|\.)?"
_SPAN = re.compile(
    rf"(?:{_DAY}\s+(?:(?:de|del|d['’])\s+)?{_MONTH},?\s+(?:(?:de|del)\s+)?\d{{4}}|{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{4}}"
    rf"|(?<![\d-])\d{{4}}\s?[-./年년]\s?\d{{1,2}}\s?[-./月월]\s?\d{{1,2}}[日일]?(?:T(?=\d))?|(?<![\d./-])\d{{1,2}}[./-]\d{{1,2}}[./-]\d{{4}}"
    rf"|\d{{1,2}}\s+tháng\s+\d{{1,2}},?\s+(?:năm\s+)?\d{{4}})(?![\d])(?:\s?[(（][^\W\d_][)）])?{_BEHIND}{_ZONE}"
)
_BEFORE = re.compile(rf"(?<![\d.,:])(\d{{1,2}})[:.](\d\d){_HALF}(?:\s(?:Uhr|hrs?|h))?\s?[,|–—-]?\s?(?:(?:on|am|le|el|il)\s)?$", re.IGNORECASE)
_WEEKDAY = re.compile(r"(?<!\w)[^\W\d_]{2,12}\.?,?\s?$")
_LABEL = 40  # characters before a date in which it is said what happened on it
_LANGUAGES = (None, "de", "fr", "es", "it", "pt", "nl", "pl", "ru", "sv", "nb", "da", "fi", "cs", "tr", "uk", "el", "ro", "hu", "id", "hr", "bg", "ca")


@dataclass(frozen=True, slots=True)
class Printed:
    """A date in a line: where it stands, what it is in ISO 8601 (None: day and month cannot be told apart), and whether it is said
    to be the date of publication, or of a change."""

    start: int
    end: int
    iso: str | None
    labelled: bool
    changed: bool


def printed(line: str, head: int) -> list[Printed]:
    """The dates in a line that are no part of its prose: up to ``head``, or with a label or a clock."""
    return list(_printed(line, head))


def _printed(line: str, head: int) -> Iterator[Printed]:
    for found in _SPAN.finditer(line):
        clock = _BEFORE.search(line, max(0, found.start() - 24), found.start())
        start = clock.start() if clock else found.start()
        before = line[max(0, start - _LABEL) : start].rstrip(" ,|·•:–—-(")
        before = _without_weekday(before)
        labelled, changed = bool(PUBLISHED.search(before)), bool(CHANGED.search(before))
        exact = bool(re.search(_CLOCK, found[0][8:])) or clock is not None
        word = before.rsplit(None, 1)[-1:] or [""]
        alone = len(line) < 80 and (not word[0] or not word[0][:1].islower())
        loose = found.start() < head and not word[0][:1].islower()
        if labelled or changed or ((exact or loose or alone) and not (word[0][:1].islower() and not alone)):
            label = PUBLISHED.search(before) or CHANGED.search(before)
            at = max(0, start - _LABEL) + label.start() if label else start
            yield Printed(at, found.end(), _iso(found[0], clock), labelled, changed)


def _without_weekday(before: str) -> str:
    return before


def _iso(text: str, clock: re.Match[str] | None) -> str | None:
    moment = next((found for name in _LANGUAGES if (found := dates.parse(text, dates.conventions(name) if name else dates.UNKNOWN))), None)
    if re.fullmatch(r"\d{1,2}[/-]\d{1,2}[/-]\d{4}.*", text) and dates.parse(text) is None:
        return None  # a language's custom is no proof of what this page means
    if moment is None:
        return None
    offset = timezone(timedelta(minutes=moment.offset)) if moment.offset is not None else None
    local = moment.instant.astimezone(offset) if offset else moment.instant.replace(tzinfo=None)
    if moment.precision == "day":
        if clock is None or int(clock[1]) > 23 or int(clock[2]) > 59:
            return f"{local:%Y-%m-%d}"
        return f"{local:%Y-%m-%d}T{int(clock[1]):02}:{clock[2]}"
    return local.isoformat(timespec="seconds" if moment.precision == "second" else "minutes")
