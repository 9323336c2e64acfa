"""Tables as a researcher opens them: with pandas, DuckDB, polars, and with the full schema."""

import errno
import os
from datetime import timedelta
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest

import archive
from archive.schema import ARTICLES, CAPTURES, SCHEMA_VERSION
from archive.tables import articles_table
from tests.archive.rows import NIGHT, article_row, small_collection


@pytest.fixture
def table_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "tables" / "articles"
    rows = [article_row(), article_row(url="http://news.example/b", fetched_at=NIGHT + timedelta(seconds=2), title=None)]
    articles_table(folder).publish(rows, "c-1")
    return folder


def test_parts_lie_in_hive_partitions_by_the_utc_day_of_the_fetch(table_folder: Path) -> None:
    parts = sorted(str(path.relative_to(table_folder)) for path in table_folder.rglob("*.parquet"))
    assert parts == ["fetch_date=2026-11-22/part-c-1.parquet", "fetch_date=2026-11-23/part-c-1.parquet"]


def test_pandas_reads_the_folder(table_folder: Path) -> None:
    frame = pd.read_parquet(table_folder)
    assert list(frame["url"]) == ["http://news.example/ferry", "http://news.example/b"]
    assert frame["warc_record_offset"].dtype == "int64"
    assert frame["warc_record_offset"][0] == 2**40
    assert set(frame.columns) == {*ARTICLES.names, "fetch_date"}


def test_pandas_keeps_unknown_apart_from_false(table_folder: Path) -> None:
    frame = pd.read_parquet(table_folder, dtype_backend="pyarrow")
    assert frame["is_accessible_for_free"][0] == False  # noqa: E712
    assert pd.isna(frame["robots_allowed"][0])


def test_duckdb_reads_the_folder(table_folder: Path) -> None:
    query = (
        f"select url, authors[1].name, text_simhash, fetch_date from read_parquet('{table_folder}/*/*.parquet') order by url"
    )
    rows = duckdb.sql(query).fetchall()
    assert rows[1][:3] == ("http://news.example/ferry", "Ines Aalto", 2**64 - 1)
    assert str(rows[1][3]) == "2026-11-22"


def test_polars_reads_the_folder(table_folder: Path) -> None:
    frame = pl.read_parquet(f"{table_folder}/*/*.parquet", hive_partitioning=True)
    assert frame.height == 2
    assert frame["authors"][0][0]["name"] == "Ines Aalto"
    assert frame.schema["published_at"] == pl.Datetime("us", "UTC")


def test_every_column_and_the_file_explain_themselves(table_folder: Path) -> None:
    schema = pq.read_schema(next(table_folder.rglob("*.parquet")))
    assert schema.metadata[b"schema_version"] == SCHEMA_VERSION.encode()
    for field in schema:
        assert len(field.metadata[b"description"]) > 3, field.name


def test_open_articles_never_drops_a_column_that_an_old_part_lacks(table_folder: Path) -> None:
    part = table_folder / "fetch_date=2026-11-22" / "part-c-1.parquet"
    old = pq.read_table(part, partitioning=None).drop_columns(["subtitle", "text_simhash"])
    pq.write_table(old, part)
    assert "subtitle" not in pd.read_parquet(table_folder).columns
    frame = archive.open_articles(table_folder.parent.parent).to_table().to_pandas()
    assert "subtitle" in frame.columns
    assert len(frame) == 2
    assert sorted(frame["fetch_date"]) == ["2026-11-22", "2026-11-23"]


def test_open_articles_takes_the_collection_or_the_table_and_names_what_is_neither(table_folder: Path, tmp_path: Path) -> None:
    assert archive.open_articles(tmp_path).count_rows() == archive.open_articles(table_folder).count_rows() == 2
    with pytest.raises(FileNotFoundError, match="no table 'articles'"):
        archive.open_articles(tmp_path / "nowhere")


def test_an_empty_table_opens_with_its_columns(tmp_path: Path) -> None:
    folder = tmp_path / "tables" / "captures"
    folder.mkdir(parents=True)
    assert archive.open_captures(tmp_path).to_table().column_names == [*CAPTURES.names, "fetch_date"]


def test_a_row_without_a_required_cell_is_refused(tmp_path: Path) -> None:
    table = articles_table(tmp_path / "articles")
    table.publish([article_row()], "good")
    with pytest.raises(ValueError, match="url"):
        table.publish([article_row(url=None)], "bad")


def test_a_part_that_the_disk_refuses_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = articles_table(tmp_path / "articles")

    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        table.publish([article_row()], "c-1")
    assert not [path for path in table.folder.rglob("*") if path.is_file()]


def test_an_unpublished_part_is_not_read_and_can_be_dropped(table_folder: Path) -> None:
    left = table_folder / "fetch_date=2026-11-22" / ".part-c-2.parquet.partial"
    left.write_bytes(b"half a fi")
    assert len(pd.read_parquet(table_folder)) == 2
    assert articles_table(table_folder).drop_partial() == [left]
    assert not left.exists()


def test_a_whole_collection_reads_through_both_doors(tmp_path: Path) -> None:
    collection = small_collection(tmp_path / "c")
    assert archive.open_captures(collection.path).count_rows() == archive.open_articles(collection.path).count_rows() == 3
