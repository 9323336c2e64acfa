"""The hostile newsroom: servers and pages that mean harm, each with what must come of it (docs/hostile.md)."""

from .case import Case
from .server import CASES, HostileNewsroom

__all__ = ["CASES", "Case", "HostileNewsroom"]
