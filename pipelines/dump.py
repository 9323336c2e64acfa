"""Texts that another crawler left, without their HTML: headline, date, summary and body, from among sprites, menus and share bars.

A text is cut into pieces: at line breaks, at sprites, share bars and printed dates, at ends of sentences, and where stretches of words
come again, since pages say headline and summary more than once. What ends as a sentence is prose; the headline is what stands before
it, or comes again; what lies around it is furniture.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from archive.text import fold
from pipelines.dump_dates import Printed, is_month, printed
from pipelines.dump_words import BYLINE, BYLINE_WITHIN, BYLINE_BEHIND, END, FURNITURE, MENU, NOTICE, OPENERS, READING, SHARE, SPRITES

MOST = 1_000_000  # characters of a text that are read
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_TAG = re.compile(r"<(?:!--.{0,2000}?--|/?[a-zA-Z][^<>]{0,2000})>", re.DOTALL)
_SPACES = re.compile(r"[^\S\n]+")
# letters and digits with their marks, which Python counts as none
_WORD = re.compile(r"[\w\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0963\u0966-\u0dff\u0e31-\u0e4e]+")
_TOKEN = re.compile(r"[\w'’]+")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
_SENTENCE = re.compile(r"[.!?…][\"”“»’')\]]*(?=\s|$)|[。！？][」』”)）]*")
_ENDS = re.compile(r"(?:[.!?…۔؟।][\"”“»’')\]]*|[。！？][」』”)）]*)$")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(„“\"«])(?:[^\W\d_]|mr|mrs|ms|dr|prof|st|no|nr|bzw|z\.b|ca|mme|mlle|sr|sra|jr|vs|gen|rep|sen|gov|lt|col|etc|u\.s|u\.k|"
    r"d\.c|inc|ltd|co|corp|art|abs|vgl|usw|resp|tel|geb|hr|fr|jan|feb|apr|aug|sept?|oct|okt|nov|dec|dez|kl|kap|pkt|godz|ul|св|ул|им|тыс|млн)\.$",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(r"\s+[|–—·»-]\s+")
_LONGEST_TITLE = 30  # words
_LONG_PROSE = 30  # words
_LONG_REPEAT = 8  # words
_MOST_BEHIND = 0.3  # of the prose that may stand behind a mark of the end


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What a text dump holds; ``published`` in ISO 8601, only as exact as it is printed. None: not found, or not certain."""

    title: str | None = None
    published: str | None = None
    summary: str | None = None
    text: str | None = None


@dataclass(slots=True)
class Piece:
    """A stretch of the text. ``kind`` is text, date, or junk; ``line`` the number of the line that it stands in."""

    start: int
    end: int
    line: int
    kind: str
    text: str
    key: str = ""
    times: int = 1

    @property
    def words(self) -> int:
        """Words; where a script sets no blanks, two characters count as one."""
        return len(_WORD.findall(self.text)) + len(_UNSPACED.findall(self.text)) // 2

    @property
    def prose(self) -> bool:
        """Whether it reads as a sentence."""
        return self.kind == "text" and (bool(_ENDS.search(self.text)) and self.words >= 4 or _is_unmarked_prose(self))

    @property
    def furniture(self) -> bool:
        """Whether its words are those of a page, not of an article."""
        return self.kind != "text" or bool(FURNITURE.match(self.text) or NOTICE.search(self.text) or BYLINE.match(self.text))


def _is_unmarked_prose(piece: Piece) -> bool:
    """Whether a piece without a mark at its end is long enough, and as little capitalized, as only sentences are."""
    words = _WORD.findall(piece.text)
    return piece.words >= _LONG_PROSE and sum(not word[:1].isupper() for word in words) >= 0.6 * len(words)


def clean(dump: str) -> Cleaned:
    """Read one text. Never raises for what it holds; a text without any prose has all None but its words."""
    text = tidy(dump)
    if not text:
        return Cleaned()
    return _Dump(text).cleaned()


def tidy(dump: str) -> str:
    """Without markup and control characters; blanks are folded, line breaks stay."""
    dump = dump[:MOST]
    if "<" in dump and ">" in dump:
        dump = _TAG.sub("\n", dump)
    dump = _CONTROL.sub("", html.unescape(dump).replace("\r", "\n").replace("\x85", "\n").replace("\u2028", "\n"))
    return "\n".join(line for part in dump.split("\n") if (line := _SPACES.sub(" ", part).strip()))


