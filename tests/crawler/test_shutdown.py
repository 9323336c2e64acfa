"""However a crawl ends, what it acknowledged is there, and the next one goes on from it."""

import asyncio
import errno
import os
import re
import resource
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from scrapy.settings import Settings

import archive
from archive.collection import open_collection
from archive.verify import verify
from crawler.addon import DEFAULTS
from crawler.archiving import Archiving
from pipelines.tabulate import Batch, Tabulator
from tests.archive.exchanges import exchange
from tests.crawling import Running, begin, crawl
from tests.newsroom.server import Newsroom


@contextmanager
def running(newsroom: Newsroom, collection: Path, requests: int, *, fresh: bool = False) -> Iterator[Running]:
    """A crawl that has made so many requests; killed at the end if it still runs."""
    settings = {"DOWNLOAD_DELAY": "0.03", "BROADSHEET_PART_SECONDS": "1"}
    with begin(collection, settings, fresh=fresh, sites=",".join(newsroom.front_pages)) as crawl:
        crawl.until(lambda: len(newsroom.requests) >= requests)
        yield crawl


def assert_true(collection: Path) -> None:
    findings = verify(open_collection(collection))
    assert not findings.mismatches, "\n".join(map(str, findings.mismatches))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_ends_the_crawl_in_order(tmp_path: Path, how: signal.Signals) -> None:
    with Newsroom() as newsroom, running(newsroom, tmp_path / "c", 20, fresh=True) as process:
        process.send_signal(how)
        shown = process.wait(30).err
    assert "ended: shutdown" in shown
    assert "Traceback" not in shown
    assert not [*(tmp_path / "c" / "archive").glob("*.open")]
    assert archive.open_captures(tmp_path / "c").count_rows() >= 19
    assert_true(tmp_path / "c")


def test_two_signals_end_it_at_once_and_nothing_recorded_is_lost(tmp_path: Path) -> None:
    with Newsroom() as newsroom, running(newsroom, tmp_path / "c", 20) as process:
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        process.wait(15)
    assert_true(tmp_path / "c")
    assert archive.open_captures(tmp_path / "c").count_rows() >= 15


@pytest.mark.parametrize("requests", [6, 40])
def test_after_a_kill_the_next_crawl_recovers_records_and_rows(tmp_path: Path, requests: int) -> None:
    with Newsroom() as newsroom:
        with running(newsroom, tmp_path / "c", requests) as process:
            process.send_signal(signal.SIGKILL)
            process.wait()
        (left,) = (tmp_path / "c" / "archive").glob("*.open")
        tear(left)
        after = crawl(tmp_path / "c", urls=str(one_url(newsroom, tmp_path)))
    assert after.code == 0, after.err
    (cut,) = re.findall(r"Recovered after a crash: .* kept, ([\d,]+) bytes of a torn record cut", after.err)
    assert int(cut.replace(",", "")) >= 200
    assert not left.exists()
    rows = archive.open_captures(tmp_path / "c").to_table().to_pylist()
    assert len([row for row in rows if row["warc_filename"] == left.name.removesuffix(".open")]) >= requests - 4
    assert_true(tmp_path / "c")
    articles = archive.open_articles(tmp_path / "c").to_table().to_pylist()
    tabulated = {row["warc_record_id"] for row in articles}
    assert {row["warc_record_id"] for row in rows if row["extraction"] == "article"} == tabulated


