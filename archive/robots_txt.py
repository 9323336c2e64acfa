"""The lines and groups of a robots.txt (RFC 9309), with the usage preferences that AIPREF attaches to paths in it
(draft-ietf-aipref-attach)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MOST = 500 * 1024  # bytes that are read (RFC 9309, 2.5)
_LONGEST_LINE = 16_664  # characters; longer lines are cut, as Google's parser does
_LINES = re.compile(r"\r\n|\r|\n")
# how people spell the directives; what is none of these is passed over
_NAMES = {name: name for name in ("user-agent", "allow", "disallow", "content-usage", "crawl-delay", "sitemap")}
_NAMES |= {"useragent": "user-agent", "user agent": "user-agent", "crawl delay": "crawl-delay", "site-map": "sitemap"}
_NAMES |= dict.fromkeys(("dissallow", "dissalow", "disalow", "diasllow", "disallaw"), "disallow")
_TOKEN = re.compile(r"[A-Za-z_-]+")
_DIRECTIVE = re.compile(r"\s*(" + "|".join(_NAMES) + r")\s*(?::|\s)\s*(.*)", re.IGNORECASE | re.DOTALL)
_USAGE = re.compile(r"(?:(/\S*)\s+)?(.+)", re.DOTALL)


def product_token(user_agent: str) -> str:
    """The name by which robots.txt files call a crawler (RFC 9309, 2.2.1), lower case: ``broadsheet`` of ``Broadsheet/1.0``,
    ``foobot`` of ``Mozilla/5.0 (compatible; Foobot/1.0)``."""
    _, compatible, name = user_agent.partition("(compatible;")
    found = _TOKEN.match((name if compatible else user_agent).strip())
    return found[0].lower() if found else "*"


def beginning(body: bytes) -> bytes:
    """What is read of a robots.txt: its first 500 KiB, without the line that is cut there. Half a rule forbids more than the
    whole."""
    return body if len(body) <= MOST else body[: max(body.rfind(b"\n", 0, MOST), body.rfind(b"\r", 0, MOST)) + 1]


@dataclass(slots=True)
class Group:
    """What a file says to one crawler: ``rules`` are names and values of its allow and disallow lines in order, ``usage`` path
    pattern and preferences of its content-usage lines, ``delays`` seconds."""

    rules: list[tuple[str, str]] = field(default_factory=list)
    usage: list[tuple[str, str]] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)


class RobotsTxt:
    """One robots.txt, read once."""

    def __init__(self, body: bytes) -> None:
        text = beginning(body).decode("utf-8", errors="replace").removeprefix("\ufeff")
        lines = (_directive(line[:_LONGEST_LINE].partition("#")[0]) for line in _LINES.split(text))
        self._lines = [line for line in lines if line]

    @property
    def sitemaps(self) -> list[str]:
        """The addresses of sitemaps that the file names, as they stand there."""
        return [value for name, value in self._lines if name == "sitemap" and value]

    def group(self, token: str) -> Group:
        """What is said to a crawler: all groups that name its product token, else all that are for everybody."""
        found = {token: Group(), "*": Group()}
        met: set[str] = set()
        names: set[str] = set()  # of the group at hand, as far as they are ours: a file may name thousands
        ruled = False
        for name, value in self._lines:
            if name == "user-agent":
                names, ruled = (set() if ruled else names) | ({_named(value)} & found.keys()), False
                met |= names
            elif name == "crawl-delay":
                for one in names:
                    found[one].delays.extend(_seconds(value))
            elif name != "sitemap":
                ruled = True
                for one in names:
                    _add_rule(found[one], name, value)
        return found[token] if token in met else found["*"]


def _add_rule(group: Group, name: str, value: str) -> None:
    if name != "content-usage":
        group.rules.append((name, value))
    elif rule := _USAGE.fullmatch(value):  # the drafts' path may be missing
        group.usage.append((rule[1] or "/", rule[2]))


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


def usage_of(group: Group, path: str) -> list[str]:
    """The usage preferences that hold for a path: of all rules with the longest pattern that matches it."""
    matching = [(pattern_length(pattern), preferences) for pattern, preferences in group.usage if covers(pattern, path)]
    longest = max((length for length, _ in matching), default=0)
    return [preferences for length, preferences in matching if length == longest]


def pattern_length(pattern: str) -> int:
    """How specific a pattern is: the bytes of it, encoded (RFC 9309, 2.2.2)."""
    return len(_encoded(pattern))


def covers(pattern: str, path: str) -> bool:
    """Whether a path (with its query) begins like a pattern of robots.txt or TDMRep: ``*`` stands for anything, ``$`` at the
    end for the path's end (RFC 9309, 2.2.3). Takes no longer than pattern times path, whatever the pattern."""
    rest, pieces = _encoded(path), _encoded(pattern.removesuffix("$")).split("*")
    if not rest.startswith(pieces[0]):
        return False
    at = len(pieces[0])
    middle, last = (pieces[1:-1], pieces[-1]) if pattern.endswith("$") else (pieces[1:], None)
    for piece in middle:
        found = rest.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    if last is None:
        return True
    return (len(pieces) == 1 and at == len(rest)) or (len(pieces) > 1 and rest.endswith(last) and len(rest) - len(last) >= at)


_ESCAPE = re.compile(r"%([0-9a-fA-F]{2})|[^\x21-\x7e]")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def _encoded(path: str) -> str:
    """A path in one form: what is not ASCII escaped, unreserved characters plain, escapes in capitals (RFC 3986, 6.2.2)."""
    return _ESCAPE.sub(_one_form, path)


def _one_form(found: re.Match[str]) -> str:
    if not found[1]:
        return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "replace"))
    plain = chr(int(found[1], 16))
    return plain if plain in _UNRESERVED else found[0].upper()
