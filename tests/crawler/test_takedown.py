"""Taking pages and hosts out of a collection: nothing of them is left, all else is as it was, and they do not come back."""

import argparse
import gzip
import io
import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scrapy.exceptions import UsageError

from archive.collection import Collection, CollectionError, create_collection, open_collection
from archive.lock import WriterLock
from archive.pack import Options, pack
from archive.reader import Record, read_records
from archive.recovery import in_use
from archive.removal import Rewritten, _moved, ensure_whole, journal
from archive.removal_plan import plan
from archive.tombstones import FILE, Target, TargetError, Tombstones
from archive.verify import verify
from archive.wacz import check as check_wacz
from crawler.commands.takedown import Command
from pipelines.intake import Extraction
from pipelines.reread import verify_texts
from pipelines.run import Run
from pipelines.takedown import finish, look, take_down
from pipelines.workers import Workers
from tests.crawler.test_requisites import page, reply, rows
from tests.crawling import Outcome, crawl
from tests.wire.server import RawServer

MARK = "xylograph"
PNG = bytes.fromhex("89504e470d0a1a0a") + b"0" * 600
BOTH = '<img src="/shared.png"><link rel="stylesheet" href="/site.css">'


def story(words: str, references: str = "", head: str = "") -> Any:
    return reply(page(f"{BOTH}{references}", f" {words}").replace(b"<head>", b"<head>" + head.encode()))


CANONICAL = '<link rel="canonical" href="/secret">'
SITE = {
    "news.test/secret": story(
        f"{MARK} one", f'<img src="/only-{MARK}.png"><img src="/view?{MARK}=1"><img src="/view?other=2">'
    ),
    "news.test/amp/secret": story(f"{MARK} one", head=CANONICAL),
    "news.test/old": reply(b"", status="301 Moved", more="Location: /secret\r\n"),
    "news.test/public": story("public", '<img src="/view?other=2"><a href="/secret">see</a>'),
    "news.test/other": story("other"),
    "news.test/site.css": reply(b"body{background:url(paper.png)}", "text/css"),
    "other.test/story": story("of another house", '<img src="http://news.test:PORT/shared.png">'),
    "other.test/more": story("more of another house"),
} | {
    f"{host}/{name}": reply(PNG + name.encode(), "image/png")
    for host in ("news.test", "other.test")
    for name in ("shared.png", "paper.png", f"only-{MARK}.png", "view", "site.css")
    if (host, name) != ("news.test", "site.css")
}
PAGES = ["news.test/old", "news.test/secret", "news.test/amp/secret", "news.test/public", "news.test/other"]
PAGES += ["other.test/story", "other.test/more"]
SETTINGS = {"BROADSHEET_REQUISITES": "full", "BROADSHEET_WARC_MAX_BYTES": "9000"}


@dataclass
class Crawled:
    """A collection that two crawls made, and where its pages came from."""

    folder: Path
    server: RawServer

    def url(self, place: str) -> str:
        return f"http://{place.replace('.test', f'.test:{self.server.port}', 1)}"

    def again(self, collection: Path) -> Outcome:
        return crawl(collection, SETTINGS, urls=str(self.folder / "urls.txt"))


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawled]:
    folder = tmp_path_factory.mktemp("takedown")
    with RawServer(SITE) as server:
        made = Crawled(folder, server)
        (folder / "urls.txt").write_text("\n".join(map(made.url, PAGES)))
        for _ in range(2):
            outcome = made.again(folder / "c")
            assert outcome.code == 0, outcome.err
        assert any(row["warc_record_type"] == "revisit" for row in rows(folder / "c", "captures"))
        yield made


@pytest.fixture
def collection(crawled: Crawled, tmp_path: Path) -> Collection:
    shutil.copytree(crawled.folder / "c", tmp_path / "c", symlinks=True)
    return open_collection(tmp_path / "c")


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    workers = Workers(1, 30)
    yield workers
    workers.close()


