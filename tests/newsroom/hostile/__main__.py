"""``python -m tests.newsroom.hostile``: crawl both newsrooms and tell what came of it; ``--page``: print docs/hostile.md."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.newsroom.hostile.page import page
from tests.newsroom.hostile.server import CASES, HostileNewsroom
from tests.newsroom.hostile.trial import faults, run
from tests.newsroom.server import Newsroom


def main() -> int:
    if "--page" in sys.argv:
        print(page(), end="")
        return 0
    settings = dict(part.split("=", 1) for part in sys.argv[1:])
    with tempfile.TemporaryDirectory() as name, Newsroom(slow_seconds=0.3) as newsroom:
        folder = Path(name)
        alone = run(newsroom, None, folder / "alone", **settings)
        with HostileNewsroom(folder) as hostile:
            beside = run(newsroom, hostile, folder / "beside", **settings)
            wrong = faults(beside, hostile)
            print(f"connections within: {hostile.within.connections}")
    print(beside.outcome.err[-3_000:])
    for case, what in wrong.items():
        print(f"{case}: {what}")
    print(f"{len(CASES)} cases, {len(wrong)} with another outcome than wanted")
    print(
        f"honest part: {alone.least:.2f} s of delays, {alone.seconds:.2f} s alone ({alone.elapsed:.2f} by the clock), {beside.seconds:.2f} s beside ({beside.elapsed:.2f}), ratio {beside.seconds / alone.seconds:.3f}"
    )
    print(f"memory: {alone.outcome.peak_kilobytes / 1024:.0f} MiB alone, {beside.outcome.peak_kilobytes / 1024:.0f} MiB beside")
    print(f"honest articles: {len(alone.articles)} alone, {sum('hostile' not in row['url'] for row in beside.articles)} beside")
    return len(wrong)


if __name__ == "__main__":
    sys.exit(main())
