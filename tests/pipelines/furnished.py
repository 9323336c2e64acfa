"""Made-up sites whose every line is known to be furniture, correct text that recurs, or an article's own."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from archive.text import fold, sha256_folded
from pipelines.article import Article
from pipelines.fingerprint import fingerprint, text_flags
from tests.archive.rows import article_row

FIRST_DAY = datetime(2026, 1, 5, 6, tzinfo=UTC)
_SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstv" for vowel in "aeo"]
_VOCABULARY = sorted({a + b + c for a in _SYLLABLES for b in _SYLLABLES[::3] for c in ("", "n", "rt", "ss", "lim")})
SERIES = "This story is part of Long Rivers, in which we follow the boats from the spring to the sea."
PITCH = "You have read one of three free stories this month. Subscribe now to read all of them."


class Line(NamedTuple):
    """A block: its Markdown, and what it is: ``own``, or a kind of ``furniture: …`` or of ``correct: …``."""

    markdown: str
    kind: str

    @property
    def text(self) -> str:
        return self.markdown.removeprefix("## ").strip("*")


@dataclass(frozen=True)
class Furnished:
    """One article: its lines, and when it was fetched."""

    number: int
    fetched_at: datetime
    lines: list[Line]
    host: str = "news.example"

    @property
    def text(self) -> str:
        return "\n\n".join(line.text for line in self.lines)

    def row(self, **given: Any) -> dict[str, Any]:
        """Its row, uncut."""
        article = Article(title=f"Story {self.number}", text=self.text)
        fingerprint(article)
        url = f"http://{self.host}/{self.number}"
        measured = {name: getattr(article, name) for name in ("title", "text", "word_count", "text_sha256", "text_simhash")}
        usual = {
            "article_id": sha256_folded(url)[:32],
            "url": url,
            "url_host_name": self.host,
            "url_surtkey": f"example,news)/{self.number}",
            "fetched_at": self.fetched_at,
            "markdown": "\n\n".join(line.markdown for line in self.lines),
            "title_sha256": sha256_folded(fold(f"Story {self.number}")),
            "quality_flags": [flag for flag, holds in text_flags(article).items() if holds],
            "field_sources": {"text": "trafilatura"},
            "site_boilerplate": [],
        }
        return article_row(**measured | usual | given)


def site(count: int, seed: int = 1) -> list[Furnished]:
    """``count`` articles, ten a day, with eight kinds of furniture and eight kinds of correct text that recurs."""
    return [_article(number, count, random.Random(f"{seed}-{number}")) for number in range(count)]


def sentence(dice: random.Random) -> str:
    return " ".join(dice.choices(_VOCABULARY, k=dice.randint(8, 22))).capitalize() + "."


def _article(number: int, count: int, dice: random.Random) -> Furnished:
    day = number // 10
    own = [Line(" ".join(sentence(dice) for _ in range(dice.randint(1, 4))), "own") for _ in range(dice.randint(4, 16))]
    body = _with_correct_text(own, number, day, dice)
    lines = [*_head(dice), *_with_breaks(body, dice), *_tail(day, count, dice)]
    return Furnished(number, FIRST_DAY + timedelta(days=day), lines)


def _with_correct_text(lines: list[Line], number: int, day: int, dice: random.Random) -> list[Line]:
    def chance(share: float, markdown: str, kind: str) -> list[Line]:
        return [Line(markdown, f"correct: {kind}")] * (dice.random() < share)

    middle = len(lines) // 2
    quote = sentence(random.Random(f"quote {day}"))
    points = f"The index closed at {dice.randint(9, 13)},{dice.randint(100, 999)} points, up 0.{dice.randint(1, 9)} percent."
    flood = "The flood of last March had left four villages without a bridge for more than seven weeks."
    return [
        *chance(0.05, SERIES, "a series' introduction"),
        *lines[:middle],
        *chance(0.4, "## Background", "headings"),
        *lines[middle : middle + 1],
        *chance(0.05, "Why?", "short questions"),
        *chance(0.25, "**What happens next**", "headings"),
        *lines[middle + 1 :],
        *chance(0.08, points, "figures in a set phrase"),
        *chance(0.08, flood, "background of a long story"),
        *chance(0.06, "Ada Moor writes about boats every Friday.", "a columnist's last line"),
        *([Line(quote, "correct: a daily quote")] * (number % 2 == 0)),
    ]


def _head(dice: random.Random) -> list[Line]:
    minutes = f"{dice.randint(2, 12)} min read · listen to this story"
    return [Line(minutes, "furniture: minutes of reading")] * (dice.random() < 0.6)


def _with_breaks(lines: list[Line], dice: random.Random) -> list[Line]:
    out = []
    wanted = dice.random() < 0.7
    for place, line in enumerate(lines):
        out.append(line)
        if wanted and place % 4 == 1:
            out.append(Line("Advertisement", "furniture: advertisement"))
    if dice.random() < 0.4:
        out.insert(min(3, len(out)), Line(PITCH, "furniture: subscription"))
    return out


def _tail(day: int, count: int, dice: random.Random) -> list[Line]:
    def chance(share: float, *markdown: str, kind: str) -> list[Line]:
        return [Line(one, f"furniture: {kind}") for one in markdown] * (dice.random() < share)

    letter = "Every morning at six we send you what matters on the river. Leave us your address."
    days = count // 10
    season = 0.9 if day >= days * 6 // 7 else 0.0
    counters = f"{dice.randint(1, 90)},{dice.randint(100, 999)} people have read this, {dice.randint(1, 99)} have commented"
    legal = f"© {dice.randint(2020, 2026)} The River Courier. Updated on {dice.randint(1, 28)} May at {dice.randint(0, 23)}:05"
    return [
        *chance(0.9, "## The morning letter", letter, kind="newsletter"),
        *chance(0.8, counters, kind="counters"),
        *chance(0.2, "Follow the harbour desk for more from the quays.", kind="a section's own"),
        *chance(season, "The vote on the bridge: follow all results live.", kind="a season's"),
        *chance(1.0, legal, kind="legal notice with a date"),
    ]
