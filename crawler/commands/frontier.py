"""``scrapy frontier COLLECTION [HOST]``: what waits to be fetched, site by site, and a hand in it."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from archive.collection import Collection, CollectionError, open_collection
from archive.frontier import Crawl, Frontier
from archive.frontier_file import FrontierError
from archive.frontier_orders import VERBS, Order, given, obey, post
from archive.ledger import STATES
from archive.ledger_table import DaySum, day_sums, published_day_sums, waiting_of
from archive.recovery import in_use

_SHOWN = 20


class Command(ScrapyCommand):
    """Show what waits; add and drop addresses, put some first, ban hosts. A crawl that runs obeys within seconds."""

    requires_project = True
    default_settings: ClassVar[dict[str, Any]] = {"LOG_ENABLED": False}

    def syntax(self) -> str:
        """How it is called."""
        return "[options] <collection> [<host>]"

    def short_desc(self) -> str:
        """What it does."""
        return "Show what waits to be fetched into a collection, and change it"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Options."""
        super().add_options(parser)
        helps = {
            "add": ("URL", "fetch this address; if no crawl runs, the next one does"),
            "drop": ("URL|HOST", "do not fetch this, or nothing that waits for this host"),
            "raise": ("URL|HOST", "fetch this before all else of its host, or this host before others"),
            "lower": ("HOST", "undo --raise of a host"),
            "ban": ("HOST", "fetch nothing of this host any more"),
            "unban": ("HOST", "undo --ban; what was dropped is found again by the next crawl"),
        }
        for verb, (metavar, said) in helps.items():
            parser.add_argument(f"--{verb}", action="append", default=[], metavar=metavar, help=f"{said}; may be repeated")
        parser.add_argument("--ledger", action="store_true", help="what became of all that was announced, by site and day")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Exit code 0, or 2 with the reason if it could not be done."""
        if len(args) not in (1, 2):
            raise UsageError(
                "give a collection, and a host if you like, e.g. scrapy frontier collections/news", print_help=False
            )
        try:
            collection = open_collection(args[0])
            orders = [_order(verb, what) for verb in VERBS for what in getattr(opts, verb)]
            if not orders and not collection.frontier.exists():
                print(f"{collection.path}: nothing waits, no crawl of this collection was broken off")
                return
            with closing(Frontier(collection.frontier)) as frontier:
                if orders:
                    print("\n".join(_carry_out(collection, frontier, orders)))
                elif opts.ledger:
                    print("\n".join(_ledger(collection, frontier)))
                else:
                    print("\n".join(_overview(collection, frontier, args[1] if len(args) == 2 else None)))
        except (CollectionError, FrontierError) as error:
            raise UsageError(str(error), print_help=False) from None
        except OSError as error:
            raise UsageError(f"{error.strerror}; mend that, then run the same command again", print_help=False) from None


def _order(verb: str, what: str) -> Order:
    if "://" in what:
        if verb in ("lower", "ban", "unban") or urlsplit(what).scheme not in ("http", "https") or not urlsplit(what).hostname:
            kind = "the name of a host" if verb in ("lower", "ban", "unban") else "an http or https address"
            raise CollectionError(f"--{verb} {what[:200]}: give {kind}")
        return Order(verb, Request(what).url)
    if verb == "add" or not what.strip() or set(what) & set("/ \t"):
        raise CollectionError(f"--{verb} {what[:200]!r}: give an address, e.g. https://example.org/story")
    return Order(verb, what.strip().lower())


def _carry_out(collection: Collection, frontier: Frontier, orders: list[Order]) -> Iterator[str]:
    if in_use(collection.archive):
        post(frontier.path, orders)
        yield f"{len(orders)} orders left for the crawl that is running; it obeys within seconds"
        return
    crawls = frontier.crawls()
    for order in orders:
        changed = 0
        for crawl in crawls or [frontier.crawl]:
            frontier.look_at(crawl)
            changed += obey(frontier, order, *target(order))
        said = "for the next crawl" if order.verb == "add" else f"{changed:,} waiting"
        yield f"{order.verb:6} {order.what}: {said}"


def target(order: Order) -> tuple[str, str | None]:
    """The host that an order is about, and the address, if it is about one alone."""
    return (urlsplit(order.what).hostname or "", order.what) if "://" in order.what else (order.what, None)


def _overview(collection: Collection, frontier: Frontier, name: str | None) -> Iterator[str]:
    crawls = frontier.crawls()
    yield f"{collection.path}: " + (
        "nothing waits" if not crawls else f"{len(crawls)} unfinished crawl{'s' * (len(crawls) > 1)}"
    )
    for crawl in crawls:
        frontier.look_at(crawl)
        yield f"  {_named(crawl)}: {frontier.waiting:,} wait"
        hosts = sorted(frontier.hosts.values(), key=lambda host: (-host.waiting, host.name))
        if name is None:
            yield f"    {'waiting':>9}  host"
            yield from (f"    {one.waiting:9,}  {one.name}{'  (put first)' * one.raised}" for one in hosts if one.waiting)
        else:
            yield from (f"    {purpose or '-':10}  {url}" for purpose, url in waiting_of(frontier, name, _SHOWN))
    if banned := sorted(host.name for host in frontier.hosts.values() if host.banned):
        yield f"  banned: {', '.join(banned)}"
    if urls := given(frontier):
        yield f"  added by hand, for the next crawl: {len(urls):,}"
    if crawls and not in_use(collection.archive):
        yield "  the same scrapy crawl command again goes on with it"


def _named(crawl: Crawl) -> str:
    return f"crawl {crawl.crawl_id} of {crawl.spider}, begun {datetime.fromtimestamp(crawl.began / 1e6, UTC):%F %T} UTC"


def _ledger(collection: Collection, frontier: Frontier) -> Iterator[str]:
    """The sums of all unfinished crawls, or of the last that was finished."""
    crawls = frontier.crawls()
    for crawl in crawls:
        frontier.look_at(crawl)
        yield _named(crawl)
        yield from _table(day_sums(frontier))
    if not crawls:
        crawl_id, rows = published_day_sums(collection.ledger)
        yield f"crawl {crawl_id}, finished" if crawl_id else f"{collection.path}: no crawl has a ledger here"
        yield from _table(rows)


def _table(rows: Iterable[DaySum]) -> Iterator[str]:
    counts: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for host, day, state, count in rows:
        counts[host, day or "undated"][state] = counts[host, day or "undated"].get(state, 0) + count
    if not counts:
        return
    states = [state for state in STATES if any(state in one for one in counts.values())]
    width = max(len(host) for host, _ in counts)
    yield f"  {'site':{width}}  {'day':10}  {'announced':>9}  " + "  ".join(
        f"{state:>{max(len(state), 6)}}" for state in states
    )
    lines = [*sorted(counts.items()), (("all", ""), _added(counts.values()))]
    for (host, day), one in lines:
        cells = (f"{one.get(state, 0):>{max(len(state), 6)},}" for state in states)
        yield f"  {host:{width}}  {day:10}  {sum(one.values()):>9,}  " + "  ".join(cells)


def _added(several: Iterable[dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = defaultdict(int)
    for one in several:
        for state, count in one.items():
            total[state] += count
    return total
