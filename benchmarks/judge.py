"""Grow the judge's trees on pages with ground truth, and say what they are worth on sites that they have not seen.

    python -m benchmarks.judge CORPUS                 cross-validation by site: body F1 per data set
    python -m benchmarks.judge CORPUS --grow          also grow on all of it and write pipelines/judge.json

CORPUS is a folder as benchmarks.extraction takes it. Needs lightgbm, which Broadsheet itself does not.
"""

from __future__ import annotations

import argparse
import gzip
import json
import pickle
import random
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from archive.url import site_key
from benchmarks.scoring import Gold, overall, score_body, words_of
from pipelines.article import Article
from pipelines.body import SURE
from pipelines.boilerplate import prune
from pipelines.evidence import collect
from pipelines.extract import decode, parse
from pipelines.judge import KEEP, SIGNS, WITNESSED, Claims, Hearing, doubt_of
from pipelines.metadata import Metadata
from pipelines.segments import Segment, segments
from pipelines.witness import testimony

NAMES = (*SIGNS, *WITNESSED)
PARAMETERS = {
    "objective": "binary", "learning_rate": 0.2, "num_leaves": 31, "min_data_in_leaf": 40, "feature_fraction": 0.4,
    "bagging_fraction": 0.8, "bagging_freq": 1, "lambda_l2": 5, "verbose": -1, "num_threads": 2, "seed": 1,
    "deterministic": True, "force_row_wise": True,
}  # fmt: skip
FOLDS = 5
_RUN = 3  # words in a row that count as the same words


@dataclass
class Lesson:
    """One page: its gold text, its segments' texts, what the judge sees with and without a witness, and the right answer."""

    gold: Gold
    texts: list[str]
    words: list[int]
    alone: np.ndarray[Any, Any]
    witnessed: np.ndarray[Any, Any]
    right: np.ndarray[Any, Any]
    weight: np.ndarray[Any, Any]


def lesson(job: tuple[Path, Gold]) -> Lesson | None:
    """Read one page."""
    folder, gold = job
    _, text = decode(gzip.decompress((folder / gold.file).read_bytes()), None)
    tree = parse(text)
    if tree is None:
        return None
    evidence = collect(tree, gold.url)
    article = Article()
    metadata = Metadata(evidence, gold.url, {})
    metadata.fill(article)
    prune(tree)
    if not (found := segments(tree)):
        return None
    body = metadata.node.get("articleBody")
    hearing = Hearing(found, Claims(article.title, article.description, body if isinstance(body, str) else None))
    kept, total = agreement(found, gold.text)
    whole = max(50, sum(kept))
    return Lesson(
        gold,
        [one.text for one in found],
        [one.words for one in found],
        np.array(hearing.signs(), dtype=np.float32),
        np.array(hearing.signs(testimony(tree, gold.url)), dtype=np.float32),
        np.array([2 * good >= words > 0 for good, words in zip(kept, total, strict=True)]),
        # pages count alike, whatever their length; the root keeps their short lines from being lost
        np.array([((max(words, 0.5) + 1) / whole) ** 0.7 for words in total]),
    )


def lessons_of(corpus: Path, jobs: int, cache: Path | None) -> list[Lesson]:
    """Read all pages, or what an earlier run has kept of them."""
    if cache and cache.exists():
        lessons: list[Lesson] = _Unpickler(cache.open("rb")).load()
        return lessons
    golds = [Gold.read(line) for line in (corpus / "gold.jsonl").read_text().splitlines()]
    with ProcessPoolExecutor(jobs) as pool:
        lessons = [one for one in pool.map(lesson, [(corpus, gold) for gold in golds], chunksize=8) if one]
    if cache:
        cache.write_bytes(pickle.dumps(lessons))
    return lessons


class _Unpickler(pickle.Unpickler):
    """Lessons that this module wrote while it was the program itself."""

    def find_class(self, module: str, name: str) -> Any:
        return Lesson if name == "Lesson" else super().find_class(module, name)


