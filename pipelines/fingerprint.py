"""What makes two texts the same or nearly so, put beside the text while still in the worker."""

from __future__ import annotations

from archive.text import count_folded, fold, sha256_folded, simhash_folded
from pipelines.article import Article


def fingerprint(article: Article) -> None:
    """Fill ``word_count``, the hashes of text and title, and the simhash."""
    folded = fold(article.text or "")
    article.word_count = count_folded(folded)
    article.text_sha256 = sha256_folded(folded) if article.text else None
    article.title_sha256 = title_sha256(article)
    article.text_simhash = simhash_folded(folded)


def title_sha256(article: Article) -> str | None:
    """The hash of an article's folded title."""
    return sha256_folded(fold(article.title)) if article.title else None


def text_flags(article: Article) -> dict[str, bool]:
    """The quality flags that hang on the text alone: ``short_text`` (under 80 words)."""
    return {"short_text": article.word_count < 80}
