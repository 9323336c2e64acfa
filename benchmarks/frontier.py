"""``python -m benchmarks.frontier``: queue, seen-set and hosts at the sizes of large crawls, on real sqlite files."""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

from scrapy import Request
from scrapy.settings import Settings
from scrapy.utils.request import RequestFingerprinter

from archive.frontier import Frontier
from archive.ledger import Announced, Outcome
from archive.ledger_table import publish_part
from archive.tables import ledger_table
from crawler.addon import DEFAULTS
from crawler.leads import seed
from crawler.pace import Pace, Rules
from crawler.scheduler import FrontierScheduler
from crawler.spiders.news import NewsSpider

MANY, SEEN, LEDGER, FEW_HOSTS, MANY_HOSTS = 1_000_000, 5_000_000, 200_000, 30, 10_000
Figures = dict[str, float]


class Spent(NamedTuple):
    """Seconds by the clock and of the processor."""

    seconds: float
    cpu: float

    @classmethod
    def by_now(cls) -> Spent:
        return cls(time.perf_counter(), time.process_time())

    def __add__(self, other: object) -> Spent:
        assert isinstance(other, Spent)
        return Spent(self.seconds + other.seconds, self.cpu + other.cpu)

    def __sub__(self, other: Spent) -> Spent:
        return Spent(self.seconds - other.seconds, self.cpu - other.cpu)


