"""Servers that break HTTP: too slow, too long, cut, contradictory, or something else altogether."""

from tests.newsroom.hostile.case import (
    ARTICLE,
    CUT_EITHER,
    CUT_LATE,
    CUT_OFF,
    FAILED,
    Case,
    answer,
    reply,
    story,
)
from tests.wire.server import Reply

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
DRIP = 0.4  # seconds between drops
DROPS = 60


def drip(first: bytes, drop: bytes) -> Reply:
    return Reply((first, *[piece for _ in range(DROPS) for piece in (DRIP, drop)]), "close")


def endless(first: bytes, more: bytes, times: int = 2_000) -> Reply:
    return Reply((first, *[more] * times), "close")


def one(name: str, does: str, given: Reply | bytes, facts: dict[str, object], then: str = "", end: str = "close") -> Case:
    answered = given if isinstance(given, Reply) else Reply((given,), end)
    return Case(name, does, {"/page": answered}, facts, then)


SPLIT = answer(story("split")) + answer(story("smuggled"))
LENGTHS = HEAD + b"Content-Length: 5\r\nContent-Length: 50\r\n\r\n" + story("lengths")
BOTH = HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"

CASES = [
    one("silent", "takes the request and never answers", Reply((30.0,), "close"), {"fetch_error": "Timeout"}),
    one("hangs-up", "closes the connection without a word", b"", {"fetch_error": "DownloadFailedError"}),
    one("resets", "resets the connection", Reply((), "reset"), {"fetch_error": "DownloadFailedError"}),
    one("slow-head", "sends a header line now and then, for ever", drip(HEAD, b"X-A: b\r\n"), CUT_LATE),
    one("slow-body", "sends a byte of body now and then, for ever", drip(HEAD + b"\r\n", b"a"), CUT_LATE),
    one("slow-interim", "keeps saying 100 Continue", drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), FAILED),
    one("cut-in-head", "closes in the middle of a header line", b"HTTP/1.1 200 OK\r\nConte", CUT_OFF),
    one("cut-in-body", "closes before the announced end", answer(story("cut"), length=99_000), CUT_OFF),
    one("cut-in-chunk", "closes in the middle of a chunk", CHUNKED + b"ffff\r\n" + story("chunk"), CUT_OFF),
    one("reset-in-body", "resets in a body of unknown length", Reply((HEAD + b"\r\n" + story("reset"), 0.1), "reset"), CUT_OFF),
    one("endless-body", "a body that never ends", endless(HEAD + b"\r\n", b"and on and on " * 5_000), CUT_EITHER),
    one("endless-chunks", "chunks that never end", endless(CHUNKED, b"ffff\r\n%s\r\n" % (b"x" * 65_535)), CUT_EITHER),
    one("endless-head", "a head that never ends", endless(HEAD, b"X: %s\r\n" % (b"h" * 9_000) * 10), CUT_EITHER),
    one("short-headers", "header lines of three bytes, without end", endless(HEAD, b"a:b\r\n" * 500), CUT_EITHER),
    one("interim-flood", "interim answers without end", endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500), FAILED),
    one("framing", "chunks that are nearly all extension", endless(CHUNKED, b"1;%s\r\nx\r\n" % (b"e" * 900) * 100), CUT_EITHER),
    one("tiny-chunks", "chunks of one byte, without end", endless(CHUNKED, b"1\r\nx\r\n" * 10_000), CUT_EITHER),
    one("chunk-size-huge", "announces a chunk of 16 EiB", CHUNKED + b"ffffffffffffffff\r\n" + story("huge"), CUT_OFF),
    one("chunk-size-negative", "announces a chunk of -5 bytes", CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n", FAILED),
    one("chunk-size-nonsense", "announces a chunk of 'zz' bytes", CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n", FAILED),
    one("length-negative", "Content-Length: -1", HEAD + b"Content-Length: -1\r\n\r\n" + story("negative"), FAILED),
    one("length-nonsense", "Content-Length: many", HEAD + b"Content-Length: many\r\n\r\n" + story("many"), FAILED),
    one("length-huge", "announces a petabyte and closes", answer(story("peta"), length=10**15), FAILED),
    one("length-too-short", "announces less than it sends", answer(story("short"), length=700), ARTICLE, "the rest is surplus"),
    one("two-lengths", "two lengths that contradict each other", LENGTHS, FAILED),
    one("length-and-chunks", "both framings at once (request smuggling)", BOTH, {"extraction": "not_article"}, end="close"),
    one("two-answers", "a second answer behind the first (response splitting)", SPLIT, ARTICLE, "the second is nobody's", end="keep"),
    one("no-http", "text without any head (HTTP/0.9)", story("bare"), {"extraction": "failed"}),
    one("garbage", "bytes that mean nothing", bytes(range(256)) * 64, FAILED),
    one("lower-case", "http/1.1 in lower case", b"http/1.1 200 ok\r\nContent-Length: 5\r\n\r\nhello", FAILED),
    one("long-line", "a header line of a megabyte", reply(b"x", b"X: %s\r\n" % (b"h" * (1 << 20))), FAILED),
    one("many-headers", "128 headers of 8,000 bytes", reply(story("many"), b"X: %s\r\n" % (b"h" * 8_000) * 128), ARTICLE),
    one("cookie-flood", "a thousand cookies", reply(story("cookie"), b"Set-Cookie: a=b; Path=/\r\n" * 1_000), ARTICLE, "none is sent back"),
    one("control-header", "header names and values of control characters", reply(story("control"), b"X\x01\x1b[2J: \x07\x08\r\n"), FAILED),
    one("forged-log", "a reason that looks like a log line", b"HTTP/1.1 x \x1b[2J\r2026-01-01 [root] CRITICAL: forged\r\n\r\n", FAILED, "no line of the log begins with it"),
    one("status-999", "a status that there is not", reply(story("status"), status=b"999 Denied"), FAILED),
    one("status-long", "a status of twenty digits", reply(story("digits"), status=b"20000000000000000000 OK"), FAILED),
    one("switches", "101 Switching Protocols, unasked", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n\x00\x01", FAILED),
    one("not-modified", "304 without having been asked", b"HTTP/1.1 304 Not Modified\r\n\r\n", {"fetch_status": 304}, end="keep"),
    one("no-content", "204 with a body", b"HTTP/1.1 204 No Content\r\n\r\n" + story("no"), {"fetch_status": 204}, "the body is nobody's", end="keep"),
    Case("self-signed", "a certificate that nobody vouches for", {"/page": reply(story("self"))}, {"fetch_error": "VerificationError"}, at="/robots.txt", secure=True),
]  # fmt: skip
