"""Bad input gets a clear answer and loses nothing: what each kind leaves in the captures table, beside healthy pages."""

import gzip
import json
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import archive
from archive.collection import create_collection, open_collection
from archive.verify import verify
from tests.crawling import LOCAL, ROOT, Outcome, crawl
from tests.newsroom.server import Newsroom
from tests.wire.server import RawServer, Reply, tls_context

LINE = "<p>The ferry called at pier {} before noon, and {} passengers went ashore with their bicycles.</p>"
STORY = "<h1>The ferry runs again</h1>" + "".join(LINE.format(number, number + 3) for number in range(9))
PAGE = f"<html><head><title>The ferry runs again</title></head><body><article>{STORY}</article></body></html>"
MEGABYTE = 1 << 20


def reply(body: bytes, head: bytes = b"Content-Type: text/html\r\n", length: int | None = None, end: str = "keep") -> Reply:
    size = len(body) if length is None else length
    return Reply((b"HTTP/1.1 200 OK\r\n" + head + b"Content-Length: %d\r\n\r\n" % size + body,), end)


HTML = PAGE.encode()
ENDLESS = Reply((b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", *[b"and on and on " * 5_000] * 400), "close")
BIG_HEADERS = b"".join(b"X-%d: %s\r\n" % (n, b"h" * 8_000) for n in range(128))
FAILED = {"extraction": "failed"}
ARTICLE = {"extraction": "article", "content_truncated": None}
NO_ARTICLE = {"extraction": "not_article", "content_truncated": None}
GZIP = b"Content-Type: text/html\r\nContent-Encoding: gzip\r\n"
MOVED = b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n"
# path → reply, and what the row of its capture has to say
CASES: dict[str, tuple[Reply, dict[str, Any]]] = {
    "/healthy": (reply(HTML), ARTICLE),
    "/cut-in-header": (Reply((b"HTTP/1.1 200 OK\r\nConte",), "close"), FAILED | {"content_truncated": "disconnect"}),
    "/cut-in-body": (reply(HTML, length=len(HTML) + 500, end="close"), FAILED | {"content_truncated": "disconnect"}),
    "/length-too-short": (reply(HTML, length=len(HTML) - 20, end="close"), ARTICLE),
    "/endless-body": (ENDLESS, FAILED | {"content_truncated": "length"}),
    "/gzip-bomb": (reply(gzip.compress(b"\0" * 150 * MEGABYTE), GZIP), FAILED),
    "/megabyte-of-header": (reply(HTML, BIG_HEADERS + b"Content-Type: text/html\r\n"), ARTICLE),
    "/megabyte-in-one-line": (reply(HTML, b"X: " + b"h" * MEGABYTE + b"\r\n"), FAILED | {"content_truncated": "unspecified"}),
    "/invalid-charset": (reply(HTML, b"Content-Type: text/html; charset=klingon-8\r\n"), ARTICLE),
    "/empty": (reply(b""), NO_ARTICLE | {"extraction_reason": "empty page"}),
    "/report.pdf": (
        reply(b"%PDF-1.7 \x00\xff" * 99, b"Content-Type: application/pdf\r\n"),
        NO_ARTICLE | {"extraction_reason": "media type application/pdf"},
    ),
    "/binary-as-html": (reply(bytes(range(256)) * 200), NO_ARTICLE | {"extraction_reason": "binary data"}),
    "/deeply-nested": (reply(b"<html><body>" + b"<div>" * 100_000 + HTML), NO_ARTICLE),
    "/fifty-megabytes": (reply(b"x" * 50 * MEGABYTE), FAILED | {"content_truncated": "length"}),
    "/broken-gzip": (reply(b"no gzip", GZIP), FAILED),
    "/healthy-too": (reply(HTML.replace(b"bicycles", b"horses")), ARTICLE),
    "/to-a-private-address": (Reply((MOVED % b"http://127.0.0.2:9/",)), {"fetch_status": 302}),
    "/to-a-file": (Reply((MOVED % b"file:///etc/hostname",)), {"fetch_status": 302}),
}


@dataclass
class Crawled:
    """One crawl of all bad pages at once."""

    outcome: Outcome
    collection: Path
    server: RawServer
    secure: RawServer
    refused: str
    rows: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawled]:
    folder = tmp_path_factory.mktemp("bad")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        refused = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        replies = {path: answer for path, (answer, _) in CASES.items()} | {
            "/robots.txt": reply(b"", b"Content-Type: text/plain\r\n")
        }
        with RawServer(replies) as server, RawServer(replies, tls_context(folder)) as secure:
            urls = [server.url(path) for path in CASES] + [secure.url("/healthy"), refused, "http://nowhere.invalid/"]
            (folder / "urls.txt").write_text("\n".join(urls))
            settings = {
                "BROADSHEET_ALLOW_PRIVATE": "127.0.0.1",
                "BROADSHEET_CONTACT": "tests@example.org",
                "DOWNLOAD_MAXSIZE": str(4 * MEGABYTE),
                "RETRY_ENABLED": "0",
                "CONCURRENT_REQUESTS_PER_DOMAIN": "4",
            }
            outcome = crawl(folder / "c", settings, urls=str(folder / "urls.txt"))
            rows = {row["url"]: row for row in archive.open_captures(folder / "c").to_table().to_pylist()}
            yield Crawled(outcome, folder / "c", server, secure, refused, rows)


@pytest.mark.parametrize("path", CASES)
def test_a_bad_answer_has_its_row_and_state(crawled: Crawled, path: str) -> None:
    row = crawled.rows[crawled.server.url(path)]
    assert {name: row[name] for name in CASES[path][1]} == CASES[path][1], row


def test_hosts_that_cannot_be_reached_leave_a_record_of_the_attempt(crawled: Crawled) -> None:
    for url, reason in {
        crawled.refused + "robots.txt": "refused",
        "http://nowhere.invalid/robots.txt": "DNS",
        crawled.secure.url("/robots.txt"): "certificate verify failed",
    }.items():
        assert crawled.rows[url]["warc_record_type"] == "metadata"
        assert reason in crawled.rows[url]["fetch_error"]


def test_private_addresses_and_files_are_not_reached_through_redirects(crawled: Crawled) -> None:
    assert not [url for url in crawled.rows if url.startswith("file:")]
    attempt = crawled.rows["http://127.0.0.2:9/robots.txt"]
    assert attempt["warc_record_type"] == "metadata"
    assert "private address 127.0.0.2, which is refused" in attempt["fetch_error"]


def test_the_crawl_ends_well_and_says_what_went_wrong(crawled: Crawled) -> None:
    assert crawled.outcome.code == 0
    assert "Traceback" not in crawled.outcome.err
    for words in ("connection cut in the body", "robots.txt not reached", "longer than DOWNLOAD_MAXSIZE"):
        assert words in crawled.outcome.err


def test_the_archive_of_bad_answers_is_true(crawled: Crawled) -> None:
    assert not verify(open_collection(crawled.collection)).mismatches


def test_bombs_and_endless_bodies_stay_bounded_in_memory(crawled: Crawled) -> None:
    peak_kilobytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert peak_kilobytes < 600 * 1024


def limited(bytes_: int) -> None:
    """In the child: no file may grow beyond this, as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, bytes_))


def test_a_full_disk_stops_the_crawl_and_the_next_one_goes_on(tmp_path: Path) -> None:
    with Newsroom() as newsroom:
        given = ["-a", f"sites={newsroom.front_pages[0]}", "-a", f"collection={tmp_path / 'c'}"]
        settings = [part for name, value in LOCAL.items() for part in ("-s", f"{name}={value}")]
        done = subprocess.run(
            [sys.executable, "-m", "scrapy", "crawl", "news", *given, *settings],
            cwd=ROOT,
            env=dict(os.environ),
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
            preexec_fn=lambda: limited(60_000),
        )
        assert done.returncode == 1
        assert "the archive cannot be written (File too large); make room, then run the same command again" in done.stderr
        assert "Traceback" not in done.stderr
        after = crawl(tmp_path / "c", sites=newsroom.front_pages[0])
    assert after.code == 0
    assert not verify(open_collection(tmp_path / "c")).mismatches
    assert archive.open_articles(tmp_path / "c").count_rows() >= 20


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: marker(folder, 99), "format version 99"),
        (lambda folder: (folder / "thesis.txt").write_text("mine"), "not a collection"),
    ],
)
def test_a_folder_that_cannot_be_used_is_named_before_anything_is_fetched(tmp_path: Path, make, words: str) -> None:  # type: ignore[no-untyped-def]
    make(tmp_path)
    outcome = crawl(tmp_path, sites="http://127.0.0.1:9/")
    assert outcome.code == 2
    assert words in outcome.err
    assert "Traceback" not in outcome.err


def marker(folder: Path, version: int) -> None:
    create_collection(folder)
    about = json.loads((folder / "collection.json").read_text())
    (folder / "collection.json").write_text(json.dumps(about | {"format_version": version}))


def test_a_private_address_is_refused_unless_allowed(tmp_path: Path) -> None:
    with RawServer({"/": reply(HTML)}) as server:
        outcome = crawl(tmp_path / "c", {"BROADSHEET_ALLOW_PRIVATE": ""}, sites=server.url("/"))
        assert not server.seen
    assert "robots.txt not reached" in outcome.err
    (row,) = archive.open_captures(tmp_path / "c").to_table().to_pylist()
    assert "BROADSHEET_ALLOW_PRIVATE=127.0.0.1/32" in row["fetch_error"]
