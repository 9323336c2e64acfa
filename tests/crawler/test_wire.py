"""What is stored is what crossed the wire: odd but real answers, over http and both TLS versions, byte for byte."""

import base64
import gzip
import json
import ssl
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import brotli
import pytest
from twisted.internet.task import Clock

import archive
from archive.collection import open_collection
from archive.digest import warc_digest
from archive.http import content, entity_body, parse_head
from archive.reader import Record, captures, read_records
from archive.verify import verify
from crawler.handler import _RecordingPool
from tests.archive.exchanges import fastwarc_records, warcio_records
from tests.crawling import LOCAL, python
from tests.wire.proxy import Proxy
from tests.wire.server import RawServer, Reply, Seen, tls_context

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

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
    "/gzip-members": Reply((sized(GZIPPED + gzip.compress(b"<p>More.</p>", mtime=0), b"Content-Encoding: gzip\r\n"),)),
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
    "/no-colon": Reply((sized(BODY, b"a line that is no header\r\n"),)),
    "/no-coding": Reply((sized(BODY, b"Content-Encoding: identity\r\n"),)),
    "/latin": Reply((sized(BODY, b"X-L: caf\xe9\r\n", b"200 Tr\xe8s bien"),)),
    "/no-reason": Reply((sized(BODY, b"", b"200"),)),
    "/two-lengths": Reply((sized(BODY, b"Content-Length: %d\r\n" % len(BODY)),)),
    "/cookie": Reply((sized(BODY, b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n"),)),
    "/500": Reply((sized(b"broken", b"", b"500 Oh No"),)),
    "/999": Reply((sized(b"odd", b"", b"999 Request denied"),)),
    "/post": Reply((sized(b"ok"),)),
    "/robots.txt": Reply((sized(b"User-agent: *\nAllow: /\n"),)),
}
# answers in a coding that was not asked for, which some players cannot read: coding, body as sent
FORCED = {
    "/forced-br": ("br", brotli.compress(BODY)),
    "/forced-zstd": ("zstd", zstd.compress(BODY)),
    "/forced-deflate": ("deflate", zlib.compress(BODY)),
    "/forced-both": ("gzip, br", brotli.compress(GZIPPED)),
}
FORCED_REPLIES = {
    path: Reply((CHUNKED + b"Content-Encoding: %s\r\n\r\n" % coding.encode() + chunks(body),))
    for path, (coding, body) in FORCED.items()
}
SURPLUS = {"/surplus": Reply((sized(BODY) + b"SURPLUS BYTES",), "close")}
# path → reply and the truncation that is to be recorded
CUT = {
    "/cut-head": (Reply((sized(BODY)[:30],), "close"), "disconnect"),
    "/cut-body": (Reply((sized(BODY)[:-100],), "close"), "disconnect"),
    "/cut-chunk": (Reply((CHUNKED + b"\r\n" + chunks(BODY)[:300],), "close"), "disconnect"),
    "/reset": (Reply((sized(BODY)[:-100], 0.1), "reset"), "disconnect"),
    "/hanging-body": (Reply((sized(BODY)[:-100],), "hang"), "time"),
    "/unknown-transfer": (
        Reply((CHUNKED.replace(b"chunked", b"gzip, chunked") + b"\r\n" + chunks(GZIPPED),)),
        "unspecified",
    ),
    "/unequal-lengths": (Reply((sized(BODY, b"Content-Length: 9\r\n"),)), "unspecified"),
    "/two-spaces": (Reply((sized(BODY).replace(b" ", b"  ", 1),)), "unspecified"),
    "/too-long": (Reply((sized(b"y" * 300_000),)), "length"),
    "/too-long-chunked": (Reply((CHUNKED + b"\r\n" + chunks(b"z" * 300_000, 8_000),)), "length"),
}
# a body that ends with its connection is not known to be cut, but for the way in which the connection ended
UNKNOWN_TO_SCRAPY = {"/old-reset": (Reply((b"HTTP/1.0 200 OK\r\n\r\n" + BODY, 0.1), "reset"), "disconnect")}
SILENT = {"/nothing": Reply((), "close"), "/silent": Reply((), "hang")}
# what Twisted reads as HTTP (all but the first two) and other readers of WARC files would stop at
STRANGE = {
    "/garbage": Reply((b"\x00\x01garbage\r\n\r\n",), "close"),
    "/empty-line-first": Reply((b"\r\n" + sized(BODY),)),
    "/lower-case": Reply((b"http" + sized(BODY)[4:],)),
    "/four-digits": Reply((sized(BODY, b"", b"0200 OK"),)),
    "/version-1.10": Reply((sized(BODY, version=b"HTTP/1.10"),)),
}
REPLIES = (
    WHOLE
    | SURPLUS
    | {path: reply for path, (reply, _) in (CUT | UNKNOWN_TO_SCRAPY).items()}
    | SILENT
    | STRANGE
    | FORCED_REPLIES
)
SECRETS = {"Cookie": "sid=hush-cookie", "Authorization": "Basic hush-auth"}
BINARY = bytes(range(256))


@dataclass
class Captured:
    """One crawl of all replies of one server: what the server saw, what the spider was given, what the archive holds."""

    server: RawServer
    collection: Path
    records: dict[str, list[Record]]
    given: dict[str, dict[str, Any]]
    stats: dict[str, Any]

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
            request |= {"method": "POST", "body": BINARY.decode("latin-1"), "encoding": "latin-1"}
    settings = LOCAL | {
        # not 0: Scrapy then lets all requests that wait go at once, whatever the concurrency, each on a connection of its own
        "DOWNLOAD_DELAY": 0.005,
        "DOWNLOAD_TIMEOUT": 1,
        "DOWNLOAD_MAXSIZE": 50_000,
        "RETRY_ENABLED": False,
        "CONCURRENT_REQUESTS_PER_DOMAIN": concurrency,
        "LOG_LEVEL": "CRITICAL",
        "DOWNLOAD_VERIFY_CERTIFICATES": False,
    }
    return {"collection": str(collection), "settings": settings, "requests": requests}


def run_plan(folder: Path, what: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Crawl; returns what the spider was given, by record id."""
    (folder / "plan.json").write_text(json.dumps(what))
    with python("-m", "tests.wire.spider", str(folder / "plan.json")) as crawl:
        assert crawl.wait().code == 0, crawl.err
    lines = (folder / "plan.given.jsonl").read_text().splitlines()
    return {given["record_id"]: given for given in map(json.loads, lines)}


def kept_records(collection: Path) -> list[Record]:
    return [record for path in open_collection(collection).warc_files() for record in read_records(path)]


def kept_bytes(collection: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file of a collection, with its compression undone."""
    for path in collection.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            yield path, gzip.decompress(data) if path.suffix == ".gz" else data
    for table in (archive.open_captures(collection), archive.open_articles(collection)):
        yield collection / "tables", str(table.to_table().to_pylist()).encode()


@pytest.fixture(scope="module", params=["http-1", "http-8", "tls12-1", "tls13-8"])
def captured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Captured]:
    scheme, concurrency = request.param.split("-")
    folder = tmp_path_factory.mktemp(request.param)
    versions = {"tls12": ssl.TLSVersion.TLSv1_2, "tls13": ssl.TLSVersion.TLSv1_3}
    tls = tls_context(folder, versions[scheme]) if scheme in versions else None
    with RawServer(REPLIES, tls) as server:
        given = run_plan(folder, plan(server, folder / "c", int(concurrency)))
        records: dict[str, list[Record]] = {}
        for record in kept_records(folder / "c"):
            records.setdefault(record.get("WARC-Target-URI") or "", []).append(record)
        stats = json.loads((folder / "plan.stats.json").read_text())
        yield Captured(server, folder / "c", records, given, stats)


def test_the_server_sends_at_least_thirty_kinds_of_answers() -> None:
    assert len(REPLIES) >= 30


def test_whole_answers_are_stored_as_they_were_sent(captured: Captured) -> None:
    for path in WHOLE:
        stored = captured.record(path, "response").block
        sent = captured.seen(path).sent.removeprefix(INTERIM)
        assert stored == sent, path
        assert captured.record(path, "response").get("WARC-Truncated") is None, path


def test_what_a_server_forces_on_us_is_stored_unpacked_marked_and_counted(captured: Captured) -> None:
    for path, (coding, _) in FORCED.items():
        record = captured.record(path, "response")
        assert record.block.endswith(b"\r\n\r\n" + BODY), path
        assert b"x-orig-content-encoding: %s\r\n" % coding.encode().lower() in record.block.lower(), path
        assert b"unpackedContentCoding: %s\r\n" % coding.encode() in captured.record(path, "metadata").block, path
        given = captured.given[record.get("WARC-Record-ID") or ""]
        assert base64.b64decode(given["body"]) == BODY, path
    assert captured.stats["broadsheet/warc/unpacked"] == len(FORCED)


def test_interim_answers_and_surplus_bytes_are_told_apart(captured: Captured) -> None:
    assert base64.b64encode(INTERIM) in captured.record("/interim", "metadata").block
    stored, sent = captured.record("/surplus", "response").block, captured.seen("/surplus").sent
    assert sent == stored + b"SURPLUS BYTES"
    assert b"surplusBytes: 13" in captured.record("/surplus", "metadata").block


def test_answers_that_break_off_are_kept_as_far_as_they_came_with_the_cause(captured: Captured) -> None:
    for path, (_, cause) in (CUT | UNKNOWN_TO_SCRAPY).items():
        record = captured.record(path, "response")
        assert captured.seen(path).sent.startswith(record.block), path
        assert record.block, path
        assert record.get("WARC-Truncated") == cause, path
        assert b"error: " in captured.record(path, "metadata").block or path in UNKNOWN_TO_SCRAPY, path


def test_attempts_without_an_answer_leave_a_metadata_record(captured: Captured) -> None:
    for path in SILENT:
        (record,) = captured.records[captured.server.url(path)]
        assert record.kind == "metadata"
        assert b"error: " in record.block


def test_what_does_not_begin_as_http_does_is_kept_in_the_metadata_record_and_given_to_nobody(captured: Captured) -> None:
    for path in STRANGE:
        (record,) = captured.records[captured.server.url(path)]
        noted = dict(line.split(b": ", 1) for line in record.block.splitlines())
        assert record.kind == "metadata", path
        assert base64.b64decode(noted[b"unparsedResponse"]) == captured.seen(path).sent, path
        assert b"DownloadFailedError" in noted[b"error"], path
    assert not {captured.server.url(path) for path in STRANGE} & {given["url"] for given in captured.given.values()}


def test_what_a_spider_is_given_is_what_the_record_holds(captured: Captured) -> None:
    """Else a text could not be extracted again from its record to the same hash."""
    records = {record.get("WARC-Record-ID"): record for found in captured.records.values() for record in found}
    assert len(captured.given) > 20
    for record_id, given in captured.given.items():
        head = parse_head(records[record_id].block)
        assert head and head.status == given["status"], given["url"]
        assert content(records[record_id].block, 1 << 20) == base64.b64decode(given["body"]), given["url"]


def test_requests_are_stored_as_they_were_sent_but_for_secrets(captured: Captured) -> None:
    for path in [*WHOLE, *SURPLUS, *CUT]:
        stored, received = captured.record(path, "request").block, captured.seen(path).received
        for name, value in SECRETS.items():
            assert value.encode() in received or path == "/robots.txt", path
            received = received.replace(f"{name}: {value}".encode(), f"{name}: redacted".encode())
        assert stored == received, path
    assert captured.record("/post", "request").block.endswith(b"\r\n\r\n" + BINARY)


def test_secrets_reach_neither_archive_nor_tables(captured: Captured) -> None:
    assert not [path for path, data in kept_bytes(captured.collection) if b"hush" in data]


def test_only_gzip_is_asked_for(captured: Captured) -> None:
    assert {line for seen in captured.server.seen for line in seen.received.split(b"\r\n") if b"ncoding:" in line} == {
        b"Accept-Encoding: gzip"
    }


def test_connections_carry_several_exchanges(captured: Captured) -> None:
    carried = Counter(seen.connection for seen in captured.server.seen)
    assert max(carried.values()) >= 4


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


def test_rows_made_again_from_the_records_are_the_rows_that_were_published(captured: Captured) -> None:
    """What a crash takes from the tables comes back as it was."""
    published = archive.open_captures(captured.collection).to_table().drop_columns("fetch_date").to_pylist()
    crawl_id = published[0]["crawl_id"]
    made_again = {
        capture.record_id: capture.row(crawl_id)
        for path in open_collection(captured.collection).warc_files()
        for capture in captures(path)
    }
    assert {row["warc_record_id"]: row for row in published} == made_again


@dataclass
class Confided:
    """A crawl with credentials wherever they can be given, partly through a proxy."""

    plain: RawServer
    secure: RawServer
    proxy: Proxy
    collection: Path
    given: list[dict[str, Any]]


ELSEWHERE = ("file:///etc/hostname", "data:text/html,hello", "ftp://127.0.0.1:9/a", "s3://bucket/key")
MOVED = sized(b"", b"Location: /plain?moved\r\n", b"302 Found")


def deaf(server: RawServer, path: str) -> str:
    """An address under a host name of its own, so that nothing else is asked on its connection."""
    return f"http://deaf.test:{server.port}{path}"


@pytest.fixture(scope="module")
def confided(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Confided]:
    folder = tmp_path_factory.mktemp("confided")
    replies = {
        "/plain": WHOLE["/plain"],
        "/moved": Reply((MOVED,)),
        "/deaf": Reply((sized(BODY),), "deaf"),
        "/after": WHOLE["/again"],
    }
    with RawServer(replies) as plain, RawServer(replies, tls_context(folder)) as secure, Proxy() as proxy:
        proxied = {"proxy": f"http://hush-user:hush-word@127.0.0.1:{proxy.port}", "dont_obey_robotstxt": True}
        named = [url.replace("://", "://hush-name:hush-pass@") for url in (plain.url("/moved"), secure.url("/moved"))]
        requests: list[dict[str, Any]] = [
            *({"url": server.url("/plain?proxied"), "meta": proxied, "headers": SECRETS} for server in (plain, secure)),
            *({"url": url} for url in named),
            *({"url": url, "meta": proxied} for url in named),
            *({"url": url, "meta": {"dont_obey_robotstxt": True}} for url in ELSEWHERE),
            {"url": deaf(plain, "/deaf"), "priority": 2, "meta": {"dont_obey_robotstxt": True}},
            {"url": deaf(plain, "/after"), "priority": 1, "meta": {"dont_obey_robotstxt": True}},
        ]
        what = plan(plain, folder / "c", 1) | {"requests": requests}
        given = run_plan(folder, what)
        yield Confided(plain, secure, proxy, folder / "c", list(given.values()))


def test_secrets_for_proxies_and_in_addresses_reach_neither_archive_nor_tables(confided: Confided) -> None:
    secrets = [b"hush", base64.b64encode(b"hush-user:hush-word"), base64.b64encode(b"hush-name:hush-pass")]
    seen = b"".join([*confided.proxy.heads, *(exchange.received for exchange in confided.plain.seen)])
    assert secrets[1] in seen
    assert b"GET http://hush-name:hush-pass@" in seen
    for path, data in kept_bytes(confided.collection):
        assert not [secret for secret in secrets if secret in data], path


def test_exchanges_through_a_proxy_are_stored_as_they_were_sent_without_the_proxys_address(confided: Confided) -> None:
    for server in (confided.plain, confided.secure):
        (response, request) = (
            record
            for record in kept_records(confided.collection)
            if record.get("WARC-Target-URI") == server.url("/plain?proxied") and record.kind in ("response", "request")
        )
        assert response.block == WHOLE["/plain"].pieces[0]
        assert response.get("WARC-IP-Address") is None
        assert b"CONNECT" not in request.block
    heads = [head.split(b" ")[:2] for head in confided.proxy.heads]
    assert [b"CONNECT", f"127.0.0.1:{confided.secure.port}".encode()] in heads
    assert [b"GET", confided.plain.url("/plain?proxied").encode()] in heads


def test_a_request_sent_again_on_a_fresh_connection_is_one_exchange(confided: Confided) -> None:
    url = deaf(confided.plain, "/after")
    assert [seen.path for seen in confided.plain.seen].count("/after") == 1  # the deaf connection did not note the first
    response, request, metadata = (r for r in kept_records(confided.collection) if r.get("WARC-Target-URI") == url)
    assert response.block == WHOLE["/again"].pieces[0]
    assert request.block.count(b"GET ") == 1
    assert b"attempts: 2" in metadata.block


def test_nothing_but_http_is_fetched(confided: Confided) -> None:
    assert confided.given
    assert not [given["url"] for given in confided.given if not given["url"].startswith("http")]


def test_the_collection_with_secrets_left_out_is_true(confided: Confided) -> None:
    assert not verify(open_collection(confided.collection)).mismatches


def test_idle_connections_are_bounded_whatever_the_number_of_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crawler.handler.MOST_IDLE", 3)
    closed: list[int] = []
    clock = Clock()

    class Connection(SimpleNamespace):
        __hash__ = object.__hash__

    pool: Any = _RecordingPool(clock, persistent=True)
    for number in range(5):
        transport = SimpleNamespace(loseConnection=lambda number=number: closed.append(number))
        pool._putConnection(f"host-{number}", Connection(state="QUIESCENT", transport=transport))
    assert closed == [0, 1]
    clock.advance(1_000)
    assert sorted(closed) == [0, 1, 2, 3, 4]
