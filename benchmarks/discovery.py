"""Article or not: precision and recall before fetching (by address) and after it (by page).

    python -m benchmarks.discovery CORPUS [--lists DIR]
    python -m benchmarks.discovery --memory

CORPUS is a folder as benchmarks.judge takes it; all its pages are articles. What is no article comes from the corpus' pages
themselves: their links to their own site that the markup calls navigation (nav, header, role=navigation, breadcrumbs, rel=tag,
rel=author), with fewer than five words, as headlines stand in menus too. DIR has folders of front and section pages
(``*/*.html``). After fetching, the corpus' pages are judged once more without their articles. Pages of the sample newsroom are
judged as well. courlan, which comes with trafilatura, is the baseline for addresses: ``is_navigation_page`` or
``is_not_crawlable`` or no ``type_filter`` means no article.

``--memory`` tells what a sitemap of 50 MB adds to a process that reads it, and to a whole crawl.
"""

from __future__ import annotations

import argparse
import gzip
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from courlan.filters import is_navigation_page, is_not_crawlable, type_filter
from lxml import html as lxml_html

from archive.canonical import normalize_url
from archive.text import fold
from archive.url import site_key
from benchmarks.scoring import Gold
from crawler.discovery.patterns import SitePatterns
from crawler.discovery.shape import chance
from pipelines.evidence import collect
from pipelines.extract import decode, extract, parse
from tests.newsroom.site import Site

NAVIGATION = (
    "//nav//a | //header//a | //*[@role='navigation']//a | //a[@rel='tag' or @rel='author' or @rel='category tag']"
    " | //*[contains(@class, 'breadcrumb')]//a"
)
LIMIT = 0.5
NEWS = {"zyte", "fundus"}  # the data sets that are news; the others are articles of all kinds of sites


class Sample(NamedTuple):
    """An address with the text of a link to it, and what it is."""

    url: str
    text: str | None
    article: bool


@dataclass(frozen=True)
class Score:
    """Counts of right and wrong answers; ``ranked`` is the share of pairs of an article and another page in which the article
    has the higher chance (area under the ROC curve)."""

    hits: int
    missed: int
    false: int
    true: int
    ranked: float | None = None

    def row(self, name: str) -> str:
        precision = self.hits / ((self.hits + self.false) or 1)
        recall = self.hits / ((self.hits + self.missed) or 1)
        wrong = self.false / ((self.false + self.true) or 1)
        counts = f"{self.hits + self.missed:,} | {self.false + self.true:,}"
        ranked = f" {self.ranked:.3f} |" if self.ranked is not None else ""
        return f"| {name} | {counts} | {precision:.3f} | {recall:.3f} | {wrong:.3f} |{ranked}"


def score(samples: Iterable[Sample], estimate: Callable[[Sample], float]) -> Score:
    """``estimate`` is a chance, or for a judge that knows none, True or False."""
    said = [(float(estimate(sample)), sample.article) for sample in samples]
    counts = Counter((right, chance >= LIMIT) for chance, right in said)
    return Score(counts[True, True], counts[True, False], counts[False, True], counts[False, False], ranking(said))


def ranking(said: list[tuple[float, bool]]) -> float | None:
    """Mann-Whitney's statistic over all pairs, ties counting half."""
    articles = sum(right for _, right in said)
    pairs = articles * (len(said) - articles)
    below, total = 0, 0.0
    for _, tied in groupby(sorted(said), key=itemgetter(0)):
        right = Counter(one for _, one in tied)
        total += right[True] * (below + right[False] / 2)
        below += right[False]
    return total / pairs if pairs else None


def corpus_samples(corpus: Path, golds: Sequence[Gold]) -> list[Sample]:
    """The gold addresses, and what the pages' own markup calls navigation."""
    samples = {url: Sample(url, gold.title, True) for gold in golds if (url := normalize_url(gold.url or ""))}
    for gold in golds:
        if not gold.url or (tree := parse(decode(page_of(corpus, gold), None)[1])) is None:
            continue
        navigation = {element.get("href") for element in tree.xpath(NAVIGATION)}
        collect(tree, gold.url)  # makes the addresses of links absolute
        home = {element.get("href") for element in tree.xpath(NAVIGATION)} | navigation
        for link in collect(tree, gold.url).links:
            url = normalize_url(link["url"])
            few = len((link["text"] or "").split()) < 5
            if url and link["url"] in home and few and site_key(url) == site_key(gold.url):
                samples.setdefault(url, Sample(url, link["text"], False))
    return list(samples.values())


