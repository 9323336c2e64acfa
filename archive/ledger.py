"""What the ledger says of an address: how it was found, and its one state."""

from __future__ import annotations

from dataclasses import dataclass, field

# their places are the numbers in the frontier's file: add at the end alone
STATES = (
    "queued",
    "captured",
    "unchanged",
    "duplicate",
    "robots",
    "excluded",
    "out_of_range",
    "blocked",
    "failed",
    "not_article",
)
# "memory": queued as well, but in the memory of a process alone
CODES = {state: code for code, state in enumerate((*STATES, "memory"))}


PART_ROWS = 5_000


def part_of(address: int) -> int:
    """The part of the table in which the row of an address is, for ever: so that no address is there twice."""
    return (address - 1) // PART_ROWS + 1


def addresses_of(part: int) -> tuple[int, int]:
    """The first and the last address whose rows are in a part."""
    return (part - 1) * PART_ROWS + 1, part * PART_ROWS


def state_named(code: int) -> str:
    """The state that the frontier's file has as ``code``."""
    return STATES[code] if code < len(STATES) else "queued"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an address: its state, why, when (microseconds since 1970), and the record that shows it."""

    state: str
    reason: str | None = None
    settled: int | None = None
    record: str | None = None

    def values(self) -> tuple[int, str | None, int | None, str | None]:
        """The columns of the frontier's file."""
        return CODES[self.state], self.reason, self.settled, self.record


@dataclass(slots=True)
class Announced:
    """An address that the crawl came to know. ``sources`` are tokens of ``Frontier.source_token``, ``first`` and ``last`` say
    when it was announced, ``dated`` is the date that an announcement gives it: all in microseconds since 1970."""

    host: int
    url: str
    purpose: str | None
    sources: str
    first: int
    last: int
    dated: int | None = None
    outcome: Outcome = field(default_factory=lambda: Outcome("queued"))

    def values(self) -> tuple[object, ...]:
        """The columns of the frontier's file."""
        found = (self.host, self.url, self.purpose, self.sources, self.first, self.last, self.dated)
        return (*found, *self.outcome.values())
