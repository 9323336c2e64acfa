"""Crawls begun in a few milliseconds: a process that has everything imported and warmed up forks each of them.

What runs is the command itself, ``scrapy crawl news …``; only the interpreter's start and the imports are left out, and the
workers' nursery is forked as well instead of being started anew.
"""

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Self

from pipelines.extract import warm_up
from tests.crawling import LOCAL, ROOT

# whatever a crawl imports; a reactor does not survive a fork, so none of these may install one
NEEDED = [
    "scrapy.cmdline",
    "scrapy.commands.crawl",
    "scrapy.core.downloader.contextfactory",
    "scrapy.core.downloader.handlers.http11",
    "scrapy.core.scheduler",
    "scrapy.extensions.corestats",
    "scrapy.extensions.remote_control",
    "scrapy.pqueues",
    "scrapy.squeues",
    "scrapy.statscollectors",
    "crawler.commands.audit",
    "crawler.commands.crawl",
    "crawler.commands.extract",
    "crawler.commands.index",
    "crawler.commands.replay",
    "crawler.commands.verify",
    "crawler.commands.wacz",
    "crawler.handler",
    "crawler.progress",
    "crawler.requisites",
    "crawler.robots",
    "crawler.spiders.news",
    "crawler.summary",
    "pipelines.item_pipeline",
]


class Forge:
    """``with Forge() as forge: pid = forge.crawl(collection, urls=…); code = forge.wait()``."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.crawler.forge"]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._answer() == "ready"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(30)

    def _answer(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()

    def crawl(self, collection: Path, log: Path, settings: dict[str, str] | None = None, **arguments: str) -> int:
        """Begin a crawl; its process id."""
        assert self._process.stdin
        given = {"collection": str(collection), **arguments}
        command = ["scrapy", "crawl", "news", *(part for name, value in given.items() for part in ("-a", f"{name}={value}"))]
        command += [part for name, value in (LOCAL | (settings or {})).items() for part in ("-s", f"{name}={value}")]
        self._process.stdin.write(json.dumps([command, str(log)]) + "\n")
        self._process.stdin.flush()
        return int(self._answer())

    def wait(self) -> int:
        """The exit code of the crawl that was begun last, negative for a signal; at its end. Until then its process id is
        nobody else's."""
        assert self._process.stdin
        self._process.stdin.write("wait\n")
        self._process.stdin.flush()
        return int(self._answer())


class ForkedNursery:
    """What the workers need of ``subprocess.Popen``."""

    def __init__(self, command: list[str], pass_fds: list[int], **_: object) -> None:
        self._pid = os.fork()
        if self._pid == 0:
            signal.set_wakeup_fd(-1)  # the parent's reactor listens there
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _keep_open({0, 1, 2, *pass_fds})
            from pipelines import workers

            try:
                workers.main(*command[3:])
            finally:
                os._exit(0)

    def wait(self, timeout: float | None = None) -> None:
        os.waitpid(self._pid, 0)

    def kill(self) -> None:
        os.kill(self._pid, 9)


def _keep_open(descriptors: set[int]) -> None:
    for one in {int(path.name) for path in Path("/proc/self/fd").iterdir()} - descriptors:
        with suppress(OSError):  # the folder's own is closed by now
            os.close(one)


def _crawl(command: list[str], log: str) -> None:
    os.setsid()
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    from scrapy.cmdline import execute

    from pipelines import workers

    kept = {"DEVNULL": subprocess.DEVNULL, "TimeoutExpired": subprocess.TimeoutExpired}
    workers.subprocess = SimpleNamespace(Popen=ForkedNursery, **kept)  # type: ignore[assignment]
    code = 1
    try:
        execute(command)
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        import atexit

        atexit._run_exitfuncs()
        os._exit(code)


def main() -> None:
    for name in NEEDED:
        importlib.import_module(name)
    warm_up()
    assert "twisted.internet.reactor" not in sys.modules, "a reactor does not survive a fork"
    gc.freeze()
    print("ready", flush=True)
    for line in sys.stdin:
        command, log = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _crawl(command, log)
        print(pid, flush=True)
        sys.stdin.readline()
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
