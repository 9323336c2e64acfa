"""``scrapy index COLLECTION``: make the CDXJ index anew from the WARC files."""

from __future__ import annotations

import argparse
import os
from functools import partial
from typing import Any, ClassVar

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from archive.cdxj_file import rebuild
from archive.collection import CollectionError, open_collection
from archive.recovery import in_use
from archive.removal import ensure_whole
from archive.tombstones import Tombstones
from crawler.plain_log import show


class Command(ScrapyCommand):
    """Read all WARC files of a collection and write their index; what is damaged is named and passed over."""

    requires_project = True
    default_settings: ClassVar[dict[str, Any]] = {"LOG_ENABLED": False}

    def syntax(self) -> str:
        """How it is called."""
        return "[options] <collection>"

    def short_desc(self) -> str:
        """What it does."""
        return "Make the CDXJ index of a collection anew from its WARC files"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Options."""
        super().add_options(parser)
        parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one a core)")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Exit code 0 if every file is whole, 1 if a part of one could not be read."""
        if len(args) != 1:
            raise UsageError("give one collection, e.g. scrapy index collections/news", print_help=False)
        try:
            collection = open_collection(args[0])
            ensure_whole(collection)
        except CollectionError as error:
            raise UsageError(str(error), print_help=False) from None
        if name := in_use(collection.archive):
            raise UsageError(f"{args[0]}: it is being written to ({name}); wait for its end", print_help=False)
        tombstones = Tombstones(collection)
        taken_down = tombstones.of if tombstones.all else None
        paths = [*collection.warc_files(), *sorted(collection.archive.glob("*.warc"))]
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("WARC files", total=sum(path.stat().st_size for path in paths))
            try:
                rebuilt = rebuild(collection.index, paths, partial(progress.advance, task), max(opts.jobs, 1), taken_down)
            except OSError as error:
                raise UsageError(
                    f"{collection.index}: cannot be written ({error.strerror}); make room", print_help=False
                ) from None
        print(f"{args[0]}\n  {rebuilt.lines:>9,} lines of {len(paths):,} WARC files in {collection.index}")
        for fault in rebuilt.faults:
            show([f"    {fault}"])
        self.exitcode = 1 if rebuilt.faults else 0
