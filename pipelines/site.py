"""What a site teaches: blocks that stand on many of its pages are its furniture, not its articles. Pure functions.

An article that teaches is a ``Lesson``: which blocks it has, and in which zone of its text. ``learn`` counts, over a site's
lessons, on how many articles each block stands. What comes out depends on the set of lessons alone, never on their order.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from pipelines.blocks import ZONE_BITS, ZONES, Zone, blocks_of, zone_of

_MOST_BLOCKS = 200  # of one article that are counted, half of them from each end
_MOST_LEARNED = 1_000  # blocks of one site
_CERTAIN = 1.645  # standard deviations: 95 %, one-sided
_NEAR = 3  # bits between the simhashes of near duplicates


@dataclass(frozen=True, slots=True)
class Bar:
    """How often a block must recur to be cut: on ``count`` articles at least, of ``articles`` at least, and, with 95 %
    certainty, on this share of all, which is lower at the ``edge`` (head or tail) of texts than ``inside``. Half of the share
    makes a block suspect.

    What stands on ``burst`` articles needs double the share only of those that were fetched from the first to the last day on
    which it was seen: what a site said for a season.
    """

    count: int = 12
    articles: int = 30
    edge: float = 0.15
    inside: float = 0.3
    burst: int = 20


BAR = Bar()


class Lesson(NamedTuple):
    """What one article teaches: the day it was fetched (since 1970), the simhash of its text, its blocks' keys, each with its
    zone (place in ``ZONES``) in the two lowest bits."""

    day: int
    simhash: int
    blocks: array[int]


class Learned(NamedTuple):
    """A block that recurs: on so many of so many articles, mostly in ``zone``; ``sure`` if often enough to be cut."""

    key: int
    on: int
    of: int
    zone: Zone
    sure: bool


def lesson_of(text: str, day: int, simhash: int) -> Lesson:
    """What an article with this (uncut) text teaches."""
    blocks = blocks_of(text)
    places: dict[int, Zone] = {}
    for number, block in enumerate(blocks):
        if block.key:
            places.setdefault(block.key, zone_of(number, len(blocks)))
    coded = [key | ZONES.index(zone) for key, zone in places.items()]
    half = _MOST_BLOCKS // 2
    return Lesson(day, simhash, array("Q", coded if len(coded) <= _MOST_BLOCKS else coded[:half] + coded[-half:]))


def learn(lessons: Sequence[Lesson], bar: Bar = BAR) -> list[Learned]:
    """The blocks that recur: by count, at most 1,000. Near duplicates among the articles count as one."""
    groups = _groups([lesson.simhash for lesson in lessons])
    of = len(set(groups))
    if of < bar.articles:
        return []
    carriers: dict[int, set[int]] = {}
    for lesson, group in zip(lessons, groups, strict=True):
        for coded in lesson.blocks:
            carriers.setdefault(coded & ~ZONE_BITS, set()).add(group)
    recurring = {key: found for key, found in carriers.items() if 2 * len(found) >= bar.count}
    zones = _zones(lessons, recurring)
    days = _days(lessons, groups)
    learned = []
    for key, found in recurring.items():
        wanted = bar.inside if zones[key] == "inside" else bar.edge
        share = _certain_share(len(found), of)
        if share < wanted and len(found) >= bar.burst:
            share = max(share, _certain_share(len(found), _articles_of_its_time(found, days)) / 2)
        sure = len(found) >= bar.count and share >= wanted
        if sure or 2 * len(found) >= wanted * of:
            learned.append(Learned(key, len(found), of, zones[key], sure))
    return sorted(learned, key=lambda one: (-one.on, one.key))[:_MOST_LEARNED]


def _groups(simhashes: Sequence[int]) -> list[int]:
    """For each text the number of the first one that it is a near duplicate of, directly or by way of others."""
    first = list(range(len(simhashes)))

    def root(number: int) -> int:
        while first[number] != number:
            number = first[number]
        return number

    for (one, left), (other, right) in combinations(enumerate(simhashes), 2):
        if (left ^ right).bit_count() <= _NEAR:
            small, large = sorted((root(one), root(other)))
            first[large] = small
    return [root(number) for number in range(len(simhashes))]


def _zones(lessons: Iterable[Lesson], keys: Collection[int]) -> dict[int, Zone]:
    """Where each block stands in most articles; inside if it has no one place."""
    counts: Counter[int] = Counter()
    for lesson in lessons:
        counts.update(lesson.blocks)
    zones: dict[int, Zone] = {}
    for key in keys:
        head, inside, tail = (counts[key | place] for place in range(3))
        edge: Zone = "head" if head > tail else "tail"
        zones[key] = "inside" if inside >= max(head, tail) else edge
    return zones


def _days(lessons: Iterable[Lesson], groups: Iterable[int]) -> dict[int, int]:
    """The first day of each group of near duplicates."""
    days: dict[int, int] = {}
    for lesson, group in zip(lessons, groups, strict=True):
        days[group] = min(lesson.day, days.get(group, lesson.day))
    return days


def _certain_share(count: int, of: int) -> float:
    """The share that ``count`` of a sample of ``of`` stands for at least: the lower end of Wilson's interval (1927)."""
    share, squared = count / of, _CERTAIN**2 / of
    return (share + squared / 2 - math.sqrt(squared * (share * (1 - share) + squared / 4))) / (1 + squared)


def _articles_of_its_time(found: Collection[int], days: Mapping[int, int]) -> int:
    """How many articles were fetched from the first to the last day on which a block was seen."""
    first, last = min(days[group] for group in found), max(days[group] for group in found)
    return sum(first <= day <= last for day in days.values())
