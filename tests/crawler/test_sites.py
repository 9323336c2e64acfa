"""``scrapy sites``: what was learned, as text; and earlier rows cleaned with it."""

from argparse import Namespace
from pathlib import Path

import pytest
from scrapy.exceptions import UsageError

from archive.collection import Collection, create_collection
from archive.lock import WriterLock
from crawler.commands.sites import Command
from tests.crawling import scrapy
from tests.pipelines.furnished import PITCH
from tests.pipelines.test_site import recurring

COUNTER = "1,234 people have read this story so far, and 12 said something"


def collection(folder: Path) -> Collection:
    """Rows that nothing was learned from yet."""
    found = create_collection(folder)
    found.articles.publish([one.row() for one in [*recurring(PITCH, on=40, of=60), *recurring(COUNTER, on=8)]][:60], "c-1")
    return found


def sites(*arguments: str, apply: bool = False, rebuild: bool = False) -> None:
    Command().run(list(arguments), Namespace(apply=apply, rebuild=rebuild))


def test_applying_cuts_from_rows_and_shows_what(tmp_path: Path) -> None:
    found = collection(tmp_path / "c")
    done = scrapy("sites", str(found.path), "news.example", "--apply")
    assert (done.code, done.err.strip()) == (0, "")
    assert done.out.splitlines() == [
        "60 rows looked at, 40 changed, in 1 parts",
        "news.example: learned from 60 articles",
        "  often enough to be cut",
        f"    40 of 60, tail    {PITCH}",
    ]
    assert not any(PITCH in text for text in found.articles.dataset().to_table().column("text").to_pylist())


def test_all_hosts_are_listed_with_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = collection(tmp_path / "c")
    sites(str(found.path))
    assert capsys.readouterr().out.split() == ["articles", "cut", "suspect", "host", "60", "1", "0", "news.example"]
    assert {PITCH in text for text in found.articles.dataset().to_table().column("text").to_pylist()} == {True, False}


def test_learning_anew_gives_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(collection(tmp_path / "c").path)
    sites(path, "news.example")
    first = capsys.readouterr().out
    sites(path, "news.example", apply=True)
    capsys.readouterr()
    sites(path, "news.example", rebuild=True)
    assert capsys.readouterr().out == first


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give a collection"),
        (["a", "b", "c"], "give a collection"),
        (["{path}/none"], "there is no such collection"),
        (["{path}", "other.example"], "other.example: no article of this host is in"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path: Path, arguments: list[str], said: str) -> None:
    path = collection(tmp_path / "c").path
    with pytest.raises(UsageError, match=said):
        sites(*(one.format(path=path) for one in arguments))


def test_a_collection_that_is_being_written_is_shown_and_not_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = collection(tmp_path / "c")
    with WriterLock(found, "an extraction"):
        sites(str(found.path))
        assert "host" in capsys.readouterr().out
        with pytest.raises(UsageError, match="is being written to"):
            sites(str(found.path), apply=True)
