"""Small parts of finished days become one: no row is lost or there twice, whenever the process is killed."""

import errno
import os
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from archive import compaction
from archive.compaction import compact
from archive.tables import Table, articles_table
from archive.verify import verify
from pipelines.dedupe import Versions
from tests.archive.rows import NIGHT, article_row, small_collection

PARTS = 9
TODAY = "2026-11-23"


def full(folder: Path) -> Table:
    """A table with many parts of a day, and one of the next."""
    table = articles_table(folder / "tables" / "articles")
    for number in range(PARTS):
        table.publish([article(number, two) for two in range(2)], f"c-{number:05}")
    table.publish([article(PARTS, 0)], "c-99999")
    table.publish([article(PARTS + 1, 0) | {"fetched_at": NIGHT + timedelta(days=1)}], "d-00001")
    return table


def article(number: int, two: int) -> dict[str, Any]:
    name = f"{number:030}{two:02}"
    return article_row(article_id=name, url_surtkey=f"example,news)/{number}", warc_record_id=f"<urn:uuid:{name}>")


def rows(table: Table) -> Counter[str]:
    """How often each row is there, as a program of its own reads the folder, and as the table does."""
    read = Counter(pd.read_parquet(table.folder, columns=["article_id"])["article_id"])
    assert Counter(table.dataset().to_table(["article_id"])["article_id"].to_pylist()) == read
    return read


def test_a_finished_day_has_one_part_and_the_same_rows(tmp_path: Path) -> None:
    table, gone = full(tmp_path), list[Path]()
    before = table.dataset().to_table().sort_by("article_id")
    assert compact(table, TODAY, gone.extend) == PARTS == len(gone)
    assert table.dataset().to_table().sort_by("article_id") == before
    assert [part.name for part in table.parts()] == ["part-c-00000.parquet", "part-d-00001.parquet"]
    assert compact(table, TODAY) == 0
    assert [path.name for path in table.folder.parent.iterdir()] == ["articles"]


def test_large_parts_and_few_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = full(tmp_path)
    monkeypatch.setattr(compaction, "_SMALL", 10)
    assert compact(table, TODAY) == 0
    monkeypatch.undo()
    monkeypatch.setattr(compaction, "_FEW", PARTS + 1)
    assert compact(table, TODAY) == 0
    assert len(table.parts()) == PARTS + 2


def test_killed_at_any_moment_each_row_is_there_once(tmp_path: Path) -> None:
    table = full(tmp_path)
    (table.folder / "fetch_date=2026-11-22" / ".notes").write_text("somebody's own")
    before, killed = rows(table), 0
    while killed_at(table, killed):
        assert rows(table) == before, killed
        killed += 1
    assert killed > 10
    assert rows(table) == before
    assert len(table.parts()) == 2
    assert (table.folder / "fetch_date=2026-11-22" / ".notes").read_text() == "somebody's own"
    assert [path.name for path in table.folder.parent.iterdir()] == ["articles"]


def killed_at(table: Table, moment: int) -> bool:
    """Whether a process that merges dies before its step number ``moment``; false if it has ended before."""
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    left = [moment]

    def dying(step: Callable[..., Any]) -> Callable[..., Any]:
        def taken(*arguments: Any, **named: Any) -> Any:
            if not left[0]:
                os._exit(9)
            left[0] -= 1
            return step(*arguments, **named)

        return taken

    for name in ("link", "fsync", "unlink", "rmdir", "mkdir"):
        setattr(os, name, dying(getattr(os, name)))
    compaction.sync_folder = dying(compaction.sync_folder)  # type: ignore[attr-defined]
    compaction._exchange = dying(compaction._exchange)
    compaction.pq.ParquetWriter.write_table = dying(compaction.pq.ParquetWriter.write_table)  # type: ignore[method-assign]
    try:
        compact(table, TODAY)
    finally:
        os._exit(0)


def test_where_folders_cannot_change_places_or_there_is_no_room_nothing_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = full(tmp_path)
    parts, before = table.parts(), rows(table)
    monkeypatch.setattr(compaction, "_EXCHANGE", 1 << 20)  # a flag that no system knows
    assert compact(table, TODAY) == 0
    monkeypatch.undo()

    def full_disk(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(compaction, "_write", full_disk)
    with pytest.raises(OSError, match="No space left"):
        compact(table, TODAY)
    assert (table.parts(), rows(table)) == (parts, before)
    assert [path.name for path in table.folder.parent.iterdir()] == ["articles"]


def test_parts_of_other_versions(tmp_path: Path) -> None:
    table = full(tmp_path)
    older, newer = table.parts()[3:5]
    pq.write_table(pq.ParquetFile(older).read().drop_columns(["subtitle"]), older)
    before = table.dataset().to_table().sort_by("article_id")
    rows_of_newer = pq.ParquetFile(newer).read()
    pq.write_table(rows_of_newer.append_column("invented_later", rows_of_newer.column("title")), newer)
    assert compact(table, TODAY) == 0  # nothing of what is not known may be lost
    pq.write_table(rows_of_newer, newer)
    assert compact(table, TODAY) == PARTS
    assert table.dataset().to_table().sort_by("article_id") == before


def test_versions_are_known_as_before_and_not_read_anew(tmp_path: Path) -> None:
    table, state = full(tmp_path), tmp_path / "versions.sqlite"
    versions = Versions(table, state)
    assert compact(table, TODAY, versions.forget_parts) == PARTS
    assert versions.knows(article(3, 1)["warc_record_id"])
    versions.close()
    again = Versions(table, state)
    taken = [name for (name,) in again._newest._database.execute("SELECT name FROM parts")]
    assert taken == ["fetch_date=2026-11-22/part-c-00000.parquet", "fetch_date=2026-11-23/part-d-00001.parquet"]
    assert all(again.knows(article(number, two)["warc_record_id"]) for number in range(PARTS) for two in range(2))
    again.close()


def test_a_collection_is_as_true_as_before(tmp_path: Path) -> None:
    collection = small_collection(tmp_path / "c", pages=20)
    for table in (collection.captures, collection.articles):
        (whole,) = table.parts()
        read = pq.ParquetFile(whole).read()
        for number in range(len(read)):
            table.replace(whole.with_name(f"part-c-{number + 2:05}.parquet"), read.slice(number, 1))
        whole.unlink()
        assert compact(table, "9999-12-31") == 19
        assert len(table.parts()) == 1
    assert not verify(collection).mismatches
