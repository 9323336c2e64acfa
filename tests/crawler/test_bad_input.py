"""Bad input gets a clear answer and loses nothing: what each kind leaves in the captures table, beside healthy pages."""

import gzip
import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import archive
from archive.collection import create_collection
from archive.http import content
from archive.reader import read_record, read_records
from tests.crawling import ROOT, Outcome, crawl, scrapy
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
CHUNKS = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
TOO_LONG = FAILED | {"content_truncated": "length"}
HOPS = {f"/hop-{number}": Reply((MOVED % b"/hop-%d" % (number + 1),)) for number in range(1, 30)}


def packed(body: bytes, times: int) -> bytes:
    return packed(gzip.compress(body), times - 1) if times else body


# path → reply, and what the row of its capture has to say
CASES: dict[str, tuple[Reply, dict[str, Any]]] = {
    "/healthy": (reply(HTML), ARTICLE),
    "/cut-in-header": (Reply((b"HTTP/1.1 200 OK\r\nConte",), "close"), FAILED | {"content_truncated": "disconnect"}),
    "/cut-in-body": (reply(HTML, length=len(HTML) + 500, end="close"), FAILED | {"content_truncated": "disconnect"}),
    "/length-too-short": (reply(HTML, length=len(HTML) - 20, end="close"), ARTICLE),
    "/reset-at-an-unknown-length": (
        Reply((b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n" + HTML.replace(b"bicycles", b"mules"), 0.1), "reset"),
        FAILED | {"content_truncated": "disconnect"},
    ),
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
    "/bomb-within-the-limit": (reply(gzip.compress(b"<p>" * MEGABYTE), GZIP), FAILED),
    "/packed-six-times-over": (reply(packed(HTML, 6), b"Content-Encoding: %s\r\n" % b", ".join([b"gzip"] * 6)), FAILED),
    "/endless-head": (Reply((b"HTTP/1.1 200 OK\r\n", *[b"X: %s\r\n" % (b"h" * 9_000) * 10] * 400), "close"), TOO_LONG),
    "/endless-short-headers": (Reply((b"HTTP/1.1 200 OK\r\n", *[b"a:b\r\n" * 500] * 400), "close"), TOO_LONG),
    "/endless-interim-answers": (Reply((*[b"HTTP/1.1 100 Continue\r\n\r\n" * 500] * 100,), "close"), FAILED),
    "/chunks-of-nothing": (Reply((CHUNKS, *[b"1;%s\r\nx\r\n" % (b"e" * 900) * 100] * 200), "close"), TOO_LONG),
    "/forged-log": (Reply((b"HTTP/1.1 x \x1b[2J\r2026-01-01 [root] CRITICAL: forged\r\n\r\n",), "close"), FAILED),
    "/control-characters": (reply(HTML, b"Content-Encoding: x-\x1b[2J\x01\r\n"), ARTICLE),
    "/..%2F..%2F..%2Fetc%2Fpasswd%00%0A": (reply(HTML.replace(b"bicycles", b"carts")), ARTICLE),
    "/broken-gzip": (reply(b"no gzip", GZIP), FAILED),
    "/gzip-in-two-members": (
        reply(gzip.compress(HTML[:900]) + gzip.compress(HTML[900:].replace(b"bicycles", b"prams")), GZIP),
        ARTICLE,
    ),
    "/lower-case-protocol": (Reply((b"http/1.1 200 ok\r\nContent-Length: %d\r\n\r\n" % len(HTML) + HTML,)), FAILED),
    "/healthy-too": (reply(HTML.replace(b"bicycles", b"horses")), ARTICLE),
    "/to-a-private-address": (Reply((MOVED % b"http://127.0.0.2:9/",)), {"fetch_status": 302}),
    "/to-a-private-name": (Reply((MOVED % b"http://inner.test:9/",)), {"fetch_status": 302}),
    "/to-a-file": (Reply((MOVED % b"file:///etc/hostname",)), {"fetch_status": 302}),
    "/to-data": (Reply((MOVED % b"data:text/html,hello",)), {"fetch_status": 302}),
    "/to-ftp": (Reply((MOVED % b"ftp://127.0.0.1/hello",)), {"fetch_status": 302}),
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
    articles: set[str]


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawled]:
    folder = tmp_path_factory.mktemp("bad")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        refused = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        replies = (
            HOPS
            | {path: answer for path, (answer, _) in CASES.items()}
            | {"/robots.txt": reply(b"", b"Content-Type: text/plain\r\n")}
        )
        with RawServer(replies) as server, RawServer(replies, tls_context(folder)) as secure:
            urls = [server.url(path) for path in [*CASES, "/hop-1"]] + [
                secure.url("/healthy"),
                refused,
                "http://nowhere.invalid/",
            ]
            urls.append(f"https://trusted.test:{secure.port}/healthy")
            (folder / "urls.txt").write_text("\n".join(urls))
            settings = {
                "BROADSHEET_ALLOW_PRIVATE": "127.0.0.1",
                "BROADSHEET_HOSTS": "inner.test=127.0.0.3,trusted.test=127.0.0.1",
                "BROADSHEET_TLS_UNVERIFIED": "trusted.*",
                "BROADSHEET_CONTACT": "tests@example.org",
                "DOWNLOAD_MAXSIZE": str(4 * MEGABYTE),
                "RETRY_ENABLED": "0",
                "CONCURRENT_REQUESTS_PER_DOMAIN": "4",
            }
            outcome = crawl(folder / "c", settings, urls=str(folder / "urls.txt"))
            rows = {row["url"]: row for row in archive.open_captures(folder / "c").to_table().to_pylist()}
            articles = archive.open_articles(folder / "c").to_table().column("url").to_pylist()
            yield Crawled(outcome, folder / "c", server, secure, refused, rows, set(articles))


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
    assert not [url for url in crawled.rows if not url.startswith("http")]
    for url, address in {"http://127.0.0.2:9/": "127.0.0.2", "http://inner.test:9/": "127.0.0.3"}.items():
        attempt = crawled.rows[url + "robots.txt"]
        assert attempt["warc_record_type"] == "metadata"
        assert f"private address {address}, which is refused" in attempt["fetch_error"]


def test_an_endless_body_is_left_as_soon_as_it_is_too_long(crawled: Crawled) -> None:
    row = crawled.rows[crawled.server.url("/endless-body")]
    path = crawled.collection / "archive" / row["warc_filename"]
    record = read_record(path, row["warc_record_offset"], row["warc_record_length"])
    assert 4 * MEGABYTE <= len(record.block) < 5 * MEGABYTE
    (seen,) = (seen for seen in crawled.server.seen if seen.path == "/endless-body")
    assert len(seen.sent) < 20 * MEGABYTE  # of 26


def test_endless_heads_and_chunks_are_left_as_soon_as_they_are_too_long(crawled: Crawled) -> None:
    most = {"/endless-head": 2.5, "/endless-short-headers": 0.3, "/chunks-of-nothing": 11}  # megabytes, of 36, 1, and 18
    for path, megabytes in most.items():
        row = crawled.rows[crawled.server.url(path)]
        record = read_record(
            crawled.collection / "archive" / row["warc_filename"], row["warc_record_offset"], row["warc_record_length"]
        )
        assert len(record.block) < megabytes * MEGABYTE, path


def test_redirects_are_followed_ten_times(crawled: Crawled) -> None:
    assert [seen.path for seen in crawled.server.seen if seen.path in HOPS] == [f"/hop-{number}" for number in range(1, 12)]
    assert crawled.rows[crawled.server.url("/hop-11")]["fetch_status"] == 302
    assert "given up: redirects without end" in crawled.outcome.err


def test_a_certificate_that_is_not_verified_is_taken_from_hosts_that_the_user_names_and_noted(crawled: Crawled) -> None:
    url = f"https://trusted.test:{crawled.secure.port}/healthy"
    row = crawled.rows[url]
    assert row["extraction"] == "article"
    (metadata,) = (
        record
        for record in read_records(crawled.collection / "archive" / row["warc_filename"])
        if record.kind == "metadata" and record.get("WARC-Concurrent-To") == row["warc_record_id"]
    )
    assert b"tlsCertificate: not verified" in metadata.block


def test_what_answers_say_forges_no_log_line(crawled: Crawled) -> None:
    assert "x-\\x1b[2j\\x01" in crawled.outcome.err  # it did get that far
    assert not set(crawled.outcome.err) & {"\x1b", "\r", "\x00", "\x01", "\x07"}
    assert not [line for line in crawled.outcome.err.splitlines() if line.startswith("2026-01-01")]


def test_no_file_is_named_by_a_host_or_an_address(crawled: Crawled) -> None:
    names = {part for path in crawled.collection.rglob("*") for part in path.relative_to(crawled.collection).parts}
    folders = r"archive|indexes|tables|articles|captures|ledger|state|fetch_date=[\d-]+"
    files = r"collection\.json|writer\.lock|index\.cdxj|[a-z]+\.sqlite|part-[\w-]+\.parquet|broadsheet-[\w-]+\.warc\.gz"
    assert [name for name in names if not re.fullmatch(f"{folders}|{files}", name)] == []


def test_the_crawl_ends_well_and_says_what_went_wrong(crawled: Crawled) -> None:
    assert crawled.outcome.code == 0
    assert "Traceback" not in crawled.outcome.err
    for words in ("connection cut in the body", "robots.txt not reached", "longer than DOWNLOAD_MAXSIZE"):
        assert words in crawled.outcome.err


def test_the_archive_of_bad_answers_is_true_and_its_texts_come_out_again(crawled: Crawled) -> None:
    proven = scrapy("verify", str(crawled.collection), settings={"BROADSHEET_WORKERS": "1"})
    assert proven.code == 0, proven.out
    articles = {crawled.server.url(path) for path, (_, said) in CASES.items() if said.get("extraction") == "article"}
    assert articles <= crawled.articles
    assert f"{len(crawled.articles)} texts extracted again" in proven.out


def test_what_is_no_whole_page_makes_no_article(crawled: Crawled) -> None:
    articles = {crawled.server.url(path) for path, (_, said) in CASES.items() if said.get("extraction") == "article"}
    assert crawled.articles == articles | {f"https://trusted.test:{crawled.secure.port}/healthy"}


def test_bombs_and_endless_bodies_stay_bounded_in_memory(crawled: Crawled) -> None:
    assert crawled.outcome.peak_kilobytes < 600 * 1024


def test_a_small_body_that_unpacks_to_gigabytes_is_unpacked_to_the_limit_only() -> None:
    """Also where no middleware of Scrapy's stands before it: when pages are read from their records."""
    program = (
        "import brotli, resource; from archive.http import content;"
        "packer = brotli.Compressor(quality=1);"
        "bomb = b''.join(packer.process(bytes(1 << 20)) for _ in range(512)) + packer.finish();"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; before = peak();"
        "size = len(content(b'HTTP/1.1 200 OK\\r\\nContent-Encoding: br\\r\\n\\r\\n' + bomb, 1 << 20));"
        "print(size, peak() - before)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    size, kilobytes = map(int, done.stdout.split())
    assert size == 1 << 20
    assert kilobytes < 32 * 1024


@pytest.mark.parametrize("coding", [b"utf-8", b"none, 8bit"])
def test_a_page_with_a_coding_that_is_none_can_be_read_again_from_its_record(coding: bytes) -> None:
    """Servers do write ``Content-Encoding: utf-8``; browsers and Scrapy read such a page as it came."""
    answer = reply(HTML, b"Content-Encoding: %s\r\n" % coding).pieces[0]
    assert isinstance(answer, bytes)
    assert content(answer, MEGABYTE) == HTML


def test_addresses_of_other_kinds_are_refused_before_anything_is_fetched(tmp_path: Path) -> None:
    (tmp_path / "urls.txt").write_text("http://127.0.0.1/\nftp://127.0.0.1/")
    outcome = crawl(tmp_path / "c", urls=str(tmp_path / "urls.txt"))
    assert outcome.code == 2
    assert "'ftp://127.0.0.1/' is neither a file nor an http or https address" in outcome.err
    assert "Traceback" not in outcome.err
    assert not (tmp_path / "c").exists()


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
