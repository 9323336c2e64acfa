"""How close an extraction comes to ground truth.

Body: precision and recall over four-word shingles (multisets), averaged over pages, F1 of the two means, as the public
article-extraction benchmark by Zyte measures it. Title: equal after folding case, space and punctuation. Published: the same
calendar day. Authors: F1 of sets of names.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import mean
from typing import Any

_WORD = re.compile(r"\w+")
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))  # soft hyphen, zero-width
_SHINGLE = 4


@dataclass(frozen=True)
class Gold:
    """A page's ground truth: a line of gold.jsonl."""

    id: str
    dataset: str
    url: str
    file: str
    text: str
    title: str | None
    authors: list[str] | None
    published: str | None

    @classmethod
    def read(cls, line: str) -> Gold:
        known = json.loads(line)
        return cls(*(known.get(name) for name in ("id", "dataset", "url", "file", "text", "title", "authors", "published")))


@dataclass(frozen=True)
class Body:
    """Precision (None: nothing came back) and recall of one page's body."""

    dataset: str
    precision: float | None
    recall: float

    @property
    def f1(self) -> float:
        precision = self.precision or 0.0
        return 2 * precision * self.recall / (precision + self.recall) if precision + self.recall else 0.0


def words_of(text: str) -> list[str]:
    """Words, invisible characters left out."""
    return _WORD.findall(text.translate(_INVISIBLE))


def _shingles(text: str) -> Counter[tuple[str, ...]]:
    words = words_of(text)
    return Counter(tuple(words[at : at + _SHINGLE]) for at in range(max(len(words) - _SHINGLE + 1, min(len(words), 1))))


def score_body(gold: Gold, text: str) -> Body:
    """Compare one page's body with the gold text."""
    ours, theirs = _shingles(text), _shingles(gold.text)
    both = sum((ours & theirs).values())
    precision = both / sum(ours.values()) if ours else None
    return Body(gold.dataset, precision, both / sum(theirs.values()) if theirs else 1.0)


def f1_of(scores: Sequence[Body]) -> float:
    """F1 of mean precision and mean recall; pages without any text count for recall alone."""
    precisions = [one.precision for one in scores if one.precision is not None]
    precision, recall = mean(precisions) if precisions else 0.0, mean(one.recall for one in scores)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def overall(scores: Sequence[Body]) -> dict[str, float]:
    """F1 for each data set and for all."""
    names = sorted({one.dataset for one in scores})
    return {name: f1_of([one for one in scores if one.dataset == name]) for name in names} | {"all": f1_of(scores)}


def folded(text: str | None) -> str:
    """Letters and digits alone, in lower case."""
    return re.sub(r"[\W_]+", "", html.unescape(unicodedata.normalize("NFKC", text or ""))).lower()


def same_title(ours: str | None, gold: str) -> bool:
    return folded(ours) == folded(gold)


def same_day(ours: str | None, gold: str) -> bool:
    """The same calendar day as written, or the same instant in another time zone."""
    days = [re.match(r"(\d{4})-?(\d\d)-?(\d\d)", value or "") for value in (ours, gold)]
    if days[0] and days[1] and days[0].groups() == days[1].groups():
        return True
    try:
        first, second = (datetime.fromisoformat(str(value)) for value in (ours, gold))
    except ValueError:
        return False
    return bool(first.tzinfo and second.tzinfo and first == second)


def authors_f1(ours: Iterable[str], gold: Iterable[str]) -> float:
    mine, theirs = {folded(name) for name in ours} - {""}, {folded(name) for name in gold} - {""}
    return 2 * len(mine & theirs) / (len(mine) + len(theirs)) if mine or theirs else 1.0


def average(values: Sequence[Any]) -> float:
    return mean(map(float, values)) if values else float("nan")
