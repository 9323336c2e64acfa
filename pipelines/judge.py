"""Which segments of a page are the article: signs of each, weighed by trees that were grown on real pages.

The trees (``judge.json``) come from ``benchmarks/judge.py``: gradient boosting over the signs below (Friedman 2001, as LightGBM
does it), on pages with ground truth. A sign that only a witness can give is UNKNOWN until one is asked.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

from pipelines.segments import ABOVE, KINDS, PROSE, Place, Segment, add_up

KEEP = 0.45  # probability from which a segment is of the article
UNKNOWN = -1.0
# after so many trees, log odds beyond which the others never changed the verdict on sites they had not seen, and what these
# add in the mean: against, for
_STEPS = {16: (2.0, 2.7, 2.0), 32: (1.5, 1.2, 0.9), 48: (1.0, 0.6, 0.5)}
_TAGS = {
    "p": 1, "li": 2, "blockquote": 3, "td": 4, "th": 4, "figcaption": 5, "caption": 5, "pre": 6, "dt": 7, "dd": 7, "h1": 8,
    "h2": 9, "h3": 10, "h4": 11, "h5": 12, "h6": 12, "div": 13, "section": 14, "article": 15, "main": 15, "body": 16,
    "address": 17, "label": 18, "header": 19, "footer": 20, "cite": 21, "summary": 22, "span": 23, "a": 24,
}  # fmt: skip
END = re.compile(r"[.!?…。！？؟।][\"”»’')\]]*$")
_NEIGHBOURS = (-1, 1)
_NEARLY = 0.75  # share of the page's prose
_MOST_CLAIM = 200_000  # characters of what is looked through for every segment
_LONG_CLAIM = 1_000  # characters of an articleBody that is no teaser

# what is known of a segment from the page alone; no sign knows a word of any language
SIGNS: tuple[str, ...] = (
    "tag", "parent_tag", "words", "characters", "linked", "strong", "ended",
    "in_body", "is_title", "is_description", "in_description", "repeats", "repeated", "after_title", "depth", "position",
    "segments", "page_words",
    *(f"{of}_{what}" for of in ("own", "parent", "above") for what in ("prose", "linked", "segments", "words", "prose_share")),
    "to_main", "to_dense", "branch_words", "branch_linked", "branch_prose", "branch_segments",
    "main_prose", "from_main", "to_main_end", "form_words", "form_linked", "form_segments", "form_ended",
    *(f"{of:+d}_{what}" for of in _NEIGHBOURS for what in ("words", "linked", "same", "ended", "tag")),
    *(f"in_{tag}" for tag in ABOVE), *(f"near_{kind}" for kind in KINDS), *(f"far_{kind}" for kind in KINDS),
)  # fmt: skip
# what a witness adds: who kept the same lines
WITNESSED: tuple[str, ...] = (
    "attested", "from_first", "from_last", "attested_share",
    *(f"{of}_{what}" for of in ("own", "parent", "above") for what in ("attested", "of_attested")),
    "branch_attested", "form_attested", "form_others", *(f"{of:+d}_attested" for of in _NEIGHBOURS),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Claims:
    """What the page says of itself elsewhere: its headline, its summary, and its text in JSON-LD."""

    title: str | None = None
    description: str | None = None
    body: str | None = None


Signs = list[float]
_NO_WITNESS: Signs = [UNKNOWN] * len(WITNESSED)
Form = tuple[str, str, str, str]


@dataclass(slots=True)
class _Sums:
    """What the segments of one form add up to."""

    words: int = 0
    linked: float = 0.0
    segments: int = 0
    ended: float = 0.0


class Hearing:
    """The segments of one page before the judge."""

    def __init__(self, found: Sequence[Segment], claims: Claims) -> None:
        self._segments, self._places = found, add_up(found)
        self._linked = [min(1.0, one.linked / len(one.text)) for one in found]
        self._ended = [1.0 if END.search(one.text[-8:]) else 0.0 for one in found]
        self._forms = [one.place.form for one in found]
        self._prose = max((place.prose for place in self._places), default=0) or 1
        # the element with most paragraphs of its own, and the smallest around nearly all of them
        self._main = max(self._places, key=lambda place: place.direct)
        dense = (place for place in self._places if place.prose >= _NEARLY * self._prose)
        self._dense = min(dense, key=lambda place: place.words, default=None)
        wording = self._wording(claims)
        self._rows = [row + self._standing(number) for number, row in enumerate(wording)]

    def probabilities(self, witness: Sequence[str] | None = None) -> list[float]:
        """For each segment, how likely it is of the article; ``witness`` are the lines that another extractor kept."""
        weigh = _trees()
        return [1 / (1 + math.exp(-weigh(row))) for row in self.signs(witness)]

    def signs(self, witness: Sequence[str] | None = None) -> list[Signs]:
        """What the judge sees: for each segment the values of SIGNS and WITNESSED."""
        told = [_NO_WITNESS] * len(self._rows) if witness is None else self._ask(witness)
        return [row + more for row, more in zip(self._rows, told, strict=True)]

    def _wording(self, claims: Claims) -> list[Signs]:
        """What each segment says, and how that fits with what the page says elsewhere."""
        found, count = self._segments, len(self._segments)
        title, description, body = key_of(claims.title), key_of(claims.description), key_of((claims.body or "")[:_MOST_CLAIM])
        repeated, seen = Counter(one.key for one in found), Counter[str]()
        all_words = sum(one.words for one in found)
        at_title = next((number for number, one in enumerate(found) if title and one.key == title), None)
        rows: list[Signs] = []
        for number, one in enumerate(found):
            place, key, length = one.place, one.key, len(one.text)
            rows.append([
                _TAGS.get(place.tag, 0), _TAGS.get(place.parent.tag, 0) if place.parent else UNKNOWN, one.words,
                min(2000, length), self._linked[number], min(1.0, one.strong / length), self._ended[number],
                (2.0 if key and key in body else 0.0) if len(body) > _LONG_CLAIM else 1.0,
                title != "" and key == title,
                description != "" and key == description,
                len(key) > 20 and description != "" and (key in description or description in key),
                min(9, seen[key]), min(9, repeated[key]),
                _within(number - at_title, 100) if at_title is not None else -101,
                place.depth, number / count, count, all_words,
            ])  # fmt: skip
            seen[key] += 1
        return rows

    def _standing(self, number: int) -> Signs:
        """Where a segment stands: in which elements, among which others."""
        one = self._segments[number]
        row: Signs = []
        for place in _three(one.place):
            words = place.words or 1
            row += [place.prose / self._prose, place.linked / words, min(200, place.segments), min(9999, words)]
            row.append(place.prose / words)
        row += self._position(one.place)
        first, last = self._main_range
        row += [self._main.direct / self._prose, _within(number - first), _within(number - last)]
        sums = self._form_sums[self._forms[number]]
        words = sums.words or 1
        row += [min(9999, words), sums.linked / words, min(99, sums.segments), sums.ended / words]
        for step in _NEIGHBOURS:
            row += self._beside(number, number + step)
        row += _bits(one.place.above, len(ABOVE))
        row += _bits(one.place.near, len(KINDS))
        row += _bits(one.place.far, len(KINDS))
        return row

    @cached_property
    def _main_range(self) -> tuple[int, int]:
        """The first and the last of the main element's paragraphs."""
        found = enumerate(self._segments)
        mains = [at for at, one in found if one.words >= PROSE and self._main in (one.place, one.place.parent)]
        return (mains[0], mains[-1]) if mains else (0, len(self._segments) - 1)

    @cached_property
    def _form_sums(self) -> dict[Form, _Sums]:
        sums: dict[Form, _Sums] = {}
        for form, one, linked, ended in zip(self._forms, self._segments, self._linked, self._ended, strict=True):
            total = sums.setdefault(form, _Sums())
            total.words += one.words
            total.linked += one.words * linked
            total.segments += 1
            total.ended += one.words * ended
        return sums

    def _beside(self, number: int, other: int) -> Signs:
        if not 0 <= other < len(self._segments):
            return [UNKNOWN] * 5
        one = self._segments[other]
        same = self._forms[other] == self._forms[number]
        return [min(99, one.words), self._linked[other], same, self._ended[other], _TAGS.get(one.place.tag, 0)]

    def _position(self, place: Place) -> Signs:
        """Steps up to the main element and to the dense one, and what hangs on the branch below the dense one."""
        to_main = to_dense = UNKNOWN
        branch: Place | None = None
        walker: Place | None = place
        step = 0
        while walker is not None:
            if walker is self._main:
                to_main = step
            if walker is self._dense:
                to_dense = step
                break
            branch, walker, step = walker, walker.parent, step + 1
        if branch is None or walker is None:
            return [to_main, to_dense, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN]
        words = branch.words or 1
        return [to_main, to_dense, min(9999, words), branch.linked / words, branch.prose / self._prose, branch.segments]

    def _ask(self, witness: Sequence[str]) -> list[Signs]:
        """What the witness's lines say of each segment."""
        found, lines = self._segments, [key_of(line) for line in witness]
        whole, together = set(lines), "\n".join(lines)[:_MOST_CLAIM]
        attested = [
            1.0 if one.key and one.key in whole else 0.5 if one.words >= 6 and one.key in together else 0.0 for one in found
        ]
        self._count_attested(attested)
        forms: Counter[Form] = Counter()
        for one, form, known in zip(found, self._forms, attested, strict=True):
            forms[form] += one.words if known else 0
        total = sum(forms.values()) or 1
        long = [number for number, one in enumerate(found) if attested[number] and one.words >= 8]
        first, last = (long[0], long[-1]) if long else (0, len(found) - 1)
        rows = []
        for number, (one, known) in enumerate(zip(found, attested, strict=True)):
            row: Signs = [known, _within(number - first), _within(number - last), total / self._prose]
            for place in _three(one.place):
                row += [place.attested / (place.words or 1), place.attested / total]
            branch = self._branch(one.place)
            row.append(branch.attested / (branch.words or 1) if branch else UNKNOWN)
            in_form, of_form = self._form_sums[self._forms[number]].words, forms[self._forms[number]]
            row.append(of_form / (in_form or 1))
            others = in_form - one.words
            row.append((of_form - (one.words if known else 0)) / others if others > 0 else UNKNOWN)
            beside = (number + step for step in _NEIGHBOURS)
            row += [attested[other] if 0 <= other < len(found) else UNKNOWN for other in beside]
            rows.append(row)
        return rows

    def _count_attested(self, attested: Sequence[float]) -> None:
        for place in self._places:
            place.attested = 0
        for one, known in zip(self._segments, attested, strict=True):
            one.place.attested += one.words if known else 0
        for place in self._places:
            if place.parent is not None:
                place.parent.attested += place.attested

    def _branch(self, place: Place) -> Place | None:
        below, walker = None, place
        while walker is not self._dense:
            if walker.parent is None:
                return None
            below, walker = walker, walker.parent
        return below


