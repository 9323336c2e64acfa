"""How long until an announcement is looked at again: a pure policy, seconds in, seconds out.

An interval aims at two new entries a visit. It follows what the last one brought, by steps: half as long again at most, a
fourth at least. So a feed that falls silent is asked ever more seldom, and one that begins to run is caught up within a few
visits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crawler.guard import SettingError

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

_SHORTEST, _LONGEST, _FIRST = 90.0, 7 * 86_400.0, 900.0
_WANTED = 2.0  # new entries a visit
_GROWTH, _SHRINK = 1.5, 0.25
_FAILED, _GONE = 2.0, 8.0
_UNITS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}


@dataclass(frozen=True, slots=True)
class Bounds:
    """The shortest and the longest interval, and the ``first`` one, of which nothing is known yet; seconds."""

    shortest: float = _SHORTEST
    longest: float = _LONGEST
    first: float = _FIRST

    @classmethod
    def of(cls, settings: BaseSettings, every: float | None = None) -> Bounds:
        """``BROADSHEET_WATCH_SHORTEST`` to ``BROADSHEET_WATCH_LONGEST``, or to ``every`` seconds. Raises SettingError."""
        shortest = settings.getfloat("BROADSHEET_WATCH_SHORTEST", _SHORTEST)
        longest = settings.getfloat("BROADSHEET_WATCH_LONGEST", _LONGEST)
        if not 0 < shortest <= longest:
            raise SettingError(
                f"BROADSHEET_WATCH_SHORTEST={shortest:g} and BROADSHEET_WATCH_LONGEST={longest:g}: seconds, the first not more"
            )
        if every is None:
            return cls(shortest, longest, min(max(_FIRST, shortest), longest))
        if not shortest <= every <= longest:
            raise SettingError(f"every: {every:g} s is not within {shortest:g} s and {longest:g} s; e.g. -a every=15m")
        return cls(shortest, every, every)

    def within(self, seconds: float) -> float:
        """The interval nearest to ``seconds``."""
        return min(max(seconds, self.shortest), self.longest)


def after_visit(interval: float, elapsed: float, new: int, bounds: Bounds) -> float:
    """The interval that follows one that brought ``new`` entries, ``elapsed`` seconds after the visit before it.

    What is not positive for ``elapsed`` (a clock that was set back) counts as the interval that was meant.
    """
    if new <= 0:
        return bounds.within(interval * _GROWTH)
    wanted = _WANTED * (elapsed if elapsed > 0 else interval) / new
    return bounds.within(min(max(wanted, interval * _SHRINK), interval * _GROWTH))


def after_failure(interval: float, bounds: Bounds, *, gone: bool = False) -> float:
    """The interval after a visit that brought no answer, or one that there is no such thing any more (``gone``)."""
    return bounds.within(interval * (_GONE if gone else _FAILED))


def seconds_of(text: str) -> float | None:
    """``90s``, ``15m``, ``1.5h``, ``7d`` or a bare number of seconds; None for anything else."""
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,3})?) ?([smhd]?)", text.strip().lower())
    return float(found[1]) * _UNITS[found[2] or "s"] if found else None
