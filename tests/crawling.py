"""Running the commands as a person does: in a process of their own, against servers on loopback."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCAL = {
    "BROADSHEET_ALLOW_PRIVATE": "127.0.0.0/8",
    "BROADSHEET_HOSTS": "*.test=127.0.0.1",
    "BROADSHEET_WORKERS": "1",
    "DOWNLOAD_DELAY": "0",
    "BROADSHEET_LATENCY_FACTOR": "0",
}


# a small parent: what a process used before it became the command is counted as the command's own
_LAUNCHER = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


@dataclass(frozen=True)
class Outcome:
    """What a command left: exit code, both outputs, and the most memory (KiB) that it or one of its workers held."""

    code: int
    out: str
    err: str
    peak_kilobytes: int


def scrapy(*arguments: str, settings: dict[str, str] | None = None, cwd: Path = ROOT, timeout: float = 90) -> Outcome:
    """Run ``scrapy ARGUMENTS`` with ``-s`` for each setting."""
    options = [part for name, value in (settings or {}).items() for part in ("-s", f"{name}={value}")]
    command = [sys.executable, "-SEc", _LAUNCHER, sys.executable, "-m", "scrapy", *arguments, *options]
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=timeout, check=False)
    err, _, peak = done.stderr.rstrip("\n").rpartition("\n")
    return Outcome(done.returncode, done.stdout, err + "\n" if err else "", int(peak))


def crawl(
    collection: Path,
    settings: dict[str, str] | None = None,
    options: tuple[str, ...] = (),
    timeout: float = 90,
    **arguments: str,
) -> Outcome:
    """``scrapy crawl news`` into ``collection`` with loopback allowed and no delay."""
    given = {"collection": str(collection), **arguments}
    pairs = [part for name, value in given.items() for part in ("-a", f"{name}={value}")]
    return scrapy("crawl", "news", *pairs, *options, settings=LOCAL | (settings or {}), timeout=timeout)
