"""``scrapy sites COLLECTION [HOST]``: what the sites of a collection repeat, and its rows cleaned of that."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import closing
from typing import Any, ClassVar

import pyarrow.dataset as ds
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from archive.collection import Collection, CollectionError, open_collection
from archive.lock import WriterLock
from archive.recovery import in_use
from crawler.plain_log import show
from pipelines.blocks import blocks_of
from pipelines.cleaning import uncut_text
from pipelines.reclean import reclean
from pipelines.site import Learned
from pipelines.sites import Host, Sites
from pipelines.takedown import finish

_BATCH = 1_000  # rows whose texts are held at once


class Command(ScrapyCommand):
    """Show what was learned; ``--apply`` cleans all earlier rows with it, ``--rebuild`` learns it anew from the tables."""

    requires_project = True
    default_settings: ClassVar[dict[str, Any]] = {"LOG_ENABLED": False}

    def syntax(self) -> str:
        """How it is called."""
        return "[options] <collection> [<host>]"

    def short_desc(self) -> str:
        """What it does."""
        return "Show what the sites of a collection repeat on many pages"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Options."""
        super().add_options(parser)
        parser.add_argument(
            "--apply", action="store_true", help="clean all rows of the articles table with what is known by now"
        )
        parser.add_argument("--rebuild", action="store_true", help="learn anew from the articles table")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Exit code 0, or 2 with the reason if it could not be done."""
        if len(args) not in (1, 2):
            raise UsageError("give a collection, and a host if you like, e.g. scrapy sites collections/news", print_help=False)
        try:
            collection = open_collection(args[0])
            with closing(Sites(collection)) as sites:
                self._run(collection, sites, opts, args[1] if len(args) == 2 else None)
        except CollectionError as error:
            raise UsageError(str(error), print_help=False) from None
        except OSError as error:
            said = f"{error.strerror}; mend that, then run the same command again"
            raise UsageError(said, print_help=False) from None

    def _run(self, collection: Collection, sites: Sites, opts: argparse.Namespace, name: str | None) -> None:
        if writer := in_use(collection.archive):
            if opts.apply or opts.rebuild:
                raise CollectionError(f"{collection.path}: it is being written to ({writer}); wait for its end")
        else:
            with WriterLock(collection, "scrapy sites"):
                finish(collection)
                _bring_up_to_date(collection, sites, opts)
        hosts = sites.hosts()
        if name is None:
            show(overview(hosts))
            return
        host = next((host for host in hosts if host.name == name.lower()), None)
        if host is None:
            raise CollectionError(
                f"{name}: no article of this host is in {collection.path}; scrapy sites {collection.path} lists all"
            )
        show(profile(collection, host))


def _bring_up_to_date(collection: Collection, sites: Sites, opts: argparse.Namespace) -> None:
    if opts.rebuild:
        sites.forget()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        parts = len(collection.articles.parts())
        task = progress.add_task("learning", total=parts)
        sites.catch_up(lambda: progress.advance(task))
        sites.settle()
        if opts.apply:
            task = progress.add_task("cleaning", total=parts)
            done = reclean(collection, sites, {host.name for host in sites.hosts()}, lambda: progress.advance(task))
            print(f"{done.rows:,} rows looked at, {done.changed:,} changed, in {done.parts:,} parts")


def overview(hosts: list[Host]) -> list[str]:
    """A line for each host: its lessons, blocks that are cut, blocks that are suspect."""
    out = [f"{'articles':>8}  {'cut':>5}  {'suspect':>7}  host"]
    for host in hosts:
        sure = sum(one.sure for one in host.learned)
        out.append(f"{host.lessons:8,}  {sure:5,}  {len(host.learned) - sure:7,}  {host.name}")
    return out


def profile(collection: Collection, host: Host) -> list[str]:
    """The blocks of a host as text, with on how many of the articles they stand, and where."""
    texts = _texts(collection, host)
    out = [f"{host.name}: learned from {host.lessons:,} articles"]
    for sure, title in ((True, "often enough to be cut"), (False, "suspect, not cut")):
        if some := [one for one in host.learned if one.sure == sure]:
            out += [f"  {title}", *(_line(one, texts.get(one.key, "(in no row any more)")) for one in some)]
    return out if len(out) > 1 else [*out, "  nothing recurs often enough"]


def _line(one: Learned, text: str) -> str:
    return f"    {one.on:,} of {one.of:,}, {one.zone:6}  {text}"


def _texts(collection: Collection, host: Host) -> dict[int, str]:
    """One line of the articles for each block that was learned: they differ in numbers at most."""
    wanted, found = {one.key for one in host.learned}, dict[int, str]()
    for text in _uncut_texts(collection, host.name):
        if len(found) == len(wanted):
            break
        for block in blocks_of(text):
            if block.key in wanted:
                found.setdefault(block.key, text[block.start : block.end])
    return found


def _uncut_texts(collection: Collection, name: str) -> Iterator[str]:
    dataset, columns = collection.articles.dataset(), ["text", "site_boilerplate"]
    for batch in dataset.to_batches(columns=columns, filter=ds.field("url_host_name") == name, batch_size=_BATCH):
        yield from map(uncut_text, batch.to_pylist())
