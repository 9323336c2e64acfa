"""An honest crawl, and the same crawl beside all hostile cases: what each left, and what it cost."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import archive
from tests.crawling import Outcome, begin
from tests.newsroom.hostile.case import DOMAIN, Case
from tests.newsroom.hostile.server import ADDRESS, CASES, HostileNewsroom
from tests.newsroom.server import Newsroom

DELAY = 0.35  # seconds; the honest crawl is to last as long as the hostile one, most of whose cases are met once
SETTINGS = {
    "BROADSHEET_ALLOW_PRIVATE": f"127.0.0.1,{ADDRESS}",
    "BROADSHEET_HOSTS": f"*.{DOMAIN}={ADDRESS},inner.example=127.0.0.3,*.test=127.0.0.1",
    "BROADSHEET_CONTACT": "tests@example.org",
    "BROADSHEET_REQUISITES": "full",
    "BROADSHEET_WORKERS": "2",
    "BROADSHEET_CRAWL_DELAY_MAX": "0",
    "BROADSHEET_ADDRESS_DELAY": "0.08",
    "DOWNLOAD_DELAY": str(DELAY),
    "RETRY_ENABLED": "0",
}


@dataclass
class Trial:
    """What a crawl left: its outcome, and its rows.

    From the first to the last honest request at the server ``elapsed`` seconds passed; ``seconds`` leaves out those for which
    the crawler wanted to run and the machine was busy with others, and is at least ``least``: what the delays of the host with
    most requests add up to.
    """

    outcome: Outcome
    elapsed: float
    seconds: float
    least: float
    collection: Path
    captures: list[dict[str, Any]]
    articles: list[dict[str, Any]]

    def rows(self, host: str, path: str) -> list[dict[str, Any]]:
        """The captures of an address."""
        return [row for row in self.captures if row["url_host_name"] == host and row["url"].partition(host)[2].endswith(path)]


class Waiting:
    """While the context lasts, looks how long a process has waited for a processor (Linux tells)."""

    def __init__(self, pid: int) -> None:
        self._told, self._over = Path(f"/proc/{pid}/schedstat"), threading.Event()
        self._seen = [(0.0, 0.0)]

    def __enter__(self) -> Waiting:
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def until(self, instant: float) -> float:
        """Seconds of waiting until an instant (``time.monotonic``)."""
        return max(waited for at, waited in self._seen if at <= instant)

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            with suppress(OSError, IndexError):
                self._seen.append((time.monotonic(), int(self._told.read_text().split()[1]) / 1e9))


def run(newsroom: Newsroom, hostile: HostileNewsroom | None, collection: Path, **settings: str) -> Trial:
    """Crawl the honest newsroom, and the hostile one beside it if there is one."""
    newsroom.forget()
    sys.setswitchinterval(0.0005)  # the honest server shares this process with the hostile one, and is not to wait for it
    given = {"sites": ",".join(newsroom.front_pages)}
    if hostile:
        listed = collection.parent / f"{collection.name}.txt"
        listed.write_text("\n".join(hostile.of_kind("page")))
        given |= {"urls": str(listed)} | {f"{kind}s": ",".join(hostile.of_kind(kind)) for kind in ("feed", "sitemap")}
    with begin(collection, SETTINGS | settings, **given) as crawl, Waiting(crawl.pid) as waiting:
        outcome = crawl.wait(600)
    times = [seen.time for seen in newsroom.requests]
    elapsed = times[-1] - times[0]
    waited = waiting.until(times[-1]) - waiting.until(times[0])
    least = (max(Counter(seen.host for seen in newsroom.requests).values()) - 1) * DELAY
    captures = archive.open_captures(collection).to_table().to_pylist()
    return Trial(
        outcome,
        elapsed,
        max(elapsed - waited, least),
        least,
        collection,
        captures,
        archive.open_articles(collection).to_table().to_pylist(),
    )


def faults(trial: Trial, hostile: HostileNewsroom) -> dict[str, str]:
    """The cases of which something else came than should have, and what."""
    found = {}
    for case in CASES:
        if wrong := _fault(trial, case):
            found[case.name] = wrong
    asked = Counter((seen.host, seen.path) for seen in hostile.plain.seen)
    for case in CASES:
        if some := [path for path in case.unasked if asked[case.host, path]]:
            found[case.name] = f"asked for {some}"
    return found


def _fault(trial: Trial, case: Case) -> str | None:
    rows = trial.rows(case.host, case.at or case.entry)
    if not rows:
        return "there is no row of it"
    if any(_fits(row, case) for row in rows):
        return None
    row = rows[0]
    return str(
        {name: row[name] for name in ("extraction", "extraction_reason", "content_truncated", "fetch_status", "fetch_error")}
    )


def _fits(row: dict[str, Any], case: Case) -> bool:
    return all(
        _says(row[name], wanted, part=name in ("extraction_reason", "fetch_error")) for name, wanted in case.facts.items()
    )


def _says(given: Any, wanted: object, *, part: bool) -> bool:
    if part:
        return str(wanted) in (given or "")
    return given in wanted if isinstance(wanted, tuple) else given == wanted
