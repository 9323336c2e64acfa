"""The CDXJ index: made with the crawl, made again from the files, equal to what cdxj-indexer makes of them."""

import gzip
import http.server
import io
import json
import os
import shutil
import subprocess
import threading
import tracemalloc
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from isal import isal_zlib

from archive import cdxj_file
from archive.cdxj import Entry, Index, SortedFile
from archive.cdxj_file import Lines, add_files, merge, rebuild
from archive.cdxj_lines import Fault, index_lines
from archive.collection import create_collection
from archive.digest import warc_digest
from archive.request_key import body_query
from pipelines.run import Run
from tests.archive.exchanges import ASKING, HTML, exchange, response, writer
from tests.crawling import scrapy
from tests.peers import peer

FORM = "application/x-www-form-urlencoded"
PARTS = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xc3\xa4 b\r\n--x--\r\n'
FILE = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f.bin"\r\n\r\n\x00\xff\r\n--x--\r\n'
BODIES = [
    (FORM, b"q=ferry+times&x=%C3%A4&y=1%23"),
    (FORM, b"\xff\xfe"),
    ("application/json", b'{"a": {"b": [1, 2, {"c": null}]}, "a2": "x y", "b": true}'),
    ("application/json", b'{"a": 1}\n{"a": 2}'),
    ("application/json", b"{no json"),
    ("text/plain", b'{"a": "A"}'),
    ("text/plain;charset=UTF-8", b"just words"),
    ("multipart/form-data; boundary=x", PARTS),
    ("multipart/form-data; boundary=x", FILE),
    ("multipart/form-data", PARTS),
    ("application/octet-stream", bytes(range(256)) * 30),
    ("application/octet-stream", b""),
    (None, b"no type"),
]


def post(number: int, content_type: str | None, body: bytes, method: bytes = b"POST") -> dict[str, object]:
    head = b"%s /api HTTP/1.1\r\nHost: news.example\r\nContent-Length: %d\r\n" % (method, len(body))
    typed = b"Content-Type: %s\r\n" % content_type.encode() if content_type else b""
    return {"url": f"http://news.example/api?n={number}", "request": head + typed + b"\r\n" + body}


