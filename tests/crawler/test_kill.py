"""kill -9 at 60 random moments of a real crawl: whatever the moment, the next goes on, nothing is lost, the ledger adds up.

Twelve kills a collection, each followed by the same command again, which goes on with the crawl until nothing waits, then one
that is left alone. ``BROADSHEET_KILL_SEED`` repeats the moments of a run that failed.
"""

import os
import random
import re
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import archive
from archive import cdxj_file
from archive.collection import open_collection
from archive.reader import captures
from archive.verify import verify
from tests.crawling import Running, begin
from tests.newsroom.content import Expected
from tests.newsroom.server import Newsroom

ROUNDS, KILLS, PAGES = 5, 12, 6
MOVING = "dredger|bridge-toll|/amp/"  # stories that go on on another page, are corrected meanwhile, or are another's twin
SEED = int(os.environ.get("BROADSHEET_KILL_SEED") or random.randrange(10**6))
# everything that takes turns with the crawl comes as often as it can
BUSY = {
    "CONCURRENT_REQUESTS_PER_DOMAIN": "4",
    "BROADSHEET_SYNC_SECONDS": "0.03",
    "BROADSHEET_PART_SECONDS": "0.1",
    "BROADSHEET_LEDGER_SECONDS": "0.05",
    "BROADSHEET_WARC_MAX_BYTES": "15000",
    "DOWNLOAD_DELAY": "0.005",
    "BROADSHEET_CRAWL_DELAY_MAX": "0",
}


@pytest.fixture(scope="module")
def newsroom() -> Iterator[Newsroom]:
    with Newsroom(slow_seconds=0) as newsroom:
        yield newsroom


@pytest.mark.parametrize("number", range(ROUNDS))
def test_whenever_it_is_killed_the_next_crawl_loses_nothing(tmp_path: Path, newsroom: Newsroom, number: int) -> None:
    dice = random.Random(f"{SEED}-{number}")
    collection = tmp_path / "c"
    pages, arguments = wanted(newsroom, number)
    acknowledged: set[str] = set()
    kills, logs = 0, []
    while kills < KILLS:
        before, moment = len(newsroom.requests), dice.randrange(PAGES + 3)
        with begin(collection, BUSY, **arguments) as crawl:
            wait_for(newsroom, before + min(moment, PAGES), crawl)
            time.sleep(dice.uniform(0, 0.05 if moment < PAGES else 0.3))
            crawl.send_signal(signal.SIGKILL)
            kills += crawl.wait().code == -signal.SIGKILL
        logs.append(crawl.err)
        published = records(collection)
        assert acknowledged <= published, f"rows are gone, seed {SEED}"
        acknowledged = published
        assert_settled_ones_have_records(collection)
        assert_published_once(collection)
    with begin(collection, BUSY, **arguments) as crawl:
        assert crawl.wait().code == 0, crawl.err
    logs.append(crawl.err)
    assert acknowledged <= records(collection)
    assert_whole(collection, pages, "".join(logs))
    assert_adds_up(collection, pages)


def wait_for(newsroom: Newsroom, requests: int, crawl: Running) -> None:
    deadline = time.monotonic() + 20
    while len(newsroom.requests) < requests and time.monotonic() < deadline and crawl.poll() is None:
        time.sleep(0.002)


def wanted(newsroom: Newsroom, number: int) -> tuple[list[Expected], dict[str, str]]:
    """The articles that a crawl is to find, and its arguments: a list of pages, or a site from its front page."""
    pages = [page for page in newsroom.expected if page.verdict == "article" and not re.search(MOVING, page.url)]
    if number % 2:
        return [page for page in pages if "tageblick" in page.url], {"sites": newsroom.front_pages[2]}
    chosen = random.Random(number).sample(pages, PAGES)
    return chosen, {"urls": ",".join(page.url for page in chosen)}


def assert_settled_ones_have_records(collection: Path) -> None:
    """No address has left the queue whose record is not in the archive, and none is in the ledger twice."""
    path = collection / "state" / "frontier.sqlite"
    if not path.exists():
        return
    stored = {capture.record_id for file in open_collection(collection).warc_files() for capture in captures(file)}
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        rows = database.execute("SELECT crawl, url, state, record FROM ledger").fetchall()
        waiting = {address for (address,) in database.execute("SELECT address FROM queue")}
        queued = {address for (address,) in database.execute("SELECT address FROM ledger WHERE state = 0")}
    finally:
        database.close()
    assert {record for *_, record in rows if record} <= stored, SEED
    assert max(Counter(row[:2] for row in rows).values(), default=1) == 1, SEED
    assert queued == waiting - {0}, SEED  # 0: what was only guessed, such as the usual places of feeds


def assert_published_once(collection: Path) -> None:
    """The table of the ledger is whole whenever it is looked at, and says nothing that the frontier's file does not know of."""
    if not (collection / "tables" / "ledger").is_dir():
        return
    rows = [(row["crawl_id"], row["url"]) for row in archive.open_ledger(collection).to_table().to_pylist()]
    database = sqlite3.connect(f"file:{collection / 'state' / 'frontier.sqlite'}?mode=ro", uri=True)
    try:
        known = set(database.execute("SELECT crawl_id, url FROM ledger JOIN crawls ON crawl = number"))
        unfinished = {crawl_id for crawl_id, _ in known}
    finally:
        database.close()
    assert max(Counter(rows).values(), default=1) == 1, SEED
    assert {row for row in rows if row[0] in unfinished} <= known, SEED


def assert_adds_up(collection: Path, pages: list[Expected]) -> None:
    """Each crawl has each address once, with its one state; nothing is left in the queue."""
    rows = archive.open_ledger(collection).to_table().to_pylist()
    assert max(Counter((row["crawl_id"], row["url"]) for row in rows).values()) == 1, SEED
    states = Counter((row["crawl_id"], row["state"]) for row in rows if row["url"] in {page.url for page in pages})
    crawls = {row["crawl_id"] for row in rows}
    for crawl in crawls:
        assert states[crawl, "captured"] + states[crawl, "unchanged"] == len(pages), (SEED, states)
    assert not [row for row in rows if row["state"] == "queued"], SEED
    database = sqlite3.connect(collection / "state" / "frontier.sqlite")
    assert [database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("crawls", "queue", "ledger")] == [
        0
    ] * 3
    database.close()


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
    cdxj_file.rebuild(index, open_collection(collection).warc_files())
    assert index.read_bytes() == before, SEED
    rows = [row for row in archive.open_captures(collection).to_table().to_pylist() if row["purpose"] == "page"]
    fetched = {row["warc_record_id"] for row in rows}
    # a section page may be taken for an article; that is not what is looked at here
    articles = [row for row in archive.open_articles(collection).to_table().to_pylist() if row["warc_record_id"] in fetched]
    assert sorted((row["url"], row["version"]) for row in articles) == sorted((page.url, 1) for page in pages), SEED
    assert {row["url"]: row["text"] for row in articles} == {page.url: page.text for page in pages}
    states = [(row["url"], row["extraction"]) for row in rows if row["fetch_status"] == 200]
    assert {state for _, state in states} <= {"article", "unchanged", None}
    # the row of each article's own capture says so, once
    assert sorted(url for url, state in states if state == "article") == sorted(page.url for page in pages), SEED
    left = [path.name for path in collection.rglob("*") if path.suffix in (".open", ".partial")]
    assert not left
    assert not list((collection / "state").glob("untabulated-*"))
