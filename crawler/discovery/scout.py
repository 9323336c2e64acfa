"""Where to go from what was read: every address that a document or page names becomes a lead, wanted or left out with the
reason. Knows neither Scrapy nor the network; the spider makes requests of the leads."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Literal
from urllib.parse import urlsplit
from zlib import crc32

from archive.announcement import Announcement
from archive.canonical import normalize_url
from archive.url import site_key
from pipelines.article import Link, Page

from .dates import Span, archive_period, article_period, counted, credible
from .doubts import Doubts, distance
from .entry import Entry, Unusable
from .feeds import Feed
from .links import Followed, classify_links, feed_links, well_known
from .patterns import SitePatterns
from .sitemaps import Item, Nested
from .traps import excluded
from .twins import plain_form

Purpose = Literal["front_page", "feed", "sitemap", "page", "section"]
State = Literal["wanted", "out_of_range", "other_site", "excluded", "duplicate"]

# what is fetched first: announcements before what they announce, then pages by the chance that they are articles
PRIORITIES: dict[Purpose, int] = {"front_page": 40, "feed": 30, "sitemap": 20, "page": 0, "section": 2}
_CHANCES = 19  # a page that is an article for certain comes right behind the sitemaps
_LAST = -1  # what is in doubt, when most is known
_MOST_NESTED = 5  # sitemap indexes within indexes
_MOST_TWINS = 50_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document was read: its address, the site that it speaks for, how it was found (``Entry.source``), and how far
    away from a front page it is (``level``) and from the first page of its list (``turned``); ``before`` tells whether the page
    before it named the same articles.

    ``given`` says that a person named it; such a feed or sitemap may name whatever it likes.
    """

    url: str
    site: str
    source: str = "section"
    level: int = 0
    turned: int = 0
    before: int = 0
    given: bool = False


@dataclass(frozen=True, slots=True)
class Lead:
    """An address that was named, and what is to become of it; ``reason`` says why it is left out.

    ``found_url`` is the address as it stood there, ``twin`` the AMP or print form to be asked for if ``url`` brings no article,
    ``doubt`` how long after the range it was changed, if nothing else is known (``doubts.distance``), ``dated`` what is known
    of the time behind it, ``announced`` what a feed or news sitemap says of it, ``probe`` that nobody named it: it stands at a
    usual place.
    """

    url: str
    purpose: Purpose
    source: str
    place: Place
    found_url: str
    state: State = "wanted"
    reason: str = ""
    priority: int = 0
    twin: str | None = None
    doubt: int | None = None
    dated: datetime | None = None
    announced: Announcement | None = None
    probe: bool = False


