"""Texts that another crawler left, without HTML: headline, date, summary and body, from among sprites, menus and share bars.

What ends as a sentence is prose. The headline stands before it, and pages say it more than once, as they do the summary; what
lies around is furniture, and so is what follows a line that says that other stories come.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.dump_pieces import TOKEN, WORD, Cutter, Piece
from pipelines.dump_words import BYLINE, MENU, NOTICE, OPENERS

MOST = 200_000  # characters of a text that are read
_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_TAG = re.compile(r"<(?:!--|/?[a-zA-Z])[^<>]{0,2000}>")
_NEVER_TEXT = re.compile(r"<(/?)(?:script|style|svg)\b[^<>]{0,2000}>", re.IGNORECASE)
_SPACES = re.compile(r"[^\S\n]+")
_STOPPED = re.compile(r"[.…。]$")
_HEAD = 400  # pieces among which the headline is looked for
_LONGEST_TITLE = 30  # words
_SURE = 3.0  # score of a headline that stands by itself
_MOST_BEFORE = 0.5  # of the prose that may stand before the headline
_NEAR = 50  # pieces
_MOST_BEHIND = 0.3  # of the prose that may stand behind a mark of the end


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What a text dump holds; ``published`` in ISO 8601, only as exact as it is printed. None: not there, or not certain."""

    title: str | None = None
    published: str | None = None
    summary: str | None = None
    text: str | None = None


def clean(dump: str) -> Cleaned:
    """Read one text, up to MOST characters. Never raises for what it holds; where there is no prose, all is None."""
    text = tidy(dump)
    return _Reading(text).cleaned() if text else Cleaned()


def tidy(dump: str) -> str:
    """Without markup and control characters; blanks are folded, line breaks stay."""
    dump = dump[:MOST]
    if "<" in dump and ">" in dump:
        dump = _TAG.sub("\n", _without_scripts(dump))
    dump = html.unescape(dump).replace("\r", "\n").replace("\x85", "\n").replace("\u2028", "\n")
    return "\n".join(line for part in _CONTROL.sub("", dump).split("\n") if (line := _SPACES.sub(" ", part).strip()))


def _without_scripts(dump: str) -> str:
    parts, at, opened = [], 0, None
    for tag in _NEVER_TEXT.finditer(dump):
        if not tag[1]:
            opened = tag.start() if opened is None else opened
        elif opened is not None:
            parts.append(dump[at:opened])
            at, opened = tag.end(), None
    return "\n".join([*parts, dump[at:]])


