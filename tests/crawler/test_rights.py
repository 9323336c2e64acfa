"""Crawls of sites that say what may be done with their pages: recorded with its source, obeyed as the policy has it, proved."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from scrapy.settings import Settings

from archive import foreign
from archive.collection import create_collection, open_collection
from archive.pack import Options, pack
from archive.reader import Record
from archive.rights import Policy
from archive.verify import verify
from archive.wacz import check as check_wacz
from archive.wacz import open_wacz
from crawler.addon import policy_of
from crawler.guard import SettingError
from pipelines.intake import Extraction
from pipelines.reread import verify_texts
from pipelines.workers import Workers
from tests.crawler.test_requisites import page, reply, rows
from tests.crawling import Outcome, crawl
from tests.wire.server import RawServer

TDMREP = b'[{"location": "/open/", "tdm-reservation": 0}, {"location": "/", "tdm-reservation": 1, "tdm-policy": "/tdm"}]'
META = '<meta name="robots" content="noindex"><meta name="broadsheet" content="noarchive">'
DEED = '<a rel="license" href="https://creativecommons.org/licenses/by-nc/4.0/">some rights</a>'


def story(words: str, head: str = "", more: str = "", body: str = "") -> Any:
    return reply(page(body, f" {words}").replace(b"<head>", b"<head>" + head.encode()), more=more)


# host and path → the answer, and the cells that its row is to have, those that are null left out
STORIES: dict[str, tuple[Any, dict[str, Any]]] = {
    "free.test/plain": (story("plain", more="Set-Cookie: sid=hush; Path=/; Domain=test\r\n"), {}),
    "free.test/header": (
        story("header", more="X-Robots-Tag: googlebot: noarchive\r\nX-Robots-Tag: nosnippet\r\n"),
        {"nosnippet": True, "meta_robots": "googlebot: noarchive, nosnippet"},
    ),
    "free.test/meta": (
        story("meta", head=META),
        {"noindex": True, "noarchive": True, "meta_robots": "noindex, noarchive"},
    ),
    "free.test/ends": (
        story("ends", more="X-Robots-Tag: unavailable_after: 1 Jan 2020 00:00:00 GMT\r\n"),
        {"meta_robots": "unavailable_after: 1 Jan 2020 00:00:00 GMT"},
    ),
    "free.test/deed": (
        story("deed", body=DEED),
        {"license": "https://creativecommons.org/licenses/by-nc/4.0/", "license_spdx": "CC-BY-NC-4.0"},
    ),
    "mined.test/story": (story("mined"), {"tdm_reservation": 1, "tdm_policy": "http://mined.test:{port}/tdm"}),
    "mined.test/open/story": (story("open"), {"tdm_reservation": 0}),
    "mined.test/said": (
        story("said", head='<meta name="tdm-reservation" content="0">', more="TDM-Reservation: 1\r\n"),
        {"tdm_reservation": 0},
    ),
    "learned.test/story": (story("learned", more="Content-Usage: search=y\r\n"), {"content_usage": "search=y, train-ai=n"}),
    "closed.test/story": (story("closed"), {}),
}
SITES = {
    "mined.test/.well-known/tdmrep.json": reply(TDMREP, "application/json"),
    "learned.test/robots.txt": reply(b"User-agent: *\nContent-Usage: / train-ai=n\nAllow: /\n", "text/plain"),
    "closed.test/robots.txt": reply(b"User-agent: *\nDisallow: /.well-known/\n", "text/plain"),
    "closed.test/.well-known/tdmrep.json": reply(TDMREP, "application/json"),
}
CELLS = (
    "noarchive", "noindex", "nosnippet", "noai", "tdm_reservation", "tdm_policy", "content_usage", "license", "license_spdx",
    "meta_robots",
)  # fmt: skip


@dataclass
class Crawled:
    """One crawl: its collection, what it said, the server's port, and host and path of each request."""

    collection: Path
    outcome: Outcome
    port: int
    seen: list[str]
    received: bytes

    def rows(self, table: str, collection: Path | None = None) -> dict[str, dict[str, Any]]:
        """By host and path; of several of one address the newest."""
        when = "fetch_time" if table == "captures" else "fetched_at"  # crawls may begin within one second
        found = sorted(rows(collection or self.collection, table), key=lambda row: row[when])
        return {row["url"].removeprefix("http://").replace(f":{self.port}", ""): row for row in found}


