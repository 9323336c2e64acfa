"""The article's body: what the judge keeps of a page's segments, as text and as Markdown.

trafilatura is the witness: it is heard where the judge is in doubt, and it costs more than all the rest.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby

from lxml.html import HtmlElement

from pipelines.judge import KEEP, Claims, Hearing, doubt_of, key_of
from pipelines.quality import Signs, signs_of
from pipelines.segments import ABOVE, Place, Segment, segments
from pipelines.witness import testimony

SURE = 0.1  # doubt up to which no witness is heard
_MOST_HEARD = 500  # segments; about longer pages it has nothing to add, and it takes longest
_LITTLE = 25  # words; with less kept, the bar comes down to the best
_LONG = 12  # words of a line that no article says twice
_HEADLINE = 4  # words of a description that is no more than a name
_CELL = 60  # words in several paragraphs of a cell; with more it is a column of the page
_ITEM = 300  # words
_NEAR = 5  # elements from a segment up to its cell, row, table or item
_MOST_DEPTH = 6
_QUOTE = 8  # words of a pull quote that the text has too
_TWICE = 2  # times that a page may say a long line; what comes more often is a notice
_MOST_NOTICES = 0.3  # of the text
_PULLED = ABOVE["blockquote"] | ABOVE["aside"] | ABOVE["figure"]
_MOST_QUOTES = 2_000  # lines among which pull quotes are looked for
_HEADINGS = {f"h{rank}": "#" * rank for rank in range(1, 7)}
_SPACES = re.compile(r"\s+")
_MARKUP = re.compile("<(?=[a-zA-Z/!?])")
_FOLLOWED = ("http://", "https://", "mailto:")  # links that Markdown keeps


@dataclass(frozen=True, slots=True)
class Body:
    """The segments that are the article, in order; ``doubt`` is what the judge has left of it (0: none); ``witnessed`` says
    whether trafilatura was heard, ``repeated`` whether long lines stood in the page more than once, ``signs`` how far it is to
    be trusted; ``judged`` are all segments that the judge saw, with the probabilities."""

    segments: Sequence[Segment]
    doubt: float = math.inf
    witnessed: bool = False
    repeated: bool = False
    judged: Sequence[tuple[Segment, float]] = ()
    signs: Signs | None = None

    @property
    def words(self) -> int:
        """Words of the text."""
        return sum(one.words for one in self.segments)

    def lines(self) -> Iterator[list[list[Segment]]]:
        """Paragraphs, headings, items; of a table's row the cells, each with its segments."""
        for _, found in groupby(self.segments, _row):
            row = [list(cell) for _, cell in groupby(found, _cell)]
            if len(row) > 1 and all(len(cell) == 1 or sum(one.words for one in cell) <= _CELL for cell in row):
                yield row
            else:  # a table that parts nothing but columns of text
                yield from ([[one]] for cell in row for one in cell)

    def text(self) -> list[str]:
        """Plain lines."""
        return [" | ".join(" ".join(map(_plain, cell)) for cell in row) for row in self.lines()]

    def markdown(self) -> list[str]:
        """The same in Markdown (CommonMark, tables as GitHub has them): headings, items, quotations, emphasis and links."""
        blocks: list[str] = []
        before: Place | None = None
        for row in self.lines():
            place = row[0][0].place
            table = _above(place, "table") if len(row) > 1 else None
            cells = [" ".join(map(_formatted, cell)) for cell in row]
            if table is None:
                item = _item(place)
                blocks.append(_prefix(row[0][0], item, goes_on=item is not None and item is before) + cells[0])
                before = item
            elif table is before:
                blocks[-1] += "\n" + _row_of(cells)
            else:
                blocks.append(f"{_row_of(cells)}\n{_row_of(['---'] * len(cells))}")
                before = table
        return blocks

    def targets(self) -> Iterator[tuple[str, str]]:
        """Address and text of each link, in order."""
        for one in self.segments:
            for start, end, opening, closing in one.marks:
                if opening == "[":
                    yield closing[2:-1], " ".join("".join(one.parts[start:end]).split())


def read_body(tree: HtmlElement, url: str, claims: Claims) -> Body:
    """Read a pruned page; the body may be empty."""
    found = segments(tree)
    if not found:
        return Body([])
    hearing = Hearing(found, claims)
    likely = hearing.probabilities()
    words = [one.words for one in found]
    witnessed = doubt_of(words, likely) > SURE and len(found) <= _MOST_HEARD
    if witnessed:
        likely = hearing.probabilities(testimony(tree, url))
    summary = key_of(claims.description)
    kept = _with_lead(found, _kept(found, likely), summary)
    once = list(_once(kept, summary))
    chosen = {id(one) for one in once}
    signs = signs_of(found, likely, {number for number, one in enumerate(found) if id(one) in chosen})
    judged = list(zip(found, likely, strict=True))
    return Body(once, doubt_of(words, likely), witnessed, repeated=len(once) < len(kept), judged=judged, signs=signs)


