"""A bare text in pieces: cut at line breaks, furniture, printed dates, ends of sentences, and where words come again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from archive.text import fold
from pipelines.dump_dates import Printed, is_month, printed
from pipelines.dump_words import BYLINE, BYLINE_BEHIND, BYLINE_WITHIN, END, FURNITURE, NOTICE, READING, SHARE, sprites

# letters and digits with their marks, which Python counts as none
WORD = re.compile(r"[\w\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0963\u0966-\u0dff\u0e31-\u0e4e]+")
TOKEN = re.compile(r"[\w'’]+")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
_SENTENCE = re.compile(r"[.!?…۔؟।][\"”“»’')\]]*(?=\s|$)|[。！？][」』”)）]*")
_ENDS = re.compile(r"(?:[.!?…۔؟।][\"”“»’')\]]*|[。！？][」』”)）]*)$")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(„“\"«])(?:[^\W\d_]|mr|mrs|ms|dr|prof|st|no|nr|bzw|z\.b|ca|mme|mlle|sr|sra|jr|vs|gen|rep|sen|gov|lt|col|etc|u\.s|u\.k|d\.c"
    r"|inc|ltd|co|corp|art|abs|vgl|usw|resp|tel|geb|hr|fr|jan|feb|apr|aug|sept?|oct|okt|nov|dec|dez|kl|kap|pkt|godz|ul|св|ул|им|тыс"
    r"|млн)\.$",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(r"\s+[|–—·»-]\s+")
_OPENING = "\"“„«‘'(¿¡「『"
_LONG_PROSE = 30  # words
_LONG_REPEAT = 8  # words
_REPEATED = 3  # words of the shortest stretch that counts as said again
_UNSPACED_REPEATED = 8  # characters of the same, where a script sets no blanks
_MOST_WORDS = 20_000  # among which repeats are looked for


@dataclass
class Piece:
    """A stretch of the text, from ``start`` to ``end``. ``kind`` is text, date or junk, ``line`` the number of its line,
    ``times`` how often the text says it."""

    start: int
    end: int
    line: int
    kind: str
    text: str
    times: int = 1

    @cached_property
    def key(self) -> str:
        """What makes two pieces the same."""
        return fold(self.text)

    @cached_property
    def words(self) -> int:
        """Words; where a script sets no blanks, two characters count as one."""
        return len(WORD.findall(self.text)) + len(_UNSPACED.findall(self.text)) // 2

    @cached_property
    def ended(self) -> bool:
        """Whether it ends as a sentence does."""
        return self.kind == "text" and bool(_ENDS.search(self.text))

    @cached_property
    def prose(self) -> bool:
        """Whether it reads as a sentence: by its end, or since it is long and as little capitalized as only sentences are."""
        if self.kind != "text" or self.words < 4:
            return False
        if self.ended or self.words < _LONG_PROSE:
            return self.ended
        words = WORD.findall(self.text)
        return sum(not word[:1].isupper() for word in words) >= 0.6 * len(words)

    @cached_property
    def furniture(self) -> bool:
        """Whether its words are those of a page, not of an article."""
        return self.kind != "text" or bool(FURNITURE.match(self.text) or NOTICE.search(self.text) or BYLINE.match(self.text))

    @cached_property
    def ends_article(self) -> bool:
        """Whether it says that something else follows."""
        return self.kind == "text" and bool(END.match(self.text))


class Cutter:
    """Cuts one text into ``pieces``; ``dates`` are those that are no part of its prose, and where they stand; ``lined`` says
    whether its lines are paragraphs."""

    def __init__(self, text: str) -> None:
        self._text = text
        breaks = text.count("\n")
        self.lined = breaks >= 2 and len(text) / (breaks + 1) < 1_500
        self.dates: list[tuple[int, Printed]] = []
        self.pieces: list[Piece] = []
        at = 0
        for number, line in enumerate(text.split("\n")):
            self.pieces += self._cut(number, at, line)
            at += len(line) + 1
        self.pieces = self._at_repeats()

    def piece(self, line: int, start: int, end: int, kind: str = "text") -> Piece:
        """A piece without the blanks around it."""
        raw = self._text[start:end]
        start += len(raw) - len(raw.lstrip())
        text = raw.strip()
        return Piece(start, start + len(text), line, kind, text)

    def _cut(self, number: int, start: int, line: str) -> Iterator[Piece]:
        at = 0
        for first, last, kind in self._marks(start, line):
            if first >= at:
                yield from self._sentences(number, start + at, start + first)
                yield self.piece(number, start + first, start + last, kind)
                at = last
        yield from self._sentences(number, start + at, start + len(line))

    def _marks(self, start: int, line: str) -> list[tuple[int, int, str]]:
        """What in a line is furniture or a date: first character, character behind the last, kind."""
        head = next(ends_of_sentences(line, 0, len(line)), len(line))  # before that nothing is prose for certain
        junk = [*READING.finditer(line), *BYLINE_WITHIN.finditer(line[:head])]
        icons = list(sprites(line))
        spans = [*icons, *(one.span() for one in junk)]
        # a paragraph among others tells of days, and has no date of its own
        crowded = not self.lined or head == len(line)
        dates = list(printed(_blanked(line, icons), head if crowded else 0))
        self.dates += [(start + one.start, one) for one in dates]
        spans += [found.span(1) for one in dates if (found := BYLINE_BEHIND.match(line, one.end))]
        ends = {last for _, last in spans} | {one.end for one in dates}
        spans += [one.span() for one in SHARE.finditer(line) if _is_share_bar(one, line, ends)]
        return sorted([*((first, last, "junk") for first, last in spans), *((one.start, one.end, "date") for one in dates)])

    def _sentences(self, number: int, start: int, end: int) -> Iterator[Piece]:
        for stop in [*ends_of_sentences(self._text, start, end), end]:
            if (piece := self.piece(number, start, stop)).text:
                yield piece
            start = stop

    def _at_repeats(self) -> list[Piece]:
        """The pieces, cut again where words begin and end that the text says more than once."""
        texts = (piece for piece in self.pieces if piece.kind == "text")
        words = [
            (found.start() + piece.start, found.end() + piece.start, fold(found[0]))
            for piece in texts
            for found in WORD.finditer(piece.text)
        ][:_MOST_WORDS]
        edges = sorted(words[at][0] for at in self._edges(words) if at < len(words))
        out: list[Piece] = []
        at = 0
        for piece in self.pieces:
            bounds = [piece.start]
            while at < len(edges) and edges[at] < piece.end:
                if edges[at] > piece.start and piece.kind == "text":
                    bounds.append(self._before_marks(edges[at], piece.start))
                at += 1
            parts = (self.piece(piece.line, *bound, piece.kind) for bound in zip(bounds, [*bounds[1:], piece.end], strict=True))
            out += [part for part in parts if part.key or (part.kind != "text" and part.text)]
        counts = Counter(piece.key for piece in out)
        for piece in out:
            piece.times = counts[piece.key]
        return out

    def _before_marks(self, edge: int, start: int) -> int:
        """Where the quotation marks before a word begin."""
        while edge > start and self._text[edge - 1] in _OPENING:
            edge -= 1
        return edge

    def _edges(self, words: Sequence[tuple[int, int, str]]) -> set[int]:
        """The words at which something begins or ends that is said again: where a copy has a piece's edge, or if it is long."""
        firsts, lasts = set(), set()
        for piece in self.pieces:
            found = list(WORD.finditer(piece.text)) if piece.kind == "text" else []
            firsts |= {piece.start + one.start() for one in found[:1]}
            lasts |= {piece.start + one.end() for one in found[-1:]}
        for separator in _SEPARATOR.finditer(self._text):
            firsts.add(separator.end())
            lasts.add(separator.start())
        edges: set[int] = set()
        for one, other, length in _repeats([word for *_, word in words]):
            begins = words[one][0] in firsts or words[other][0] in firsts
            ends = words[one + length - 1][1] in lasts or words[other + length - 1][1] in lasts
            if (begins and ends) or length >= _LONG_REPEAT:
                edges |= {one, one + length, other, other + length}
        return edges


