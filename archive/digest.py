"""Digests as WARC writes them: algorithm, colon, Base32 (WARC 1.1, 5.8); SHA-1 for the sake of every other tool."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable


def warc_digest(data: bytes) -> str:
    """``sha1:`` and the Base32 form of the SHA-1 of ``data``, as CDX files and players key on it."""
    return digest_of([data])


def digest_of(pieces: Iterable[bytes]) -> str:
    """The same of what comes piece by piece."""
    state = hashlib.sha1(usedforsecurity=False)
    for piece in pieces:
        state.update(piece)
    return "sha1:" + base64.b32encode(state.digest()).decode()


def matches(recorded: str, data: bytes) -> bool:
    """Whether a WARC digest field fits ``data``; any algorithm of hashlib, Base32 or hexadecimal.

    Raises ValueError for an algorithm that is not known.
    """
    algorithm, _, value = recorded.partition(":")
    raw = hashlib.new(algorithm.replace("-", ""), data, usedforsecurity=False).digest()
    return value.lower() == raw.hex() or value.upper().rstrip("=") == base64.b32encode(raw).decode().rstrip("=")