def run(collection: Path, server: RawServer, policy: str) -> Crawled:
    urls = [f"http://{place.replace('.test', f'.test:{server.port}', 1)}" for place in STORIES]
    (collection.parent / "urls.txt").write_text("\n".join(urls))
    del server.seen[:]
    outcome = crawl(collection, {"BROADSHEET_RIGHTS": policy}, urls=str(collection.parent / "urls.txt"))
    assert outcome.code == 0, outcome.err
    sent = b"".join(seen.received for seen in server.seen)
    return Crawled(collection, outcome, server.port, [seen.host + seen.path for seen in server.seen], sent)


@pytest.fixture(scope="module")
def server() -> Iterator[RawServer]:
    with RawServer({place: answer for place, (answer, _) in STORIES.items()} | SITES) as server:
        yield server


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    workers = Workers(1, 30)
    yield workers
    workers.close()


@pytest.fixture(scope="module")
def standard(server: RawServer, tmp_path_factory: pytest.TempPathFactory) -> Crawled:
    return run(tmp_path_factory.mktemp("rights") / "c", server, "standard")


@pytest.fixture(scope="module")
def strict(server: RawServer, standard: Crawled, tmp_path_factory: pytest.TempPathFactory) -> Crawled:
    """A second crawl, into a copy of what the first one left."""
    collection = tmp_path_factory.mktemp("strict") / "c"
    shutil.copytree(standard.collection, collection)
    return run(collection, server, "strict")


def proved(path: Path, workers: Workers) -> list[str]:
    collection = open_collection(path)
    findings = verify(collection)
    verify_texts(collection, workers, findings)
    assert findings.counts["texts"] > 5
    return [str(one) for one in findings.mismatches]


def extracted(standard: Crawled, path: Path, workers: Workers, policy: Policy) -> dict[str, dict[str, Any]]:
    extraction = Extraction(create_collection(path), workers, policy=policy)
    extraction.read(sorted((standard.collection / "archive").glob("*.warc.gz")))
    return standard.rows("articles", path)


def check(found: dict[str, dict[str, Any]], port: int) -> None:
    for place, (_, cells) in STORIES.items():
        wanted = {name: value.format(port=port) if isinstance(value, str) else value for name, value in cells.items()}
        assert {name: found[place][name] for name in CELLS if found[place][name] is not None} == wanted, place


def test_no_cookie_is_ever_sent_back(standard: Crawled, strict: Crawled) -> None:
    assert "free.test/header" in standard.seen  # behind the answer that set one
    assert b"cookie" not in (standard.received + strict.received).lower()


def test_each_row_has_what_was_said_of_it(standard: Crawled) -> None:
    articles = standard.rows("articles")
    check(articles, standard.port)
    assert f"{articles['free.test/ends']['unavailable_after']:%Y-%m-%d}" == "2020-01-01"


def test_each_cell_names_its_evidence_and_files_their_record(standard: Crawled) -> None:
    articles, captures = standard.rows("articles"), standard.rows("captures")
    sources = {place: dict(row["field_sources"]) for place, row in articles.items()}
    assert sources["free.test/header"]["nosnippet"] == sources["free.test/header"]["meta_robots"] == "header:x-robots-tag"
    assert sources["free.test/meta"]["noarchive"] == "meta:broadsheet"
    assert sources["free.test/meta"]["meta_robots"] == "meta:robots, meta:broadsheet"
    file = captures["mined.test/.well-known/tdmrep.json"]
    assert sources["mined.test/story"]["tdm_reservation"] == f"tdmrep.json {file['warc_record_id']}"
    assert sources["mined.test/said"]["tdm_reservation"] == "meta:tdm-reservation"
    robots = captures["learned.test/robots.txt"]["warc_record_id"]
    assert sources["learned.test/story"]["content_usage"] == f"header:content-usage, robots.txt {robots}"
    assert (file["purpose"], file["fetch_status"]) == ("tdmrep", 200)


def test_captures_say_what_is_restricted(standard: Crawled) -> None:
    said = {place: row["restrictions"] for place, row in standard.rows("captures").items() if row["restrictions"]}
    assert said == {
        "free.test/header": ["nosnippet"],
        "free.test/meta": ["noarchive", "noindex"],
        "free.test/ends": ["unavailable_after=2020-01-01T00:00:00Z"],
        "mined.test/story": ["tdm-reservation=1"],
        "learned.test/story": ["train-ai=n"],
    }


def test_the_site_file_is_asked_for_once_a_host_and_only_where_robots_txt_allows(standard: Crawled) -> None:
    asked = [place.partition("/")[0] for place in standard.seen if place.endswith("/.well-known/tdmrep.json")]
    assert sorted(asked) == ["free.test", "learned.test", "mined.test"]
    assert "closed.test/story" in standard.seen
    assert "  errors     0" in standard.outcome.err


