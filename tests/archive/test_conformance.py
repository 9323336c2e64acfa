"""WARC 1.1 to the letter: one test a clause of ISO 28500:2017 that applies to us, on a file with all that we ever write.

The file is taken apart by a parser of its own, twenty lines that follow the grammar of clause 4 and forgive nothing.
"""

import base64
import hashlib
import ipaddress
import re
import time
import zlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import brotli
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive.originals import Originals
from pipelines.record import Recorder
from tests.archive.exchanges import ASKING, exchange, fastwarc_records, response, warcio_records

BODY = b"<html><body>" + b"<p>The ferry runs again, and the harbour is full of people.</p>" * 20 + b"</body></html>"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
NOT_MODIFIED = b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n'
TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
DAY = 86_400 * 10**9


@dataclass
class Rec:
    fields: list[tuple[str, str]]
    block: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def __getitem__(self, name: str) -> str:
        (value,) = self.all(name)
        return value

    @property
    def kind(self) -> str:
        return self["WARC-Type"]


def members(data: bytes) -> list[bytes]:
    out = []
    while data:
        unpacker = zlib.decompressobj(31)
        out.append(unpacker.decompress(data))
        assert unpacker.eof, "a gzip member is cut"
        data = unpacker.unused_data
    return out


def parse(plain: bytes) -> Rec:
    """warc-record = header CRLF block CRLF CRLF; header = version *named-field (clause 4)."""
    head, found, rest = plain.partition(b"\r\n\r\n")
    assert found and plain.endswith(b"\r\n\r\n")
    version, *lines = head.split(b"\r\n")
    assert version == b"WARC/1.1"
    fields = []
    for line in lines:
        parts = re.fullmatch(rb"(%s): ?([^\r\n\0]*)" % TOKEN, line)
        assert parts, line
        fields.append((parts[1].decode(), parts[2].decode("utf-8")))
    return Rec(fields, rest[:-4])


@dataclass
class Written:
    path: Path
    records: list[Rec]

    def kind(self, kind: str) -> list[Rec]:
        return [record for record in self.records if record.kind == kind]

    def of(self, path: str, kind: str = "response") -> Rec:
        (record,) = (one for one in self.kind(kind) if one["WARC-Target-URI"] == f"https://news.example{path}")
        return record

    def by_id(self, record_id: str) -> Rec:
        (record,) = (one for one in self.records if one["WARC-Record-ID"] == record_id)
        return record


def fetched(path: str, answer: bytes, **more: object) -> object:
    return exchange(url=f"https://news.example{path}", response=answer, **more)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("conformance")
    recorder = Recorder(folder, [("software", "test"), ("operator", "the tests")], 1 << 30, Originals(folder / "o", folder))
    now = time.time_ns()
    secure = {"tls_version": "TLSv1.2", "cipher": "ECDHE-RSA-AES128-GCM-SHA256", "peer": "2001:DB8:0:0:0:0:0:1"}
    page = recorder.record(
        fetched(
            "/page", response(BODY), began=now - DAY, page_id="d9428888-122b-11e1-b85c-61cd3cbb3210", purpose="page", **secure
        )
    )
    recorder.record_outlinks(page, ["https://news.example/next", "https://elsewhere.example/"])
    recorder.record(fetched("/chunked", CHUNKED, began=now - DAY, via="https://news.example/feed.xml"))
    recorder.record(fetched("/cut", CHUNKED[:400], truncated="disconnect", error="ConnectionLost"))
    recorder.record(fetched("/cut-in-head", b"HTTP/1.1 200 OK\r\nServ", truncated="disconnect"))
    recorder.record(fetched("/folded", b"HTTP/1.0 200 OK\r\nX: a\r\n b\r\nX: c\r\n\r\n" + BODY))
    recorder.record(fetched("/interim", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + response(BODY[:-1])))
    recorder.record(fetched("/brotli", response(brotli.compress(BODY), b"Content-Encoding: br\r\n")))
    recorder.record(fetched("/dead", b"", request=b"", peer=None, error="DNS"))
    recorder.record(fetched("/garbage", b"\0\1", error="not HTTP"))
    post = b"POST /post HTTP/1.1\r\nHost: news.example\r\nContent-Length: 3\r\n\r\na=b"
    recorder.record(fetched("/post", response(b"ok"), request=post, peer="::ffff:192.0.2.1"))
    recorder.record(fetched("/page?again", response(BODY), began=now))
    again = exchange(url="https://news.example/page", response=response(BODY, b"X-New: 1\r\n"), began=now)
    recorder.record(again)
    recorder.record(exchange(url="https://news.example/chunked", request=ASKING, response=NOT_MODIFIED, began=now))
    recorder.record(fetched("/unknown", NOT_MODIFIED))
    recorder.close()
    path = folder / recorder.writer.names[0]
    return Written(path, [parse(plain) for plain in members(path.read_bytes())])


