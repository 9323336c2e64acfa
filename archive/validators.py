"""What a server says by which it can tell later that an answer is still the same: ETag and Last-Modified (RFC 9110, 8.8)."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from archive.http import Head

_LONGEST = 512  # characters of an entity tag: beyond, it is no tag but an attempt at something else
# RFC 9110, 8.8.3; and without the quotes, as some servers write and compare them: but never "*", which means any tag
_ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"|(?!\*$)[\x21\x23-\x2b\x2d-\x7e]+')
_OLDEST = datetime(1995, 1, 1, tzinfo=UTC)  # before there were news on the web: a clock that was never set
_SKEW = timedelta(minutes=5)
_ASKED = re.compile(rb"(?im)^if-(?:none-match|modified-since)[ \t]*:")


@dataclass(frozen=True, slots=True)
class Validators:
    """An entity tag and a date of change as the server wrote them; at least one of them."""

    etag: str | None
    last_modified: str | None

    def fields(self) -> list[tuple[str, str]]:
        """The header fields that ask whether an answer is still the same (RFC 9110, 13.1)."""
        known = (("If-None-Match", self.etag), ("If-Modified-Since", self.last_modified))
        return [(name, value) for name, value in known if value]


def validators_of(head: Head, date: datetime) -> Validators | None:
    """The validators of an answer that came at ``date``, as far as they can be sent back in good faith; None if none can."""
    etag = (head.get("etag") or "").strip()
    usable = len(etag) <= _LONGEST and _ETAG.fullmatch(etag)
    modified = _date_of_change(head.get("last-modified") or "", date)
    return Validators(etag if usable else None, modified) if usable or modified else None


def _date_of_change(text: str, date: datetime) -> str | None:
    """The date as it stands there, unless it is none, lies in the future or before there was anything to date."""
    if len(text) > 64 or not text.isascii():
        return None
    with suppress(ValueError, TypeError, IndexError, OverflowError):
        found = parsedate_to_datetime(text)
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        return text if _OLDEST <= found <= date + _SKEW else None
    return None


def is_conditional(request: bytes) -> bool:
    """Whether a request, as it was sent, asks for an answer only if that has changed: only then does a 304 mean anything."""
    return bool(_ASKED.search(request))
