"""What a robots.txt allows, as RFC 9309 has it. Protego matches paths; which lines and groups it sees is decided here.

Protego takes a part of a product token for the whole, lets unknown lines end a group, and splits lines where the RFC does not.
So it is given nothing but the rules of one crawler, with its product token spelt out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from protego import Protego
from scrapy.robotstxt import RobotParser

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

MOST = 500 * 1024  # bytes that are read (RFC 9309, 2.5)
_LONGEST_LINE = 16_664  # characters; longer lines are cut, as Google's parser does
_LINES = re.compile(r"\r\n|\r|\n")
# how people spell the directives; what is none of these is passed over
_NAMES = {name: name for name in ("user-agent", "allow", "disallow", "crawl-delay", "sitemap")}
_NAMES |= {"useragent": "user-agent", "user agent": "user-agent", "crawl delay": "crawl-delay", "site-map": "sitemap"}
_NAMES |= dict.fromkeys(("dissallow", "dissalow", "disalow", "diasllow", "disallaw"), "disallow")
_TOKEN = re.compile(r"[A-Za-z_-]+")
_DIRECTIVE = re.compile(r"\s*(" + "|".join(_NAMES) + r")\s*(?::|\s)\s*(.*)", re.IGNORECASE | re.DOTALL)
# what str.splitlines, by which Protego reads, takes for the end of a line
_BREAKS = re.compile("[\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029]")


def beginning(body: bytes) -> bytes:
    """What is read of a robots.txt: its first 500 KiB, without the line that is cut there. Half a rule forbids more than the
    whole."""
    return body if len(body) <= MOST else body[: max(body.rfind(b"\n", 0, MOST), body.rfind(b"\r", 0, MOST)) + 1]


def product_token(user_agent: str) -> str:
    """The name by which robots.txt files call a crawler (RFC 9309, 2.2.1), lower case: ``broadsheet`` of ``Broadsheet/1.0``,
    ``foobot`` of ``Mozilla/5.0 (compatible; Foobot/1.0)``."""
    _, compatible, name = user_agent.partition("(compatible;")
    found = _TOKEN.match((name if compatible else user_agent).strip())
    return found[0].lower() if found else "*"


class RobotsRules(RobotParser):
    """The rules of one robots.txt; set as ``ROBOTSTXT_PARSER`` by the add-on."""

    def __init__(self, body: bytes) -> None:
        text = beginning(body).decode("utf-8", errors="replace").removeprefix("\ufeff")
        lines = (_directive(line[:_LONGEST_LINE].partition("#")[0]) for line in _LINES.split(text))
        self._lines = [line for line in lines if line]
        self._read: dict[str, tuple[Protego, float | None]] = {}

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
        return self._of(user_agent)[1]

    @property
    def sitemaps(self) -> list[str]:
        """The addresses of sitemaps that the file names, as they stand there."""
        return [value for name, value in self._lines if name == "sitemap" and value]

    def _of(self, user_agent: str | bytes) -> tuple[Protego, float | None]:
        token = product_token(user_agent.decode() if isinstance(user_agent, bytes) else user_agent)
        if token not in self._read:
            rules, delay = self._group(token)
            self._read[token] = Protego.parse("\n".join(["User-agent: x", *rules])), delay
        return self._read[token]

    def _group(self, token: str) -> tuple[list[str], float | None]:
        """The rules for a crawler: of all groups that name it, else of all that are for everybody."""
        found: dict[str, tuple[list[str], list[float]]] = {token: ([], []), "*": ([], [])}
        met: set[str] = set()
        names: set[str] = set()  # of the group at hand, as far as they are ours: a file may name thousands
        ruled = False
        for name, value in self._lines:
            if name == "user-agent":
                names, ruled = (set() if ruled else names) | ({_named(value)} & found.keys()), False
                met |= names
            elif name == "crawl-delay":
                for one in names:
                    found[one][1].extend(_seconds(value))
            elif name != "sitemap":
                ruled = True
                for one in names:
                    found[one][0].append(f"{name}: {_BREAKS.sub(lambda match: quote(match[0]), value)}")
        rules, delays = found[token] if token in met else found["*"]
        return rules, max(delays, default=None)


def _directive(line: str) -> tuple[str, str] | None:
    """The name and the value of a line, if it is one of ours; the colon may be missing."""
    found = _DIRECTIVE.match(line)
    return (_NAMES[found[1].lower()], found[2].strip()) if found else None


def _named(value: str) -> str:
    """Whom a user-agent line is for: a product token, lower case, or ``*``; nobody for what is neither."""
    if value == "*" or (value.startswith("*") and value[1].isspace()):
        return "*"
    found = _TOKEN.match(value)
    return found[0].lower() if found else ""


def _seconds(value: str) -> list[float]:
    try:
        seconds = float(value)
    except ValueError:
        return []
    return [seconds] if 0 <= seconds < 1e9 else []
