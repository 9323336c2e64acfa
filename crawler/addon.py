"""The add-on that switches Broadsheet's machinery on in any Scrapy project: ``ADDONS = {"crawler.addon.Broadsheet": 100}``.

It sets what a news archive needs and stock Scrapy lacks or leaves open, at add-on priority: a project's own settings win.
A crawl is recorded if its spider has an attribute ``collection`` or ``BROADSHEET_COLLECTION`` names a folder.
"""

from __future__ import annotations

import logging
import os
import re
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archive.rights import POLICIES, Policy
from crawler.guard import SettingError
from pipelines.recipes import Recipes
from pipelines.rules import RuleError

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

    from archive.collection import Collection

# Broadsheet's own settings; docs/settings.md explains each
DEFAULTS: dict[str, Any] = {
    "BROADSHEET_COLLECTION": None,
    "BROADSHEET_CONTACT": None,
    "BROADSHEET_OPERATOR": None,
    "BROADSHEET_PURPOSE": "an archive of news",
    "BROADSHEET_ALLOW_PRIVATE": [],
    "BROADSHEET_HOSTS": [],
    "BROADSHEET_WARC_MAX_BYTES": 1_000_000_000,
    "BROADSHEET_WARC_MAX_SECONDS": 86_400.0,
    "BROADSHEET_SYNC_SECONDS": 1.0,
    "BROADSHEET_PART_SECONDS": 60.0,
    "BROADSHEET_LEDGER_SECONDS": 600.0,
    "BROADSHEET_WATCH_SHORTEST": 90.0,
    "BROADSHEET_WATCH_LONGEST": 604_800.0,
    "BROADSHEET_WATCH_REPORT_SECONDS": 3_600.0,
    "BROADSHEET_WORKERS": None,
    "BROADSHEET_PAGE_DEADLINE": 30.0,
    "BROADSHEET_CRAWL_DELAY_MAX": 60.0,
    "BROADSHEET_ADDRESS_DELAY": None,
    "BROADSHEET_LATENCY_FACTOR": 2.0,
    "BROADSHEET_LATENCY_MAX": 30.0,
    "BROADSHEET_BACKOFF": 10.0,
    "BROADSHEET_BACKOFF_MAX": 600.0,
    "BROADSHEET_RETRY_AFTER_MAX": 3_600.0,
    "BROADSHEET_REFUSALS_MAX": 6,
    "BROADSHEET_DEAD_AFTER": 3,
    "BROADSHEET_DEAD_SECONDS": 300.0,
    "BROADSHEET_ROBOTS_TTL": 86_400.0,
    "BROADSHEET_RIGHTS": "standard",
    "BROADSHEET_HEAD_MAXSIZE": 2 << 20,
    "BROADSHEET_UNPACK_RATIO": 200.0,
    "BROADSHEET_TLS_UNVERIFIED": [],
    "BROADSHEET_SECTIONS_MAX": 300,
    "BROADSHEET_LIST_PAGES": 50,
    "BROADSHEET_OTHER_SITES": [],
    "BROADSHEET_RULES": None,
    "BROADSHEET_PROGRESS": None,
    "BROADSHEET_AUDIT_SAMPLE": 20,
    "BROADSHEET_REQUISITES": "html",
    "BROADSHEET_REQUISITES_TTL": 86_400.0,
    "BROADSHEET_REQUISITES_MAX": 300,
    "BROADSHEET_REQUISITES_BYTES": 50_000_000,
    "BROADSHEET_REQUISITE_MAXSIZE": 20_000_000,
}

