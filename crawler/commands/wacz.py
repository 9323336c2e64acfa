"""``scrapy wacz COLLECTION``: pack a collection as WACZ; ``scrapy wacz --check FILE.wacz``: look whether one holds."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from archive.collection import CollectionError, open_collection
from archive.pack import Options, Packed, pack, pack_days
from archive.removal import ensure_whole
from archive.signing import SigningError, load_key
from archive.wacz import WaczError, check
from archive.warc import OPEN_SUFFIX
from crawler.addon import policy_of
from crawler.guard import SettingError
from crawler.plain_log import show


class Command(ScrapyCommand):
    """Pack WARC files, index and pages into one file that players open, or a file a day."""

    requires_project = True
    default_settings: ClassVar[dict[str, Any]] = {"LOG_ENABLED": False}

    def syntax(self) -> str:
        """How it is called."""
        return "[options] <collection> | --check <file.wacz>"

    def short_desc(self) -> str:
        """What it does."""
        return "Pack a collection as WACZ, or check a WACZ file"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Options."""
        super().add_options(parser)
        parser.add_argument("--out", type=Path, metavar="FILE", help="the WACZ file (default: COLLECTION.wacz here)")
        parser.add_argument("--title", help="title that players show (default: the collection's name)")
        parser.add_argument("--description", help="description that players show")
        parser.add_argument("--sign-key", type=Path, metavar="KEY.pem", help="sign with this private key (P-384, PEM)")
        parser.add_argument(
            "--split", choices=("none", "day"), default="none", help="day: a file a day, and a JSON of them all"
        )
        parser.add_argument("--force", action="store_true", help="replace files that are there")
        parser.add_argument("--check", action="store_true", help="check a WACZ file of any hand instead")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Exit code 0, or 1 if a checked file does not hold."""
        if len(args) != 1:
            raise UsageError("give one collection, e.g. scrapy wacz collections/news", print_help=False)
        if opts.check:
            self._check(Path(args[0]))
            return
        try:
            self._pack(args[0], opts)
        except (CollectionError, WaczError, SigningError, SettingError) as error:
            raise UsageError(str(error), print_help=False) from None
        except OSError as error:
            why = f"{error.filename or opts.out}: cannot be written ({error.strerror}); make room, or give another --out"
            raise UsageError(why, print_help=False) from None

    def _pack(self, path: str, opts: argparse.Namespace) -> None:
        assert self.settings is not None  # set by Scrapy before run
        collection = open_collection(path)
        ensure_whole(collection)
        out = opts.out or Path(f"{collection.path.resolve().name}.wacz")
        key = load_key(opts.sign_key) if opts.sign_key else None
        with _progress() as progress:
            task = progress.add_task("packing", total=sum(one.stat().st_size for one in collection.warc_files()))
            tick = partial(progress.advance, task)
            options = Options(opts.title, opts.description, key, opts.force, policy_of(self.settings), tick)
            if opts.split == "day":
                table, packed = pack_days(collection, out, options)
            else:
                table, packed = None, [pack(collection, out, options)]
        for one in packed:
            show(report(one))
        for left in collection.warc_files():
            if left.name.endswith(OPEN_SUFFIX):
                print(f"  not packed: {left.name}, which a crash left open; the next crawl into {path} recovers it")
        if table:
            print(f"{table}\n  {len(packed):>9,} WACZ files as one collection")

    def _check(self, path: Path) -> None:
        with _progress() as progress:
            task = progress.add_task("checking", total=path.stat().st_size if path.is_file() else None)
            faults = check(path, lambda size: progress.advance(task, size))
        print(f"{path}\n  {len(faults):>9,} faults")
        for fault in faults:
            show([f"    {fault}"])
        self.exitcode = 1 if faults else 0


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)


def report(packed: Packed) -> list[str]:
    """What is in a WACZ file, line by line."""
    out = [
        str(packed.path),
        f"  {packed.bytes:>9,} bytes",
        f"  {packed.warcs:>9,} WARC files, {packed.lines:,} lines of index",
        f"  {packed.pages:>9,} pages with their text",
    ]
    if packed.materialised:
        out.append(f"  {packed.materialised:>9,} revisits written out in full, for their originals are not in this file")
    if packed.withheld:
        out.append(f"  {packed.withheld:>9,} captures left out, for their publishers' noarchive and the like (docs/rights.md)")
    if packed.without_text:
        out.append(f"  {packed.without_text:>9,} pages without their text, for noindex, TDM reservations and the like")
    if packed.unresolved:
        out.append(f"  {len(packed.unresolved):>9,} revisits left out of the index: no record here has their payload")
    return out + [f"    {one}" for one in packed.unresolved]
