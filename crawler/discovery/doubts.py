"""Articles of which only a date of change is known that lies after the range: whether more of them are worth asking for.

They may have been published in the range and corrected later, or be too new altogether. Only pages tell, so some are asked for.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta

_MONTH = timedelta(days=30)
_WORTH = 0.05  # chance of lying within, below which no more are asked for
_MOST = 10_000


def distance(changed: datetime, until: datetime) -> int:
    """How long after the range something was changed: 0 for a month, 1 for two, 2 for four, and so on to 6."""
    return min(6, max(0, int((changed - until) / _MONTH)).bit_length())


class Doubts:
    """Counts, for each site and distance, which of such articles lay within the range."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, int], list[int]] = OrderedDict()

    def learn(self, site: str, distance: int, *, within: bool) -> None:
        """The page of such an article told its date of publication."""
        counts = self._seen.setdefault((site, distance), [0, 0])
        counts[not within] += 1
        self._seen.move_to_end((site, distance))
        if len(self._seen) > _MOST:
            self._seen.popitem(last=False)

    def settled(self, site: str, distance: int) -> str | None:
        """Why no more of them are asked for (Laplace's rule of succession); None if they are."""
        within, outside = self._seen.get((site, distance), (0, 0))
        if (within + 1) / (within + outside + 2) >= _WORTH:
            return None
        return f"changed after the range, as {within + outside} others of its site, of which {within} lay within"
