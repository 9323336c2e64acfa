"""From a page's bytes to an article, in one parse; a pure function of bytes, address and header fields. Knows no Scrapy."""

from __future__ import annotations

import codecs
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import version

from lxml import etree
from lxml import html as lxml_html
from lxml.html import HtmlElement, HTMLParser
from trafilatura.external import jt_stoplist_init
from trafilatura.utils import detect_encoding

from archive.announcement import Announcement
from archive.markup import bounded, unicode_of
from archive.requisites import of_html
from archive.rights import of_fields
from pipelines.article import Article, Page
from pipelines.blocked import obstacle
from pipelines.body import Body, read_body
from pipelines.boilerplate import main_part, prune, without_head
from pipelines.evidence import Evidence, collect
from pipelines.fingerprint import fingerprint, title_sha256
from pipelines.images import images_in, links_in
from pipelines.judge import Claims
from pipelines.language import settle_language
from pipelines.live import append_missing, claimed_posts, entries, set_posts
from pipelines.metadata import Metadata, plain, tidy
from pipelines.paging import Turn, numbered, turn_of, twin_of
from pipelines.quality import flags, score
from pipelines.recipes import Recipe
from pipelines.rights import statements
from pipelines.ruled import Followed, cut, follow
from pipelines.scripted import html_in
from pipelines.segments import segments
from pipelines.titles import from_url
from pipelines.trace import Trace
from pipelines.verdict import decide

EXTRACTOR = f"broadsheet/{version('broadsheet')} trafilatura/{version('trafilatura')}"
_MOST_HTML = 20_000_000  # characters that are parsed
# a tag with 150 attributes or more, as HTML tokenizes them; possessive, so each tag is looked at once
_FLOOD = re.compile(
    r"""(<[a-zA-Z][^\s/>]*+)(?:[\s/]++[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s>"'][^\s>]*+)?+)?+){150,}+"""
)
_HUGE = 5_000_000  # characters of one text; the parser gives up a page at ten million bytes
_HUGE_TEXT = re.compile(rf"[^<]{{{_HUGE},}}+")
_RAW = re.compile(r"<(script|style|textarea|title)\b[^>]*>", re.IGNORECASE)
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
    recipe: Recipe | None = None,
    announced: Announcement | None = None,
) -> Page:
    """Read one page.

    ``content_type`` is the Content-Type header field as sent; ``headers`` may hold those that ``pipelines.reading.HEADERS``
    names, in lower case, several of one name in a line each. With ``requisites`` the page also says what it loads. ``recipe``
    is how people want the site's pages read, ``announced`` what a feed or news sitemap said of it. Never raises for what a page
    holds: what cannot be read is not an article.
    """
    began = time.process_time()
    page = read(html, url, content_type, dict(headers or {}), recipe=recipe, requisites=requisites, announced=announced)
    page.seconds = time.process_time() - began
    return page


def read(
    html: bytes,
    url: str,
    content_type: str | None,
    headers: dict[str, str],
    *,
    recipe: Recipe | None = None,
    requisites: bool = False,
    announced: Announcement | None = None,
    trace: Trace | None = None,
) -> Page:
    """As ``extract``; ``trace`` is filled with how it came about."""
    charset, text = decode(html, content_type)
    if len(_BINARY.findall(text[:4_000])) > len(text[:4_000]) * 0.05:
        return Page("not_article", "binary data", rights=of_fields(headers, url))
    tree = parse(text)
    if tree is None:
        return Page("not_article", "no HTML" if html.strip() else "empty page", rights=of_fields(headers, url))
    evidence = collect(tree, url)
    loads = of_html(tree, url) if requisites else []
    article = Article(charset=charset, extractor=EXTRACTOR, extractor_config=recipe.config if recipe else None)
    said = statements(evidence, headers, url)
    followed = follow(recipe, tree, html, url, headers)
    metadata = Metadata(evidence, url, headers, followed.fields, explain=trace is not None)
    metadata.fill(article)
    if article.title is None and (name := from_url(url)):
        article.title, metadata.sources["title"] = name, "url"
    article.posts = claimed_posts(metadata.node)
    posts = [] if article.posts else entries(tree, evidence.times, claims=article.article_type == "LiveBlogPosting")
    whole = [one.text for one in segments(tree)] if trace else []
    cut(recipe, followed, tree)
    prune(tree)
    if article.published_at is None:
        metadata.date_by_text(article, main_part(tree))
    if followed.body is not None:
        tree = followed.body
        prune(tree)
    body = _body(article, tree, metadata, evidence, url, followed=followed)
    if trace:
        trace.note(article, metadata, followed, whole, body)
    if article.posts and append_missing(article):
        metadata.sources["text"] = metadata.sources.get("text", "jsonld") + "+posts"
    article.posts = article.posts or set_posts(posts, body)
    fingerprint(article)
    if wall := obstacle(200, headers, text, article.word_count, claims_article=bool(article.article_type)):
        return Page("blocked", wall.reason, rights=said)
    turn = turn_of(url, evidence.previous, evidence.following)
    is_article, reason = _as_ruled(article, followed) or _as_page(article, turn, url) or decide(article, evidence, tree, url)
    if not is_article:
        return Page("not_article", reason, None, evidence.links, evidence.feeds, evidence.relations, rights=said)
    if announced and metadata.announce(article, announced):
        article.title_sha256 = title_sha256(article)
    mismatch = settle_language(article)
    article.quality_score = score(body.signs) if body.signs else None
    found = flags(article, repeated=body.repeated, mismatch=mismatch, claimed=_claimed(metadata))
    article.quality_flags = [*found, *followed.flags]
    twin = twin_of(url, article.canonical_url, tree)
    return Page("article", reason, article, evidence.links, evidence.feeds, evidence.relations, loads, turn, twin, said)


