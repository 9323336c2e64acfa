"""The audit names what would not replay, each kind, and nothing in a sound collection."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from archive.audit import Audit, article_rows, audit, audit_pages
from archive.cdxj import Index
from archive.cdxj_file import add_files
from archive.collection import Collection, create_collection
from archive.exchange import Exchange
from archive.reader import Record
from archive.record import Fields, Original
from tests.archive.exchanges import ASKING, exchange, response, writer
from tests.archive.rows import NIGHT, article_row
from tests.crawling import scrapy
from tests.replay.archives import Change, dangling, in_zstd, rewritten, without

IMAGES = b'<img src="/a.png"><img src="//cdn.example/b.png">'
PAGE = b'<html><head><link rel="stylesheet" href="/s.css"></head><body>' + IMAGES + b"</body></html>"
CSS = b'@import "more.css"; a { background: url(bg.png) }'
PARTS = {
    "http://news.example/s.css": ("text/css", CSS),
    "http://news.example/more.css": ("text/css", b"a { src: url(/f.woff2) }"),
    "http://news.example/bg.png": ("image/png", b"png"),
    "http://news.example/f.woff2": ("font/woff2", b"font"),
    "http://news.example/a.png": ("image/png", b"png"),
    "http://cdn.example/b.png": ("image/png", b"png"),
}


def page(body: bytes = PAGE, **given: object) -> Exchange:
    return exchange(url="http://news.example/ferry", response=response(body), purpose="page", **given)


def part(url: str) -> Exchange:
    media, body = PARTS[url]
    return exchange(url=url, response=response(body, f"Content-Type: {media}\r\n".encode()))


def kept(folder: Path, *exchanges: Exchange, change: Callable[[Path], None] = lambda path: None) -> Collection:
    """A collection with these exchanges, the first of which is an article; ``change`` spoils its WARC file."""
    collection = create_collection(folder)
    warc = writer(collection.archive)
    captures = [warc.write(one) for one in exchanges]
    warc.close()
    path = collection.archive / warc.names[0]
    change(path)
    collection.captures.publish([capture.row("c") for capture in captures], "c-1")
    pointer = {f"warc_record_{name}": getattr(captures[0], name) for name in ("offset", "length")}
    row = article_row(url=captures[0].url, warc_filename=path.name, warc_record_id=captures[0].record_id, **pointer)
    collection.articles.publish([row], "c-1")
    add_files(collection.index, [path])
    return collection


def kinds(found: Audit) -> set[str]:
    return {problem.kind for problem in found.problems}


def test_a_sound_collection_has_no_problem_and_all_that_its_pages_load(tmp_path: Path) -> None:
    found = audit(kept(tmp_path / "c", page(), *map(part, PARTS)))
    assert not found.problems
    assert [(one.url, one.references, one.missing) for one in found.pages] == [("http://news.example/ferry", 6, ())]
    assert found.coverage == 100.0


def test_what_a_page_lacks_is_named_also_behind_its_stylesheets(tmp_path: Path) -> None:
    lacking = ("http://news.example/a.png", "http://news.example/f.woff2")
    found = audit(kept(tmp_path / "c", page(), *(part(url) for url in PARTS if url not in lacking)))
    assert found.pages[0].missing == lacking
    assert found.coverage == pytest.approx(100 * 4 / 6)
    assert found.missing() == [(url, 1) for url in lacking]


def test_an_answer_that_is_an_error_does_not_count(tmp_path: Path) -> None:
    gone = exchange(url="http://news.example/a.png", response=b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    found = audit(kept(tmp_path / "c", page(PAGE.replace(b"/s.css", b"data:,")), gone, part("http://cdn.example/b.png")))
    assert found.pages[0].missing == ("http://news.example/a.png",)


def test_what_is_here_under_the_other_scheme_is_told_apart(tmp_path: Path) -> None:
    body = b'<html><body><img src="https://news.example/a.png"></body></html>'
    found = audit(kept(tmp_path / "c", page(body), part("http://news.example/a.png")))
    assert found.pages[0].missing == found.pages[0].other_scheme == ("https://news.example/a.png",)


def test_a_coding_that_no_player_reads_is_found(tmp_path: Path) -> None:
    def spoil(path: Path) -> None:
        rewritten(path, path.with_name("x"), in_zstd("/s.css")).rename(path)

    found = audit(kept(tmp_path / "c", page(), part("http://news.example/s.css"), change=spoil))
    assert kinds(found) >= {"content coding"}
    assert any("no player reads a body in zstd" in problem.what for problem in found.problems)


def test_a_revisit_without_its_original_is_found(tmp_path: Path) -> None:
    collection = create_collection(tmp_path / "c")
    warc = writer(collection.archive)
    long = b"The ferry runs again. " * 50
    original = warc.write(exchange(response=response(long)))
    place = (original.filename, original.offset, original.length)
    known = Original(original.url, original.date, original.digest or "", original.record_id, *place)
    warc.write(exchange(response=response(long)), known)
    gone = Original(original.url, NIGHT, "", "<urn:uuid:gone>", *place)
    warc.write(exchange(request=ASKING, response=b"HTTP/1.1 304 Not Modified\r\n\r\n"), gone)
    warc.close()
    add_files(collection.index, [collection.archive / warc.names[0]])
    (problem,) = audit(collection).problems
    assert problem.kind == "dangling revisit"


def test_a_malformed_request_line_is_found(tmp_path: Path) -> None:
    found = audit(kept(tmp_path / "c", page(request=b"/ferry HTTP/1.1\r\nHost: news.example\r\n\r\n")))
    assert kinds(found) == {"malformed request"}


def test_a_digest_that_does_not_match_is_found(tmp_path: Path) -> None:
    def spoil(path: Path) -> None:
        plain = gzip.decompress(path.read_bytes())
        at = plain.index(b"WARC-Payload-Digest: sha1:") + len(b"WARC-Payload-Digest: sha1:")
        changed = plain[:at] + (b"B" if plain[at : at + 1] != b"B" else b"C") + plain[at + 1 :]
        members = [b"WARC/1.1" + member for member in changed.split(b"WARC/1.1") if member]
        path.write_bytes(b"".join(map(gzip.compress, members)))

    assert "digest" in kinds(audit(kept(tmp_path / "c", page(), change=spoil)))


def test_a_file_that_is_gzipped_as_a_whole_is_found(tmp_path: Path) -> None:
    collection = kept(tmp_path / "c", page(), part("http://news.example/a.png"))
    (path,) = collection.archive.glob("*.warc.gz")
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())))
    assert "file that cannot be indexed" in kinds(audit(collection))


def test_what_was_cut_off_is_found(tmp_path: Path) -> None:
    found = audit(kept(tmp_path / "c", page(truncated="length"), *map(part, PARTS)))
    assert kinds(found) == {"truncated"}
    assert not found.pages  # it is no page that has all that it loads


def test_a_sample_is_spread_over_the_articles(tmp_path: Path) -> None:
    collection = create_collection(tmp_path / "c")
    names = [f"{n:03}" for n in range(100)]
    rows = [article_row(article_id=n, url=f"http://news.example/{n}", url_surtkey=f"example,news)/{n}") for n in names]
    collection.articles.publish(rows, "c-1")
    chosen = [row["url"] for row in article_rows(collection, 4)]
    assert chosen == [f"http://news.example/{n:03}" for n in (0, 25, 50, 75)]
    assert len([*article_rows(collection, None)]) == 100
    assert len([*article_rows(collection, 4, crawl_id="c")]) == 4
    assert not [*article_rows(collection, 4, crawl_id="another")]


def reasons(found: Audit) -> dict[str, str]:
    (one,) = found.pages
    assert set(one.reasons) == set(one.missing)
    return {url.removeprefix("http://news.example"): why for url, why in one.reasons.items()}


def spoiled(change: Change) -> Callable[[Path], None]:
    return lambda path: rewritten(path, path.with_name("x"), change).rename(path) and None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (in_zstd("/s.css"), "no player reads a body in zstd"),
        (dangling("/s.css"), "the original that it refers to is in no file of the collection"),
        (without("/s.css"), "it is not in the archive"),
    ],
    ids=["zstd", "dangling-revisit", "without"],
)
def test_what_is_here_and_cannot_be_played_is_missing_all_the_same(tmp_path: Path, change: Change, why: str) -> None:
    found = audit(kept(tmp_path / "c", page(), *map(part, PARTS), change=spoiled(change)))
    assert reasons(found) == {"/s.css": why}
    assert found.pages[0].references == 3  # what the stylesheet would load in turn is not guessed


@pytest.mark.parametrize("codings", ["gzip, br", "gzip, gzip", "deflate"])
def test_several_codings_and_deflate_are_not_read_by_players(tmp_path: Path, codings: str) -> None:
    head = f"Content-Type: image/png\r\nContent-Encoding: {codings}\r\n".encode()

    def change(record: Record) -> tuple[str, Fields, bytes]:
        is_it = record.kind == "response" and record.get("WARC-Target-URI") == "http://news.example/a.png"
        return record.kind or "", [], response(b"png", head) if is_it else record.block

    found = audit(kept(tmp_path / "c", page(), *map(part, PARTS), change=spoiled(change)))
    assert reasons(found) == {"/a.png": f"no player reads a body in {codings}"}
    assert "content coding" in kinds(found)


def test_a_part_that_was_cut_off_is_missing(tmp_path: Path) -> None:
    cut = exchange(url="http://news.example/a.png", response=response(b"png"), truncated="length")
    others = [part(url) for url in PARTS if not url.endswith("/a.png")]
    found = audit(kept(tmp_path / "c", page(), cut, *others))
    assert reasons(found) == {"/a.png": "it was cut off (length)"}


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("/more.css", None),
        ("/nowhere.css", "it is not in the archive"),
        ("/s.css", "it redirects for ever"),
        ("file:///etc/passwd", "a redirect that leads to 'file:///etc/passwd'"),
        ("http://[", "Invalid IPv6 URL"),
    ],
)
def test_redirects_lead_where_they_lead(tmp_path: Path, target: str, why: str | None) -> None:
    head = f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()
    others = [part(url) for url in PARTS if not url.endswith("/s.css")]
    found = audit(kept(tmp_path / "c", page(), exchange(url="http://news.example/s.css", response=head), *others))
    assert reasons(found) == ({"/s.css": why} if why else {})
    assert found.pages[0].references == (3 if why else 4)


def test_what_frames_load_counts_too(tmp_path: Path) -> None:
    frame = exchange(url="http://news.example/f", response=response(b"<html><body><img src=/in-frame.png></body></html>"))
    found = audit(kept(tmp_path / "c", page(b'<html><body><iframe src="/f"></iframe></body></html>'), frame))
    assert reasons(found) == {"/in-frame.png": "it is not in the archive"}


def test_a_revisit_gives_what_its_original_has(tmp_path: Path) -> None:
    collection = create_collection(tmp_path / "c")
    warc = writer(collection.archive)
    css = response(CSS + b" " * 600, b"Content-Type: text/css\r\n")
    first = warc.write(exchange(url="http://news.example/s.css", response=css))
    place = (first.filename, first.offset, first.length)
    original = Original(first.url, first.date, first.digest or "", first.record_id, *place)
    again = warc.write(exchange(url="http://news.example/s.css", response=css), original)
    shown = warc.write(page())
    for url in PARTS:
        if not url.endswith("/s.css"):
            warc.write(part(url))
    warc.close()
    assert again.record_type == "revisit"
    pointer = {f"warc_record_{name}": getattr(shown, name) for name in ("offset", "length")}
    collection.articles.publish(
        [article_row(url=shown.url, fetched_at=shown.date, warc_filename=shown.filename, **pointer)], "c-1"
    )
    add_files(collection.index, collection.warc_files())
    found = audit(collection)
    assert not found.problems
    assert (found.pages[0].references, found.pages[0].missing) == (6, ())


@pytest.mark.parametrize("junk", [b"", b"\x00\xff" * 400, b"HTTP/1.1 200 OK\r\n", b"<html>" * 9_000])
def test_no_junk_in_a_record_stops_the_audit(tmp_path: Path, junk: bytes) -> None:
    def change(record: Record) -> tuple[str, Fields, bytes]:
        is_it = record.kind == "response" and (record.get("WARC-Target-URI") or "").endswith("/s.css")
        return record.kind or "", [], junk if is_it else record.block

    found = audit(kept(tmp_path / "c", page(), *map(part, PARTS), change=spoiled(change)))
    assert len(found.pages) == 1


def test_pages_are_looked_at_for_as_long_as_there_is_time(tmp_path: Path) -> None:
    collection = kept(tmp_path / "c", page(), *map(part, PARTS))
    rows = [*article_rows(collection, None)] * 3
    found = Audit()
    with Index(collection.index) as index:
        audit_pages(collection, index, rows, found, seconds=0)
    assert len(found.pages) == 1


def test_the_command_tells_and_its_exit_code_says_whether_all_would_replay(tmp_path: Path) -> None:
    sound = scrapy("audit", str(kept(tmp_path / "sound", page(), *map(part, PARTS)).path))
    assert (sound.code, "1 pages, 1 of them with all that they load" in sound.out) == (0, True)
    poor = kept(tmp_path / "poor", page(), part("http://news.example/s.css")).path
    told = scrapy("audit", str(poor))
    assert (told.code, "http://news.example/a.png (1 pages): it is not in the archive" in told.out) == (0, True)
    assert scrapy("audit", str(poor), "--least", "90").code == 1
    broken = scrapy("audit", str(kept(tmp_path / "broken", page(request=b"nonsense\r\n\r\n")).path), "--json")
    assert (broken.code, '"kind": "malformed request"' in broken.out) == (1, True)


def test_a_collection_without_index_or_no_collection_is_named_with_the_mend(tmp_path: Path) -> None:
    create_collection(tmp_path / "c")
    bare = scrapy("audit", str(tmp_path / "c"))
    assert bare.code == 2
    assert f"run: scrapy index {tmp_path / 'c'}" in bare.err
    assert "Traceback" not in bare.err
    assert scrapy("audit", str(tmp_path / "nowhere")).code == 2
