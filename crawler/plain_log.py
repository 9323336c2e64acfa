"""Lines that nobody else can write: what an answer says may stand in logs and reports, but never begin a line, nor move a
terminal. And no user name or password of an address stands in them."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from scrapy import signals

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

# control characters (C0, C1, delete), and those by which Unicode parts lines or turns the direction of writing
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_INDENT = "\n    "
_USERINFO = re.compile(r"(?<=://)[^\s/?#<>\"']+@")


class PlainLog:
    """Extension that has every handler of the root logger write plain lines, from before the first request on."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> PlainLog:
        """Scrapy's constructor."""
        made = cls()
        # not now: Scrapy puts its handler in anew when the crawl begins
        crawler.signals.connect(made.spider_opened, signals.spider_opened)
        return made

    def spider_opened(self) -> None:
        """Set the formatters."""
        for handler in logging.root.handlers:
            if not isinstance(handler.formatter, PlainFormatter):
                handler.setFormatter(PlainFormatter(handler.formatter))


class PlainFormatter(logging.Formatter):
    """Formats as another does; lines after the first are indented, control characters are spelt out, secrets are blanked."""

    def __init__(self, inner: logging.Formatter | None) -> None:
        super().__init__()
        self._inner = inner or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        """The text of a record."""
        return plain(self._inner.format(record))


def plain(text: str) -> str:
    """``text`` as it may stand in a log: further lines indented, control characters as Python writes them, user name and
    password of addresses (RFC 3986, 3.2.1) blanked."""
    text = _USERINFO.sub("redacted@", text)
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text).replace("\n", _INDENT)


def show(lines: Iterable[str]) -> None:
    """Print a report, a line at a time, each as it may stand in a log."""
    for line in lines:
        print(plain(line))  # noqa: T201
