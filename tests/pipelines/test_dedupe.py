"""Versions of articles, within a crawl and from one to the next."""

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from archive.tables import Table, articles_table
from pipelines.dedupe import Versions, article_id
from tests.archive.rows import article_row


def versions_of(found: Table) -> Versions:
    return Versions(found, found.folder.with_name("versions.sqlite"))


def table(folder: Path, *rows: dict[str, Any]) -> Table:
    found = articles_table(folder / "articles")
    found.folder.mkdir(parents=True)
    if rows:
        found.publish(rows, "c-1")
    return found


def test_a_new_article_is_version_one_and_the_same_again_is_no_row(tmp_path: Path) -> None:
    versions = versions_of(table(tmp_path))
    first = article_row(text_sha256="a", title_sha256="t")
    assert versions.assign(first)
    assert first["version"] == 1 and first["prev_version_sha256"] is None
    assert not versions.assign(article_row(text_sha256="a", title_sha256="t"))


def test_a_changed_text_or_title_is_the_next_version(tmp_path: Path) -> None:
    versions = versions_of(table(tmp_path, article_row(version=3, text_sha256="a", title_sha256="t")))
    text, title = article_row(text_sha256="b", title_sha256="t"), article_row(text_sha256="b", title_sha256="u")
    assert versions.assign(text) and versions.assign(title)
    assert (text["version"], text["prev_version_sha256"]) == (4, "a")
    assert (title["version"], title["prev_version_sha256"]) == (5, "b")


def test_a_row_that_the_table_has_from_the_same_record_is_known(tmp_path: Path) -> None:
    versions = versions_of(table(tmp_path, article_row(warc_record_id="<urn:uuid:1>")))
    assert versions.has(article_row(warc_record_id="<urn:uuid:1>"))
    assert not versions.has(article_row(warc_record_id="<urn:uuid:2>"))


def test_http_and_https_name_one_article_and_queries_tell_articles_apart() -> None:
    assert article_id("http://www.example.com/a") == article_id("https://example.com/a/")
    assert article_id("https://example.com/?id=1") != article_id("https://example.com/?id=2")


def rewrite(found: Table, **cells: Any) -> None:
    """Change cells of all rows, as ``scrapy sites --apply`` does."""
    for part in found.parts():
        rows = [row | cells for row in pq.read_table(part, partitioning=None).to_pylist()]
        columns = {field.name: [row[field.name] for row in rows] for field in found.schema}
        os.utime(part, (1, 1))
        found.replace(part, pa.table(columns, schema=found.schema))


FIRST: dict[str, Any] = {"text_sha256": "a", "title_sha256": "t"}


class TestFromRunToRun:
    def test_what_was_published_is_known_with_and_without_having_been_told(self, tmp_path: Path) -> None:
        found = table(tmp_path)
        versions = versions_of(found)
        told, untold = article_row(**FIRST), article_row(**FIRST, article_id="b" * 32, warc_record_id="<urn:uuid:b>")
        assert versions.assign(told) and versions.assign(untold)
        versions.learn(found.publish([told], "c-1"), [told])
        found.publish([untold], "c-2")  # and then it was killed
        following = versions_of(found)
        assert not following.assign(article_row(**FIRST))
        assert not following.assign(article_row(**FIRST, article_id="b" * 32))
        assert following.knows("<urn:uuid:b>") and following.has(untold)

    def test_what_was_never_published_is_not(self, tmp_path: Path) -> None:
        found = table(tmp_path)
        assert versions_of(found).assign(article_row(**FIRST))
        assert versions_of(found).assign(article_row(**FIRST))

    def test_a_row_that_waits_for_its_part_is_known_in_memory_and_none_that_was_published(self, tmp_path: Path) -> None:
        found = table(tmp_path)
        versions = versions_of(found)
        rows = [article_row(article_id=f"{n:032x}", warc_record_id=f"<urn:uuid:{n}>", **FIRST) for n in range(50)]
        assert all(versions.assign(row) for row in rows)
        versions.learn(found.publish(rows[:40], "c-1"), rows[:40])
        assert len(versions._newest._fresh) == 10
        assert not any(versions.assign(dict(row)) for row in rows)
        newer = article_row(**rows[0] | {"text_sha256": "b", "warc_record_id": "<urn:uuid:new>"})
        assert versions.assign(newer) and newer["version"] == 2
        versions.learn(found.publish(rows[40:], "c-2"), rows[40:])
        assert [*versions._newest._fresh] == [newer["article_id"]]

    def test_a_part_that_was_written_again_is_read_again(self, tmp_path: Path) -> None:
        found = table(tmp_path, article_row(**FIRST, uncut_text_sha256="u"))
        versions_of(found)
        rewrite(found, text_sha256="cut", prev_version_sha256=None)
        changed = article_row(text_sha256="b", uncut_text_sha256="v", title_sha256="t")
        assert versions_of(found).assign(changed)
        assert (changed["version"], changed["prev_version_sha256"]) == (2, "cut")

    def test_a_part_that_is_gone_takes_its_versions_along(self, tmp_path: Path) -> None:
        found = table(tmp_path, article_row(**FIRST))
        versions_of(found)
        found.publish([article_row(article_id="b" * 32, warc_record_id="<urn:uuid:b>", **FIRST)], "c-2")
        found.parts()[0].unlink()
        again = article_row(**FIRST)
        following = versions_of(found)
        assert following.assign(again) and again["version"] == 1
        assert following.knows("<urn:uuid:b>")

    @pytest.mark.parametrize("when", ["before", "meanwhile"])
    def test_a_damaged_file_is_made_anew_from_the_table(self, tmp_path: Path, when: str) -> None:
        rows = [article_row(article_id=f"{n:032x}", warc_record_id=f"<urn:uuid:{n}>", **FIRST) for n in range(400)]
        found = table(tmp_path, *rows)
        path = tmp_path / "versions.sqlite"
        versions_of(found).close()
        versions = versions_of(found) if when == "meanwhile" else None
        with path.open("r+b") as file:
            file.seek(4096 if versions else 0)
            file.write(b"\x7f" * 60_000)
        versions = versions or versions_of(found)
        assert not any(versions.assign(dict(row)) for row in rows)
