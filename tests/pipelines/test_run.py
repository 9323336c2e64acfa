"""One crawl into one collection: what is acknowledged together stays together."""

import asyncio
import errno
import os
from datetime import timedelta
from pathlib import Path

import pytest

import archive
from archive.cdxj import Index
from archive.cdxj_file import rebuild
from archive.collection import create_collection
from archive.tables import Table
from archive.verify import verify
from pipelines.article import Article, Page
from pipelines.retabulate import retabulate
from pipelines.run import Run
from pipelines.tabulate import ArticleRow, Found
from pipelines.workers import Workers
from tests.archive.exchanges import ASKING, exchange, response

ARTICLE = response(
    b"<html><head><title>Ferry</title></head><body><article><h1>The ferry runs again</h1>"
    + b"".join(
        b"<p>The ferry called at pier %d before noon, and %d passengers went ashore.</p>" % (n, n + 3) for n in range(12)
    )
    + b"</article></body></html>"
)
NOT_MODIFIED = b"HTTP/1.1 304 Not Modified\r\n\r\n"
FOUND = Found("list", None, "http://news.example/ferry")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(create_collection(tmp_path / "c"), [("software", "test")], 1 << 30)


def page(text: str = "The ferry runs again.") -> Page:
    article = Article(title="Ferry", text=text, text_sha256=text, title_sha256="Ferry", extractor="none/0")
    return Page("article", "because", article)


def recorded(run: Run, **given: object):  # type: ignore[no-untyped-def]
    return run.record(exchange(purpose="page", **given))


def test_a_page_that_waits_to_be_read_has_no_row_yet(run: Run) -> None:
    recorded(run)
    assert not run.tabulator.take().captures


def test_a_capture_claims_an_article_only_together_with_the_article_row(run: Run) -> None:
    capture = recorded(run)
    row = run.keep(page(), capture, FOUND, "news")
    assert isinstance(row, ArticleRow)
    early = run.tabulator.take()
    assert not early.captures and not early.articles
    run.tabulator.add_article(row)
    batch = run.tabulator.take()
    assert [row["extraction"] for row in batch.captures] == ["article"]
    assert [row["warc_record_id"] for row in batch.articles] == [capture.record_id]


def test_the_same_text_again_is_unchanged(run: Run) -> None:
    first = run.keep(page(), recorded(run), FOUND, "news")
    assert first is not None
    run.tabulator.add_article(first)
    assert run.keep(page(), recorded(run), FOUND, "news") is None
    assert sorted(row["extraction"] for row in run.tabulator.take().captures) == ["article", "unchanged"]


def states_of(collection: Path) -> dict[str, str]:
    rows = archive.open_captures(collection).to_table().to_pylist()
    return {row["warc_record_id"]: row["extraction"] for row in rows}


LONG = response(b"<p>The ferry runs again.</p>" * 40)


def test_the_same_bytes_again_are_a_revisit_and_unchanged(run: Run) -> None:
    first = recorded(run, response=LONG)
    row = run.keep(page(), first, FOUND, "news")
    assert row is not None
    run.tabulator.add_article(row)
    again = recorded(run, response=LONG)
    assert (again.record_type, again.original and again.original.record_id) == ("revisit", first.record_id)
    assert run.keep(page(), again, FOUND, "news") is None
    rows = run.tabulator.take().captures
    assert [(row["extraction"], row["refers_to_record_id"]) for row in rows] == [
        ("article", None),
        ("unchanged", first.record_id),
    ]


def test_an_article_first_read_at_a_revisit_points_at_the_record_that_has_its_bytes(run: Run) -> None:
    first = recorded(run, response=LONG)
    run.tabulator.settle(first, "over_limit", "max_articles")
    again = recorded(run, response=LONG)
    row = run.keep(page(), again, FOUND, "news")
    assert row is not None
    assert (row["warc_record_id"], row["warc_record_offset"]) == (first.record_id, first.offset)
    assert row["fetched_at"] == first.date
    run.tabulator.add_article(row)
    run.close()
    assert not verify(run.collection).mismatches
    states = states_of(run.collection.path)
    assert states == {first.record_id: "over_limit", again.record_id: "article"}


