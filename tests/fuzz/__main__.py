"""``python -m tests.fuzz [--minutes 10] [--seed 1] [TARGET …]``: 0 if nothing was found."""

from __future__ import annotations

import argparse
import sys
import time
import traceback

from tests.fuzz.targets import TARGETS
from tests.fuzz.trial import for_seconds


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz every parser.")
    parser.add_argument("--minutes", type=float, default=10, help="for all targets together (default: 10)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"one of: {', '.join(TARGETS)} (default: all)")
    given = parser.parse_args()
    names = given.targets or list(TARGETS)
    if unknown := set(names) - set(TARGETS):
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    failed, tried, began = 0, 0, time.monotonic()
    for name in names:
        try:
            count = for_seconds(TARGETS[name], given.minutes * 60 / len(names), given.seed)
            tried += count
            print(f"{name:28} {count:>9,} inputs", flush=True)
        except Exception:
            failed += 1
            print(f"{name:28} FAILED\n{_shortened(traceback.format_exc())}", flush=True)
    print(f"{tried:,} inputs for {len(names)} targets in {time.monotonic() - began:.0f} s, {failed} failed")
    return min(failed, 1)


def _shortened(said: str) -> str:
    return "\n".join(line[:1_000] for line in said.splitlines() if not line.lstrip().startswith(("^", "~")))


if __name__ == "__main__":
    sys.exit(main())
