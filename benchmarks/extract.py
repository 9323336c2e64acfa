"""``python -m benchmarks.extract FILE.warc.gz``: scrapy extract beside the bare extraction function, in one run.

Bare are two processes that have the decoded pages in memory and call ``pipelines.extract.extract`` in a loop. The command
reads the file, undoes codings, hands the pages to two workers, numbers versions and writes the tables.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import mean

from archive.foreign import is_capture, read_records
from archive.reader import Record, captures_of
from pipelines.extract import extract, warm_up
from pipelines.reading import job_of_record
from pipelines.rows import is_html
from pipelines.workers import Job

ROOT = Path(__file__).parents[1]
PROCESSES = 2
WORKERS_NICE = 5  # as pipelines.workers has it: on a machine with other work both must get the same share
TARGET = 0.85


def main() -> None:
    """Bare, ours, bare again, ours again; print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    jobs = pages(given.file)
    bare_rates, our_rates, whole_rates = [], [], []
    for number in range(given.rounds):
        bare_rates.append(bare(jobs))
        rate, whole = ours(given.file, len(jobs))
        our_rates.append(rate)
        whole_rates.append(whole)
        print(
            f"round {number + 1}: bare {bare_rates[-1]:.1f}, scrapy extract {rate:.1f} pages/s ({whole:.1f} with its start)",
            flush=True,
        )
    ratio = mean(our_rates) / mean(bare_rates)
    met = "met" if ratio >= TARGET else "MISSED"
    print(f"\n{len(jobs):,} pages on {PROCESSES} processes")
    print(f"bare extraction           {mean(bare_rates):8.1f} pages/s")
    print(f"scrapy extract            {mean(our_rates):8.1f} pages/s   {ratio:.0%} of bare; at least {TARGET:.0%}: {met}")
    print(f"with the program's start  {mean(whole_rates):8.1f} pages/s   {mean(whole_rates) / mean(bare_rates):.0%}")


def pages(file: Path) -> list[Job]:
    """The pages that scrapy extract would read, decoded."""
    records = (item for item in read_records(file) if isinstance(item, Record))
    found = captures_of(records, file.name, is_capture)
    return [job_of_record(record, capture.url) for capture, record in found if capture.status == 200 and is_html(capture)]


def bare(jobs: list[Job]) -> float:
    """Pages a second of the function alone, from the moment when all processes are warm."""
    context = multiprocessing.get_context("fork")
    pipes = [context.Pipe() for _ in range(PROCESSES)]
    shares = [jobs[number::PROCESSES] for number in range(PROCESSES)]
    children = [context.Process(target=_loop, args=(pipe[1], share)) for pipe, share in zip(pipes, shares, strict=True)]
    for child in children:
        child.start()
    for ours, _ in pipes:
        ours.recv()
    began = time.perf_counter()
    for ours, _ in pipes:
        ours.send("go")
    for ours, _ in pipes:
        ours.recv()
    seconds = time.perf_counter() - began
    for child in children:
        child.join()
    return len(jobs) / seconds


def _loop(connection: Connection, jobs: list[Job]) -> None:
    os.nice(WORKERS_NICE)
    warm_up()
    gc.freeze()  # as the workers do
    connection.send("warm")
    connection.recv()
    for job in jobs:
        extract(job.html, job.url, content_type=job.content_type, headers=job.headers)
    connection.send("done")


def ours(file: Path, count: int) -> tuple[float, float]:
    """Pages a second of the command: as it says itself, from its first record on; and of the whole process."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "scrapy", "extract", str(file), "-o", f"{folder}/c"]
        command += ["-s", f"BROADSHEET_WORKERS={PROCESSES}"]
        began = time.perf_counter()
        done = subprocess.run(
            command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True, capture_output=True, text=True
        )
        whole = count / (time.perf_counter() - began)
    found = re.search(r"([\d,]+) pages, ([\d.]+) a second", done.stdout)
    assert found and int(found[1].replace(",", "")) == count, done.stdout
    return float(found[2]), whole


if __name__ == "__main__":
    main()
