"""How far a row can be trusted: one figure for its text, and flags for what a reader should know.

The figure says what body F1 to expect. It weighs signs that the judge leaves by a logistic regression on pages whose trees
had not seen their sites (``benchmarks/quality.py`` fits and prints the weights).
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from pipelines.article import Article
from pipelines.fingerprint import text_flags
from pipelines.judge import END, key_of
from pipelines.segments import PROSE, Segment

DOUBTFUL = 0.85  # score below which a text is doubtful: of such pages the mean F1 is 0.77
WEIGHTS = {"uncertain": -0.645, "islands": -0.379, "weakest": -0.118, "prose": -2.338, "ended": 2.697}
BASE = 0.977
_LONG_CLAIM = 1_000  # characters of an articleBody that is no teaser
_MOST_CLAIM = 200_000
_LITTLE_OF_IT = 0.5
_MOST_LINES = 300  # of a text that are looked for in it
_BROKEN_OFF = re.compile(r"(?:…|\.\.\.|\[…\])[\"”»’)\]]*$")


class Signs(NamedTuple):
    """What is weighed: logarithm of the F1 that the judge's probabilities leave to be wished for; of the number of runs of
    kept lines; of the doubt in the weakest line kept; share of kept words in long lines; in lines that end as sentences do."""

    uncertain: float
    islands: float
    weakest: float
    prose: float
    ended: float


def signs_of(found: Sequence[Segment], likely: Sequence[float], kept: Collection[int]) -> Signs | None:
    """The signs of a page: its segments, the judge's probability for each, and the numbers of those that are kept, if any."""
    words = sum(found[number].words for number in kept)
    if not words:
        return None
    good = sum(found[number].words * likely[number] for number in kept)
    wanted = sum(one.words * chance for one, chance in zip(found, likely, strict=True))
    expected = 2 * good / (words + wanted)
    turns = sum((one in kept) != (one + 1 in kept) for one in range(len(found) - 1))
    return Signs(
        math.log(1.001 - expected),
        math.log1p(turns / 2),
        math.log(1.0001 - min(likely[number] for number in kept)),
        sum(found[number].words for number in kept if found[number].words >= PROSE) / words,
        sum(found[number].words for number in kept if END.search(found[number].text[-8:])) / words,
    )


def score(signs: Signs) -> float:
    """The body F1 to expect."""
    return 1 / (1 + math.exp(-BASE - sum(WEIGHTS[name] * value for name, value in signs._asdict().items())))


def flags(article: Article, *, repeated: bool, mismatch: bool, claimed: str | None) -> list[str]:
    """What to be wary of, by the names in docs/extraction.md. ``repeated`` says whether the page has long lines more than once,
    ``mismatch`` whether declared and found language differ, ``claimed`` is the articleBody of its JSON-LD."""
    ahead = datetime.now(UTC) + timedelta(days=1)
    published, modified = article.published_at, article.modified_at
    checks = {
        "no_title": article.title is None,
        "title_from_url": article.field_sources.get("title") == "url",
        "no_date": published is None,
        "date_future": published is not None and published > ahead,
        "modified_before_published": bool(published and modified and modified < published - timedelta(days=1)),
        "language_mismatch": mismatch,
        "paywalled": article.is_accessible_for_free is False,
        "repeated_text": repeated,
        "text_breaks_off": bool(_BROKEN_OFF.search((article.text or "")[-12:])),
        "jsonld_differs": _differs(article.text or "", claimed),
        "doubtful_text": article.quality_score is not None and article.quality_score < DOUBTFUL,
    } | text_flags(article)
    return [name for name, holds in checks.items() if holds]


def _differs(text: str, claimed: str | None) -> bool:
    """Whether little of the text stands in the articleBody that the page claims, if that is more than a teaser."""
    body = key_of((claimed or "")[:_MOST_CLAIM])
    if len(body) < _LONG_CLAIM:
        return False
    keys = [key for line in text.split("\n\n", _MOST_LINES)[:_MOST_LINES] if (key := key_of(line))]
    return sum(len(key) for key in keys if key in body) < _LITTLE_OF_IT * sum(map(len, keys))
