"""Records taken out of a collection: files written anew without them, and everything that points into these files with them.

A file is written anew under a new name, so that every row leads to its record at any moment; the old one goes last. All that is
to be done is written down first (``state/takedown.json``): whatever is interrupted is done again from there, to the same end.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from archive.cdxj import filename_of, moved_line
from archive.cdxj_file import Lines, merge
from archive.collection import Collection, CollectionError
from archive.excerpt import Excerpt
from archive.originals import relocate
from archive.removal_ledger import forget_in_frontier, forget_in_ledger
from archive.robots_copies import forget_hosts
from archive.sources import Source, save
from archive.tables import Table
from archive.tombstones import Target, Tombstone, bury
from archive.whole import sync_folder, whole

JOURNAL = "takedown.json"
PAGES = "pages"  # column of articles that go on over several pages: the record of each
_NAME = re.compile(r"(.*?)(?:\.t(\d+))?((?:\.warc|\.arc)(?:\.gz)?|\.wacz|)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A file of the archive folder, what stays of it (offset and length of runs), and its new name; None if nothing stays."""

    old: str
    new: str | None
    runs: list[tuple[int, int]]
    foreign: bool = False

    @property
    def excerpt(self) -> Excerpt:
        """What stays."""
        return Excerpt(self.runs)


@dataclass(frozen=True, slots=True)
class Plan:
    """All of one takedown: its tombstone, the ids of captures whose records and rows go, those of articles of which all rows
    go, and the files."""

    tombstone: Tombstone
    records: list[str] = field(default_factory=list)
    articles: list[str] = field(default_factory=list)
    files: list[Rewritten] = field(default_factory=list)

    def save(self, collection: Collection) -> None:
        """Write it down; from here on it will be carried out. Raises OSError."""
        with whole(journal(collection)) as file:
            file.write(json.dumps(asdict(self)).encode())

    @classmethod
    def load(cls, collection: Collection) -> Plan | None:
        """The plan of an interrupted takedown, if there is one."""
        try:
            known = json.loads(journal(collection).read_text())
        except FileNotFoundError:
            return None
        files = [Rewritten(**one | {"runs": [tuple(run) for run in one["runs"]]}) for one in known["files"]]
        return cls(Tombstone(**known["tombstone"]), known["records"], known["articles"], files)


def journal(collection: Collection) -> Path:
    """The file that says what a takedown is about to do."""
    return collection.path / "state" / JOURNAL


def ensure_whole(collection: Collection) -> None:
    """Raises CollectionError if a takedown was interrupted: until it is finished, some records lie in two files."""
    if journal(collection).exists():
        mend = f"finish it with: scrapy takedown -o {collection.path}"
        raise CollectionError(f"{collection.path}: a takedown is going on, or was interrupted; {mend}")


def next_name(folder: Path, name: str) -> str:
    """The name of a file that was written anew: ``x.t1.warc.gz`` for ``x.warc.gz``, then ``x.t2.warc.gz``. What was in a WACZ
    stands by itself."""
    stem, number, ending = _NAME.fullmatch(name).groups()  # type: ignore[union-attr]
    count = int(number or 0) + 1
    ending = ".warc.gz" if ending == ".wacz" else ending
    while os.path.lexists(folder / f"{stem}.t{count}{ending}"):
        count += 1
    return f"{stem}.t{count}{ending}"


def carry_out(collection: Collection, plan: Plan, forget: Callable[[Plan], None], tick: Callable[[int], None]) -> None:
    """Do what a plan says, or what is left of it. ``forget`` takes out what other layers keep beside the tables; ``tick`` gets
    the bytes that were copied. Raises OSError; then the next call goes on."""
    bury(collection, plan.tombstone)
    for file in plan.files:
        if file.new:
            _copy(collection, file, file.new, tick)
    sync_folder(collection.archive)
    moves = {file.old: file for file in plan.files}
    for table, articles in ((collection.articles, plan.articles), (collection.captures, [])):
        for part in table.parts():
            _rewrite_part(table, part, set(plan.records), set(articles), moves)
    _rewrite_index(collection.index, moves)
    relocate(collection.path / "state" / "originals.sqlite", {name: (file.new, file.excerpt) for name, file in moves.items()})
    target = Target.parse(plan.tombstone.target)
    forget_hosts(collection.path / "state" / "robots.sqlite", target.covers)
    forget_in_ledger(Table(collection.path / "tables" / "ledger", pa.schema([]), ""), plan.records, plan.tombstone.words)
    forget_in_frontier(collection.path / "state" / "frontier.sqlite", plan.records, plan.tombstone.words)
    for derived in (collection.path / "state").glob("versions.sqlite*"):  # made anew from the articles table
        derived.unlink()
    forget(plan)
    _rename_in_journals(collection, moves)
    for package in (collection.path / "state").glob("*.wacz"):  # scrapy replay makes it anew
        package.unlink()
    for file in plan.files:
        (collection.archive / file.old).unlink(missing_ok=True)
        if file.foreign:
            (collection.sources / f"{file.old}.json").unlink(missing_ok=True)
    sync_folder(collection.archive)
    journal(collection).unlink()