# Scrapy's settings where its defaults do not suit an archive
_SCRAPY: dict[str, Any] = {
    "ROBOTSTXT_OBEY": True,
    "ROBOTSTXT_PARSER": "crawler.robots_rules.RobotsRules",
    "SCHEDULER": "crawler.scheduler.FrontierScheduler",
    "REQUEST_FINGERPRINTER_CLASS": "crawler.fingerprint.CanonicalFingerprinter",
    "DOWNLOADER": "crawler.downloader.PacedDownloader",
    "DOWNLOAD_DELAY": 1.0,
    "DOWNLOAD_DELAY_JITTER": 0.0,
    "CONCURRENT_REQUESTS": 32,
    "CONCURRENT_REQUESTS_PER_DOMAIN": 1,
    # Scrapy makes so many tasks for every response, which took a fourth of the event loop's time
    "CONCURRENT_ITEMS": 4,
    # pages that reload themselves are read once, as they came
    "METAREFRESH_ENABLED": False,
    "DOWNLOAD_TIMEOUT": 60,
    "DOWNLOAD_MAXSIZE": 32 << 20,
    "DOWNLOAD_WARNSIZE": 0,
    "DOWNLOAD_VERIFY_CERTIFICATES": True,
    "COOKIES_ENABLED": False,
    "TELNETCONSOLE_ENABLED": False,
    "REMOTE_CONTROL_ENABLED": False,
    "RETRY_TIMES": 2,
    "REDIRECT_MAX_TIMES": 10,
    "LOG_LEVEL": "INFO",
    "STATS_DUMP": False,
    "LOGSTATS_INTERVAL": 0,
    "DEFAULT_REQUEST_HEADERS": {
        "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "Accept-Language": "*",
        # players decode gzip alone for certain: br, zstd and deflate leave blank pages behind
        "Accept-Encoding": "gzip",
    },
}

# a mail address (RFC 5322, 3.4.1, without its oddities; a From field of HTTP holds one) or a web page
_CONTACT = re.compile(r"[^\s@<>()\[\],;:\\\"]+@[^\s@<>()\[\],;:\\\"]+\.[^\s@<>()\[\],;:\\\".]+|https?://[^\s()<>]+", re.ASCII)

# loggers that list versions, settings and components at every start; with LOG_LEVEL=DEBUG they still do
_TALKATIVE = ("scrapy.addons", "scrapy.crawler", "scrapy.middleware", "scrapy.utils.log", "twisted")


class Broadsheet:
    """Recording, containment, politeness, tables, progress: see ``docs/architecture.md``."""

    @classmethod
    def update_pre_crawler_settings(cls, settings: BaseSettings) -> None:
        """What Scrapy reads before there is a crawler."""
        settings.set("TWISTED_DNS_RESOLVER", "crawler.resolver.GuardedResolver", priority="addon")
        for name in ("LOG_LEVEL", "LOGSTATS_INTERVAL"):
            settings.set(name, _SCRAPY[name], priority="addon")

    def update_settings(self, settings: BaseSettings) -> None:
        """What a crawl needs."""
        for name, value in DEFAULTS.items():
            if name not in settings:
                settings.set(name, value, priority="default")
        for name, value in _SCRAPY.items():
            settings.set(name, value, priority="addon")
        if settings["LOG_LEVEL"] == "INFO":
            for name in _TALKATIVE:
                logging.getLogger(name).setLevel(logging.WARNING)
        settings.set("USER_AGENT", user_agent(settings), priority="addon")
        if (mailbox := contact(settings)) and "@" in mailbox:
            settings["DEFAULT_REQUEST_HEADERS"].setdefault("From", mailbox)
        handlers = settings["DOWNLOAD_HANDLERS"]
        for scheme in ("http", "https"):
            handlers.setdefault(scheme, "crawler.handler.RecordingHandler")
        for scheme in ("file", "data", "ftp", "s3"):
            handlers[scheme] = None
        middlewares = settings["DOWNLOADER_MIDDLEWARES"]
        middlewares["scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware"] = None
        middlewares["scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware"] = None
        middlewares.setdefault("crawler.unpacking.Unpacking", 590)
        middlewares.setdefault("crawler.range_gate.RangeGate", 80)
        middlewares.setdefault("crawler.conditional.Conditional", 580)
        middlewares.setdefault("crawler.robots.RobotsTxt", 100)
        middlewares.setdefault("crawler.site_rights.SiteRights", 105)
        middlewares.setdefault("crawler.taken_down.TakenDown", 80)
        middlewares.setdefault("crawler.requisites.Requisites", 90)
        middlewares.setdefault("crawler.downloader.HostGate", 95)
        # the frontier keeps URLLENGTH_LIMIT, and says in the ledger what it left out
        settings["SPIDER_MIDDLEWARES"]["scrapy.spidermiddlewares.urllength.UrlLengthMiddleware"] = None
        settings["ITEM_PIPELINES"].setdefault("pipelines.item_pipeline.ArticleTable", 900)
        extensions = settings["EXTENSIONS"]
        extensions.setdefault("crawler.archiving.Archiving", 0)
        extensions.setdefault("crawler.requisites.Requisites", 0)
        extensions.setdefault("crawler.watch.Watch", 10)
        settings["SPIDER_MIDDLEWARES"].setdefault("crawler.watch.Watch", 950)
        extensions.setdefault("crawler.plain_log.PlainLog", 0)
        extensions.setdefault("crawler.progress.Progress", 0)
        extensions.setdefault("crawler.summary.Summary", 0)


