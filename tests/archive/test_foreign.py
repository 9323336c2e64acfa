"""Files that other programs wrote are read whole; what is damaged is named and passed over."""

import base64
import gzip
import hashlib
import io
import struct
import time
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from archive.foreign import MAX_BLOCK, Damage, NoArchiveError, digest_faults, is_capture, read_record, read_records
from archive.reader import Record, RecordError, captures_of
from tests.archive.foreign_files import DATE, STYLES, URL, Maker, arc, chunked, heritrix, wacz
from tests.pipelines.pages import page


def parts(path: Path) -> tuple[list[Record], list[Damage]]:
    items = [*read_records(path)]
    return [one for one in items if isinstance(one, Record)], [one for one in items if isinstance(one, Damage)]


def three(path: Path, *, packed: bool = True) -> tuple[Path, list[Record]]:
    """A file with three answers, and its records."""
    warc = Maker(path, packed=packed)
    for number in range(3):
        warc.response(f"{URL}/{number}", page() + b"<!-- %d -->" % number)
    return warc.close(), parts(path)[0]


@pytest.mark.parametrize("name", STYLES)
def test_every_style_is_read_without_damage_and_has_its_one_page(tmp_path: Path, name: str) -> None:
    path = STYLES[name](tmp_path / name)
    records, damages = parts(path)
    assert not damages
    found = [capture for capture, _ in captures_of(records, name, is_capture)]
    (answer,) = [capture for capture in found if capture.url == URL]
    assert (answer.status, f"{answer.date:%FT%TZ}", answer.record_type) == (200, DATE, "response")
    assert answer.purpose is None
    assert len(found) == {"heritrix.warc.gz": 2, "old.arc": 2, "old.arc.gz": 2, "v2.arc.gz": 2}.get(name, 1)


@pytest.mark.parametrize("name", STYLES)
def test_offset_and_length_lead_to_the_record_in_the_original_file(tmp_path: Path, name: str) -> None:
    path = STYLES[name](tmp_path / name)
    data = path.read_bytes()
    for record in parts(path)[0]:
        assert read_record(path, record.offset, record.length) == record
        raw = data[record.offset : record.offset + record.length]
        assert record.block in (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
        for wrong in ((record.offset + 1, record.length), (record.offset, record.length - 9)):
            with pytest.raises(RecordError):
                read_record(path, *wrong)


@pytest.mark.parametrize("name", ["heritrix.warc.gz", "browsertrix.warc.gz", "plain.warc", "old.arc.gz"])
def test_warcio_reads_the_same_blocks(tmp_path: Path, name: str) -> None:
    path = STYLES[name](tmp_path / name)
    with path.open("rb") as file:
        theirs = [record.raw_stream.read() for record in ArchiveIterator(file, no_record_parse=True)]
    begin = int(".arc" in name)  # warcio hides the block of an ARC file's first record
    assert [record.block for record in parts(path)[0]][begin:] == theirs[begin:]


@pytest.mark.parametrize("name", STYLES)
def test_the_digests_of_other_programs_hold(tmp_path: Path, name: str) -> None:
    for record in parts(STYLES[name](tmp_path / name))[0]:
        assert digest_faults(record) == []


def test_requests_before_and_behind_their_answers_are_found(tmp_path: Path) -> None:
    for name in ("heritrix.warc.gz", "cc-news.warc.gz"):
        records, _ = parts(STYLES[name](tmp_path / name))
        (request,) = [record for record in records if record.kind == "request"]
        (capture,) = [one for one, _ in captures_of(records, name, is_capture) if one.url == URL]
        assert capture.request_record_id == request.get("WARC-Record-ID")


def test_what_heritrix_notes_of_a_fetch_is_in_its_capture(tmp_path: Path) -> None:
    records, _ = parts(heritrix(tmp_path / "h.warc.gz"))
    capture = [one for one, _ in captures_of(records, "h", is_capture)][-1]
    assert (capture.via, capture.milliseconds, capture.ip_address) == ("https://news.example/", 123, "192.0.2.7")


def test_arc_records_have_the_same_id_at_every_reading_and_in_every_packing(tmp_path: Path) -> None:
    ids = [[record.get("WARC-Record-ID") for record in parts(arc(tmp_path / name))[0]] for name in ("a.arc", "b.arc.gz")]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 3
    assert all(one and one.startswith("<urn:uuid:") for one in ids[0])


@pytest.mark.parametrize(
    ("digest", "holds"),
    [
        ("sha1:UB6ETNLJWS47NTDFDNHXZHUJQ5XC6NBG", False),
        ("sha1:{b32}", True),
        ("SHA1:{b32}", True),
        ("sha1:{hex}", True),
        ("sha-256:{hex256}", True),
        ("sha256:{b32_256}", True),
        ("blake99:unknown", True),
        ("shake_128:00", True),
    ],
)
def test_digests_in_all_their_spellings(digest: str, holds: bool) -> None:
    sha1, sha256 = hashlib.sha1(b"hello"), hashlib.sha256(b"hello")
    spelled = digest.format(
        b32=base64.b32encode(sha1.digest()).decode(),
        hex=sha1.hexdigest(),
        hex256=sha256.hexdigest(),
        b32_256=base64.b32encode(sha256.digest()).decode().rstrip("="),
    )
    record = Record(0, 1, (("WARC-Type", "resource"), ("WARC-Block-Digest", spelled)), b"hello", 5)
    assert (digest_faults(record) == []) is holds


@pytest.mark.parametrize("reading", ["entity body", "chunked bytes"])
def test_payload_digests_hold_over_the_entity_body_and_over_the_chunked_bytes(tmp_path: Path, reading: str) -> None:
    body = {"entity body": b"hello", "chunked bytes": chunked(b"hello")}[reading]
    for payload, holds in ((body, True), (b"other", False)):
        digest = "sha1:" + base64.b32encode(hashlib.sha1(payload).digest()).decode()
        block = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"hello")
        record = Record(0, 1, (("WARC-Type", "response"), ("WARC-Payload-Digest", digest)), block, len(block))
        assert (digest_faults(record) == []) is holds


