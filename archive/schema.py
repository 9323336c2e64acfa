"""The tables' columns: what each cell means, as Arrow schemas.

Columns that the Common Crawl index has keep its names (cc-index-table), with 64-bit offsets; the others take their names
from schema.org where it has one. Every column carries its description in the field metadata, so the Parquet files explain
themselves; ``docs/schema.md`` is generated from here. Unknown is null: never false, never an empty string, never today.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

SCHEMA_VERSION = "1.0.0"

_STRING = pa.string()
_TIME = pa.timestamp("us", tz="UTC")
_AUTHOR = pa.struct([("name", _STRING), ("url", _STRING), ("kind", _STRING)])
_IMAGE = pa.struct([("url", _STRING), ("caption", _STRING), ("credit", _STRING), ("alt", _STRING)])
_POST = pa.struct([("at", _TIME), ("title", _STRING), ("text", _STRING), ("author", _STRING)])
_PAGE = pa.struct(
    [
        ("url", _STRING),
        ("warc_filename", _STRING),
        ("warc_record_offset", pa.int64()),
        ("warc_record_length", pa.int64()),
        ("warc_record_id", _STRING),
    ]
)
_CUT = pa.struct([("field", _STRING), ("at", pa.int32()), ("text", _STRING)])
_SOURCE = pa.struct([("source", _STRING), ("via", _STRING)])
_LINK = pa.struct([("url", _STRING), ("text", _STRING), ("rel", _STRING)])


def _required(name: str, kind: pa.DataType, description: str) -> pa.Field[Any]:
    return pa.field(name, kind, nullable=False, metadata={"description": description})


def _optional(name: str, kind: pa.DataType, description: str) -> pa.Field[Any]:
    return pa.field(name, kind, metadata={"description": description})


def _schema(name: str, fields: Iterable[pa.Field[Any]]) -> pa.Schema:
    return pa.schema(list(fields), metadata={"schema": f"broadsheet-{name}", "schema_version": SCHEMA_VERSION})


ARTICLES = _schema(
    "articles",
    [
        # identity
        _required("article_id", _STRING, "first 32 hex digits of the SHA-256 of the canonical URL's SURT key, case kept"),
        _required("version", pa.int32(), "1, 2, …: grows when the title or the text of the article changes"),
        _required("url", _STRING, "address that answered, after redirects"),
        _required("requested_url", _STRING, "address as it was found"),
        _optional("canonical_url", _STRING, "address the page names as its own (rel=canonical, og:url), same site only"),
        _required("url_surtkey", _STRING, "SURT key of url, as in the Common Crawl index"),
        _required("url_host_name", _STRING, "host of url"),
        _optional("url_host_registered_domain", _STRING, "registered domain (public suffix and one label) of url"),
        # content
        _optional("title", _STRING, "headline"),
        _optional("subtitle", _STRING, "second headline (schema.org alternativeHeadline), where the page has one"),
        _optional("description", _STRING, "summary that the page gives of itself"),
        _optional("text", _STRING, "clean body; paragraphs are parted by an empty line"),
        _optional("markdown", _STRING, "clean body with headings, lists, quotations and links as Markdown"),
        _optional(
            "site_boilerplate",
            pa.list_(_CUT),
            "what the site repeats and was cut: of which column (text, markdown), at which character, the words; docs/sites.md",
        ),
        _required("authors", pa.list_(_AUTHOR), "who signed: name, profile address, kind (Person or Organization)"),
        _optional("byline_raw", _STRING, "the byline as printed"),
        _optional("site_name", _STRING, "name that the site shows (og:site_name)"),
        _optional("publisher", _STRING, "publishing organisation (schema.org publisher)"),
        _optional("section", _STRING, "main section (schema.org articleSection)"),
        _required("tags", pa.list_(_STRING), "the publisher's keywords"),
        _optional("article_type", _STRING, "schema.org type the page claims: NewsArticle, LiveBlogPosting, …"),
        _optional("language", _STRING, "BCP 47 language tag: as declared, unless the text is clearly in another language"),
        _optional(
            "language_confidence", pa.float32(), "share of the text that is in that language; null if it is too short to tell"
        ),
        _required("images", pa.list_(_IMAGE), "pictures in the body, in order: url, caption, credit, alternative text"),
        _optional(
            "posts", pa.list_(_POST), "of a live blog: instant, headline, text and author of each post, as the page orders them"
        ),
        _optional("main_image_url", _STRING, "lead picture"),
        _required("links", pa.list_(_LINK), "links inside the body: url, text, rel"),
        _required("word_count", pa.int32(), "words in text"),
        # time
        _optional("published_at", _TIME, "instant of publication, UTC; null if not found, never taken from modified_at"),
        _optional("published_raw", _STRING, "the date of publication as printed in the page"),
        _optional("published_precision", _STRING, "how exact the page is: second, minute or day"),
        _optional("published_utc_offset_min", pa.int16(), "the publisher's offset from UTC in minutes; null if not given"),
        _optional("modified_at", _TIME, "instant of the last change that the page names, UTC"),
        _optional("modified_raw", _STRING, "the date of change as printed in the page"),
        # access and rights
        _optional("is_accessible_for_free", pa.bool_(), "false behind a paywall, true if free, null if the page does not say"),
        _optional("paywall_evidence", _STRING, "what told: jsonld, meta or selector"),
        _optional("robots_allowed", pa.bool_(), "robots.txt allowed this fetch; null if it was not asked"),
        _optional("robots_warc_record_id", _STRING, "WARC-Record-ID of the robots.txt answer that allowed this fetch"),
        _optional("meta_robots", _STRING, "meta robots and X-Robots-Tag as they stand there, joined by a comma"),
        _optional("noarchive", pa.bool_(), "true: no copy is to be shown to the public; false: the page says that it may be"),
        _optional("noindex", pa.bool_(), "true: the page is not to be found by search; false likewise"),
        _optional("nosnippet", pa.bool_(), "true: search is not to show its text; false likewise"),
        _optional("noai", pa.bool_(), "true: no use for AI (noai, noml)"),
        _optional("unavailable_after", _TIME, "instant after which no copy is to be shown"),
        _optional("tdm_reservation", pa.int8(), "text and data mining (TDMRep): 1 is reserved, 0 is not"),
        _optional("tdm_policy", _STRING, "address of the TDM policy"),
        _optional(
            "content_usage",
            _STRING,
            "AI preferences (AIPREF) of header and robots.txt, the stricter of each: train-ai=n, …",
        ),
        _optional("license", _STRING, "licence named by the page: address or text"),
        _optional("license_spdx", _STRING, "SPDX identifier of license, if it is one of Creative Commons"),
        _optional("copyright_holder", _STRING, "schema.org copyrightHolder"),
        # duplicates
        _optional("text_sha256", _STRING, "SHA-256 of the text, folded (archive.text.fold): equal for equal words"),
        _optional("uncut_text_sha256", _STRING, "text_sha256 before site_boilerplate was cut; null if nothing was"),
        _optional("title_sha256", _STRING, "SHA-256 of the title, folded"),
        _optional("text_simhash", pa.uint64(), "64-bit simhash of the text: near duplicates differ in few bits"),
        _optional("prev_version_sha256", _STRING, "text_sha256 of the version before this one"),
        # provenance
        _required("fetched_at", _TIME, "instant the fetch began (WARC-Date)"),
        _required("http_status", pa.int16(), "status code of the answer"),
        _optional("content_type", _STRING, "Content-Type header as sent"),
        _optional("charset", _STRING, "character encoding the page was read in"),
        _optional("content_digest", _STRING, "WARC-Payload-Digest of the record"),
        _required("warc_filename", _STRING, "WARC, ARC or WACZ file, relative to the collection's archive folder"),
        _required("warc_record_offset", pa.int64(), "byte of that file where the record (packed: its gzip member) begins"),
        _required("warc_record_length", pa.int64(), "bytes of the record (packed: of its gzip member)"),
        _required(
            "warc_record_id",
            _STRING,
            "WARC-Record-ID, in angle brackets; where there is none (ARC), made of the record: see docs/extract.md",
        ),
        _optional(
            "pages",
            pa.list_(_PAGE),
            "address and record of each page of an article that goes on; the first one's record is above",
        ),
        _optional(
            "discovery_source",
            _STRING,
            "how the address was found: feed, news_sitemap, sitemap, section, front_page, alternate (hreflang of an article),"
            " list; archive if a file had it",
        ),
        _optional("discovery_url", _STRING, "the feed, sitemap or page that named it"),
        _optional(
            "replay_coverage", pa.float32(), "percent of what the crawl wanted for replay that was fetched; null: pages alone"
        ),
        _optional("requisites_missing", pa.list_(_STRING), "addresses that were wanted for replay and not fetched"),
        _required("crawl_id", _STRING, "the run that wrote this row"),
        _optional("spider", _STRING, "Scrapy spider"),
        _required("extractor", _STRING, "program and version that read the page"),
        _optional(
            "extractor_config", _STRING, "rule file and page object that it was read with, each with its hash; docs/rules.md"
        ),
        _required("field_sources", pa.map_(_STRING, _STRING), "column → the evidence that its value came from"),
        _required(
            "quality_flags", pa.list_(_STRING), "what to be wary of: short_text, no_date, date_future, …: docs/extraction.md"
        ),
        _optional("quality_score", pa.float32(), "what body F1 (0 to 1) to expect of the text, by docs/extraction.md"),
    ],
)

CAPTURES = _schema(
    "captures",
    [
        # the Common Crawl index, by its own names
        _required("url_surtkey", _STRING, "SURT key of url"),
        _required("url", _STRING, "WARC-Target-URI: the address as requested"),
        _required("url_host_name", _STRING, "host"),
        _optional("url_host_tld", _STRING, "top-level domain"),
        _optional("url_host_registered_domain", _STRING, "registered domain"),
        _required("url_protocol", _STRING, "http or https"),
        _optional("url_port", pa.int32(), "port, where the address names one"),
        _required("url_path", _STRING, "path"),
        _optional("url_query", _STRING, "query, without the question mark"),
        _required("fetch_time", _TIME, "instant the fetch began (WARC-Date)"),
        _optional("fetch_status", pa.int16(), "HTTP status code; null if no answer came"),
        _optional("fetch_redirect", _STRING, "absolute target of a redirect"),
        _optional("content_digest", _STRING, "WARC-Payload-Digest"),
        _optional("content_mime_type", _STRING, "media type of the Content-Type header"),
        _optional("content_charset", _STRING, "charset parameter of the Content-Type header"),
        _optional("content_truncated", _STRING, "WARC-Truncated: length, time, disconnect or unspecified"),
        _required("warc_filename", _STRING, "WARC, ARC or WACZ file, relative to the collection's archive folder"),
        _required("warc_record_offset", pa.int64(), "byte of that file where the record (packed: its gzip member) begins"),
        _required("warc_record_length", pa.int64(), "bytes of the record (packed: of its gzip member)"),
        # ours
        _required(
            "warc_record_id",
            _STRING,
            "WARC-Record-ID, in angle brackets; where there is none (ARC), made of the record: see docs/extract.md",
        ),
        _required(
            "warc_record_type",
            _STRING,
            "response; revisit if it says the same as an earlier one; metadata if no byte answered; in others' files resource",
        ),
        _optional("request_record_id", _STRING, "WARC-Record-ID of the request record written with it"),
        _optional("refers_to_record_id", _STRING, "of a revisit: WARC-Record-ID of the record that holds the payload"),
        _optional("ip_address", _STRING, "address of the server; null behind a proxy"),
        _optional("fetch_ms", pa.int32(), "milliseconds from the request's first byte to the end"),
        _optional("fetch_error", _STRING, "why the fetch failed or was cut short"),
        _optional(
            "purpose",
            _STRING,
            "what it was fetched for: robots, tdmrep, feed, sitemap, page, section, requisite; null: not known",
        ),
        _optional("via", _STRING, "the address that led here"),
        _optional("page_id", _STRING, "WARC-Page-ID: one for a page and all that was fetched for its replay"),
        _optional(
            "extraction",
            _STRING,
            "what became of the page: article, unchanged, page (a further one of an article), duplicate (its AMP or print"
            " twin), not_article, blocked, reserved, taken_down, failed, timeout, crashed, …",
        ),
        _optional("extraction_reason", _STRING, "why, in a few words"),
        _optional(
            "restrictions",
            pa.list_(_STRING),
            "what this answer and the files of its site restrict: noarchive, tdm-reservation=1, …; docs/rights.md",
        ),
        _required("crawl_id", _STRING, "the run that wrote this row"),
    ],
)

LEDGER = _schema(
    "ledger",
    [
        _required("url_surtkey", _STRING, "SURT key of url"),
        _required("url", _STRING, "the address that was announced"),
        _required("url_host_name", _STRING, "host"),
        _optional("url_host_registered_domain", _STRING, "registered domain"),
        _optional("purpose", _STRING, "what it is fetched for: page, section, feed, sitemap, front_page; null if not known"),
        _required(
            "sources",
            pa.list_(_SOURCE),
            "everywhere it was found: source as in articles.discovery_source, via the document that named it (null: given)",
        ),
        _required("first_announced_at", _TIME, "instant at which the crawl met the address first"),
        _required("last_announced_at", _TIME, "instant at which it met it last"),
        _optional("announced_date", _TIME, "date of publication, or of the last change, that the announcement gives it"),
        _required(
            "state",
            _STRING,
            "what became of it: captured, unchanged, duplicate, robots, excluded, out_of_range, blocked, failed, not_article,"
            " queued (docs/frontier.md)",
        ),
        _optional("reason", _STRING, "why, in a few words"),
        _optional("settled_at", _TIME, "instant at which that was known; null while queued"),
        _optional("warc_record_id", _STRING, "record of the last fetch: captures.warc_record_id; null if nothing was fetched"),
        _required("crawl_id", _STRING, "the crawl: the crawl_id of its first run"),
    ],
)