def test_not_modified_is_unchanged(run: Run) -> None:
    first = recorded(run, response=LONG)
    row = run.keep(page(), first, FOUND, "news")
    assert row is not None
    run.tabulator.add_article(row)
    run.close()
    following = Run(run.collection, [("software", "test")], 1 << 30)
    recorded(following, request=ASKING, response=NOT_MODIFIED)
    (row,) = following.tabulator.take().captures
    assert (row["warc_record_type"], row["extraction"]) == ("revisit", "unchanged")


def test_not_modified_is_read_from_its_original_if_there_is_no_row_of_that(run: Run) -> None:
    first = recorded(run, response=LONG)
    run.tabulator.settle(first, "timeout", "not read within 30 s")
    again = recorded(run, request=ASKING, response=NOT_MODIFIED)
    row = run.keep(page(), again, FOUND, "news")
    assert row and (row["warc_record_id"], row["http_status"]) == (first.record_id, 200)
    run.tabulator.add_article(row)
    run.close()
    assert not verify(run.collection).mismatches
    assert states_of(run.collection.path) == {first.record_id: "timeout", again.record_id: "article"}


def test_not_modified_says_nothing_if_nobody_asked(run: Run) -> None:
    recorded(run, response=LONG)
    recorded(run, response=NOT_MODIFIED)
    (row,) = run.tabulator.take().captures
    assert (row["warc_record_type"], row["extraction"], row["refers_to_record_id"]) == ("response", "failed", None)


@pytest.mark.parametrize("forgotten", [False, True])
def test_a_revisit_left_by_a_crash_is_read_from_its_original(tmp_path: Path, forgotten: bool) -> None:
    folder = tmp_path / "c"
    dead = Run(create_collection(folder), [], 1 << 30)
    first, again = recorded(dead, response=ARTICLE), recorded(dead, response=ARTICLE)
    dead.recorder.close()  # killed: no rows
    dead.lock.release()
    if forgotten:
        (folder / "state" / "originals.sqlite").unlink()
    run = Run(create_collection(folder), [], 1 << 30)
    workers = Workers(1, 30)
    assert asyncio.run(retabulate(run, workers)) == 2
    workers.close()
    run.close()
    assert not verify(run.collection).mismatches
    states = states_of(folder)
    assert states == {first.record_id: "article", again.record_id: "unchanged"}


def test_pages_that_nobody_reads_have_their_state_at_once(run: Run) -> None:
    recorded(run, response=b"HTTP/1.1 404 Not Found\r\n\r\n")
    recorded(run, response=b"", error="reset")
    recorded(run, response=b"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\n\r\n%PDF")
    rows = run.tabulator.take().captures
    assert [(row["extraction"], row["extraction_reason"]) for row in rows] == [
        ("failed", "http 404"),
        ("failed", "reset"),
        ("not_article", "media type application/pdf"),
    ]


def test_closing_publishes_even_what_still_waits(run: Run) -> None:
    capture = recorded(run)
    run.close()
    run.close()
    (row,) = archive.open_captures(run.collection.path).to_table().to_pylist()
    assert row["warc_record_id"] == capture.record_id
    assert not [*(run.collection.path / "state").glob("untabulated-*")]


def test_captures_of_a_crashed_run_are_found_once(run: Run, tmp_path: Path) -> None:
    captures = [recorded(run, url=f"http://news.example/{number}") for number in range(3)]
    os.close(run.recorder.writer._file._fd)  # as a crash would: the locks go, the file keeps its open name
    run.lock.release()
    following = Run(run.collection, [("software", "test")], 1 << 30)
    assert [capture.record_id for capture in following.untabulated()] == [capture.record_id for capture in captures]
    following.forget_untabulated()
    assert not [*following.untabulated()]


