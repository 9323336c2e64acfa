"""What a crawl has learned of a site's addresses: which kinds of them proved to be articles, and which lead nowhere."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .shape import chance, pattern

_TRUST = 4.0  # so many pages must speak before the site counts as much as what the shape says
_BARREN = 50  # pages of one kind without an article among them
_MOST_QUERIES = 200  # addresses of sections that differ in their parameters alone
_MOST_KINDS = 200
_MOST_SITES = 2_000


@dataclass(slots=True)
class _Site:
    """Pages read so far by pattern: articles, others, and of these the lists of articles; sections by address and by path."""

    seen: dict[str, list[int]] = field(default_factory=dict)
    queries: dict[str, int] = field(default_factory=dict)
    sections: set[int] = field(default_factory=set)


class SitePatterns:
    """Learns from every page that was read; memory is bounded, sites that were not heard of for long are forgotten.

    ``most_sections`` is how many section pages of one site are followed.
    """

    def __init__(self, most_sections: int) -> None:
        self._most_sections = most_sections
        self._sites: OrderedDict[str, _Site] = OrderedDict()

    def learn(self, site: str, url: str, *, article: bool, fruitful: bool = False) -> None:
        """A page of ``site`` was read and is an article, or is not; ``fruitful`` says that it leads to articles."""
        seen = self._site(site).seen
        for kind in pattern(url):
            if len(seen) >= _MOST_KINDS and kind not in seen:
                _forget_rare(seen)
            counts = seen.setdefault(kind, [0, 0, 0])
            counts[not article] += 1
            counts[2] += fruitful

    def chance(self, site: str, url: str, text: str | None = None, source: str = "section") -> float:
        """The chance that an address is an article's: what its shape and its announcement say, corrected by what pages of
        the same kind proved to be."""
        estimate = chance(url, text, source)
        seen = self._site(site).seen
        for kind in reversed(pattern(url)):  # the coarse kind first, the fine one corrects it
            articles, others, _ = seen.get(kind, (0, 0, 0))
            estimate = (_TRUST * estimate + articles) / (_TRUST + articles + others)
        return estimate

    def barren(self, site: str, url: str) -> str | None:
        """Why a page that only other pages name is not asked for: its kind has brought no article so far."""
        kind = pattern(url)[0]
        articles, others, fruitful = self._site(site).seen.get(kind, (0, 0, 0))
        barren = others >= _BARREN and not articles and not fruitful
        return f"barren: {others} pages like {kind} neither were nor named articles" if barren else None

    def section(self, site: str, url: str) -> str | None:
        """Note a section that is to be followed; or why it is not."""
        known = self._site(site)
        if (key := hash(url)) in known.sections:
            return None
        if len(known.sections) >= self._most_sections:
            return f"sections: more than {self._most_sections:,} of this site"
        parts = urlsplit(url)
        if parts.query:
            path = f"{parts.netloc}{parts.path}"[:200]
            count = known.queries.get(path, 0) + 1
            if count > _MOST_QUERIES or (count == 1 and len(known.queries) >= _MOST_KINDS):
                return f"parameters: more than {_MOST_QUERIES} addresses that differ in them alone"
            known.queries[path] = count
        known.sections.add(key)
        return None

    def _site(self, site: str) -> _Site:
        known = self._sites.setdefault(site, _Site())
        self._sites.move_to_end(site)
        if len(self._sites) > _MOST_SITES:
            self._sites.popitem(last=False)
        return known


def _forget_rare(seen: dict[str, list[int]]) -> None:
    """Drop the half of the kinds that the fewest pages are of."""
    for kind in sorted(seen, key=lambda kind: sum(seen[kind][:2]))[: len(seen) // 2]:
        del seen[kind]