def _three(place: Place) -> tuple[Place, Place, Place]:
    parent = place.parent or place
    return place, parent, parent.parent or parent


@lru_cache(maxsize=50_000)
def _bits(bits: int, width: int) -> list[float]:
    return [float(bits >> number & 1) for number in range(width)]


def _within(value: int, most: int = 30) -> int:
    return max(-most, min(most, value))


def key_of(text: str | None) -> str:
    """A text as segments are compared: letters and digits alone, case folded."""
    return "".join(re.findall(r"\w+", text or "")).casefold()


def doubt_of(words: Sequence[int], probabilities: Sequence[float]) -> float:
    """Words that may be judged wrongly, for each word that is kept: 0 is certain. ``words`` counts those of each segment."""
    kept = sum(count for count, likely in zip(words, probabilities, strict=True) if likely >= KEEP)
    in_question = sum(count * min(likely, 1 - likely) for count, likely in zip(words, probabilities, strict=True))
    return in_question / kept if kept else math.inf


@cache
def _trees() -> Callable[[Signs], float]:
    return compiled(json.loads(Path(__file__).with_name("judge.json").read_text()))


def compiled(grown: Any) -> Callable[[Signs], float]:
    """The trees as one function of a segment's signs; compiled, since each is asked for every segment of every page."""
    names = (*SIGNS, *WITNESSED)
    at = {name: number for number, name in enumerate(names)}
    lines = ["def weigh(s):", f"    v = {grown['base']!r}"]
    for number, tree in enumerate(grown["trees"]):
        if number in _STEPS:
            # seven of ten segments are told by the first trees
            sure, against, favour = _STEPS[number]
            lines.append(f"    if v < {-sure!r}: return v - {against!r}")
            lines.append(f"    if v > {sure!r}: return v + {favour!r}")
        _branch_lines(tree, at, lines, 1)
    lines.append("    return v")
    scope: dict[str, Any] = {}
    exec(compile("\n".join(lines), "judge.json", "exec"), scope)  # noqa: S102 - numbers and names that _branch_lines checked
    weigh: Callable[[Signs], float] = scope["weigh"]
    return weigh


def _branch_lines(node: Any, at: dict[str, int], lines: list[str], depth: int) -> None:
    indent = "    " * depth
    if isinstance(node, list):
        name, limit, low, high = node
        lines.append(f"{indent}if s[{at[name]}] <= {float(limit)!r}:")
        _branch_lines(low, at, lines, depth + 1)
        lines.append(f"{indent}else:")
        _branch_lines(high, at, lines, depth + 1)
    else:
        lines.append(f"{indent}v += {float(node)!r}")
