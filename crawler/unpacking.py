"""Content codings undone as Scrapy does, with bounds: a small answer must not unpack to a big one, nor in many layers."""

from __future__ import annotations

from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.httpcompression import HttpCompressionMiddleware
from scrapy.http import Response
from scrapy.utils._compression import _DecompressionMaxSizeExceeded

_ALWAYS = 1 << 20  # bytes that any answer may unpack to
_LAYERS = 4
_MEMBERS = 1_000  # of a gzip body: each costs some 15 µs, however little is in it
_MEMBER = b"\x1f\x8b\x08"


class Unpacking(HttpCompressionMiddleware):
    """In place of Scrapy's own middleware. What unpacks to more than ``BROADSHEET_UNPACK_RATIO`` times its size, was packed
    more than four times over or in more than a thousand gzip members is given up like what exceeds ``DOWNLOAD_MAXSIZE``."""

    def __init__(self, *, crawler: Crawler) -> None:
        super().__init__(crawler=crawler)
        self._ratio = crawler.settings.getfloat("BROADSHEET_UNPACK_RATIO")

    def process_response(self, request: Request, response: Response, spider: Spider | None = None) -> Request | Response:
        """Undo the codings; but a sitemap stays packed: it is unpacked piece by piece as it is read."""
        if request.meta.get("purpose") == "sitemap" and response.headers.getlist("Content-Encoding") == [b"gzip"]:
            return response
        return super().process_response(request, response)

    def _handle_encoding(self, body: bytes, content_encoding: list[bytes], max_size: int) -> tuple[bytes, list[bytes]]:
        most = max(_ALWAYS, int(len(body) * self._ratio))
        if len(b",".join(content_encoding).split(b",")) > _LAYERS or body.count(_MEMBER) > _MEMBERS:
            raise _DecompressionMaxSizeExceeded(len(body), max_size)
        return super()._handle_encoding(body, content_encoding, min(max_size, most) if max_size else most)