def test_rows_that_could_not_be_published_are_tried_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded(run, response=b"HTTP/1.1 404 Not Found\r\n\r\n")
    batch = run.tabulator.take()
    monkeypatch.setattr(run.collection.captures.__class__, "publish", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(OSError, match="full"):
        run.tabulator.publish(batch)
    run.tabulator.give_back(batch)
    monkeypatch.undo()
    run.close()
    assert archive.open_captures(run.collection.path).count_rows() == 1


def test_a_batch_of_two_days_that_fails_half_way_repeats_no_row(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = recorded(run, response=b"HTTP/1.1 404 Gone\r\n\r\n"), recorded(run, response=b"HTTP/1.1 404 Gone\r\n\r\n")
    batch = run.tabulator.take()
    batch.captures[0]["fetch_time"] -= timedelta(days=1)
    write = Table._write

    def full_on_the_second_day(table: Table, day: str, rows: list[dict[str, object]], name: str) -> Path:
        if len(list(table.folder.glob("*/part-*"))) == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(table, day, rows, name)

    with monkeypatch.context() as full:
        full.setattr(Table, "_write", full_on_the_second_day)
        with pytest.raises(OSError, match="No space left"):
            run.tabulator.publish(batch)
    assert archive.open_captures(run.collection.path).count_rows() == 1
    run.tabulator.give_back(batch)
    run.close()
    rows = archive.open_captures(run.collection.path).to_table().to_pylist()
    assert sorted(row["warc_record_id"] for row in rows) == sorted([first.record_id, second.record_id])


def journal(run: Run) -> list[str]:
    (file,) = (run.collection.path / "state").glob("untabulated-*")
    return file.read_text().split()


def test_a_closed_file_is_settled_once_all_its_rows_are_published(tmp_path: Path) -> None:
    run = Run(create_collection(tmp_path / "c"), [("software", "test")], 1)
    waiting, done = recorded(run), recorded(run, url="http://news.example/gone", response=b"HTTP/1.1 404 Gone\r\n\r\n")
    recorded(run, url="http://news.example/last")
    names = run.recorder.writer.names
    assert run.finished_files() == names[:1]  # which has no captures
    assert journal(run) == names
    run.tabulator.publish(run.tabulator.take())
    assert run.finished_files() == [name for name in names[:-1] if name != waiting.filename]
    run.settle_files(run.finished_files())
    assert journal(run) == [waiting.filename, names[-1]]
    with Index(run.collection.index) as index:
        assert [entry.url for entry in index] == [done.url]
    run.tabulator.settle(waiting, "not_article", "because")
    run.tabulator.publish(run.tabulator.take())
    run.settle_files(run.finished_files())
    assert journal(run) == names[-1:]
    run.close()
    kept = run.collection.index.read_bytes()
    rebuild(run.collection.index, run.collection.warc_files())
    assert run.collection.index.read_bytes() == kept
    assert kept.count(b"\n") == 3
    assert not verify(run.collection).mismatches


def test_after_a_crash_only_what_was_not_settled_is_looked_at(tmp_path: Path) -> None:
    dead = Run(create_collection(tmp_path / "c"), [("software", "test")], 1)
    captures = [recorded(dead, url=f"http://news.example/{n}", response=b"HTTP/1.1 404 No\r\n\r\n") for n in range(3)]
    dead.tabulator.publish(dead.tabulator.take())
    dead.settle_files(dead.finished_files())
    captures.append(recorded(dead, url="http://news.example/3", response=b"HTTP/1.1 404 No\r\n\r\n"))
    os.close(dead.recorder.writer._file._fd)  # as a crash would: the locks go, the file keeps its open name
    dead.lock.release()
    run = Run(dead.collection, [("software", "test")], 1 << 30)
    left = [*run.untabulated()]
    assert [capture.record_id for capture in left] == [captures[3].record_id]
    for capture in left:
        run.add_capture(capture)
    run.tabulator.publish(run.tabulator.take())
    run.forget_untabulated()
    run.close()
    assert not verify(run.collection).mismatches
    with Index(run.collection.index) as index:
        assert sorted(entry.url for entry in index) == sorted(capture.url for capture in captures)
