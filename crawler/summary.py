"""What a crawl came to, said once at its end: on standard error, so that ``-O -:jsonl`` keeps standard output clean."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from typing import TYPE_CHECKING

from scrapy import signals
from scrapy.exceptions import NotConfigured

from archive.ledger_table import Sum
from archive.tombstones import FILE
from crawler.archiving import Archiving, collection_path

if TYPE_CHECKING:
    from scrapy import Spider
    from scrapy.crawler import Crawler

_LABELS = {
    "article": "articles",
    "page": "further pages of articles",
    "duplicate": "AMP and print twins of articles",
    "unchanged": "unchanged since an earlier crawl",
    "not_article": "not articles",
    "blocked": "blocked by a captcha, firewall, consent or login wall, or a soft 404",
    "taken_down": "taken down from this collection earlier",
    "reserved": "reserved by their publishers (BROADSHEET_RIGHTS=strict)",
    "out_of_range": "published before since= or after until=",
    "over_limit": "beyond max_articles=",
    "timeout": "not read within the deadline",
    "crashed": "crashed their reader",
    "failed": "could not be read",
}
_STATES = {
    "queued": "still waiting; the same command again goes on with them",
    "duplicate": "lead to another address",
    "robots": "left alone, as robots.txt says",
    "excluded": "left out",
    "out_of_range": "out of range",
    "not_article": "not articles",
}
_FEW = 5  # hosts that are listed one by one
_LEFT_OUT = {
    "out_of_range": "out of range",
    "out_of_range_lists": "sitemaps, feeds and lists of another time",
    "other_site": "of other sites",
    "other_site_lists": "sitemaps of other sites",
    "duplicate": "AMP forms of other pages",
    "growing_path": "with growing paths",
    "parameters": "with too many parameters",
    "calendar": "calendar pages of the future",
    "length": "too long",
    "scheme": "no web addresses",
    "nesting": "sitemaps nested too deeply",
    "pages": "pages of lists too far on",
    "sections": "beyond BROADSHEET_SECTIONS_MAX",
    "barren": "of kinds that brought no article",
}
_ERRORS = {
    "AddressRefusedError": "address refused (private, or no contact set)",
    "CannotResolveHostError": "name not found (DNS)",
    "DownloadCancelledError": "longer than DOWNLOAD_MAXSIZE",
    "DownloadConnectionRefusedError": "connection refused",
    "DownloadFailedError": "connection or TLS failed",
    "DownloadTimeoutError": "timed out",
    "HostLeftError": "left alone: their host did not answer, or refused too often",
    "IgnoreRequest": "given up: redirects without end, or a body that unpacks to too much",
    "NotArchivedError": "not stored, the disk refused",
    "ResponseDataLossError": "connection cut in the body",
    "RobotsUnreachableError": "robots.txt not reached, so the host was left alone",
    "ValueError": "led to an address that is none",
    "UnsupportedURLSchemeError": "scheme refused",
    "NotSupported": "scheme refused",
}


class Summary:
    """Prints sites, pages, articles, bytes, files, errors by kind, and what to do next."""

    def __init__(self, crawler: Crawler) -> None:
        if not collection_path(crawler):
            raise NotConfigured
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Summary:
        """Scrapy's constructor."""
        summary = cls(crawler)
        crawler.signals.connect(summary.engine_stopped, signals.engine_stopped)
        return summary

    def engine_stopped(self) -> None:
        """Print, when all is written."""
        print("\n".join(self.lines(self._crawler.spider)), file=sys.stderr)  # noqa: T201

    def lines(self, spider: Spider | None) -> list[str]:
        """The summary, line by line."""
        stats, archiving = self._crawler.stats.get_stats(), self._crawler.get_extension(Archiving)
        assert archiving is not None
        path = archiving.run.collection.path
        reason = stats.get("finish_reason", "interrupted")
        pages = _group(stats, "broadsheet/pages/")
        errors = _group(stats, "broadsheet/errors/")
        size = stats.get("broadsheet/warc/bytes", 0)
        out = ["", f"Crawl {archiving.run.crawl_id} {'finished' if reason == 'finished' else f'ended: {reason}'}"]
        if seeds := getattr(getattr(spider, "arguments", None), "sites", ()):
            out.append(f"  sites      {len(seeds):,}")
        out.append(f"  pages      {sum(pages.values()):,} read")
        out += [
            f"    {count:>7,} {_LABELS.get(name, name)}" for name, count in sorted(pages.items(), key=lambda item: -item[1])
        ]
        out += _announced(archiving.frontier.sums if archiving.frontier else [])
        out.append(f"  captures   {stats.get('broadsheet/warc/captures', 0):,} in {_files(stats)}, {size / 1e6:,.1f} MB")
        out += _requisites(stats)
        out += _replay(stats, self._crawler.settings["BROADSHEET_REQUISITES"])
        out.append(f"  errors     {sum(errors.values()):,}" + (":" if errors else ""))
        out += [
            f"    {count:>7,} {_ERRORS.get(name, name)}" for name, count in sorted(errors.items(), key=lambda item: -item[1])
        ]
        if said := _left_out(stats):
            out.append(f"  left out   {said}")
        if said := _hosts(_group(stats, "broadsheet/hosts/")):
            out.append(f"  hosts      {said}")
        if forbidden := stats.get("robotstxt/forbidden"):
            out.append(f"  robots.txt {forbidden:,} addresses left alone")
        if reserved := stats.get("broadsheet/rights/not_fetched"):
            out.append(f"  rights     {reserved:,} addresses left alone, their sites reserve them (BROADSHEET_RIGHTS=strict)")
        if taken_down := stats.get("broadsheet/taken_down"):
            out.append(f"  taken down {taken_down:,} addresses left alone, see {path / FILE}")
        where = shlex.quote(str(path))
        return [*out, "", "Go on with", f"  scrapy verify {where}", f"  python -c {_read_command(str(path))}", ""]


