"""What a feed or news sitemap said of a page before it was fetched; kept with the page's records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Announcement:
    """A page's headline and the (aware) instant of its publication, as ``source`` (feed or news_sitemap) gives them."""

    source: str
    title: str | None = None
    published: datetime | None = None

    def fields(self) -> list[tuple[str, str | None]]:
        """As lines of the metadata record of the page's capture."""
        published = self.published.isoformat() if self.published else None
        return [("announcedBy", self.source), ("announcedTitle", self.title), ("announcedDate", published)]


def announcement_of(known: Mapping[str, str]) -> Announcement | None:
    """What the lines of a metadata record say; None if they say nothing of the kind, or nothing that can be understood."""
    source = known.get("announcedBy")
    try:
        date = datetime.fromisoformat(known.get("announcedDate") or "")
    except ValueError:
        date = None
    published = date if date and date.tzinfo else None
    title = known.get("announcedTitle") or None
    return Announcement(source, title, published) if source in ("feed", "news_sitemap") and (title or published) else None