# damage


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(at=1 / 3, junk=b"\r\n", packed=False)
@example(at=0.0, junk=b"\x1f\x8b\x08", packed=False)
@given(at=st.floats(0, 0.999), junk=st.binary(min_size=1, max_size=60), packed=st.booleans())
def test_damage_anywhere_costs_the_records_it_touches_and_no_other(
    tmp_path: Path, at: float, junk: bytes, packed: bool
) -> None:
    path, whole = three(tmp_path / "d.warc", packed=packed)
    data = path.read_bytes()
    place = int(len(data) * at)
    path.write_bytes(data[:place] + junk + data[place + len(junk) :])
    touched = [one for one in whole if one.offset < place + len(junk) and place < one.offset + one.length]
    found = {(one.offset, one.block) for one in parts(path)[0]}
    assert {(one.offset, one.block) for one in whole if one not in touched} <= found


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("lie", [-7, -1, 1, 7, 700, 10**15])
def test_a_content_length_that_lies_costs_that_record_alone(tmp_path: Path, packed: bool, lie: int) -> None:
    path, whole = three(tmp_path / "lie.warc", packed=packed)
    data = path.read_bytes()
    pieces = [data[one.offset : one.offset + one.length] for one in whole]
    plain = gzip.decompress(pieces[1]) if packed else pieces[1]
    told = b"\r\nContent-Length: %d\r\n" % whole[1].size
    wrong = plain.replace(told, b"\r\nContent-Length: %d\r\n" % (whole[1].size + lie), 1)
    assert wrong != plain
    path.write_bytes(pieces[0] + (gzip.compress(wrong) if packed else wrong) + pieces[2])
    records, damages = parts(path)
    assert [one.get("WARC-Target-URI") for one in records] == [f"{URL}/0", f"{URL}/2"]
    assert [one.offset for one in damages] == [whole[1].offset]


@pytest.mark.parametrize("packed", [True, False])
def test_a_file_that_was_cut_keeps_its_whole_records(tmp_path: Path, packed: bool) -> None:
    path, whole = three(tmp_path / "cut.warc", packed=packed)
    path.write_bytes(path.read_bytes()[:-100])
    records, damages = parts(path)
    assert records == whole[:2]
    assert [one.offset for one in damages] == [whole[2].offset]


def test_files_joined_end_to_end_are_read_through(tmp_path: Path) -> None:
    first, _ = three(tmp_path / "a.warc.gz")
    second, _ = three(tmp_path / "b.warc", packed=False)
    joined = tmp_path / "c.warc.gz"
    joined.write_bytes(first.read_bytes() + second.read_bytes() + arc(tmp_path / "x.arc.gz").read_bytes())
    records, damages = parts(joined)
    assert (len(records), damages) == (9, [])


