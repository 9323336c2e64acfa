"""Collections small enough to reason about."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from archive.collection import Collection, create_collection
from archive.schema import ARTICLES
from tests.archive.exchanges import exchange, writer

NIGHT = datetime(2026, 11, 22, 23, 59, 59, tzinfo=UTC)


def article_row(**given: Any) -> dict[str, Any]:
    """A row of the articles table with every required cell filled, but for what is given."""
    empty: dict[str, Any] = {field.name: None for field in ARTICLES}
    lists: dict[str, Any] = {name: [] for name in ("authors", "tags", "images", "links", "quality_flags")}
    usual = {
        "article_id": "a" * 32,
        "version": 1,
        "url": "http://news.example/ferry",
        "requested_url": "http://news.example/ferry?utm_source=feed",
        "url_surtkey": "example,news)/ferry",
        "url_host_name": "news.example",
        "title": "The ferry runs again",
        "text": "The ferry runs again.\n\nIt had stood still for a week.",
        "authors": [{"name": "Ines Aalto", "url": None, "kind": "Person"}],
        "word_count": 10,
        "published_at": NIGHT,
        "text_simhash": 2**64 - 1,
        "is_accessible_for_free": False,
        "fetched_at": NIGHT,
        "http_status": 200,
        "warc_filename": "x.warc.gz",
        "warc_record_offset": 2**40,
        "warc_record_length": 7,
        "warc_record_id": "<urn:uuid:0>",
        "crawl_id": "c",
        "extractor": "none/0",
        "field_sources": {"title": "jsonld:headline"},
    }
    return empty | lists | usual | given


def small_collection(path: Path, pages: int = 3) -> Collection:
    """A collection with ``pages`` captures and as many articles, all true."""
    collection = create_collection(path)
    warc = writer(collection.archive)
    made = [warc.write(exchange(url=f"http://news.example/{number}", purpose="page")) for number in range(pages)]
    warc.close()
    collection.captures.publish([capture.row("c") for capture in made], "c-1")
    pointers = [
        article_row(
            article_id=f"{number:032}",
            url=capture.url,
            content_digest=capture.digest,
            fetched_at=capture.date,
            warc_filename=capture.filename,
            warc_record_offset=capture.offset,
            warc_record_length=capture.length,
            warc_record_id=capture.record_id,
        )
        for number, capture in enumerate(made)
    ]
    collection.articles.publish(pointers, "c-1")
    return collection
