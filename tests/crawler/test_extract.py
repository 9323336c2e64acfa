"""``scrapy extract``: archive files of any origin become the rows of a crawl, and take every kind of bad input."""

import gzip
import os
import shutil
import subprocess
import time
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import brotli
import pytest

import archive
from archive.collection import Collection, create_collection, open_collection
from archive.http import zstd
from archive.lock import WriterLock
from archive.sources import SourceError, archive_files, save, sources
from archive.verify import verify
from pipelines.intake import Extraction, Tally
from pipelines.workers import Workers
from tests.archive.foreign_files import DATE, STYLES, URL, Maker, chunked, heritrix, uncompressed
from tests.crawling import ROOT, crawl, python, scrapy
from tests.newsroom.server import Newsroom
from tests.pipelines.pages import TITLE, page

DIGEST = "sha1:7TPYPDUVRMFE5KVYJBXPSSFZW5LD2TG3"  # of "the clean text"
SAME = ("title", "text", "authors", "published_at", "language", "canonical_url", "tags", "images", "links", "text_sha256")


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with closing(Workers(1, 30.0)) as some:
        yield some


class Taken:
    """A collection that files were taken into, and what was said meanwhile."""

    def __init__(self, folder: Path, workers: Workers, *paths: Path) -> None:
        self.lines: list[str] = []
        self.collection: Collection = create_collection(folder)
        found = [path for path in archive_files(paths) if isinstance(path, Path)]
        self.tally: Tally = Extraction(self.collection, workers, self.lines.append).read(found)

    def rows(self, table: str) -> list[dict[str, Any]]:
        dataset = self.collection.articles if table == "articles" else self.collection.captures
        rows = dataset.dataset().to_table().to_pylist()
        return sorted(rows, key=lambda row: (row["warc_filename"], row["warc_record_offset"]))

    def states(self) -> dict[str, tuple[str | None, str | None]]:
        return {row["url"]: (row["extraction"], row["extraction_reason"]) for row in self.rows("captures")}

    @property
    def mismatches(self) -> list[str]:
        return [str(one) for one in verify(self.collection).mismatches]


# every kind of file


def test_every_style_gives_the_same_article_and_is_proven_in_the_original_file(tmp_path: Path, workers: Workers) -> None:
    for name, make in STYLES.items():
        taken = Taken(tmp_path / f"c-{name}", workers, make(tmp_path / name))
        (row,) = taken.rows("articles")
        assert (row["title"], row["url"], row["warc_filename"]) == (TITLE, URL, name)
        assert (row["discovery_source"], row["spider"]) == ("archive", None)
        (state,) = [state for url, state in taken.states().items() if url == URL]
        assert state[0] == "article"
        assert {row["purpose"] for row in taken.rows("captures")} == {None}
        assert not taken.lines
        assert taken.mismatches == []
        assert (taken.collection.archive / name).resolve() == (tmp_path / name).resolve()


def test_codings_in_all_mixtures_are_undone(tmp_path: Path, workers: Workers) -> None:
    html = page()
    bodies = {
        "gzip": gzip.compress(html),
        "br": brotli.compress(html),
        "zstd": zstd.compress(html),
        "deflate": zlib.compress(html),
        "gzip, br": brotli.compress(gzip.compress(html)),
    }
    warc = Maker(tmp_path / "codings.warc.gz")
    for coding, body in bodies.items():
        for framed in (False, True):
            heads = [("Content-Type", "text/html"), ("Content-Encoding", coding)]
            heads += [("Transfer-Encoding", "chunked")] * framed
            url = f"{URL}/{coding.replace(', ', '-')}/{framed}"
            warc.response(url, chunked(body) if framed else body, headers=tuple(heads))
    # programs that undo codings and leave the fields that speak of them
    warc.response(f"{URL}/left/gzip", headers=(("Content-Type", "text/html"), ("Content-Encoding", "gzip")))
    warc.response(f"{URL}/left/chunked", headers=(("Content-Type", "text/html"), ("Transfer-Encoding", "chunked")))
    taken = Taken(tmp_path / "c", workers, warc.close())
    assert {state for state, _ in taken.states().values()} == {"article"}
    assert {row["title"] for row in taken.rows("articles")} == {TITLE}
    assert taken.mismatches == []