@contextmanager
def on_a_full_disk(newsroom: Newsroom, collection: Path, room: int, *, fresh: bool = False) -> Iterator[Running]:
    """A crawl whose files cannot grow beyond ``room`` bytes, once it has said so."""
    with begin(collection, fresh=fresh, sites=newsroom.front_pages[0]) as crawl:
        resource.prlimit(crawl.pid, resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
        crawl.until(lambda: re.search("Paused.*\n", crawl.err))
        yield crawl


def test_a_full_disk_pauses_the_crawl_until_there_is_room(tmp_path: Path) -> None:
    with Newsroom() as newsroom, on_a_full_disk(newsroom, tmp_path / "c", 110_000, fresh=True) as process:
        paused = next(line for line in process.err.splitlines() if "Paused" in line)
        assert re.search(r"cannot be written \((File too large|frontier.sqlite: .*)\)", paused)
        assert f"Make room for {tmp_path / 'c'} and the crawl goes on by itself" in paused
        time.sleep(1.5)  # tried again meanwhile, to no avail
        assert process.poll() is None
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        ended = process.wait(60)
        asked = list(newsroom.requests)
    assert ended.code == 0, ended.err
    assert "Going on: the archive can be written again" in ended.err
    assert "Traceback" not in ended.err
    assert_true(tmp_path / "c")
    assert archive.open_captures(tmp_path / "c").count_rows() == len(asked)  # nothing was lost, nothing asked for twice
    assert archive.open_articles(tmp_path / "c").count_rows() >= 20


def test_a_crawl_that_waits_for_room_can_be_ended_and_the_next_one_goes_on(tmp_path: Path) -> None:
    with Newsroom() as newsroom:
        with on_a_full_disk(newsroom, tmp_path / "c", 60_000) as process:
            process.send_signal(signal.SIGINT)
            more = process.wait(30).err
        assert "ended: shutdown" in more
        assert "Going on" not in more
        assert "Traceback" not in more
        after = crawl(tmp_path / "c", sites=newsroom.front_pages[0])
    assert after.code == 0, after.err
    assert_true(tmp_path / "c")
    assert archive.open_articles(tmp_path / "c").count_rows() >= 20


def tear(file: Path) -> None:
    """As if the kill had come in the middle of a write: the beginning of a record."""
    with file.open("r+b") as end:
        beginning = end.read(200)
        end.seek(0, os.SEEK_END)
        end.write(beginning)


def test_two_crawls_do_not_write_to_one_collection(tmp_path: Path) -> None:
    with Newsroom() as newsroom, running(newsroom, tmp_path / "c", 20) as process:
        second = crawl(tmp_path / "c", urls=str(one_url(newsroom, tmp_path)))
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.wait(30)
    assert second.code == 2
    assert "it is being written to (broadsheet-" in second.err
    assert "Traceback" not in second.err
    assert_true(tmp_path / "c")


class Crawl:
    """What the archiving extension needs of a Scrapy crawler."""

    def __init__(self, collection: Path) -> None:
        self.spider = SimpleNamespace(collection=str(collection))
        self.settings = Settings(DEFAULTS | {"BROADSHEET_SYNC_SECONDS": 0.02, "BROADSHEET_PART_SECONDS": 0.02})
        self.stats = SimpleNamespace(set_value=lambda *_: None)
        self.engine = SimpleNamespace(pause=lambda: None, unpause=lambda: None)
        self.crawling = False


def test_rows_whose_part_fails_while_the_crawl_closes_are_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writing = threading.Event()

    class FullFor(Tabulator):
        """Whose first part meets a disk that is full, after a while."""

        def publish(self, batch: Batch) -> None:
            if len(batch) and not writing.is_set():
                writing.set()
                time.sleep(0.3)
                raise OSError(errno.ENOSPC, "No space left on device")
            super().publish(batch)

    monkeypatch.setattr("pipelines.rows.Tabulator", FullFor)
    monkeypatch.setattr("crawler.archiving.Workers", lambda *_: SimpleNamespace(close=lambda: None))

    async def crawl_and_close() -> None:
        archiving = Archiving(Crawl(tmp_path / "c"))  # type: ignore[arg-type]
        await archiving.spider_opened()
        archiving.run.record(exchange())
        await asyncio.to_thread(writing.wait, 10)
        await archiving.spider_closed()

    asyncio.run(crawl_and_close())
    assert_true(tmp_path / "c")


def one_url(newsroom: Newsroom, folder: Path) -> Path:
    file = folder / "urls.txt"
    file.write_text(next(page.url for page in newsroom.expected if page.verdict == "article"))
    return file
