"""``scrapy audit COLLECTION``: what would not replay, and why."""

from __future__ import annotations

import argparse
import json
import statistics
from collections import Counter
from dataclasses import asdict
from typing import Any, ClassVar

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from archive.audit import Audit, audit
from archive.collection import CollectionError, open_collection
from archive.removal import ensure_whole
from crawler.plain_log import show

_SHOWN = 10


class Command(ScrapyCommand):
    """Look for records that no player reads and for pages that lack what they load."""

    requires_project = True
    default_settings: ClassVar[dict[str, Any]] = {"LOG_ENABLED": False}

    def syntax(self) -> str:
        """How it is called."""
        return "[options] <collection>"

    def short_desc(self) -> str:
        """What it does."""
        return "Tell what of a collection would not replay, and why"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Options."""
        super().add_options(parser)
        parser.add_argument("--sample", type=int, metavar="N", help="look at the pages of N articles (default: all)")
        parser.add_argument("--least", type=float, default=0.0, metavar="PERCENT", help="mean coverage below which it fails")
        parser.add_argument("--json", action="store_true", help="print everything as JSON")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Exit code 0 if all would replay; 1 if a record would not, or the pages lack more than ``--least`` allows."""
        if len(args) != 1:
            raise UsageError("give one collection, e.g. scrapy audit collections/news", print_help=False)
        try:
            collection = open_collection(args[0])
            ensure_whole(collection)
            columns = (SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn())
            with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
                task = progress.add_task("records and pages looked at", total=None)
                found = audit(collection, opts.sample, lambda: progress.advance(task))
        except CollectionError as error:
            raise UsageError(str(error), print_help=False) from None
        except FileNotFoundError as error:
            raise UsageError(f"{error.filename}: there is no index; run: scrapy index {args[0]}", print_help=False) from None
        if opts.json:
            print(_json(found))
        else:
            show(report(args[0], found))
        lacking = found.coverage is not None and found.coverage < opts.least
        self.exitcode = 1 if found.problems or lacking else 0


def report(path: str, found: Audit) -> list[str]:
    """What was found, line by line."""
    out = [path, f"  {found.counts['records']:>9,} records, {len(found.problems):,} that would not replay"]
    kinds = Counter(problem.kind for problem in found.problems)
    for kind, count in kinds.most_common():
        out.append(f"  {count:>9,} {kind}")
        shown = [problem for problem in found.problems if problem.kind == kind][:_SHOWN]
        out += [f"            {problem}" for problem in shown]
        out += [f"            … and {count - _SHOWN:,} more"] if count > _SHOWN else []
    if found.pages:
        out += _pages(found)
    return out


def _pages(found: Audit) -> list[str]:
    coverages = [page.coverage for page in found.pages]
    whole = sum(coverage == 100 for coverage in coverages)
    out = [
        f"  {len(found.pages):>9,} pages, {whole:,} of them with all that they load",
        f"  {statistics.mean(coverages):>9.1f} % of what a page loads is here in the mean, {statistics.median(coverages):.1f} %"
        f" in the median, {min(coverages):.1f} % at worst",
    ]
    if mixed := sum(len(page.other_scheme) for page in found.pages):
        out.append(
            f"  {mixed:>9,} addresses are here under http instead of https, or the other way round: ReplayWeb.page misses them"
        )
    missing = found.missing()
    if missing:
        out.append(f"  {len(missing):>9,} addresses are missing; most wanted:")
        reasons = {url: why for page in found.pages for url, why in page.reasons.items()}
        out += [f"            {url} ({pages:,} pages): {reasons[url]}" for url, pages in missing[:_SHOWN]]
    return out


def _json(found: Audit) -> str:
    pages = [asdict(page) | {"coverage": page.coverage} for page in found.pages]
    problems = [asdict(problem) for problem in found.problems]
    whole = {"records": found.counts["records"], "coverage": found.coverage, "problems": problems, "pages": pages}
    return json.dumps(whole, indent=2, ensure_ascii=False)
