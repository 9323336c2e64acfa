"""The files of others that a collection's rows point into: linked into its archive folder, with what came of each."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow.dataset as ds

from archive.collection import Collection
from archive.foreign import NAMES, Damage
from archive.warc import OPEN_SUFFIX
from archive.whole import sync_folder, whole

_MOST_DAMAGES = 1_000


class SourceError(Exception):
    """A path that cannot be read from; the message names it, the reason and the mend."""


@dataclass(slots=True)
class Source:
    """One file as it was given: ``name`` is its ``warc_filename`` in the rows, ``bytes`` and ``modified_ns`` tell whether it
    is still the same. ``damages`` holds offset and reason of at most 1,000 damaged places, ``damaged`` counts all."""

    name: str
    path: str
    bytes: int
    modified_ns: int
    finished: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    damaged: int = 0
    damages: list[tuple[int, str]] = field(default_factory=list)

    def note(self, damage: Damage) -> None:
        """Take note of a damaged place."""
        self.damaged += 1
        if len(self.damages) < _MOST_DAMAGES:
            self.damages.append((damage.offset, damage.reason))


def archive_files(paths: Iterable[str | os.PathLike[str]]) -> Iterator[Path | SourceError]:
    """The archive files that were meant, each once: files themselves, of folders those named like archives, by name."""
    seen: set[Path] = set()
    for given in map(Path, paths):
        for found in _files_of(given):
            if isinstance(found, SourceError):
                yield found
            elif (real := found.resolve()) not in seen:
                seen.add(real)
                yield real


def _files_of(given: Path) -> Iterator[Path | SourceError]:
    try:
        if given.is_dir():
            found = sorted(path for path in given.rglob("*") if path.name.lower().endswith(NAMES) and path.is_file())
            if not found:
                yield SourceError(f"{given}: no file in this folder is named {', '.join('*' + name for name in NAMES)}")
            for path in found:
                yield from _files_of(path)
        elif not given.exists():
            yield SourceError(f"{given}: there is no such file; check the path")
        elif not given.is_file():
            yield SourceError(f"{given}: not a regular file; give a WARC, ARC or WACZ file, or a folder of them")
        elif not os.access(given, os.R_OK):
            yield SourceError(f"{given}: may not be read; check its rights")
        else:
            yield given
    except OSError as error:
        yield SourceError(f"{given}: cannot be read ({error.strerror}); check the path and its rights")


def register(collection: Collection, path: Path) -> Source:
    """Link a file into the archive folder, so that rows can point at it. Raises SourceError, OSError if the disk refuses.

    A source that was finished earlier, and is still the same file, comes back as finished.
    """
    if path.parent == collection.archive.resolve():
        raise SourceError(f"{path}: lies in the collection itself; give another collection to write to")
    try:
        size, modified = path.stat().st_size, path.stat().st_mtime_ns
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    name = _free_name(collection, path)
    known = load(collection, name)
    if known and known.finished and (known.bytes, known.modified_ns) == (size, modified):
        return known
    source = Source(name, str(path), size, modified)
    save(collection, source)
    link = collection.archive / name
    if not link.is_symlink():
        link.symlink_to(path)
        sync_folder(collection.archive)
    return source


def _free_name(collection: Collection, path: Path) -> str:
    """The file's own name, unless another file in the archive folder has it."""
    # a name that ends in .open would be taken for a file that a crawl is writing, and be cut after a crash
    name = path.name.removesuffix(OPEN_SUFFIX).encode(errors="replace").decode()
    known = load(collection, name)
    if known.path == str(path) if known else not (collection.archive / name).exists():
        return name
    return f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}-{name}"


def load(collection: Collection, name: str) -> Source | None:
    """What is known of a source, or None if there is none of that name."""
    try:
        return Source(**json.loads((collection.sources / f"{name}.json").read_text()))
    except FileNotFoundError:
        return None


def save(collection: Collection, source: Source) -> None:
    """Write down what is known of a source; durable and whole."""
    collection.sources.mkdir(parents=True, exist_ok=True)
    with whole(collection.sources / f"{source.name}.json") as file:
        file.write(json.dumps(asdict(source), indent=1).encode())


def forget(collection: Collection, source: Source) -> None:
    """Take a file that gave no row out of the collection again; one that rows point into stays."""
    pointing = ds.field("warc_filename") == source.name
    if collection.captures.dataset().count_rows(filter=pointing) == 0:
        (collection.archive / source.name).unlink(missing_ok=True)
        (collection.sources / f"{source.name}.json").unlink(missing_ok=True)


def sources(collection: Collection) -> list[Source]:
    """All sources of a collection, by name."""
    found = (load(collection, path.name.removesuffix(".json")) for path in sorted(collection.sources.glob("*.json")))
    return [source for source in found if source]
