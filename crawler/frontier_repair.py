"""A frontier whose file was damaged: made anew from the ledger's table and the captures."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
import pyarrow.dataset as ds

from archive.frontier_file import DAMAGED, make_durable
from archive.ledger import Outcome
from crawler.outcomes import STATES_OF_PAGES
from pipelines.tabulate import Found

if TYPE_CHECKING:
    from archive.collection import Collection
    from crawler.scheduler import FrontierScheduler

logger = logging.getLogger("broadsheet")


def is_damaged(collection: Collection) -> bool:
    """Whether a damaged file was set aside."""
    path = collection.frontier
    return path.with_name(path.name + DAMAGED).exists()


def repair(scheduler: FrontierScheduler, collection: Collection) -> None:
    """Tell the new frontier what is known of the crawl that lost its own: pages that it fetched are not fetched again, and what
    its ledger has as queued is. All else is found again, for the documents that announce it are fetched again.

    To be called when all captures have rows. Raises OSError.
    """
    unfinished, since = _last_published(collection)
    waiting = fetched = 0
    queued = ds.field("state") == "queued"
    for row in _ledger_rows(collection, unfinished, ~queued & (ds.field("purpose") == "page")):
        fetched += scheduler.know(row["url"], _found(row), _outcome(row["state"], row["reason"], row["warc_record_id"]))
    for row in _pages(collection, since):
        state = STATES_OF_PAGES.get(row["extraction"], "failed")
        found = Found("archive", row["via"], row["url"])
        fetched += scheduler.know(row["url"], found, _outcome(state, row["extraction_reason"], row["warc_record_id"]))
    for row in _ledger_rows(collection, unfinished, queued):
        waiting += scheduler.queue_again(row["url"], row["purpose"], _found(row))
    scheduler.flush()
    path = collection.frontier
    make_durable(path)
    if unfinished:  # this crawl has its rows from here on
        collection.ledger.remove(f"{unfinished}-*")
    for suffix in ("-shm", "-wal", ""):
        with suppress(FileNotFoundError):
            path.with_name(path.name + DAMAGED + suffix).unlink()
    logger.warning(
        "%s was damaged and is made anew: %d pages are known as fetched, %d wait; what else there was is found again",
        path.name,
        fetched,
        waiting,
    )


def _outcome(state: str, reason: str | None, record: str | None) -> Outcome:
    return Outcome(state, reason, int(datetime.now(UTC).timestamp() * 1e6), record)


def _found(row: dict[str, Any]) -> Found:
    return Found(row["sources"][0]["source"], row["sources"][0]["via"], row["url"])


def _last_published(collection: Collection) -> tuple[str | None, datetime]:
    """The last crawl that the ledger has, if it was not finished, and since when its captures may say more than the ledger: the
    parts of an unfinished one are of different times."""
    dataset = collection.ledger.dataset()
    last = pc.max(dataset.to_table(columns=["crawl_id"]).column("crawl_id")).as_py()
    rows = dataset.to_table(["first_announced_at", "last_announced_at", "settled_at"], filter=ds.field("crawl_id") == last)
    if not len(rows):
        return None, datetime.fromtimestamp(0, UTC)
    if dataset.count_rows(filter=(ds.field("crawl_id") == last) & (ds.field("state") == "queued")):
        return last, pc.min(rows.column("first_announced_at")).as_py()
    times = [pc.max(rows.column(name)).as_py() for name in rows.column_names]
    return None, max(time for time in times if time)


def _ledger_rows(collection: Collection, crawl_id: str | None, wanted: ds.Expression) -> Iterator[dict[str, Any]]:
    columns = ["url", "purpose", "sources", "state", "reason", "warc_record_id"]
    wanted &= ds.field("crawl_id") == (crawl_id or "")
    for batch in collection.ledger.dataset().to_batches(columns=columns, filter=wanted):
        yield from batch.to_pylist()


def _pages(collection: Collection, since: datetime) -> Iterator[dict[str, Any]]:
    columns = ["url", "via", "extraction", "extraction_reason", "warc_record_id"]
    wanted = (ds.field("fetch_time") > since) & (ds.field("purpose") == "page") & ds.field("extraction").is_valid()
    for batch in collection.captures.dataset().to_batches(columns=columns, filter=wanted):
        yield from batch.to_pylist()