@dataclass(slots=True)
class Scout:
    """Decides for one crawl. ``depth`` is how many steps from a front page sections are followed, ``list_pages`` how many
    pages of one list, ``other_sites`` shell patterns of hosts that every site may name too."""

    patterns: SitePatterns
    span: Span = field(default_factory=Span)
    depth: int = 2
    list_pages: int = 50
    other_sites: tuple[str, ...] = ()
    doubts: Doubts = field(default_factory=Doubts)
    _twins: OrderedDict[str, None] = field(default_factory=OrderedDict)

    # documents that announce

    def of_feed(self, feed: Feed, place: Place) -> Iterator[Lead]:
        """What a feed announces, and the feed behind it."""
        for entry in feed.entries:
            yield self._announced(entry, place)
        for one in feed.unusable:
            yield _unusable(one, place)
        if feed.next and feed.entries:
            yield self._turn(feed.next, "feed", place, more=not self._is_past(feed.entries))

    def of_sitemap(self, items: Iterable[Item], place: Place) -> Iterator[Lead]:
        """What a part of a sitemap announces. All sitemaps of an index are to come in one part."""
        items = list(items)
        series = counted(item.url for item in items if isinstance(item, Nested))
        for item in items:
            if isinstance(item, Entry):
                yield self._announced(item, place)
            elif isinstance(item, Nested):
                yield self._nested(item, place, numbered=item.url in series)
            else:
                yield _unusable(item, place)

    def _announced(self, entry: Entry, place: Place) -> Lead:
        place = replace(place, site=site_key(entry.url)) if place.given else place
        dated = credible(entry.published) or credible(entry.modified)
        lead = Lead(entry.url, "page", entry.source, place, entry.url, dated=dated, announced=_announcement(entry))
        if self.span.leaves_out(entry.published, entry.modified, entry.url):
            lead = replace(lead, state="out_of_range", reason="its announced date or its address")
        elif self.span.doubts(entry.published, entry.modified, entry.url) and entry.modified and self.span.until:
            lead = replace(lead, doubt=distance(entry.modified, self.span.until))
        return self._judged(lead, entry.title)

    def _nested(self, item: Nested, place: Place, *, numbered: bool) -> Lead:
        deeper = replace(place, level=place.level + 1, given=False)
        lead = Lead(item.url, "sitemap", "sitemap", deeper, item.url, dated=credible(item.modified))
        if site_key(item.url) != site_key(place.url) and not self._may_name(item.url, place.site):
            return replace(lead, state="other_site", reason=f"of another site than {place.site}")
        if deeper.level > _MOST_NESTED:
            return replace(lead, state="excluded", reason=f"nesting: more than {_MOST_NESTED} sitemap indexes in one another")
        if self.span.leaves_out_list(item.modified, "" if numbered else item.url):
            return replace(lead, state="out_of_range", reason="its name or its last change")
        return self._judged(lead)

    # pages that lead on

    def of_page(self, page: Page, place: Place) -> Iterator[Lead]:
        """Where a front or section page leads: articles, sections within reach, and the next page of its list."""
        found = classify_links(page.links, place.url)
        self.patterns.learn(place.site, place.url, article=page.verdict == "article", fruitful=bool(found.articles))
        source = "front_page" if place.level == 0 else "section"
        for link in found.articles:
            yield self._linked(link, "page", source, replace(place, turned=0))
        languages = [link for link in page.relations if link["rel"] == "alternate"] if place.level == 0 else []
        for link in (*languages, *found.sections):
            yield from self._section(link, source, place)
        listed = crc32("\n".join(sorted(link["url"] for link in found.articles)).encode())
        if found.next and found.articles and not (place.turned and listed == place.before):
            after = replace(place, before=listed)
            yield self._turn(found.next, "section", after, more=not self._lists_only_the_past(found))
        for url in (*page.feeds, *feed_links(page.links, place.url)):
            yield self._document(url, "feed", place)

    def of_front_page(self, page: Page, place: Place, sitemaps: Iterable[str]) -> Iterator[Lead]:
        """The sitemaps that robots.txt (``sitemaps``) or a link element names; what is not named is tried at usual places."""
        named = [*sitemaps, *(link["url"] for link in page.relations if link["rel"] == "sitemap")]
        for url in named:
            yield self._document(url, "sitemap", place)
        usual = well_known(place.url)
        for url in [] if named else usual["sitemap"]:
            yield replace(self._document(url, "sitemap", place), probe=True)
        for url in [] if page.feeds or feed_links(page.links, place.url) else usual["feed"]:
            yield replace(self._document(url, "feed", place), probe=True)

    def of_article(self, page: Page, place: Place) -> Iterator[Lead]:
        """Where an article leads: itself in other languages. Its AMP form is remembered."""
        self.patterns.learn(place.site, place.url, article=True)
        for link in page.relations:
            if link["rel"] == "amphtml" and link["url"] != place.url:
                self._remember_twin(link["url"])
            elif link["rel"] == "alternate" and self._may_name(link["url"], place.site):
                yield self._linked(link, "page", "alternate", place)

    def further_page(self, url: str, place: Place) -> Lead:
        """The page on which an article goes on; wanted in any case."""
        return Lead(normalize_url(url) or url, "page", place.source, place, url, priority=_CHANCES)

    def _linked(self, link: Link, purpose: Purpose, source: str, place: Place) -> Lead:
        lead = Lead(link["url"], purpose, source, place, link["url"])
        if self.span.misses(period := article_period(link["url"])):
            lead = replace(lead, state="out_of_range", reason="its address")
        elif why := self.patterns.barren(place.site, link["url"]):
            lead = replace(lead, state="excluded", reason=why)
        return self._judged(replace(lead, dated=period.begin if period else None), link["text"])

    def _section(self, link: Link, source: str, place: Place) -> Iterator[Lead]:
        """A section, if it is within reach. Archive pages of the range that a crawl is to cover always are."""
        period = archive_period(link["url"])
        level = place.level if self.span and period else place.level + 1
        if level > self.depth or not self._may_name(link["url"], place.site):
            return
        lead = self._judged(Lead(link["url"], "section", source, replace(place, level=level, turned=0), link["url"]))
        if lead.state == "wanted" and self.span.misses(period):
            lead = replace(lead, state="out_of_range", reason="an archive page of another time")
        elif lead.state == "wanted":
            why = self.patterns.barren(place.site, lead.url) or self.patterns.section(place.site, lead.url)
            lead = replace(lead, state="excluded", reason=why) if why else lead
        yield lead

    def _turn(self, url: str, purpose: Purpose, place: Place, *, more: bool) -> Lead:
        """The next page of a list."""
        lead = Lead(url, purpose, purpose, replace(place, turned=place.turned + 1, given=False), url)
        if not more:
            return replace(lead, state="out_of_range", reason="all that this page of the list names is older")
        if lead.place.turned >= self.list_pages:
            return replace(lead, state="excluded", reason=f"pages: more than {self.list_pages} of one list")
        return self._judged(lead)

    def _document(self, url: str, purpose: Purpose, place: Place) -> Lead:
        lead = Lead(url, purpose, purpose, replace(place, level=0, turned=0), url)
        if self.span.leaves_out_list(None, url):
            return replace(lead, state="out_of_range", reason="its name")
        return self._judged(lead)

    # what holds for all

    def _judged(self, lead: Lead, text: str | None = None) -> Lead:
        """The lead in canonical form, with its priority; or why it is left out, if that is not decided yet."""
        url = normalize_url(lead.url)
        if why := excluded(lead.url) or (None if url else "scheme: no address that can be fetched"):
            return replace(lead, state="excluded", reason=why)
        assert url is not None
        site, plain = lead.place.site, None
        if lead.purpose == "page":
            form = plain_form(url)
            plain = normalize_url(form) if form and self._may_name(form, site) else None
            if not plain and not self._may_name(url, site):
                return replace(lead, state="other_site", reason=f"of another site than {site}")
        if lead.state != "wanted":
            return replace(lead, url=url)
        if url in self._twins:
            return replace(lead, url=url, state="duplicate", reason="the AMP form of a page that is here")
        priority = PRIORITIES[lead.purpose] if lead.doubt is None else _LAST
        if lead.purpose == "page" and lead.doubt is None:
            priority += round(_CHANCES * self.patterns.chance(site, plain or url, text, lead.source))
        return replace(lead, url=plain or url, twin=url if plain else None, priority=priority)

    def _may_name(self, url: str, site: str) -> bool:
        """A site speaks for itself alone, unless the user allows more."""
        if site_key(url) == site:
            return True
        host = (urlsplit(url).hostname or "") if self.other_sites else ""
        return any(fnmatchcase(host, shape) for shape in self.other_sites)

    def _remember_twin(self, url: str) -> None:
        if twin := normalize_url(url):
            self._twins[twin] = None
            if len(self._twins) > _MOST_TWINS:
                self._twins.popitem(last=False)

    def _is_past(self, entries: Iterable[Entry]) -> bool:
        dates = [date for entry in entries if (date := entry.published or entry.modified)]
        return bool(dates) and self.span.since is not None and max(dates) < self.span.since

    def _lists_only_the_past(self, found: Followed) -> bool:
        periods = [period for link in found.articles if (period := article_period(link["url"]))]
        since = self.span.since
        return bool(periods) and since is not None and max(period.end for period in periods) < since


def _unusable(item: Unusable, place: Place) -> Lead:
    return Lead(item.text, "page", place.source, place, item.text, state="excluded", reason=item.reason)


def _announcement(entry: Entry) -> Announcement | None:
    """What is worth keeping; a plain sitemap's dates are those of changes."""
    published = credible(entry.published)
    worth = entry.source in ("feed", "news_sitemap") and (entry.title or published)
    return Announcement(entry.source, entry.title, published) if worth else None