def test_4_a_file_is_nothing_but_records_that_follow_the_grammar(written: Written) -> None:
    assert len(written.records) > 30  # parse() has asserted the grammar of each


def test_5_1_no_field_is_repeated_but_those_that_may_be(written: Written) -> None:
    for record in written.records:
        names = [name.lower() for name, _ in record.fields]
        repeated = {name for name in names if names.count(name) > 1}
        assert repeated <= {"warc-concurrent-to", "warc-protocol"}


def test_5_2_every_record_has_an_id_of_its_own_that_is_a_legal_uri(written: Written) -> None:
    ids = [record["WARC-Record-ID"] for record in written.records]
    assert len(set(ids)) == len(ids)
    for one in ids:
        assert re.fullmatch(r"<urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}>", one)


def test_5_3_content_length_is_the_number_of_octets_in_the_block(written: Written) -> None:
    for record in written.records:
        assert record["Content-Length"] == str(len(record.block))


def test_5_4_dates_are_w3c_iso_8601_in_utc_of_known_precision_and_one_for_a_capture(written: Written) -> None:
    dates = {record["WARC-Record-ID"]: record["WARC-Date"] for record in written.records}
    for date in dates.values():
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", date)
        datetime.fromisoformat(date)
    for record in written.records:
        for other in record.all("WARC-Concurrent-To"):
            assert dates[other] == record["WARC-Date"]


def test_5_5_types_are_those_of_the_standard(written: Written) -> None:
    kinds = {record.kind for record in written.records}
    # 6.4, 6.8, 6.9: nothing that we fetch is a resource, a conversion or a continuation
    assert kinds == {"warcinfo", "response", "request", "metadata", "revisit"}
    assert written.records[0].kind == "warcinfo"


def test_5_6_content_type_tells_what_the_block_is(written: Written) -> None:
    types = {
        "warcinfo": "application/warc-fields",
        "response": "application/http;msgtype=response",
        "revisit": "application/http;msgtype=response",
        "request": "application/http;msgtype=request",
        "metadata": "application/warc-fields",
    }
    for record in written.records:
        assert record["Content-Type"] == types[record.kind]


def test_5_7_concurrent_records_name_the_answer_that_they_came_with(written: Written) -> None:
    for record in written.records:
        assert not (record.kind == "warcinfo" and record.all("WARC-Concurrent-To"))
        for other in record.all("WARC-Concurrent-To"):
            assert written.by_id(other).kind in ("response", "revisit")
            assert written.by_id(other)["WARC-Target-URI"] == record["WARC-Target-URI"]
    assert all(request.all("WARC-Concurrent-To") for request in written.kind("request"))


def sha1(data: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(data).digest()).decode()


def test_5_8_the_block_digest_is_that_of_the_whole_block(written: Written) -> None:
    for record in written.records:
        assert record["WARC-Block-Digest"] == sha1(record.block)


def test_5_9_the_payload_digest_is_that_of_the_entity_body_without_its_chunks(written: Written) -> None:
    assert written.of("/page")["WARC-Payload-Digest"] == written.of("/chunked")["WARC-Payload-Digest"] == sha1(BODY)
    assert written.of("/folded")["WARC-Payload-Digest"] == sha1(BODY)


def test_5_9_of_a_truncated_payload_the_digest_is_that_of_what_there_is(written: Written) -> None:
    held = CHUNKED[:400].partition(b"\r\n\r\n")[2].partition(b"\r\n")[2]
    assert BODY.startswith(held)
    assert written.of("/cut")["WARC-Payload-Digest"] == sha1(held)