def _copy(collection: Collection, file: Rewritten, new: str, tick: Callable[[int], None]) -> None:
    old, final = collection.archive / file.old, collection.archive / new
    if not final.exists():
        with old.open("rb") as source, whole(final) as out:
            out.writelines(file.excerpt.chunks(source, tick))
    if file.foreign:
        about = final.stat()
        save(collection, Source(new, str(final.resolve()), about.st_size, about.st_mtime_ns, finished=True))


def _rewrite_part(table: Table, part: Path, records: set[str], articles: set[str], moves: dict[str, Rewritten]) -> None:
    file = pq.ParquetFile(part)
    known = file.read(columns=["warc_filename", "warc_record_id"])
    names = set(known.column("warc_filename").unique().to_pylist())
    if PAGES in file.schema_arrow.names:
        names |= {page["warc_filename"] for pages in file.read(columns=[PAGES]).column(0).to_pylist() for page in pages or ()}
    ids = known.column("warc_record_id")
    goes = pc.is_in(ids, pa.array(records, pa.string()))
    if names.isdisjoint(moves) and not pc.any(goes).as_py():
        return
    rows = file.read()
    if articles:
        goes = pc.or_(goes, pc.is_in(rows.column("article_id"), pa.array(articles, pa.string())))
    kept = _moved(rows.filter(pc.invert(goes)), moves)
    if len(kept):
        table.replace(part, kept)
    else:
        part.unlink()
        sync_folder(part.parent)


def _moved(rows: pa.Table, moves: dict[str, Rewritten]) -> pa.Table:
    excerpts = {name: file.excerpt for name, file in moves.items()}
    names, offsets = list[Any](), list[Any]()
    for name, offset in zip(*(rows.column(one).to_pylist() for one in ("warc_filename", "warc_record_offset")), strict=True):
        file = moves.get(name)
        names.append(file.new if file else name)
        offsets.append(excerpts[name].moved(offset) if file else offset)
    if PAGES in rows.column_names:
        at = rows.column_names.index(PAGES)
        pages = [_moved_pages(one, moves, excerpts) for one in rows.column(at).to_pylist()]
        rows = rows.set_column(at, rows.schema.field(at), pa.array(pages, rows.schema.field(at).type))
    stays = pa.array([offset is not None for offset in offsets], pa.bool_())
    for column, values in (("warc_filename", names), ("warc_record_offset", offsets)):
        at = rows.column_names.index(column)
        rows = rows.set_column(at, rows.schema.field(at), pa.array(values, rows.schema.field(at).type))
    return rows.filter(stays)


def _moved_pages(
    pages: list[dict[str, Any]] | None, moves: dict[str, Rewritten], excerpts: dict[str, Excerpt]
) -> list[dict[str, Any]] | None:
    """The further pages of an article, each with the place of its record."""
    if pages is None:
        return None
    moved = list[dict[str, Any]]()
    for page in pages:
        if file := moves.get(page["warc_filename"]):
            offset = excerpts[file.old].moved(page["warc_record_offset"])
            moved.append(page | {"warc_filename": file.new, "warc_record_offset": offset})
        else:
            moved.append(page)
    return moved


def _rewrite_index(index: Path, moves: dict[str, Rewritten]) -> None:
    if not index.exists():
        return
    names = {name.encode(): (file.excerpt, file.new) for name, file in moves.items()}
    with index.open("rb") as file:
        found = (moved_line(line, *names[name]) for line in file if (name := filename_of(line)) in names)
        lines = Lines(index.parent, (line for line in found if line))
    merge(index, lines, moves)


def _rename_in_journals(collection: Collection, moves: dict[str, Rewritten]) -> None:
    for path in (collection.path / "state").glob("untabulated-*"):
        names = path.read_text().split()
        if not moves.keys().isdisjoint(names):
            kept = [moves[name].new if name in moves else name for name in names]
            partial = path.with_name(f".{path.name}")
            partial.write_text("".join(f"{name}\n" for name in kept if name))
            partial.rename(path)
