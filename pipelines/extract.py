"""From a page's bytes to an article, in one parse; a pure function of bytes, address and header fields. Knows no Scrapy."""

from __future__ import annotations

import codecs
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.metadata import version

from lxml import etree
from lxml import html as lxml_html
from lxml.html import HtmlElement, HTMLParser
from trafilatura.external import jt_stoplist_init
from trafilatura.utils import detect_encoding
from w3lib.encoding import html_to_unicode

from archive.requisites import of_html
from archive.rights import of_fields
from pipelines.article import Article, Page
from pipelines.blocked import obstacle
from pipelines.body import Body, read_body
from pipelines.boilerplate import main_part, prune, without_head
from pipelines.evidence import Evidence, collect
from pipelines.fingerprint import fingerprint, text_flags
from pipelines.images import images_in, links_in
from pipelines.judge import Claims
from pipelines.metadata import Metadata, plain, tidy
from pipelines.rights import statements
from pipelines.scripted import html_in
from pipelines.verdict import decide

EXTRACTOR = f"broadsheet/{version('broadsheet')} trafilatura/{version('trafilatura')}"
_MOST_HTML = 20_000_000  # characters that are parsed
_MOST_ATTRIBUTES = 500
_LONG_TAG = re.compile(r"<[a-zA-Z][^>]{8192,}")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_MOST_TEXT = 2_000_000
_LITTLE = 25  # words; a page with less is looked for in its script data
_BINARY = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\ufffd]")


def extract(
    html: bytes,
    url: str,
    *,
    content_type: str | None = None,
    headers: Mapping[str, str] | None = None,
    requisites: bool = False,
) -> Page:
    """Read one page.

    ``content_type`` is the Content-Type header field as sent; ``headers`` may hold those that ``pipelines.reading.HEADERS``
    names, in lower case, several of one name in a line each. With ``requisites`` the page also says what it loads. Never raises
    for what a page holds: what cannot be read is not an article.
    """
    began = time.process_time()
    page = _read(html, url, content_type, dict(headers or {}), requisites)
    page.seconds = time.process_time() - began
    return page


def _read(html: bytes, url: str, content_type: str | None, headers: dict[str, str], requisites: bool) -> Page:
    charset, text = decode(html, content_type)
    if len(_BINARY.findall(text[:4_000])) > len(text[:4_000]) * 0.05:
        return Page("not_article", "binary data", rights=of_fields(headers, url))
    tree = parse(text)
    if tree is None:
        return Page("not_article", "no HTML" if html.strip() else "empty page", rights=of_fields(headers, url))
    evidence = collect(tree, url)
    loads = of_html(tree, url) if requisites else []
    article = Article(charset=charset, extractor=EXTRACTOR)
    said = statements(evidence, headers, url)
    metadata = Metadata(evidence, url, headers)
    metadata.fill(article)
    prune(tree)
    if article.published_at is None:
        metadata.date_by_text(article, main_part(tree))
    body = _body(article, tree, metadata, evidence, url)
    fingerprint(article)
    if wall := obstacle(200, headers, text, article.word_count, claims_article=bool(article.article_type)):
        return Page("blocked", wall.reason, rights=said)
    is_article, reason = decide(article, evidence, tree, url)
    if not is_article:
        return Page("not_article", reason, None, evidence.links, evidence.feeds, rights=said)
    article.quality_flags = flags(article, body)
    return Page("article", reason, article, evidence.links, evidence.feeds, loads, said)


def decode(html: bytes, content_type: str | None) -> tuple[str, str]:
    """The page's charset and its text, found as browsers do: header, byte order mark, meta element, then a guess."""
    html = html[:_MOST_HTML]
    # valid UTF-8 beyond ASCII is never anything else by chance, and declarations lie
    if not html.isascii() and (text := _utf8(html)) is not None:
        return "utf-8", text
    return html_to_unicode(content_type, html, auto_detect_fun=_guess)


def _guess(html: bytes) -> str:
    return next(iter(detect_encoding(html)), "windows-1252")


def _utf8(html: bytes) -> str | None:
    try:
        return codecs.getincrementaldecoder("utf-8-sig")().decode(html)  # a page that was cut may end within a character
    except UnicodeDecodeError:
        return None


