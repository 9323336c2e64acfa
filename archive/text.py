"""Text as it is compared: folded, hashed, and hashed so that near duplicates lie near."""

from __future__ import annotations

import hashlib
import re
import unicodedata

_WORD = re.compile(r"\w+")
_SHINGLE = 3


def fold(text: str) -> str:
    """The words alone: NFKC, case folded, everything but letters and digits one space."""
    return " ".join(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def text_sha256(text: str | None) -> str | None:
    """SHA-256, hexadecimal, of the folded text; None for None."""
    return None if text is None else hashlib.sha256(fold(text).encode("utf-8", "replace")).hexdigest()


def simhash(text: str | None) -> int | None:
    """64-bit simhash over three-word shingles (Charikar 2002): texts that share most words differ in few bits.

    None where there is no word.
    """
    words = fold(text or "").split()
    if not words:
        return None
    weights = [0] * 64
    for at in range(max(1, len(words) - _SHINGLE + 1)):
        shingle = " ".join(words[at : at + _SHINGLE]).encode("utf-8", "replace")
        bits = int.from_bytes(hashlib.blake2b(shingle, digest_size=8).digest(), "big")
        for bit in range(64):
            weights[bit] += 1 if bits >> bit & 1 else -1
    return sum(1 << bit for bit, weight in enumerate(weights) if weight > 0)
