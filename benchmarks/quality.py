"""Fit quality_score, and say how well it predicts body F1 on sites that neither the judge nor the score has seen.

    python -m benchmarks.quality CORPUS [--cache LESSONS]

For every fold the judge's trees are grown without its sites, its pages are read with them, and the signs that the score weighs
are kept with the F1 of the text. The weights are then fitted on four folds and tried on the fifth. CORPUS and LESSONS are those
of benchmarks.judge. Needs lightgbm, which Broadsheet itself does not.
"""

from __future__ import annotations

import argparse
import gzip
import random
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from archive.url import site_key
from benchmarks.judge import FOLDS, Lesson, grow, lessons_of, written
from benchmarks.scoring import Gold, score_body
from pipelines import extract, judge
from pipelines.body import Body, read_body
from pipelines.quality import DOUBTFUL, Signs

ROUNDS = 80
_BINS = (0.0, DOUBTFUL, 0.9, 0.95, 0.98, 1.01)
Array = np.ndarray[Any, Any]


@dataclass
class Trial:
    """A page read by trees that did not know its site: its fold, the signs that are weighed, and the F1 of its text."""

    fold: int
    signs: Signs
    f1: float


def fold_of(golds: Sequence[Gold]) -> dict[str, int]:
    """A fold for each site."""
    sites = sorted({site_key(one.url) for one in golds})
    random.Random(5).shuffle(sites)
    return {site: number % FOLDS for number, site in enumerate(sites)}


def trials(job: tuple[int, Path, list[Lesson], list[Gold]]) -> list[Trial]:
    """Read the pages of one fold."""
    number, corpus, lessons, golds = job
    fold = fold_of(golds)
    weigh = judge.compiled(written(grow([one for one in lessons if fold[site_key(one.gold.url)] != number], ROUNDS)))
    judge._trees = lambda: weigh
    bodies: list[Body] = []

    def kept(*given: Any) -> Body:
        bodies.append(read_body(*given))
        return bodies[-1]

    extract.read_body = kept
    found = []
    for gold in (one for one in golds if fold[site_key(one.url)] == number):
        bodies.clear()
        page = extract.extract(gzip.decompress((corpus / gold.file).read_bytes()), gold.url)
        if page.article and bodies and (signs := bodies[0].signs):
            found.append(Trial(number, signs, score_body(gold, page.article.text or "").f1))
    return found


def fitted(signs: Array, f1: Array, steps: int = 50) -> Array:
    """Weights of a logistic regression, the constant first: Newton's method, with a little ridge on standardised signs."""
    middle, spread = signs.mean(0), signs.std(0) + 1e-9
    columns = np.c_[np.ones(len(signs)), (signs - middle) / spread]
    ridge = np.eye(columns.shape[1])
    ridge[0, 0] = 0
    weights = np.zeros(columns.shape[1])
    for _ in range(steps):
        told = 1 / (1 + np.exp(-columns @ weights))
        slope = columns.T @ (told - f1) + ridge @ weights
        weights -= np.linalg.solve((columns.T * (told * (1 - told) + 1e-6)) @ columns + ridge, slope)
    raw = weights[1:] / spread
    return np.r_[weights[0] - (raw * middle).sum(), raw]


def predicted(weights: Array, signs: Array) -> Array:
    return 1 / (1 + np.exp(-(weights[0] + signs @ weights[1:])))


def ranks(values: Array) -> Array:
    """Ranks, equal for equal values."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]


def correlations(one: Array, other: Array) -> tuple[float, float]:
    """Spearman's and Pearson's."""
    return float(np.corrcoef(ranks(one), ranks(other))[0, 1]), float(np.corrcoef(one, other)[0, 1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--cache", type=Path, help="keep the lessons here between runs")
    given = parser.parse_args()
    golds = [Gold.read(line) for line in (given.corpus / "gold.jsonl").read_text().splitlines()]
    lessons = lessons_of(given.corpus, given.jobs, given.cache)
    with ProcessPoolExecutor(given.jobs) as pool:
        jobs = [(number, given.corpus, lessons, golds) for number in range(FOLDS)]
        found = [one for fold in pool.map(trials, jobs) for one in fold]
    signs, f1 = np.array([one.signs for one in found]), np.array([one.f1 for one in found])
    fold, told = np.array([one.fold for one in found]), np.zeros(len(found))
    for number in range(FOLDS):
        told[fold == number] = predicted(fitted(signs[fold != number], f1[fold != number]), signs[fold == number])
    print(f"{len(found)} pages, mean F1 {f1.mean():.3f}")
    print("score against F1: Spearman {:.3f}, Pearson {:.3f}".format(*correlations(told, f1)))
    for low, high in pairwise(_BINS):
        within = (told >= low) & (told < high)
        if within.any():
            print(f"  score from {low:.2f}: {within.sum():4} pages, mean F1 {f1[within].mean():.3f}")
    base, *weights = fitted(signs, f1)
    print(f"BASE = {base:.3f}")
    print("WEIGHTS =", {name: round(float(weight), 3) for name, weight in zip(Signs._fields, weights, strict=True)})


if __name__ == "__main__":
    main()