def plain(path: Path) -> Iterator[bytes]:
    """All bytes that a file holds, with those that are packed in it, however deep."""
    data = path.read_bytes()
    yield data
    if path.suffix == ".parquet":
        yield str(pq.ParquetFile(path).read().to_pylist()).encode()
    elif data[:3] == b"\x1f\x8b\x08" or path.suffix == ".wacz":
        for start in re.finditer(b"\x1f\x8b\x08", data):
            try:
                unpacked = gzip.GzipFile(fileobj=io.BytesIO(data[start.start() :])).read1(1 << 20)
            except (OSError, EOFError):
                continue
            yield unpacked
            yield from inner(unpacked)


def inner(data: bytes) -> Iterator[bytes]:
    """A body that was sent gzipped."""
    if (at := data.find(b"\x1f\x8b\x08", 3)) > 0:
        try:
            yield gzip.decompress(data[at:].removesuffix(b"\r\n\r\n"))
        except (OSError, EOFError):
            return


def holding(folder: Path, words: bytes) -> list[str]:
    """The files of a folder that hold some words anywhere; what the tombstones say of addresses is not counted."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != FILE]
    return [path.name for path in files if any(words in part for part in plain(path))]


def gone(collection: Collection, target: str, reason: str = "asked by the author") -> None:
    with WriterLock(collection, "a takedown"):
        take_down(collection, look(collection, Target.parse(target)), reason)


def proved(collection: Collection, workers: Workers) -> list[str]:
    findings = verify(collection)
    verify_texts(collection, workers, findings)
    return [str(one) for one in findings.mismatches]


def test_the_mark_is_where_it_is_looked_for(collection: Collection) -> None:
    kinds = {Path(name).suffix for name in holding(collection.path, MARK.encode())}
    assert {".gz", ".parquet", ".cdxj"} <= kinds


def test_nothing_of_a_page_is_left(crawled: Crawled, collection: Collection, workers: Workers, tmp_path: Path) -> None:
    before = {row["url"]: row["text"] for row in rows(collection.path, "articles")}
    (collection.path / "state" / "c.wacz").write_bytes(MARK.encode())  # as scrapy replay would have left it
    gone(collection, crawled.url("news.test/secret"))
    # that other pages name its address is no secret; the words of the page are
    assert holding(collection.path, f"{MARK} one".encode()) == []
    assert holding(collection.path, f"only-{MARK}".encode()) == holding(collection.path, f"{MARK}=1".encode()) == []
    after = {row["url"]: row["text"] for row in rows(collection.path, "articles")}
    assert after == {url: text for url, text in before.items() if "secret" not in url}
    assert proved(collection, workers) == []
    addresses = {row["url"] for row in rows(collection.path, "captures")}
    assert addresses.isdisjoint({crawled.url(place) for place in PAGES[:3]})
    packed = pack(collection, tmp_path / "p.wacz", Options(policy="record"))
    assert packed.unresolved == []
    assert check_wacz(tmp_path / "p.wacz") == []
    assert MARK.encode() not in b"".join(plain(tmp_path / "p.wacz"))


def test_requisites_that_others_name_stay(crawled: Crawled, collection: Collection) -> None:
    gone(collection, crawled.url("news.test/secret"))
    left = {row["url"] for row in rows(collection.path, "captures") if row["purpose"] == "requisite"}
    names = {url.partition(f":{crawled.server.port}/")[2] for url in left if "news.test" in url}
    assert names == {"shared.png", "site.css", "paper.png", "view?other=2"}


def test_a_host_goes_with_robots_txt_and_all_that_only_it_used(
    crawled: Crawled, collection: Collection, workers: Workers
) -> None:
    gone(collection, "news.test")
    assert {row["url_host_name"] for row in rows(collection.path, "captures")} == {"other.test"}
    assert {row["url_host_name"] for row in rows(collection.path, "articles")} == {"other.test"}
    assert proved(collection, workers) == []
    robots = collection.path / "state" / "robots.sqlite"
    assert b"news.test" not in robots.read_bytes() and b"other.test" in robots.read_bytes()
    # an image of the other house is asked for there; its page may still name the address
    index = collection.index.read_bytes()
    assert b"news.test" not in index and b"test,other" in index


def test_all_hosts_below_a_name_go_and_nothing_is_left(collection: Collection, workers: Workers) -> None:
    gone(collection, "*.test")
    assert rows(collection.path, "captures") == rows(collection.path, "articles") == []
    assert list(collection.archive.iterdir()) == []
    assert proved(collection, workers) == []


def test_offsets_of_all_that_stays_lead_to_the_same_bytes(crawled: Crawled, collection: Collection) -> None:
    def blocks() -> dict[str, bytes]:
        found = {}
        for row in rows(collection.path, "captures"):
            place = row["warc_filename"], row["warc_record_offset"], row["warc_record_length"]
            path = collection.archive / place[0]
            found[row["warc_record_id"]] = path.read_bytes()[place[1] : place[1] + place[2]]
        return found

    before = blocks()
    gone(collection, crawled.url("news.test/secret"))
    after = blocks()
    assert 0 < len(after) < len(before)
    assert after == {record_id: before[record_id] for record_id in after}


def test_a_later_crawl_leaves_it_alone_and_says_so(crawled: Crawled, collection: Collection, workers: Workers) -> None:
    gone(collection, crawled.url("news.test/secret"))
    del crawled.server.seen[:]
    outcome = crawled.again(collection.path)
    asked = {seen.host + seen.path for seen in crawled.server.seen}
    assert asked.isdisjoint(PAGES[1:3])
    assert {"news.test/public", "news.test/old"} <= asked, "a redirect may lead elsewhere today"
    assert "  taken down 2 addresses left alone, see" in outcome.err
    assert "  errors     0" in outcome.err
    assert proved(collection, workers) == []
    assert holding(collection.path, f"{MARK} one".encode()) == []
    gone(collection, crawled.url("news.test/old"))


def test_an_archive_of_others_does_not_bring_it_back(crawled: Crawled, workers: Workers, tmp_path: Path) -> None:
    collection = create_collection(tmp_path / "mine")
    warcs = sorted((crawled.folder / "c" / "archive").glob("*.warc.gz"))
    url = crawled.url("news.test/secret")
    Extraction(collection, workers).read([next(one for one in warcs if url in map(address, read_records(one)))])
    assert url in {row["url"] for row in rows(collection.path, "articles")}
    originals = [path.read_bytes() for path in warcs]
    gone(collection, crawled.url("news.test/secret"))
    assert [path.read_bytes() for path in warcs] == originals, "what belongs to somebody else is as it was"
    assert not [path for path in collection.archive.iterdir() if path.is_symlink()]
    assert holding(collection.path, f"{MARK} one".encode()) == []
    assert proved(collection, workers) == []
    tally = Extraction(collection, workers).read(warcs)
    assert tally.counts["taken_down"] >= 1
    found = {row["url"]: row for row in rows(collection.path, "captures") if row["extraction"] == "taken_down"}
    assert crawled.url("news.test/secret") in found
    assert "asked by the author" in found[crawled.url("news.test/secret")]["extraction_reason"]
    assert not any("secret" in row["url"] for row in rows(collection.path, "articles"))
    assert proved(collection, workers) == []


def test_the_tombstone_says_when_why_and_what(crawled: Crawled, collection: Collection) -> None:
    gone(collection, crawled.url("news.test/secret"))
    (line,) = (collection.path / FILE).read_text().splitlines()
    stone = json.loads(line)
    assert (stone["target"], stone["reason"]) == (crawled.url("news.test/secret"), "asked by the author")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stone["time"])
    assert [key.partition(")")[2] for key in stone["keys"]] == ["/amp/secret", "/secret"]
    tombstones = Tombstones(collection)
    assert tombstones.of(crawled.url("news.test/secret") + "#part")
    assert tombstones.of(crawled.url("news.test/secret").replace("http:", "https:"))
    assert tombstones.of(crawled.url("news.test/public")) is None


def test_a_file_of_tombstones_that_cannot_be_read_is_not_passed_over(collection: Collection) -> None:
    (collection.path / FILE).write_text('{"target": "a.test", "time": "2026-01-01T00:00:00Z", "reason": "x"}\nrubbish\n')
    with pytest.raises(CollectionError, match=r"takedowns.jsonl: line 2 is no takedown; restore it"):
        Tombstones(collection)


@pytest.mark.parametrize(
    ("given", "inside", "outside"),
    [
        ("a.test", ["http://a.test/", "https://www.a.test/x?y", "http://a.test:81/"], ["http://b.a.test/", "http://aa.test/"]),
        ("*.a.test", ["http://a.test/", "http://b.a.test:81/x", "http://c.b.a.test/"], ["http://ba.test/", "http://test/"]),
        ("a.test:81", ["http://a.test:81/x"], ["http://a.test/x"]),
        (
            "http://a.test/x",
            ["https://www.a.test/x/", "http://a.test/x?utm_source=y"],
            ["http://a.test/x?y=1", "http://a.test/X"],
        ),
        ("bücher.test", ["http://xn--bcher-kva.test/"], ["http://bucher.test/"]),
        ("127.0.0.1", ["http://127.0.0.1:8080/x"], ["http://127.0.0.2/"]),
    ],
)
def test_what_a_target_covers(given: str, inside: list[str], outside: list[str], tmp_path: Path) -> None:
    collection = create_collection(tmp_path / "c")
    target = Target.parse(given)
    stone = {"target": given, "time": "2026-01-01T00:00:00Z", "reason": "x", "keys": [target.key]}
    (collection.path / FILE).write_text(json.dumps(stone) + "\n")
    found = Tombstones(collection)
    assert [url for url in inside if not found.of(url)] == []
    assert [url for url in outside if found.of(url)] == []


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("ftp://a.test/x", "no http or https address"),
        ("http:///x", "no http or https address"),
        ("a b", "neither an address nor a host"),
        ("", "neither an address nor a host"),
        ("a.test/x", "neither an address nor a host"),
        ("http://a.test/robots.txt", "take down the host"),
        ("http://never.test/x", "nothing of it is in"),
    ],
)
def test_what_cannot_be_taken_down_is_refused(given: str, why: str, collection: Collection) -> None:
    with pytest.raises(TargetError, match=why):
        gone(collection, given)
    assert not (collection.path / FILE).exists()


def command(collection: Collection, *args: str, **options: Any) -> int:
    """``scrapy takedown`` in this process; its exit code."""
    made = Command()
    given = {"output": str(collection.path), "reason": None, "dry_run": False} | options
    made.run(list(args), argparse.Namespace(**given))
    return made.exitcode


def test_the_command_shows_then_does_it(crawled: Crawled, collection: Collection, capsys: pytest.CaptureFixture[str]) -> None:
    url = crawled.url("news.test/secret")
    before = {path: path.read_bytes() for path in collection.path.rglob("*") if path.is_file() and path.name != "writer.lock"}
    assert command(collection, url, dry_run=True) == 0
    said = capsys.readouterr().out
    assert "would go" in said and "/amp/secret" in said
    assert {path: path.read_bytes() for path in before} == before
    assert command(collection, url, reason=" asked by the author ") == 0
    said = capsys.readouterr().out
    assert "1 article rows gone" in said and ": asked by the author\n" in said
    with pytest.raises(UsageError, match=r"nothing of it is in .* any more: taken down on .*: asked by the author"):
        command(collection, url, reason="x")
    with pytest.raises(UsageError, match="nothing was interrupted"):
        command(collection)


@pytest.mark.parametrize(
    ("args", "options", "why"),
    [
        (["http://a.test/x", "http://a.test/y"], {"reason": "x"}, "give an address or a host, and a collection"),
        (["http://a.test/x"], {"output": None, "reason": "x"}, "give an address or a host, and a collection"),
        (["http://a.test/x"], {"reason": " "}, "say why with --reason"),
        (["http://a.test/x"], {"reason": "x"}, "nothing of it is in .*; look for it in captures.url"),
        (["a.test/x"], {"reason": "x"}, "neither an address nor a host"),
        (["http://a.test/x"], {"output": "/nowhere", "reason": "x"}, "there is no such collection"),
    ],
)
def test_a_mistaken_command_says_what_to_give(args: list[str], options: Any, why: str, collection: Collection) -> None:
    with pytest.raises(UsageError, match=why):
        command(collection, *args, **options)


def test_writers_exclude_each_other(crawled: Crawled, collection: Collection) -> None:
    with (
        WriterLock(collection, "a crawl"),
        pytest.raises(UsageError, match=r"it is being written to \(a crawl \(process \d+\)\); wait for its end"),
    ):
        command(collection, crawled.url("news.test/secret"), reason="x")
    with WriterLock(collection, "a takedown"):
        with pytest.raises(CollectionError, match=r"it is being written to \(a takedown \(process \d+\)\)"):
            Run(collection, [], 1 << 30)
        assert "a takedown" in (in_use(collection.archive) or "")  # what scrapy crawl, extract, wacz and index look at first
    assert in_use(collection.archive) is None


def test_an_interrupted_takedown_is_told_and_finished(
    crawled: Crawled, collection: Collection, capsys: pytest.CaptureFixture[str]
) -> None:
    found = look(collection, Target.parse(crawled.url("news.test/secret")))
    plan(collection, found, "asked by the author").save(collection)
    with pytest.raises(CollectionError, match="a takedown is going on, or was interrupted; finish it with: scrapy takedown -o"):
        ensure_whole(collection)
    assert command(collection) == 0
    assert "finished what was interrupted:" in capsys.readouterr().out
    ensure_whole(collection)
    assert not verify(collection).mismatches
    assert holding(collection.path, f"{MARK} one".encode()) == []


def test_the_next_crawl_finishes_it_too(crawled: Crawled, collection: Collection) -> None:
    found = look(collection, Target.parse(crawled.url("news.test/secret")))
    plan(collection, found, "asked by the author").save(collection)
    Run(collection, [], 1 << 30).close()
    assert not journal(collection).exists()
    assert holding(collection.path, f"{MARK} one".encode()) == []


def test_a_record_that_a_crash_left_without_a_row_goes_too(crawled: Crawled, collection: Collection) -> None:
    (path,) = [
        one for one in collection.warc_files() if any("secret" in (r.get("WARC-Target-URI") or "") for r in read_records(one))
    ][:1]
    for table in (collection.articles, collection.captures):
        for part in table.parts():
            whole = pq.read_table(part, partitioning=None)
            names = whole.column("warc_filename").to_pylist()
            table.replace(part, whole.filter([name != path.name for name in names]))
    (collection.path / "state" / "untabulated-dead").write_text(f"{path.name}\n")
    gone(collection, crawled.url("news.test/secret"))
    assert not path.exists()
    (name,) = (collection.path / "state" / "untabulated-dead").read_text().split()
    assert crawled.url("news.test/secret") not in map(address, read_records(collection.archive / name))


def address(record: Record) -> str | None:
    return record.get("WARC-Target-URI")


def test_what_is_made_anew_from_the_tables_is_gone(crawled: Crawled, collection: Collection) -> None:
    assert [*(collection.path / "state").glob("versions.sqlite*")]
    gone(collection, crawled.url("news.test/secret"))
    assert not [*(collection.path / "state").glob("versions.sqlite*")]


def test_another_case_is_another_page(crawled: Crawled, collection: Collection) -> None:
    with pytest.raises(TargetError, match="nothing of it is in"):
        gone(collection, crawled.url("news.test/SECRET"))


def test_originals_lead_to_where_records_lie_now(crawled: Crawled, collection: Collection) -> None:
    gone(collection, crawled.url("news.test/secret"))
    database = sqlite3.connect(collection.path / "state" / "originals.sqlite")
    places = database.execute('SELECT filename, "offset", length, record_id FROM originals').fetchall()
    database.close()
    assert places
    for filename, offset, length, record_id in places:
        assert (
            collection.read_record(filename, offset, length)
            .get("WARC-Record-ID")
            .replace("-", "")
            .endswith(f"{record_id.hex()}>")
        )


def test_the_ledger_no_longer_names_its_record(crawled: Crawled, collection: Collection) -> None:
    """Of the ledger and the frontier's file, what is needed of them here."""
    ids = {
        row["url"]: row["warc_record_id"] for row in rows(collection.path, "captures") if row["warc_record_type"] == "response"
    }
    url, other = crawled.url("news.test/secret"), crawled.url("news.test/other")
    folder = collection.path / "tables" / "ledger" / "fetch_date=2026-11-26"
    folder.mkdir(parents=True, exist_ok=True)
    said = [{"url": one, "state": "captured", "reason": None, "warc_record_id": ids[one]} for one in (url, other)]
    kind = pa.schema([(name, pa.string()) for name in said[0]])
    pq.write_table(pa.Table.from_pylist(said, kind), folder / "part-made.parquet")
    (path := collection.path / "state" / "frontier.sqlite").unlink(missing_ok=True)
    database = sqlite3.connect(path)
    with database:
        database.execute("CREATE TABLE ledger (url TEXT, state INTEGER, reason TEXT, record TEXT)")
        database.executemany("INSERT INTO ledger VALUES (?, 1, NULL, ?)", [(one, ids[one]) for one in (url, other)])
    gone(collection, url)
    (stone,) = Tombstones(collection).all
    wanted = [(url, stone.words, None), (other, None, ids[other])]
    found = pq.read_table(folder / "part-made.parquet", partitioning=None).to_pylist()
    assert [(row["url"], row["reason"], row["warc_record_id"]) for row in found] == wanted
    assert database.execute("SELECT url, reason, record FROM ledger").fetchall() == wanted
    database.close()


