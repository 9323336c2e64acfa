"""Several pages of one article as one: a pure function of the pages in their order."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

from pipelines.article import Article
from pipelines.fingerprint import fingerprint, text_flags
from pipelines.gathering import Sheet
from pipelines.judge import key_of

LACKING = "pages_missing"
_MOST_TEXT = 2_000_000
_LONG = 40  # letters of a line that no article says twice


def join(pages: Sequence[Article], *, lacking: bool) -> Article:
    """The article whose pages these are; ``lacking`` if one of them is not here. Title, dates and the like are the first
    page's, a long line that a page before has is left out."""
    whole = copy.copy(pages[0])
    whole.text = _lines(page.text for page in pages)
    whole.markdown = _lines(page.markdown for page in pages)
    whole.images = list({one["url"]: one for page in reversed(pages) for one in reversed(page.images)}.values())[::-1]
    whole.links = list({one["url"]: one for page in reversed(pages) for one in reversed(page.links)}.values())[::-1]
    whole.posts = list({(one["at"], one["title"], one["text"]): one for page in pages for one in page.posts}.values())
    whole.authors = next((page.authors for page in pages if page.authors), [])
    whole.quality_score = _mean(pages)
    fingerprint(whole)
    told = text_flags(whole)
    flags = dict.fromkeys(flag for page in pages for flag in page.quality_flags if flag not in told)
    whole.quality_flags = [*flags, *(flag for flag, holds in told.items() if holds), *[LACKING] * lacking]
    return whole


def _lines(texts: Iterable[str | None]) -> str | None:
    seen: set[str] = set()
    kept = []
    for text in texts:
        lines = [(line, key_of(line)) for line in (text or "").split("\n\n")]
        kept += [line for line, key in lines if line and (len(key) < _LONG or key not in seen)]
        seen.update(key for _, key in lines)
    return "\n\n".join(kept)[:_MOST_TEXT] or None


def _mean(pages: Sequence[Article]) -> float | None:
    """The pages' scores, weighed by their words."""
    scored = [(page.quality_score, page.word_count) for page in pages if page.quality_score is not None]
    words = sum(count for _, count in scored)
    return sum(one * count for one, count in scored) / words if words else None


def page_columns(sheets: Iterable[Sheet]) -> list[dict[str, Any]]:
    """The column ``pages``: address and record of each page."""
    places = ((sheet.capture.url, sheet.capture.original or sheet.capture) for sheet in sheets)
    return [
        {
            "url": url,
            "warc_filename": one.filename,
            "warc_record_offset": one.offset,
            "warc_record_length": one.length,
            "warc_record_id": one.record_id,
        }
        for url, one in places
    ]
