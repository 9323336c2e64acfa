"""What is learned is kept, survives crashes, counts nothing twice, and gives one table whatever the order."""

from __future__ import annotations

import random
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archive.collection import Collection, create_collection
from archive.cuts import uncut
from archive.tables import Table
from archive.text import fold, sha256_folded
from archive.verify import Findings, verify
from pipelines.article import Article, Page
from pipelines.cleaning import restore
from pipelines.intake import Extraction
from pipelines.reclean import Recleaned, reclean
from pipelines.reread import verify_texts
from pipelines.run import Run
from pipelines.sites import SAMPLE, Host, Sites
from pipelines.tabulate import Found
from pipelines.workers import Workers
from tests.archive.exchanges import exchange
from tests.archive.foreign_files import Maker
from tests.crawling import python
from tests.pipelines.furnished import FIRST_DAY, PITCH, Furnished, Line, site
from tests.pipelines.pages import page
from tests.pipelines.test_site import recurring

LETTER = "Every morning at six we send you what matters on the river. Leave us your address."
ROWS = [article.row(fetched_at=FIRST_DAY + timedelta(days=article.number % 2)) for article in site(44)]


def publish(collection: Collection, sites: Sites, rows: list[dict[str, Any]], name: str, *, learn: bool = True) -> None:
    """As a crawl does: cleaned with what is known, published, learned from."""
    rows = [dict(row) for row in rows]
    for row in rows:
        sites.clean(row)
    parts = collection.articles.publish(rows, name)
    if learn:
        sites.learn(parts, rows)


def table(collection: Collection) -> list[dict[str, Any]]:
    rows = collection.articles.dataset().to_table().to_pylist()
    return sorted(rows, key=lambda row: (row["url"], row["version"]))


