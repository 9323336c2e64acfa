"""Leads as requests, and back: what a spider asks for of all that documents and pages name, and what it only tells of."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from scrapy import Request

from archive.url import site_key, without_secrets
from crawler.discovery.feeds import MAX_FEED
from crawler.discovery.scout import PRIORITIES, Lead, Place, Purpose
from crawler.discovery.sitemaps import MAX_SITEMAP
from pipelines.tabulate import Found

if TYPE_CHECKING:
    from scrapy.statscollectors import StatsCollector

logger = logging.getLogger("news")

DOCUMENTS = {"feed": MAX_FEED, "sitemap": MAX_SITEMAP}  # and how many bytes of them are taken
_MOST_NAMED = 1_000
# what the ledger calls it
_STATES = {"other_site": "excluded"}


def seed(url: str, purpose: Purpose, source: str, via: str | None = None) -> Lead:
    """An address that is asked for as it stands; without ``via`` a person gave it."""
    place = Place(
        without_secrets(via or url), site_key(via or url), source, level=0 if purpose == "front_page" else 1, given=via is None
    )
    return Lead(url, purpose, source, place, url, priority=PRIORITIES[purpose])


def request_of(lead: Lead, callback: Callable[..., Any], errback: Callable[..., Any]) -> Request:
    """The request for a lead; with ``meta["left_out"]`` (state and reason) it is for the ledger alone.

    Raises ValueError for an address without a scheme.
    """
    place = lead.place
    via = None if place.given and place.url == without_secrets(lead.url) else place.url
    meta: dict[str, Any] = {
        "purpose": lead.purpose,
        "via": via,
        "where": {"site": place.site, "level": place.level, "turned": place.turned, "before": place.before},
        "probe": lead.probe,
        "twin": lead.twin,
        "doubt": lead.doubt,
        "dated": lead.dated,
    }
    if lead.announced:
        meta["announced"] = lead.announced
    if lead.purpose in DOCUMENTS:
        meta["download_maxsize"] = DOCUMENTS[lead.purpose]
    if lead.state != "wanted":
        meta["left_out"] = (_STATES.get(lead.state, lead.state), lead.reason)
    cells = {"found": Found(lead.source, via, lead.found_url)}
    return Request(lead.url, callback, errback=errback, cb_kwargs=cells, meta=meta, priority=lead.priority)


def place_of(url: str, meta: dict[str, Any], found: Found) -> Place:
    """Where a document was read, and for which site it speaks: a front page for the one that it was found on."""
    where = meta["where"] | ({"site": site_key(url)} if meta["purpose"] == "front_page" else {})
    return Place(without_secrets(url), source=found.source, given=found.via is None, **where)


class LeftOut:
    """Counts addresses that are not asked for; the first of each kind and site is named in the log."""

    def __init__(self, stats: StatsCollector) -> None:
        self._stats = stats
        self._named: set[tuple[str, str]] = set()

    def note(self, lead: Lead) -> None:
        """One more of them."""
        kind = lead.reason.partition(":")[0].replace(" ", "_") if lead.state == "excluded" else lead.state
        lists = "" if lead.purpose == "page" or lead.state == "excluded" else "_lists"
        group = "excluded" if lead.state == "excluded" else "announced"
        self._stats.inc_value(f"broadsheet/{group}/{kind}{lists}")
        if (lead.place.site, kind) not in self._named and len(self._named) < _MOST_NAMED:
            self._named.add((lead.place.site, kind))
            logger.info("Left out of %s (%s, the first of its kind): %s", lead.place.site, lead.reason, lead.url[:200])
