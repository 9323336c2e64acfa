"""A list of sites that changes while it is watched: what is good is taken, what is not changes nothing and is said once."""

import re
from pathlib import Path

import pytest

from crawler.arguments import NewsArguments
from crawler.site_list import SiteList

HERE = "https://a.example/\n"


def watched(file: Path, text: str = HERE) -> SiteList:
    file.write_text(text)
    given = {"sites": str(file), "watch": "true"}
    return SiteList(given, NewsArguments.parse(given))


def test_a_list_that_stays_is_not_read_again(tmp_path: Path) -> None:
    sites = watched(tmp_path / "sites.txt")
    assert not sites.changed()
    (tmp_path / "sites.txt").write_text(HERE + "# a remark\n")
    assert not sites.changed()  # it is another file, and says the same
    assert sites.arguments.sites == ("https://a.example/",)


def test_a_changed_list_is_taken_once(tmp_path: Path) -> None:
    sites = watched(tmp_path / "sites.txt")
    (tmp_path / "new").write_text("https://b.example/\n" + HERE)
    (tmp_path / "new").rename(tmp_path / "sites.txt")  # as editors do
    assert sites.changed() and not sites.changed()
    assert sites.arguments.sites == ("https://b.example/", "https://a.example/")
    assert sites.arguments.watch


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda file: file.unlink(), "sites: there is no file .* any more"),
        (lambda file: file.write_text(HERE + "not an address at all\n"), "sites: 'not an address at all' is neither"),
        (lambda file: file.write_text(""), "names no address"),
        (lambda file: file.write_bytes(b"\xff\xfe\x00h\x00t"), "cannot be read"),
        (lambda file: (file.unlink(), file.mkdir()), "sites: there is no file"),
    ],
)
def test_a_list_that_cannot_be_used_changes_nothing_and_is_said_once(tmp_path: Path, break_it, words: str) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "sites.txt"
    sites = watched(file)
    break_it(file)
    assert sites.changed()
    assert sites.warning is not None

    assert re.search(words, sites.warning)
    assert not sites.changed()
    assert sites.arguments.sites == ("https://a.example/",)
    if file.is_dir():
        file.rmdir()
    file.write_text(HERE + "https://c.example/\n")
    assert sites.changed() and sites.warning is None
    assert len(sites.arguments.sites) == 2


def test_what_was_given_as_addresses_never_changes() -> None:
    given = {"sites": "https://a.example/", "every": "15m"}
    assert not SiteList(given, NewsArguments.parse(given)).changed()
