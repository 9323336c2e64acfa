"""What became of an address, as its last fetch tells: one of the ledger's states, with the reason."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from scrapy.exceptions import IgnoreRequest

from archive.capture import Capture
from archive.ledger import Outcome
from crawler.pace import HostLeftError
from crawler.range_gate import OutOfRangeError
from crawler.robots import RobotsForbiddenError, RobotsUnreachableError
from pipelines.rows import PAGES

if TYPE_CHECKING:
    from scrapy import Request

_USERINFO = re.compile(r"(?<=://)[^/\s@]+@")
# what became of a page (captures.extraction), in the words of the ledger
STATES_OF_PAGES = {
    "article": "captured",
    "page": "captured",  # a further one of an article
    "unchanged": "unchanged",
    "duplicate": "duplicate",
    "not_article": "not_article",
    "blocked": "blocked",
    "out_of_range": "out_of_range",
    "over_limit": "excluded",
    "excluded": "excluded",
    "reserved": "excluded",
    "taken_down": "excluded",
}


def outcome(state: str, reason: str | None, capture: Capture | None = None) -> Outcome:
    """An outcome as of now; the reason loses the credentials of addresses that it names."""
    return Outcome(
        state, reason and _USERINFO.sub("", reason)[:300], time.time_ns() // 1000, capture.record_id if capture else None
    )


def outcome_of(request: Request, error: BaseException | None, *, row_waits: bool = False) -> Outcome:
    """The outcome of a request that is done: ``error`` is what the downloader raised, if it did; ``row_waits`` says that its
    page is an article whose row waits for what it loads."""
    capture: Capture | None = request.meta.get("capture")
    if isinstance(error, RobotsForbiddenError):
        return outcome("robots", "robots.txt forbids it")
    if isinstance(error, (HostLeftError, RobotsUnreachableError)):
        return outcome("failed", str(error), capture)
    if isinstance(error, OutOfRangeError):
        return outcome("out_of_range", str(error))
    if isinstance(error, IgnoreRequest) and capture is None:
        return outcome("excluded", str(error) or type(error).__name__)
    if capture is None:
        return outcome("failed", _named(error)) if error else outcome("unchanged", "answered without a fetch")
    return _outcome_of_capture(request, capture, error, row_waits)


def _outcome_of_capture(request: Request, capture: Capture, error: BaseException | None, row_waits: bool) -> Outcome:
    if capture.extraction in STATES_OF_PAGES:
        return outcome(STATES_OF_PAGES[capture.extraction], capture.reason, capture)
    if capture.extraction:
        why = capture.reason if capture.extraction == "failed" else f"{capture.extraction}: {capture.reason}"
        return outcome("failed", why, capture)
    if error:
        return outcome("failed", _named(error), capture)
    if capture.truncated:
        return outcome("failed", f"truncated: {capture.truncated}", capture)
    if capture.status == 304:
        return outcome("unchanged", "not modified, says the server", capture)
    if capture.status is None or capture.status >= 400:
        return outcome("failed", capture.error or f"http {capture.status}", capture)
    if request.meta.get("purpose") in PAGES and not row_waits:
        return outcome("failed", "its page was not read", capture)
    return outcome("captured", None, capture)


def _named(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