def taught(folder: Path, rows: list[dict[str, Any]] = ROWS) -> tuple[Collection, Sites]:
    """A collection whose rows are all in two parts and cleaned."""
    collection = create_collection(folder)
    sites = Sites(collection)
    publish(collection, sites, rows[: len(rows) // 2], "c-1")
    publish(collection, sites, rows[len(rows) // 2 :], "c-2")
    reclean(collection, sites)
    return collection, sites


@pytest.fixture(scope="module")
def final(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The table that these articles make."""
    collection, sites = taught(tmp_path_factory.mktemp("final") / "c")
    sites.close()
    rows = table(collection)
    assert sum(LETTER in uncut(row["text"], of_text(row)) for row in rows) > 30
    assert not any(LETTER in row["text"] for row in rows)
    return rows


def of_text(row: dict[str, Any]) -> list[Any]:
    return [one for one in row["site_boilerplate"] if one["field"] == "text"]


class TestTheFinalTable:
    @given(st.permutations(ROWS), st.lists(st.integers(1, 43), max_size=2, unique=True).map(sorted))
    @settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_is_the_same_for_any_order_and_any_parts(
        self,
        tmp_path_factory: pytest.TempPathFactory,
        final: list[dict[str, Any]],
        rows: list[dict[str, Any]],
        ends: list[int],
    ) -> None:
        collection = create_collection(tmp_path_factory.mktemp("order") / "c")
        with closing(Sites(collection)) as sites:
            for number, (begin, end) in enumerate(zip([0, *ends], [*ends, len(rows)], strict=True)):
                publish(collection, sites, rows[begin:end], f"c-{number}")
            reclean(collection, sites)
        assert table(collection) == final

    def test_does_not_change_when_it_is_cleaned_again(self, tmp_path: Path, final: list[dict[str, Any]]) -> None:
        collection, sites = taught(tmp_path / "c")
        assert reclean(collection, sites) == Recleaned()
        assert reclean(collection, sites, {"news.example"}) == Recleaned(rows=44)
        assert table(collection) == final

    def test_is_that_of_a_profile_made_anew(self, tmp_path: Path, final: list[dict[str, Any]]) -> None:
        collection, sites = taught(tmp_path / "c")
        before = sites.hosts()
        sites.forget()
        assert sites.hosts() == [Host("news.example", 0, [])]
        assert sites.catch_up() == len(collection.articles.parts())
        sites.settle()
        assert sites.hosts() == before
        reclean(collection, sites)
        assert table(collection) == final

    def test_has_the_whole_text_again_when_a_person_keeps_a_block(self, tmp_path: Path) -> None:
        collection, sites = taught(tmp_path / "c")
        sites.close()
        (tmp_path / "c" / "keep.txt").write_text(f"{LETTER}\n")
        with closing(Sites(collection)) as sites:
            reclean(collection, sites, {"news.example"})
        assert sum(LETTER in row["text"] for row in table(collection)) > 30

    def test_knows_what_the_very_last_page_taught(self, tmp_path: Path) -> None:
        *first, last = [article.row() for article in [*recurring(on=0, of=37)[12:], *recurring(PITCH, on=12, of=12)]]
        collection = create_collection(tmp_path / "c")
        with closing(Sites(collection)) as sites:
            publish(collection, sites, first, "c-1")
            publish(collection, sites, [last], "c-2")
            reclean(collection, sites)
        assert not any(PITCH in row["text"] for row in table(collection))

    def test_learns_from_first_versions_whichever_came_first(self, tmp_path: Path, final: list[dict[str, Any]]) -> None:
        collection = create_collection(tmp_path / "c")
        later = ROWS[0] | {"version": 2, "text": "Corrected.", "markdown": "Corrected."}
        with closing(Sites(collection)) as sites:
            publish(collection, sites, [later], "c-1")
            assert sites.hosts() == []
            publish(collection, sites, ROWS, "c-2")
            reclean(collection, sites)
        assert [row | {"prev_version_sha256": None} for row in table(collection) if row["version"] == 1] == final

    def test_of_hosts_apart_learns_from_each_alone(self, tmp_path: Path) -> None:
        rows = [
            Furnished(one.number, one.fetched_at, one.lines, f"{'ab'[one.number % 2]}.example").row()
            for one in recurring(PITCH, on=58, of=58)
        ]
        _, sites = taught(tmp_path / "c", rows)
        assert [(host.name, host.lessons, host.learned) for host in sites.hosts()] == [
            ("a.example", 29, []),
            ("b.example", 29, []),
        ]

    def test_of_rows_made_before_there_was_a_profile_is_cleaned_too(self, tmp_path: Path, final: list[dict[str, Any]]) -> None:
        collection = create_collection(tmp_path / "c")
        collection.articles.publish(ROWS, "old")
        for part in collection.articles.parts():
            old = pq.read_table(part, partitioning=None).drop_columns(["site_boilerplate", "uncut_text_sha256"])
            pq.write_table(old, part)
        with closing(Sites(collection)) as sites:
            sites.catch_up()
            reclean(collection, sites)
        assert table(collection) == final


class TestACrash:
    def test_between_a_part_and_its_lessons_loses_none(self, tmp_path: Path) -> None:
        _, sites = taught(tmp_path / "c")
        other = create_collection(tmp_path / "other")
        dead = Sites(other)
        publish(other, dead, ROWS[:20], "c-1")
        publish(other, dead, ROWS[20:], "c-2", learn=False)
        dead.close()
        with closing(Sites(other)) as following:
            assert following.catch_up() == len(other.articles.parts()) - 2
            following.settle()
            assert following.hosts() == sites.hosts()

    def test_counts_nothing_twice(self, tmp_path: Path) -> None:
        collection, sites = taught(tmp_path / "c")
        before = sites.hosts()
        sites.learn(collection.articles.parts(), ROWS)
        collection.articles.publish(ROWS, "c-again")  # the same articles in another part
        assert sites.catch_up() > 0
        sites.settle()
        assert sites.hosts() == before

    def test_while_rows_are_cleaned_leaves_whole_parts_and_the_same_call_ends_it(
        self, tmp_path: Path, final: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        collection = create_collection(tmp_path / "c")
        sites = Sites(collection)
        publish(collection, sites, ROWS, "c-1")
        replace, left = Table.replace, iter(range(1))

        def full_on_the_second(table: Table, part: Path, rows: Any) -> None:
            if next(left, None) is None:
                raise OSError(28, "No space left on device")
            replace(table, part, rows)

        with monkeypatch.context() as full:
            full.setattr(Table, "replace", full_on_the_second)
            with pytest.raises(OSError, match="No space"):
                reclean(collection, sites)
        sites.close()
        assert sum(row["uncut_text_sha256"] is not None for row in table(collection)) == 22
        with closing(Sites(collection)) as following:
            reclean(collection, following)
        assert table(collection) == final

    def test_by_kill_at_any_moment_leaves_what_a_new_profile_would_be(self, tmp_path: Path) -> None:
        collection, dice = create_collection(tmp_path / "c"), random.Random(7)
        for number in range(2):
            with python("-c", _LEARNER, str(tmp_path / "c"), str(number)) as learner:
                learner.until(lambda: "begins" in learner.err)
                time.sleep(dice.uniform(0, 0.1))
        with closing(Sites(collection)) as sites:
            sites.catch_up()
            sites.settle()
            found = sites.hosts()
            sites.forget()
            sites.catch_up()
            sites.settle()
            assert sites.hosts() == found
        articles = {row["article_id"] for row in table(collection)}
        # it may be killed before it has published anything
        assert [host.lessons for host in found] == ([min(len(articles), SAMPLE)] if articles else [])


_LEARNER = """
import sys
from pathlib import Path
from archive.collection import open_collection
from pipelines.sites import Sites
from tests.pipelines.furnished import site

collection, run = open_collection(sys.argv[1]), int(sys.argv[2])
rows = [article.row() for article in site(60 * (run + 1))[60 * run:]]
sites = Sites(collection)
print("begins", file=sys.stderr)
for number in range(0, 60, 5):
    some = rows[number:number + 5]
    sites.learn(collection.articles.publish(some, f"{run}-{number}"), some)
sites.settle()
"""


class TestTheFile:
    @pytest.mark.parametrize("damage", [b"junk" * 1_000, b"", None])
    def test_that_is_damaged_or_gone_is_made_anew(self, tmp_path: Path, damage: bytes | None) -> None:
        collection, sites = taught(tmp_path / "c")
        before = sites.hosts()
        sites.close()
        path = tmp_path / "c" / "state" / "sites.sqlite"
        for one in path.parent.glob("sites.sqlite*"):
            one.unlink()
        if damage is not None:
            path.write_bytes(damage)
        with closing(Sites(collection)) as anew:
            anew.catch_up()
            anew.settle()
            assert anew.hosts() == before

    def test_that_cannot_be_opened_is_named_and_left_alone(self, tmp_path: Path) -> None:
        collection = create_collection(tmp_path / "c")
        (tmp_path / "c" / "state" / "sites.sqlite").mkdir(parents=True)
        with pytest.raises(OSError, match="sqlite: unable to open"):
            Sites(collection)

    def test_that_another_process_writes_to_is_not_thrown_away(self, tmp_path: Path) -> None:
        collection, sites = taught(tmp_path / "c")
        before = sites.hosts()
        with closing(sqlite3.connect(tmp_path / "c" / "state" / "sites.sqlite")) as other:
            other.execute("BEGIN IMMEDIATE")
            with closing(Sites(collection)) as second:
                assert second.hosts() == before

    def test_of_another_version_is_made_anew(self, tmp_path: Path) -> None:
        collection, sites = taught(tmp_path / "c")
        sites.close()
        with closing(sqlite3.connect(tmp_path / "c" / "state" / "sites.sqlite")) as database:
            database.execute("PRAGMA user_version = 99")
        with closing(Sites(collection)) as anew:
            assert anew.hosts() == []

    def test_keeps_so_many_lessons_of_a_host_and_no_more(self, tmp_path: Path) -> None:
        rows = [article.row() for article in recurring(PITCH, on=400, of=400, own=2)]
        _, sites = taught(tmp_path / "c", rows)
        assert [host.lessons for host in sites.hosts()] == [SAMPLE]
        _, others = taught(tmp_path / "b", rows[::-1])
        assert others.hosts() == sites.hosts()
        sites.close()
        assert (tmp_path / "c" / "state" / "sites.sqlite").stat().st_size < 150_000


FOUND = Found("list", None, "http://news.example/ferry")


def read(article: Furnished) -> Page:
    row = article.row()
    cells = {
        name: row[name] for name in ("title", "text", "markdown", "text_sha256", "title_sha256", "text_simhash", "word_count")
    }
    return Page("article", "because", Article(**cells, extractor="none/0", field_sources={"text": "trafilatura"}))


def test_a_crawl_cuts_from_later_pages_what_earlier_ones_taught(tmp_path: Path) -> None:
    *earlier, later = recurring(PITCH, on=41, of=41)
    run = Run(create_collection(tmp_path / "c"), [], 1 << 30)
    for article in earlier:
        capture = run.record(exchange(url=f"http://news.example/{article.number}", purpose="page"))
        row = run.keep(read(article), capture, FOUND, "news")
        assert row is not None
        assert (row["text"], row["site_boilerplate"]) == (article.text, [])
        run.tabulator.add_article(row)
    run.tabulator.publish(run.tabulator.take())
    row = run.keep(read(later), run.record(exchange(url="http://news.example/later", purpose="page")), FOUND, "news")
    assert row is not None
    assert row["text"] == later.text.removesuffix(f"\n\n{PITCH}")
    assert row["uncut_text_sha256"] == later.row()["text_sha256"]
    run.close()


class TestVersions:
    def test_do_not_multiply_because_a_block_was_learned_between_two_crawls(self, tmp_path: Path) -> None:
        articles = recurring(PITCH, on=40, of=40)
        collection = create_collection(tmp_path / "c")
        for crawl in range(3):
            run = Run(collection, [], 1 << 30)
            for article in articles:
                capture = run.record(exchange(url=f"http://news.example/{article.number}", purpose="page"))
                if row := run.keep(read(article), capture, FOUND, "news"):
                    run.tabulator.add_article(row)
            run.close()
            rows = table(collection)
            assert [row["version"] for row in rows] == [1] * 40
            assert {PITCH in row["text"] for row in rows} == {crawl < 2}
            if crawl:
                with closing(Sites(collection)) as sites:
                    reclean(collection, sites)
        assert not [one for one in verify(collection).mismatches if "second row" in str(one)]

    def test_name_the_hash_that_the_version_before_has_by_now(self, tmp_path: Path) -> None:
        articles = recurring(PITCH, on=40, of=40)
        collection = create_collection(tmp_path / "c")
        changed = Furnished(0, articles[0].fetched_at, [Line("A first line that is new.", "own"), *articles[0].lines])
        run = Run(collection, [], 1 << 30)
        for article in (articles[0], changed, *articles[1:]):
            capture = run.record(exchange(url=f"http://news.example/{article.number}", purpose="page"))
            row = run.keep(read(article), capture, FOUND, "news")
            assert row is not None
            run.tabulator.add_article(row)
        run.close()
        with closing(Sites(collection)) as sites:
            reclean(collection, sites)
        first, second = (row for row in table(collection) if row["url"] == "http://news.example/0")
        assert second["prev_version_sha256"] == first["text_sha256"] == sha256_folded(fold(first["text"]))
        assert first["text_sha256"] != first["uncut_text_sha256"]


# the whole way, from archive files


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with closing(Workers(1, 30.0)) as some:
        yield some


def files(folder: Path) -> list[Path]:
    """Three archive files with fourteen pages each, whose body ends with the same line."""
    folder.mkdir()
    paths = []
    for number in range(3):
        warc = Maker(folder / f"{number}.warc.gz")
        for article in recurring(on=0, of=42)[number::3]:
            body = "".join(f"<p>{line.text}</p>" for line in article.lines) + f"<p>{LETTER}</p>"
            warc.response(
                f"http://news.example/{article.number}",
                page(f"<article><h1>Story</h1>{body}</article>"),
                WARC_Record_ID=f"<urn:uuid:00000000-0000-4000-8000-{article.number:012}>",
            )
        paths.append(warc.close())
    return paths


def test_files_in_any_order_make_one_table_that_is_proven(tmp_path: Path, workers: Workers) -> None:
    paths = files(tmp_path / "files")
    tables = []
    for number, order in enumerate([paths, paths[::-1]]):
        collection = create_collection(tmp_path / f"c{number}")
        if number:
            Extraction(collection, workers).read(order[:1])
        Extraction(collection, workers).read(order)
        rows = [row | {"crawl_id": None} for row in table(collection)]
        assert [LETTER in row["text"] for row in rows] == [False] * 42
        tables.append(rows)
        findings = Findings()
        verify_texts(collection, workers, findings)
        assert (findings.counts["texts"], findings.mismatches) == (42, [])
    assert tables[0] == tables[1]


def test_a_row_that_says_it_lost_what_its_page_never_had_is_found(tmp_path: Path, workers: Workers) -> None:
    collection = create_collection(tmp_path / "c")
    Extraction(collection, workers).read(files(tmp_path / "files"))
    rows = table(collection)
    lie = {"field": "text", "at": 0, "text": "Never said.\n\n"}
    for row in rows:
        row["field_sources"] = dict(row["field_sources"])
    restore(rows[1])
    for row in rows[:2]:
        row["site_boilerplate"] = [lie, *row["site_boilerplate"]]
    for part in collection.articles.parts():
        part.unlink()
    collection.articles.publish(rows, "lies")
    findings = Findings()
    verify_texts(collection, workers, findings)
    assert sorted(re.sub(r".*/", "", str(one)) for one in findings.mismatches) == [
        f"{number}: its text comes out differently from its record" for number in (0, 1)
    ]
