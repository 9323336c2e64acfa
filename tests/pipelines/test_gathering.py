"""Articles on several pages and their twins: whatever comes first, in one file or many, one row with all its records."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from archive.collection import Collection, create_collection
from archive.verify import verify
from pipelines.extract import extract
from pipelines.intake import Extraction
from pipelines.paging import MOST_PAGES
from pipelines.reread import verify_texts
from pipelines.retabulate import retabulate
from pipelines.run import Run
from pipelines.tabulate import Found
from pipelines.workers import Workers
from tests.archive.exchanges import exchange, response
from tests.archive.foreign_files import Maker
from tests.pipelines.pages import TITLE, page, paragraphs, sentence

SITE = "https://news.example"
STORY = f"{SITE}/timber"
PAGES = (STORY, f"{STORY}/2", f"{STORY}/3")
LEAD = "<p class='lead'>The lead, which the paper prints above the text of every page of this story, for late comers.</p>"


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with closing(Workers(1, 30.0)) as some:
        yield some


def part(number: int, *, of: int = 3, title: str = TITLE, changed: str = "") -> bytes:
    """A page of the story, from 0, which names those beside it."""
    turns = [("prev", number - 1)] * (number > 0) + [("next", number + 1)] * (number < of - 1)
    links = "".join(f'<link rel="{rel}" href="{PAGES[other]}">' for rel, other in turns)
    body = f"<article><h1>{title}</h1>{LEAD}{paragraphs(4, 10 * number)}{changed}</article>"
    return page(body, f'<link rel="canonical" href="{PAGES[number]}">{links}')


def twin(*, canonical: str = STORY, extra: str = "") -> bytes:
    body = f"<article><h1>{TITLE}</h1>{paragraphs(12)}{extra}</article>"
    return page(body, f'<link rel="canonical" href="{canonical}">')


class Taken:
    """What came of files with these pages, given one after another to one extraction each."""

    def __init__(self, folder: Path, workers: Workers, *files: list[tuple[str, bytes]]) -> None:
        self.collection: Collection = create_collection(folder / "c")
        self.workers = workers
        for number, pages in enumerate(files):
            self.take(folder / f"{number}.warc.gz", pages)

    def take(self, path: Path, pages: list[tuple[str, bytes]], date: str = "2024-05-06") -> None:
        warc = Maker(path)
        for second, (url, body) in enumerate(pages):
            warc.response(url, body, WARC_Date=f"{date}T07:08:{second:02}Z")
        self.tally = Extraction(self.collection, self.workers).read([warc.close()])

    @property
    def rows(self) -> list[dict[str, Any]]:
        rows = self.collection.articles.dataset().to_table().to_pylist()
        return sorted(rows, key=lambda row: (row["url"], row["version"]))

    @property
    def states(self) -> dict[str, tuple[str, str]]:
        rows = self.collection.captures.dataset().to_table().to_pylist()
        return {row["url"]: (row["extraction"], row["extraction_reason"]) for row in rows}

    def assert_proven(self) -> None:
        findings = verify(self.collection)
        verify_texts(self.collection, self.workers, findings)
        assert not findings.mismatches
        assert findings.counts["texts"] == len(self.rows)


def whole(taken: Taken) -> list[tuple[Any, ...]]:
    """What the table says of its articles, but for what differs from file to file."""
    return [
        (row["url"], row["version"], row["text"], [one["url"] for one in row["pages"]], row["quality_flags"])
        for row in taken.rows
    ]


def test_the_order_of_pages_decides_nothing(tmp_path: Path, workers: Workers) -> None:
    outcomes = []
    for number, order in enumerate([(0, 1, 2), (2, 1, 0), (1, 2, 0)]):
        folder = tmp_path / str(number)
        folder.mkdir()
        taken = Taken(folder, workers, [(PAGES[one], part(one)) for one in order])
        outcomes.append(whole(taken))
        assert (taken.tally.counts["article"], taken.tally.counts["page"]) == (1, 2)
    taken.assert_proven()
    assert all(one == outcomes[0] for one in outcomes)
    ((url, version, text, pages, flags),) = outcomes[0]
    assert (url, version, pages) == (STORY, 1, list(PAGES))
    assert text.count("The lead, which the paper prints") == 1
    assert text.index("note 13") < text.index("note 20") and text.count("harbour office counted") == 3
    assert "pages_missing" not in flags
    assert taken.states.pop(STORY)[0] == "article"
    assert taken.states == taken.states | {PAGES[at]: ("page", f"page {at + 1} of {STORY}") for at in (1, 2)}


def test_what_one_page_reserves_holds_for_the_article(tmp_path: Path, workers: Workers) -> None:
    reserved = part(1).replace(b"</head>", b'<meta name="robots" content="noarchive"></head>')
    taken = Taken(tmp_path, workers, [(STORY, part(0)), (PAGES[1], reserved), (PAGES[2], part(2))])
    (row,) = taken.rows
    assert (row["noarchive"], dict(row["field_sources"])["noarchive"]) == (True, "meta:robots")
    taken.assert_proven()


def test_pages_that_lie_in_files_taken_later_complete_the_article(tmp_path: Path, workers: Workers) -> None:
    taken = Taken(tmp_path, workers, [(PAGES[2], part(2)), (PAGES[1], part(1))])
    (alone,) = taken.rows
    assert (alone["url"], "pages_missing" in alone["quality_flags"]) == (PAGES[1], True)
    assert [one["url"] for one in alone["pages"]] == list(PAGES[1:])
    taken.assert_proven()
    taken.take(tmp_path / "first.warc.gz", [(STORY, part(0))])
    newest, earlier = taken.rows
    assert (newest["url"], newest["version"], newest["article_id"]) == (STORY, 2, earlier["article_id"])
    assert [one["url"] for one in newest["pages"]] == list(PAGES)
    assert "pages_missing" not in newest["quality_flags"]
    taken.assert_proven()


def test_one_page_that_changed_makes_a_version_with_the_others_as_they_were(tmp_path: Path, workers: Workers) -> None:
    taken = Taken(tmp_path, workers, [(PAGES[one], part(one)) for one in range(3)])
    taken.take(tmp_path / "later.warc.gz", [(PAGES[1], part(1, changed="<p>Since then the lamp was lit.</p>"))], "2024-05-07")
    first, second = taken.rows
    assert second["version"] == 2 and second["article_id"] == first["article_id"]
    assert second["text"] != first["text"] and "the lamp was lit" in second["text"]
    assert [one["url"] for one in second["pages"]] == list(PAGES)
    assert second["pages"][0] == first["pages"][0] != second["pages"][1] != first["pages"][1]
    taken.assert_proven()
    taken.take(tmp_path / "again.warc.gz", [(PAGES[one], part(one)) for one in (2,)], "2024-05-08")
    assert len(taken.rows) == 2, "nothing new"


@pytest.mark.parametrize("last_comes", [True, False])
def test_what_a_crash_left_waits_for_the_pages_that_the_next_crawl_gets(
    tmp_path: Path, workers: Workers, *, last_comes: bool
) -> None:
    folder = tmp_path / "c"
    dead = Run(create_collection(folder), [], 1 << 30)
    for number in (1, 0):
        recorded = dead.record(exchange(url=PAGES[number], response=response(part(number)), purpose="page"))
        assert dead.keep(extract(part(number), PAGES[number]), recorded, Found("list", None, PAGES[number]), "news") is None
    dead.recorder.close()  # killed: no rows
    dead.lock.release()
    run = Run(create_collection(folder), [], 1 << 30)
    assert asyncio.run(retabulate(run, workers)) == 2
    assert list((folder / "state").glob("untabulated-*")), "not before their rows are published"
    assert not run.tabulator.take()
    if last_comes:
        capture = run.record(exchange(url=PAGES[2], response=response(part(2)), purpose="page"))
        row = run.keep(extract(part(2), PAGES[2]), capture, Found("list", None, PAGES[2]), "news")
        assert row is not None
        run.tabulator.add_article(row)
    run.close()
    assert not list((folder / "state").glob("untabulated-*"))
    (row,) = run.collection.articles.dataset().to_table().to_pylist()
    assert [one["url"] for one in row["pages"]] == list(PAGES[: 2 + last_comes])
    assert ("pages_missing" in row["quality_flags"]) != last_comes
    findings = verify(run.collection)
    verify_texts(run.collection, workers, findings)
    assert not findings.mismatches


def test_a_later_page_that_is_not_what_the_row_says_is_found_out(tmp_path: Path, workers: Workers) -> None:
    taken = Taken(tmp_path, workers, [(PAGES[one], part(one)) for one in range(3)])
    (place,) = taken.collection.articles.parts()
    table = pq.read_table(place, partitioning=None)
    (pages,) = table.column("pages").to_pylist()
    for swapped in ([pages[0], pages[2], pages[1]], [pages[0], pages[1] | {"warc_record_id": "<urn:x>"}, pages[2]]):
        at = table.column_names.index("pages")
        field = taken.collection.articles.schema.field("pages")
        taken.collection.articles.replace(place, table.set_column(at, field, pa.array([swapped], type=field.type)))
        findings = verify(taken.collection)
        verify_texts(taken.collection, workers, findings)
        assert findings.mismatches


def test_what_goes_on_for_ever_is_no_article_on_many_pages(tmp_path: Path, workers: Workers) -> None:
    def endless(number: int) -> bytes:
        links = f'<link rel="prev" href="{STORY}/{number - 1}"><link rel="next" href="{STORY}/{number + 1}">'
        return page(f"<article><h1>{TITLE}</h1>{paragraphs(3, 3 * number)}</article>", links)

    numbers = (MOST_PAGES - 1, MOST_PAGES, MOST_PAGES + 1, MOST_PAGES + 2)
    taken = Taken(tmp_path, workers, [(f"{STORY}/{number}", endless(number)) for number in numbers])
    assert sorted(len(row["pages"]) for row in taken.rows) == [0, 0, 2]


def test_a_live_blog_on_several_pages_has_all_its_posts_once(tmp_path: Path, workers: Workers) -> None:
    def posts(*clocks: int) -> str:
        time = "<time datetime='2024-05-06T{0:02}:00Z'>{0}:00</time>"
        shape = f"<section class='update'>{time}<h3>At {{0}} o’clock</h3><p>{{1}}</p></section>"
        return "".join(shape.format(clock, sentence(clock)) for clock in clocks)

    def blog(url: str, rel: str, other: str, shown: str) -> tuple[str, bytes]:
        body = f"<article><h1>{TITLE}</h1>{LEAD}<div class='live-blog'>{shown}</div></article>"
        return url, page(body, f'<link rel="canonical" href="{url}"><link rel="{rel}" href="{other}">')

    first = blog(PAGES[0], "next", PAGES[1], posts(20, 19, 18, 17))
    second = blog(PAGES[1], "prev", PAGES[0], posts(17, 16, 15, 14))
    taken = Taken(tmp_path, workers, [second, first])
    (row,) = taken.rows
    assert [post["at"].hour for post in row["posts"]] == [20, 19, 18, 17, 16, 15, 14]
    assert [row["text"].count(sentence(clock)) for clock in (20, 17, 14)] == [1, 1, 1]
    taken.assert_proven()


def test_numbered_articles_of_a_series_stay_apart(tmp_path: Path, workers: Workers) -> None:
    taken = Taken(tmp_path, workers, [(PAGES[one], part(one, title=f"Number {one}: {TITLE}")) for one in range(3)])
    assert [row["url"] for row in taken.rows] == list(PAGES)


@pytest.mark.parametrize("article_first", [True, False])
@pytest.mark.parametrize(("place", "kind"), [("/amp/timber", "AMP"), ("/timber?view=print", "print")])
@pytest.mark.parametrize("apart", [True, False])
def test_a_twin_is_no_article_and_no_version(
    tmp_path: Path, workers: Workers, place: str, kind: str, *, article_first: bool, apart: bool
) -> None:
    article, other = (STORY, twin(extra="<p>One more line.</p>")), (SITE + place, twin())
    pages = [article, other] if article_first else [other, article]
    taken = Taken(tmp_path, workers, *([[one] for one in pages] if apart else [pages]))
    (row,) = taken.rows
    assert (row["version"], row["article_id"] != "") == (1, True)
    if apart and not article_first:
        # the twin was all there was; the article itself says nearly the same
        assert "twin" in row["quality_flags"]
        assert taken.states[STORY] == ("unchanged", "same as version 1")
    else:
        assert row["url"] == STORY
        assert taken.states[SITE + place] == ("duplicate", f"{kind} twin of {STORY}")
    taken.assert_proven()


def test_an_article_that_says_something_else_than_its_twin_did_is_a_version(tmp_path: Path, workers: Workers) -> None:
    taken = Taken(tmp_path, workers, [(f"{SITE}/amp/timber", twin())])
    told = "".join(
        f"<p>Since {hour} o’clock nobody at the saw mill answers, and {hour + 7} wagons wait.</p>" for hour in range(12)
    )
    body = f"<article><h1>{TITLE}</h1><p>Quite another story, told at length and with other words.</p>{told}</article>"
    taken.take(tmp_path / "later.warc.gz", [(STORY, page(body, f'<link rel="canonical" href="{STORY}">'))])
    assert [row["version"] for row in sorted(taken.rows, key=lambda row: row["version"])] == [1, 2]
