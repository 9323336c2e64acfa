"""Rules and page objects in the commands: used, named in the row, proven by verify, refused with a reason if they are wrong."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from archive.collection import Collection, create_collection
from archive.verify import Findings
from crawler.commands.verify import report
from crawler.explaining import NotFoundError, find_page
from pipelines.intake import Extraction
from pipelines.recipes import Recipes
from pipelines.reread import verify_texts
from pipelines.workers import Workers
from tests.archive.foreign_files import Maker
from tests.crawling import LOCAL, scrapy
from tests.pipelines.pages import TITLE, page, paragraphs, sentence
from tests.wire.server import RawServer, Reply

BODY = (
    f"<h1>{TITLE}</h1><article>{paragraphs(3)}</article><div class='second'>{paragraphs(3, 20)}</div>"
    "<aside class='box'><b>A title from a box</b><i>Ann Lee</i></aside>"
)
URLS = [f"https://{host}/2024/05/06/boats" for host in ("ruled.example", "poet.example", "broken.example", "plain.example")]
RULE = 'title = "aside.box b"\nbody = "div.second"\n'
PAGES = ["tests.crawler.poet_pages"]


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with closing(Workers(1, 30.0)) as some:
        yield some


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory, workers: Workers) -> Collection:
    """A page at four addresses, read with a rule, a page object, a page object that fails, and without either."""
    folder = tmp_path_factory.mktemp("rules")
    warc = Maker(folder / "all.warc.gz")
    for url in URLS:
        warc.response(url, page(BODY))
    collection = create_collection(folder / "c")
    (collection.path / "rules").mkdir()
    (collection.path / "rules" / "ruled.example.toml").write_text(RULE)
    Extraction(collection, workers, recipes=Recipes(collection.path, modules=PAGES)).read([warc.close()])
    return collection


@pytest.fixture(scope="module")
def rows(extracted: Collection) -> list[dict[str, Any]]:
    found = {row["url"]: row for row in extracted.articles.dataset().to_table().to_pylist()}
    return [found[url] for url in URLS]


SECOND = "\n\n".join(sentence(number) for number in range(20, 23))


def test_a_rule_and_a_page_object_say_what_the_page_says(rows: list[dict[str, Any]]) -> None:
    ruled, poet, broken, plain = rows
    assert [row["title"] for row in rows] == ["A title from a box", "A title from a box", TITLE, TITLE]
    assert (ruled["text"], poet["text"]) == (SECOND, SECOND)
    assert [one["name"] for one in poet["authors"]] == ["Ann Lee"]
    assert "page_object_failed" in broken["quality_flags"]
    assert plain["text"] != SECOND


def test_a_row_names_the_rule_and_its_hash(rows: list[dict[str, Any]]) -> None:
    ruled, poet, broken, plain = rows
    assert plain["extractor_config"] is None
    assert ruled["extractor_config"].startswith("rule:ruled.example.toml@")
    assert poet["extractor_config"].startswith("page_object:tests.crawler.poet_pages:CourierPage@")
    assert broken["extractor_config"].startswith("page_object:tests.crawler.poet_pages:BrokenPage@")
    for row in (ruled, poet):
        sources = dict(row["field_sources"])
        assert sources["title"] == sources["text"] == row["extractor_config"]
    assert dict(poet["field_sources"])["authors"] == poet["extractor_config"]


def _verified(collection: Collection, workers: Workers, modules: list[str]) -> Findings:
    findings = Findings()
    verify_texts(collection, workers, findings, modules=modules, recipes=Recipes(collection.path, modules=modules))
    return findings


def test_verify_reads_again_with_the_same_rules_also_when_they_have_changed(extracted: Collection, workers: Workers) -> None:
    rule, copies = extracted.path / "rules" / "ruled.example.toml", extracted.path / "state" / "rules"
    rule.write_text('title = "h1"\n')
    found = _verified(extracted, workers, PAGES)
    assert (found.counts["texts"], found.counts["rule_changed"], found.mismatches) == (4, 1, [])
    assert "1 of them read by a rule that is not the site's rule by now" in "\n".join(report("c", found))

    (copy,) = copies.iterdir()
    kept = copy.read_bytes()
    copy.write_bytes(kept + b"#")
    found = _verified(extracted, workers, PAGES)
    copy.write_bytes(kept)
    rule.write_text(RULE)
    assert (found.counts["texts"], found.counts["other_rules"], found.mismatches) == (3, 1, [])
    lines = "\n".join(report("c", found))
    assert "1 texts read by rules that are not as they were, not compared" in lines
    assert f"the copy of rule {copy.name} is missing or damaged" in lines


def test_explain_says_how_a_row_of_a_collection_comes_about(extracted: Collection) -> None:
    told = scrapy("extract", "--explain", URLS[0], str(extracted.path))
    assert told.code == 0, told.err
    lines = told.out.split("\n")
    assert any("✓ rule:ruled.example.toml@" in line and "A title from a box  (taken:" in line for line in lines)
    assert any(line.strip().startswith("h1 ") and f"{TITLE}  (trusted less)" in line for line in lines)
    assert sentence(20) in lines
    assert any(line.startswith(f"~~{sentence(0)}~~  (outside the body of rule:ruled.example.toml@") for line in lines)

    with pytest.raises(NotFoundError, match=r"gone: no page of this address is in .* which has 4 articles"):
        find_page("https://ruled.example/gone", str(extracted.path))


def test_a_rule_that_is_wrong_ends_the_command_before_it_begins(tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "news.example.toml").write_text('\ntitel = "h1"')
    settings = LOCAL | {"BROADSHEET_RULES": str(tmp_path / "r")}
    told = scrapy("crawl", "news", "-a", "urls=http://127.0.0.1:9/", "-a", f"collection={tmp_path}/c", settings=settings)
    assert told.code == 2
    assert f"{tmp_path}/r/news.example.toml, line 2, titel: there is no such key; did you mean title?" in told.err
    assert "Traceback" not in told.err


SPIDER = """
import scrapy
from tests.crawler.poet_pages import CourierPage

class Own(scrapy.Spider):
    name = "own"
    async def start(self):
        yield scrapy.Request(self.url)
    async def parse(self, response, page: CourierPage):
        print("title:", (await page.to_item()).title)
"""


def test_the_same_class_is_injected_into_ones_own_spider_by_scrapy_poet(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(SPIDER)
    html = page(BODY)
    answer = Reply((b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(html) + html,))
    with RawServer({"/robots.txt": Reply((b"HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n",)), "/a": answer}) as server:
        told = scrapy(
            "runspider", str(tmp_path / "own.py"), "-a", f"url=http://127.0.0.1:{server.port}/a",
            settings=LOCAL | {
                "ADDONS": '{"crawler.addon.Broadsheet": 100, "scrapy_poet.Addon": 300}',
                "BROADSHEET_COLLECTION": str(tmp_path / "c"),
            },
        )  # fmt: skip
    assert "title: A title from a box" in told.out, told.err