class _Dump:
    """One text, and what is found in it step by step."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lined = text.count("\n") >= 2 and len(text) / (text.count("\n") + 1) < 1_500
        self._dates: list[tuple[int, Printed]] = []
        self._pieces = self._with_repeats([piece for number, line in enumerate(self._lines()) for piece in self._cut(number, *line)])

    def cleaned(self) -> Cleaned:
        title_at = self._title()
        body, summary = self._body(title_at)
        title = self._pieces[title_at].text if title_at is not None else None
        published = self._published(body[0].start if body else len(self._text))
        return Cleaned(title, published, self._join(summary) or None, self._join(body) or None)

    # pieces

    def _lines(self) -> Iterator[tuple[int, int]]:
        at = 0
        for line in self._text.split("\n"):
            yield at, at + len(line)
            at += len(line) + 1

    def _cut(self, number: int, start: int, end: int) -> Iterator[Piece]:
        """The pieces of one line."""
        line = self._text[start:end]
        head = next(_ends_of_sentences(line, 0, len(line)), len(line))  # before that nothing is prose for certain
        marks = [(one.start(), one.end(), "junk") for one in SPRITES.finditer(line)]
        marks += [(one.start(), one.end(), "junk") for one in READING.finditer(line)]
        marks += [(one.start(), one.end(), "junk") for one in BYLINE_WITHIN.finditer(line[:head])]
        dates = list(printed(SPRITES.sub(lambda found: "·" * len(found[0]), line), head if self._is_crowded(line, head) else 0))
        marks += [(one.start, one.end, "date") for one in dates]
        marks += [(found.start(1), found.end(), "junk") for one in dates if (found := BYLINE_BEHIND.match(line, one.end))]
        ends = {last for _, last, _ in marks}
        marks += [(one.start(), one.end(), "junk") for one in SHARE.finditer(line) if _is_share_bar(one, line, ends)]
        self._dates += [(start + one.start, one) for one in dates]
        at = 0
        for first, last, kind in sorted(marks):
            if first < at:
                continue
            yield from self._sentences(number, start + at, start + first)
            yield self._piece(number, start + first, start + last, kind)
            at = last
        yield from self._sentences(number, start + at, end)

    def _is_crowded(self, line: str, head: int) -> bool:
        """Whether a line may have its date among other things: it is not one paragraph of many."""
        return not self._lined or head == len(line)

    def _sentences(self, number: int, start: int, end: int) -> Iterator[Piece]:
        at = start
        for stop in _ends_of_sentences(self._text, start, end):
            yield self._piece(number, at, stop, "text")
            at = stop
        yield self._piece(number, at, end, "text")

    def _piece(self, number: int, start: int, end: int, kind: str) -> Piece:
        raw = self._text[start:end]
        start += len(raw) - len(raw.lstrip())
        text = raw.strip()
        return Piece(start, start + len(text), number, kind, text, fold(text))

    def _with_repeats(self, pieces: Sequence[Piece]) -> list[Piece]:
        """The pieces, cut again where words begin and end that stand in the text more than once."""
        words = [(found.start() + piece.start, found.end() + piece.start, fold(found[0]))
                 for piece in pieces if piece.kind == "text" for found in _WORD.finditer(piece.text)][:20_000]  # fmt: skip
        edges = {words[at][0] for at in self._edges(pieces, words) if at < len(words)}
        out: list[Piece] = []
        for piece in pieces:
            inner = sorted(edge for edge in edges if piece.start < edge < piece.end) if piece.kind == "text" else []
            bounds = [piece.start, *(self._before_marks(edge, piece.start) for edge in inner), piece.end]
            for start, end in zip(bounds, bounds[1:], strict=False):
                if (part := self._piece(piece.line, start, end, piece.kind)).text:
                    out.append(part)
        return _counted([piece for piece in out if piece.key or piece.kind != "text"])

    def _edges(self, pieces: Sequence[Piece], words: Sequence[tuple[int, int, str]]) -> set[int]:
        """The words at which something begins or ends that is said again: where one copy has a piece's edge, or if it is long."""
        firsts = {start for start, *_ in words[:1]}
        lasts = set()
        for piece in pieces:
            found = list(_WORD.finditer(piece.text)) if piece.kind == "text" else []
            if found:
                firsts.add(piece.start + found[0].start())
                lasts.add(piece.start + found[-1].end())
        for found_ in _SEPARATOR.finditer(self._text):
            firsts.add(found_.end())
            lasts.add(found_.start())
        edges: set[int] = set()
        for one, other, length in _repeats([word for *_, word in words]):
            begins = words[one][0] in firsts or words[other][0] in firsts
            ends = words[one + length - 1][1] in lasts or words[other + length - 1][1] in lasts
            if (begins and ends) or length >= _LONG_REPEAT:
                edges |= {one, one + length, other, other + length}
        return edges

    def _before_marks(self, edge: int, start: int) -> int:
        """Where a word's opening quotation marks begin."""
        while edge > start and self._text[edge - 1] in "\"“„«‘'(¿¡「『":
            edge -= 1
        return edge

    # what is what

    @cached_property
    def _prose_words(self) -> int:
        return sum(piece.words for piece in self._pieces if piece.prose) or 1

    def _title(self) -> int | None:
        """The piece that is the headline: the last one of those that say it before the body."""
        if not any(piece.prose for piece in self._pieces):
            return None
        best, best_score = None, 0.0
        prose_before = 0
        for at, piece in enumerate(self._pieces):
            if prose_before > 0.5 * self._prose_words:
                break
            score = self._headline_like(at) - (3 if prose_before and piece.times == 1 else 0)
            if score > 0 and score >= best_score:
                best, best_score = at, score
            if piece.prose and piece.times == 1 and not piece.furniture:
                prose_before += piece.words
        if best is None or (not self._lined and (best_score < 3 or self._pieces[best].prose)):
            best = self._split_headline() or best
        if best is None:
            return None
        best = self._without_menu(best)
        same = [at for at, piece in enumerate(self._pieces) if piece.key == self._pieces[best].key]
        left = [at for at in same if self._own_prose_after(at) >= 0.5 * self._prose_words or at == best]
        return max(left)

    def _own_prose_after(self, at: int) -> int:
        return sum(piece.words for piece in self._pieces[at + 1 :] if piece.prose)

    def _headline_like(self, at: int) -> float:
        piece = self._pieces[at]
        words = piece.words
        if piece.kind != "text" or piece.furniture or END.match(piece.text) or not 2 <= words <= _LONGEST_TITLE:
            return 0
        if words < 3 and piece.times == 1:
            return 0
        tokens = [token.casefold() for token in _WORD.findall(piece.text)]
        menu = sum(token in MENU for token in tokens) / len(tokens)
        score = 2.0 + (3 if piece.times > 1 else 0) + (1 if 4 <= words <= 20 else 0) - 4 * menu
        score += 1 if any(token.islower() for token in _WORD.findall(piece.text)) else 0
        if re.search(r"[.…。]$", piece.text):
            score -= 3
        if self._lined and piece.times == 1 and any(one.kind == "date" or BYLINE.match(one.text) for one in self._pieces[:at]):
            score -= 2  # headlines stand above date and byline
        score -= 0.15 * sum(not one.furniture and not one.prose for one in self._pieces[at + 1 : self._next_prose(at)])
        return score

    def _next_prose(self, at: int) -> int:
        return next((number for number in range(at + 1, len(self._pieces)) if self._pieces[number].prose), len(self._pieces))

    def _split_headline(self) -> int | None:
        """Part the first prose into headline and sentence, where they run on without a mark."""
        at = next((number for number, piece in enumerate(self._pieces) if piece.prose), None)
        if at is None:
            return None
        piece = self._pieces[at]
        start = self._behind_menu(piece)
        cut = self._boundary(start, piece.end)
        if cut is None:
            return None
        parts = [self._piece(piece.line, start, cut, "text"), self._piece(piece.line, cut, piece.end, "text")]
        self._pieces[at : at + 1] = [*([self._piece(piece.line, piece.start, start, "junk")] if start > piece.start else []), *parts]
        for part in parts:
            part.times = piece.times
        self._split_copies(piece.key, parts[0].text)
        return self._pieces.index(parts[0])

    def _split_copies(self, key: str, title: str) -> None:
        """The same cut in other copies of the piece."""
        for number in reversed(range(len(self._pieces))):
            piece = self._pieces[number]
            if piece.key == key and piece.text.startswith(title):
                parts = [self._piece(piece.line, piece.start, piece.start + len(title), "text"),
                         self._piece(piece.line, piece.start + len(title), piece.end, "text")]  # fmt: skip
                for part in parts:
                    part.times = piece.times
                self._pieces[number : number + 1] = parts

    def _without_menu(self, at: int) -> int:
        """Part a headline from the menu before it."""
        piece = self._pieces[at]
        start = piece.start if self._lined else self._behind_menu(piece)
        if not piece.start < start < piece.end or len(_WORD.findall(self._text[start : piece.end])) < 3:
            return at
        menu, title = self._piece(piece.line, piece.start, start, "junk"), self._piece(piece.line, start, piece.end, "text")
        self._pieces[at : at + 1] = [menu, title]
        return at + 1

    def _behind_menu(self, piece: Piece) -> int:
        """Where the last word of a menu ends in the run of capitals at the head of a piece."""
        at = 0
        for found in _TOKEN.finditer(piece.text):
            if found[0].casefold() in MENU and not (at and found[0].islower()):
                at = found.end()
            elif found[0].islower():
                break
        return piece.start + at + len(piece.text[at:]) - len(piece.text[at:].lstrip(" |·•/-"))

    def _boundary(self, start: int, end: int) -> int | None:
        """Where a headline ends and the first sentence begins: at a capital of a word that is written small elsewhere, or that
        follows small words alone."""
        text = self._text[start:end]
        small = {word for word in _WORD.findall(self._text) if word[:1].islower()}
        words = list(_WORD.finditer(text))
        best, best_score = None, 0.0
        for number, found in enumerate(words[:21]):
            word, left = found[0], len(words) - number
            if number < 3 or left < 4 or not word[:1].isupper() or text[: found.start()].rstrip()[-1:] in ",;:-–":
                continue
            if words[number + 1][0][:1].isupper() and _is_title_case(text[: found.start()]):
                continue
            low = word.casefold()
            alone = all(not one[0][:1].isupper() for one in words[1:number])
            score = 2.0 * (low in OPENERS) + 1.5 * (low in small) + 1.4 * alone - 0.05 * abs(number - 8)
            if score > best_score:
                best, best_score = found.start(), score
        return start + best if best is not None and best_score >= 1 else None

    # fields

    def _published(self, end: int) -> str | None:
        """The first printed date that is not said to be of a change: before the body, or labelled as that of publication."""
        for at, date in sorted(self._dates, key=lambda pair: (not pair[1].labelled, pair[0])):
            if not date.changed and (date.labelled or at <= end):
                return date.iso
        return None

    def _body(self, title: int | None) -> tuple[list[Piece], list[Piece]]:
        """The pieces of the body, and of the summary."""
        pieces = self._until_end(self._pieces[0 if title is None else title + 1 :])
        key = self._pieces[title].key if title is not None else ""
        summary = self._summary(title, pieces)
        gone = {piece.key for piece in summary} | {key}
        kept = [piece for number, piece in enumerate(pieces)
                if piece.key not in gone and self._is_body(pieces, number)]  # fmt: skip
        return (kept, summary) if kept else (summary, [])

    def _until_end(self, pieces: list[Piece]) -> list[Piece]:
        """Without what stands behind the article."""
        whole = sum(piece.words for piece in pieces if piece.prose)
        seen = 0
        for number, piece in enumerate(pieces):
            if seen and END.match(piece.text) and self._ends(pieces, number, whole - seen, whole):
                return pieces[:number]
            seen += piece.words if piece.prose else 0
        return pieces

    def _ends(self, pieces: Sequence[Piece], number: int, left: int, whole: int) -> bool:
        """Whether a mark of the end is the end: a link to another story within the text is none."""
        if NOTICE.search(pieces[number].text):
            return left == 0
        behind = next((piece for piece in pieces[number + 1 :] if not piece.furniture), None)
        if behind is None or not behind.prose:
            return left <= 0.5 * whole
        return left <= _MOST_BEHIND * whole

    def _is_body(self, pieces: Sequence[Piece], number: int) -> bool:
        piece = pieces[number]
        if piece.furniture or END.match(piece.text):
            return False
        if piece.prose or (_ENDS.search(piece.text) and piece.kind == "text"):
            return any(one.prose for one in pieces[: number + 1])
        alone = not any(one.line == piece.line and one is not piece for one in pieces[max(0, number - 1) : number + 2])
        between = any(one.prose for one in pieces[:number]) and number + 1 < len(pieces) and pieces[number + 1].prose
        return alone and between and piece.words >= 2

    def _summary(self, title: int | None, pieces: Sequence[Piece]) -> list[Piece]:
        prose = next((number for number, piece in enumerate(pieces) if piece.prose), None)
        if prose is None or title is None:
            return []
        again = []
        for piece in pieces[prose:]:
            if not piece.prose or piece.times == 1:
                break
            again.append(piece)
        if again:
            return again
        line = [piece for piece in pieces[prose:] if piece.line == pieces[prose].line]
        behind = pieces[prose + len(line) : prose + len(line) + 1]
        if self._lined and behind and behind[0].furniture and any(piece.prose for piece in pieces[prose + len(line) :]):
            return line
        return []

    def _join(self, pieces: Sequence[Piece]) -> str:
        out = ""
        for before, piece in zip([None, *pieces], pieces, strict=False):
            if before is not None:
                between = self._text[before.end : piece.start]
                out += "\n\n" if before.line != piece.line else between if not between.strip() else " "
            out += piece.text
        return out


