"""``scrapy extract PATH… -o COLLECTION``: articles and captures out of anybody's WARC, ARC and WACZ files."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from archive.collection import Collection, CollectionError, create_collection, open_collection
from archive.lock import WriterLock
from archive.recovery import in_use
from archive.sources import SourceError, archive_files
from crawler.addon import policy_of, recipes_of, worker_count
from crawler.guard import SettingError
from crawler.plain_log import show
from pipelines.intake import Extraction, Tally
from pipelines.takedown import finish
from pipelines.workers import Workers

_STATES = {
    "article": "articles",
    "page": "further pages of articles",
    "duplicate": "AMP and print twins of articles",
    "unchanged": "unchanged, or the same page again",
    "not_article": "not articles",
    "blocked": "blocked: captchas, walls, soft 404s",
    "taken_down": "taken down from the collection earlier",
    "reserved": "reserved by their publishers, so no articles by the strict policy",
    "timeout": "not read within the deadline",
    "crashed": "crashed their reader",
    "failed": "could not be read",
}


class Command(ScrapyCommand):
    """Turn archive files into the tables that a crawl writes. Takes up again where an earlier run ended."""

    requires_project = True
    default_settings: ClassVar[dict[str, Any]] = {"LOG_ENABLED": False}

    def syntax(self) -> str:
        """How it is called."""
        return "[options] <path> ..."

    def short_desc(self) -> str:
        """What it does."""
        return "Extract articles from WARC, ARC and WACZ files of any origin"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Options."""
        super().add_options(parser)
        parser.add_argument("-o", "--output", metavar="COLLECTION", help="collection to add the rows to; made if it is missing")
        parser.add_argument(
            "--explain",
            metavar="URL",
            help="say how the row of this page comes about; PATH is a collection, archive or HTML file",
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Exit code 0 if all files were read, damaged records passed over; 1 if a file was not, or the disk refused."""
        assert self.settings is not None  # set by Scrapy before run
        if opts.explain:
            self._explain(args, opts.explain)
            return
        if not args or not opts.output:
            example = "scrapy extract crawl.warc.gz -o collections/mine"
            raise UsageError(f"give files or folders and a collection, e.g. {example}", print_help=False)
        paths, refused = _paths(args)
        if not paths:
            raise UsageError(refused[0], print_help=False)
        try:
            count, policy = worker_count(self.settings), policy_of(self.settings)
            with _opened(opts.output) as collection, _progress(paths) as (tell, tick):
                recipes = recipes_of(self.settings, collection)
                for line in refused:
                    tell(line)
                workers = Workers(count, self.settings.getfloat("BROADSHEET_PAGE_DEADLINE", 30.0))
                with closing(workers):
                    began = time.monotonic()
                    tally = Extraction(collection, workers, tell, tick, recipes, policy=policy).read(paths)
        except (CollectionError, SettingError) as error:
            raise UsageError(str(error), print_help=False) from None
        except KeyboardInterrupt:
            print("Interrupted; the same command goes on from here", file=sys.stderr)
            self.exitcode = 130
            return
        except OSError as error:
            print(f"{opts.output}: cannot be written ({error}); mend that, then run the same command again", file=sys.stderr)
            self.exitcode = 1
            return
        show(report(opts.output, tally, time.monotonic() - began))
        self.exitcode = 1 if refused or tally.refused else 0

    def _explain(self, args: list[str], url: str) -> None:
        from crawler.explaining import NotFoundError, explain, find_page  # noqa: PLC0415 - Scrapy loads all commands whenever it runs one

        assert self.settings is not None
        if len(args) != 1:
            example = f"scrapy extract --explain {url} collections/news"
            raise UsageError(
                f"give one collection, archive file or HTML file that has the page, e.g. {example}", print_help=False
            )
        try:
            found = find_page(url, args[0])
            own = open_collection(args[0]) if (Path(args[0]) / "collection.json").is_file() else None
            explain(found, recipes_of(self.settings, own), Console(soft_wrap=True, highlight=False, markup=False))
        except (NotFoundError, CollectionError, SettingError, OSError) as error:
            raise UsageError(str(error), print_help=False) from None


def _paths(args: list[str]) -> tuple[list[Path], list[str]]:
    found = list(archive_files(args))
    return [path for path in found if isinstance(path, Path)], [str(path) for path in found if isinstance(path, SourceError)]


@contextmanager
def _opened(output: str) -> Iterator[Collection]:
    """The collection, kept from crawls and other extractions meanwhile."""
    collection = create_collection(output)
    if name := in_use(collection.archive):
        raise CollectionError(
            f"{collection.path}: it is being written to ({name}); wait for its end, or give another collection"
        )
    with WriterLock(collection, "an extraction"):
        finish(collection)
        yield collection


@contextmanager
def _progress(paths: list[Path]) -> Iterator[tuple[Callable[[str], None], Callable[[Tally], None]]]:
    """A bar on standard error, for a terminal; lines about what is wrong stay above it."""
    console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("reading", total=sum(path.stat().st_size for path in paths))
        began = time.monotonic()

        def tick(tally: Tally) -> None:
            rate = tally.counts["pages"] / max(time.monotonic() - began, 1e-9)
            known = f"{tally.counts['pages']:,} pages · {tally.counts['article']:,} articles · {rate:.1f} pages/s"
            bar.update(task, completed=tally.bytes, description=known)

        yield console.print, tick


def report(name: str, tally: Tally, seconds: float) -> list[str]:
    """What came of it, line by line."""
    counts = tally.counts
    out = [name, f"  {counts['records']:>9,} records in {counts['files']:,} files"]
    if counts["finished_files"]:
        out.append(f"  {counts['finished_files']:>9,} files read by an earlier run")
    out.append(f"  {counts['captures']:>9,} captures" + (f", {counts['known']:,} had their row" if counts["known"] else ""))
    out.append(f"  {counts['pages']:>9,} pages, {counts['pages'] / seconds:.1f} a second")
    out += [f"  {counts[state]:>11,} {label}" for state, label in _STATES.items() if counts[state]]
    if counts["recleaned"]:
        out.append(f"  {counts['recleaned']:>9,} rows changed by what their sites taught")
    if counts["damaged"]:
        out.append(f"  {counts['damaged']:>9,} damaged records, passed over")
    if tally.refused:
        out.append(f"  {tally.refused:>9,} files not read, or not to their end")
    return out