def agreement(found: Sequence[Segment], gold: str) -> tuple[list[int], list[int]]:
    """For each segment, how many of its words stand in the gold text in the same order, and how many it has."""
    words: list[str] = []
    owner: list[int] = []
    total = []
    for number, one in enumerate(found):
        mine = words_of(one.text)
        words += mine
        owner += [number] * len(mine)
        total.append(len(mine))
    kept = [0] * len(found)
    for start, _, length in SequenceMatcher(None, words, words_of(gold), autojunk=False).get_matching_blocks():
        for place in range(start, start + length) if length >= _RUN else ():
            kept[owner[place]] += 1
    lines = {tuple(words_of(line)) for line in gold.split("\n")}
    for number, one in enumerate(found):
        near = any(kept[max(0, number - 2) : number + 3])
        if total[number] < _RUN and near and tuple(words_of(one.text)) in lines:
            kept[number] = total[number]
    return kept, total


def grow(lessons: Sequence[Lesson], rounds: int) -> lightgbm.Booster:
    """Half of what is learned comes with a witness and half without."""
    signs = np.concatenate([one.witnessed for one in lessons] + [one.alone for one in lessons])
    right = np.concatenate([one.right for one in lessons] * 2)
    weight = np.concatenate([one.weight for one in lessons] * 2)
    return lightgbm.train(PARAMETERS, lightgbm.Dataset(signs, right, weight=weight), rounds)


def validate(lessons: Sequence[Lesson], rounds: int) -> None:
    """Print body F1 of trees that never saw a page's site."""
    sites = sorted({site_key(one.gold.url) for one in lessons})
    random.Random(5).shuffle(sites)
    fold = {site: number % FOLDS for number, site in enumerate(sites)}
    results: dict[str, list[Any]] = {"alone": [], "witnessed": [], "as needed": []}
    asked = 0
    for number in range(FOLDS):
        trees = grow([one for one in lessons if fold[site_key(one.gold.url)] != number], rounds)
        for one in lessons:
            if fold[site_key(one.gold.url)] == number:
                alone, witnessed = trees.predict(one.alone), trees.predict(one.witnessed)
                needed = doubt_of(one.words, alone) > SURE
                asked += needed
                for way, likely in zip(results, (alone, witnessed, witnessed if needed else alone), strict=True):
                    text = "\n".join(text for text, each in zip(one.texts, likely, strict=True) if each >= KEEP)
                    results[way].append(score_body(one.gold, text))
    print(f"the witness was needed for {asked / len(lessons):.0%} of the pages")
    for way, scores in results.items():
        print(f"{way:10}", "  ".join(f"{name} {f1:.4f}" for name, f1 in overall(scores).items()))


def written(trees: lightgbm.Booster) -> dict[str, Any]:
    """The trees as judge.json has them: a leaf is a number, a branch [sign, limit, if at most, if more]."""

    def node(given: dict[str, Any]) -> Any:
        if "leaf_value" in given:
            return round(given["leaf_value"], 5)
        return [
            NAMES[given["split_feature"]],
            round(given["threshold"], 6),
            node(given["left_child"]),
            node(given["right_child"]),
        ]

    return {"base": 0.0, "trees": [node(tree["tree_structure"]) for tree in trees.dump_model()["tree_info"]]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--grow", action="store_true")
    parser.add_argument("--rounds", type=int, default=80)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--cache", type=Path, help="keep the lessons here between runs")
    given = parser.parse_args()
    lessons = lessons_of(given.corpus, given.jobs, given.cache)
    print(f"{len(lessons)} pages, {sum(len(one.texts) for one in lessons):,} segments, {len(NAMES)} signs")
    validate(lessons, given.rounds)
    if given.grow:
        path = Path(__file__).parent.parent / "pipelines" / "judge.json"
        path.write_text(json.dumps(written(grow(lessons, given.rounds)), separators=(",", ":")) + "\n")
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
