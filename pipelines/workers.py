"""Worker processes that read pages: a page that hangs or crashes costs that page only.

Each worker is a fresh interpreter on a socket pair, warmed up before its first page, and watched by one thread here. Plain
processes rather than ``concurrent.futures``: there a dead worker breaks the whole pool, and none can be killed at a deadline.
"""

from __future__ import annotations

import gc
import importlib
import os
import pickle
import queue
import resource
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from pipelines.article import Page

_MEMORY_LIMIT = 4 << 30  # bytes of address space a worker may have
_START_DEADLINE = 120.0  # seconds for importing and warming up


class PageLostError(Exception):
    """A page that no worker could read; ``state`` is timeout, crashed or failed."""

    def __init__(self, state: str, reason: str) -> None:
        super().__init__(reason)
        self.state, self.reason = state, reason


@dataclass(frozen=True, slots=True)
class Job:
    """A page to read: decoded HTML, its address, and the response header fields that bear on reading it."""

    html: bytes
    url: str
    content_type: str | None = None
    headers: dict[str, str] | None = None


class Workers:
    """``count`` processes that run ``function`` (``module:name``, called with a Job's fields), each page within
    ``deadline`` seconds."""

    def __init__(self, count: int, deadline: float, function: str = "pipelines.extract:extract") -> None:
        self._deadline, self._function = deadline, function
        self._jobs: queue.SimpleQueue[tuple[Job, Future[Page]] | None] = queue.SimpleQueue()
        self._closing = False
        self._threads = [threading.Thread(target=self._serve, name=f"worker-{n}", daemon=True) for n in range(count)]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job) -> Future[Page]:
        """Have a page read. The future raises PageLostError if that was not possible."""
        future: Future[Page] = Future()
        if self._closing:
            future.set_exception(PageLostError("failed", "the crawl was ending"))
        else:
            self._jobs.put((job, future))
        return future

    def close(self) -> None:
        """Let the workers end; pages not yet begun are given up. Takes no longer than the page at hand."""
        self._closing = True
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join(self._deadline + 1)

    def _serve(self) -> None:
        worker = _Worker(self._function, self._deadline)
        while (item := self._jobs.get()) is not None:
            job, future = item
            try:
                future.set_result(worker.read(job))
            except PageLostError as lost:
                future.set_exception(lost)
                if lost.state != "failed":
                    worker.kill()
                    worker = _Worker(self._function, self._deadline)
        worker.kill()


class _Worker:
    """One process and the connection to it."""

    def __init__(self, function: str, deadline: float) -> None:
        ours, theirs = socket.socketpair()
        self._deadline, self._ready = deadline, False
        self._connection = Connection(ours.detach())
        command = [sys.executable, "-m", "pipelines.workers", str(theirs.fileno()), function, str(deadline)]
        path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603
                command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": path}
            )

    def read(self, job: Job) -> Page:
        try:
            if not self._ready:
                self._receive(_START_DEADLINE)
                self._ready = True
            self._connection.send_bytes(pickle.dumps(job, pickle.HIGHEST_PROTOCOL))
            answer = self._receive(self._deadline)
        except (EOFError, OSError):
            raise PageLostError("crashed", f"the worker died ({self._death()})") from None
        if isinstance(answer, Page):
            return answer
        raise PageLostError("failed", str(answer))

    def _receive(self, timeout: float) -> Any:
        if not self._connection.poll(timeout):
            raise PageLostError("timeout", f"not read within {timeout:g} s")
        return self._connection.recv()

    def _death(self) -> str:
        try:
            code = self._process.wait(5)
        except subprocess.TimeoutExpired:
            return "it closed the connection"
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def kill(self) -> None:
        self._connection.close()
        self._process.kill()
        self._process.wait()


def main(descriptor: str, function: str, deadline: str) -> None:
    """A worker's life: warm up, say so, then read pages until the other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_LIMIT, _MEMORY_LIMIT))
    module_name, _, name = function.partition(":")
    module = importlib.import_module(module_name)
    read = getattr(module, name)
    getattr(module, "warm_up", lambda: None)()
    gc.freeze()  # what is loaded by now stays: no need to look at it in every collection
    connection = Connection(int(descriptor))
    connection.send("ready")
    while True:
        try:
            job = connection.recv()
        except (EOFError, OSError):
            return
        # an orphan that hangs dies of this alarm; a living parent kills it sooner
        signal.alarm(int(float(deadline)) + 10)
        connection.send(_answer(read, job))
        signal.alarm(0)


def _answer(read: Any, job: Job) -> Page | str:
    try:
        page: Page = read(job.html, job.url, content_type=job.content_type, headers=job.headers)
    except Exception as error:  # whatever a page makes an extractor do, it is this page's result
        return f"{type(error).__name__}: {error}"[:300]
    return page


if __name__ == "__main__":
    main(*sys.argv[1:])
