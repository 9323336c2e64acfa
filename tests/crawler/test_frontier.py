"""Crawls that are broken off and gone on with, the ledger that says what became of each address, and a person's hand in it."""

import os
import re
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import archive
from tests.crawler.forge import Forge
from tests.crawling import scrapy
from tests.newsroom.server import Newsroom

SLOW = {"DOWNLOAD_DELAY": "0.03", "BROADSHEET_SYNC_SECONDS": "0.05", "BROADSHEET_CRAWL_DELAY_MAX": "0", "RETRY_ENABLED": "0"}
STATES = {"captured", "unchanged", "duplicate", "robots", "excluded", "out_of_range", "blocked", "failed", "not_article"}


@pytest.fixture(scope="module")
def forge() -> Iterator[Forge]:
    with Forge() as forge:
        yield forge


@pytest.fixture
def newsroom() -> Iterator[Newsroom]:
    with Newsroom(slow_seconds=0) as newsroom:
        yield newsroom


def crawl(forge: Forge, collection: Path, settings: dict[str, str] | None = None, **arguments: str) -> tuple[int, str]:
    """Exit code and log of a whole crawl."""
    log = collection.with_suffix(".log")
    log.unlink(missing_ok=True)
    forge.crawl(collection, log, SLOW | (settings or {}), **arguments)
    return forge.wait(), log.read_text()


def break_off(forge: Forge, newsroom: Newsroom, collection: Path, how: int, requests: int, **arguments: str) -> None:
    """A crawl that is ended after so many requests."""
    pid = forge.crawl(collection, collection.with_suffix(".log"), SLOW, **arguments)
    deadline = time.monotonic() + 30
    while len(newsroom.requests) < requests and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(0.1)
    os.kill(pid, how)
    forge.wait()


def ledger(collection: Path) -> list[dict[str, Any]]:
    return archive.open_ledger(collection).to_table().to_pylist()


def frontier(collection: Path, *options: str) -> str:
    outcome = scrapy("frontier", *options, str(collection))
    assert outcome.code == 0, outcome.err
    return outcome.out


def asked(newsroom: Newsroom, since: int = 0) -> Counter[str]:
    return Counter(str(one) for one in newsroom.requests[since:] if "robots.txt" not in str(one))