def _ends_of_sentences(text: str, start: int, end: int) -> Iterator[int]:
    for found in _SENTENCE.finditer(text, start, end):
        behind = _TOKEN.match(text, found.end() + 1)
        if found[0][0] == "." and behind and (_ABBREVIATION.search(text[max(start, found.end() - 12) : found.end()])):
            continue
        if found[0][0] == "." and text[found.start() - 1 : found.start()].isdigit() and behind and is_month(behind[0]):
            continue  # the 3. of March, as many write it
        if found[0][0] in ".!?…" and behind and behind[0][0].islower():
            continue
        yield found.end()


def _is_title_case(text: str) -> bool:
    """Whether a headline has nearly all its words in capitals."""
    words = [word for word in _WORD.findall(text) if len(word) > 3]
    return len(words) > 2 and sum(word[:1].isupper() for word in words) >= 0.8 * len(words)


def _is_share_bar(found: re.Match[str], line: str, ends: Collection[int]) -> bool:
    """Two networks or more, or a word that asks to share, not within a sentence; ``ends`` are those of other furniture."""
    text = found[0].strip(" ,|/·•:-")
    if text == line.strip(" :") or len(line[: found.start()].rstrip()) in ends:
        return True
    count = len(text.split())
    before, behind = line[: found.start()].rstrip(), line[found.end() :].lstrip()
    starts = text[:1].isupper() or not text.isascii()
    return starts and (count >= 2 or not behind or not behind[:1].islower()) and (not before or before[-1:] not in ",;") and (
        count >= 2 or not before or bool(_ENDS.search(before)) or not behind
    )


def _counted(pieces: list[Piece]) -> list[Piece]:
    counts = Counter(piece.key for piece in pieces)
    for piece in pieces:
        piece.times = counts[piece.key]
    return pieces


def _repeats(words: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """Stretches of three words or more that come again: where they begin, where again, how many words."""
    seen: dict[tuple[str, ...], int] = {}
    last = 0
    at = 0
    while at < len(words):
        size = 1 if len(words[at]) >= 8 and _UNSPACED.search(words[at]) else 3
        known = seen.get(tuple(words[at : at + size]))
        if known is None or at + size > len(words):
            seen.setdefault(tuple(words[at : at + size]), at)
            at += 1
            continue
        length = size
        while at + length < len(words) and known + length < at and words[known + length] == words[at + length]:
            length += 1
        back = 0
        while known - back > 0 and at - back > max(last, known + length) and words[known - back - 1] == words[at - back - 1]:
            back += 1
        yield known - back, at - back, length + back
        last = at = at + length
