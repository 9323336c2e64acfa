"""Years later, the site gone: an archivist opens the archive in a real browser and sees the page as it was."""

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser

import archive
from archive.collection import open_collection
from archive.pack import Options, pack
from archive.player import PlayerError, ReplayServer, player_folder
from archive.text import fold
from tests.crawling import crawl
from tests.newsroom.server import Newsroom
from tests.peers import PEERS
from tests.replay.archives import dangling, deflated, in_zstd, rewritten, without
from tests.replay.browser import Look, chromium, differing, look_live, look_replayed

STORIES = ("night-ferry", "lantern-walk", "storm-barrier")


@pytest.fixture(scope="module")
def player() -> Path:
    try:
        return player_folder()
    except PlayerError as error:
        pytest.skip(str(error))


@dataclass
class Kept:
    """A crawl in mode full, and what a browser saw while the newsroom still ran. It runs no more."""

    collection: Path
    wacz: Path
    warc: Path
    url: str
    live: Look
    text: str
    html: bytes


@pytest.fixture(scope="module")
def kept(player: Path, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    folder = tmp_path_factory.mktemp("replay")
    with Newsroom(slow_seconds=0) as newsroom, chromium(live=True) as browser:
        urls = [
            page.url for page in newsroom.expected if any(name in page.url for name in STORIES) and page.verdict == "article"
        ]
        settings = {"BROADSHEET_REQUISITES": "full", "BROADSHEET_CRAWL_DELAY_MAX": "0"}
        outcome = crawl(folder / "c", settings, urls=",".join(urls))
        assert outcome.code == 0, outcome.err
        url = next(url for url in urls if STORIES[0] in url)
        live = look_live(browser, url)
        html = sent(newsroom, url)
    packed = pack(open_collection(folder / "c"), folder / "news.wacz", Options())
    (warc,) = open_collection(folder / "c").warc_files()
    rows = archive.open_articles(folder / "c").to_table().to_pylist()
    text = next(row["text"] for row in rows if row["url"] == url)
    return Kept(folder / "c", packed.path, warc, url, live, text, html)


def sent(newsroom: Newsroom, url: str) -> bytes:
    """What the newsroom sends for an address."""
    parts = urlsplit(url)
    request = Request(f"http://127.0.0.1:{newsroom.port}{parts.path}", headers={"Host": parts.netloc})
    with urlopen(request, timeout=10) as answer:
        return answer.read()


@pytest.fixture(scope="module")
def browser(kept: Kept) -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def replayed(browser: Browser, player: Path, file: Path, url: str) -> Look:
    with ReplayServer(player, {file.name: file}) as server:
        return look_replayed(browser, server.page(file.name, url), server.origin)


def faults(look: Look, kept: Kept) -> list[str]:
    """All that an archivist would complain of."""
    lines = [line for line in kept.text.split("\n\n") if len(line) > 40]
    checks = {
        "title": look.title == kept.live.title,
        "text": all(fold(line) in fold(look.text) for line in lines),
        "stylesheet": look.border == "double",
        "font": look.fonts == kept.live.fonts != [],
        "pictures": look.pictures == kept.live.pictures > 0 and not look.broken,
        "requests": not look.failed,
        "leaks": not look.leaked,
    }
    return [name for name, holds in checks.items() if not holds]


def test_the_live_page_has_all_that_is_looked_for(kept: Kept) -> None:
    assert not faults(kept.live, kept)


@pytest.mark.parametrize("form", ["wacz", "warc"])
def test_the_page_replays_with_style_font_pictures_and_text_and_asks_nobody(
    browser: Browser, player: Path, kept: Kept, form: str
) -> None:
    look = replayed(browser, player, kept.wacz if form == "wacz" else kept.warc, kept.url)
    assert not faults(look, kept), (look.failed, look.leaked, look.broken)


def test_replay_and_live_page_look_the_same(browser: Browser, player: Path, kept: Kept, tmp_path: Path) -> None:
    look = replayed(browser, player, kept.wacz, kept.url)
    (tmp_path / "live.png").write_bytes(kept.live.picture)
    (tmp_path / "replay.png").write_bytes(look.picture)
    assert differing(kept.live.picture, look.picture) <= 0.001, tmp_path


def test_the_pictures_are_compared_in_earnest(kept: Kept) -> None:
    """A comparison that cannot fail would prove nothing."""
    from io import BytesIO

    from PIL import Image

    picture = Image.open(BytesIO(kept.live.picture)).convert("RGB")
    picture.paste((255, 0, 0), (100, 100, 200, 200))
    changed = BytesIO()
    picture.save(changed, "PNG")
    assert differing(kept.live.picture, changed.getvalue()) > 0.001


@pytest.mark.parametrize(
    ("spoil", "missed"),
    [
        (lambda kept, out: rewritten(kept.warc, out, in_zstd("/night-ferry/")), "text"),
        (lambda kept, out: rewritten(kept.warc, out, dangling("/static/site.css")), "stylesheet"),
        (lambda kept, out: rewritten(kept.warc, out, without("/static/site.css")), "stylesheet"),
        (lambda kept, out: rewritten(kept.warc, out, without("/static/tide-digits.woff2")), "font"),
        (lambda kept, out: rewritten(kept.warc, out, without("/static/logo.png")), "pictures"),
        (lambda kept, out: deflated(kept.wacz, out.with_suffix("").with_suffix(".wacz")), "text"),
    ],
    ids=["zstd", "dangling-revisit", "no-stylesheet", "no-font", "no-picture", "deflated-wacz"],
)
def test_a_spoiled_archive_is_seen_to_be_spoiled(
    browser: Browser, player: Path, kept: Kept, tmp_path: Path, spoil: Callable[[Kept, Path], Path], missed: str
) -> None:
    look = replayed(browser, player, spoil(kept, tmp_path / "spoiled.warc.gz"), kept.url)
    assert missed in faults(look, kept)


def test_a_word_of_the_text_finds_the_page_in_the_player(browser: Browser, player: Path, kept: Kept) -> None:
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    page = context.new_page()
    with ReplayServer(player, {kept.wacz.name: kept.wacz}) as server:
        page.goto(server.page(kept.wacz.name))
        found = page.locator("wr-page-entry")
        found.first.wait_for(timeout=15_000)
        assert found.count() == len(STORIES) + 1  # storm-barrier is told by two papers
        page.get_by_placeholder("Search by Page URL, Title, or Text").fill("Skerries")
        found.filter(has_text="Night ferry").wait_for(timeout=15_000)
        for _ in range(100):
            if found.count() == 1:
                break
            page.wait_for_timeout(50)
        assert found.count() == 1
    context.close()


# the other player: pywb, a server that rewrites pages


@pytest.fixture(scope="module")
def pywb(kept: Kept, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """pywb on the collection as it lies there: our index and our WARC files."""
    program = PEERS.parents[1] / "pywb" / "bin" / "wayback"
    if not program.exists():
        pytest.skip("pywb is not there: run make peers")
    folder = tmp_path_factory.mktemp("pywb")
    places = {
        "index_paths": str(kept.collection / "indexes" / "index.cdxj"),
        "archive_paths": str(kept.collection / "archive") + "/",
    }
    (folder / "config.yaml").write_text(json.dumps({"collections": {"news": places}, "framed_replay": True}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [program, "--bind", "127.0.0.1", "--port", str(port), "--directory", folder]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            yield wait_for(f"http://127.0.0.1:{port}")
        finally:
            server.terminate()


def wait_for(origin: str) -> str:
    for _ in range(200):
        try:
            with urlopen(origin, timeout=5):
                return origin
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{origin} does not answer")


def test_pywb_gives_the_bytes_that_the_site_sent(pywb: str, kept: Kept) -> None:
    with urlopen(f"{pywb}/news/2026id_/{kept.url}", timeout=10) as answer:
        assert answer.read() == kept.html


def test_the_page_replays_in_pywb_too(pywb: str, browser: Browser, kept: Kept) -> None:
    look = look_replayed(browser, f"{pywb}/news/2026/{kept.url}", pywb)
    assert not faults(look, kept), (look.failed, look.leaked, look.broken)
