"""Text as it is compared: folded, hashed, and hashed so that near duplicates lie near."""

from __future__ import annotations

import hashlib
import re
import unicodedata

_WORD = re.compile(r"\w+")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_SHINGLE = 3
# a byte with its eight bits spread over eight 32-bit lanes: one addition counts eight bits
_SPREAD = [sum((byte >> bit & 1) << (32 * bit) for bit in range(8)) for byte in range(256)]


def fold(text: str) -> str:
    """The words alone: NFKC, case folded, everything but letters and digits one space."""
    return " ".join(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def count_words(text: str | None) -> int:
    """Words of a text; where a script sets no spaces (Chinese, Japanese, Thai …), two characters count as one word."""
    folded = fold(text or "")
    unspaced = len(_UNSPACED.findall(folded))
    return len(_UNSPACED.sub(" ", folded).split()) + (unspaced + 1) // 2


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
    lanes = [0] * 8
    count = max(1, len(words) - _SHINGLE + 1)
    for at in range(count):
        shingle = " ".join(words[at : at + _SHINGLE]).encode("utf-8", "replace")
        for place, byte in enumerate(hashlib.blake2b(shingle, digest_size=8).digest()):
            lanes[place] += _SPREAD[byte]
    ones = [lanes[bit // 8] >> (32 * (bit % 8)) & 0xFFFF_FFFF for bit in range(64)]
    return sum(1 << bit for bit, votes in enumerate(ones) if 2 * votes > count)
