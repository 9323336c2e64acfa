"""The add-on in somebody else's project: their spider is recorded, their settings win."""

import os
import subprocess
import sys
from pathlib import Path

import archive
from archive.collection import open_collection
from archive.verify import verify
from tests.crawling import ROOT
from tests.newsroom.server import Newsroom

PROGRAM = """
import sys
import scrapy
from scrapy.crawler import AsyncCrawlerProcess

class Titles(scrapy.Spider):
    name = "titles"
    start_urls = [sys.argv[1]]

    def parse(self, response):
        yield {"title": response.css("h1::text").get()}

process = AsyncCrawlerProcess({
    "ADDONS": {"crawler.addon.Broadsheet": 100},
    "BROADSHEET_COLLECTION": sys.argv[2],
    "BROADSHEET_ALLOW_PRIVATE": "127.0.0.0/8",
    "BROADSHEET_WORKERS": 1,
    "FEEDS": {sys.argv[2] + ".jsonl": {"format": "jsonl"}},
    "USER_AGENT": "Titles/1.0",
})
process.crawl(Titles)
process.start()
"""


def test_any_spider_is_recorded_and_keeps_its_items_and_settings(tmp_path: Path) -> None:
    with Newsroom() as newsroom:
        url = f"http://127.0.0.1:{newsroom.port}/harbour/2023/10/06/tide-clock-restored/"
        command = [sys.executable, "-c", PROGRAM, url, str(tmp_path / "c")]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False)
        agents = {request.headers["User-Agent"] for request in newsroom.requests}
    assert done.returncode == 0, done.stderr
    assert agents == {"Titles/1.0"}
    assert "restores its tide clock" in (tmp_path / "c.jsonl").read_text()
    assert {row["url"] for row in archive.open_captures(tmp_path / "c").to_table().to_pylist()} >= {url}
    assert not verify(open_collection(tmp_path / "c")).mismatches