def ends_of_sentences(text: str, start: int, end: int) -> Iterator[int]:
    """Where sentences end in a stretch of text: not behind abbreviations, nor where small letters follow."""
    for found in _SENTENCE.finditer(text, start, end):
        behind = TOKEN.match(text, found.end() + 1)
        if behind and found[0][0] == ".":
            before = text[max(start, found.end() - 12) : found.end()]
            # "the 3. of March", as many write it
            if _ABBREVIATION.search(before) or (before[-2:-1].isdigit() and is_month(behind[0])):
                continue
        if behind and behind[0][0].islower() and found[0][0] in ".!?…":
            continue
        yield found.end()


def _blanked(line: str, spans: Iterable[tuple[int, int]]) -> str:
    """The line with dots in place of some stretches."""
    parts, at = [], 0
    for start, end in spans:
        parts += [line[at:start], "·" * (end - start)]
        at = end
    return "".join([*parts, line[at:]])


def _is_share_bar(found: re.Match[str], line: str, ends: Collection[int]) -> bool:
    """Two networks or more, or a word that asks to share, not within a sentence; ``ends`` are those of other furniture."""
    text = found[0].strip(" ,|/·•:-")
    near = max(0, found.start() - 40)
    before, behind = line[near : found.start()].rstrip(), line[found.end() : found.end() + 40].lstrip()
    if near + len(before) in ends or (not before and not behind.strip(" :")):
        return True
    many = len(text.split()) >= 2
    at_an_edge = not before or not behind or bool(_ENDS.search(before))
    starts = text[:1].isupper() or not text.isascii()
    return starts and (many or at_an_edge) and (many or not behind[:1].islower()) and before[-1:] not in (",", ";")


def _repeats(words: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Stretches that come again: where they begin, where again, how many words."""
    seen: dict[tuple[str, ...], int] = {}
    at = last = 0
    while at < len(words):
        size = 1 if len(words[at]) >= _UNSPACED_REPEATED and _UNSPACED.search(words[at]) else _REPEATED
        here = tuple(words[at : at + size])
        known = seen.get(here)
        if known is None or len(here) < size:
            seen.setdefault(here, at)
            at += 1
            continue
        length = size
        while at + length < len(words) and known + length < at and words[known + length] == words[at + length]:
            length += 1
        back = 0
        while known > back and at - back > max(last, known + length) and words[known - back - 1] == words[at - back - 1]:
            back += 1
        yield known - back, at - back, length + back
        last = at = at + length
