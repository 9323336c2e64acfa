"""HTTP/1.x messages as bytes: where heads end, what bodies are."""

import gzip
import sys
import zlib

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.http import content, dechunk, entity_body, parse_head, playable, redact, split_interim

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def chunked(body: bytes, size: int) -> bytes:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x;ext=1\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nX-Trailer: t\r\n\r\n"


@given(st.binary(max_size=400), st.integers(1, 50))
def test_chunked_framing_is_undone_whatever_the_chunk_sizes(body: bytes, size: int) -> None:
    assert dechunk(chunked(body, size)) == body


@given(st.binary(min_size=1, max_size=400), st.integers(1, 50), st.data())
def test_of_a_cut_chunked_body_a_prefix_is_read(body: bytes, size: int, data: st.DataObject) -> None:
    framed = chunked(body, size)
    cut = data.draw(st.integers(0, len(framed)))
    assert body.startswith(dechunk(framed[:cut]))


@given(st.binary(max_size=300))
def test_no_bytes_make_the_parsers_raise(raw: bytes) -> None:
    parse_head(raw)
    entity_body(raw)
    dechunk(raw)
    split_interim(raw)
    redact(raw)


def test_interim_answers_are_parted_from_the_final_one() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </s.css>\r\n\r\n"
    final = b"HTTP/1.1 200 OK\r\n\r\nbody"
    assert split_interim(interim + final) == (interim, final)


def test_head_keeps_order_duplicates_and_folded_lines() -> None:
    head = parse_head(b"HTTP/1.1 200\r\nX-A: 1\r\nx-a:  2\r\nX-F: one\r\n  two\r\nno colon\r\n\r\nbody")
    assert head is not None
    assert head.fields == (("x-a", "1"), ("x-a", "2"), ("x-f", "one two"))
    assert (head.get("x-a"), head.all("x-a"), head.status, head.version) == ("1", "1, 2", 200, "1.1")


def test_bytes_that_are_no_http_have_no_head() -> None:
    assert parse_head(b"\x00\x01garbage\r\n\r\n") is None


def test_a_head_that_was_cut_is_incomplete_and_has_no_entity_body() -> None:
    raw = b"HTTP/1.1 200 OK\r\nContent-Ty"
    head = parse_head(raw)
    assert head is not None and not head.complete
    assert entity_body(raw) is None


def test_the_entity_body_keeps_its_content_coding() -> None:
    body = gzip.compress(b"hello", mtime=0)
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n" + chunked(body, 7)
    assert entity_body(raw) == body
    assert content(raw, 1000) == b"hello"


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(b"hello" * 9, mtime=0)),
        ("deflate", zlib.compress(b"hello" * 9)),
        ("deflate", zlib.compress(b"hello" * 9)[2:-4]),
        ("br", brotli.compress(b"hello" * 9)),
        ("zstd", zstd.compress(b"hello" * 9)),
        ("identity", b"hello" * 9),
    ],
)
def test_content_codings_are_undone(coding: str, body: bytes) -> None:
    raw = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\n\r\n" % coding.encode() + body
    assert content(raw, 1000) == b"hello" * 9


def test_a_bomb_is_undone_only_to_the_limit() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    assert len(content(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + bomb, 1_000_000)) == 1_000_000


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "sdch"])
def test_a_body_that_does_not_follow_its_coding_is_named(coding: str) -> None:
    with pytest.raises(ValueError, match=coding):
        content(b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\n\r\nplain text" % coding.encode(), 1000)


def unpacked(raw: bytes) -> tuple[bytes, str | None]:
    head = parse_head(raw)
    assert head is not None
    return playable(raw, head)


@pytest.mark.parametrize(
    ("codings", "body"),
    [
        ("br", brotli.compress(b"hello" * 9)),
        ("zstd", zstd.compress(b"hello" * 9)),
        ("deflate", zlib.compress(b"hello" * 9)),
        ("x-gzip", gzip.compress(b"hello" * 9, mtime=0)),
        ("gzip, br", brotli.compress(gzip.compress(b"hello" * 9, mtime=0))),
    ],
)
def test_a_body_in_a_coding_that_some_player_cannot_read_is_unpacked_and_says_so(codings: str, body: bytes) -> None:
    raw = b"HTTP/1.1 200 OK\r\nServer: x\r\nCONTENT-encoding: %s\r\nTransfer-Encoding: chunked\r\nContent-Length: 7\r\n\r\n"
    stored, undone = unpacked(raw % codings.encode() + chunked(body, 7))
    assert undone == codings
    assert (
        stored
        == (
            b"HTTP/1.1 200 OK\r\nServer: x\r\nx-orig-content-encoding: %s\r\nx-orig-transfer-encoding: chunked\r\n"
            b"x-orig-content-length: 7\r\nContent-Length: 45\r\n\r\n" % codings.encode()
        )
        + b"hello" * 9
    )
    assert content(stored, 1000) == b"hello" * 9


@pytest.mark.parametrize(
    ("codings", "body"),
    [
        ("gzip", gzip.compress(b"hello", mtime=0)),
        ("identity", b"hello"),
        ("none", b"hello"),
        ("br", b"not brotli"),
        ("sdch, gzip", b"hello"),
        ("br", brotli.compress(b"\0" * (65 << 20), quality=1)),
    ],
)
def test_what_all_players_read_or_nobody_can_unpack_stays_as_it_came(codings: str, body: bytes) -> None:
    raw = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\n\r\n" % codings.encode() + body
    assert unpacked(raw) == (raw, None)


def test_secrets_are_blanked_and_the_rest_is_untouched() -> None:
    request = (
        b"GET /a HTTP/1.1\r\nHost: x\r\nCOOKIE : sid=top-secret\r\nauthorization: Basic c2VjcmV0\r\n folded-secret\r\n"
        b"Accept: */*\r\nProxy-Authorization: p\r\n\r\nCookie: in the body"
    )
    clean, names = redact(request)
    assert names == ["COOKIE", "authorization", "Proxy-Authorization"]
    assert clean == (
        b"GET /a HTTP/1.1\r\nHost: x\r\nCOOKIE : redacted\r\nauthorization: redacted\r\n"
        b"Accept: */*\r\nProxy-Authorization: redacted\r\n\r\nCookie: in the body"
    )
