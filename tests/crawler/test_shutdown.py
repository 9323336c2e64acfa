"""However a crawl ends, what it acknowledged is there, and the next one goes on from it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import archive
from archive.collection import open_collection
from archive.verify import verify
from tests.crawling import LOCAL, ROOT, crawl
from tests.newsroom.server import Newsroom


@contextmanager
def running(newsroom: Newsroom, collection: Path, requests: int) -> Iterator[subprocess.Popen[str]]:
    """A crawl that has made so many requests; killed at the end if it still runs."""
    settings = LOCAL | {"DOWNLOAD_DELAY": "0.03", "BROADSHEET_PART_SECONDS": "1"}
    given = ["-a", f"sites={','.join(newsroom.front_pages)}", "-a", f"collection={collection}"]
    options = [part for name, value in settings.items() for part in ("-s", f"{name}={value}")]
    command = [sys.executable, "-m", "scrapy", "crawl", "news", *given, *options]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
    deadline = time.monotonic() + 60
    while len(newsroom.requests) < requests and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.01)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def assert_true(collection: Path) -> None:
    findings = verify(open_collection(collection))
    assert not findings.mismatches, "\n".join(map(str, findings.mismatches))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_ends_the_crawl_in_order(tmp_path: Path, how: signal.Signals) -> None:
    with Newsroom() as newsroom, running(newsroom, tmp_path / "c", 20) as process:
        process.send_signal(how)
        _, shown = process.communicate(timeout=30)
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
        process.communicate(timeout=15)
    assert_true(tmp_path / "c")
    assert archive.open_captures(tmp_path / "c").count_rows() >= 15


@pytest.mark.parametrize("requests", [6, 25, 50])
def test_after_a_kill_the_next_crawl_recovers_records_and_rows(tmp_path: Path, requests: int) -> None:
    with Newsroom() as newsroom:
        with running(newsroom, tmp_path / "c", requests) as process:
            process.kill()
            process.wait()
        (left,) = (tmp_path / "c" / "archive").glob("*.open")
        after = crawl(tmp_path / "c", urls=str(one_url(newsroom, tmp_path)))
    assert after.code == 0, after.err
    assert "Recovered after a crash" in after.err
    assert not left.exists()
    rows = archive.open_captures(tmp_path / "c").to_table().to_pylist()
    assert len([row for row in rows if row["warc_filename"] == left.name.removesuffix(".open")]) >= requests - 4
    assert_true(tmp_path / "c")
    articles = archive.open_articles(tmp_path / "c").to_table().to_pylist()
    tabulated = {row["warc_record_id"] for row in articles}
    assert {row["warc_record_id"] for row in rows if row["extraction"] == "article"} == tabulated


def one_url(newsroom: Newsroom, folder: Path) -> Path:
    file = folder / "urls.txt"
    file.write_text(next(page.url for page in newsroom.expected if page.verdict == "article"))
    return file