def test_records_that_are_no_pages_have_rows_that_say_so(tmp_path: Path, workers: Workers) -> None:
    warc = Maker(tmp_path / "odd.warc.gz")
    warc.response(f"{URL}/gone", b"gone", status="404 Not Found")
    warc.response(f"{URL}/pdf", b"%PDF", headers=(("Content-Type", "application/pdf"),))
    warc.response(f"{URL}/cut", page()[:300], WARC_Truncated="length")
    warc.response(f"{URL}/torn", b"\x1f\x8b\x08junk", headers=(("Content-Type", "text/html"), ("Content-Encoding", "gzip")))
    warc.record("resource", f"{URL}/resource", page(), None, Content_Type="text/html")
    warc.record("resource", "urn:screenshot:x", b"PNG", None, Content_Type="image/png")
    head = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {URL}/headless\r\nWARC-Date: {DATE}\r\n"
    head += f"Content-Type: text/html\r\nContent-Length: {len(page())}\r\n\r\n"
    with warc.close().open("ab") as file:
        file.write(gzip.compress(head.encode() + page() + b"\r\n\r\n"))
    taken = Taken(tmp_path / "c", workers, warc.path)
    states = {url.removeprefix(URL): state for url, state in taken.states().items()}
    assert states.pop("/torn")[0] == "failed"
    assert states == {
        "/gone": ("failed", "http 404"),
        "/pdf": ("not_article", "media type application/pdf"),
        "/cut": ("failed", "truncated: length"),
        "/resource": ("not_article", "the record holds no HTTP answer"),
        "/headless": ("not_article", "the record holds no HTTP answer"),
    }
    assert taken.mismatches == []


def test_a_revisit_says_whether_the_record_with_its_bytes_is_here(tmp_path: Path, workers: Workers) -> None:
    digest = "sha1:B2LTWWPUOYAH7UIPQ7ZUPQ4VMBSVC36A"
    same = {"WARC_Profile": "http://netpreserve.org/warc/1.0/revisit/identical-payload-digest"}
    http = ("200 OK", [("Content-Type", "text/html")], "HTTP/1.1")
    warc = Maker(tmp_path / "r.warc.gz")
    original = warc.response()
    warc.record("revisit", f"{URL}/again", b"", http, WARC_Refers_To=original, WARC_Payload_Digest=digest, **same)
    warc.record("revisit", f"{URL}/lost", b"", http, WARC_Payload_Digest=digest, **same)
    states = (taken := Taken(tmp_path / "c", workers, warc.close())).states()
    assert states[f"{URL}/again"] == ("unchanged", f"the same bytes as {original}")
    assert states[f"{URL}/lost"] == ("failed", "a revisit, and the record that holds its bytes is not in the collection")
    assert taken.mismatches == []


def test_a_page_that_changed_has_versions_and_one_that_did_not_has_one(tmp_path: Path, workers: Workers) -> None:
    warc = Maker(tmp_path / "v.warc.gz")
    warc.response()
    warc.response()
    warc.response(body=page().replace(b"nineteen boats", b"twenty boats"))
    taken = Taken(tmp_path / "c", workers, warc.close())
    assert [row["version"] for row in taken.rows("articles")] == [1, 2]
    assert [row["extraction"] for row in taken.rows("captures")] == ["article", "unchanged", "article"]


