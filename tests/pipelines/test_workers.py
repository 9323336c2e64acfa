"""A page that hangs or crashes a worker costs that page only."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from pipelines.article import Page
from pipelines.workers import Job, PageLostError, Workers


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    """Whatever a page did, the next tests' pages are read."""
    pool = Workers(1, 2.0, "tests.pipelines.hostile:read")
    yield pool
    pool.close()


def submit(workers: Workers, what: str) -> Future[Page]:
    return workers.submit(Job(b"<html>", f"http://news.example/{what}"))


@pytest.mark.parametrize(
    ("what", "state", "reason"),
    [
        ("hang", "timeout", "not read within 2 s"),
        ("segfault", "crashed", "SIGSEGV"),
        ("exit", "crashed", "exit code 3"),
        ("raise", "failed", "RuntimeError: what a page this is"),
        ("memory", "crashed", "more than 256 MiB of memory"),
    ],
)
def test_only_the_page_that_does_it_is_lost(workers: Workers, what: str, state: str, reason: str) -> None:
    before, bad, after = submit(workers, "a"), submit(workers, what), submit(workers, "b")
    assert before.result(30).reason.startswith("6 bytes")
    with pytest.raises(PageLostError) as lost:
        bad.result(30)
    assert lost.value.state == state
    assert reason in lost.value.reason
    assert after.result(30).reason.startswith("6 bytes")


def test_a_worker_that_pages_before_have_filled_is_replaced_and_the_page_read(workers: Workers) -> None:
    first, second = (submit(workers, what).result(30).reason for what in ("hoard", "hoard"))
    assert first.startswith("6 bytes")
    assert second.startswith("6 bytes")
    assert first != second  # another worker


def test_a_page_that_nobody_waits_for_any_more_holds_nobody_up(workers: Workers) -> None:
    at_hand, unwanted, after = submit(workers, "hang"), submit(workers, "a"), submit(workers, "b")
    assert unwanted.cancel()
    with pytest.raises(PageLostError):
        at_hand.result(30)
    assert after.result(30).reason.startswith("6 bytes")


def test_a_page_given_up_while_it_is_read_does_not_end_the_reading(workers: Workers) -> None:
    submit(workers, "a").result(30)
    at_hand = submit(workers, "hang")
    time.sleep(0.3)
    at_hand.cancel()
    assert submit(workers, "b").result(30).reason.startswith("6 bytes")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0]


def test_closing_ends_the_processes() -> None:
    pool = Workers(2, 5.0, "tests.pipelines.hostile:read")
    pids = {int(submit(pool, f"{n}").result(30).reason.rpartition(" ")[2]) for n in range(20)}
    pool.close()
    assert not [pid for pid in pids if alive(pid)]
    with pytest.raises(PageLostError, match="ending"):
        submit(pool, "late").result(1)


def test_closing_waits_for_a_page_that_hangs_no_longer_than_its_deadline() -> None:
    pool = Workers(1, 1.0, "tests.pipelines.hostile:read")
    pid = int(submit(pool, "a").result(30).reason.rpartition(" ")[2])
    lost = submit(pool, "hang")
    began = time.monotonic()
    pool.close()
    assert time.monotonic() - began < 3
    assert isinstance(lost.exception(0), PageLostError)
    assert not alive(pid)


def test_workers_end_when_their_parent_is_killed() -> None:
    program = (
        "from pipelines.workers import *; import os, signal;"
        "w = Workers(1, 5.0, 'tests.pipelines.hostile:read');"
        "print(w.submit(Job(b'', 'http://a/b')).result(30).reason.rpartition(' ')[2], flush=True);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    pid = int(done.stdout)
    deadline = time.monotonic() + 10
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(pid)
