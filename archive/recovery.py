"""After a crash: what an unfinished WARC file still holds is kept, its torn tail is cut, and it gets its final name."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from isal import isal_zlib
from isal.igzip_lib import IsalError

from archive.lock import writer_of
from archive.warc import OPEN_SUFFIX
from archive.whole import sync_folder

_STEP = 1 << 20


@dataclass(frozen=True, slots=True)
class Recovered:
    """One file taken up again: its final path (None if no whole record was in it), bytes kept and bytes cut."""

    path: Path | None
    kept: int
    lost: int


class InUseError(Exception):
    """Another process writes to this file."""


def recover(folder: Path) -> list[Recovered]:
    """Finish every ``.open`` WARC file that a dead process left in ``folder``.

    Raises InUseError, with the file's name, if a living process holds one.
    """
    return [_finish(path) for path in sorted(folder.glob("*.warc.gz" + OPEN_SUFFIX))]


def in_use(folder: Path) -> str | None:
    """The name of a WARC file in the archive ``folder`` that a living process holds, or who else writes to the collection; or
    None."""
    for path in folder.glob("*.warc.gz" + OPEN_SUFFIX):
        with path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return path.name
    return writer_of(folder.parent)


def whole_members(path: Path) -> int:
    """Bytes up to the end of the last whole gzip member of ``path``; memory stays constant."""
    good = at = 0
    with path.open("rb") as file:
        unpacker, data = isal_zlib.decompressobj(31), b""
        while data := data or file.read(_STEP):
            try:
                while data and not unpacker.eof:
                    unpacker.decompress(data, _STEP)
                    at, data = at + len(data), unpacker.unconsumed_tail
                    at -= len(data)
            except IsalError:
                break
            if unpacker.eof:
                at -= len(unpacker.unused_data)
                good, data, unpacker = at, unpacker.unused_data, isal_zlib.decompressobj(31)
    return good


def _finish(path: Path) -> Recovered:
    with path.open("r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUseError(path.name) from None
        size, kept = path.stat().st_size, whole_members(path)
        if kept == 0:
            path.unlink()
            return Recovered(None, 0, size)
        if kept < size:
            file.truncate(kept)
        os.fsync(file.fileno())
        final = path.with_name(path.name.removesuffix(OPEN_SUFFIX))
        path.rename(final)
        sync_folder(path.parent)
    return Recovered(final, kept, size - kept)
