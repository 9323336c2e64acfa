"""WARC files as we write them, read back by the readers of other people."""

import errno
import os
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive import recovery
from archive.digest import warc_digest
from archive.exchange import Exchange
from archive.reader import RecordError, captures, read_record, read_records
from archive.record import canonical_ip
from archive.warc import WarcFile, WarcWriter
from tests.archive.exchanges import HTML, REQUEST, exchange, fastwarc_records, response, warcio_records, writer

TEXT = st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=20)


def written(folder: Path, *exchanges: Exchange) -> Path:
    warc = writer(folder)
    for one in exchanges:
        warc.write(one)
    warc.close()
    return folder / warc.names[0]


def kinds(path: Path) -> list[str | None]:
    return [record.kind for record in read_records(path)]


def test_a_capture_is_response_request_and_metadata_after_a_warcinfo(tmp_path: Path) -> None:
    path = written(tmp_path, exchange())
    assert kinds(path) == ["warcinfo", "response", "request", "metadata"]


@pytest.mark.parametrize("read", [warcio_records, fastwarc_records])
def test_other_readers_find_the_bytes_that_crossed_the_wire(tmp_path: Path, read) -> None:  # type: ignore[no-untyped-def]
    path = written(tmp_path, exchange())
    blocks = {fields["WARC-Type"]: block for fields, block in read(path)}
    assert blocks["response"] == response()
    assert blocks["request"] == REQUEST


