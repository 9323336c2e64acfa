"""WACZ files: what is packed is whole and found again; what was altered or made to do harm is told apart."""

import base64
import gzip
import hashlib
import io
import json
import os
import subprocess
import warnings
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive import cdxj_file
from archive.cdxj import Index
from archive.collection import Collection, create_collection
from archive.foreign import NoArchiveError
from archive.foreign import read_records as read_foreign
from archive.pack import MATERIALISED, Options, Packed, pack, pack_days
from archive.reader import read_record
from archive.signing import SigningError, load_key
from archive.wacz import WaczError, check, open_wacz
from pipelines.run import Run
from pipelines.tabulate import Found
from tests.archive.exchanges import ASKING, HTML, exchange, response
from tests.crawling import scrapy
from tests.peers import peer
from tests.pipelines.test_run import page

DAY = 86_400_000_000_000
FIRST_DAY = int(datetime(2026, 11, 21, 9, tzinfo=UTC).timestamp()) * 10**9
LONG = HTML * 20
STORY, PAGE_ID = "http://news.example/story", "7e5a6a0e-7a4f-4e4c-8c1c-3f6d4c2b1a00"


def crawl(path: Path, day: int = 0, *more: dict[str, object]) -> Collection:
    """A crawl of one day: a story (the same bytes each day), a picture, a posted answer."""
    run = Run(create_collection(path), [("software", "test")], 1 << 30)
    began = FIRST_DAY + day * DAY
    capture = run.record(exchange(url=STORY, purpose="page", page_id=PAGE_ID, began=began, response=response(LONG)))
    found = Found("list", None, STORY)
    if row := run.keep(page("The Khachaturyan ferry runs again."), capture, found, "news"):
        row |= {"language": "en", "authors": [{"name": "Ines Example", "url": None, "kind": "Person"}], "site_name": "News"}
        run.tabulator.add_article(row)
    run.record(
        exchange(url="http://news.example/map.png", began=began + 1, response=response(b"PNG", b"Content-Type: image/png\r\n"))
    )
    posted = b"POST /api HTTP/1.1\r\nContent-Length: 3\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\na=b"
    run.record(exchange(url="http://news.example/api", began=began + 2, request=posted))
    for one in more:
        run.record(exchange(began=began + 3, **one))
    run.close()
    return run.collection


def packed(tmp_path: Path, **options: object) -> Packed:
    return pack(crawl(tmp_path / "news"), tmp_path / "news.wacz", Options(**options))  # type: ignore[arg-type]


