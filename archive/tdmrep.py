"""The file in which a site reserves text and data mining: ``/.well-known/tdmrep.json`` (W3C TDM Reservation Protocol)."""

from __future__ import annotations

import json
from dataclasses import dataclass

from archive.robots_txt import covers

PATH = "/.well-known/tdmrep.json"
MOST = 500 * 1024  # bytes that are read
_MOST_RULES = 2_000


@dataclass(frozen=True, slots=True)
class Rule:
    """A path pattern as in robots.txt, with what is said of it, as it stands in the file."""

    location: str
    reservation: object
    policy: object


def rules_of(body: bytes) -> list[Rule]:
    """The rules of a file in order; none if it is no such file."""
    try:
        read = json.loads(body[:MOST])
    except (ValueError, RecursionError):
        return []
    rules = [one for one in read if isinstance(one, dict)] if isinstance(read, list) else []
    return [
        Rule(location, one.get("tdm-reservation"), one.get("tdm-policy"))
        for one in rules[:_MOST_RULES]
        if isinstance(location := one.get("location"), str) and location
    ]


def rule_for(rules: list[Rule], path: str) -> Rule | None:
    """The rule that holds for a path (with its query): the first that matches (TDMRep, 4.2)."""
    return next((rule for rule in rules if covers(rule.location, path)), None)