def page_of(corpus: Path, gold: Gold) -> bytes:
    return gzip.decompress((corpus / gold.file).read_bytes())


def by_courlan(sample: Sample) -> bool:
    nowhere = is_navigation_page(sample.url) or is_not_crawlable(sample.url)
    return not nowhere and type_filter(sample.url, strict=False, with_nav=False)


def by_shape(sample: Sample) -> float:
    return chance(sample.url)


def by_link(sample: Sample) -> float:
    return chance(sample.url, sample.text)


def learned(samples: Sequence[Sample]) -> tuple[Score, Score]:
    """On sites with at least two articles: half of a site's addresses teach, the others are judged; with and without."""
    sites: dict[str, list[Sample]] = {}
    for sample in samples:
        sites.setdefault(site_key(sample.url), []).append(sample)
    judged, patterns = list[Sample](), SitePatterns(300)
    for site, members in sites.items():
        if sum(sample.article for sample in members) < 2:
            continue
        for kind in (True, False):
            of_kind = [sample for sample in members if sample.article is kind]
            random.Random(7).shuffle(of_kind)
            for sample in of_kind[::2]:
                patterns.learn(site, sample.url, article=kind)
            judged += of_kind[1::2]
    taught = score(judged, lambda one: patterns.chance(site_key(one.url), one.url))
    return score(judged, by_shape), taught


def newsroom() -> Iterator[tuple[Sample, bytes]]:
    """All pages that the sample newsroom answers with status 200, AMP forms apart."""
    site = Site(1)
    for page in site.expected():
        parts = urlsplit(page.url)
        if page.extra["status"] == 200 and "/amp/" not in page.url:
            answer = site.answer(parts.hostname or "", parts.path, 1)
            yield Sample(page.url, page.title, page.verdict == "article"), answer.body


def lists_of(folder: Path) -> Iterator[tuple[Sample, bytes]]:
    for path in sorted(folder.glob("*/*.html")):
        yield Sample(f"http://{path.parent.name}/{path.name}", None, False), path.read_bytes()


def emptied(body: bytes, gold: Gold) -> bytes | None:
    """A page without its article and without what calls it one: menus, teasers, boxes and footer, as on a section page. None if
    more than a fiftieth of the article is left all the same."""
    if (tree := parse(decode(body, None)[1])) is None:
        return None
    text = fold(gold.text)
    for element in list(tree.iter("h1", "script", "style", "meta", "time")):
        element.drop_tree()
    for element in list(tree.iter()):
        said = fold(element.text_content()) if isinstance(element.tag, str) and element.getparent() is not None else ""
        if len(said) > 20 and said in text:
            element.drop_tree()
    wanted, left = shingles(gold.text), shingles(tree.text_content())
    return lxml_html.tostring(tree, encoding="utf-8") if len(wanted & left) <= len(wanted) / 50 else None


def shingles(text: str) -> set[tuple[str, ...]]:
    words = fold(text).split()
    return {tuple(words[at : at + 6]) for at in range(len(words) - 5)}


def after(pages: Iterable[tuple[Sample, bytes]]) -> Score:
    verdicts = {sample: extract(body, sample.url).verdict == "article" for sample, body in pages}
    return replace(score(verdicts, verdicts.__getitem__), ranked=None)


