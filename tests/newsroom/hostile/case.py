"""One hostile input: what it sends, and what must come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tests.wire.server import Reply

DOMAIN = "hostile.test"
PORT, SECURE_PORT = b"{PORT}", b"{SECURE}"  # stand for the servers' ports in answers
LINE = "<p>The ferry {0} called at pier {1} before noon, and {2} passengers went ashore with their bicycles.</p>"


@dataclass(frozen=True)
class Case:
    """``name`` is the label of its host; ``does`` says what it does. ``replies`` are its answers by path, of which ``entry`` is
    the address that is asked for, as a page, feed, sitemap or front page.

    ``facts`` are what the row of ``at`` has to say, reasons and errors by a part of them; ``then`` says what else must hold.
    """

    name: str
    does: str
    replies: Mapping[str, Reply]
    facts: Mapping[str, object]
    then: str = ""
    entry: str = "/page"
    kind: Literal["page", "feed", "sitemap", "site"] = "page"
    at: str = ""
    secure: bool = False
    unasked: tuple[str, ...] = field(default=())  # paths that nobody may ask for

    @property
    def host(self) -> str:
        """Its host's name."""
        return f"{self.name}.{DOMAIN}"

    def outcome(self) -> str:
        """What must come of it, for people."""
        facts = dict(self.facts)
        state, reason = facts.get("extraction"), facts.get("extraction_reason")
        words = {
            "article": "an article, as far as it goes",
            "not_article": "not an article",
            "failed": "failed",
            "blocked": "blocked",
        }
        said = [words[str(state)] + (f" ({reason})" if reason else "")] if state else []
        said += [f"not fetched ({facts['fetch_error']})"] if "fetch_error" in facts else []
        said += [f"HTTP {facts['fetch_status']}, recorded"] if "fetch_status" in facts else []
        if cut := facts.get("content_truncated"):
            said.append(f"cut, `WARC-Truncated: {' or '.join(cut) if isinstance(cut, tuple) else cut}`")
        return "; ".join([*said, *([self.then] if self.then else [])])


def story(name: str, more: str = "", head: str = "") -> bytes:
    """A healthy page that no other case has, with ``more`` behind its text."""
    title = f"The {name} ferry runs again"
    body = "".join(LINE.format(name, number, number + 3) for number in range(9))
    page = f"<html><head><title>{title}</title>{head}</head><body><article><h1>{title}</h1>{body}</article>{more}</body></html>"
    return page.encode()


def answer(
    body: bytes, head: bytes = b"", media: bytes = b"text/html", status: bytes = b"200 OK", length: int | None = None
) -> bytes:
    """An orderly HTTP answer, but for a ``length`` that lies."""
    size = len(body) if length is None else length
    return b"HTTP/1.1 %s\r\nContent-Type: %s\r\n%sContent-Length: %d\r\n\r\n%s" % (status, media, head, size, body)


def reply(body: bytes, head: bytes = b"", media: bytes = b"text/html", status: bytes = b"200 OK", end: str = "keep") -> Reply:
    """The same as a Reply."""
    return Reply((answer(body, head, media, status),), end)


def moved(target: bytes) -> Reply:
    """A redirect."""
    return Reply((b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % target,))


ARTICLE = {"extraction": "article"}
NO_ARTICLE = {"extraction": "not_article"}
FAILED = {"extraction": "failed"}
CUT_LONG = FAILED | {"content_truncated": "length"}
CUT_LATE = FAILED | {"content_truncated": "time"}
CUT_EITHER = FAILED | {"content_truncated": ("length", "time")}  # whichever comes first
CUT_OFF = FAILED | {"content_truncated": "disconnect"}
EMPTY = reply(b"", media=b"text/plain")
