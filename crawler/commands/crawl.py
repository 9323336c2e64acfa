"""``scrapy crawl`` with what can be checked beforehand checked beforehand: a wrong argument ends here, in one line."""

from __future__ import annotations

import argparse

from scrapy import Spider
from scrapy.commands.crawl import Command as ScrapyCrawl
from scrapy.crawler import Crawler
from scrapy.exceptions import UsageError
from scrapy.settings import BaseSettings
from scrapy.spiderloader import get_spider_loader

from archive.collection import CollectionError, create_collection
from archive.recovery import in_use
from crawler.addon import contact, policy_of, recipes_of, worker_count
from crawler.arguments import ArgumentError, NewsArguments
from crawler.guard import CONTACT_MISSING, Guard, SettingError
from crawler.intervals import Bounds
from crawler.requisites import mode_of
from crawler.spiders.news import NewsSpider


class Command(ScrapyCrawl):
    """Run a spider; for ``news`` and its subclasses, after a look at its arguments, the contact and the collection."""

    _run_by: Crawler | None = None

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Check, then crawl. The exit code is 1 if the archive could not be written."""
        assert self.settings is not None  # set by Scrapy before run
        if len(args) == 1 and _is_news(args[0], self.settings):
            try:
                _check(NewsArguments.parse(opts.spargs), self.settings)
            except (ArgumentError, CollectionError, SettingError) as error:
                raise UsageError(str(error), print_help=False) from None
        super().run(args, opts)
        if self._run_by and self._run_by.stats.get_value("finish_reason") in ("archive_failed", "frontier_failed"):
            self.exitcode = 1

    def _create_crawler(self, spidercls: type[Spider] | str) -> Crawler:
        self._run_by = super()._create_crawler(spidercls)
        return self._run_by


def _check(arguments: NewsArguments, settings: BaseSettings) -> None:
    worker_count(settings)
    contact(settings)
    mode_of(settings)
    if arguments.watch:
        Bounds.of(settings, arguments.every)
    policy_of(settings)
    guard = Guard.from_settings(settings)
    if any(guard.needs_contact(url) for url in arguments.seeds):
        raise SettingError(CONTACT_MISSING)
    collection = create_collection(arguments.collection)
    if name := in_use(collection.archive):
        raise CollectionError(f"{collection.path}: it is being written to ({name}); wait for its end, or use another folder")
    recipes_of(settings, collection)


def _is_news(name: str, settings: BaseSettings) -> bool:
    try:
        return issubclass(get_spider_loader(settings).load(name), NewsSpider)
    except KeyError:
        return False
