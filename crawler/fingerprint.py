"""Under which name a request counts as seen: that of its address in canonical form."""

from __future__ import annotations

from scrapy import Request
from scrapy.utils.request import RequestFingerprinter

from archive.canonical import normalize_url


class CanonicalFingerprinter(RequestFingerprinter):
    """Set as ``REQUEST_FINGERPRINTER_CLASS`` by the add-on: tracking parameters and the like make no second request of one
    page, wherever they come from, redirects included.

    A redirect to another form of its own address is followed all the same, and what pages load is asked for as they write it.
    """

    def fingerprint(self, request: Request) -> bytes:
        """The fingerprint of the canonical form."""
        if "verbatim_url" in request.meta:
            return super().fingerprint(request)
        url = normalize_url(request.url)
        before = map(normalize_url, request.meta.get("redirect_urls", ()))
        if url is None or url == request.url or url in before:
            return super().fingerprint(request)
        return super().fingerprint(Request(url, method=request.method, body=request.body))