def _as_ruled(article: Article, followed: Followed) -> tuple[bool, str] | None:
    """What a person's rule finds a body in is an article."""
    ruled = followed.body_source and article.word_count
    return (True, f"body by {followed.body_source}, {article.word_count} words") if ruled else None


def _as_page(article: Article, turn: Turn, url: str) -> tuple[bool, str] | None:
    """A further page of an article is one too, however little is left for it."""
    return (True, f"page {numbered(url).number} of an article") if turn.previous and article.text else None


def decode(html: bytes, content_type: str | None) -> tuple[str, str]:
    """The page's charset and its text, found as browsers do: header, byte order mark, meta element, then a guess."""
    html = html[:_MOST_HTML]
    # valid UTF-8 beyond ASCII is never anything else by chance, and declarations lie
    if not html.isascii() and (text := _utf8(html)) is not None:
        return "utf-8", text
    return unicode_of(html, content_type, _guess)


def _guess(html: bytes) -> str:
    return next(iter(detect_encoding(html)), "windows-1252")


def _utf8(html: bytes) -> str | None:
    try:
        return codecs.getincrementaldecoder("utf-8-sig")().decode(html)  # a page that was cut may end within a character
    except UnicodeDecodeError:
        return None


def parse(text: str) -> HtmlElement | None:
    """The page as a tree, or None if there is none."""
    # the parser takes quadratic time over attributes; brackets in them and in scripts are no tags
    text = _FLOOD.sub(r"\1", text.replace("\x00", ""))
    if len(text) > _HUGE:
        text = _without_huge(text)
    text = bounded(text)
    if not text.strip() or "<" not in text:
        return None
    try:
        # bytes with a known encoding: a declaration inside the page can no longer contradict it
        tree = lxml_html.document_fromstring(text.encode("utf-8", "replace"), parser=_parser())
    except MemoryError:
        raise
    except Exception:  # lxml raises many kinds for what is no HTML
        return None
    return tree if len(tree) else None


def _without_huge(text: str) -> str:
    """A page without texts so long that the parser would give it up there; scripts first, which may hold angle brackets."""
    parts, at = [], 0
    while opening := _RAW.search(text, at):
        closing = re.compile(rf"</{opening[1]}", re.IGNORECASE).search(text, opening.end())
        end = closing.start() if closing else len(text)
        parts.append(text[at : opening.end() if end - opening.end() > _HUGE else end])
        at = end
    return _HUGE_TEXT.sub("", "".join([*parts, text[at:]]))


@cache
def _parser() -> HTMLParser:
    parser = HTMLParser(encoding="utf-8", collect_ids=False, default_doctype=False, remove_comments=True, remove_pis=True)
    # lxml.html would look up each element's class in Python; nothing here asks for those of forms
    parser.set_element_class_lookup(etree.ElementDefaultClassLookup(element=HtmlElement))
    return parser


def _body(article: Article, tree: HtmlElement, metadata: Metadata, evidence: Evidence, url: str, *, followed: Followed) -> Body:
    claimed = _claimed(metadata)
    if followed.body is not None:
        body, source = Body(segments(tree), doubt=0.0), followed.body_source
    else:
        claims = Claims(article.title, article.description, claimed)
        body = read_body(tree, url, claims)
        source = "judge+trafilatura" if body.witnessed else "judge"
        if body.words < _LITTLE and (scripted := _scripted(evidence)) is not None:
            body, source, tree = read_body(scripted, url, claims), "script", scripted
    article.text = _paragraphs(body.text(), article)
    article.markdown = _paragraphs(body.markdown(), article)
    article.links = links_in(body.targets(), evidence.links)
    article.images = images_in(tree, body.segments, evidence.base, [one["name"] for one in article.authors])
    if article.text and source:
        metadata.sources["text"] = source
    elif claimed:
        article.text = article.markdown = _paragraphs(_without_tags(claimed).split("\n"), article)
        metadata.sources["text"] = "jsonld:articleBody"
    return body


def _scripted(evidence: Evidence) -> HtmlElement | None:
    html = html_in(evidence.data)
    tree = parse(f"<article>{html}</article>") if html else None
    if tree is not None:
        prune(tree)
    return tree


def _claimed(metadata: Metadata) -> str | None:
    claimed = metadata.node.get("articleBody")
    return claimed if isinstance(claimed, str) else None


def _paragraphs(blocks: list[str], article: Article) -> str | None:
    said = [article.title, article.subtitle, article.byline_raw, article.published_raw]
    names = [author["name"] for author in article.authors]
    clean = [block for block in (plain(block).strip("\n").rstrip() for block in blocks) if block.strip()]
    return "\n\n".join(without_head(clean, said, names))[:_MOST_TEXT] or None


def _without_tags(text: str) -> str:
    text = text[:_MOST_TEXT]
    tree = parse(f"<div>{text}</div>") if "<" in text else None
    if tree is not None:
        prune(tree)
        text = "\n".join(Body(segments(tree)).text())
    return "\n".join(line for part in text.split("\n") if (line := tidy(part)))


def warm_up() -> None:
    """Pay what the first pages would."""
    with suppress(Exception):  # a library that changed inside costs its first page some time, no more
        jt_stoplist_init()
    words = " ".join(f"word{number}" for number in range(120))
    page = f"<html><head><title>warm</title></head><body><article><h1>Warm</h1><p>{words}</p></article></body></html>"
    extract(page.encode(), "https://example.org/warm")
