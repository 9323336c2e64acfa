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
}


@dataclass(frozen=True)
class Outcome:
    """What a command left: exit code and both outputs."""

    code: int
    out: str
    err: str


def scrapy(*arguments: str, settings: dict[str, str] | None = None, cwd: Path = ROOT, timeout: float = 90) -> Outcome:
    """Run ``scrapy ARGUMENTS`` with ``-s`` for each setting."""
    options = [part for name, value in (settings or {}).items() for part in ("-s", f"{name}={value}")]
    command = [sys.executable, "-m", "scrapy", *arguments, *options]
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=timeout, check=False)
    return Outcome(done.returncode, done.stdout, done.stderr)


def crawl(collection: Path, settings: dict[str, str] | None = None, options: tuple[str, ...] = (), **arguments: str) -> Outcome:
    """``scrapy crawl news`` into ``collection`` with loopback allowed and no delay."""
    given = {"collection": str(collection), **arguments}
    pairs = [part for name, value in given.items() for part in ("-a", f"{name}={value}")]
    return scrapy("crawl", "news", *pairs, *options, settings=LOCAL | (settings or {}))
