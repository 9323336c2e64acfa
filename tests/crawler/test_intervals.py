"""How long until an announcement is looked at again: cases as a table, laws as properties, a feed's life as a simulation."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy.settings import Settings

from crawler.addon import DEFAULTS
from crawler.guard import SettingError
from crawler.intervals import Bounds, after_failure, after_visit, seconds_of

USUAL = Bounds()
DAY = 86_400.0


@pytest.mark.parametrize(
    ("interval", "elapsed", "new", "then"),
    [
        (900, 900, 0, 1350),  # silent: half as long again
        (900, 900, 2, 900),  # as wanted
        (900, 900, 1, 1350),
        (900, 900, 4, 450),
        (900, 900, 100, 225),  # never by more than to a fourth
        (100, 100, 50, 90),  # the shortest
        (6 * DAY, 6 * DAY, 0, 7 * DAY),  # the longest
        (300, 28_800, 40, 450),  # it was down for eight hours: 40 in that time are few
        (300, -5000, 4, 150),  # the clock was set back
    ],
)
def test_what_a_visit_brought_says_when_the_next_one_is(interval: float, elapsed: float, new: int, then: float) -> None:
    assert after_visit(interval, elapsed, new, USUAL) == then


def test_failures_lengthen_it_and_what_is_gone_is_seldom_looked_for() -> None:
    assert after_failure(900, USUAL) == 1800
    assert after_failure(900, USUAL, gone=True) == 7200
    assert after_failure(3 * DAY, USUAL, gone=True) == 7 * DAY


seconds = st.floats(-1e12, 1e12)
intervals = st.floats(USUAL.shortest, USUAL.longest)


@given(intervals, seconds, st.integers(-5, 10**9))
def test_it_is_always_within_its_bounds_and_never_jumps(interval: float, elapsed: float, new: int) -> None:
    then = after_visit(interval, elapsed, new, USUAL)
    assert USUAL.shortest <= then <= USUAL.longest
    assert interval / 4 - 1e-6 <= then <= max(interval * 1.5, USUAL.shortest) + 1e-6


@given(intervals, st.floats(1, 1e7), st.integers(0, 10**6), st.integers(0, 10**6))
def test_more_news_never_means_a_longer_wait(interval: float, elapsed: float, some: int, more: int) -> None:
    few, many = sorted((some, more))
    assert after_visit(interval, elapsed, many, USUAL) <= after_visit(interval, elapsed, few, USUAL)


def live(rate: float, window: int, days: float) -> tuple[float, float]:
    """A feed of ``window`` entries that gets ``rate`` new ones an hour: the mean interval of the second half, and the share of
    entries that were pushed out unseen."""
    dice, now, interval, missed, total, late = random.Random(7), 0.0, USUAL.first, 0, 0, []
    while now < days * DAY:
        elapsed = interval
        now += elapsed
        new = poisson(dice, rate / 3600 * elapsed)
        missed, total = missed + max(0, new - window), total + new
        interval = after_visit(interval, elapsed, min(new, window), USUAL)
        late.append(elapsed)
    half = late[len(late) // 2 :]
    return sum(half) / len(half), missed / max(total, 1)


def poisson(dice: random.Random, mean: float) -> int:
    count, left = 0, mean
    while (left := left - dice.expovariate(1.0)) > 0:
        count += 1
    return count


@pytest.mark.parametrize(("rate", "low", "high"), [(60, 90, 200), (6, 600, 2400), (0.5, 5400, 32_400), (0.0, 4 * DAY, 7 * DAY)])
def test_it_settles_where_a_visit_brings_about_two(rate: float, low: float, high: float) -> None:
    mean, missed = live(rate, 20, 60)
    assert low <= mean <= high
    assert missed < 0.001


def test_a_silent_feed_that_begins_to_run_is_caught_up_within_a_week_and_a_few_visits() -> None:
    interval, visits = USUAL.longest, 0
    while interval > USUAL.shortest:
        interval, visits = after_visit(interval, interval, 20, USUAL), visits + 1
    assert visits <= 8


@pytest.mark.parametrize(
    ("text", "length"),
    [("90", 90), ("90s", 90), ("15m", 900), ("1.5h", 5400), ("7d", 7 * DAY), ("2 h", 7200), ("15M", 900)]
    + [(bad, None) for bad in ("", "m", "-5m", "1e9", "15 minutes", "5w", "٣m", "1..5h", "9" * 40)],  # type: ignore[list-item]
)  # fmt: skip
def test_a_length_of_time(text: str, length: float | None) -> None:
    assert seconds_of(text) == length


def test_bounds_come_from_settings_and_every_is_the_longest() -> None:
    assert Bounds.of(Settings(DEFAULTS)) == Bounds(90, 7 * DAY, 900)
    assert Bounds.of(Settings(DEFAULTS), 3600) == Bounds(90, 3600, 3600)
    assert Bounds.of(Settings(DEFAULTS | {"BROADSHEET_WATCH_LONGEST": 600})).first == 600


@pytest.mark.parametrize("every", [1, 8 * DAY])
def test_every_keeps_to_the_bounds(every: float) -> None:
    with pytest.raises(SettingError, match=r"every: .* is not within 90 s and 604800 s"):
        Bounds.of(Settings(DEFAULTS), every)


@pytest.mark.parametrize("shortest", [0, -1, 10**6])
def test_bounds_that_are_none_are_refused(shortest: float) -> None:
    with pytest.raises(SettingError, match="BROADSHEET_WATCH_SHORTEST"):
        Bounds.of(Settings(DEFAULTS | {"BROADSHEET_WATCH_SHORTEST": shortest}))
