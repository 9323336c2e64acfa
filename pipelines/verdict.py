"""Article or not, and what decided."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from lxml.html import HtmlElement

from archive.text import count_folded, fold
from archive.url import site_key
from pipelines.article import Article
from pipelines.evidence import Evidence

_ENOUGH = 80  # words of a body that needs no other evidence
_LITTLE = 25
_MANY = 3  # lines that are links to other pages
_TEASER = 60  # words that a headline with its summary has at most
_SUMMARY = 30  # words that a summary under a headline has at most
_HEADLINES = 5
_SECTION = 200  # words that the summaries of a section have at most; a longer text gets the benefit of the doubt
_WEAK_DATES = frozenset({"url", "htmldate", "printed", "line"})
_FRONT = re.compile(r"/?(?:index\.\w{3,5}|home|[a-z]{2})?/?", re.IGNORECASE)


def decide(article: Article, evidence: Evidence, tree: HtmlElement, url: str) -> tuple[bool, str]:
    """Whether the page is an article, with the reason in a few words."""
    words = article.word_count
    if article.article_type and words:
        return True, f"jsonld {article.article_type}, {words} words"
    if not words:
        return False, "no body text"
    og = (evidence.meta("og:type") or ("", ""))[1].lower()
    if og == "article" and words >= _LITTLE:
        return True, f"og:type article, {words} words"
    share = _linked_share(tree)
    if _FRONT.fullmatch(urlsplit(url).path) and not urlsplit(url).query and share > 0.3:
        return False, "front page"
    teasers = _teasers(article, evidence, url)
    if teasers >= _MANY and words < _TEASER * teasers:
        return False, f"section: {teasers} of its lines begin with links to other pages"
    headlines = _headlines(tree)
    if headlines >= _HEADLINES and words < _SECTION and 2 * _long_lines(article) < headlines:
        return False, f"section: {headlines} headlines that are links, no body"
    if share > 0.6 and words < 5 * _ENOUGH:
        return False, f"links are {share:.0%} of the page's words"
    if words >= _ENOUGH:
        return True, f"{words} words of body"
    if article.field_sources.get("published_at", "url") not in _WEAK_DATES and words >= _LITTLE and share < 0.5:
        return True, f"dated by {article.field_sources['published_at']}, {words} words"
    return False, f"only {words} words"


def _teasers(article: Article, evidence: Evidence, url: str) -> int:
    """Lines of the text that begin with a link to another page of the site: a list of headlines consists of them."""
    site = site_key(url)
    others = [link for link in evidence.links if link["text"] and len(link["text"]) > 20 and site_key(link["url"]) == site]
    linked = tuple(fold(link["text"] or "") for link in others)
    return sum(fold(line).startswith(linked) for line in (article.text or "").split("\n\n")[:200]) if linked else 0


def _headlines(tree: HtmlElement) -> int:
    """Headings below the first rank that are links."""
    headings = (one for one in tree.iter("h2", "h3", "h4") if len(one.text_content()) > 20)
    return sum(next(one.iter("a"), None) is not None or next(one.iterancestors("a"), None) is not None for one in headings)


def _long_lines(article: Article) -> int:
    """Paragraphs too long for a summary under a headline."""
    return sum(count_folded(fold(line)) > _SUMMARY for line in (article.text or "").split("\n\n"))


def _linked_share(tree: HtmlElement) -> float:
    body = tree.find("body")
    whole = sum(len(text) for text in (tree if body is None else body).itertext())
    linked = sum(len(text) for link in tree.iter("a") for text in link.itertext())
    return linked / whole if whole else 0.0
