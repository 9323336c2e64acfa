"""An answer that waits for its record in a file makes the same records as one in memory, whatever it looks like."""

import gzip
import random
import re
import resource
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.exchange import Exchange
from archive.record import Original, records_of
from crawler.attempt import Attempt, Limits
from tests.archive.exchanges import exchange
from tests.crawler.test_wire import BODY, CHUNKED, CUT, FORCED_REPLIES, STRANGE, SURPLUS, WHOLE, chunks

NO_LIMITS = Limits(0, 0)
ANSWERS = {
    path: b"".join(part for part in reply.pieces if isinstance(part, bytes))
    for path, reply in (WHOLE | SURPLUS | FORCED_REPLIES | STRANGE | {path: reply for path, (reply, _) in CUT.items()}).items()
}
NOISE = gzip.compress(random.Random(1).randbytes(20_000), mtime=0)
ANSWERS["/long-gzip"] = CHUNKED + b"Content-Encoding: gzip\r\n\r\n" + chunks(NOISE, 999)
_OWN = re.compile(rb"<urn:uuid:[0-9a-f-]+>")  # what no two records have in common


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if some bytes were many."""
    monkeypatch.setattr("crawler.attempt._LONG", 300)
    monkeypatch.setattr("archive.http._PIECE", 7)


def received(answer: bytes, folder: Path | None, size: int = 50, surplus: int = 0) -> Exchange:
    attempt = Attempt(NO_LIMITS, folder, surplus=surplus)
    for at in range(0, len(answer), size):
        attempt.add(answer[at : at + size])
    assert attempt.size == len(answer)
    response, file = attempt.answer()
    return exchange(response=response, file=file, began=1)


def members(given: Exchange, original: Original | None = None) -> list[bytes]:
    return [_OWN.sub(b"", gzip.decompress(one)) for one in records_of(given, "", original).members]


@pytest.mark.parametrize("path", ANSWERS)
def test_each_answer_makes_the_same_records_from_a_file(tmp_path: Path, path: str) -> None:
    answer = ANSWERS[path]
    surplus = 13 if path == "/surplus" else 0
    in_memory, in_file = received(answer, None, surplus=surplus), received(answer, tmp_path, surplus=surplus)
    assert in_memory.response == answer[: len(answer) - surplus]
    assert members(in_file) == members(in_memory)
    assert not list(tmp_path.iterdir())  # the file has no name


def test_those_with_a_whole_head_and_no_strange_coding_do_lie_in_a_file(tmp_path: Path) -> None:
    kept = {path for path, answer in ANSWERS.items() if received(answer, tmp_path).file}
    assert {"/plain", "/chunked", "/long-gzip", "/interim", "/surplus", "/cut-chunk", "/too-long-chunked"} <= kept
    assert not kept & {"/garbage", "/lower-case", "/forced-br", "/many-headers", "/304"}


def test_what_is_here_already_becomes_a_revisit(tmp_path: Path) -> None:
    for path in ("/plain", "/chunked"):
        first = records_of(received(ANSWERS[path], None), "")
        original = Original("http://news.example/ferry", first.date, first.digest or "", "<urn:uuid:1>", "a.warc.gz", 0, 9)
        again = received(ANSWERS[path], tmp_path)
        assert again.file
        assert records_of(again, "", original).record_type == "revisit"
        assert members(again, original) == members(received(ANSWERS[path], None), original)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=900), st.integers(1, 200), st.integers(0, 40), st.sampled_from(["", "chunked"]))
def test_bodies_of_any_kind(
    tmp_path_factory: pytest.TempPathFactory, body: bytes, size: int, surplus: int, coding: str
) -> None:
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: %s\r\n\r\n" % coding.encode() + b"10\r\n" * (len(body) % 2) + body
    surplus = min(surplus, len(body))
    folder = tmp_path_factory.getbasetemp()
    assert members(received(answer, folder, size, surplus)) == members(received(answer, None, size, surplus))


def test_if_the_disk_refuses_it_stays_in_memory(tmp_path: Path) -> None:
    answer = ANSWERS["/plain"] + BODY * 5
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for most in (0, 100, 900, len(answer) - 1):
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
        try:
            given = received(answer, tmp_path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert (given.response, given.file) == (answer, None), most


def test_a_folder_that_is_gone_does_no_harm(tmp_path: Path) -> None:
    assert received(ANSWERS["/plain"], tmp_path / "gone").response == ANSWERS["/plain"]
