"""One writer at a time: a crawl, an extraction, a takedown and the like keep a collection for themselves while they last."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from archive.collection import Collection, CollectionError

LOCK = "writer.lock"


class WriterLock:
    """The right to write to a collection, until it is released or the process ends. ``writer`` says who has it: "a crawl".

    Raises CollectionError, naming the writer, if somebody has it.
    """

    def __init__(self, collection: Collection, writer: str) -> None:
        path = collection.path / "state" / LOCK
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            there = _said(self._file)
            self._file.close()
            raise CollectionError(f"{collection.path}: it is being written to ({there}); wait for its end") from None
        self._file.truncate(0)
        self._file.write(f"{writer} (process {os.getpid()})")
        self._file.flush()

    def release(self) -> None:
        """Let others write; may be called again."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.release()


def writer_of(folder: Path) -> str | None:
    """Who writes to the collection in ``folder``, as it calls itself; None if nobody does."""
    try:
        with (folder / "state" / LOCK).open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return _said(file)
    except FileNotFoundError:
        pass
    return None


def _said(file: TextIO) -> str:
    file.seek(0)
    return file.read(200) or "somebody"
