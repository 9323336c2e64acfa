"""A Scrapy extension that measures any crawl: event loop lag, memory of the process tree, pages, time spent in WARC writing."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

from scrapy import signals
from scrapy.crawler import Crawler

_TICK = 0.01  # seconds a sleeping task asks for; how much later it wakes is the lag


class Probe:
    """Writes its figures as JSON to the file that the setting ``PROBE_FILE`` names."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._lags: list[float] = []
        self._memory: list[tuple[int, int]] = []
        self._pages = 0

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Probe:
        probe = cls(crawler)
        crawler.signals.connect(probe.opened, signals.spider_opened)
        crawler.signals.connect(probe.received, signals.response_received)
        crawler.signals.connect(probe.closed, signals.spider_closed)
        crawler.signals.connect(probe.stopped, signals.engine_stopped)
        return probe

    def opened(self) -> None:
        self._began = time.monotonic()
        self._tasks = [asyncio.ensure_future(self._measure_lag()), asyncio.ensure_future(self._measure_memory())]

    def received(self) -> None:
        self._pages += 1

    async def _measure_lag(self) -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(_TICK)
            self._lags.append(time.monotonic() - before - _TICK)

    async def _measure_memory(self) -> None:
        while True:
            self._memory.append((self._pages, await asyncio.to_thread(tree_memory, os.getpid())))
            await asyncio.sleep(0.5)

    def closed(self) -> None:
        self._seconds = time.monotonic() - self._began
        for task in self._tasks:
            task.cancel()

    def stopped(self) -> None:
        lags = sorted(self._lags)
        figures: dict[str, Any] = {
            "pages": self._pages,
            "seconds": self._seconds,
            "lag_p50": lags[len(lags) // 2],
            "lag_p99": lags[int(len(lags) * 0.99)],
            "lag_max": lags[-1],
            "memory_peak": max(size for _, size in self._memory),
            "memory": self._memory,
            "warc_seconds": self._crawler.stats.get_value("broadsheet/warc/seconds"),
        }
        Path(self._crawler.settings["PROBE_FILE"]).write_text(json.dumps(figures))


def tree_memory(root: int) -> int:
    """Bytes that a process and its descendants occupy, shared pages counted once (PSS)."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):  # it ended while we looked
            continue
    family, size = {root}, 0
    for pid in sorted(parents):
        if parents[pid] in family:
            family.add(pid)
    for pid in family:
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        size += next(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:"))
    return size