def _kept(found: Sequence[Segment], likely: Sequence[float]) -> list[Segment]:
    kept = [one for one, chance in zip(found, likely, strict=True) if chance >= KEEP]
    if sum(one.words for one in kept) < _LITTLE:
        bar = 0.6 * max(likely)
        kept = [one for one, chance in zip(found, likely, strict=True) if chance >= min(KEEP, bar)]
    return kept


def _with_lead(found: Sequence[Segment], kept: list[Segment], description: str) -> list[Segment]:
    """With the standfirst, which says what the page says of itself: on every page of a site or on none."""
    first = next((one for one in kept if one.words >= _LONG), None)
    if first is None:
        return kept
    leads = {id(one) for one in found[: found.index(first)] if one.key == description and one.words > _HEADLINE}
    chosen = leads | {id(one) for one in kept}
    return [one for one in found if id(one) in chosen]


def _once(kept: Sequence[Segment], summary: str) -> Iterator[Segment]:
    """Without notices that come again and again, bodies and summaries that stand in the page twice, and pull quotes."""
    times = Counter(one.key for one in kept)
    words = {one.key: one.words for one in kept}
    notices = {key for key, count in times.items() if count > _TWICE}
    if sum(words[key] for key in notices) > _MOST_NOTICES * sum(words.values()):
        notices = set()  # it is the article that the page says three times, for screens of three sizes
    said = cache("\n".join(one.key for one in kept).count)  # a page may say the same thousands of times
    seen: set[str] = set()
    for one in kept:
        again = one.key in seen or one.key in notices
        if again and (one.words >= _LONG or (one.key == summary and one.key in seen)):
            continue
        quoted = one.words >= _QUOTE and one.place.above & _PULLED and len(seen) < _MOST_QUOTES
        if quoted and said(one.key) > times[one.key]:
            continue
        seen.add(one.key)
        yield one


def _row(one: Segment) -> int:
    """The row of a table that holds a segment, or the segment itself."""
    return id(_above(one.place, "tr") or one)


def _cell(one: Segment) -> int:
    return id(_above(one.place, "td", "th") or one)


def _above(place: Place, *tags: str) -> Place | None:
    """The nearest of such elements around a segment, itself included."""
    around: Place | None = place
    for _ in range(_NEAR):
        if around is None or around.tag in tags:
            return around
        around = around.parent
    return None


def _item(place: Place) -> Place | None:
    """The item of a list that a segment stands in; one that holds whole articles is none."""
    item = _above(place, "li")
    return item if item is not None and item.words <= _ITEM else None


def _row_of(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _plain(one: Segment) -> str:
    return "".join(one.parts).strip("\n") if one.place.tag == "pre" else one.text


def _prefix(one: Segment, item: Place | None, *, goes_on: bool) -> str:
    """What a line begins with; ``item`` is the item of a list that it stands in, which ``goes_on`` from the line before."""
    place = one.place
    tags = (place.tag, place.parent.tag if place.parent else "")
    quote = "> " if place.above & ABOVE["blockquote"] else ""
    if heading := next((_HEADINGS[tag] for tag in tags if tag in _HEADINGS), ""):
        return f"{quote}{heading} "
    if item is None:
        return quote
    indent = "  " * max(0, _depth(item) - 1)
    ordered = item.parent is not None and item.parent.tag == "ol"
    mark = "1. " if ordered else "- "
    return quote + indent + (" " * len(mark) if goes_on else mark)


def _depth(item: Place) -> int:
    """Lists around an item; a list within a list is set in."""
    depth, around = 0, item.parent
    while around is not None:
        depth += around.tag in ("ul", "ol")
        around = around.parent
    return min(depth, _MOST_DEPTH)


def _formatted(one: Segment) -> str:
    if one.place.tag == "pre":
        return f"```\n{_plain(one)}\n```"
    pieces = [_MARKUP.sub(r"\\<", piece) for piece in one.parts]  # what a page shows as a tag must not become one again
    for start, end, opening, closing in one.marks:
        if opening == "[" and not closing[2:].lower().startswith(_FOLLOWED):
            continue
        first = next((at for at in range(start, end) if not pieces[at].isspace()), None)
        if first is None:
            continue
        last = next(at for at in range(end - 1, start - 1, -1) if not pieces[at].isspace())
        # Markdown wants its marks right at the words
        pieces[first] = _before(pieces[first], opening)
        pieces[last] = _after(pieces[last], _target(closing) if opening == "[" else closing)
    return _SPACES.sub(" ", "".join(pieces)).strip()


def _target(closing: str) -> str:
    """The end of a link; brackets in its address would end it early."""
    return f"]({closing[2:-1].replace('(', '%28').replace(')', '%29')})"


def _before(piece: str, mark: str) -> str:
    return piece[: len(piece) - len(piece.lstrip())] + mark + piece.lstrip()


def _after(piece: str, mark: str) -> str:
    return piece.rstrip() + mark + piece[len(piece.rstrip()) :]
