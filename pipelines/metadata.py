"""Every field by evidence: candidates in a declared order, the first usable one wins and is named in ``field_sources``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from typing import Any
from urllib.parse import urljoin, urlsplit

from htmldate import find_date
from lxml.html import HtmlElement

from archive.announcement import Announcement
from archive.url import site_key
from pipelines import authors, bylines, datelines, dates, jsonld, rights
from pipelines.article import Article, Author
from pipelines.evidence import Evidence, text_of
from pipelines.titles import Heading, Standing, ranked

_LANGUAGE = re.compile(r"[a-z]{2,3}(?:[-_][a-z0-9]{2,8})*", re.IGNORECASE)
_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u200e\u200f\u202a-\u202e\u2066-\u2069\u2060\ufeff\ud800-\udfff]"
)
_PUBLISHED = (
    "article:published_time", "og:article:published_time", "article:published", "og:published_time", "datepublished",
    "parsely-pub-date", "sailthru.date", "dc.date.issued", "dcterms.created", "dc.date", "dcterms.date",
    "citation_publication_date", "citation_date", "pubdate", "publishdate", "publish-date", "publish_date",
    "publication_date", "date", "cxenseparse:recs:publishtime", "bt:pubdate", "iso-8601-publish-date",
    "last_published_date", "cxenseparse:publishtime", "published", "vr:published_time", "shareaholic:article_published_time",
)  # fmt: skip
_MODIFIED = ("article:modified_time", "og:updated_time", "datemodified", "dcterms.modified", "last-modified", "lastmod")
_AUTHOR = (
    "author", "article:author", "dc.creator", "dcterms.creator", "citation_author", "parsely-author", "sailthru.author", "byl",
    "article:author_name", "articleauthor", "cxenseparse:author", "twitter:data1",
)  # fmt: skip

_AT_ONCE, _LONG_BEFORE = timedelta(minutes=1), timedelta(days=1)
_MOST_HEADINGS = 50
_PRINTED = ("byline", "profile", "line")

Candidates = Iterable[tuple[str, str | None]]
Ruled = Mapping[str, Sequence[tuple[str, str | None]]]


class Metadata:
    """Fills an article's fields from a page's evidence.

    ``rules`` are a site's own candidates for some fields, which come first; with ``explain``, ``candidates`` keeps for every
    field all that was said, in the order of trust.
    """

    def __init__(
        self, evidence: Evidence, url: str, headers: dict[str, str], rules: Ruled | None = None, *, explain: bool = False
    ) -> None:
        self._evidence, self._url, self._headers, self._rules = evidence, url, headers, rules or {}
        self.candidates: dict[str, list[tuple[str, str | None]]] | None = {} if explain else None
        self._bylines = bylines.bylines(evidence)
        self._nodes = jsonld.nodes(evidence.scripts)
        self.node = jsonld.main_article(self._nodes, evidence.canonical or url)
        self.sources: dict[str, str] = {}

    def fill(self, article: Article) -> None:
        """Decide every field that the markup can tell."""
        article.canonical_url = self._canonical()
        article.site_name = self._first("site_name", self._metas("og:site_name", "application-name"))
        article.publisher = self._first("publisher", [("jsonld:publisher", jsonld.string(self.node.get("publisher")))])
        article.title = self._title(article)
        article.subtitle = self._first("subtitle", self._json("alternativeHeadline"))
        metas = self._metas("og:description", "description", "twitter:description", "dc.description")
        article.description = self._first("description", [*self._json("description"), *metas])
        article.byline_raw = self._byline()
        article.authors = self._authors(article)
        article.section = self._first(
            "section", [*self._json("articleSection"), *self._metas("article:section", "parsely-section")]
        )
        article.tags = self._tags()
        article.article_type = self._first("article_type", [("jsonld:@type", jsonld.article_type(self.node))])
        article.language = self._language()
        article.main_image_url = self._image()
        self._dates(article)
        rights.fill(article, self._evidence, self.node, self._headers, self._first)
        article.field_sources = self.sources

    def _considered(self, field: str, candidates: Candidates) -> Candidates:
        """The candidates, those of a site's rules first; kept if somebody wants to know."""
        ruled = self._rules.get(field, ())
        if self.candidates is not None:
            found = [*ruled, *candidates]
            self.candidates[field] = [(source, tidy(value)) for source, value in found]
            return found
        return chain(ruled, candidates)

    def _first(self, field: str, candidates: Candidates) -> str | None:
        for source, value in self._considered(field, candidates):
            cleaned = tidy(value)
            if cleaned:
                self.sources[field] = source
                return cleaned
        return None

    def _metas(self, *names: str) -> Iterator[tuple[str, str | None]]:
        for name in names:
            for value in self._evidence.metas.get(name, [])[:1]:
                yield f"meta:{name}", value

    def _json(self, key: str) -> Iterator[tuple[str, str | None]]:
        yield f"jsonld:{key}", jsonld.string(self.node.get(key))

    def _canonical(self) -> str | None:
        og = self._evidence.meta("og:url")
        for source, value in (("link:canonical", self._evidence.canonical), ("meta:og:url", og and og[1])):
            url = _web_address(self._url, value)
            here = urlsplit(self._url)
            if (
                url
                and site_key(url) == site_key(self._url)
                and not (urlsplit(url).path in ("", "/") and here.path not in ("", "/"))
            ):
                self.sources["canonical_url"] = source
                return url
        return None

    def _title(self, article: Article) -> str | None:
        domain = site_key(self._url)
        names = [article.site_name, article.publisher, domain, domain.partition(".")[0]]  # often the site's name, run together
        metas = self._metas("og:title", "twitter:title", "dc.title", "headline", "title")
        claims = [(source, clean) for source, value in (*self._json("headline"), *metas) if (clean := tidy(value))]
        headings = [Heading(tidy(text_of(one)) or "", _standing(one)) for one in self._evidence.headings[:_MOST_HEADINGS]]
        return self._first("title", ranked(headings, claims, self._evidence.page_title or "", names))

    def _byline(self) -> str | None:
        texts = [("byline", text_of(element)) for element in self._bylines[:8]]
        return self._first("byline_raw", [(source, text) for source, text in texts if 2 < len(text) < 200])

    def _authors(self, article: Article) -> list[Author]:
        by_id = {str(node["@id"]): node for node in self._nodes if node.get("@id") and node.get("name")}
        domain = site_key(self._url)
        publishers = [article.publisher, article.site_name, domain, domain.partition(".")[0]]
        house: tuple[str, list[Author]] | None = None
        if self.candidates is not None:
            told = ((source, "; ".join(one["name"] for one in found)) for source, found in self._author_candidates(by_id))
            list(self._considered("authors", told))
        if ruled := self._ruled_authors():
            return ruled
        for source, found in self._author_candidates(by_id):
            usable = [one | {"name": tidy(one["name"]) or "", "url": _web_address(self._url, one["url"])} for one in found]
            kept, people = authors.without([one for one in usable if one["name"]], publishers)
            # after the house's own name only a clear byline counts: other printed names may be anybody's
            if people and (house is None or source not in _PRINTED or all(authors.looks_signed(one["name"]) for one in kept)):
                self.sources["authors"] = source
                return kept
            if kept and house and not people and source in _PRINTED:
                break  # the page itself prints the house's name
            house = house or ((source, kept) if kept else None)
        if house:
            self.sources["authors"] = house[0]
        return house[1] if house else []

    def _ruled_authors(self) -> list[Author]:
        said = self._rules.get("authors", ())
        names = dict.fromkeys(name for _, value in said for name in authors.names_in(tidy(value) or ""))
        if names:
            self.sources["authors"] = said[0][0]
        return [authors.author(name) for name in names]

    def _author_candidates(self, by_id: dict[str, Any]) -> Iterator[tuple[str, list[Author]]]:
        for key in ("author", "creator"):
            yield f"jsonld:{key}", authors.from_jsonld(self.node.get(key), by_id)
        for name in _AUTHOR:
            values = self._evidence.metas.get(name, [])
            yield f"meta:{name}", [authors.author(one) for value in values[:12] for one in authors.names_in(value)]
        for source, names in self._printed_names():
            yield source, [authors.author(name) for name in names]

    def _printed_names(self) -> Iterator[tuple[str, list[str]]]:
        for element in self._evidence.property("author")[:6]:
            yield "itemprop:author", bylines.printed(element)
        for element in self._bylines[:6]:
            source = "rel:author" if element.get("rel") == "author" else "byline"
            yield source, bylines.printed(element) or bylines.called(element)
        for element in bylines.profiles(self._evidence.tree):
            yield "profile", bylines.signed(element)
        for heading in self._evidence.headings[:1]:
            for element in chain(bylines.lines(heading), bylines.labelled(heading)):
                yield "line", bylines.signed(element)

    def _tags(self) -> list[str]:
        keywords = self.node.get("keywords")
        listed = keywords if isinstance(keywords, list) else [keywords]
        ruled = self._rules.get("tags", ())
        ours = ((source, [value for _, value in ruled]) for source, _ in ruled[:1])
        for source, values in (*ours, ("jsonld:keywords", listed), *self._tag_metas()):
            tags = [tidy(part) for value in values for part in re.split(r"[,;]", jsonld.string(value) or "")]
            if found := list(dict.fromkeys(tag for tag in tags if tag and len(tag) < 80)):
                self.sources["tags"] = source
                return found[:50]
        return []

    def _tag_metas(self) -> Iterator[tuple[str, list[str]]]:
        for name in ("article:tag", "news_keywords", "keywords", "parsely-tags", "sailthru.tags"):
            yield f"meta:{name}", self._evidence.metas.get(name, [])

    def _language(self) -> str | None:
        candidates = [
            *self._json("inLanguage"),
            ("html:lang", self._evidence.language),
            *self._metas("og:locale", "content-language"),
        ]
        candidates.append(("header:content-language", self._headers.get("content-language", "").partition("\n")[0]))
        for source, value in self._considered("language", candidates):
            if value and (found := _LANGUAGE.fullmatch(value.strip())):
                self.sources["language"] = source
                return _bcp47(found[0])
        return None

    def _image(self) -> str | None:
        value = self.node.get("image")
        value = value[0] if isinstance(value, list) and value else value
        claimed = value.get("url") or value.get("contentUrl") if isinstance(value, dict) else value
        candidates = [
            *self._metas("og:image", "twitter:image"),
            ("jsonld:image", claimed if isinstance(claimed, str) else None),
        ]
        return self._first("main_image_url", [(source, _web_address(self._url, value)) for source, value in candidates])

    def date_by_text(self, article: Article, part: HtmlElement) -> None:
        """The last resort where no markup dates the page: htmldate's search of its text."""
        try:
            found = find_date(part, original_date=True, extensive_search=False, url=self._url)
        except Exception:  # a date is not worth a page
            return
        self._published_as(article, self._moment("published_at", [("htmldate", found)]))

    def announce(self, article: Article, told: Announcement) -> bool:
        """Take what a feed or news sitemap said, where the page itself says nothing better; whether the title changed.

        To be called when the text is read, which is to come out of the page alone.
        """
        title = tidy(told.title) if self.sources.get("title") in (None, "url") else None
        if title:
            article.title, self.sources["title"] = title, f"{told.source}:title"
        if told.published and self.sources.get("published_at") in (None, "url", "htmldate"):
            whole = told.published.isoformat()
            midnight = (told.published.hour, told.published.minute, told.published.second) == (0, 0, 0)
            candidate = (f"{told.source}:published", whole[:10] if midnight else whole)  # most were written without a time
            self._published_as(article, self._moment("published_at", [candidate]))
        return bool(title)

    def _published_as(self, article: Article, found: dates.Moment | None) -> None:
        if found:
            article.published_at, article.published_precision = found.instant, found.precision
            article.published_raw, article.published_utc_offset_min = tidy(found.raw), found.offset

    def _dates(self, article: Article) -> None:
        suffix = site_key(self._url).rpartition(".")[2]
        self._printed = dates.conventions(article.language, suffix if len(suffix) == 2 else None)
        self._published_as(article, self._moment("published_at", self._published()))
        if found := self._moment("modified_at", self._changed()):
            article.modified_at, article.modified_raw = found.instant, tidy(found.raw)

    def _moment(self, field: str, candidates: Candidates) -> dates.Moment | None:
        for source, value in self._considered(field, candidates):
            if found := dates.parse(value, self._printed):
                self.sources[field] = source
                return found
        return None

    def _published(self) -> Candidates:
        claims = list(self._claimed())
        changed = next((found for _, value in self._changed() if (found := dates.parse(value))), None)
        # a publication that is no earlier than the change may be a stamp of the system's
        stamps = [(source, value) for source, value in claims if changed and _since(value, changed.instant)]
        yield from (claim for claim in claims if claim not in stamps)
        shown = list(datelines.shown(self._evidence))
        printed = next((found for _, value in shown if (found := dates.parse(value, self._printed))), None)
        if changed and printed and printed.instant < changed.instant - _LONG_BEFORE:
            yield from shown
        yield from chain(stamps, shown, self._json("dateCreated"))
        address = dates.from_url(self._url)
        yield "url", address.raw if address else None

    def _changed(self) -> Iterator[tuple[str, str | None]]:
        return chain(self._json("dateModified"), self._metas(*_MODIFIED))

    def _claimed(self) -> Iterator[tuple[str, str | None]]:
        yield from self._json("datePublished")
        yield from self._metas(*_PUBLISHED)
        pages = (node for node in self._nodes if "WebPage" in jsonld.types(node))
        yield "jsonld:WebPage", next((found for node in pages if (found := jsonld.string(node.get("datePublished")))), None)


def _since(value: str | None, instant: datetime) -> bool:
    claim = dates.parse(value)
    return claim is not None and claim.instant >= instant - _AT_ONCE


def _standing(heading: HtmlElement) -> Standing:
    inner = next(heading.iterancestors("article", "main", "nav", "footer", "aside", "dialog"), None)
    return None if inner is None else "main" if inner.tag in ("article", "main") else "beside"


def tidy(value: str | None) -> str | None:
    """Text fit for a cell: no markup, no control or direction-override characters, white space folded."""
    return " ".join(_CONTROL.sub("", jsonld.clean(value) or "").split()) or None


def plain(text: str) -> str:
    """Running text without control characters; its lines stay."""
    return _CONTROL.sub("", text)


def _web_address(base: str, value: str | None) -> str | None:
    try:
        url = urljoin(base, value.strip()) if value else None
        return url if url and urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname else None
    except ValueError:
        return None


def _bcp47(tag: str) -> str:
    parts = tag.replace("_", "-").split("-")
    shaped = [part.upper() if len(part) == 2 else part.title() if len(part) == 4 else part.lower() for part in parts[1:]]
    return "-".join([parts[0].lower(), *shaped])
