"""Commands begun in a few milliseconds: one process that has everything imported and warmed up forks them.

What runs is the command itself, such as ``python -m scrapy crawl news …``, with its own working folder, environment, signals
and exit code; only the interpreter's start and the imports are left out, and the workers' nursery is forked as well instead
of being started anew. A command that is ``fresh`` is an interpreter of its own, with nothing left out.
"""

from __future__ import annotations

import atexit
import functools
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Self

from scrapy.utils.misc import walk_modules_iter

from pipelines import extract, workers

# whatever a command imports, packages with all that is in them; a reactor does not survive a fork, so none may install one
NEEDED = [
    "archive",
    "crawler",
    "pipelines",
    "scrapy.cmdline",
    "scrapy.commands",
    "scrapy.core.downloader.contextfactory",
    "scrapy.core.downloader.handlers.http11",
    "scrapy.core.scheduler",
    "scrapy.downloadermiddlewares",
    "scrapy.extensions.closespider",
    "scrapy.extensions.corestats",
    "scrapy.extensions.logcount",
    "scrapy.extensions.logstats",
    "scrapy.extensions.memdebug",
    "scrapy.extensions.memusage",
    "scrapy.extensions.remote_control",
    "scrapy.extensions.spiderstate",
    "scrapy.extensions.telnet",
    "scrapy.extensions.throttle",
    "scrapy.logformatter",
    "scrapy.pqueues",
    "scrapy.spidermiddlewares",
    "scrapy.squeues",
    "scrapy.statscollectors",
]


@dataclass(frozen=True)
class Outcome:
    """What a command left: exit code (negative for a signal), both outputs, and the most memory (KiB) that it or one of its
    workers held, with all that it shares with the process it was forked from."""

    code: int
    out: str
    err: str
    peak_kilobytes: int


class Running:
    """A command that runs. It is killed at the end of the context, or with the process that began it."""

    def __init__(self, control: socket.socket, order: dict[str, object]) -> None:
        self._out, self._err = os.memfd_create("out"), os.memfd_create("err")
        self._keeper, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            socket.send_fds(control, [json.dumps(order).encode()], [self._out, self._err, theirs.fileno()])
        self.pid = int(self._keeper.recv(64))
        self._left: Outcome | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.send_signal(signal.SIGKILL)
        self.wait()
        self._keeper.close()
        os.close(self._out)
        os.close(self._err)

    @property
    def err(self) -> str:
        """What it wrote on standard error so far."""
        return self._left.err if self._left else _text(self._err)

    def send_signal(self, how: int) -> None:
        """Nothing happens if it has ended."""
        with suppress(OSError):
            self._keeper.send(str(int(how)).encode())

    def poll(self) -> int | None:
        """Its exit code, if it has ended."""
        if self._left is None and select.select([self._keeper], [], [], 0)[0]:
            self.wait()
        return self._left and self._left.code

    def wait(self, timeout: float = 90) -> Outcome:
        """What it left, at its end. Raises TimeoutError."""
        if self._left is None:
            self._keeper.settimeout(timeout)
            code, peak = map(int, self._keeper.recv(64).split())
            self._left = Outcome(code, _text(self._out), _text(self._err), peak)
        return self._left

    def until(self, holds: Callable[[], object], seconds: float = 30) -> None:
        """Wait until ``holds()``; the test fails if it does not within ``seconds``, or if the command ends before."""
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline and self.poll() is None, self.err
            time.sleep(0.005)


def _text(file: int) -> str:
    return os.pread(file, os.fstat(file).st_size, 0).decode(errors="replace")


def start(*arguments: str, cwd: Path, env: dict[str, str] | None = None, fresh: bool = False) -> Running:
    """Begin ``python ARGUMENTS``, that is ``-m MODULE …`` or ``-c PROGRAM …``."""
    order = {"arguments": arguments, "cwd": str(cwd), "env": dict(os.environ) if env is None else env, "fresh": fresh}
    return Running(_forge(), order)


@functools.cache
def _forge() -> socket.socket:
    """The warm process of this test process, which ends with it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [sys.executable, "-m", "tests.forge", str(theirs.fileno())]
        process = subprocess.Popen(command, cwd=Path(__file__).parents[1], pass_fds=[theirs.fileno()])
    atexit.register(lambda: (ours.close(), process.wait()))
    return ours


# what follows runs in the warm process and those forked from it


def main(descriptor: str) -> None:
    for name in NEEDED:
        list(walk_modules_iter(name))
    for command in entry_points(group="scrapy.commands"):
        command.load()
    extract.warm_up()
    extract.warm_up = lambda: None  # every nursery is forked from here
    assert "twisted.internet.reactor" not in sys.modules, "a reactor does not survive a fork"
    assert threading.active_count() == 1, "nor does a thread"
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers are nobody's concern
    control = socket.socket(fileno=int(descriptor))
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1 << 20, 3)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            _keep(json.loads(message), *descriptors)
        for one in descriptors:
            os.close(one)


def _keep(order: dict[str, object], out: int, err: int, channel: int) -> None:
    """A parent for one command: passes signals on, tells how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        _become(out, err, **order)  # type: ignore[arg-type]
    master = socket.socket(fileno=channel)
    master.send(str(pid).encode())
    ended = os.pidfd_open(pid)
    while ended not in select.select([ended, master], [], [])[0]:
        os.kill(pid, int(master.recv(64) or signal.SIGKILL))
    _, status, used = os.wait4(pid, 0)
    with suppress(OSError):  # nobody may be there any more
        master.send(f"{os.waitstatus_to_exitcode(status)} {used.ru_maxrss}".encode())
    os._exit(0)


def _become(out: int, err: int, arguments: list[str], cwd: str, env: dict[str, str], fresh: bool) -> None:
    for source, target in ((os.open(os.devnull, os.O_RDONLY), 0), (out, 1), (err, 2)):
        os.dup2(source, target)
    _keep_open({0, 1, 2})
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    if fresh:
        os.execv(sys.executable, [sys.executable, *arguments])
    sys.path[0] = cwd
    code = 1
    try:
        code = _run(*arguments)
        threading._shutdown()
        atexit._run_exitfuncs()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def _run(flag: str, what: str, *arguments: str) -> int:
    kept = {"DEVNULL": subprocess.DEVNULL, "TimeoutExpired": subprocess.TimeoutExpired}
    workers.subprocess = SimpleNamespace(Popen=_ForkedNursery, **kept)  # type: ignore[assignment]
    sys.argv = [flag, *arguments]
    try:
        if flag == "-m":
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})
    except SystemExit as end:
        return int(end.code or 0)
    return 0


class _ForkedNursery:
    """What the workers need of ``subprocess.Popen``."""

    def __init__(self, command: list[str], pass_fds: list[int], **_: object) -> None:
        self._pid = os.fork()
        if self._pid == 0:
            signal.set_wakeup_fd(-1)  # the parent's reactor listens there
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _keep_open({0, 1, 2, *pass_fds})
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


if __name__ == "__main__":
    main(sys.argv[1])