def user_agent(settings: BaseSettings) -> str:
    """``Broadsheet/VERSION (+contact)``, as crawlers introduce themselves."""
    reached = contact(settings)
    return f"Broadsheet/{version('broadsheet')}" + (f" (+{reached})" if reached else "")


def contact(settings: BaseSettings) -> str | None:
    """Where a site reaches who crawls it: ``BROADSHEET_CONTACT``. Raises SettingError if it is no mail address or web page."""
    given = settings.get("BROADSHEET_CONTACT")
    if given and not _CONTACT.fullmatch(given):
        raise SettingError(
            f"BROADSHEET_CONTACT: {given!r} is neither a mail address nor a web page,"
            " e.g. you@example.org or https://example.org/bot"
        )
    return given or None


def recipes_of(settings: BaseSettings, collection: Collection | None) -> Recipes:
    """How people want pages read: ``COLLECTION/rules``, ``BROADSHEET_RULES``, ``SCRAPY_POET_DISCOVER``. Raises SettingError."""
    folder = settings.get("BROADSHEET_RULES")
    try:
        return Recipes(collection.path if collection else None, Path(folder) if folder else None, page_modules(settings))
    except ImportError as error:
        raise SettingError(f"SCRAPY_POET_DISCOVER: {error}; pip install 'broadsheet[poet]'") from None
    except RuleError as error:
        raise SettingError(str(error)) from None


def page_modules(settings: BaseSettings) -> list[str]:
    """Where page objects are: ``SCRAPY_POET_DISCOVER``, which scrapy-poet reads too."""
    return [str(name) for name in settings.getlist("SCRAPY_POET_DISCOVER")]


def worker_count(settings: BaseSettings) -> int:
    """Worker processes: ``BROADSHEET_WORKERS``, or one a core. Raises SettingError."""
    given = settings.get("BROADSHEET_WORKERS")
    try:
        count = int(given) if given is not None else len(os.sched_getaffinity(0))
    except ValueError:
        count = 0
    if count < 1:
        raise SettingError(f"BROADSHEET_WORKERS: {given!r} is not a number of processes from 1")
    return count


def policy_of(settings: BaseSettings) -> Policy:
    """The policy that ``BROADSHEET_RIGHTS`` names. Raises SettingError for an unknown one."""
    given = settings.get("BROADSHEET_RIGHTS") or "standard"
    policy = next((one for one in POLICIES if one == given), None)
    if policy is None:
        raise SettingError(f"BROADSHEET_RIGHTS={given}: there is no such policy; choose record, standard or strict")
    return policy
