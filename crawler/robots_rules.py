"""What a robots.txt allows, as RFC 9309 has it. Protego matches paths; which lines and groups it sees is decided by
``archive.robots_txt``.

Protego takes a part of a product token for the whole, lets unknown lines end a group, and splits lines where the RFC does not.
So it is given nothing but the rules of one crawler, with its product token spelt out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from protego import Protego
from scrapy.robotstxt import RobotParser

from archive.robots_txt import Group, RobotsTxt, product_token

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

# what str.splitlines, by which Protego reads, takes for the end of a line
_BREAKS = re.compile("[\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029]")


class RobotsRules(RobotParser):
    """The rules of one robots.txt; set as ``ROBOTSTXT_PARSER`` by the add-on."""

    def __init__(self, body: bytes) -> None:
        self._file = RobotsTxt(body)
        self._read: dict[str, tuple[Protego, Group]] = {}

    @classmethod
    def from_crawler(cls, crawler: Crawler, robotstxt_body: bytes) -> RobotsRules:
        """Scrapy's constructor."""
        return cls(robotstxt_body)

    def allowed(self, url: str | bytes, user_agent: str | bytes) -> bool:
        """Whether a crawler may fetch ``url``."""
        address = url.decode() if isinstance(url, bytes) else url
        return self._of(user_agent)[0].can_fetch(address, "x")

    def crawl_delay(self, user_agent: str | bytes) -> float | None:
        """Seconds that the file asks a crawler to leave between its requests."""
        return max(self.group(user_agent).delays, default=None)

    @property
    def sitemaps(self) -> list[str]:
        """The addresses of sitemaps that the file names, as they stand there."""
        return self._file.sitemaps

    def group(self, user_agent: str | bytes) -> Group:
        """What the file says to a crawler."""
        return self._of(user_agent)[1]

    def _of(self, user_agent: str | bytes) -> tuple[Protego, Group]:
        token = product_token(user_agent.decode() if isinstance(user_agent, bytes) else user_agent)
        if token not in self._read:
            group = self._file.group(token)
            lines = [f"{name}: {_BREAKS.sub(lambda match: quote(match[0]), value)}" for name, value in group.rules]
            self._read[token] = Protego.parse("\n".join(["User-agent: x", *lines])), group
        return self._read[token]