def test_further_pages_of_an_article_are_followed_to_where_they_lie_now() -> None:
    pages = [{"url": "u", "warc_filename": name, "warc_record_offset": at} for name, at in (("a", 30), ("b", 30), ("a", 0))]
    table = pa.table({"warc_filename": ["a", "b"], "warc_record_offset": [30, 5], "pages": [pages, None]})
    moved = _moved(table, {"a": Rewritten("a", "a.t1", [(0, 10), (20, 90)])}).to_pylist()
    assert [(row["warc_filename"], row["warc_record_offset"]) for row in moved] == [("a.t1", 20), ("b", 5)]
    assert [(page["warc_filename"], page["warc_record_offset"]) for page in moved[0]["pages"]] == [
        ("a.t1", 20),
        ("b", 30),
        ("a.t1", 0),
    ]


class StopHere(BaseException):
    """The process is killed."""


def test_it_can_be_killed_anywhere(
    crawled: Crawled, collection: Collection, workers: Workers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before every step that changes anything on the disk."""
    steps = 0
    while True:
        folder = tmp_path / f"kill-{steps}"
        shutil.copytree(collection.path, folder)
        one = open_collection(folder)
        with monkeypatch.context() as patched:
            count = die_at(patched, steps)
            with suppress(StopHere):
                gone(one, crawled.url("news.test/secret"))
            done = count() < steps
        # whatever was done by then, every row leads to its record
        assert not [str(m) for m in verify(one).mismatches if "captures row" in str(m) or "articles row" in str(m)], steps
        with WriterLock(one, "a takedown"):
            begun = finish(one) is not None
        assert not journal(one).exists()
        assert not verify(one).mismatches
        left = holding(folder, f"{MARK} one".encode())
        assert left == [] or not begun, (steps, left)
        shutil.rmtree(folder)
        if done:
            break
        steps += 1
    assert steps > 10


def die_at(patched: pytest.MonkeyPatch, number: int) -> Any:
    """Let the ``number``th change of the disk from now on not happen, and end there."""
    made = 0

    def deadly(original: Any) -> Any:
        def step(*args: Any, **kwargs: Any) -> Any:
            nonlocal made
            made += 1
            if made > number:
                raise StopHere
            return original(*args, **kwargs)

        return step

    for name in ("rename", "unlink"):
        patched.setattr(Path, name, deadly(getattr(Path, name)))
    return lambda: made
