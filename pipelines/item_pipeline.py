"""The Scrapy item pipeline: rows of the articles table go to the crawl's tabulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.run import current
from pipelines.tabulate import ArticleRow

if TYPE_CHECKING:
    from scrapy.crawler import Crawler


class ArticleTable:
    """Keeps every ``ArticleRow`` that a spider yields; other items pass untouched."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> ArticleTable:
        """Scrapy's constructor."""
        return cls(crawler)

    def process_item(self, item: Any) -> Any:
        """Keep the row, hand on the item."""
        if isinstance(item, ArticleRow) and (run := current(self._crawler)):
            run.tabulator.add_article(item)
        return item
