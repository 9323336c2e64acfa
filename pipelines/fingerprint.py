"""What makes two texts the same or nearly so, put beside the text while still in the worker."""

from __future__ import annotations

from archive.text import count_words, simhash, text_sha256
from pipelines.article import Article


def fingerprint(article: Article) -> Article:
    """Fill ``word_count``, the hashes of text and title and the simhash; returns the same article."""
    article.word_count = count_words(article.text)
    article.text_sha256 = text_sha256(article.text)
    article.title_sha256 = text_sha256(article.title)
    article.text_simhash = simhash(article.text)
    return article
