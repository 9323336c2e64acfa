"""How an article came about, for people who ask: candidates and winners of its fields, and which lines of the page it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from difflib import SequenceMatcher

from pipelines.article import Article
from pipelines.body import Body
from pipelines.judge import KEEP, key_of
from pipelines.metadata import Metadata
from pipelines.ruled import Followed
from pipelines.segments import Segment


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a source says of a field, and what came of it."""

    source: str
    value: str | None
    verdict: str
    won: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the page: of the article, or ``removed`` with the reason."""

    text: str
    removed: str | None = None


@dataclass(slots=True)
class Trace:
    """Filled while a page is read (``pipelines.extract.read``)."""

    article: Article = field(default_factory=Article)
    candidates: dict[str, list[tuple[str, str | None]]] = field(default_factory=dict)
    followed: Followed = field(default_factory=Followed)
    page: Sequence[str] = ()
    judged: Sequence[tuple[Segment, float]] = ()

    def note(self, article: Article, metadata: Metadata, followed: Followed, page: Sequence[str], body: Body) -> None:
        """Keep what is known once the body is."""
        self.article, self.candidates, self.followed = article, metadata.candidates or {}, followed
        self.page, self.judged = page, body.judged

    def fields(self) -> Iterator[tuple[str, list[Candidate]]]:
        """Each field with its candidates in the order of trust."""
        for name, candidates in self.candidates.items():
            yield name, list(_weighed(candidates, self.article.field_sources.get(name), getattr(self.article, name, None)))

    def lines(self, cut_by_site: Sequence[str] = ()) -> Iterator[Line]:
        """All lines of the page in order; ``cut_by_site`` are lines that the row says were cut."""
        kept = [line for line in (self.article.text or "").split("\n") if key_of(line)]
        keys = [key_of(text) for text in self.page]
        cells = [key_of(cell) for line in kept for cell in line.split(" | ")]
        same: set[int] = set()
        for block in SequenceMatcher(None, keys, cells, autojunk=False).get_matching_blocks():
            same.update(range(block.a, block.a + block.size))
        site = {key_of(line) for line in cut_by_site}
        chances = {one.key: chance for one, chance in self.judged}
        for number, (text, key) in enumerate(zip(self.page, keys, strict=True)):
            if number in same and key not in site:
                yield Line(text)
            elif key:
                yield Line(text, self._reason(key, chances, site))

    def _reason(self, key: str, chances: dict[str, float], site: set[str]) -> str:
        if key in site:
            return "the site repeats it"
        if self.followed.body is not None:
            return f"outside the body of {self.followed.body_source}, or dropped"
        if key not in chances:
            return "hidden, furniture by its element, or dropped by a rule"
        if chances[key] < KEEP:
            return f"judge: {chances[key]:.0%} likely of the article"
        return "says again what is said elsewhere"


def _weighed(candidates: Sequence[tuple[str, str | None]], winner: str | None, value: object) -> Iterator[Candidate]:
    open_ = winner is not None
    for source, said in candidates:
        if not said:
            yield Candidate(source, None, "nothing there")
        elif open_ and source == winner:
            open_ = False
            yield Candidate(source, said, "taken: the first usable one in the order of trust", won=True)
        elif open_ or winner is None:
            yield Candidate(source, said, "not usable" if winner else "not taken")
        else:
            yield Candidate(source, said, "says the same" if said == _as_said(value) else "trusted less")


def _as_said(value: object) -> str:
    if isinstance(value, list):
        return "; ".join(str(one["name"]) if isinstance(one, dict) else str(one) for one in value)
    return value.isoformat() if isinstance(value, datetime) else str(value)
