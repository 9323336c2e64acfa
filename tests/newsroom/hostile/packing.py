"""Bodies that are small on the wire and huge, endless or broken when they are unpacked."""

import gzip
import zlib

import brotli

from tests.newsroom.hostile.case import ARTICLE, FAILED, Case, reply, story
from tests.zstandard import zstd

MEGABYTE = 1 << 20


def packed(body: bytes, times: int) -> bytes:
    return packed(gzip.compress(body), times - 1) if times else body


def brotli_zeros(megabytes: int) -> bytes:
    packer = brotli.Compressor(quality=1)
    return b"".join(packer.process(bytes(MEGABYTE)) for _ in range(megabytes)) + packer.finish()


def deflated_zeros(megabytes: int, form: int = zlib.MAX_WBITS) -> bytes:
    """A stream of zeros without its end, made of one block that is repeated."""
    packer = zlib.compressobj(9, wbits=form)
    first, again = (packer.compress(bytes(MEGABYTE)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + again * (megabytes - 1)


def one(name: str, does: str, coding: bytes, body: bytes, facts: dict[str, object], then: str = "") -> Case:
    return Case(name, does, {"/page": reply(body, b"Content-Encoding: %s\r\n" % coding)}, facts, then)


ZEROS = 512  # megabytes
# a zstd frame that wants a window of 2 GiB (RFC 8878, 3.1.1.1.2), then a block of one repeated byte
WIDE = (
    b"\x28\xb5\x2f\xfd\x00\xa8"
    + (2 | 0x1FFFF << 3).to_bytes(3, "little")
    + b"x"
    + (3 | 0x1FFFF << 3).to_bytes(3, "little")
    + b"x"
)
WHOLE = "its bytes are kept whole, since none was cut"

CASES = [
    one("gzip-bomb", f"{ZEROS} MiB of zeros in half a MiB of gzip", b"gzip", deflated_zeros(ZEROS, 31), FAILED, WHOLE),
    one("gzip-ratio", "tags that unpack to a thousand times their size, below the limit", b"gzip", gzip.compress(b"<p>" * MEGABYTE), FAILED, WHOLE),
    one("brotli-bomb", f"{ZEROS} MiB of zeros in a hundred kilobytes of brotli", b"br", brotli_zeros(ZEROS), FAILED, WHOLE),
    one("zstd-bomb", f"{ZEROS} MiB of zeros in zstd", b"zstd", zstd.compress(bytes(MEGABYTE)) * ZEROS, FAILED, WHOLE),
    one("zstd-window", "a zstd frame that wants a window of 2 GiB", b"zstd", WIDE, FAILED),
    one("deflate-bomb", f"{ZEROS} MiB of zeros in deflate", b"deflate", deflated_zeros(ZEROS), FAILED, WHOLE),
    one("six-times", "packed six times over", b", ".join([b"gzip"] * 6), packed(story("six"), 6), FAILED, WHOLE),
    one("no-gzip", "calls gzip what is none", b"gzip", b"no gzip", FAILED),
    one("gzip-cut", "gzip that ends in the middle", b"gzip", gzip.compress(story("cut"))[:-200], FAILED),
    one("empty-members", "a hundred thousand empty gzip members", b"gzip", gzip.compress(b"") * 100_000, FAILED, WHOLE),
    one("coding-nonsense", "a coding that there is not", b"x-\x01, klingon", story("coding"), ARTICLE),
]  # fmt: skip