EXCHANGES: list[dict[str, object]] = [
    {},
    {"url": "http://news.example/long", "response": response(HTML * 20)},
    {"url": "http://news.example/long", "response": response(HTML * 20)},
    {"url": "http://news.example/long", "request": ASKING, "response": b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n"},
    {"url": "https://www.News.example/A/?b=2&a=1"},
    {"url": "http://news.example/ä?q=ö"},
    {"url": "http://news.example/moved", "response": b"HTTP/1.1 302 Found\r\nLocation: /ferry\r\nContent-Length: 0\r\n\r\n"},
    {"url": "http://news.example/gone", "response": b"HTTP/1.0 404 Not Found\r\n\r\ngone"},
    {"url": "http://news.example/typed", "response": response(head=b"content-TYPE:  Text/HTML ; charset=x\r\n")},
    {"url": "http://news.example/untyped", "response": response(head=b"")},
    {"url": "http://news.example/emptytype", "response": response(head=b"Content-Type:\r\n")},
    {"url": "http://news.example/twice", "response": response(head=b"Content-Type: a/b\r\nContent-Type: c/d\r\n")},
    {"url": "http://news.example/hints", "response": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + response()},
    {"url": "http://news.example/odd", "response": b"HTTP/1.1 200\r\nno colon\r\nContent-Type: a/b\r\n\r\nx"},
    {"url": "http://news.example/cut", "response": b"HTTP/1.1 200 OK\r\nContent-Type: te", "truncated": "disconnect"},
    {
        "url": "http://news.example/chunked",
        "response": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/html\r\n\r\n2\r\nab\r\n0\r\n\r\n",
    },
    {"url": "http://news.example/silent", "response": b"", "error": "reset"},
    {"url": "http://news.example/noise", "response": b"SSH-2.0-OpenSSH\r\n"},
    *[post(number, *body) for number, body in enumerate(BODIES)],
    post(99, FORM, b"a=b", b"PUT"),
]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(create_collection(tmp_path / "c"), [("software", "test")], 20_000)


def record_all(run: Run) -> None:
    for one in EXCHANGES:
        run.record(exchange(**one))


def reference(*paths: Path) -> str:
    return peer("cdxj-indexer", "--sort", "--post-append", *map(str, paths))


def test_a_crawl_leaves_the_index_that_cdxj_indexer_makes_of_its_files(run: Run) -> None:
    record_all(run)
    run.close()
    files = run.collection.warc_files()
    assert len(files) > 1
    written = run.collection.index.read_text()
    assert written == reference(*files)
    assert len(written.splitlines()) == len(EXCHANGES) - 2
    assert written.count("warc/revisit") == 2
    assert "?__wb_method=post&n=0&q=ferry%20times&x=%c3%a4" in written


def test_scrapy_index_makes_the_same_index_again(run: Run) -> None:
    record_all(run)
    run.close()
    before = run.collection.index.read_bytes()
    run.collection.index.unlink()
    done = scrapy("index", str(run.collection.path))
    assert (done.code, run.collection.index.read_bytes()) == (0, before)
    assert f"{len(before.splitlines())} lines" in done.out
    assert [path.name for path in run.collection.index.parent.iterdir()] == ["index.cdxj"]


def test_a_second_crawl_adds_to_the_index(run: Run) -> None:
    record_all(run)
    run.close()
    again = Run(run.collection, [("software", "test")], 1 << 30)
    record_all(again)
    again.close()
    assert run.collection.index.read_text() == reference(*run.collection.warc_files())


def test_what_a_crash_left_is_indexed_by_the_next_crawl(run: Run) -> None:
    record_all(run)
    os.close(run.recorder.writer._file._fd)
    run.lock.release()
    following = Run(run.collection, [("software", "test")], 1 << 30)
    [*following.untabulated()]
    following.forget_untabulated()
    following.close()
    assert run.collection.index.read_text() == reference(*run.collection.warc_files())


def test_indexing_a_file_again_repeats_no_line(run: Run) -> None:
    record_all(run)
    run.close()
    before = run.collection.index.read_bytes()
    assert add_files(run.collection.index, run.collection.warc_files()[:1]) == []
    assert run.collection.index.read_bytes() == before


def test_what_was_known_of_a_file_gives_way_to_what_is_known_now(tmp_path: Path) -> None:
    index = tmp_path / "index.cdxj"
    merge(index, [line("a", "1", "x"), line("b", "1", "y"), line("c", "1", "x")], ["x", "y"])
    assert merge(index, [line("b", "2", "x")], ["x"]) == 2
    assert index.read_bytes() == line("b", "1", "y") + line("b", "2", "x")


def test_an_index_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    index = tmp_path / "index.cdxj"
    merge(index, [b'a 1 {"filename": "x"}\n'], ["x"])

    def failing() -> Iterator[bytes]:
        yield b'b 1 {"filename": "y"}\n'
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        merge(index, failing(), ["y"])
    assert [path.name for path in tmp_path.iterdir()] == ["index.cdxj"]
    assert index.read_bytes() == b'a 1 {"filename": "x"}\n'


# other people's files


class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        pages = {"/": b'<a href="/b?x=1">b</a> <a href="/missing">m</a> <a href="/moved">v</a>', "/b?x=1": b"<p>b</p>"}
        if self.path == "/moved":
            self.send_response(301)
            self.send_header("Location", "/b?x=1")
        else:
            self.send_response(200 if self.path in pages else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
        body = pages.get(self.path, b"")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.path = "/"
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@pytest.mark.parametrize("options", [["-r"], ["-r", "--no-warc-compression"], ["--post-data", "q=ferry times&x=1"]])
def test_files_of_wget(tmp_path: Path, site: str, options: list[str]) -> None:
    wget = shutil.which("wget")
    if wget is None:
        pytest.skip("wget is not there")
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    command = [wget, "-q", "-e", "robots=off", "--warc-file", "w", *options, site]
    subprocess.run(command, cwd=tmp_path, env=environment, check=False, timeout=60)
    (path,) = tmp_path.glob("w.warc*")
    faults: list[Fault] = []
    lines = list(Lines(tmp_path, index_lines(path, faults.append)))
    answers = [line for line in b"".join(lines).decode().splitlines() if '"status"' in line]
    assert answers == [line for line in reference(path).splitlines() if '"status"' in line]
    assert not faults
    if "--post-data" not in options:  # all lines, those of records without a digest too
        assert b"".join(lines).decode() == peer("cdxj-indexer", "--sort", str(path))


def foreign(path: Path, records: list[tuple[str, str, bytes, dict[str, str]]], packed: bool = True) -> Path:
    """A file of records: type, address, block, further fields."""
    with path.open("wb") as file:
        for kind, url, block, fields in records:
            usual = {"WARC-Type": kind, "WARC-Target-URI": url, "WARC-Date": "2026-11-23T10:11:12Z"}
            head = {"WARC-Record-ID": f"<urn:uuid:{uuid.uuid4()}>", **usual, **fields, "Content-Length": str(len(block))}
            lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
            record = b"WARC/1.0\r\n" + lines.encode() + b"\r\n" + block + b"\r\n\r\n"
            file.write(gzip.compress(record) if packed else record)
    return path


ONE = {"WARC-Record-ID": "<urn:uuid:1>"}
TO_ONE = {"WARC-Record-ID": "<urn:uuid:2>", "WARC-Concurrent-To": "<urn:uuid:1>"}
POSTED = b"POST /api HTTP/1.1\r\nContent-Length: 3\r\nContent-Type: " + FORM.encode() + b"\r\n\r\na=b"
HTTP = {"Content-Type": "application/http"}
# where a record has no digest cdxj-indexer, asked for requests as well, gives that of nothing: it has read the payload already
DIGEST = {"WARC-Payload-Digest": warc_digest(HTML)}


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("order", [1, -1])
def test_a_request_is_found_before_its_answer_and_behind_it(tmp_path: Path, order: int, packed: bool) -> None:
    kinds = [("response", response()), ("request", POSTED)][::order]
    records = [
        (kind, "http://news.example/api", block, HTTP | DIGEST | f)
        for (kind, block), f in zip(kinds, (ONE, TO_ONE), strict=True)
    ]
    path = foreign(tmp_path / "f.warc", records, packed)
    (line,) = index_lines(path)
    assert line.decode() == reference(path)
    assert line.startswith(b"example,news)/api?__wb_method=post&a=b ")


def test_revisits_resources_and_metadata(tmp_path: Path) -> None:
    revisit = {
        "WARC-Profile": "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest",
        "WARC-Payload-Digest": "sha1:A",
    }
    records = [
        ("revisit", "http://news.example/a", b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n", HTTP | revisit),
        ("revisit", "http://news.example/b", b"", HTTP | revisit),
        ("resource", "urn:view:http://news.example/a", b"PNG", {"Content-Type": "image/png", "WARC-Payload-Digest": "sha1:B"}),
        ("metadata", "http://news.example/a", b"x: y\r\n", {"Content-Type": "application/warc-fields"}),
        ("metadata", "http://news.example/m", b"{}", {"Content-Type": "application/json", "WARC-Payload-Digest": "sha1:C"}),
        ("response", "dns:news.example", b"20261123 192.0.2.7", {"Content-Type": "text/dns", "WARC-Payload-Digest": "sha1:D"}),
        ("conversion", "http://news.example/a", b"text", {"Content-Type": "text/plain"}),
        ("response", "<http://news.example/w>", response(), HTTP | DIGEST),
        ("response", "http://news.example/a b", response(), HTTP | DIGEST),
    ]
    path = foreign(tmp_path / "f.warc.gz", records)
    assert b"".join(sorted(index_lines(path))).decode() == reference(path)


def test_a_revisit_of_a_posted_request_is_no_answer_to_a_plain_one(tmp_path: Path) -> None:
    path = foreign(
        tmp_path / "f.warc.gz",
        [
            ("revisit", "http://news.example/api", b"HTTP/1.1 200 OK\r\n\r\n", HTTP | ONE),
            ("request", "http://news.example/api", POSTED, HTTP | TO_ONE),
        ],
    )
    assert next(index_lines(path)).startswith(b"example,news)/api?__wb_method=post&a=b ")


@given(st.sampled_from([FORM, "application/json", "text/plain", "multipart/form-data; boundary=x", "x/y", None]), st.binary())
def test_any_body_becomes_a_query_of_bounded_length(content_type: str | None, body: bytes) -> None:
    assert len(body_query(content_type, body)) <= 4096


# damage


def archive_of(folder: Path, count: int) -> tuple[Path, list[int]]:
    out = writer(folder)
    offsets = [out.write(exchange(url=f"http://news.example/{number}")).offset for number in range(count)]
    out.close()
    (path,) = folder.glob("*.warc.gz")
    return path, offsets


def keys(path: Path, faults: list[Fault]) -> list[str]:
    return [line.split()[0].decode().rpartition("/")[2] for line in index_lines(path, faults.append)]


def test_a_torn_tail_is_named_and_the_rest_indexed(tmp_path: Path) -> None:
    path, offsets = archive_of(tmp_path, 4)
    os.truncate(path, offsets[3] + 60)
    faults: list[Fault] = []
    assert keys(path, faults) == ["0", "1", "2"]
    assert [str(fault) for fault in faults] == [f"{path.name} at {offsets[3]}: the file ends within a gzip member"]


@pytest.mark.parametrize("at", [0, 30, -6])
def test_records_behind_a_damaged_one_are_indexed_all_the_same(tmp_path: Path, at: int) -> None:
    path, offsets = archive_of(tmp_path, 5)
    data = bytearray(path.read_bytes())
    data[(offsets[2] if at >= 0 else next_member(data, offsets[2])) + at] ^= 0xFF
    path.write_bytes(data)
    faults: list[Fault] = []
    assert keys(path, faults) == ["0", "1", "3", "4"]
    assert [fault.offset for fault in faults] == [offsets[2]]


def next_member(data: bytes, offset: int) -> int:
    unpacker = isal_zlib.decompressobj(31)
    unpacker.decompress(bytes(data[offset:]))
    return len(data) - len(unpacker.unused_data)


def test_plain_files_with_a_false_length_are_read_on_behind_it(tmp_path: Path) -> None:
    records = [("response", f"http://news.example/{number}", response(), HTTP) for number in range(4)]
    path = foreign(tmp_path / "f.warc", records, packed=False)
    data = path.read_bytes()
    length = b"Content-Length: %d\r\n" % len(response())
    parts = data.split(length)
    path.write_bytes(parts[0] + length + parts[1] + b"Content-Length: 999999\r\n" + length.join(parts[2:]))
    faults: list[Fault] = []
    assert keys(path, faults) == ["0", "2", "3"]
    assert len(faults) == 1


def test_a_file_that_was_gzipped_as_a_whole_cannot_be_indexed_and_says_so(tmp_path: Path) -> None:
    records = [("response", f"http://news.example/{number}", response(), HTTP) for number in range(3)]
    plain = foreign(tmp_path / "f.warc", records, packed=False)
    path = tmp_path / "g.warc.gz"
    path.write_bytes(gzip.compress(plain.read_bytes()))
    faults: list[Fault] = []
    assert keys(path, faults) == []
    assert "more than one record lies in one gzip member" in str(faults[0])


NO_ARCHIVES = [
    b"",
    b"\x1f\x8b",
    b"hello",
    gzip.compress(b"", mtime=0),
    gzip.compress(b"hello", mtime=0),
    b"WARC/1.1\r\n",
    b"\0" * 99,
]


@pytest.mark.parametrize("data", NO_ARCHIVES)
def test_files_that_are_no_archives_raise_nothing(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.warc.gz"
    path.write_bytes(data)
    faults: list[Fault] = []
    assert keys(path, faults) == []
    assert faults


@given(st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=4), st.booleans())
def test_no_damage_makes_the_indexer_fail(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[float, int]], packed: bool
) -> None:
    folder = tmp_path_factory.mktemp("d")
    path, _ = archive_of(folder, 2)
    raw = bytearray(path.read_bytes() if packed else gzip.decompress(path.read_bytes()))
    for place, value in changes:
        raw[int(place * len(raw))] = value
    path.write_bytes(raw)
    for line in index_lines(path):
        Entry.parse(line)


@pytest.mark.parametrize("data", ["[]", '{"url": 1}', '{"url": "u", "filename": "f", "offset": Infinity, "length": "1"}', "{"])
def test_what_is_no_line_raises_a_value_error(data: str) -> None:
    with pytest.raises(ValueError, match=r"line|delimiter|property"):
        Entry.parse(f"com,example)/ 20261123101112 {data}\n".encode())


def test_a_status_of_odd_digits_is_unknown() -> None:
    known = '{"url": "u", "filename": "f", "offset": "0", "length": "1", "status": "2\u00b20"}'
    assert Entry.parse(f"com,example)/ 20261123101112 {known}\n".encode()).status is None


def test_a_bomb_is_named_and_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.warc.gz"
    bomb = b"WARC/1.1\r\nWARC-Type: response\r\nX: " + b"a" * (100 << 20)
    record, _ = archive_of(tmp_path / "one", 1)
    path.write_bytes(gzip.compress(bomb, 1) + record.read_bytes())
    faults: list[Fault] = []
    tracemalloc.start()
    assert keys(path, faults) == ["0"]
    assert tracemalloc.get_traced_memory()[1] < 64 << 20
    tracemalloc.stop()
    assert "longer than 1 MiB" in str(faults[0])


def test_scrapy_index_names_what_is_damaged_and_ends_with_1(run: Run) -> None:
    record_all(run)
    run.close()
    path = run.collection.warc_files()[-1]
    os.truncate(path, path.stat().st_size - 9)
    done = scrapy("index", str(run.collection.path))
    assert done.code == 1
    assert f"{path.name} at " in done.out
    assert "Traceback" not in done.err


def test_scrapy_index_waits_for_a_crawl_to_end(run: Run) -> None:
    done = scrapy("index", str(run.collection.path))
    assert done.code == 2
    assert "it is being written to" in done.err
    run.close()


# merging and looking up


def line(key: str, timestamp: str, filename: str = "w.warc.gz", url: str = "") -> bytes:
    known = {"url": url or f"http://{key}", "offset": "0", "length": "1", "filename": filename}
    return f"{key} {timestamp} {json.dumps(known)}\n".encode()


names = st.text("ab,)/ ?é", min_size=1, max_size=6).map(lambda text: text.replace(" ", "%20"))
stamps = st.integers(0, 9).map(lambda second: f"2026112310111{second}")


@given(st.lists(st.tuples(names, stamps)), st.integers(1, 400))
def test_any_lines_come_back_sorted_and_once(
    tmp_path_factory: pytest.TempPathFactory, made: list[tuple[str, str]], run: int
) -> None:
    lines = [line(*one) for one in made]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cdxj_file, "_RUN_BYTES", run)
        patch.setattr(cdxj_file, "_MOST_RUNS", 2)
        gathered = Lines(tmp_path_factory.mktemp("l"), lines)
        assert list(gathered) == sorted(set(lines))
        assert list(gathered) == sorted(set(lines))


@given(st.lists(st.tuples(names, stamps), max_size=40), names)
def test_a_look_up_finds_what_a_look_at_all_lines_finds(made: list[tuple[str, str]], sought: str) -> None:
    lines = sorted({line(*one) for one in made})
    index = Index(SortedFile(io.BytesIO(b"!meta 0 {}\n" + b"".join(lines))))
    for key in {sought, *(key for key, _ in made)}:
        assert list(index.of_key(key)) == [Entry.parse(one) for one in lines if one.startswith(key.encode() + b" ")]
        assert list(index.of_prefix(key)) == [Entry.parse(one) for one in lines if one.startswith(key.encode())]
    assert list(index) == [Entry.parse(one) for one in lines]


def test_the_nearest_capture_is_of_the_very_address_if_there_is_one() -> None:
    key, plain, secure = "example,news)/a", "http://news.example/a", "https://news.example/a"
    captures = (("2020", secure), ("2021", plain), ("2023", secure))
    index = Index(SortedFile(io.BytesIO(b"".join(line(key, year + "0101000000", url=url) for year, url in captures))))
    assert [entry.timestamp[:4] for entry in index.lines(plain)] == ["2020", "2021", "2023"]
    assert index.nearest(secure, "20210601").timestamp[:4] == "2020"  # type: ignore[union-attr]
    assert index.nearest(secure, "2022").timestamp[:4] == "2023"  # type: ignore[union-attr]
    assert index.nearest(plain, "20260101000000").timestamp[:4] == "2021"  # type: ignore[union-attr]
    assert index.nearest("http://www.news.example/A", "2023").timestamp[:4] == "2023"  # type: ignore[union-attr]
    assert index.nearest("http://news.example/b", "2023") is None


def test_a_posted_answer_is_found_by_its_body(run: Run) -> None:
    record_all(run)
    run.close()
    with Index(run.collection.index) as index:
        (found,) = index.lines("http://news.example/api?n=0", "POST", *BODIES[0])
        assert (found.method, found.request_body) == ("POST", "q=ferry times&x=ä&y=1#")
        assert not list(index.lines("http://news.example/api?n=0"))


def test_rebuilding_in_two_processes_makes_the_same_index(run: Run, tmp_path: Path) -> None:
    record_all(run)
    run.close()
    sizes: list[int] = []
    rebuilt = rebuild(tmp_path / "i" / "index.cdxj", run.collection.warc_files(), sizes.append, jobs=2)
    assert (tmp_path / "i" / "index.cdxj").read_bytes() == run.collection.index.read_bytes()
    assert rebuilt.lines == len(EXCHANGES) - 2
    assert sum(sizes) == sum(path.stat().st_size for path in run.collection.warc_files())
