"""kill -9 at 200 random moments of a real crawl: whatever the moment, the next crawl goes on and nothing is lost.

Twenty kills a collection, each followed by the same command again, then one crawl that is left alone. ``BROADSHEET_KILL_SEED``
repeats the moments of a run that failed.
"""

import os
import random
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import archive
from archive import cdxj
from archive.collection import open_collection
from archive.verify import verify
from tests.crawler.forge import Forge
from tests.newsroom.content import Expected
from tests.newsroom.server import Newsroom

ROUNDS, KILLS, PAGES = 10, 20, 6
MOVING = "dredger|bridge-toll|/amp/"  # stories that go on on another page, are corrected meanwhile, or are another's twin
SEED = int(os.environ.get("BROADSHEET_KILL_SEED") or random.randrange(10**6))
# everything that takes turns with the crawl comes as often as it can
BUSY = {
    "CONCURRENT_REQUESTS_PER_DOMAIN": "4",
    "BROADSHEET_SYNC_SECONDS": "0.03",
    "BROADSHEET_PART_SECONDS": "0.1",
    "BROADSHEET_WARC_MAX_BYTES": "15000",
    "DOWNLOAD_DELAY": "0.005",
    "BROADSHEET_CRAWL_DELAY_MAX": "0",
}


@pytest.fixture(scope="module")
def newsroom() -> Iterator[Newsroom]:
    with Newsroom(slow_seconds=0) as newsroom:
        yield newsroom


@pytest.mark.parametrize("number", range(ROUNDS))
def test_whenever_it_is_killed_the_next_crawl_loses_nothing(
    tmp_path: Path, forge: Forge, newsroom: Newsroom, number: int
) -> None:
    dice = random.Random(f"{SEED}-{number}")
    pages = wanted(newsroom, number)
    collection, log, urls = tmp_path / "c", tmp_path / "log", ",".join(page.url for page in pages)
    acknowledged: set[str] = set()
    kills = 0
    while kills < KILLS:
        before, moment = len(newsroom.requests), dice.randrange(PAGES + 3)
        pid = forge.crawl(collection, log, BUSY, urls=urls)
        wait_for(newsroom, before + min(moment, PAGES))
        time.sleep(dice.uniform(0, 0.05 if moment < PAGES else 0.3))
        os.kill(pid, signal.SIGKILL)  # not yet waited for, so it is this process even if it has ended
        kills += forge.wait() == -signal.SIGKILL
        published = records(collection)
        assert acknowledged <= published, f"rows are gone, seed {SEED}"
        acknowledged = published
    forge.crawl(collection, log, BUSY, urls=urls)
    assert forge.wait() == 0, log.read_text()
    assert acknowledged <= records(collection)
    assert_whole(collection, pages, log.read_text())


def wait_for(newsroom: Newsroom, requests: int) -> None:
    deadline = time.monotonic() + 20
    while len(newsroom.requests) < requests and time.monotonic() < deadline:
        time.sleep(0.002)


def wanted(newsroom: Newsroom, number: int) -> list[Expected]:
    pages = [page for page in newsroom.expected if page.verdict == "article" and not re.search(MOVING, page.url)]
    return random.Random(number).sample(pages, PAGES)


def records(collection: Path) -> set[str]:
    """Ids of all records that published rows name; reading them proves that every part is whole."""
    if not (collection / "tables" / "captures").is_dir():
        return set()
    ids = archive.open_captures(collection).to_table().column("warc_record_id").to_pylist()
    articles = archive.open_articles(collection).to_table().column("warc_record_id").to_pylist()
    return {*ids, *articles}


def assert_whole(collection: Path, pages: list[Expected], log: str) -> None:
    assert "Traceback" not in log, log
    findings = verify(open_collection(collection))
    assert not findings.mismatches, (SEED, findings.mismatches)
    index = open_collection(collection).index
    before = index.read_bytes()
    cdxj.rebuild(index, open_collection(collection).warc_files())
    assert index.read_bytes() == before, SEED
    articles = archive.open_articles(collection).to_table().to_pylist()
    assert sorted((row["url"], row["version"]) for row in articles) == sorted((page.url, 1) for page in pages), SEED
    assert {row["url"]: row["text"] for row in articles} == {page.url: page.text for page in pages}
    captures = archive.open_captures(collection).to_table().to_pylist()
    states = [(row["url"], row["extraction"]) for row in captures if row["purpose"] == "page" and row["fetch_status"] == 200]
    assert {state for _, state in states} <= {"article", "unchanged", None}
    # the row of each article's own capture says so, once
    assert sorted(url for url, state in states if state == "article") == sorted(page.url for page in pages), SEED
    left = [path.name for path in collection.rglob("*") if path.suffix in (".open", ".partial")]
    assert not left
    assert not list((collection / "state").glob("untabulated-*"))