class _Reading:
    """One text, and what is what in it."""

    def __init__(self, text: str) -> None:
        self._text, self._cutter = text, Cutter(text)
        self._pieces, self._lined = self._cutter.pieces, self._cutter.lined
        self._prose = sum(piece.words for piece in self._pieces if piece.prose)

    def cleaned(self) -> Cleaned:
        if not self._prose:
            return Cleaned()
        title = self._title()
        body, summary = self._body(title)
        published = self._published(body[0].start if body else len(self._text))
        return Cleaned(
            self._pieces[title].text if title is not None else None,
            published,
            self._join(summary) or None,
            self._join(body) or None,
        )

    # the headline

    def _title(self) -> int | None:
        """The number of the headline's piece: of the last copy before the body."""
        best, score = self._best_headline()
        if best is None or (not self._lined and (score < _SURE or self._pieces[best].prose)):
            best = self._split_headline() or best
        if best is None:
            return None
        best = self._without_menu(best)
        key, behind, last = self._pieces[best].key, 0, best
        for at in range(len(self._pieces) - 1, best, -1):
            if self._pieces[at].key == key and behind >= _MOST_BEFORE * self._prose:
                last = at
                break
            behind += self._pieces[at].words if self._pieces[at].prose else 0
        return last

    def _best_headline(self) -> tuple[int | None, float]:
        best, best_score = None, 0.0
        before, signed = 0, False
        for at, piece in enumerate(self._pieces[:_HEAD]):
            if before > _MOST_BEFORE * self._prose:
                break
            score = self._headline_like(at)
            if piece.times == 1:
                # single headlines stand above the text, and above date and byline where lines are kept
                score -= 3 * (before > 0) + 2 * (self._lined and signed)
            if score > 0 and score >= best_score:
                best, best_score = at, score
            if piece.prose and piece.times == 1 and not piece.furniture:
                before += piece.words
            signed = signed or piece.kind == "date" or bool(BYLINE.match(piece.text))
        return best, best_score

    def _headline_like(self, at: int) -> float:
        piece = self._pieces[at]
        fewest = 2 if piece.times > 1 else 3
        if piece.furniture or piece.ends_article or not fewest <= piece.words <= _LONGEST_TITLE:
            return 0.0
        tokens = WORD.findall(piece.text)
        menu = sum(token.casefold() in MENU for token in tokens) / len(tokens)
        score = 2.0 + 3 * (piece.times > 1) + (4 <= piece.words <= 20) + any(token.islower() for token in tokens) - 4 * menu
        between = self._pieces[at + 1 : self._next_prose(at)]
        return score - 3 * bool(_STOPPED.search(piece.text)) - 0.15 * sum(not one.furniture for one in between)

    def _next_prose(self, at: int) -> int:
        numbers = range(at + 1, min(len(self._pieces), at + _HEAD))
        return next((number for number in numbers if self._pieces[number].prose), at + 1)

    def _split_headline(self) -> int | None:
        """Part the first prose into headline and sentence, where they run on without a mark; the number of the headline."""
        at = next(number for number, piece in enumerate(self._pieces) if piece.prose)
        piece = self._pieces[at]
        start = self._behind_menu(piece)
        cut = self._boundary(start, piece.end)
        if cut is None:
            return None
        title, copies = (
            self._text[start:cut].strip(),
            [number for number, one in enumerate(self._pieces) if one.key == piece.key],
        )
        for number in reversed(copies):
            one = self._pieces[number]
            bounds = (one.start, one.start + start - piece.start, one.start + cut - piece.start, one.end)
            self._replace(number, bounds, ("junk", "text", "text"))
        return next(number for number in range(at, len(self._pieces)) if self._pieces[number].text == title)

    def _replace(self, number: int, bounds: Sequence[int], kinds: Sequence[str]) -> None:
        """Put parts in the place of a piece."""
        piece = self._pieces[number]
        spans = zip(bounds, bounds[1:], kinds, strict=False)
        parts = [self._cutter.piece(piece.line, start, end, kind) for start, end, kind in spans]
        for part in parts:
            part.times = piece.times
        self._pieces[number : number + 1] = [part for part in parts if part.text]

    def _without_menu(self, at: int) -> int:
        """Part a headline from the menu before it; the number of what is left."""
        piece = self._pieces[at]
        start = piece.start if self._lined else self._behind_menu(piece)
        if start == piece.start or len(WORD.findall(self._text[start : piece.end])) < 3:
            return at
        self._replace(at, (piece.start, start, piece.end), ("junk", "text"))
        return at + 1

    def _behind_menu(self, piece: Piece) -> int:
        """Where the last word of a menu ends in the run of capitals at the head of a piece."""
        at = 0
        for found in TOKEN.finditer(piece.text):
            if found[0].casefold() in MENU and not (at and found[0].islower()):
                at = found.end()
            elif found[0].islower():
                break
        rest = piece.text[at:]
        return piece.start + at + len(rest) - len(rest.lstrip(" |·•/-"))

    def _boundary(self, start: int, end: int) -> int | None:
        """Where a headline ends and the first sentence begins: at a capital of a word that is written small elsewhere, or that
        follows small words alone."""
        text = self._text[start:end]
        small = {word for word in WORD.findall(self._text) if word[:1].islower()}
        words = list(WORD.finditer(text))
        best, best_score = None, 1.0
        for number, found in enumerate(words[3:21], 3):
            word, before = found[0], text[: found.start()].rstrip()
            if not word[:1].isupper() or before[-1:] in ",;:-–" or len(words) - number < 4:
                continue
            if words[number + 1][0][:1].isupper() and _is_title_case(before):
                continue
            alone = not any(one[0][:1].isupper() for one in words[1:number])
            low = word.casefold()
            score = 2.0 * (low in OPENERS) + 1.5 * (low in small) + 1.4 * alone - 0.05 * abs(number - 8)
            if score > best_score:
                best, best_score = found.start(), score
        return start + best if best is not None else None

    # the rest

    def _published(self, end: int) -> str | None:
        """The first printed date that is not said to be of a change: before the body, or labelled as that of publication."""
        for at, date in sorted(self._cutter.dates, key=lambda pair: (not pair[1].labelled, pair[0])):
            if not date.changed and (date.labelled or at <= end):
                return date.iso
        return None

    def _body(self, title: int | None) -> tuple[list[Piece], list[Piece]]:
        """The pieces of the body, and of the summary."""
        pieces = self._until_end(self._pieces[0 if title is None else title + 1 :])
        first = next((number for number, piece in enumerate(pieces) if piece.prose), len(pieces))
        summary = self._summary(pieces, first) if title is not None else []
        said = {piece.key for piece in summary} | ({self._pieces[title].key} if title is not None else set())
        kept = [pieces[at] for at in range(first, len(pieces)) if pieces[at].key not in said and _is_body(pieces, at)]
        return (kept, summary) if kept else (summary, [])

    def _until_end(self, pieces: list[Piece]) -> list[Piece]:
        """Without what stands behind the article."""
        whole, seen = sum(piece.words for piece in pieces if piece.prose), 0
        for number, piece in enumerate(pieces):
            if seen and piece.ends_article and _ends(pieces, number, (whole - seen) / whole):
                return pieces[:number]
            seen += piece.words if piece.prose else 0
        return pieces

    def _summary(self, pieces: Sequence[Piece], first: int) -> list[Piece]:
        """The first prose, if the text says it again, or if date, byline or share bar part it from the rest."""
        again = []
        for piece in pieces[first:]:
            if not piece.prose or piece.times == 1:
                break
            again.append(piece)
        if again or first == len(pieces):
            return again
        line = [piece for piece in pieces[first:] if piece.line == pieces[first].line]
        behind = pieces[first + len(line) :]
        parted = self._lined and behind and behind[0].furniture and any(piece.prose for piece in behind)
        return line if parted else []

    def _join(self, pieces: Sequence[Piece]) -> str:
        out = ""
        before: Piece | None = None
        for piece in pieces:
            if before:
                between = self._text[before.end : piece.start]
                out += "\n\n" if before.line != piece.line else between if not between.strip() else " "
            out += piece.text
            before = piece
        return out


def _ends(pieces: Sequence[Piece], number: int, left: float) -> bool:
    """Whether a mark of the end is the end, with that share of the prose ``left``: a link to another story is none."""
    if NOTICE.search(pieces[number].text):
        return left == 0
    following = (pieces[at] for at in range(number + 1, min(len(pieces), number + _NEAR)))
    behind = next((piece for piece in following if not piece.furniture), None)
    return left <= (_MOST_BEHIND if behind and behind.prose else _MOST_BEFORE)


def _is_body(pieces: Sequence[Piece], at: int) -> bool:
    """Whether a piece behind the first prose is of the body: sentences, and headings of them."""
    piece = pieces[at]
    if piece.furniture or piece.ends_article:
        return False
    if piece.prose or piece.ended:
        return True
    alone = not any(one.line == piece.line and one is not piece for one in pieces[at - 1 : at + 2])
    return alone and piece.words >= 2 and at + 1 < len(pieces) and pieces[at + 1].prose


def _is_title_case(text: str) -> bool:
    """Whether a headline has nearly all its words in capitals."""
    words = [word for word in WORD.findall(text) if len(word) > 3]
    return len(words) > 2 and sum(word[:1].isupper() for word in words) >= 0.8 * len(words)
