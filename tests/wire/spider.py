"""A spider that fetches what it is told and asks nothing of it: run by the wire tests in a process of its own."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import scrapy
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.http import Response
from scrapy.utils.project import get_project_settings


class WireSpider(scrapy.Spider):
    """Fetches every request of a plan: url, and whatever else scrapy.Request takes."""

    name = "wire"
    plan: list[dict[str, Any]]
    given: Path

    async def start(self) -> AsyncIterator[scrapy.Request]:
        """The requests of the plan, in its order as far as Scrapy can keep it."""
        for request in self.plan:
            yield scrapy.Request(**request, callback=self.note, errback=self.ignore, dont_filter=True)

    def note(self, response: Response) -> None:
        """Note what a spider is given, to be compared with what the archive holds."""
        capture = response.meta.get("capture")
        seen = {"url": response.request.url, "status": response.status, "body": base64.b64encode(response.body).decode()}
        with self.given.open("a") as file:
            file.write(json.dumps(seen | {"record_id": capture and capture.record_id}) + "\n")

    def ignore(self, _: object) -> None:
        """A fetch that failed: the archive is what is looked at."""


def main(plan_file: str) -> None:
    """``python -m tests.wire.spider PLAN.json``: collection, settings and requests."""
    plan = json.loads(Path(plan_file).read_text(encoding="utf-8"))
    settings = get_project_settings()
    for name, value in plan["settings"].items():
        settings.set(name, value, priority="cmdline")
    WireSpider.given = Path(plan_file).with_suffix(".given.jsonl")
    WireSpider.plan = plan["requests"]
    WireSpider.collection = plan["collection"]  # type: ignore[attr-defined]
    process = AsyncCrawlerProcess(settings)
    process.crawl(WireSpider)
    (crawler,) = process.crawlers
    process.start()
    Path(plan_file).with_suffix(".stats.json").write_text(json.dumps(crawler.stats.get_stats(), default=str))


if __name__ == "__main__":
    main(sys.argv[1])