def report(corpus: Path, lists: Path | None) -> None:
    golds = [Gold.read(line) for line in (corpus / "gold.jsonl").read_text(encoding="utf-8").splitlines()]
    rooms = list(newsroom())
    print("| before fetching | articles | others | precision | recall | others taken for articles | ranked right |")
    print("|---|---|---|---|---|---|---|")
    for name, wanted in (("news sites", NEWS), ("other sites", {gold.dataset for gold in golds} - NEWS)):
        samples = corpus_samples(corpus, [gold for gold in golds if gold.dataset in wanted])
        print(score(samples, by_courlan).row(f"{name}, courlan"))
        print(score(samples, by_shape).row(f"{name}, address alone"))
        print(score(samples, by_link).row(f"{name}, address and link text"))
        if wanted == NEWS:
            without, taught = learned(samples)
            print(without.row("half of the addresses of sites with several articles, address alone"))
            print(taught.row("the same, when the other half has been read"))
    print(score([sample for sample, _ in rooms], by_shape).row("newsroom, address alone"))
    print(
        "\n| after fetching | articles | others | precision | recall | others taken for articles |\n|---|---|---|---|---|---|"
    )
    whole = [(Sample(gold.url, gold.title, True), page_of(corpus, gold)) for gold in golds if gold.url]
    news = [gold for gold in golds if gold.url and gold.dataset in NEWS]
    bare = [(Sample(f"{gold.url}#", None, False), emptied(page_of(corpus, gold), gold)) for gold in news]
    without = [(sample, body) for sample, body in bare if body]
    print(after(whole).row("corpus"))
    print(after(without).row("pages of its news sites without their articles"))
    print(after(rooms).row("newsroom"))
    made = list(lists_of(lists)) if lists else []
    print(after(made).row("front and section pages of DIR"))
    print(after([*whole, *without, *rooms, *made]).row("all together"))


READ = """
import sys
from pathlib import Path
from crawler.discovery.sitemaps import read_sitemap
body = Path(sys.argv[1]).read_bytes()
memory = lambda name: int(Path("/proc/self/status").read_text().partition(name + ":")[2].split()[0])
Path("/proc/self/clear_refs").write_text("5")
before = memory("VmRSS")
print(sum(1 for _ in read_sitemap(body, "https://paper.example/sitemap.xml")), memory("VmHWM") - before)
"""


def memory() -> None:
    from tests.crawler.discovery.papers import article, listing, reply, robots, url_row
    from tests.crawling import crawl
    from tests.wire.server import RawServer, Reply

    filler = f"<!--{'x' * 900}-->"

    def crawled(rows: int, *, packed: bool = False) -> float:
        made: dict[str, Reply | list[Reply]] = {}
        with RawServer(made) as server, tempfile.TemporaryDirectory() as folder:
            home = f"http://large.test:{server.port}"
            urls = [url_row(f"{home}/2014/01/01/story-of-the-ferry-{number}", more=filler) for number in range(rows)]
            made["large.test/robots.txt"] = robots("", f"{home}/sitemap.xml")
            body = f"<urlset>{''.join(urls)}</urlset>".encode()
            coding = "Content-Encoding: gzip\r\n" if packed else ""
            made["large.test/sitemap.xml"] = reply(gzip.compress(body) if packed else body, "application/xml", more=coding)
            made["large.test/"] = listing("Paper", [("/2026/01/01/story-of-the-ferry", "Ferry")])
            made["large.test/2026/01/01/story-of-the-ferry"] = article(1)
            return crawl(Path(folder) / "c", sites=home + "/", since="2020-01-01").peak_kilobytes / 1024

    with tempfile.NamedTemporaryFile() as file:
        body = b"<urlset>" + b"".join(
            f"<url><loc>https://paper.example/{number}</loc>{filler}</url>".encode() for number in range(52_000)
        )
        file.write(body + b"</urlset>")
        file.flush()
        done = subprocess.run([sys.executable, "-c", READ, file.name], capture_output=True, text=True, check=True)
    entries, kilobytes = done.stdout.split()
    print(f"reading {len(body) / 1e6:.0f} MB, {int(entries):,} entries: {int(kilobytes) / 1024:.1f} MiB more than its bytes")
    small, packed, large = crawled(10), crawled(52_000, packed=True), crawled(52_000)
    print(
        f"a whole crawl: {small:.0f} MiB with a sitemap of 10 entries,"
        f" {packed:.0f} MiB with one of 50 MB that is sent gzipped, {large:.0f} MiB if it is not"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?")
    parser.add_argument("--lists", type=Path)
    parser.add_argument("--memory", action="store_true")
    given = parser.parse_args()
    if given.memory:
        memory()
    elif given.corpus:
        report(given.corpus, given.lists)
    else:
        parser.error("give CORPUS or --memory")


if __name__ == "__main__":
    main()