def test_a_second_run_takes_the_file_from_its_copy(strict: Crawled) -> None:
    assert not [place for place in strict.seen if "tdmrep" in place]


def test_the_strict_policy_leaves_alone_what_the_site_reserves(strict: Crawled) -> None:
    assert "mined.test/story" not in strict.seen
    assert "learned.test/story" not in strict.seen
    # known from the site's file before the page itself could say otherwise
    assert "mined.test/said" not in strict.seen
    assert "mined.test/open/story" in strict.seen
    assert "3 addresses left alone, their sites reserve them (BROADSHEET_RIGHTS=strict)" in strict.outcome.err
    assert "  errors     0" in strict.outcome.err


def test_the_strict_policy_keeps_proof_but_makes_no_article(strict: Crawled) -> None:
    captures = strict.rows("captures")
    row = captures["free.test/meta"]
    assert (row["extraction"], row["extraction_reason"]) == ("reserved", "noarchive: no article of it by the strict policy")
    assert {captures[f"free.test/{name}"]["extraction"] for name in ("plain", "header", "deed")} == {"unchanged"}
    assert "1 reserved by their publishers (BROADSHEET_RIGHTS=strict)" in strict.outcome.err


def test_the_collection_is_proved(strict: Crawled, workers: Workers) -> None:
    assert proved(strict.collection, workers) == []


def test_rows_made_from_the_records_say_the_same(standard: Crawled, workers: Workers, tmp_path: Path) -> None:
    check(extracted(standard, tmp_path / "again", workers, "standard"), standard.port)
    assert proved(tmp_path / "again", workers) == []


def test_extraction_obeys_the_strict_policy(standard: Crawled, workers: Workers, tmp_path: Path) -> None:
    kept = extracted(standard, tmp_path / "again", workers, "strict").keys()
    assert kept == STORIES.keys() - {"free.test/meta", "mined.test/story", "learned.test/story"}


def test_a_row_that_was_altered_is_found(standard: Crawled, workers: Workers, tmp_path: Path) -> None:
    shutil.copytree(standard.collection, tmp_path / "c")
    table = open_collection(tmp_path / "c").articles
    for part in table.parts():
        whole = pq.read_table(part, partitioning=None)
        at, column = whole.column_names.index("tdm_reservation"), whole.column("tdm_reservation")
        table.replace(
            part, whole.set_column(at, whole.schema.field(at), pc.if_else(pc.equal(column, 1), pc.cast(0, "int8"), column))
        )
    (found,) = proved(tmp_path / "c", workers)
    assert found.endswith("/story: tdm_reservation is 0 in the row and 1 by its records")


@pytest.mark.parametrize(
    ("policy", "gone", "silent"),
    [
        ("record", set(), set()),
        ("standard", {"free.test/meta", "free.test/ends"}, {"free.test/header", "mined.test/story", "learned.test/story"}),
        ("strict", {"free.test/meta", "free.test/ends", "mined.test/story", "learned.test/story"}, {"free.test/header"}),
    ],
)
def test_packages_leave_out_what_the_policy_says(
    strict: Crawled, policy: Policy, gone: set[str], silent: set[str], tmp_path: Path
) -> None:
    """Of both crawls: the second has revisits of what the first stored."""
    packed = pack(open_collection(strict.collection), tmp_path / "p.wacz", Options(policy=policy))
    assert check_wacz(tmp_path / "p.wacz") == []
    with open_wacz(tmp_path / "p.wacz") as wacz, wacz.index() as index:
        entries = {entry.url.removeprefix("http://").replace(f":{strict.port}", "") for entry in index}
        pages = {page["url"].removeprefix("http://").replace(f":{strict.port}", ""): page for page in wacz.pages()}
    held = b"".join(_plain(tmp_path / "p.wacz"))
    assert STORIES.keys() - entries == STORIES.keys() - pages.keys() == gone
    assert {place for place, page in pages.items() if "text" not in page} == silent
    for place in STORIES:
        asked = f"WARC-Target-URI: http://{place.replace('.test', f'.test:{strict.port}', 1)}\r\n".encode()
        assert (asked in held) is (place not in gone), place
    assert (packed.withheld > 0, packed.without_text) == (bool(gone), len(silent))


def _plain(path: Path) -> Iterator[bytes]:
    for record in foreign.read_records(path):
        assert isinstance(record, Record)
        yield "".join(f"{name}: {value}\r\n" for name, value in record.fields).encode()


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(SettingError, match="BROADSHEET_RIGHTS=lax: there is no such policy; choose record, standard or strict"):
        policy_of(Settings({"BROADSHEET_RIGHTS": "lax"}))
