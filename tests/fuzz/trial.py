"""One target tried for a while."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.targets import Target

MOST_SECONDS = 5.0  # of processor time for one input of at most 40 kB
_HANG = 60  # seconds after which an input is taken for a hang
_ROUND = 200


class SlowError(AssertionError):
    """An input that takes too long."""


def trial(target: Target, examples: int, number: int) -> None:
    """Try so many inputs, the same for the same number. Raises what the target raised, with the smallest input that makes it."""

    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=False,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
        print_blob=False,
    )
    @given(target.inputs)
    def run(drawn: Any) -> None:
        began = time.process_time()
        with _no_hang(), suppress(*target.allowed):
            target.check(drawn)
        if (took := time.process_time() - began) > MOST_SECONDS:
            raise SlowError(f"{took:.1f} s")

    run()


def for_seconds(target: Target, seconds: float, number: int) -> int:
    """Try inputs for about so long; how many."""
    end, tried = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        trial(target, _ROUND, number + tried)
        tried += _ROUND
    return tried


@contextmanager
def _no_hang() -> Iterator[None]:
    def hang(*_: object) -> None:
        raise SlowError(f"not done after {_HANG} s")

    before = signal.signal(signal.SIGALRM, hang)
    signal.alarm(_HANG)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
