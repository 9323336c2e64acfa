"""Worker processes that read pages: a page that hangs or crashes costs that page only.

One fresh interpreter, the nursery, imports and warms up everything once; workers are forked from it in a millisecond, also
after a crash, and share its memory. Each is watched by one thread here. Not ``concurrent.futures``: there a dead worker breaks
the whole pool and none can be killed at a deadline; not ``multiprocessing``'s fork server, whose preloading fails in silence.
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
import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from archive.announcement import Announcement
from pipelines.article import Page
from pipelines.recipes import Recipe

_MEMORY = 256 << 20  # bytes that a worker may take beyond what it has when it is made; real pages take 5 to 30 MB
_NICE = 10  # the event loop comes first: it keeps the workers busy
_GRACE = 30  # hundredths of a second that a worker has to end by itself


class PageLostError(Exception):
    """A page that no worker could read; ``state`` is timeout, crashed or failed."""

    def __init__(self, state: str, reason: str) -> None:
        super().__init__(reason)
        self.state, self.reason = state, reason


class _FullError(PageLostError):
    """A page that takes more memory than a worker may have."""

    def __init__(self) -> None:
        super().__init__("crashed", f"it takes more than {_MEMORY >> 20} MiB of memory to read")


@dataclass(frozen=True, slots=True)
class Job:
    """A page to read: decoded HTML, its address, the response header fields that bear on reading it, whether to tell what it
    loads, how people want it read, and what was said of it before it was fetched."""

    html: bytes
    url: str
    content_type: str | None = None
    headers: dict[str, str] | None = None
    requisites: bool = False
    recipe: Recipe | None = None
    announced: Announcement | None = None


class Workers:
    """``count`` processes that run ``function`` (``module:name``, called with a Job's fields), each page within
    ``deadline`` seconds."""

    def __init__(self, count: int, deadline: float, function: str = "pipelines.extract:extract") -> None:
        self._deadline = deadline
        self._nursery = _Nursery(function, deadline)
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
        """Let the workers end, after the pages at hand and in the queue."""
        self._closing = True
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join(self._deadline + 1)
        self._nursery.close()

    def _serve(self) -> None:
        seat = _Seat(self._nursery)
        while (item := self._jobs.get()) is not None:
            job, future = item
            if not future.set_running_or_notify_cancel():
                continue  # nobody waits for this page any more
            try:
                future.set_result(seat.read(job))
            except PageLostError as lost:
                future.set_exception(lost)
        seat.clear()


class _Seat:
    """Where one worker at a time reads; one that dies is replaced."""

    def __init__(self, nursery: _Nursery) -> None:
        self._nursery = nursery
        self._worker: _Worker | None = None

    def read(self, job: Job) -> Page:
        fresh = self._worker is None
        worker = self._worker = self._worker or self._nursery.worker()
        try:
            return worker.read(job)
        except PageLostError as lost:
            if lost.state == "failed":
                raise
            self.clear()
            if fresh or not isinstance(lost, _FullError):
                raise
        return self.read(job)  # it may have been the pages before that took the memory

    def clear(self) -> None:
        if self._worker:
            self._worker.end()
            self._worker = None


class _Nursery:
    """The process that workers are forked from; asked by one thread at a time."""

    def __init__(self, function: str, deadline: float) -> None:
        ours, theirs = socket.socketpair()
        self._control, self._deadline, self._lock = ours, deadline, threading.Lock()
        command = [sys.executable, "-m", "pipelines.workers", str(theirs.fileno()), function, str(deadline)]
        path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603
                command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": path}
            )

    def worker(self) -> _Worker:
        """A new worker. Raises PageLostError if the nursery is gone."""
        ours, theirs = socket.socketpair()
        try:
            with self._lock, theirs:
                socket.send_fds(self._control, [b"fork"], [theirs.fileno()])
                pid = int(self._control.recv(32))
        except (OSError, ValueError):
            raise PageLostError("crashed", "the process that makes workers died") from None
        return _Worker(self, pid, Connection(ours.detach()), self._deadline)

    def end(self, pid: int) -> str:
        """End a worker if it has not ended by itself; how it ended."""
        with self._lock, suppress(OSError, ValueError):
            self._control.sendall(str(pid).encode())
            code = int(self._control.recv(32))
            return signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return "its end is not known"

    def close(self) -> None:
        self._control.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class _Worker:
    """One process that reads pages, and the connection to it."""

    def __init__(self, nursery: _Nursery, pid: int, connection: Connection, deadline: float) -> None:
        self._nursery, self._connection, self._deadline = nursery, connection, deadline
        self._pid: int | None = pid

    def read(self, job: Job) -> Page:
        try:
            self._connection.send_bytes(pickle.dumps(job, pickle.HIGHEST_PROTOCOL))
            if not self._connection.poll(self._deadline):
                raise PageLostError("timeout", f"not read within {self._deadline:g} s")
            answer = self._connection.recv()
        except (EOFError, OSError):
            raise PageLostError("crashed", f"the worker died ({self.end()})") from None
        if isinstance(answer, Page):
            return answer
        if answer is None:
            raise _FullError
        raise PageLostError("failed", str(answer))

    def end(self) -> str | None:
        """See to it that the process is gone; how it ended, at the first call."""
        self._connection.close()
        pid, self._pid = self._pid, None
        return self._nursery.end(pid) if pid else None


def main(descriptor: str, function: str, deadline: str) -> None:
    """The nursery's life: warm up, then fork workers and bury them as asked, until the other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    os.nice(_NICE)
    module_name, _, name = function.partition(":")
    module = importlib.import_module(module_name)
    getattr(module, "warm_up", lambda: None)()
    gc.collect()
    gc.freeze()  # what is loaded by now stays: collections need not look at it, and forks share it
    control = socket.socket(fileno=int(descriptor))
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 32, 1)
        if not message:
            return
        if descriptors:
            _fork(control, descriptors[0], getattr(module, name), float(deadline))
        else:
            control.sendall(str(_bury(int(message))).encode())


def _fork(control: socket.socket, descriptor: int, read: Any, deadline: float) -> None:
    pid = os.fork()
    if pid:
        os.close(descriptor)
        control.sendall(str(pid).encode())
        return
    control.close()
    _limit()
    try:
        _read_pages(Connection(descriptor), read, deadline)
    finally:
        os._exit(0)


def _limit() -> None:
    """Bound what this process may take: memory, and no core dumps of it."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError):  # only Linux tells how much it is, and holds to the limit
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + _MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _bury(pid: int) -> int:
    """Wait for a worker that ends, kill it if it does not; its exit code, negative for a signal."""
    for _ in range(_GRACE):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _read_pages(connection: Connection, read: Any, deadline: float) -> None:
    while True:
        try:
            job = connection.recv()
        except (EOFError, OSError):
            return
        # an orphan that hangs dies of this alarm; a living parent kills it sooner
        signal.alarm(int(deadline) + 10)
        connection.send(_answer(read, job))
        signal.alarm(0)


def _answer(read: Any, job: Job) -> Page | str | None:
    """The page, why it could not be read, or nothing if memory did not suffice."""
    more: dict[str, Any] = {"requisites": True} if job.requisites else {}
    if job.recipe:
        more["recipe"] = job.recipe
    if job.announced:
        more["announced"] = job.announced
    try:
        page: Page = read(job.html, job.url, content_type=job.content_type, headers=job.headers, **more)
    except MemoryError:
        return None
    except Exception as error:  # whatever a page makes an extractor do, it is this page's result
        return f"{type(error).__name__}: {error}"[:300]
    return page


if __name__ == "__main__":
    main(*sys.argv[1:])
