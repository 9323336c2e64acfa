"""``python -m benchmarks.crawl``: a crawl by Broadsheet beside the spider that anybody would write first, in one run."""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import synthetic

ROOT = Path(__file__).parents[1]
SETTINGS = {
    "LOG_LEVEL": "ERROR",
    "CONCURRENT_REQUESTS": "32",
    "CONCURRENT_REQUESTS_PER_DOMAIN": "16",
    "DOWNLOAD_DELAY": "0",
    "BROADSHEET_LATENCY_FACTOR": "0",
    "ROBOTSTXT_OBEY": "False",
    "EXTENSIONS": '{"benchmarks.probe.Probe": 0}',
}
Figures = dict[str, Any]


def main() -> None:
    """Run both, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=2_000)
    parser.add_argument("--urls", type=Path, help="addresses that somebody serves already, one a line; else a site is made up")
    parser.add_argument(
        "--baseline", type=Path, default=ROOT / "benchmarks" / "naive_spider.py", help="spider with urls= and out="
    )
    parser.add_argument("--json", type=Path, help="keep all figures here")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, addresses(given.urls, given.pages) as urls:
        listed = Path(folder) / "urls.txt"
        listed.write_text("\n".join(urls))
        spider = ["runspider", str(given.baseline.resolve()), "-a", f"urls={listed}", "-a", f"out={folder}/baseline"]
        # outside the project, or Broadsheet's add-on would work for the baseline too
        baseline = run(spider, Path(folder) / "baseline.json", Path(folder))
        ours = ["crawl", "news", "-a", f"urls={listed}", "-a", f"collection={folder}/c"]
        ours += ["-s", "BROADSHEET_ALLOW_PRIVATE=127.0.0.0/8"]
        broadsheet = run(ours, Path(folder) / "broadsheet.json", ROOT)
    print("\n".join(table(baseline, broadsheet)))
    if given.json:
        given.json.write_text(json.dumps({"baseline": baseline, "broadsheet": broadsheet}, indent=1))


@contextmanager
def addresses(file: Path | None, count: int) -> Iterator[list[str]]:
    """The addresses of a file, or of the made-up site, served while the context lasts."""
    if file:
        yield file.read_text().split()[:count]
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.synthetic", str(port)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout and server.stdout.readline() == "ready\n"
        yield synthetic.addresses(port, count)
    finally:
        server.terminate()
        server.wait()


def run(arguments: list[str], file: Path, where: Path) -> Figures:
    """Run a Scrapy command with the probe; its figures, with the seconds of the whole process."""
    print("running: scrapy", *arguments[:2], "…", flush=True)
    options = [part for name, value in (SETTINGS | {"PROBE_FILE": str(file)}).items() for part in ("-s", f"{name}={value}")]
    began = time.monotonic()
    command = [sys.executable, "-m", "scrapy", *arguments, *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=where, env=environment, check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    figures: Figures = json.loads(file.read_text())
    return figures | {"process_seconds": time.monotonic() - began}


def memory_at(figures: Figures, pages: int) -> float:
    """Megabytes when so many pages had come: the mean of the five samples around that moment."""
    samples = figures["memory"]
    at = next((number for number, (count, _) in enumerate(samples) if count >= pages), len(samples) - 1)
    around = [size for _, size in samples[max(0, at - 2) : at + 3]]
    return sum(around) / len(around) / 1e6


def table(baseline: Figures, ours: Figures) -> Iterator[str]:
    """The figures side by side, each with its target."""
    pages = ours["pages"]
    speeds = [figures["pages"] / figures["seconds"] for figures in (baseline, ours)]
    growth = [memory_at(figures, pages) / memory_at(figures, pages // 2) for figures in (baseline, ours)]
    lags = [figures["lag_p99"] * 1e3 for figures in (baseline, ours)]
    stalls = [figures["lag_max"] for figures in (baseline, ours)]
    peaks = [figures["memory_peak"] / 1e6 for figures in (baseline, ours)]
    writing = ours["warc_seconds"] / pages * 1e3
    yield f"\n{pages:,} pages" + " " * 18 + f"{'baseline':>12}{'Broadsheet':>12}{'ratio':>8}   target"
    for name, (old, new), limit, met in (
        ("pages per second", speeds, "at least 2.3x", speeds[1] / speeds[0] >= 2.3),
        ("event loop lag p99, ms", lags, "at most 0.25x", lags[1] / lags[0] <= 0.25),
        ("longest stall, s", stalls, "at most 0.5 s", stalls[1] <= 0.5),
        ("peak memory (PSS), MB", peaks, "at most 2.5x", peaks[1] / peaks[0] <= 2.5),
        ("memory, end to half-way", growth, "at most 1.05", growth[1] <= 1.05),
    ):
        yield f"{name:<30}{old:>12.2f}{new:>12.2f}{new / old:>8.2f}   {limit}: {'met' if met else 'MISSED'}"
    met = "met" if writing <= 1 else "MISSED"
    yield f"{'WARC writing, ms a page':<30}{'':>12}{writing:>12.2f}{'':>8}   at most 1 ms: {met}"
    whole = [figures["process_seconds"] for figures in (baseline, ours)]
    yield f"{'whole process, s':<30}{whole[0]:>12.1f}{whole[1]:>12.1f}{whole[1] / whole[0]:>8.2f}"


if __name__ == "__main__":
    main()
