"""Versions of articles, within a crawl and from one to the next."""

from pathlib import Path
from typing import Any

from archive.tables import Table, articles_table
from pipelines.dedupe import Versions, article_id
from tests.archive.rows import article_row


def table(folder: Path, *rows: dict[str, Any]) -> Table:
    found = articles_table(folder / "articles")
    found.folder.mkdir(parents=True)
    if rows:
        found.publish(rows, "c-1")
    return found


def test_a_new_article_is_version_one_and_the_same_again_is_no_row(tmp_path: Path) -> None:
    versions = Versions(table(tmp_path))
    first = article_row(text_sha256="a", title_sha256="t")
    assert versions.assign(first)
    assert first["version"] == 1 and first["prev_version_sha256"] is None
    assert not versions.assign(article_row(text_sha256="a", title_sha256="t"))


def test_a_changed_text_or_title_is_the_next_version(tmp_path: Path) -> None:
    versions = Versions(table(tmp_path, article_row(version=3, text_sha256="a", title_sha256="t")))
    text, title = article_row(text_sha256="b", title_sha256="t"), article_row(text_sha256="b", title_sha256="u")
    assert versions.assign(text) and versions.assign(title)
    assert (text["version"], text["prev_version_sha256"]) == (4, "a")
    assert (title["version"], title["prev_version_sha256"]) == (5, "b")


def test_a_row_that_the_table_has_from_the_same_record_is_known(tmp_path: Path) -> None:
    versions = Versions(table(tmp_path, article_row(warc_record_id="<urn:uuid:1>")))
    assert versions.has(article_row(warc_record_id="<urn:uuid:1>"))
    assert not versions.has(article_row(warc_record_id="<urn:uuid:2>"))


def test_http_and_https_name_one_article_and_queries_tell_articles_apart() -> None:
    assert article_id("http://www.example.com/a") == article_id("https://example.com/a/")
    assert article_id("https://example.com/?id=1") != article_id("https://example.com/?id=2")
