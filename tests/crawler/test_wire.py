"""What is stored is what crossed the wire: odd but real answers, over http and both TLS versions, byte for byte."""

import base64
import gzip
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import archive
from archive.collection import open_collection
from archive.digest import warc_digest
from archive.http import entity_body, parse_head
from archive.reader import Record, read_records
from archive.verify import verify
from tests.archive.exchanges import fastwarc_records, warcio_records
from tests.crawling import LOCAL, ROOT
from tests.wire.server import RawServer, Reply, Seen, tls_context

BODY = b"<html><body>" + b"The ferry runs again. " * 30 + b"</body></html>"
GZIPPED = gzip.compress(BODY, mtime=0)


def sized(body: bytes, extra: bytes = b"", status: bytes = b"200 OK", version: bytes = b"HTTP/1.1") -> bytes:
    head = b"%s %s\r\nsErVeR: Odd-Case\r\nX-b: 1\r\nx-B:   two  \r\n" % (version, status)
    return head + extra + b"Content-Length: %d\r\n\r\n" % len(body) + body


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nContent-Type: text/html\r\n"


def chunks(body: bytes, size: int = 37, trailer: bytes = b"") -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x;ext=1\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n" + trailer + b"\r\n"


INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </s.css>; rel=preload\r\n\r\n"
WHOLE = {
    "/plain": Reply((sized(BODY),)),
    "/again": Reply((sized(BODY + b"2"),)),
    "/chunked": Reply((CHUNKED + b"\r\n" + chunks(BODY),)),
    "/chunked-gzip": Reply((CHUNKED + b"Content-Encoding: gzip\r\n\r\n" + chunks(GZIPPED),)),
    "/dribble": Reply((CHUNKED[:20], 0.02, CHUNKED[20:] + b"\r\n", 0.02, chunks(BODY)[:99], 0.02, chunks(BODY)[99:])),
    "/trailers": Reply((CHUNKED + b"Trailer: X-T\r\n\r\n" + chunks(BODY, 50, b"X-T: tail\r\nX-U: v\r\n"),)),
    "/gzip": Reply((sized(GZIPPED, b"Content-Encoding: gzip\r\n"),)),
    "/bad-gzip": Reply((sized(b"not gzip at all", b"Content-Encoding: gzip\r\n"),)),
    "/head": Reply((sized(BODY).partition(b"\r\n\r\n")[0] + b"\r\n\r\n",)),
    "/304": Reply((b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n',)),
    "/204": Reply((b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n",)),
    "/empty": Reply((sized(b""),)),
    "/moved": Reply((sized(b"moved", b"Location: /plain?from=moved\r\n", b"301 Moved Permanently"),)),
    "/old": Reply((b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n" + BODY,), "close"),
    "/interim": Reply((INTERIM[:25], 0.02, INTERIM[25:], 0.02, sized(BODY))),
    "/many-headers": Reply((sized(BODY, b"".join(b"X-H%d: %s\r\n" % (n, b"h" * 4000) for n in range(50))),)),
    "/long-line": Reply((sized(BODY, b"X-Long: " + b"l" * 15_000 + b"\r\n"),)),
    "/bare-lf": Reply((sized(BODY).replace(b"\r\n", b"\n", 6),)),
    "/folded": Reply((sized(BODY, b"X-F: a\r\n  folded\r\n"),)),
    "/latin": Reply((sized(BODY, b"X-L: caf\xe9\r\n", b"200 Tr\xe8s bien"),)),
    "/no-reason": Reply((sized(BODY, b"", b"200"),)),
    "/two-lengths": Reply((sized(BODY, b"Content-Length: %d\r\n" % len(BODY)),)),
    "/cookie": Reply((sized(BODY, b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n"),)),
    "/500": Reply((sized(b"broken", b"", b"500 Oh No"),)),
    "/999": Reply((sized(b"odd", b"", b"999 Request denied"),)),
    "/post": Reply((sized(b"ok"),)),
    "/robots.txt": Reply((sized(b"User-agent: *\nAllow: /\n"),)),
}
SURPLUS = {"/surplus": Reply((sized(BODY) + b"SURPLUS BYTES",), "close")}
# path → reply and the truncation that is to be recorded
CUT = {
    "/cut-head": (Reply((sized(BODY)[:30],), "close"), "disconnect"),
    "/cut-body": (Reply((sized(BODY)[:-100],), "close"), "disconnect"),
    "/cut-chunk": (Reply((CHUNKED + b"\r\n" + chunks(BODY)[:300],), "close"), "disconnect"),
    "/reset": (Reply((sized(BODY)[:-100], 0.1), "reset"), "disconnect"),
    "/hanging-body": (Reply((sized(BODY)[:-100],), "hang"), "time"),
    "/too-long": (Reply((sized(b"y" * 300_000),)), "length"),
    "/too-long-chunked": (Reply((CHUNKED + b"\r\n" + chunks(b"z" * 300_000, 8_000),)), "length"),
}
SILENT = {"/nothing": Reply((), "close"), "/silent": Reply((), "hang")}
GARBAGE = {"/garbage": Reply((b"\x00\x01garbage\r\n\r\n",), "close")}
REPLIES = WHOLE | SURPLUS | {path: reply for path, (reply, _) in CUT.items()} | SILENT | GARBAGE
SECRETS = {"Cookie": "sid=hush-cookie", "Authorization": "Basic hush-auth", "Proxy-Authorization": "hush-proxy"}


@dataclass
class Captured:
    """One crawl of all replies of one server: what the server saw, what the archive holds."""

    server: RawServer
    collection: Path
    records: dict[str, list[Record]]

    def seen(self, path: str) -> Seen:
        return next(seen for seen in self.server.seen if seen.path == path)

    def record(self, path: str, kind: str) -> Record:
        (found,) = (record for record in self.records.get(self.server.url(path), []) if record.kind == kind)
        return found


def plan(server: RawServer, collection: Path, concurrency: int) -> dict[str, Any]:
    requests: list[dict[str, Any]] = [
        {"url": server.url(path), "headers": SECRETS} for path in REPLIES if path != "/robots.txt"
    ]
    for request in requests:
        if request["url"].endswith("/head"):
            request["method"] = "HEAD"
        if request["url"].endswith("/post"):
            request |= {"method": "POST", "body": "a=1&b=é"}
    settings = LOCAL | {
        "DOWNLOAD_TIMEOUT": 1,
        "DOWNLOAD_MAXSIZE": 50_000,
        "RETRY_ENABLED": False,
        "CONCURRENT_REQUESTS_PER_DOMAIN": concurrency,
        "LOG_LEVEL": "CRITICAL",
        "DOWNLOAD_VERIFY_CERTIFICATES": False,
    }
    return {"collection": str(collection), "settings": settings, "requests": requests}


def run_plan(folder: Path, what: dict[str, Any]) -> None:
    (folder / "plan.json").write_text(json.dumps(what))
    command = [sys.executable, "-m", "tests.wire.spider", str(folder / "plan.json")]
    subprocess.run(command, cwd=ROOT, check=True, timeout=90, capture_output=True)


@pytest.fixture(scope="module", params=["http-1", "http-8", "tls12-1", "tls13-8"])
def captured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Captured]:
    scheme, concurrency = request.param.split("-")
    folder = tmp_path_factory.mktemp(request.param)
    versions = {"tls12": ssl.TLSVersion.TLSv1_2, "tls13": ssl.TLSVersion.TLSv1_3}
    tls = tls_context(folder, versions[scheme]) if scheme in versions else None
    with RawServer(REPLIES, tls) as server:
        run_plan(folder, plan(server, folder / "c", int(concurrency)))
        records: dict[str, list[Record]] = {}
        for path in open_collection(folder / "c").warc_files():
            for record in read_records(path):
                records.setdefault(record.get("WARC-Target-URI") or "", []).append(record)
        yield Captured(server, folder / "c", records)


def test_the_server_sends_at_least_thirty_kinds_of_answers() -> None:
    assert len(REPLIES) >= 30


def test_whole_answers_are_stored_as_they_were_sent(captured: Captured) -> None:
    for path in WHOLE:
        stored = captured.record(path, "response").block
        sent = captured.seen(path).sent.removeprefix(INTERIM)
        assert stored == sent, path
        assert captured.record(path, "response").get("WARC-Truncated") is None, path


def test_interim_answers_and_surplus_bytes_are_told_apart(captured: Captured) -> None:
    assert base64.b64encode(INTERIM) in captured.record("/interim", "metadata").block
    stored, sent = captured.record("/surplus", "response").block, captured.seen("/surplus").sent
    assert sent == stored + b"SURPLUS BYTES"
    assert b"surplusBytes: 13" in captured.record("/surplus", "metadata").block


def test_answers_that_break_off_are_kept_as_far_as_they_came_with_the_cause(captured: Captured) -> None:
    for path, (_, cause) in CUT.items():
        record = captured.record(path, "response")
        assert captured.seen(path).sent.startswith(record.block), path
        assert record.block, path
        assert record.get("WARC-Truncated") == cause, path
        assert b"error: " in captured.record(path, "metadata").block, path


def test_attempts_without_an_answer_leave_a_metadata_record(captured: Captured) -> None:
    for path in SILENT:
        (record,) = captured.records[captured.server.url(path)]
        assert record.kind == "metadata"
        assert b"error: " in record.block
    assert b"unparsedResponse: " in captured.record("/garbage", "metadata").block


def test_requests_are_stored_as_they_were_sent_but_for_secrets(captured: Captured) -> None:
    for path in [*WHOLE, *SURPLUS, *CUT]:
        stored, received = captured.record(path, "request").block, captured.seen(path).received
        for name, value in SECRETS.items():
            received = received.replace(f"{name}: {value}".encode(), f"{name}: redacted".encode())
        assert stored == received, path
    assert captured.record("/post", "request").block.endswith("a=1&b=é".encode())


def test_secrets_reach_neither_archive_nor_tables(captured: Captured) -> None:
    for path in open_collection(captured.collection).warc_files():
        assert not [block for _, block in warcio_records(path) if b"hush" in block]
    assert "hush" not in str(archive.open_captures(captured.collection).to_table().to_pylist())


def test_only_gzip_is_asked_for(captured: Captured) -> None:
    assert {line for seen in captured.server.seen for line in seen.received.split(b"\r\n") if b"ncoding:" in line} == {
        b"Accept-Encoding: gzip"
    }


def test_connections_are_told_with_protocol_address_and_cipher(captured: Captured) -> None:
    record = captured.record("/plain", "response")
    protocols = [value for name, value in record.fields if name == "WARC-Protocol"]
    cipher = record.get("WARC-Cipher-Suite")
    assert record.get("WARC-IP-Address") == "127.0.0.1"
    if captured.server.tls is None:
        assert (protocols, cipher) == (["http/1.1"], None)
    else:
        version = {"TLSv1_2": "tls/1.2", "TLSv1_3": "tls/1.3"}[captured.server.tls.maximum_version.name]
        assert protocols == ["http/1.1", version]
        assert cipher and cipher.startswith("TLS_")
    assert captured.record("/old", "response").get("WARC-Protocol") == "http/1.0"


def test_payload_digests_are_those_of_the_entity_body(captured: Captured) -> None:
    for path, body in {"/chunked": BODY, "/chunked-gzip": GZIPPED, "/trailers": BODY, "/empty": b"", "/old": BODY}.items():
        record = captured.record(path, "response")
        assert record.get("WARC-Payload-Digest") == warc_digest(body), path
        assert entity_body(record.block) == body, path


def test_every_record_is_true_and_every_reader_reads_it(captured: Captured) -> None:
    findings = verify(open_collection(captured.collection))
    assert not findings.mismatches
    for path in open_collection(captured.collection).warc_files():
        assert len(warcio_records(path)) == len(fastwarc_records(path)) == findings.counts["records"]


def test_every_exchange_has_its_row(captured: Captured) -> None:
    rows = {row["url"]: row for row in archive.open_captures(captured.collection).to_table().to_pylist()}
    assert {captured.server.url(path) for path in REPLIES} <= set(rows)
    assert rows[captured.server.url("/moved")]["fetch_redirect"] == captured.server.url("/plain?from=moved")
    assert rows[captured.server.url("/too-long")]["content_truncated"] == "length"
    for path in WHOLE:
        head = parse_head(captured.record(path, "response").block)
        assert head and rows[captured.server.url(path)]["fetch_status"] == head.status
