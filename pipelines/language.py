"""In which language an article is written: what the page declares, and what its words are.

The words are asked by CLD2, which Chrome had for this; its tables are in the library, and processes share them.
"""

from __future__ import annotations

from typing import NamedTuple

from pipelines.article import Article

try:
    import pycld2
except ImportError:  # there is none for this Python: what pages declare has to do
    pycld2 = None

MISMATCH = "language_mismatch"
_MOST = 3_000  # characters that are looked at
_ENOUGH = 200  # bytes of letters; fewer say little
_SURE = 0.7  # share of a text from which its words are believed against what the page declares
_FOLDED = {"nb": "no", "nn": "no", "iw": "he", "in": "id", "ji": "yi", "fil": "tl", "mo": "ro", "sh": "sr"}
# told apart by few words, and by nobody with certainty
_CLOSE = ({"hr", "sr", "bs"}, {"id", "ms"})


class Detected(NamedTuple):
    """A language (BCP 47, without region) and the share of the text that is in it."""

    language: str
    share: float


def detect(text: str) -> list[Detected]:
    """The languages of a text, most of it first; none if it is too short or like no language known."""
    if pycld2 is None:
        return []
    try:
        reliable, size, found = pycld2.detect(text[:_MOST].encode("utf-8", "ignore"))
    except pycld2.error:  # odd code points, which are no language
        return []
    if not reliable or size < _ENOUGH:
        return []
    return [Detected(code, percent / 100) for _, code, percent, _ in found if code != "un"]


def settle_language(article: Article) -> bool:
    """Decide ``language`` and its confidence from what is declared and what the text says; whether the two disagree.

    What is declared stays if the text has it, since it is more exact (``pt-BR``); words that are clearly of another language
    are believed.
    """
    found = detect(article.text or "")
    if not found:
        return False
    declared, first = article.language, found[0]
    same = next((one for one in found if declared and _same(declared, one.language)), None)
    article.language_confidence = same.share if same else 0.0 if declared else first.share
    if declared and (same or first.share < _SURE):
        return same is None or same is not first
    article.language, article.language_confidence = first
    article.field_sources["language"] = "text"
    return bool(declared) and _comparable(declared or "")


def _same(declared: str, detected: str) -> bool:
    one, other = (_FOLDED.get(code, code) for code in (primary(declared), primary(detected)))
    return one == other or any({one, other} <= close for close in _CLOSE)


def primary(tag: str) -> str:
    """The language of a tag without script and region."""
    return tag.partition("-")[0].lower()


def _comparable(tag: str) -> bool:
    """Whether it is a code of two letters; one of three (``eng``) may mean the same."""
    return len(primary(tag)) == 2