def test_mandatory_fields_and_their_forms(tmp_path: Path) -> None:
    path = written(tmp_path, exchange(tls_version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384", url="https://news.example/ferry"))
    fields = [fields for fields, _ in warcio_records(path)]
    assert len({one["WARC-Record-ID"] for one in fields}) == len(fields)
    for one in fields:
        assert re.fullmatch(r"<urn:uuid:[0-9a-f-]{36}>", one["WARC-Record-ID"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", one["WARC-Date"])
    answer = next(one for one in fields if one["WARC-Type"] == "response")
    assert answer["WARC-Target-URI"] == "https://news.example/ferry"
    assert answer["WARC-IP-Address"] == "192.0.2.7"
    assert answer["WARC-Cipher-Suite"] == "TLS_AES_256_GCM_SHA384"
    assert answer["WARC-Payload-Digest"] == warc_digest(HTML)
    record = next(record for record in read_records(path) if record.kind == "response")
    assert [value for name, value in record.fields if name == "WARC-Protocol"] == ["http/1.1", "tls/1.3"]


def test_all_records_of_a_capture_have_one_date_and_name_each_other(tmp_path: Path) -> None:
    info, answer, request, metadata = read_records(written(tmp_path, exchange()))
    assert {answer.get("WARC-Date"), request.get("WARC-Date"), metadata.get("WARC-Date")} == {answer.get("WARC-Date")}
    assert request.get("WARC-Concurrent-To") == metadata.get("WARC-Concurrent-To") == answer.get("WARC-Record-ID")
    assert answer.get("WARC-Warcinfo-ID") == info.get("WARC-Record-ID")


def test_the_payload_digest_is_that_of_the_body_without_its_chunks(tmp_path: Path) -> None:
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nferry\r\n0\r\n\r\n"
    answer = [*read_records(written(tmp_path, exchange(response=raw)))][1]
    assert answer.block == raw
    assert answer.get("WARC-Payload-Digest") == warc_digest(b"ferry")


def test_secrets_and_credentials_never_reach_the_file(tmp_path: Path) -> None:
    secret = b"GET / HTTP/1.1\r\nCookie: hush-1\r\nAuthorization: hush-2\r\nProxy-Authorization: hush-3\r\n\r\n"
    path = written(tmp_path, exchange(request=secret))
    assert b"hush" not in b"".join(block for _, block in warcio_records(path))
    metadata = [*read_records(path)][3]
    assert b"redactedRequestFields: Cookie, Authorization, Proxy-Authorization" in metadata.block


def test_an_attempt_that_got_no_byte_leaves_a_metadata_record(tmp_path: Path) -> None:
    path = written(tmp_path, exchange(request=b"", response=b"", peer=None, error="CannotResolveHostError: no such host"))
    _, metadata = read_records(path)
    assert metadata.kind == "metadata"
    assert b"error: CannotResolveHostError: no such host" in metadata.block


def test_bytes_that_are_no_http_are_kept_in_the_metadata_record(tmp_path: Path) -> None:
    _, metadata = read_records(written(tmp_path, exchange(response=b"\x00\x01garbage", error="broken")))
    assert b"unparsedResponse: AAFnYXJiYWdl" in metadata.block


def test_truncation_and_its_cause_are_recorded(tmp_path: Path) -> None:
    capture = writer(tmp_path).write(exchange(truncated="length", error="too long"))
    assert (capture.truncated, capture.error) == ("length", "too long")
    # read back through the open file: it is readable while it grows
    answer = [*read_records(tmp_path / (capture.filename + ".open"))][1]
    assert answer.get("WARC-Truncated") == "length"


@pytest.mark.parametrize(
    ("given_", "written_"),
    [("::ffff:192.0.2.1", "192.0.2.1"), ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"), ("fe80::1%eth0", "fe80::1"), (None, None)],
)
def test_addresses_are_written_canonically(given_: str | None, written_: str | None) -> None:
    assert canonical_ip(given_) == written_


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    fields=st.lists(st.tuples(TEXT, TEXT), max_size=6),
    body=st.binary(max_size=200),
    version=st.sampled_from([b"1.0", b"1.1"]),
    newline=st.sampled_from([b"\r\n", b"\n"]),
    reason=TEXT,
)
def test_whatever_a_server_answers_comes_back_byte_for_byte(
    tmp_path: Path, fields: list[tuple[str, str]], body: bytes, version: bytes, newline: bytes, reason: str
) -> None:
    lines = [b"HTTP/" + version + b" 200 " + reason.encode("latin-1")]
    lines += [name.encode("latin-1") + b": " + value.encode("latin-1") for name, value in fields]
    raw = newline.join(lines) + newline * 2 + body
    path = written(tmp_path / os.urandom(8).hex(), exchange(response=raw))
    for read in (warcio_records, fastwarc_records):
        assert [block for head, block in read(path) if head["WARC-Type"] == "response"] == [raw]
    record = [*read_records(path)][1]
    assert read_record(path, record.offset, record.length).block == raw


def test_the_capture_points_at_its_record(tmp_path: Path) -> None:
    warc = writer(tmp_path)
    made = [warc.write(exchange(url=f"http://news.example/{number}")) for number in range(20)]
    warc.close()
    for capture in made:
        record = read_record(tmp_path / capture.filename, capture.offset, capture.length)
        assert record.get("WARC-Record-ID") == capture.record_id
        assert record.get("WARC-Target-URI") == capture.url


def test_captures_can_be_made_again_from_the_records(tmp_path: Path) -> None:
    warc = writer(tmp_path)
    made = [
        warc.write(exchange(via="http://news.example/", purpose="page")),
        warc.write(exchange(response=b"", error="reset", peer=None, purpose="feed")),
        warc.write(exchange(response=b"HTTP/1.1 301 Moved\r\nLocation: /b\r\n\r\n", truncated="disconnect")),
    ]
    warc.close()
    assert [*captures(tmp_path / warc.names[0])] == made
    assert made[2].row("crawl")["fetch_redirect"] == "http://news.example/b"


def test_files_rotate_by_size_and_each_begins_with_a_warcinfo(tmp_path: Path) -> None:
    warc = writer(tmp_path, max_bytes=5_000)
    for _ in range(20):
        warc.write(exchange(response=response(os.urandom(1_000))))
    warc.close()
    assert len(warc.names) > 3
    for name in warc.names:
        assert kinds(tmp_path / name)[0] == "warcinfo"
        assert (tmp_path / name).stat().st_size < 5_000 + 3_000


def test_files_rotate_by_age_with_and_without_a_next_capture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hours = iter([0, 10, 23, 24, 24, 30, 50, 50, 60, 100, 101, 102])
    monkeypatch.setattr("archive.warc.time.monotonic", lambda: next(hours) * 3600)
    warc = WarcWriter(tmp_path, [], "test", 1 << 30, max_seconds=86_400)
    for _ in range(3):  # after 10, 23 and 24 hours; the last begins a file at 24
        warc.write(exchange())
    warc.rotate_if_old()  # after 30
    assert len(warc.names) == 2
    warc.rotate_if_old()  # after 50, and begins one then
    warc.rotate_if_old()  # after 60
    warc.rotate_if_old()  # after 100: it holds nothing
    assert len(warc.names) == 3
    assert [path.name for path in sorted(tmp_path.glob("*.gz"))] == warc.names[:2]
    warc.write(exchange())
    warc.close()
    assert [kinds(tmp_path / name).count("response") for name in warc.names] == [2, 1, 0, 1]


def test_a_file_is_open_and_locked_until_closed(tmp_path: Path) -> None:
    warc = writer(tmp_path)
    assert recovery.in_use(tmp_path) == warc.names[0] + ".open"
    with pytest.raises(recovery.InUseError, match=warc.names[0]):
        recovery.recover(tmp_path)
    warc.close()
    assert recovery.in_use(tmp_path) is None
    assert [path.name for path in tmp_path.iterdir()] == warc.names


def test_a_write_that_the_disk_refuses_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = WarcFile(tmp_path, "a.warc.gz")
    file.append([b"first"])
    real = os.write

    def full(fd: int, data: bytes) -> int:
        if len(data) > 4:
            return real(fd, bytes(data)[:4])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        file.append([b"seven..", b"more"])
    monkeypatch.undo()
    assert file.path.read_bytes() == b"first"
    assert file.append([b"next"])[0].offset == 5


def crash(warc: WarcWriter) -> Path:
    """End a writer as kill -9 would: the lock goes, the file stays open by name."""
    os.close(warc._file._fd)
    return warc._file.path


@pytest.mark.parametrize("torn", [1, 20, 200, 600])
def test_recovery_cuts_a_torn_tail_to_the_last_whole_record(tmp_path: Path, torn: int) -> None:
    warc = writer(tmp_path)
    for _ in range(3):
        warc.write(exchange())
    path = crash(warc)
    whole = path.stat().st_size
    last = [*read_records(path)][-3:]
    path.write_bytes(path.read_bytes()[: last[0].offset + torn])
    (found,) = recovery.recover(tmp_path)
    assert found.path == tmp_path / warc.names[0]
    assert found.kept <= last[0].offset + torn < whole
    assert found.lost == last[0].offset + torn - found.kept
    assert len([*read_records(found.path)]) >= 7
    assert found.path.stat().st_size == found.kept


def test_recovery_removes_a_file_without_a_whole_record(tmp_path: Path) -> None:
    (tmp_path / "x.warc.gz.open").write_bytes(b"\x1f\x8b\x08\x00\x00")
    assert recovery.recover(tmp_path) == [recovery.Recovered(None, 0, 5)]
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data, at, length: (data, at + 1, length), "no gzip member"),
        (lambda data, at, length: (data, at, length - 1), "does not end"),
        (lambda data, at, length: (data, at, length + 1), "more than one"),
        (lambda data, at, length: (data[: at + 30] + b"\xff\xff\xff" + data[at + 33 :], at, length), "."),
    ],
)
def test_a_pointer_that_is_off_or_a_record_that_is_damaged_is_named(tmp_path: Path, damage, reason: str) -> None:  # type: ignore[no-untyped-def]
    warc = writer(tmp_path)
    capture = warc.write(exchange())
    warc.close()
    path = tmp_path / capture.filename
    data, offset, length = damage(path.read_bytes(), capture.offset, capture.length)
    path.write_bytes(data)
    with pytest.raises(RecordError, match=reason):
        read_record(path, offset, length)


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/b#part", "http://news.example/b"),
        ("http://name:hush@news.example/b", "http://news.example/b"),
        ("/caf\u00e9", "http://news.example/caf\u00e9"),
        ("http://[broken", "http://[broken"),
    ],
)
def test_a_redirect_names_its_target_without_secrets_and_in_readable_letters(
    tmp_path: Path, location: str, target: str
) -> None:
    raw = b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % location.encode()
    assert writer(tmp_path).write(exchange(response=raw)).row("c")["fetch_redirect"] == target