def main() -> None:
    """Run each measurement in a process of its own, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of the full sizes, e.g. 0.1")
    share = parser.parse_args().share
    few = apart(turns, FEW_HOSTS, int(MANY * share / 20))
    many = apart(turns, MANY_HOSTS, int(MANY * share / 20))
    full = apart(full_queue, MANY_HOSTS, int(MANY * share))
    seen = apart(seen_set, int(SEEN * share))
    ledger = apart(published_ledger, int(LEDGER * share))
    print(f"{'figure':<58}{'measured':>12}   target")
    ratio = many["seconds"] / few["seconds"]
    line(f"push and pop at {MANY_HOSTS:,} hosts to that at {FEW_HOSTS}", ratio, "x", ratio <= 2, "at most 2x")
    line("  the same in processor time", many["cpu"] / few["cpu"], "x", many["cpu"] / few["cpu"] <= 2, "at most 2x")
    line(f"push and pop together, {FEW_HOSTS} hosts", few["rate"], "/s", few["rate"] >= 5_000, "at least 5,000/s")
    line(f"push and pop together, {MANY_HOSTS:,} hosts", many["rate"], "/s", many["rate"] >= 5_000, "at least 5,000/s")
    line("  the same in processor time", many["cpu_rate"], "/s", True, "")
    line(f"memory, {int(MANY * share):,} queued", full["megabytes"], "MB", full["megabytes"] <= 150, "at most 150 MB")
    line("  and after it was opened again and 1,000 were popped", full["again"], "MB", full["again"] <= 150, "at most 150 MB")
    line("opened again", full["opened"], "s", full["opened"] <= 3, "at most 3 s")
    line("file, bytes an address", full["bytes"], "B", True, "")
    line("open files more than before", full["files"], "", full["files"] <= 8, "independent of hosts")
    line(f"test-and-set, {int(SEEN * share):,} seen", seen["rate"], "/s", seen["rate"] >= 20_000, "at least 20,000/s")
    line("  the last tenth of it", seen["last"], "/s", seen["last"] >= 20_000, "at least 20,000/s")
    line("  the whole in processor time", seen["cpu_rate"], "/s", True, "")
    line("  bare sqlite, INSERT OR IGNORE one by one, same keys", seen["bare"], "/s", True, "")
    line(f"the event loop's longest stall, {int(LEDGER * share):,} published", ledger["stall"], "ms", True, "")
    line("  the same with nothing published", ledger["idle"], "ms", True, "")
    line("  all of them published in", ledger["seconds"], "s", True, "")
    line("  memory", ledger["megabytes"], "MB", True, "")


def line(name: str, value: float, unit: str, met: bool, target: str) -> None:
    number = f"{value:,.2f}" if value < 100 else f"{value:,.0f}"
    print(f"{name:<58}{number + ' ' + unit:>12}   {target}" + ((": met" if met else ": MISSED") if target else ""))


def apart(measure: Callable[..., Figures], *sizes: int) -> Figures:
    """What ``measure`` finds, in a process and a folder of its own."""
    with tempfile.TemporaryDirectory() as folder, multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, (Path(folder), *sizes))


def scheduler(folder: Path) -> FrontierScheduler:
    """The scheduler as a crawl has it, with nothing behind it that fetches."""
    settings, fingerprinter = Settings(DEFAULTS), RequestFingerprinter()
    slots = SimpleNamespace(
        get_slot_key=lambda request: request.url.split("/")[2], per_slot_settings={}, ip_concurrency=0, domain_concurrency=1
    )
    engine = SimpleNamespace(downloader=slots, _slot=SimpleNamespace(inprogress=set(), nextcall=None))
    counts: dict[str, int] = {}
    stats = SimpleNamespace(
        inc_value=lambda name, count=1: counts.update({name: counts.get(name, 0) + count}), get_value=counts.get
    )
    crawler: Any = SimpleNamespace(settings=settings, request_fingerprinter=fingerprinter, engine=engine, stats=stats)
    crawler._broadsheet_pace = Pace(Rules(delay=0.0, address_delay=0.0))
    collection = SimpleNamespace(frontier=folder / "frontier.sqlite")
    run = SimpleNamespace(collection=collection, crawl_id="x", tabulator=SimpleNamespace(holds=lambda capture: False))
    archiving = SimpleNamespace(run=run, try_to=lambda write, *arguments: write(*arguments))
    crawler.get_extension = lambda kind: archiving
    made = FrontierScheduler(crawler)
    made.open(NewsSpider(urls="http://host-0.example/", collection=str(folder)))
    return made


def push(of: FrontierScheduler, numbers: range, hosts: int) -> Spent:
    """What pushing takes; making the requests, which the spider does, is left out."""
    spider: Any = of.spider
    spent = Spent(0.0, 0.0)
    for start in range(numbers.start, numbers.stop, 1_000):
        requests = []
        for number in range(start, min(start + 1_000, numbers.stop)):
            site = f"https://host-{number % hosts}.example"
            url = f"{site}/news/2026/11/{number}-a-headline-of-some-length.html"
            requests.append(spider._request(seed(url, "page", "feed", f"{site}/feed.xml")))
        began = Spent.by_now()
        for request in requests:
            of.enqueue_request(request)
        spent += Spent.by_now() - began
    return spent


def pop(of: FrontierScheduler, count: int) -> None:
    """Take so many, each done with at once, and made durable every 500."""
    for number in range(count):
        request = of.next_request()
        assert isinstance(request, Request)
        of.fetched(request, None)
        if number % 500 == 499:
            of.settle(of.take())
            of.flush()
    of.settle(of.take())
    of.flush()


def turns(folder: Path, hosts: int, count: int) -> Figures:
    """Push ``count``, pop them all."""
    made = scheduler(folder)
    spent = push(made, range(count), hosts)
    began = Spent.by_now()
    pop(made, count)
    spent += Spent.by_now() - began
    assert not made.has_pending_requests()
    rates = {"rate": 2 * count / spent.seconds, "cpu_rate": 2 * count / spent.cpu}
    return {"seconds": spent.seconds, "cpu": spent.cpu} | rates


def full_queue(folder: Path, hosts: int, count: int) -> Figures:
    """Memory, open files and the time to open with ``count`` in the queue."""
    before, files = resident(), len(list(Path("/proc/self/fd").iterdir()))
    made = scheduler(folder)
    push(made, range(count), hosts)
    made.flush()
    megabytes = resident() - before
    made.frontier.checkpoint()
    opened_files = len(list(Path("/proc/self/fd").iterdir())) - files
    made.frontier.close()
    size = (folder / "frontier.sqlite").stat().st_size
    del made
    began = time.perf_counter()
    again = scheduler(folder)
    opened = time.perf_counter() - began
    assert again.frontier.waiting == count
    pop(again, 1_000)
    again_megabytes = resident() - before
    again.frontier.close()
    return {
        "megabytes": megabytes,
        "again": again_megabytes,
        "opened": opened,
        "bytes": size / count,
        "files": opened_files,
    }


def seen_set(folder: Path, count: int) -> Figures:
    """Test and set ``count`` keys, every tenth of them a second time."""
    frontier = Frontier(folder / "frontier.sqlite")
    frontier.begin_crawl("x", "x", "x")
    dice, known = random.Random(7), 0
    began = tenth = time.perf_counter()
    cpu = time.process_time()
    for number in range(count):
        if number == count * 9 // 10:
            tenth = time.perf_counter()
        key = dice.getrandbits(64) if number % 10 else number
        if number % 100 == 50 and frontier.address(number - 50) is not None:
            known += 1
        if frontier.address(key) is None:
            frontier.see(key, number)
        if frontier.is_due:
            frontier.flush()
    frontier.flush()
    end, spent = time.perf_counter(), time.process_time() - cpu
    assert known >= count // 100 - 1
    frontier.close()
    rates = {"rate": count / (end - began), "last": count / 10 / (end - tenth), "cpu_rate": count / spent}
    return rates | {"bare": bare(folder, count // 20)}


def published_ledger(folder: Path, count: int) -> Figures:
    """Publish a ledger in a thread while an event loop takes the time between its turns."""
    frontier, table, now = Frontier(folder / "frontier.sqlite"), ledger_table(folder / "ledger"), time.time_ns() // 1000
    frontier.begin_crawl("x", "x", "x")
    for number in range(count):
        site = f"https://host-{number % FEW_HOSTS}.example"
        url, sources = (
            f"{site}/news/2026/11/{number}-a-headline.html",
            frontier.source_token("feed", f"{site}/{number % 300}.xml"),
        )
        address = frontier.announce(Announced(frontier.host(site).number, url, "page", sources, now, now, now))
        frontier.settle(address, Outcome("captured", None, now, f"<urn:uuid:{number:032}>"))
        if frontier.is_due:
            frontier.flush()
    frontier.flush()
    gaps: list[float] = []

    async def look_at_the_clock() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            gaps.append(time.perf_counter() - before - 0.001)

    async def measured() -> Figures:
        clock = asyncio.ensure_future(look_at_the_clock())
        await asyncio.sleep(2)
        idle, before, began = max(gaps), resident(), time.perf_counter()
        gaps.clear()
        for part in sorted(frontier.changed):
            await asyncio.to_thread(publish_part, frontier.path, frontier.crawl, part, table)
        seconds = time.perf_counter() - began
        clock.cancel()
        return {"stall": max(gaps) * 1e3, "idle": idle * 1e3, "seconds": seconds, "megabytes": resident() - before}

    figures = asyncio.run(measured())
    assert table.dataset().count_rows() == count
    frontier.close()
    return figures


def bare(folder: Path, count: int) -> float:
    database, dice = sqlite3.connect(folder / "bare.sqlite"), random.Random(7)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("CREATE TABLE seen (key INTEGER PRIMARY KEY)")
    began = time.perf_counter()
    for number in range(count):
        database.execute("INSERT OR IGNORE INTO seen VALUES (?)", (dice.getrandbits(63),))
        if number % 2_000 == 0:
            database.commit()
    database.commit()
    return count / (time.perf_counter() - began)


def resident() -> float:
    """Megabytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


if __name__ == "__main__":
    main()
