"""The player's server gives what it was told to give, whole or in parts, to this machine alone; its package is checked."""

import http.client
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive import player
from archive.player import PlayerError, ReplayServer, _span, player_folder, unpack
from tests.crawling import scrapy

DATA = bytes(range(256)) * 40


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplayServer]:
    folder = tmp_path_factory.mktemp("player")
    for name in ("index.html", "ui.js", "sw.js", "LICENSE"):
        (folder / name).write_text(f"the player's {name}")
    (folder / "secret.txt").write_text("hush")
    (folder / "news.wacz").write_bytes(DATA)
    with ReplayServer(folder, {"news.wacz": folder / "news.wacz"}) as server:
        yield server


def ask(server: ReplayServer, path: str, method: str = "GET", host: str | None = None, **headers: str):  # type: ignore[no-untyped-def]
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request(method, path, headers={"Host": host or f"127.0.0.1:{server.port}", **headers})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


def test_the_player_and_the_file_are_served(server: ReplayServer) -> None:
    for path in ("/", "/index.html?source=x", "/replay/", "/replay/index.html"):
        answer, body = ask(server, path)
        assert (answer.status, body) == (200, b"the player's index.html")
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert ask(server, "/sw.js")[1] == b"the player's sw.js"
    assert ask(server, "/files/news.wacz")[1] == DATA


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=100-", 100, len(DATA)),
        ("bytes=-7", len(DATA) - 7, len(DATA)),
        ("bytes=9-99999999", 9, len(DATA)),
    ],
)
def test_parts_of_a_file_are_served(server: ReplayServer, asked: str, start: int, end: int) -> None:
    answer, body = ask(server, "/files/news.wacz", Range=asked)
    assert (answer.status, body) == (206, DATA[start:end])
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(DATA)}"


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=9-3", "bytes=-", "lines=1-2", "bytes=0-1,5-6"])
def test_parts_that_are_not_there_are_refused(server: ReplayServer, asked: str) -> None:
    answer, _ = ask(server, "/files/news.wacz", Range=asked)
    assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes */{len(DATA)}")


@given(st.integers(0, 300), st.integers(0, 300), st.integers(1, 200))
def test_a_part_never_reaches_beyond_the_file(start: int, end: int, size: int) -> None:
    span = _span(f"bytes={start}-{end}", size)
    assert span is None or 0 <= span[0] < span[1] <= size


@pytest.mark.parametrize(
    "path",
    ["/secret.txt", "/../secret.txt", "/files/../secret.txt", "/files/%2e%2e/secret.txt", "/files/", "/w/x", "//etc/passwd"],
)
def test_nothing_else_is_served(server: ReplayServer, path: str) -> None:
    assert ask(server, path)[0].status == 404


def test_nothing_can_be_written_and_a_head_has_no_body(server: ReplayServer) -> None:
    assert ask(server, "/files/news.wacz", "POST")[0].status == 501
    assert ask(server, "/files/news.wacz", "PUT")[0].status == 501
    answer, body = ask(server, "/files/news.wacz", "HEAD")
    assert (answer.status, answer.headers["Content-Length"], body) == (200, str(len(DATA)), b"")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1"])
def test_a_page_elsewhere_cannot_read_by_a_name_that_leads_here(server: ReplayServer, host: str) -> None:
    assert ask(server, "/files/news.wacz", host=host)[0].status == 421


def test_a_package_that_was_tampered_with_is_not_unpacked(tmp_path: Path) -> None:
    (tmp_path / "ui.js").write_text("steal()")
    with tarfile.open(tmp_path / "p.tgz", "w:gz") as package:
        package.add(tmp_path / "ui.js", "package/ui.js")
    with pytest.raises(PlayerError, match="not the file that is expected"):
        unpack(tmp_path / "p.tgz", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_the_player_the_one_command_that_gets_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(player, "user_cache_path", lambda name: tmp_path)
    with pytest.raises(PlayerError, match="scrapy replay --fetch-player"):
        player_folder()


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ((), "give one collection or file"),
        (("nowhere",), "nowhere: there is no such collection"),
        (("README.md",), "the player reads"),
    ],
)
def test_what_cannot_be_replayed_is_named(given_: tuple[str, ...], words: str) -> None:
    try:
        player_folder()
    except PlayerError as error:
        pytest.skip(str(error))
    outcome = scrapy("replay", *given_)
    assert outcome.code == 2
    assert words in outcome.err
    assert "Traceback" not in outcome.err