def test_a_package_holds_and_is_valid(tmp_path: Path) -> None:
    one = packed(tmp_path)
    assert check(one.path) == []
    assert "is valid" in peer("wacz", "validate", "-f", str(one.path))
    assert (one.warcs, one.lines, one.pages, one.unresolved) == (1, 3, 1, [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["news", "news.wacz"]


def test_warc_files_are_stored_as_they_are_and_read_where_they_lie(tmp_path: Path) -> None:
    path = packed(tmp_path).path
    (warc,) = (tmp_path / "news" / "archive").iterdir()
    with zipfile.ZipFile(path) as archive:
        assert archive.read(f"archive/{warc.name}") == warc.read_bytes()
        assert archive.getinfo(f"archive/{warc.name}").compress_type == zipfile.ZIP_STORED
    with open_wacz(path) as wacz, wacz.index() as index:
        entry = index.nearest(STORY, "2026")
        assert entry is not None
        record = read_record(path, *wacz.place(entry))
        assert record.block.endswith(LONG)
        (answer,) = index.lines("http://news.example/api", "POST", "application/x-www-form-urlencoded", b"a=b")
        assert answer.method == "POST"


def test_the_index_is_that_of_the_collection(tmp_path: Path) -> None:
    path = packed(tmp_path).path
    with open_wacz(path) as wacz, wacz.index() as index, Index(tmp_path / "news" / "indexes" / "index.cdxj") as own:
        assert list(index) == list(own)


def test_pages_have_the_address_and_second_of_their_record_and_what_we_know_of_them(tmp_path: Path) -> None:
    with open_wacz(packed(tmp_path, title="Ferries").path) as wacz:
        header, line = wacz.page_lines()
        assert json.loads(header) == {"format": "json-pages-1.0", "id": "pages", "title": "Ferries", "hasText": True}
        known = json.loads(line)
        assert known["id"] == PAGE_ID
        assert (known["url"], known["ts"], known["title"]) == (STORY, "2026-11-21T09:00:00Z", "Ferry")
        assert "Khachaturyan" in known["text"]
        assert (known["authors"], known["language"], known["site"]) == (["Ines Example"], "en", "News")
        assert (wacz.package["mainPageURL"], wacz.package["mainPageDate"]) == (known["url"], known["ts"])
        assert (wacz.package["title"], wacz.package["wacz_version"]) == ("Ferries", "1.1.1")


def test_the_same_collection_makes_the_same_bytes(tmp_path: Path) -> None:
    first = packed(tmp_path).path.read_bytes()
    again = pack(Collection(tmp_path / "news"), tmp_path / "again.wacz", Options())
    assert again.path.read_bytes() == first
    with zipfile.ZipFile(again.path) as archive:
        assert {info.date_time for info in archive.infolist()} == {(2026, 11, 21, 9, 0, 0)}


def test_an_index_of_many_blocks_is_searched_like_one(tmp_path: Path) -> None:
    more = [{"url": f"http://news.example/{number:04}"} for number in range(2_100)]
    collection = crawl(tmp_path / "news", 0, *more)
    path = pack(collection, tmp_path / "news.wacz", Options()).path
    with open_wacz(path) as wacz, wacz.index() as index:
        assert len(list(index)) == 2_103
        for number in (0, 1, 1022, 1023, 1024, 1025, 2047, 2048, 2099):
            assert [entry.url for entry in index.lines(more[number]["url"])] == [more[number]["url"]]
        assert not list(index.lines("http://news.example/9999"))
    assert check(path) == []


def test_large_members_get_large_fields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1000)
    path = packed(tmp_path).path
    monkeypatch.undo()
    assert check(path) == []
    assert b"PK\x06\x06" in path.read_bytes()


# revisits


def test_a_revisit_whose_original_is_packed_too_stays_one(tmp_path: Path) -> None:
    crawl(tmp_path / "news")
    one = pack(crawl(tmp_path / "news", 1), tmp_path / "news.wacz", Options())
    assert (one.materialised, check(one.path)) == (0, [])
    with open_wacz(one.path) as wacz, wacz.index() as index:
        assert [entry.mime for entry in index.lines(STORY)] == ["text/html", "warc/revisit"]


def days(tmp_path: Path, second: dict[str, object] | None = None) -> tuple[Path, list[Packed]]:
    crawl(tmp_path / "news")
    collection = crawl(tmp_path / "news", 1, *([second] if second else []))
    return pack_days(collection, tmp_path / "news.wacz", Options())


def test_a_file_a_day_has_every_payload_in_full(tmp_path: Path) -> None:
    table, (first, second) = days(tmp_path)
    assert (first.materialised, second.materialised) == (0, 1)
    assert [check(one.path) for one in (first, second)] == [[], []]
    peer("wacz", "validate", "-f", str(second.path))
    with open_wacz(second.path) as wacz, wacz.index() as index:
        (entry,) = index.lines(STORY)
        assert (entry.filename, entry.mime, entry.status, entry.timestamp) == (MATERIALISED, "text/html", 200, "20261122090000")
        record = read_record(second.path, *wacz.place(entry))
        assert record.block == response(LONG)
        assert record.get("WARC-Payload-Digest") == entry.digest
        with wacz.open(f"archive/{MATERIALISED}") as file:
            assert b"materialisedFrom: <urn:uuid:" in gzip.decompress(file.read())
    package = json.loads(table.read_text())
    assert package["profile"] == "multi-wacz-package"
    assert [one["path"] for one in package["resources"]] == ["news-2026-11-21.wacz", "news-2026-11-22.wacz"]
    for one in package["resources"]:
        data = (tmp_path / one["path"]).read_bytes()
        assert (one["bytes"], one["hash"]) == (len(data), "sha256:" + hashlib.sha256(data).hexdigest())


def test_an_unmodified_answer_is_written_out_with_the_head_of_its_original(tmp_path: Path) -> None:
    answer = b"HTTP/1.1 304 Not Modified\r\nETag: x\r\nContent-Length: %d\r\n\r\n" % len(LONG)
    not_modified = {"url": STORY, "request": ASKING, "response": answer}
    _, (_, second) = days(tmp_path, not_modified)
    assert (second.materialised, check(second.path)) == (2, [])
    with open_wacz(second.path) as wacz, wacz.index() as index:
        assert {entry.status for entry in index.lines(STORY)} == {200}


def test_a_revisit_without_any_original_is_named_and_not_indexed(tmp_path: Path) -> None:
    collection = crawl(tmp_path / "news")
    (original,) = collection.warc_files()
    crawl(tmp_path / "news", 1)
    original.unlink()
    cdxj_file.rebuild(collection.index, collection.warc_files())
    one = pack(collection, tmp_path / "news.wacz", Options())
    assert one.unresolved == [f"{STORY} of 20261122090000"]
    assert (one.lines, one.pages, check(one.path)) == (2, 0, [])


# refusals


def test_what_is_there_already_is_kept_unless_forced(tmp_path: Path) -> None:
    path = packed(tmp_path).path
    path.write_bytes(b"mine")
    with pytest.raises(WaczError, match="--force"):
        pack(Collection(tmp_path / "news"), path, Options())
    assert path.read_bytes() == b"mine"
    pack(Collection(tmp_path / "news"), path, Options(force=True))
    assert check(path) == []


def test_an_index_that_is_missing_or_lacks_a_file_is_no_ground_to_pack_on(tmp_path: Path) -> None:
    collection = crawl(tmp_path / "news")
    old = collection.index.read_bytes()
    crawl(tmp_path / "news", 1)
    collection.index.write_bytes(old)
    with pytest.raises(WaczError, match=r"lacks .* run: scrapy index"):
        pack(collection, tmp_path / "news.wacz", Options())
    collection.index.unlink()
    with pytest.raises(WaczError, match="no index; run: scrapy index"):
        pack(collection, tmp_path / "news.wacz", Options())


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    collection = crawl(tmp_path / "news")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        pack(collection, tmp_path / "news.wacz", Options())
    assert [path.name for path in tmp_path.iterdir()] == ["news"]


# signatures


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "key.pem"
    subprocess.run(["openssl", "ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", path], check=True)
    return path


def test_a_signature_is_one_to_openssl_too(tmp_path: Path, key: Path) -> None:
    path = packed(tmp_path, key=load_key(key)).path
    assert check(path) == []
    peer("wacz", "validate", "-f", str(path))
    with open_wacz(path) as wacz:
        signed, package = wacz.json("datapackage-digest.json")["signedData"], wacz.open("datapackage.json").read()
        assert signed["created"] == wacz.package["created"]
    assert signed["hash"] == "sha256:" + hashlib.sha256(package).hexdigest()
    raw = base64.b64decode(signed["signature"])
    numbers = b"".join(_integer(raw[at : at + 48]) for at in (0, 48))
    (tmp_path / "signature").write_bytes(b"\x30" + bytes([len(numbers)]) + numbers)
    (tmp_path / "public").write_bytes(base64.b64decode(signed["publicKey"]))
    command = [
        "openssl",
        "dgst",
        "-sha256",
        "-verify",
        tmp_path / "public",
        "-keyform",
        "DER",
        "-signature",
        tmp_path / "signature",
    ]
    subprocess.run(command, input=signed["hash"].encode(), check=True, capture_output=True)


def _integer(raw: bytes) -> bytes:
    value = raw.lstrip(b"\0")
    value = b"\0" + value if value[0] & 0x80 else value
    return b"\x02" + bytes([len(value)]) + value


def test_keys_that_do_not_serve_are_refused_with_the_mend(tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", other], check=True)
    for path in (other, tmp_path / "missing.pem", Path(__file__)):
        with pytest.raises(SigningError, match="openssl ecparam"):
            load_key(path)


# files that were altered


def doctored(path: Path, change: Callable[[dict[str, bytes]], None], deflate: str = "", honest: bool = True) -> Path:
    """The package with its members changed; with ``honest`` its digests fit what is in it."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    if honest:
        package = json.loads(members["datapackage.json"])
        package["resources"] = [
            {"name": name, "path": name, "hash": "sha256:" + hashlib.sha256(data).hexdigest(), "bytes": len(data)}
            for name, data in members.items()
            if not name.startswith("datapackage")
        ]
        members["datapackage.json"] = json.dumps(package).encode()
        digest = json.loads(members["datapackage-digest.json"])
        digest["hash"] = "sha256:" + hashlib.sha256(members["datapackage.json"]).hexdigest()
        members["datapackage-digest.json"] = json.dumps(digest).encode()
    out = path.with_name("doctored.wacz")
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data, zipfile.ZIP_DEFLATED if deflate and name.startswith(deflate) else zipfile.ZIP_STORED)
    return out


def with_lines(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[dict[str, bytes]], None]:
    """Change the lines of the index, which becomes a plain one."""

    def alter(members: dict[str, bytes]) -> None:
        lines = gzip.decompress(members.pop("indexes/index.cdx.gz")).splitlines(keepends=True)
        del members["indexes/index.idx"]
        members["indexes/index.cdxj"] = b"".join(change(lines))

    return alter


def page_line(change: Callable[[dict[str, object]], object]) -> Callable[[dict[str, bytes]], None]:
    def alter(members: dict[str, bytes]) -> None:
        header, line = members["pages/pages.jsonl"].splitlines()
        known = json.loads(line)
        change(known)
        members["pages/pages.jsonl"] = header + b"\n" + json.dumps(known).encode() + b"\n"

    return alter


def test_a_plain_index_does_as_well(tmp_path: Path) -> None:
    assert check(doctored(packed(tmp_path).path, with_lines(list))) == []


def broken_warc(members: dict[str, bytes]) -> None:
    (name,) = (name for name in members if name.startswith("archive/"))
    members[name] = members[name][:-9] + bytes([members[name][-9] ^ 0xFF]) + members[name][-8:]


def without(*beginnings: str) -> Callable[[dict[str, bytes]], None]:
    def alter(members: dict[str, bytes]) -> None:
        for name in [name for name in members if name.startswith(beginnings)]:
            del members[name]

    return alter


def replaced(old: bytes, new: bytes) -> Callable[[dict[str, bytes]], None]:
    return with_lines(lambda lines: [line.replace(old, new) for line in lines])


NESTED = b"[" * 100_000
# what was done, how, which members the ZIP compresses, whether the digests fit, what the check has to say
ALTERED: dict[str, tuple[Callable[[dict[str, bytes]], object], str, bool, str]] = {
    "a byte of a WARC file": (broken_warc, "", False, "does not match its digest"),
    "the package's own data": (lambda m: m.update({"datapackage.json": m["datapackage.json"] + b" "}), "", False, "digest"),
    "a file more": (lambda m: m.update({"archive/more.warc.gz": b"x"}), "", False, "not listed"),
    "a file less": (without("indexes/index.idx"), "", False, "listed, but missing"),
    "no JSON": (lambda m: m.update({"datapackage.json": NESTED}), "", False, "no JSON object"),
    "WARC files deflated": (lambda m: None, "archive/", True, "compressed by the ZIP"),
    "the index deflated": (lambda m: None, "indexes/index.cdx.gz", True, "compressed by the ZIP"),
    "no pages": (without("pages/"), "", True, "pages.jsonl is missing"),
    "no index": (without("indexes/"), "", True, "no index"),
    "no WARC file": (without("archive/"), "", True, "no WARC file"),
    "a page elsewhere": (page_line(lambda known: known.update(url="https://news.example/story")), "", True, "not in the index"),
    "a page at another second": (
        page_line(lambda known: known.update(ts="2026-11-21T09:00:01Z")),
        "",
        True,
        "not in the index",
    ),
    "pages without a header": (lambda m: m.update({"pages/pages.jsonl": b"{}\n"}), "", True, "no header"),
    "an index out of order": (with_lines(lambda lines: lines[::-1]), "", True, "not sorted"),
    "an empty index": (with_lines(lambda lines: []), "", True, "empty"),
    "a line beyond its file": (replaced(b'"offset": "', b'"offset": "9'), "", True, "bytes at 9"),
    "a line at another record": (replaced(b"/map.png", b"/cap.png"), "", True, "the index says"),
    "a revisit alone": (replaced(b'"text/html"', b'"warc/revisit"'), "", True, "without its original"),
}


@pytest.mark.parametrize(("change", "deflate", "honest", "fault"), ALTERED.values(), ids=ALTERED.keys())
def test_alterations_are_found(tmp_path: Path, change: object, deflate: str, honest: bool, fault: str) -> None:
    path = doctored(packed(tmp_path).path, change, deflate, honest)  # type: ignore[arg-type]
    assert any(fault in found for found in check(path)), check(path)


def test_headers_that_mislead_players_are_found(tmp_path: Path) -> None:
    """Players add up header and name where the ZIP directory has no extra field, as zipfile's ``force_zip64`` leaves it."""
    source, path = packed(tmp_path).path, tmp_path / "misleading.wacz"
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            with new.open(name, "w", force_zip64=True) as member:
                member.write(old.read(name))
    assert any("lies behind a longer header" in found for found in check(path)), check(path)


def test_a_signature_for_other_content_is_found(tmp_path: Path, key: Path) -> None:
    path = packed(tmp_path, key=load_key(key)).path
    assert check(doctored(path, page_line(lambda known: known.update(title="Other")))) == ["the signature does not match"]


# files that were made to do harm


def zipped(path: Path, *members: tuple[str, bytes]) -> Path:
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")
        for name, data in members:
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/passwd", "C:/x", "a\\..\\x"])
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    path = zipped(tmp_path / "x.wacz", (name.replace("\\", "|"), b""), ("datapackage.json", b"{}"))
    path.write_bytes(path.read_bytes().replace(name.replace("\\", "|").encode(), name.encode()))
    with pytest.raises(WaczError, match="leads out"):
        open_wacz(path)


def test_a_member_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WaczError, match="twice"):
        open_wacz(zipped(tmp_path / "x.wacz", ("datapackage.json", b"{}"), ("datapackage.json", b"{}")))


def test_lying_lengths_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.wacz", ("datapackage.json", b"{}"))
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02") + 24
    data[at : at + 4] = (2**31).to_bytes(4, "little")
    path.write_bytes(data)
    assert "lies about its length" in check(path)[0]


def test_members_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.wacz", ("datapackage.json", b"{}"), ("pages/pages1.jsonl", b"{}"))
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02") + 42
    data[at : at + 4] = bytes(4)
    path.write_bytes(data)
    assert "overlap" in check(path)[0]


@pytest.mark.parametrize("data", [b"", b"PK", b"hello", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_package_is_told_so(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.wacz").write_bytes(data)
    assert len(check(tmp_path / "x.wacz")) == 1


def test_a_missing_file_is_told_so(tmp_path: Path) -> None:
    assert "cannot be read" in check(tmp_path / "x.wacz")[0]


def test_a_bomb_in_the_index_stays_bounded(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(200 << 20))

    def plant(members: dict[str, bytes]) -> None:
        members["indexes/index.cdx.gz"] = bomb
        members["indexes/index.idx"] = b'com,example)/ 2026 {"offset": 0, "length": %d}\n' % len(bomb)

    assert check(doctored(packed(tmp_path).path, plant))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return packed(tmp_path_factory.mktemp("sound")).path.read_bytes()


@given(changes=st.lists(st.tuples(st.floats(0, 0.9999), st.integers(0, 255)), min_size=1, max_size=4), cut=st.floats(0.1, 1))
def test_no_damage_makes_the_check_fail(
    tmp_path_factory: pytest.TempPathFactory, sound: bytes, changes: list[tuple[float, int]], cut: float
) -> None:
    path = tmp_path_factory.mktemp("d") / "x.wacz"
    data = bytearray(sound)
    for place, value in changes:
        data[int(place * len(data))] = value
    path.write_bytes(data[: int(cut * len(data))])
    check(path)


# the command


def test_the_command_packs_and_checks(tmp_path: Path, key: Path) -> None:
    crawl(tmp_path / "news")
    out = tmp_path / "out" / "n.wacz"
    out.parent.mkdir()
    done = scrapy("wacz", str(tmp_path / "news"), "--out", str(out), "--sign-key", str(key), "--title", "Ferries")
    assert (done.code, "1 pages with their text" in done.out) == (0, True)
    assert scrapy("wacz", "--check", str(out)).code == 0
    again = scrapy("wacz", str(tmp_path / "news"), "--out", str(out))
    assert (again.code, "--force" in again.err, "Traceback" in again.err) == (2, True, False)
    out.write_bytes(out.read_bytes()[:-100])
    bad = scrapy("wacz", "--check", str(out))
    assert (bad.code, "no ZIP file" in bad.out) == (1, True)


def test_the_command_packs_a_file_a_day(tmp_path: Path) -> None:
    crawl(tmp_path / "news")
    crawl(tmp_path / "news", 1)
    done = scrapy("wacz", str(tmp_path / "news"), "--out", str(tmp_path / "n.wacz"), "--split", "day")
    assert done.code == 0
    assert "2 WACZ files as one collection" in done.out
    assert sorted(path.name for path in tmp_path.glob("n*.wacz")) == ["n-2026-11-21.wacz", "n-2026-11-22.wacz"]


def test_a_collection_that_is_written_to_is_left_alone(tmp_path: Path) -> None:
    crawl(tmp_path / "news")
    run = Run(create_collection(tmp_path / "news"), [("software", "test")], 1 << 30)
    done = scrapy("wacz", str(tmp_path / "news"), "--out", str(tmp_path / "n.wacz"))
    assert (done.code, "it is being written to" in done.err) == (2, True)
    run.close()


def test_a_file_that_a_crash_left_open_is_named(tmp_path: Path) -> None:
    collection = crawl(tmp_path / "news")
    (collection.archive / "broadsheet-0.warc.gz.open").write_bytes(b"")
    done = scrapy("wacz", str(tmp_path / "news"), "--out", str(tmp_path / "n.wacz"))
    assert (done.code, "not packed: broadsheet-0.warc.gz.open" in done.out) == (0, True)


def test_a_record_in_a_package_is_read_with_any_zip_reader(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(packed(tmp_path).path.read_bytes())) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[-1] == "datapackage-digest.json"


def test_members_that_begin_before_the_file_does_are_refused(tmp_path: Path) -> None:
    """A ZIP that lacks bytes at its beginning, by its own directory."""
    with zipfile.ZipFile(tmp_path / "whole.wacz", "w") as packed:
        packed.writestr("archive/data.warc.gz", b"x" * 90)
    whole, path = (tmp_path / "whole.wacz").read_bytes(), tmp_path / "cut.wacz"
    path.write_bytes(whole[:4] + whole[40:])
    with pytest.raises(WaczError, match="is not where the ZIP directory says"):
        open_wacz(path)
    with pytest.raises(NoArchiveError, match="the ZIP directory lies about"):
        list(read_foreign(path))
