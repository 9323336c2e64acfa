"""Running the commands as a person does: in a process of their own, against servers on loopback."""

import os
from pathlib import Path

from tests.forge import Outcome, Running, start

__all__ = ["LOCAL", "ROOT", "Outcome", "Running", "begin", "crawl", "python", "scrapy"]

ROOT = Path(__file__).parents[1]
LOCAL = {
    "BROADSHEET_ALLOW_PRIVATE": "127.0.0.0/8",
    "BROADSHEET_HOSTS": "*.test=127.0.0.1",
    "BROADSHEET_WORKERS": "1",
    "DOWNLOAD_DELAY": "0",
    "BROADSHEET_LATENCY_FACTOR": "0",
}


def python(*arguments: str, cwd: Path = ROOT, fresh: bool = False) -> Running:
    """Begin ``python ARGUMENTS`` with no proxy in its environment."""
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return start(*arguments, cwd=cwd, env=environment, fresh=fresh)


def scrapy(
    *arguments: str, settings: dict[str, str] | None = None, cwd: Path = ROOT, timeout: float = 90, fresh: bool = False
) -> Outcome:
    """Run ``scrapy ARGUMENTS`` with ``-s`` for each setting."""
    with python("-m", "scrapy", *arguments, *_options("-s", settings or {}), cwd=cwd, fresh=fresh) as running:
        return running.wait(timeout)


def begin(
    collection: Path,
    settings: dict[str, str] | None = None,
    options: tuple[str, ...] = (),
    fresh: bool = False,
    **arguments: str,
) -> Running:
    """Begin ``scrapy crawl news`` into ``collection`` with loopback allowed and no delay."""
    given = _options("-a", {"collection": str(collection), **arguments})
    return python("-m", "scrapy", "crawl", "news", *given, *options, *_options("-s", LOCAL | (settings or {})), fresh=fresh)


def crawl(
    collection: Path,
    settings: dict[str, str] | None = None,
    options: tuple[str, ...] = (),
    timeout: float = 90,
    fresh: bool = False,
    **arguments: str,
) -> Outcome:
    """The same, until its end."""
    with begin(collection, settings, options, fresh, **arguments) as running:
        return running.wait(timeout)


def _options(flag: str, given: dict[str, str]) -> list[str]:
    return [part for name, value in given.items() for part in (flag, f"{name}={value}")]
