"""What publishers say of the use of their pages: robots directives, TDMRep and AIPREF, read as their texts say, put together.

Nothing is interpreted beyond that: what follows from a statement is the policy's business (``RIGHTS``, docs/rights.md).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

from archive.http import Head

Policy = Literal["record", "standard", "strict"]
POLICIES: tuple[Policy, ...] = ("record", "standard", "strict")
AGENT = "broadsheet"  # the product token by which pages speak to us
# response header fields that say something, lower case
FIELDS = ("x-robots-tag", "tdm-reservation", "tdm-policy", "content-usage")

_MOST = 4_000  # characters of one statement that are read
_BOUNDED = frozenset({"max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"})
_KNOWN = _BOUNDED | {
    "all", "none", "index", "noindex", "follow", "nofollow", "archive", "noarchive", "nocache", "snippet", "nosnippet", "noai",
    "noimageai", "noimageindex", "notranslate", "nositelinkssearchbox", "indexifembedded", "noodp", "noydir", "noml",
}  # fmt: skip
_NAMED = re.compile(r"\s*([A-Za-z][\w-]*)\s*:\s*(.*)", re.DOTALL)
# column: directives that say so, directives that deny it
_FLAGS = {
    "noarchive": (("noarchive", "nocache"), ("archive", "all")),
    "noindex": (("noindex", "none"), ("index", "all")),
    "nosnippet": (("nosnippet",), ("snippet", "all")),
    "noai": (("noai", "noml"), ()),
}


@dataclass(slots=True)
class Rights:
    """What is said of one page. None: nothing is said. ``sources`` names for each field the evidence: a header field, a meta
    element, a file of the site with its record id. Field names are those of the columns in ``archive.schema.ARTICLES``."""

    noarchive: bool | None = None
    noindex: bool | None = None
    nosnippet: bool | None = None
    noai: bool | None = None
    unavailable_after: datetime | None = None
    tdm_reservation: int | None = None
    tdm_policy: str | None = None
    usage: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)

    def add_robots(self, source: str, value: str) -> None:
        """Take the directives of a meta element or header field that hold for us; what restricts wins."""
        said = dict(directives(value))
        for name, (yes, no) in _FLAGS.items():
            if any(word in said for word in yes):
                self._set(name, True, source)
            elif getattr(self, name) is None and any(word in said for word in no):
                self._set(name, False, source)
        if said.get("max-snippet") == "0":
            self._set("nosnippet", True, source)
        ends = _moment(said.get("unavailable_after", ""))
        if ends and (self.unavailable_after is None or ends < self.unavailable_after):
            self._set("unavailable_after", ends, source)

    def set_tdm(self, source: str, reservation: object, policy: object, base: str) -> None:
        """Take a TDM reservation in place of what was said in a weaker place (TDMRep, 4.4: file, header, meta). A value that is
        neither 0 nor 1 says nothing."""
        reserved = {"0": 0, "1": 1}.get(str(reservation).strip()) if not isinstance(reservation, bool) else None
        if reserved is None:
            return
        self._set("tdm_reservation", reserved, source)
        self.tdm_policy = None
        self.sources.pop("tdm_policy", None)
        if isinstance(policy, str) and (url := _web_address(base, policy)):
            self._set("tdm_policy", url, source)

    def add_usage(self, source: str, preferences: str) -> None:
        """Take usage preferences; of several the restricting one holds (AIPREF vocabulary, 5.1)."""
        found = usage(preferences)
        for label, answer in found.items():
            if self.usage.get(label) != "n":
                self.usage[label] = answer
        if found:
            known = self.sources.get("content_usage")
            self.sources["content_usage"] = f"{known}, {source}" if known else source

    def complete(self, site: Rights) -> None:
        """Add what files of the site say: a TDM reservation where the page has none of its own, and usage preferences."""
        if self.tdm_reservation is None and site.tdm_reservation is not None:
            self.tdm_reservation, self.tdm_policy = site.tdm_reservation, site.tdm_policy
            self.sources |= {name: source for name, source in site.sources.items() if name.startswith("tdm_")}
        if site.usage:
            self.add_usage(site.sources["content_usage"], site.content_usage or "")

    def join(self, further: Rights) -> None:
        """Add what a further page of the same article says: of both the restricting holds."""
        for name in _FLAGS:
            ours, theirs = getattr(self, name), getattr(further, name)
            if theirs is not None and not ours and theirs is not ours:
                self._set(name, theirs, further.sources[name])
        ends = further.unavailable_after
        if ends and (self.unavailable_after is None or ends < self.unavailable_after):
            self._set("unavailable_after", ends, further.sources["unavailable_after"])
        if further.tdm_reservation is not None and (
            self.tdm_reservation is None or further.tdm_reservation > self.tdm_reservation
        ):
            self.set_tdm(further.sources["tdm_reservation"], further.tdm_reservation, further.tdm_policy, "")
        if further.usage.items() - self.usage.items():
            self.add_usage(further.sources["content_usage"], further.content_usage or "")

    def _set(self, name: str, value: object, source: str) -> None:
        if getattr(self, name) != value:
            setattr(self, name, value)
            self.sources[name] = source

    @property
    def content_usage(self) -> str | None:
        """The usage preferences in one line."""
        return ", ".join(f"{label}={answer}" for label, answer in sorted(self.usage.items())) or None

    def columns(self) -> dict[str, Any]:
        """The cells of an article's row."""
        return {name: getattr(self, name) for name in COLUMNS}

    def restrictions(self) -> list[str]:
        """What is restricted, word by word: ``noarchive``, ``unavailable_after=2026-12-01T00:00:00Z``, ``tdm-reservation=1``,
        ``train-ai=n``."""
        said = [name for name in _FLAGS if getattr(self, name)]
        if self.unavailable_after:
            said.append(f"{_EXPIRES}{self.unavailable_after:%Y-%m-%dT%H:%M:%SZ}")
        if self.tdm_reservation:
            said.append(_RESERVED)
        return said + [f"{label}=n" for label, answer in sorted(self.usage.items()) if answer == "n"]


