"""Text as it is compared: folded, hashed, and hashed so that near duplicates lie near."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from zlib import crc32

_WORD = re.compile(r"\w+")
# scripts that set no spaces between words: Thai, Lao, Burmese, Khmer, Japanese, Chinese
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_SHINGLE = 3
_MANY = 400
# a byte with its eight bits spread over eight 32-bit lanes: one addition counts eight bits
_SPREAD = [sum((byte >> bit & 1) << (32 * bit) for bit in range(8)) for byte in range(256)]


def fold(text: str) -> str:
    """The words alone: NFKC, case folded, everything but letters and digits one space."""
    return " ".join(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def count_folded(folded: str) -> int:
    """Words of a folded text; where a script sets no spaces, two characters count as one word."""
    if folded.isascii():
        return folded.count(" ") + 1 if folded else 0
    unspaced = len(_UNSPACED.findall(folded))
    return len(_UNSPACED.sub(" ", folded).split()) + (unspaced + 1) // 2


def sha256_folded(folded: str) -> str:
    """SHA-256, hexadecimal, of a folded text."""
    return hashlib.sha256(folded.encode("utf-8", "replace")).hexdigest()


def simhash_folded(folded: str) -> int | None:
    """64-bit simhash over the three-word shingles of a folded text (Charikar 2002): texts that share most of their words
    differ in few bits. Of long texts a fourth of the shingles is taken, chosen by what they say. None where there is no word.
    """
    words = folded.encode("utf-8", "replace").split()
    if not words:
        return None
    runs = zip(*(words[at:] for at in range(_SHINGLE)), strict=False)
    shingles = set(map(b" ".join, runs)) or {b" ".join(words)}
    if len(shingles) > _MANY:
        shingles = {shingle for shingle in shingles if crc32(shingle) % 4 == 0} or shingles
    hashes = [hashlib.blake2b(shingle, digest_size=8).digest() for shingle in shingles]
    lanes = [sum(map(_SPREAD.__getitem__, column)) for column in zip(*hashes, strict=True)]
    votes = (lanes[bit // 8] >> (32 * (bit % 8)) & 0xFFFF_FFFF for bit in range(64))
    return sum(1 << bit for bit, ones in enumerate(votes) if 2 * ones > len(hashes))