def _group(stats: dict[str, int], prefix: str) -> dict[str, int]:
    return {name.removeprefix(prefix): value for name, value in stats.items() if name.startswith(prefix) and value}


def _announced(sums: list[Sum]) -> list[str]:
    """All that was announced, by what became of it; and by host, where there are few."""
    by_state: Counter[str] = Counter()
    by_host: dict[str, list[Sum]] = {}
    for one in sums:
        by_state[one.state] += one.addresses
        by_host.setdefault(one.host, []).append(one)
    out = [f"  announced  {by_state.total():,} addresses" + (":" if by_state else "")] if by_state else []
    out += [f"    {count:>7,} {_STATES.get(state, state)}" for state, count in by_state.most_common()]
    if 1 < len(by_host) <= _FEW:
        for host, parts in by_host.items():
            words = ", ".join(f"{one.addresses:,} {one.state}" for one in parts)
            out.append(f"    {sum(one.addresses for one in parts):>7,} of {host or 'no host'}: {words}")
    return out


def _left_out(stats: dict[str, int]) -> str:
    """Addresses that were named and not asked for, by reason; the log names the first of each."""
    counts = _group(stats, "broadsheet/announced/") | _group(stats, "broadsheet/excluded/")
    return ", ".join(f"{counts[name]:,} {_LEFT_OUT.get(name, name)}" for name in sorted(counts, key=lambda name: -counts[name]))


def _hosts(counts: dict[str, int]) -> str:
    refused, left = counts.get("refused", 0), counts.get("left", 0)
    return ", ".join([f"refused us {refused:,} times"] * bool(refused) + [f"left alone {left:,} times"] * bool(left))


def _replay(stats: dict[str, int], mode: str) -> list[str]:
    if not (pages := stats.get("broadsheet/replay/pages")):
        return []
    hint = "; BROADSHEET_REQUISITES=full fetches it" if mode == "html" else ""
    return [f"  replay     {stats['broadsheet/replay/coverage']:g} % of what {pages} of the new pages load is here{hint}"]


def _requisites(stats: dict[str, int]) -> list[str]:
    known = _group(stats, "broadsheet/requisites/")
    if not known:
        return []
    return [f"  requisites {known.get('fetched', 0):,} fetched, {known.get('missing', 0):,} missing"]


def _files(stats: dict[str, int]) -> str:
    count = stats.get("broadsheet/warc/files", 0)
    return f"{count} WARC file" + ("" if count == 1 else "s")


def _read_command(path: str) -> str:
    if set(path) & set("'\"$`\\!"):
        return shlex.quote(f"import archive; print(archive.open_articles({path!r}).to_table().to_pandas())")
    return f"\"import archive; print(archive.open_articles('{path}').to_table().to_pandas())\""