COLUMNS = (
    "noarchive", "noindex", "nosnippet", "noai", "unavailable_after", "tdm_reservation", "tdm_policy", "content_usage",
)  # fmt: skip
_EXPIRES = "unavailable_after="
_RESERVED = "tdm-reservation=1"


def joined(pages: Iterable[Rights]) -> Rights:
    """What holds for an article on several pages, first to last."""
    whole = Rights()
    for one in pages:
        whole.join(one)
    return whole


def of_fields(fields: Mapping[str, str], url: str) -> Rights:
    """What response header fields say; ``fields`` by lower-case name, several of one name in a line each."""
    rights = Rights()
    for line in fields.get("x-robots-tag", "").splitlines():
        rights.add_robots("header:x-robots-tag", line)
    reservations = fields.get("tdm-reservation", "").split()
    if reservations:
        policy = fields.get("tdm-policy", "").splitlines()
        rights.set_tdm("header:tdm-reservation", max(reservations), policy[0] if policy else None, url)
    if "content-usage" in fields:
        rights.add_usage("header:content-usage", ", ".join(fields["content-usage"].splitlines()))
    return rights


def fields_of(head: Head, names: Iterable[str] = FIELDS) -> dict[str, str]:
    """The header fields of an answer that are asked for, several of one name in a line each."""
    found: dict[str, str] = {}
    for name, value in head.fields:
        if name in names:
            found[name] = f"{found[name]}\n{value}" if name in found else value
    return found


def header_restrictions(head: Head | None, url: str) -> list[str] | None:
    """What the head of an answer restricts; None if it says nothing of the kind."""
    if head is None or not (fields := fields_of(head)):
        return None
    return of_fields(fields, url).restrictions() or None


def withheld(restrictions: Iterable[str] | None, policy: Policy, now: datetime) -> str | None:
    """The restriction for which a record is left out of packages, or None: ``noarchive`` and what is past its
    ``unavailable_after`` by the standard policy, all reservations by the strict one."""
    for one in restrictions or ():
        expired = one.startswith(_EXPIRES) and f"{_EXPIRES}{now:%Y-%m-%dT%H:%M:%SZ}" >= one
        if policy != "record" and (one == "noarchive" or expired):
            return one
        if policy == "strict" and _reserves(one):
            return one
    return None


