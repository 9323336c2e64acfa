"""What a watch says of itself while it goes on: a line an hour."""

from __future__ import annotations

import time
from dataclasses import dataclass

from crawler.schedule import Schedule


@dataclass(slots=True)
class Report:
    """Counts since the last line, and the line that is due every ``seconds``."""

    seconds: float
    since: float = 0.0
    visits: int = 0
    unchanged: int = 0
    entries: int = 0
    articles: int = 0

    def line(self, schedule: Schedule, articles: int) -> str | None:
        """The line, if it is time for it; then the counting begins anew. ``articles`` are those of the whole crawl so far."""
        now = time.monotonic()
        self.since = self.since or now
        if now - self.since < self.seconds:
            return None
        seeds, addresses = schedule.counts()
        wait = max(0.0, (schedule.next_due() or 0.0) - time.time())
        line = (
            f"Watching {seeds:,} sites, {addresses:,} addresses: {self.visits:,} visits in {now - self.since:,.0f} s,"
            f" {self.unchanged:,} of them unchanged; {self.entries:,} new entries, {articles - self.articles:,} articles;"
            f" next visit in {wait:,.0f} s"
        )
        self.since, self.visits, self.unchanged, self.entries, self.articles = now, 0, 0, 0, articles
        return line
