"""CDXJ files: sorted lines gathered, merged and written whole, in constant memory."""

from __future__ import annotations

import heapq
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path
from typing import BinaryIO

from archive.cdxj import Entry, filename_of
from archive.cdxj_lines import Fault, index_lines
from archive.warc import OPEN_SUFFIX
from archive.whole import whole

_RUN_BYTES = 32 << 20
_MOST_RUNS = 64


class Lines:
    """Index lines gathered in any order, given back sorted and each once; what exceeds 32 MiB waits in files in ``folder``."""

    def __init__(self, folder: Path, lines: Iterable[bytes] = ()) -> None:
        self._folder = folder
        self._lines: list[bytes] = []
        self._bytes = 0
        self._runs: list[BinaryIO] = []
        for line in lines:
            self.add(line)

    def add(self, line: bytes) -> None:
        """Take a line. Raises OSError if the disk refuses; it was taken all the same."""
        self._lines.append(line)
        self._bytes += len(line) + 64  # what Python adds to it
        if self._bytes >= _RUN_BYTES:
            run = self._run([sorted(self._lines)])
            self._lines, self._bytes = [], 0
            self.add_sorted(run)

    def add_sorted(self, lines: BinaryIO) -> None:
        """Take a file of lines that are sorted; it is closed in the end. Raises OSError as ``add`` does."""
        self._runs.append(lines)
        if len(self._runs) >= _MOST_RUNS:
            self._runs = [self._run(self._rewound())]

    def _run(self, parts: Iterable[Iterable[bytes]]) -> BinaryIO:
        run = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115
        run.writelines(merged(parts))
        run.seek(0)
        return run

    def __iter__(self) -> Iterator[bytes]:
        return merged([*self._rewound(), sorted(self._lines)])

    def _rewound(self) -> list[BinaryIO]:
        for run in self._runs:
            run.seek(0)
        return self._runs


def merged(parts: Iterable[Iterable[bytes]]) -> Iterator[bytes]:
    """Sorted lines of several sources as one sorted sequence, each once."""
    return (line for line, _ in groupby(heapq.merge(*parts)))


def merge(index: Path, lines: Iterable[bytes], filenames: Collection[str]) -> int:
    """Put sorted ``lines`` into an index in place of all that it held of the WARC files ``filenames``; constant memory.

    The new index appears whole and durable. Returns its number of lines. Raises OSError with the old one untouched.
    """
    names = {name.encode() for name in filenames}
    if not index.exists():
        return _write(index, lines)
    with index.open("rb") as old:
        return _write(index, merged([(line for line in old if filename_of(line) not in names), lines]))


def _write(index: Path, lines: Iterable[bytes]) -> int:
    index.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with whole(index) as out:
        for line in lines:
            out.write(line)
            count += 1
    return count


def add_files(index: Path, paths: Collection[Path]) -> list[Fault]:
    """Read WARC files into an index, in place of what it held of them. Returns what could not be read."""
    index.parent.mkdir(parents=True, exist_ok=True)
    faults: list[Fault] = []
    lines = Lines(index.parent, (line for path in paths for line in index_lines(path, faults.append)))
    merge(index, lines, {path.name.removesuffix(OPEN_SUFFIX) for path in paths})
    return faults


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How many lines an index has, and which places of the WARC files could not be read."""

    lines: int
    faults: list[Fault]


def rebuild(
    index: Path,
    paths: Collection[Path],
    tick: Callable[[int], None] = lambda _: None,
    jobs: int = 1,
    refused: Callable[[str], object] | None = None,
) -> Rebuilt:
    """Make an index anew from all WARC files, in ``jobs`` processes. ``tick`` gets the bytes of each file that is done; an
    address that is ``refused`` gets no line.

    The torn tail of a file that a crash left open is recovery's business and no fault. Raises OSError with the old index
    untouched if the disk refuses.
    """
    index.parent.mkdir(parents=True, exist_ok=True)
    faults: list[Fault] = []
    with tempfile.TemporaryDirectory(dir=index.parent, prefix=".runs-") as folder:
        lines = Lines(Path(folder))
        for path, run, found in _runs(paths, Path(folder), min(jobs, len(paths))):
            lines.add_sorted(run.open("rb"))
            run.unlink()
            faults += [fault for fault in found if not fault.filename.endswith(OPEN_SUFFIX)]
            tick(path.stat().st_size)
        count = _write(index, (line for line in lines if not refused(Entry.parse(line).url)) if refused else lines)
    return Rebuilt(count, sorted(faults, key=lambda fault: (fault.filename, fault.offset)))


def _runs(paths: Collection[Path], folder: Path, jobs: int) -> Iterator[tuple[Path, Path, list[Fault]]]:
    """Each WARC file with the file of its sorted lines, as they get ready."""
    if jobs <= 1:
        yield from ((path, *_write_run(path, folder)) for path in paths)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:  # the caller may have threads, which a fork would cut off
        tasks = {pool.submit(_write_run, path, folder): path for path in paths}
        for task in as_completed(tasks):
            yield tasks[task], *task.result()


def _write_run(path: Path, folder: Path) -> tuple[Path, list[Fault]]:
    run, faults = folder / path.name, list[Fault]()
    with run.open("wb") as out:
        out.writelines(Lines(folder, index_lines(path, faults.append)))
    return run, faults