def parse(text: str) -> HtmlElement | None:
    """The page as a tree, or None if there is none."""
    text = _LONG_TAG.sub(_without_flood, text.replace("\x00", ""))
    if not text.strip() or "<" not in text:
        return None
    try:
        # bytes with a known encoding: a declaration inside the page can no longer contradict it
        tree = lxml_html.document_fromstring(text.encode("utf-8", "replace"), parser=_parser())
    except Exception:  # lxml raises many kinds for what is no HTML
        return None
    return tree if len(tree) else None


def _without_flood(match: re.Match[str]) -> str:
    """A tag without its attributes, if it has absurdly many: the parser takes quadratic time over them."""
    tag = match[0]
    flooded = len(_QUOTED.sub("", tag).replace("=", " ").split()) > _MOST_ATTRIBUTES
    return re.split(r"[\s/]", tag, maxsplit=1)[0] if flooded else tag


@cache
def _parser() -> HTMLParser:
    parser = HTMLParser(encoding="utf-8", collect_ids=False, default_doctype=False, remove_comments=True, remove_pis=True)
    # lxml.html would look up each element's class in Python; nothing here asks for those of forms
    parser.set_element_class_lookup(etree.ElementDefaultClassLookup(element=HtmlElement))
    return parser


def _body(article: Article, tree: HtmlElement, metadata: Metadata, evidence: Evidence, url: str) -> Body:
    claimed = metadata.node.get("articleBody")
    claimed = claimed if isinstance(claimed, str) else None
    claims = Claims(article.title, article.description, claimed)
    body = read_body(tree, url, claims)
    if (
        body.words < _LITTLE
        and (html := html_in(evidence.data))
        and (scripted := parse(f"<article>{html}</article>")) is not None
    ):
        prune(scripted)
        body, tree = read_body(scripted, url, claims), scripted
        metadata.sources["text"] = "script"
    article.text = _paragraphs(body.text(), article)
    article.markdown = _paragraphs(body.markdown(), article)
    article.links = links_in(body.targets(), evidence.links)
    article.images = images_in(tree, article.text or "", evidence.base)
    if article.text:
        metadata.sources.setdefault("text", "judge+trafilatura" if body.witnessed else "judge")
    elif claimed:
        article.text = article.markdown = _paragraphs(_without_tags(claimed).split("\n"), article)
        metadata.sources["text"] = "jsonld:articleBody"
    return body


def _paragraphs(blocks: list[str], article: Article) -> str | None:
    said = [article.title, article.subtitle, article.byline_raw, article.published_raw]
    names = [author["name"] for author in article.authors]
    clean = [block for block in (plain(block).strip("\n ") for block in blocks) if block]
    return "\n\n".join(without_head(clean, said, names))[:_MOST_TEXT] or None


def _without_tags(text: str) -> str:
    return "\n".join(line for part in text[:_MOST_TEXT].split("\n") if (line := tidy(part)))


def flags(article: Article, body: Body) -> list[str]:
    """What to be wary of: ``short_text`` (under 80 words), ``no_title``, ``no_date``, ``date_future`` (more than a day
    ahead of now), ``paywalled``, ``repeated_text`` (the page has long paragraphs more than once, the text has them once)."""
    ahead = datetime.now(UTC) + timedelta(days=1)
    checks = {
        "no_title": article.title is None,
        "no_date": article.published_at is None,
        "date_future": article.published_at is not None and article.published_at > ahead,
        "paywalled": article.is_accessible_for_free is False,
        "repeated_text": body.repeated,
    } | text_flags(article)
    return [name for name, holds in checks.items() if holds]


def warm_up() -> None:
    """Pay what the first pages would. dateparser's locales (1.4 s) are left to the first page that needs them: many a crawl has
    none, and nobody waits for its first page that long."""
    with suppress(Exception):  # a library that changed inside costs its first page some time, no more
        jt_stoplist_init()
    words = " ".join(f"word{number}" for number in range(120))
    page = f"<html><head><title>warm</title></head><body><article><h1>Warm</h1><p>{words}</p></article></body></html>"
    extract(page.encode(), "https://example.org/warm")