def test_5_9_records_without_a_payload_have_no_payload_digest(written: Written) -> None:
    for record in written.records:
        if record.kind in ("warcinfo", "metadata", "request"):
            assert not record.all("WARC-Payload-Digest")
    assert not written.of("/cut-in-head").all("WARC-Payload-Digest")


def test_5_10_addresses_are_numeric_and_canonical_and_not_on_a_warcinfo(written: Written) -> None:
    assert written.of("/page")["WARC-IP-Address"] == "2001:db8::1"
    assert written.of("/post")["WARC-IP-Address"] == "192.0.2.1"
    for record in written.records:
        assert not (record.kind == "warcinfo" and record.all("WARC-IP-Address"))
        for address in record.all("WARC-IP-Address"):
            assert str(ipaddress.ip_address(address)) == address


def test_5_11_refers_to_stands_only_on_revisits_and_on_metadata_about_another_record(written: Written) -> None:
    assert all(record.all("WARC-Refers-To") for record in written.kind("revisit"))
    for record in written.records:
        for other in record.all("WARC-Refers-To"):
            assert record.kind in ("revisit", "metadata")
            assert written.by_id(other).kind == "response"


def test_5_12_and_5_13_revisits_name_address_and_date_of_the_original(written: Written) -> None:
    for record in written.kind("revisit"):
        original = written.by_id(record["WARC-Refers-To"])
        assert record["WARC-Refers-To-Target-URI"] == original["WARC-Target-URI"]
        assert record["WARC-Refers-To-Date"] == original["WARC-Date"] < record["WARC-Date"]


def test_5_14_every_record_but_the_warcinfo_has_the_address_that_was_asked_for(written: Written) -> None:
    for record in written.records:
        if record.kind == "warcinfo":
            assert not record.all("WARC-Target-URI")
        else:
            assert re.fullmatch(r"[!-~]+", record["WARC-Target-URI"])
            assert urlsplit(record["WARC-Target-URI"]).scheme in ("http", "https")


def test_5_15_what_was_cut_says_why(written: Written) -> None:
    assert written.of("/cut")["WARC-Truncated"] == "disconnect"
    assert not written.of("/page").all("WARC-Truncated")
    for record in written.records:
        assert set(record.all("WARC-Truncated")) <= {"length", "time", "disconnect", "unspecified"}


def test_5_16_every_record_names_its_warcinfo_but_the_warcinfo_itself(written: Written) -> None:
    info, *others = written.records
    assert not info.all("WARC-Warcinfo-ID")
    assert {record["WARC-Warcinfo-ID"] for record in others} == {info["WARC-Record-ID"]}


def test_5_17_the_warcinfo_alone_names_the_file(written: Written) -> None:
    info, *others = written.records
    assert info["WARC-Filename"] == written.path.name
    assert not any(record.all("WARC-Filename") for record in others)


def test_5_18_revisits_alone_have_a_profile(written: Written) -> None:
    for record in written.records:
        assert bool(record.all("WARC-Profile")) == (record.kind == "revisit")


def test_5_19_to_5_22_nothing_is_identified_that_was_not_examined_and_nothing_is_segmented(written: Written) -> None:
    for record in written.records:
        assert not [name for name, _ in record.fields if name.startswith(("WARC-Identified", "WARC-Segment"))]


def fields_of(block: bytes) -> dict[str, str]:
    assert block.endswith(b"\r\n")
    return dict(line.split(": ", 1) for line in block.decode("utf-8").splitlines())


def test_6_2_the_warcinfo_says_who_made_the_file_with_what_and_by_which_standard(written: Written) -> None:
    known = fields_of(written.records[0].block)
    assert known["software"] == "test" and known["operator"] == "the tests"
    assert known["format"] == "WARC File Format 1.1"
    assert known["conformsTo"].endswith("/warc-1.1/")


def test_6_3_2_a_response_is_what_crossed_the_wire(written: Written) -> None:
    assert written.of("/chunked").block == CHUNKED
    assert written.of("/cut").block == CHUNKED[:400]
    assert written.of("/folded").block == b"HTTP/1.0 200 OK\r\nX: a\r\n b\r\nX: c\r\n\r\n" + BODY
    assert written.of("/interim").block == response(BODY[:-1])


