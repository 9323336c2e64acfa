"""``python -m benchmarks.sites``: on made-up sites, what is cut and what is lost at several bars; cost a page, size a host."""

from __future__ import annotations

import argparse
import random
import time
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from pipelines.blocks import key_of_line
from pipelines.cleaning import clean, cuts_in
from pipelines.site import BAR, Bar, Lesson, learn, lesson_of
from tests.pipelines.furnished import FIRST_DAY, Furnished, site

SAMPLE = 256
SIZES = (30, 60, 100, 300, 10_000)
BARS = [
    *((edge, 0.3, 12) for edge in (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5)),
    *((0.15, inside, 12) for inside in (0.02, 0.1, 0.2, 0.5)),
    *((0.15, 0.3, count) for count in (2, 5, 20)),
]


def main() -> None:
    """Tables over bars, over sizes of sites, over kinds; cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    seeds = range(parser.parse_args().seeds)
    sites = [site(300, seed) for seed in seeds]
    small = [site(40, seed) for seed in seeds]
    for name, some in (("300 articles", sites), ("40 articles", small)):
        print(f"{name}\n\nedge  inside  count  furniture cut  of what is cut, furniture  correct recurring text lost")
        for edge, inside, count in BARS:
            bar = replace(BAR, edge=edge, inside=inside, count=count)
            print(f"{edge:4.2f}  {inside:6.2f}  {count:5}  {line(judge(some, bar))}")
        print()
    print("\narticles  furniture cut  of what is cut, furniture  correct recurring text lost")
    for size in (10, 15, 20, 30, 60, 100, 300, 1_000, 3_000):
        print(f"{size:8}  {line(judge([site(size, seed) for seed in seeds], BAR))}")
    print("\ncorrect text at the edge that stands on a share of the articles: how often it is cut (of 200 sites)\n")
    print("share  " + "".join(f"{size:>9,}" for size in SIZES) + "  articles")
    for share in (0.05, 0.1, 0.15, 0.18, 0.2, 0.22, 0.25, 0.3):
        print(f"{share:5.2f}  " + "".join(f"{lost(share, size):9.1%}" for size in SIZES))
    print("\nkinds, on 300 articles")
    kinds = judge(sites, BAR)
    for kind in sorted({kind for kind, _ in kinds}):
        gone, kept = kinds[kind, True], kinds[kind, False]
        print(f"  {kind:36} {gone / (gone + kept):6.1%} of {gone + kept:,} cut")
    cost(sites[0])


def lessons_of(rows: Iterable[dict[str, Any]]) -> list[Lesson]:
    return [lesson_of(row["text"], (row["fetched_at"] - FIRST_DAY).days, row["text_simhash"]) for row in rows]


def judge(sites: Iterable[Sequence[Furnished]], bar: Bar) -> Counter[tuple[str, bool]]:
    """How many lines of each kind were cut (True) and how many were not."""
    counts: Counter[tuple[str, bool]] = Counter()
    for articles in sites:
        rows = [article.row() for article in articles]
        sample = random.Random(1).sample(rows, min(SAMPLE, len(rows)))
        learned = {one.key: one for one in learn(lessons_of(sample), bar)}
        for article, row in zip(articles, rows, strict=True):
            cuts, _ = cuts_in(row["text"], row["markdown"], learned)
            gone = Counter(found for one in cuts if one["field"] == "text" for found in one["text"].split("\n") if found)
            for one in article.lines:
                counts[one.kind, gone[one.text] > 0] += 1
    return counts


def lost(share: float, size: int, sites: int = 200) -> float:
    """How often a line is cut that every article has with a probability of ``share``; of large sites a sample is seen."""
    line, cut = key_of_line("A line that recurs."), 0
    for number in range(sites):
        dice = random.Random(f"{share} {size} {number}")
        lessons = [
            Lesson(0, dice.getrandbits(64), array("Q", [line] if dice.random() < share else []))
            for _ in range(min(size, SAMPLE))
        ]
        cut += any(one.sure for one in learn(lessons))
    return cut / sites


def line(counts: Counter[tuple[str, bool]]) -> str:
    def total(kind: str, gone: bool) -> int:
        return sum(count for (one, cut), count in counts.items() if one.startswith(kind) and cut == gone)

    furniture, cut = total("furniture", True), total("", True)
    correct = total("correct", True)
    every = total("correct", True) + total("correct", False)
    recall = furniture / (furniture + total("furniture", False))
    return f"{recall:13.1%}  {furniture / cut if cut else 1:25.1%}  {correct / every:27.1%}  own {total('own', True)}"


def cost(articles: Sequence[Furnished]) -> None:
    """Milliseconds a page to learn and to clean; bytes a host."""
    rows = [article.row() for article in articles]
    began = time.process_time()
    lessons = [lesson_of(row["text"], 0, row["text_simhash"]) for row in rows]
    taught = time.process_time()
    learned = {one.key: one for one in learn(lessons[:SAMPLE])}
    evaluated = time.process_time()
    for row in rows:
        cuts_in(row["text"], row["markdown"], {})
    nothing = time.process_time()
    for row in rows:
        cuts_in(row["text"], row["markdown"], learned)
    found = time.process_time()
    for row in rows:
        clean(row, learned)
    cleaned = time.process_time()
    size = sum(8 * len(lesson.blocks) + 40 for lesson in lessons[:SAMPLE])

    def milliseconds(begin: float, end: float) -> float:
        return (end - begin) / len(rows) * 1e3

    print(f"\n{sum(row['word_count'] for row in rows) / len(rows):.0f} words a page, {len(learned)} blocks learned")
    print(f"a lesson {milliseconds(began, taught):.3f} ms; learning from {SAMPLE} lessons {(evaluated - taught) * 1e3:.1f} ms")
    nothing_to_cut = milliseconds(evaluated, nothing)
    print(f"finding what to cut {milliseconds(nothing, found):.3f} ms, {nothing_to_cut:.3f} where nothing recurs")
    print(f"with measuring the cut text anew {milliseconds(found, cleaned):.3f} ms")
    print(f"{size:,} bytes of lessons")


if __name__ == "__main__":
    main()
