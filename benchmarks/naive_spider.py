"""The baseline: what any Scrapy user would write first. Extraction in the callback, one WARC record and one row a page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import scrapy
import trafilatura
from scrapy.http import Response
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter


class NaiveSpider(scrapy.Spider):
    """``scrapy runspider naive_spider.py -a urls=FILE -a out=FOLDER``."""

    name = "naive"

    def __init__(self, urls: str, out: str) -> None:
        super().__init__()
        self.addresses, self.folder = Path(urls).read_text().split(), Path(out)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.archive = (self.folder / "pages.warc.gz").open("wb")
        self.writer = WARCWriter(self.archive, gzip=True)
        self.rows: list[dict[str, Any]] = []

    async def start(self) -> AsyncIterator[scrapy.Request]:
        for address in self.addresses:
            yield scrapy.Request(address, dont_filter=True)

    def parse(self, response: Response) -> None:
        fields = [(name.decode(), values[-1].decode("latin-1")) for name, values in response.headers.items()]
        head = StatusAndHeaders(f"{response.status} OK", fields, protocol="HTTP/1.1")
        payload = BytesIO(response.body)
        self.writer.write_record(self.writer.create_warc_record(response.url, "response", payload, http_headers=head))
        found = trafilatura.bare_extraction(response.body, url=response.url, with_metadata=True, include_comments=False)
        known = found.as_dict() if found else {}
        self.rows.append({"url": response.url, **{name: known.get(name) for name in ("title", "text", "author", "date")}})

    def closed(self, reason: str) -> None:
        self.archive.close()
        pq.write_table(pa.Table.from_pylist(self.rows), self.folder / "pages.parquet", compression="zstd")