def without_text(restrictions: Iterable[str] | None, policy: Policy) -> bool:
    """Whether a page stands in packages without its text, so that no search shows it and nobody mines it."""
    said = restrictions or ()
    return policy != "record" and any(one in ("noindex", "nosnippet") or _reserves(one) or one.endswith("=n") for one in said)


def reserved(restrictions: Iterable[str] | None) -> str | None:
    """The restriction for which the strict policy makes no article of a page, or None."""
    return next((one for one in restrictions or () if one == "noarchive" or _reserves(one)), None)


def _reserves(restriction: str) -> bool:
    """Whether it reserves the making of copies for machines."""
    return restriction in ("noai", _RESERVED) or (restriction.endswith("=n") and restriction != "search=n")


def directives(value: str) -> Iterator[tuple[str, str]]:
    """Names and values of robots directives that hold for everybody or for us, lower case.

    ``googlebot: noindex, otherbot: noarchive`` names crawlers; what follows a name is for that crawler alone.
    """
    agent, pending = "", ""
    for part in value[:_MOST].split(","):
        while (named := _NAMED.match(part)) and named[1].lower() not in _BOUNDED:
            agent, part, pending = named[1].lower(), named[2], ""  # noqa: PLW2901
        name, _, rest = (text.strip().lower() for text in part.partition(":"))
        if agent not in ("", AGENT):
            continue
        if name in _KNOWN:
            pending = f"{rest}," if name == "unavailable_after" else ""
            yield name, rest
        elif pending:  # a date with a comma in it
            pending += f" {part.strip()}"
            yield "unavailable_after", pending


def _moment(text: str) -> datetime | None:
    """The instant that a directive names, in any form that is in use (RFC 822, RFC 850, ISO 8601). None if it is none."""
    for read in (datetime.fromisoformat, parsedate_to_datetime, lambda day: parsedate_to_datetime(f"{day} 00:00 +0000")):
        try:
            found = read(text.strip().upper())
            return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


# RFC 9651, 3.2: members of a dictionary with their parameters
_KEY = r"[a-z*][a-z0-9_.*-]*"
_BARE = (
    r"(?:\"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\[\"\\])*\"|%\"[\x20-\x21\x23-\x7e]*\"|:[A-Za-z0-9+/=]*:|\?[01]|@-?\d{1,15}"
    r"|-?\d{1,15}(?:\.\d{1,3})?|[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*)"
)
_PARAMETERS = rf"(?:[ ]*;[ ]*{_KEY}(?:={_BARE})?)*"
_INNER = rf"\([ ]*(?:{_BARE}{_PARAMETERS}(?:[ ]+{_BARE}{_PARAMETERS})*)?[ ]*\)"
_MEMBER = re.compile(rf"({_KEY})(?:=({_BARE}|{_INNER}))?{_PARAMETERS}")
_COMMA = re.compile(r"[ \t]*,[ \t]*")


def usage(preferences: str) -> dict[str, str]:
    """The labels of a statement of AI preferences with ``y`` or ``n``; other members are passed over, and a dictionary that is
    malformed says nothing (AIPREF vocabulary, 6; RFC 9651, 4.2.2)."""
    found: dict[str, str] = {}
    text, at = preferences[:_MOST].strip(" "), 0
    while at < len(text):
        member = _MEMBER.match(text, at)
        if member is None:
            return {}
        found[member[1]] = member[2] or ""  # the last of a name holds
        at = member.end()
        if at < len(text) and ((comma := _COMMA.match(text, at)) is None or (at := comma.end()) == len(text)):
            return {}
    return {label: answer for label, answer in found.items() if answer in ("y", "n")}


def _web_address(base: str, value: str) -> str | None:
    try:
        url = urljoin(base, value.strip()[:_MOST])
        return url if urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname else None
    except ValueError:
        return None