def test_6_3_2_a_response_in_a_coding_that_no_player_reads_is_stored_unpacked_and_says_so(written: Written) -> None:
    record = written.of("/brotli")
    assert record.block.endswith(b"\r\n\r\n" + BODY)
    assert b"x-orig-content-encoding: br" in record.block
    assert record["WARC-Payload-Digest"] == sha1(BODY)
    assert fields_of(written.of("/brotli", "metadata").block)["unpackedContentCoding"] == "br"


def test_6_5_a_request_is_what_was_sent_with_its_body(written: Written) -> None:
    assert written.of("/post", "request").block.endswith(b"\r\n\r\na=b")


def test_6_6_metadata_says_how_an_address_was_found_and_where_the_page_leads(written: Written) -> None:
    about, links, _ = (record for record in written.kind("metadata") if record["WARC-Target-URI"].endswith("/page"))
    found, _ = (record for record in written.kind("metadata") if record["WARC-Target-URI"].endswith("/chunked"))
    assert fields_of(found.block)["via"] == "https://news.example/feed.xml"
    assert fields_of(about.block)["purpose"] == "page"
    assert links.block == b"outlink: https://news.example/next\r\noutlink: https://elsewhere.example/\r\n"
    assert links["WARC-Refers-To"] == written.of("/page")["WARC-Record-ID"]


def test_6_6_an_attempt_without_an_answer_and_an_answer_that_is_no_http_leave_metadata(written: Written) -> None:
    assert fields_of(written.of("/dead", "metadata").block)["error"] == "DNS"
    assert fields_of(written.of("/garbage", "metadata").block)["unparsedResponse"] == "AAE="


def test_6_7_2_the_same_payload_again_is_a_revisit_by_its_digest(written: Written) -> None:
    record = written.of("/page", "revisit")
    assert record["WARC-Profile"] == "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"
    assert record["WARC-Payload-Digest"] == written.of("/page")["WARC-Payload-Digest"]
    assert record["WARC-Truncated"] == "length"
    assert record.block == response(BODY, b"X-New: 1\r\n").removesuffix(BODY)
    assert written.of("/page?again").kind == "response"  # another address keeps a body of its own


def test_6_7_3_what_the_server_calls_not_modified_is_a_revisit_of_what_it_had_sent(written: Written) -> None:
    record = written.of("/chunked", "revisit")
    assert record["WARC-Profile"] == "http://netpreserve.org/warc/1.1/revisit/server-not-modified"
    assert record.block == NOT_MODIFIED
    assert record["WARC-Payload-Digest"] == written.of("/chunked")["WARC-Payload-Digest"]
    assert written.of("/unknown").block == NOT_MODIFIED  # of what was never seen it is an answer like any other


def test_annex_d_every_record_is_a_gzip_member_of_its_own(written: Written) -> None:
    assert all(
        plain.startswith(b"WARC/1.1\r\n") and plain.count(b"WARC/1.1\r\n") == 1 for plain in members(written.path.read_bytes())
    )


@pytest.mark.parametrize("read", [warcio_records, fastwarc_records])
def test_other_readers_find_the_same_records(written: Written, read) -> None:  # type: ignore[no-untyped-def]
    found = [(fields["WARC-Record-ID"], block) for fields, block in read(written.path)]
    assert found == [(record["WARC-Record-ID"], record.block) for record in written.records]


