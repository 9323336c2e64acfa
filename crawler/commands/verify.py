"""``scrapy verify COLLECTION``: prove that every row has its record, and every record its digests and its text."""

from __future__ import annotations

import argparse
from typing import Any, ClassVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from archive.collection import Collection, CollectionError, open_collection
from archive.removal import ensure_whole
from archive.verify import Findings, verify
from crawler.addon import page_modules, recipes_of, worker_count
from crawler.guard import SettingError
from crawler.plain_log import show
from pipelines.recipes import Recipes
from pipelines.workers import Workers


class Command(ScrapyCommand):
    """Reopen every record by file, offset and length, and check what the rows and the digests say of it."""

    requires_project = True
    default_settings: ClassVar[dict[str, Any]] = {"LOG_ENABLED": False}

    def syntax(self) -> str:
        """How it is called."""
        return "[options] <collection>"

    def short_desc(self) -> str:
        """What it does."""
        return "Prove that every row of a collection has its record"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Options."""
        super().add_options(parser)
        parser.add_argument("--no-texts", action="store_true", help="do not extract the texts again (much faster)")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Exit code 0 if everything holds, 1 if anything does not."""
        assert self.settings is not None  # set by Scrapy before run
        if len(args) != 1:
            raise UsageError("give one collection, e.g. scrapy verify collections/news", print_help=False)
        try:
            collection = open_collection(args[0])
            recipes = recipes_of(self.settings, collection)
            ensure_whole(collection)
        except (CollectionError, SettingError) as error:
            raise UsageError(str(error), print_help=False) from None
        try:
            findings = self._look(collection, recipes, texts=not opts.no_texts)
        except FileNotFoundError as error:  # parts of tables were merged, or a takedown wrote them anew
            raise UsageError(f"{error}: a crawl works on this collection; try again", print_help=False) from None
        show(report(args[0], findings))
        self.exitcode = 1 if findings.mismatches else 0

    def _look(self, collection: Collection, recipes: Recipes, *, texts: bool) -> Findings:
        assert self.settings is not None
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("records and rows", total=None)
            findings = verify(collection, lambda: progress.advance(task))
            if texts:
                from pipelines.reread import verify_texts  # noqa: PLC0415 - Scrapy loads all commands whenever it runs one

                task = progress.add_task("texts", total=findings.counts["articles"])
                workers = Workers(worker_count(self.settings), self.settings.getfloat("BROADSHEET_PAGE_DEADLINE", 30.0))
                tick, modules = lambda: progress.advance(task), page_modules(self.settings)
                verify_texts(collection, workers, findings, tick, modules=modules, recipes=recipes)
                workers.close()
        return findings


def report(name: str, findings: Findings) -> list[str]:
    """What was checked and what did not hold, line by line."""
    counts = findings.counts
    out = [
        name,
        f"  {counts['records']:>9,} records in {counts['files']:,} WARC files: whole, digests checked",
        f"  {counts['captures']:>9,} captures rows: record reopened by file, offset and length",
        f"  {counts['articles']:>9,} articles rows: record reopened by file, offset and length",
    ]
    if counts["texts"]:
        out.append(f"  {counts['texts']:>9,} texts extracted again and compared")
    if counts["damaged"]:
        out.append(f"  {counts['damaged']:>9,} damaged records in files of others, passed over when they were read")
    if counts["other_extractor"]:
        out.append(f"  {counts['other_extractor']:>9,} texts of another extractor version, not compared")
    if counts["rule_changed"]:
        out.append(f"  {counts['rule_changed']:>9,} of them read by a rule that is not the site's rule by now")
    if counts["other_rules"]:
        out.append(f"  {counts['other_rules']:>9,} texts read by rules that are not as they were, not compared")
        out += [f"    {count:>9,} {note}" for note, count in findings.notes.most_common()]
    out.append(f"  {len(findings.mismatches):>9,} mismatches")
    return out + [f"    {mismatch}" for mismatch in findings.mismatches]