@pytest.mark.skipif(shutil.which("wget") is None, reason="wget is not installed")
def test_what_wget_keeps_gives_the_articles_of_a_crawl(tmp_path: Path) -> None:
    with Newsroom() as newsroom:
        # pages that are sent packed come unpacked to wget, and one that changes at every fetch cannot be compared
        urls = [one.url for one in newsroom.expected if one.verdict == "article" and "live" not in one.url][:12]
        (tmp_path / "urls.txt").write_text("\n".join(urls))
        crawled = crawl(tmp_path / "crawled", urls=str(tmp_path / "urls.txt"))
        assert crawled.code == 0, crawled.err
        newsroom.forget()
        port = urls[0].split("/")[2].rpartition(":")[2]
        proxy = {"http_proxy": f"http://127.0.0.1:{port}", "no_proxy": ""}
        command = ["wget", "-q", "-O", "/dev/null", "--warc-file", str(tmp_path / "kept"), "-i", str(tmp_path / "urls.txt")]
        subprocess.run(command, env={**os.environ, **proxy}, check=False, timeout=60)
    done = scrapy("extract", str(tmp_path / "kept.warc.gz"), "-o", str(tmp_path / "c"))
    assert done.code == 0, done.err
    wanted, found = (
        {
            row["url"]: {name: row[name] for name in SAME}
            for row in archive.open_articles(tmp_path / name).to_table().to_pylist()
        }
        for name in ("crawled", "c")
    )
    assert len(wanted) >= 8
    assert found == wanted
    assert scrapy("verify", str(tmp_path / "c")).code == 0


def test_our_own_files_give_the_rows_that_the_crawl_wrote(tmp_path: Path) -> None:
    with Newsroom() as newsroom:
        crawl(tmp_path / "crawled", sites=newsroom.front_pages[0], max_articles="8")
    done = scrapy("extract", str(tmp_path / "crawled" / "archive"), "-o", str(tmp_path / "c"), fresh=True)
    assert done.code == 0, done.err
    first, again = (archive.open_captures(tmp_path / name).to_table().to_pylist() for name in ("crawled", "c"))
    key = ("url", "warc_record_id", "fetch_time", "purpose", "via", "fetch_ms", "request_record_id", "content_digest")
    assert sorted([row[name] for name in key[:4]] for row in again if row["purpose"]) == sorted(
        [row[name] for name in key[:4]] for row in first if row["purpose"]
    )
    assert {tuple(row[name] for name in key) for row in again} == {tuple(row[name] for name in key) for row in first}


# which files


def test_a_file_given_twice_and_a_copy_of_it_make_no_row_twice(tmp_path: Path, workers: Workers) -> None:
    path = heritrix(tmp_path / "a.warc.gz")
    (tmp_path / "link.warc.gz").symlink_to(path)
    shutil.copy(path, tmp_path / "copy.warc.gz")
    taken = Taken(tmp_path / "c", workers, path, path, tmp_path)
    assert [row["warc_filename"] for row in taken.rows("articles")] == ["a.warc.gz"]
    assert len(taken.rows("captures")) == 2
    again = Taken(tmp_path / "c", workers, tmp_path / "a.warc.gz")
    assert (again.tally.counts["finished_files"], len(again.rows("captures"))) == (1, 2)
    assert taken.mismatches == []


def test_files_of_one_name_in_two_folders_stay_apart(tmp_path: Path, workers: Workers) -> None:
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        warc = Maker(tmp_path / str(number) / "data.warc.gz")
        warc.response(f"{URL}/{number}")
        warc.close()
    taken = Taken(tmp_path / "c", workers, tmp_path / "1", tmp_path / "2")
    names = [row["warc_filename"] for row in taken.rows("articles")]
    assert len(set(names)) == 2 and all(name.endswith("data.warc.gz") for name in names)
    assert taken.mismatches == []


def test_a_file_that_a_crawl_left_open_is_never_cut(tmp_path: Path, workers: Workers) -> None:
    path = heritrix(tmp_path / "x.warc.gz").rename(tmp_path / "x.warc.gz.open")
    torn = path.read_bytes() + b"\x1f\x8b\x08torn"
    path.write_bytes(torn)
    taken = Taken(tmp_path / "c", workers, path)
    assert len(taken.rows("articles")) == 1
    assert not [*taken.collection.archive.glob("*.open")]
    assert path.read_bytes() == torn