VALUE = st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=30)
NAME = st.sampled_from(["X-A", "x-a", "Set-Cookie", "Content-Type", "Via", "Link", "ETag", "Vary"])
FOLD = st.sampled_from(["", "\r\n ", "\r\n\t", "\n  "])


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """An HTTP/1.x answer as odd servers send it: repeated and folded fields, interim answers, trailers, any framing."""
    fields = draw(st.lists(st.tuples(NAME, VALUE, FOLD, VALUE), max_size=8))
    head = "".join(f"{name}: {value}{fold}{more if fold else ''}\r\n" for name, value, fold, more in fields)
    body = draw(st.binary(max_size=2_000))
    version, framing = draw(st.sampled_from(["1.0", "1.1"])), draw(st.sampled_from(["length", "chunked", "none"]))
    status = draw(st.sampled_from([200, 200, 200, 206, 301, 404, 500]))
    if framing == "chunked":
        size = draw(st.integers(1, 700))
        pieces = b"".join(
            b"%x\r\n%s\r\n" % (len(body[at : at + size]), body[at : at + size]) for at in range(0, len(body), size)
        )
        head, body = (
            head + "Transfer-Encoding: chunked\r\n",
            pieces + b"0\r\n" + draw(st.sampled_from([b"", b"X-T: tail\r\n"])) + b"\r\n",
        )
    elif framing == "length":
        head += f"Content-Length: {len(body)}\r\n"
    interim = draw(st.sampled_from(["", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"]))
    return f"{interim}HTTP/{version} {status} {draw(VALUE)}\r\n{head}\r\n".encode("latin-1") + body


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80, deadline=None)
@given(sent=st.lists(answers(), min_size=1, max_size=3))
def test_whatever_was_sent_is_read_back_by_others_also_through_a_revisit(tmp_path_factory, sent: list[bytes]) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path_factory.mktemp("any")
    recorder = Recorder(folder, [], 1 << 30, Originals(folder / "o", folder))
    now = time.time_ns()
    for number, answer in enumerate([*sent, *sent]):
        recorder.record(exchange(response=answer, url=f"http://news.example/{number % len(sent)}", began=now + number * 10**9))
    recorder.close()
    path = folder / recorder.writer.names[0]
    final = [re.sub(rb"\AHTTP/1.1 1.*?\r\n\r\n", b"", answer, flags=re.DOTALL) for answer in sent]
    for read in (warcio_records, fastwarc_records):
        blocks = {fields["WARC-Record-ID"]: block for fields, block in read(path)}
        answered = [(fields, block) for fields, block in read(path) if fields["WARC-Type"] in ("response", "revisit")]
        for (fields, block), answer in zip(answered, [*final, *final], strict=True):
            whole = block if fields["WARC-Type"] == "response" else blocks[fields["WARC-Refers-To"]]
            assert whole == answer
            assert answer.startswith(block)


def test_files_of_one_crawl_refer_to_records_of_each_other(tmp_path: Path) -> None:
    originals = Originals(tmp_path / "o", tmp_path)
    recorder = Recorder(tmp_path, [], 1, originals)
    first, second = recorder.record(exchange(response=response(BODY))), recorder.record(exchange(response=response(BODY)))
    assert first.filename != second.filename
    assert second.original and second.original.record_id == first.record_id
    assert (second.original.filename, second.original.offset, second.original.length) == (
        first.filename,
        first.offset,
        first.length,
    )
    recorder.close()


def test_originals_outlive_the_crawl_and_are_forgotten_with_their_file(tmp_path: Path) -> None:
    first = recorded_alone(tmp_path)
    again = recorded_alone(tmp_path)
    assert again.original and again.original.record_id == first.record_id and again.original.date == first.date
    (tmp_path / first.filename).unlink()
    assert recorded_alone(tmp_path).record_type == "response"


def test_originals_that_cannot_be_read_are_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "o").write_bytes(b"no sqlite file at all, but long enough to be taken for one" * 20)
    assert recorded_alone(tmp_path).record_type == "response"
    assert recorded_alone(tmp_path).record_type == "revisit"


def test_what_was_not_made_durable_is_never_referred_to_by_a_later_crawl(tmp_path: Path) -> None:
    originals = Originals(tmp_path / "o", tmp_path)
    Recorder(tmp_path, [], 1 << 30, originals).record(exchange(response=response(BODY)))  # killed here, before any sync
    assert Originals(tmp_path / "o", tmp_path).get("http://news.example/ferry") is None


def recorded_alone(folder: Path):  # type: ignore[no-untyped-def]
    recorder = Recorder(folder, [], 1 << 30, Originals(folder / "o", folder))
    capture = recorder.record(exchange(response=response(BODY)))
    recorder.close()
    return capture


def test_a_small_payload_is_stored_again_since_a_reference_would_be_no_shorter(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, [], 1 << 30, Originals(tmp_path / "o", tmp_path))
    assert [recorder.record(exchange(response=response(b"ok"))).record_type for _ in range(2)] == ["response"] * 2
