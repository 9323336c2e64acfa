"""``scrapy takedown URL|HOST -o COLLECTION --reason …``: take an article or a host out of a collection, for good."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar

from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from archive.collection import Collection, CollectionError, open_collection
from archive.lock import WriterLock
from archive.removal import Plan
from archive.removal_plan import Found
from archive.tombstones import FILE, Target, TargetError, Tombstones
from pipelines.takedown import finish, look, take_down

_EXAMPLE = "scrapy takedown https://example.org/story -o collections/news --reason 'asked by its author'"


class Command(ScrapyCommand):
    """Remove records, rows, index lines and whatever else of it is kept, and leave a tombstone: it is never taken again."""

    requires_project = True
    default_settings: ClassVar[dict[str, Any]] = {"LOG_ENABLED": False}

    def syntax(self) -> str:
        """How it is called."""
        return "[options] <url | host>"

    def short_desc(self) -> str:
        """What it does."""
        return "Take an article or a host out of a collection, for good"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Options."""
        super().add_options(parser)
        parser.add_argument("-o", "--output", metavar="COLLECTION", help="the collection to take it out of")
        parser.add_argument(
            "--reason", metavar="WORDS", help="why; kept in the collection, and given wherever it is refused later"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would go, and change nothing")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Exit code 0 if it is gone, 1 if the disk refused, 2 if nothing could be done."""
        if not opts.output or len(args) > 1:
            raise UsageError(f"give an address or a host, and a collection, e.g. {_EXAMPLE}", print_help=False)
        try:
            collection = open_collection(opts.output)
            target = Target.parse(args[0]) if args else None
            if target and not opts.dry_run and not (opts.reason or "").strip():
                raise UsageError(f"say why with --reason, e.g. {_EXAMPLE}", print_help=False)
            with WriterLock(collection, "a takedown"):
                self._run(collection, target, opts)
        except (CollectionError, TargetError) as error:
            raise UsageError(str(error), print_help=False) from None
        except OSError as error:
            again = f"scrapy takedown -o {opts.output}"
            print(f"{opts.output}: cannot be written ({error}); mend that, then run: {again}", file=sys.stderr)
            self.exitcode = 1

    def _run(self, collection: Collection, target: Target | None, opts: argparse.Namespace) -> None:
        with _progress() as progress:
            if left := finish(collection, _copying(progress)):
                print("\n".join(["finished what was interrupted:", *report(left)]))
            if target is None:
                if not left:
                    raise UsageError(f"nothing was interrupted; give an address or a host, e.g. {_EXAMPLE}", print_help=False)
                return
            known = next((one for one in Tombstones(collection).all if one.target == target.given), None)
            task = progress.add_task("reading", total=None)
            try:
                found = look(collection, target, partial(progress.advance, task))
            except TargetError as error:
                mend = f" any more: {known.words}" if known else "; look for it in captures.url, and give it as it stands there"
                raise TargetError(f"{error}{mend}") from None
            if opts.dry_run:
                print("\n".join(preview(found)))
                return
            done = take_down(collection, found, opts.reason.strip(), partial(progress.advance, task), _copying(progress))
        print("\n".join([*report(done), *_left(found, opts.output)]))


@contextmanager
def _progress() -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), TextColumn("{task.completed:,}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield progress


def _copying(progress: Progress) -> Any:
    task = progress.add_task("bytes written", total=None, visible=False)

    def copied(size: int) -> None:
        progress.update(task, advance=size, visible=True)

    return copied


def preview(found: Found) -> list[str]:
    """What would go, line by line."""
    out = [
        f"{found.target.given}: would go",
        f"  {len(found.records):>9,} captures, {found.requisites:,} of them requisites that nothing else names",
        f"  {found.article_rows:>9,} article rows",
        f"  {len(found.files):>9,} files would be written anew:",
    ]
    return (
        out + [f"              {name}" for name in sorted(found.files)] + [f"    address   {key}" for key in sorted(found.keys)]
    )


def report(done: Plan) -> list[str]:
    """What went, line by line."""
    stone = done.tombstone
    out = [
        f"{stone.target}: {stone.words}",
        f"  {stone.captures:>9,} captures gone, with their requests, notes and index lines",
        f"  {stone.articles:>9,} article rows gone",
        f"  {len(done.files):>9,} files written anew:",
    ]
    for file in done.files:
        whose = "; a copy, the file that it was linked to belongs to somebody else and is as it was" if file.foreign else ""
        out.append(f"              {file.old} → {file.new or '(nothing is left of it)'}{whose}")
    return [*out, f"  It will not be taken again: {FILE}"]


def _left(found: Found, name: str) -> Iterator[str]:
    """What is to be known besides."""
    if found.kept:
        yield f"  {found.kept:>9,} requisites stay, for other pages name them"
    for url in sorted(found.twins):
        yield f"  The same text stands under another address: {url}"
    for place in found.damaged:
        yield f"  damaged, so nobody knows whose it is; it stays as it was: {place}"
    yield f"  Packages made before still have it: make them anew with scrapy wacz {name} --force."
    yield "  Pages, feeds and sitemaps that mention it stay."