def test_files_of_the_collection_itself_are_refused(tmp_path: Path, workers: Workers) -> None:
    taken = Taken(tmp_path / "c", workers, uncompressed(create_collection(tmp_path / "c").archive / "own.warc"))
    assert taken.tally.refused == 1
    assert "lies in the collection itself" in taken.lines[0]


def test_paths_that_cannot_be_read_are_named_each_with_the_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe")
    path = heritrix(tmp_path / "locked.warc.gz")
    monkeypatch.setattr("os.access", lambda *_: False)  # the tests may run as root, who may read everything
    found = [*archive_files([tmp_path / "gone", tmp_path / "empty", tmp_path / "pipe", path])]
    assert [type(one) for one in found] == [SourceError] * 4
    assert [str(one).partition(": ")[2].partition(";")[0] for one in found] == [
        "there is no such file",
        "no file in this folder is named *.warc, *.warc.gz, *.arc, *.arc.gz, *.wacz",
        "not a regular file",
        "may not be read",
    ]


# damage


def test_damage_is_counted_and_named_and_the_rest_is_read(tmp_path: Path) -> None:
    warc = Maker(tmp_path / "d.warc.gz")
    for number in range(3):
        warc.response(f"{URL}/{number}")
    data = bytearray(warc.close().read_bytes())
    at = data.index(b"\x1f\x8b\x08", 10)
    data[at + 40] ^= 0xFF
    (tmp_path / "d.warc.gz").write_bytes(data)
    (tmp_path / "no.warc.gz").write_text("<html>")
    (tmp_path / "empty.warc.gz").touch()
    done = scrapy("extract", str(tmp_path), "-o", str(tmp_path / "c"))
    assert f"{tmp_path}/d.warc.gz at {at}: its gzip member is damaged" in done.err
    assert f"{tmp_path}/no.warc.gz: at 0: no WARC or ARC record begins here" in done.err
    assert f"{tmp_path}/empty.warc.gz: the file is empty" in done.err
    assert "Traceback" not in done.err
    assert "1 damaged records" in done.out and "2 files not read" in done.out
    assert done.code == 1
    assert archive.open_articles(tmp_path / "c").count_rows() == 2
    (source,) = [one for one in sources(open_collection(tmp_path / "c")) if one.damaged]
    assert source.damages[0][0] == at
    again = scrapy("extract", str(tmp_path / "no.warc.gz"), str(tmp_path / "d.warc.gz"), "-o", str(tmp_path / "c"))
    assert (again.code, "no WARC or ARC record begins here" in again.err) == (1, True)
    assert "1 files read by an earlier run" in again.out
    proof = scrapy("verify", str(tmp_path / "c"))
    assert (proof.code, "1 damaged records in files of others" in proof.out) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give files or folders and a collection"),
        (("x.warc.gz",), "give files or folders and a collection"),
        (("nowhere.warc.gz", "-o", "c"), "nowhere.warc.gz: there is no such file"),
        ((str(ROOT / "README.md"), "-o", str(ROOT / "README.md")), "a file is in the way"),
    ],
)
def test_what_a_person_gets_wrong_is_said_in_a_line(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = scrapy("extract", *arguments)
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err


def test_hostile_files_take_little_memory(tmp_path: Path) -> None:
    """Headers of 100 MB, a record of 1 GB, a Content-Length of a petabyte, a page of 1 GB in 1 MB: each in one file."""
    zeros = gzip.compress(b"\0" * (1 << 27), 1, mtime=0)

    def bomb(head: bytes, tail: bytes = b"") -> bytes:
        packer = zlib.compressobj(1, wbits=31)
        return b"".join(
            [
                packer.compress(head),
                *(packer.compress(b"\0" * (1 << 24)) for _ in range(64)),
                packer.compress(tail),
                packer.flush(),
            ]
        )

    dated = b"WARC-Date: 2024-05-06T07:08:09Z\r\nWARC-Target-URI: https://news.example/b\r\n"
    size = 1 << 30
    files = {
        "headers.warc.gz": gzip.compress(b"WARC/1.0\r\n" + b"X-Flood: yes\r\n" * 7_500_000, 1),
        "record.warc.gz": bomb(
            b"WARC/1.0\r\nWARC-Type: resource\r\n" + dated + b"Content-Length: %d\r\n\r\n" % size, b"\r\n\r\n"
        ),
        "noend.warc.gz": bomb(b""),
        "peta.warc": b"WARC/1.0\r\nWARC-Type: response\r\n"
        + dated
        + b"Content-Length: 1000000000000000\r\n\r\nHTTP/1.1 200 OK\r\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    warc = Maker(tmp_path / "page.warc.gz")
    warc.response(f"{URL}/bomb", zeros * 8, headers=(("Content-Type", "text/html"), ("Content-Encoding", "gzip")))
    warc.response()
    warc.close()
    done = scrapy("extract", str(tmp_path), "-o", str(tmp_path / "c"))
    assert archive.open_articles(tmp_path / "c").count_rows() == 1
    assert done.peak_kilobytes < 700_000
    assert "headers.warc.gz: at 0: its header is longer than 1 MiB" in done.err
    assert "peta.warc: at 0: " in done.err


# crashes


def rows_of(collection: Path) -> dict[str, list[tuple[Any, ...]]]:
    out = {}
    for table, dataset in (("articles", archive.open_articles(collection)), ("captures", archive.open_captures(collection))):
        names = ["url", "warc_filename", "warc_record_offset", "warc_record_length", "warc_record_id"]
        names += ["version", "text_sha256"] if table == "articles" else ["extraction", "extraction_reason"]
        out[table] = sorted(tuple(row.values()) for row in dataset.to_table(columns=names).to_pylist())
    return out


@pytest.mark.slow
def test_a_run_that_is_killed_at_any_moment_is_taken_up_again_without_loss_or_repeat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in range(3):
        warc = Maker(tmp_path / f"{part}.warc.gz")
        for number in range(60):
            # every second address comes again in the next file, with another text
            url = f"{URL}/{number if number % 2 else f'{part}-{number}'}"
            warc.response(url, page().replace(b"nineteen", b"%d and %d" % (part, number)))
        warc.close()
    quick = "import pipelines.intake as i; i._PART_ROWS = 7; from scrapy.cmdline import execute; execute()"
    command = ["-c", quick, "extract", *(str(tmp_path / f"{part}.warc.gz") for part in range(3))]
    command += ["-s", "BROADSHEET_WORKERS=1", "-o"]
    with python(*command, str(tmp_path / "whole")) as run:
        assert run.wait().code == 0
    killed = 0
    for attempt in range(4):
        parts = tmp_path / "c" / "tables"
        began, before = time.monotonic(), len([*parts.glob("*/*/part-*")])
        with python(*command, str(tmp_path / "c")) as run:
            # each time a little further: after its first parts, and some milliseconds into the next
            while run.poll() is None and len([*parts.glob("*/*/part-*")]) <= before + attempt % 3:
                assert time.monotonic() - began < 60
                time.sleep(0.001)
            time.sleep(attempt % 7 / 300)
            if run.poll() is not None:
                break
        killed += 1
        rows_of(tmp_path / "c")  # every part can be read
    assert killed >= 3
    with python(*command, str(tmp_path / "c")) as run:
        assert run.wait().code == 0
    assert rows_of(tmp_path / "c") == rows_of(tmp_path / "whole")
    assert verify(open_collection(tmp_path / "c")).mismatches == []


def test_articles_whose_captures_a_crash_took_are_not_made_again(tmp_path: Path, workers: Workers) -> None:
    warc = Maker(tmp_path / "v.warc.gz")
    for boats in (b"twenty", b"thirty", b"forty"):
        warc.response(body=page().replace(b"nineteen", boats))
    path = warc.close()
    taken = Taken(tmp_path / "c", workers, path)
    before = taken.rows("articles"), taken.rows("captures")
    (part,) = taken.collection.captures.folder.glob("*/part-*")
    part.unlink()
    (source,) = sources(taken.collection)
    source.finished = False
    save(taken.collection, source)
    again = Taken(tmp_path / "c", workers, path)
    assert again.rows("articles") == before[0]
    assert [row | {"crawl_id": ""} for row in again.rows("captures")] == [row | {"crawl_id": ""} for row in before[1]]


def test_the_day_of_a_row_is_that_of_utc_whatever_the_record_names(tmp_path: Path, workers: Workers) -> None:
    warc = Maker(tmp_path / "z.warc.gz")
    for number, date in enumerate(("2024-05-06T23:30:00-02:00", "2024", "2024-05", "2024-05-06T07:08:09.123456789Z")):
        warc.response(f"{URL}/{number}", b"gone", status="410 Gone", WARC_Date=date)
    warc.response(f"{URL}/early", WARC_Date="0001-01-01T00:00:00+14:00")
    taken = Taken(tmp_path / "c", workers, warc.close())
    days = [path.name for path in sorted(taken.collection.captures.folder.iterdir())]
    assert days == [f"fetch_date={day}" for day in ("2024-01-01", "2024-05-01", "2024-05-06", "2024-05-07")]
    assert "WARC-Date is missing or no date" in taken.lines[0]
    assert taken.mismatches == []


def test_a_file_that_has_grown_is_read_on(tmp_path: Path, workers: Workers) -> None:
    path = heritrix(tmp_path / "g.warc.gz")
    Taken(tmp_path / "c", workers, path)
    warc = Maker(tmp_path / "more.warc.gz")
    warc.response(f"{URL}/more")
    path.write_bytes(path.read_bytes() + warc.close().read_bytes())
    taken = Taken(tmp_path / "c", workers, path)
    assert [row["url"] for row in taken.rows("articles")] == [URL, f"{URL}/more"]
    assert taken.mismatches == []


# proof


def test_the_proof_finds_an_original_that_changed_or_went(tmp_path: Path, workers: Workers) -> None:
    path = uncompressed(tmp_path / "p.warc")
    taken = Taken(tmp_path / "c", workers, path)
    assert taken.mismatches == []
    path.write_bytes(path.read_bytes().replace(b"nineteen", b"eighteen"))
    assert any("digest does not match" in line for line in taken.mismatches)
    path.unlink()
    assert any("the file is missing" in line for line in taken.mismatches)
    assert any("rows point into it" in line for line in taken.mismatches)


def test_the_proof_covers_records_that_no_row_points_at(tmp_path: Path, workers: Workers) -> None:
    warc = Maker(tmp_path / "p.warc", packed=False)
    warc.record("resource", "urn:text:x", b"the clean text", None, Content_Type="text/plain", WARC_Block_Digest=DIGEST)
    warc.response()
    taken = Taken(tmp_path / "c", workers, warc.close())
    assert taken.mismatches == []
    warc.path.write_bytes(warc.path.read_bytes().replace(b"the clean text", b"the false text"))
    assert taken.mismatches == [f"p.warc at 0: {part} digest does not match" for part in ("block", "payload")]


def test_two_extractions_do_not_write_to_one_collection(tmp_path: Path) -> None:
    with WriterLock(create_collection(tmp_path / "c"), "an extraction"):
        done = scrapy("extract", str(heritrix(tmp_path / "a.warc.gz")), "-o", str(tmp_path / "c"))
        assert (done.code, "is being written" in done.err) == (2, True)
        done = crawl(tmp_path / "c", sites="http://127.0.0.1:9/")
        assert done.code == 2