def test_a_file_that_was_gzipped_as_a_whole_is_refused_with_the_mend(tmp_path: Path) -> None:
    path, _ = three(tmp_path / "w.warc", packed=False)
    packed = tmp_path / "w.warc.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(NoArchiveError, match=r"at 0: more than one record .* gunzip"):
        parts(packed)


@pytest.mark.parametrize(
    "content", [b"", b"<html>not an archive</html>", b"\0" * 5_000_000, gzip.compress(b"hello", mtime=0), b"PK\x03\x04junk"]
)
def test_what_is_no_archive_is_named_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "no.warc.gz"
    path.write_bytes(content)
    with pytest.raises(NoArchiveError, match=r"empty|at 0: "):
        parts(path)


def test_many_records_that_all_claim_the_rest_of_the_file_cost_no_more_than_one_reading(tmp_path: Path) -> None:
    size, count = 20_000_000, 4_000
    path = tmp_path / "claims.warc"
    head = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Date: {DATE}\r\nContent-Length: "
    path.write_bytes(
        "".join(f"{head}{size - number * 5_000 - 9_000}\r\n\r\n".ljust(4_999, "x") + "\n" for number in range(count)).encode()
    )
    began = time.process_time()
    records, damages = parts(path)
    assert (len(records), len(damages)) == (0, count)
    assert time.process_time() - began < 10


def test_headers_without_end_are_given_up(tmp_path: Path) -> None:
    path, whole = three(tmp_path / "h.warc.gz")
    flood = gzip.compress(b"WARC/1.0\r\nWARC-Type: response\r\n" + b"X: y\r\n" * 1_000_000)
    path.write_bytes(flood + path.read_bytes())
    records, damages = parts(path)
    assert [one.block for one in records] == [one.block for one in whole]
    assert [(one.offset, "longer than 1 MiB" in one.reason) for one in damages] == [(0, True)]


def test_a_huge_block_is_kept_to_the_limit_and_passed(tmp_path: Path) -> None:
    path, whole = three(tmp_path / "b.warc.gz")
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as file:
        size = MAX_BLOCK + (8 << 20)
        file.write(b"WARC/1.0\r\nWARC-Type: resource\r\nWARC-Date: %s\r\nContent-Length: %d\r\n\r\n" % (DATE.encode(), size))
        file.write(b"\0" * size + b"\r\n\r\n")
    path.write_bytes(packed.getvalue() + path.read_bytes())
    records, damages = parts(path)
    assert (len(records[0].block), records[0].size, damages) == (MAX_BLOCK, size, [])
    assert len(records) == 1 + len(whole)


@pytest.mark.parametrize("field", ["WARC-Type: response", f"WARC-Date: {DATE}", "Content-Length: 2"])
def test_a_record_without_a_mandatory_field_is_damage(tmp_path: Path, field: str) -> None:
    path, _ = three(tmp_path / "m.warc", packed=False)
    head = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Date: {DATE}\r\nContent-Length: 2\r\n\r\nab\r\n\r\n"
    path.write_bytes(path.read_bytes() + head.replace(field + "\r\n", "").encode())
    records, damages = parts(path)
    assert len(records) == 3
    assert field.partition(":")[0] in damages[0].reason


def test_a_warc_that_is_deflated_in_its_wacz_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoArchiveError, match=r"archive/data\.warc\.gz is packed"):
        parts(wacz(tmp_path / "d.wacz", zipfile.ZIP_DEFLATED))


def test_names_that_climb_out_of_a_wacz_lead_nowhere(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    with pytest.raises(NoArchiveError, match="no WARC file under archive/"):
        parts(wacz(folder / "d.wacz", name="../../data.warc.gz"))
    records, _ = parts(wacz(folder / "e.wacz", name="archive/../../../data.warc.gz"))
    assert records
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["d.wacz", "e.wacz", "in"]


def test_a_zip_directory_that_lies_about_a_member_does_no_harm(tmp_path: Path) -> None:
    path = wacz(tmp_path / "z.wacz")
    data = bytearray(path.read_bytes())
    place = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)  # the entry of the WARC
    data[place + 42 : place + 46] = struct.pack("<I", 11)
    path.write_bytes(data)
    with pytest.raises(NoArchiveError):
        parts(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=300), st.binary(max_size=80).map(lambda tail: b"WARC/1.0\r\n" + tail)))
def test_no_bytes_make_the_reader_fail_in_another_way(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.warc"
    path.write_bytes(content)
    with suppress(NoArchiveError):
        parts(path)
