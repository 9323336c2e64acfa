"""A spider that fetches what it is told and asks nothing of it: run by the wire tests in a process of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import scrapy
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.utils.project import get_project_settings


class WireSpider(scrapy.Spider):
    """Fetches every request of a plan: url, and whatever else scrapy.Request takes."""

    name = "wire"
    plan: list[dict[str, Any]]

    async def start(self) -> AsyncIterator[scrapy.Request]:
        for request in self.plan:
            yield scrapy.Request(**request, callback=self.ignore, errback=self.ignore, dont_filter=True)

    def ignore(self, _: object) -> None:
        """Whatever came of it: the archive is what is looked at."""


def main(plan_file: str) -> None:
    """``python -m tests.wire.spider PLAN.json``: collection, settings and requests."""
    plan = json.loads(Path(plan_file).read_text(encoding="utf-8"))
    settings = get_project_settings()
    for name, value in plan["settings"].items():
        settings.set(name, value, priority="cmdline")
    WireSpider.plan = plan["requests"]
    WireSpider.collection = plan["collection"]  # type: ignore[attr-defined]
    process = AsyncCrawlerProcess(settings)
    process.crawl(WireSpider)
    process.start()


if __name__ == "__main__":
    main(sys.argv[1])
