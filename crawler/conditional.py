"""Addresses that were fetched before are asked for with their validators, so that what is unchanged costs a 304 and no more.

The answer that a 304 stands for is taken from the archive where anything is still to be read from it: a feed names its
articles, a front page its links, as if it had come in full. A page that has its row is told to be unchanged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from scrapy.exceptions import IgnoreRequest, NotConfigured
from scrapy.http import Headers, Response
from scrapy.responsetypes import responsetypes

from archive.capture import Capture
from archive.http import content, parse_head
from archive.reader import RecordError
from archive.url import without_secrets
from crawler.archiving import collection_path
from pipelines.rows import UNCHANGED
from pipelines.run import Run, current

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler

_PURPOSES = frozenset({"front_page", "section", "feed", "sitemap", "page"})
_FRAMING = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class NotModifiedError(IgnoreRequest):
    """An answer is still the one that is here, says the server or do its bytes, and nothing is to be read from it any more."""


class Conditional:
    """Downloader middleware, for requests whose ``meta["purpose"]`` is that of a page or an announcement.

    ``meta["was_read"]`` says that what the archive holds of an address was read already; ``meta["in_full"]`` that it is not
    to be asked whether it has changed; a page with ``meta["announced_by"]`` (``crawler.watch``) is not asked for if it is here.
    ``meta["conditional"]`` names the record that was asked about.
    """

    def __init__(self, crawler: Crawler) -> None:
        if not collection_path(crawler):
            raise NotConfigured
        self._crawler = crawler
        self._most = crawler.settings.getint("DOWNLOAD_MAXSIZE")

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Conditional:
        """Scrapy's constructor."""
        return cls(crawler)

    @property
    def _run(self) -> Run:
        run = current(self._crawler)
        assert run is not None  # there is a collection
        return run

    def process_request(self, request: Request) -> None:
        """Ask with validators if there are any; those of another address, which a redirect brought along, are taken out."""
        if request.meta.pop("conditional", None):
            for name in ("If-None-Match", "If-Modified-Since"):
                request.headers.pop(name, None)
        if request.method != "GET" or request.meta.get("purpose") not in _PURPOSES or request.meta.get("in_full"):
            return
        known = self._run.originals
        url = without_secrets(request.url)
        if request.meta.get("announced_by") and known.get(url):
            raise NotModifiedError("it is here, and only what announces it is watched")
        if (asked := known.validators(url)) and (original := known.get(url)):
            for name, value in asked.fields():
                request.headers[name] = value.encode("latin-1")
            request.meta["conditional"] = original.record_id

    def process_response(self, request: Request, response: Response) -> Response | Request:
        """Put what the archive has in the place of a 304 that was asked for.

        Raises NotModifiedError if that was read before, or, of what is watched, an answer that has the same bytes again.
        """
        asked, capture = request.meta.get("conditional"), request.meta.get("capture")
        if request.meta.get("was_read") and response.status == 200 and capture is not None and capture.original:
            self._nothing_new(capture, "unchanged", "the same bytes as before")
        if response.status != 304 or not asked or capture is None:
            return response
        if capture.original is None or capture.original.record_id != asked:
            return _in_full(request)
        if request.meta.get("was_read") or capture.extraction == UNCHANGED[0]:
            self._nothing_new(capture, *UNCHANGED)
        try:
            return self._archived(response, capture)
        except ValueError:
            return _in_full(request)

    def _nothing_new(self, capture: Capture, state: str, reason: str) -> NoReturn:
        self._run.tabulator.settle(capture, state, reason)
        raise NotModifiedError(reason)

    def _archived(self, response: Response, capture: Capture) -> Response:
        """The answer that was stored. Raises ValueError if it cannot be read any more."""
        place = capture.original
        assert place is not None
        block = self._run.collection.read_record(place.filename, place.offset, place.length).block
        head = parse_head(block)
        if head is None:
            raise RecordError("no HTTP response")
        body = content(block, self._most)
        headers = Headers()
        for name, value in head.fields:
            if name not in _FRAMING:
                headers.appendlist(name, value.encode("latin-1"))
        kind = responsetypes.from_args(headers=headers, url=response.url, body=body)
        return response.replace(cls=kind, status=200, headers=headers, body=body)


def _in_full(request: Request) -> Request:
    again = request.replace(dont_filter=True)
    again.meta["in_full"] = True
    again.meta.pop("capture", None)
    return again
