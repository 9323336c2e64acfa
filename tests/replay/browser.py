"""A real browser that looks at pages, live and replayed, and says what is wrong with what it sees."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Frame, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WIDTH = 960
# Chromium asks for things on its own account; nothing but this machine can be reached anyway
_QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    # frames of other origins come out blank in pictures of the page otherwise
    "--disable-features=IsolateOrigins,site-per-process",
]
_DEADLINE = 15_000  # milliseconds
_LOADED = "document.readyState === 'complete' && [...document.images].every(image => image.complete)"
_BORDER = "getComputedStyle(document.querySelector('header.masthead') ?? document.body).borderBottomStyle"
_SCROLL = """async () => {
    for (let y = 0; y < document.documentElement.scrollHeight; y += 400) {
        scrollTo(0, y);
        await new Promise(done => setTimeout(done, 20));
    }
    scrollTo(0, 0);
    await document.fonts.ready;
}"""
# what the player asks its own server for, page or no page
_OWN_AFFAIRS = ("?all=1", "urn:thumbnail:", "favicon", "ruffle")


@dataclass
class Look:
    """What a browser found: title, visible text, pictures that are broken, fonts that are loaded, the masthead's border (by
    which the stylesheet shows), requests that failed, requests that left the archive, and a picture of it all (PNG)."""

    title: str = ""
    text: str = ""
    broken: list[str] = field(default_factory=list)
    pictures: int = 0
    fonts: list[str] = field(default_factory=list)
    border: str = ""
    failed: list[str] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)
    picture: bytes = b""


@contextmanager
def chromium(live: bool = False) -> Iterator[Browser]:
    """A headless browser for which no name resolves, or, ``live``, the newsroom's names alone."""
    if CHROMIUM is None:
        pytest.skip("chromium is not there: install Debian's package chromium")
    rule = "MAP *.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1" if live else "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*_QUIET, f"--host-resolver-rules={rule}"])
        yield browser
        browser.close()


def look_live(browser: Browser, url: str) -> Look:
    """Look at a page as its server sends it."""
    with _page(browser) as page:
        page.goto(url)
        return _look(page, page.main_frame, Look())


def look_replayed(browser: Browser, address: str, origin: str) -> Look:
    """Look at a page inside the player; ``origin`` is all that it may ask."""
    look = Look()
    with _page(browser) as page:
        page.on("response", lambda answer: _note_failure(look, answer.status, answer.url))
        page.on("requestfailed", lambda request: _note_failure(look, 0, request.url))
        page.on("request", lambda request: _note_leak(look, request.url, origin))
        page.goto(address)
        frame = _inner(page)
        return look if frame is None else _look(page, frame, look)


@contextmanager
def _page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": WIDTH, "height": 1000}, reduced_motion="reduce")
    try:
        yield context.new_page()
    finally:
        context.close()


def _note_failure(look: Look, status: int, url: str) -> None:
    # what lies below /w/ (pywb: /news/) is the archive; the player also breaks off reading its files where it has enough
    if ("/w/" in url or "/news/" in url) and (status >= 400 or status == 0) and not any(part in url for part in _OWN_AFFAIRS):
        look.failed.append(url)


def _note_leak(look: Look, url: str, origin: str) -> None:
    if url.startswith("http") and not url.startswith(origin):
        look.leaked.append(url)


def _inner(page: Page) -> Frame | None:
    """The frame that holds the replayed page, once it is there."""
    for _ in range(_DEADLINE // 50):
        frame = next((frame for frame in page.frames if "mp_/" in frame.url), None)
        if frame and frame.evaluate("document.readyState") == "complete":
            return frame
        page.wait_for_timeout(50)
    return None


def _look(page: Page, frame: Frame, look: Look) -> Look:
    frame.evaluate(_SCROLL)
    with suppress(Error):  # what did not load is told below
        frame.wait_for_function(_LOADED, timeout=_DEADLINE)
    look.title = frame.title()
    look.text = frame.evaluate("document.body?.innerText ?? ''")
    look.pictures = frame.evaluate("document.images.length")
    look.broken = frame.evaluate("[...document.images].filter(image => !image.naturalWidth).map(image => image.src)")
    look.fonts = frame.evaluate("[...document.fonts].filter(font => font.status === 'loaded').map(font => font.family)")
    look.border = frame.evaluate(_BORDER)
    look.picture = _picture(page, frame)
    return look


def _picture(page: Page, frame: Frame) -> bytes:
    """The whole page as PNG: the window is made as high as the document, so that nothing has to be stitched."""
    height = min(int(frame.evaluate("document.documentElement.scrollHeight")), 6_000)
    around = page.viewport_size["height"] - int(frame.evaluate("innerHeight"))  # type: ignore[index]
    page.set_viewport_size({"width": WIDTH, "height": height + around})
    frame.evaluate("document.querySelector('dialog')?.close()")
    return frame.locator("html").screenshot(animations="disabled", caret="hide")


def differing(one: bytes, other: bytes) -> float:
    """The share of pixels that differ by more than 16 of 255 in any channel; 1 for pictures of different size."""
    from PIL import Image, ImageChops

    first, second = (Image.open(BytesIO(data)).convert("RGB") for data in (one, other))
    if first.size != second.size:
        return 1.0
    channels: list[Any] = list(ImageChops.difference(first, second).split())
    worst = channels[0]
    for channel in channels[1:]:
        worst = ImageChops.lighter(worst, channel)
    histogram = worst.histogram()
    return sum(histogram[17:]) / sum(histogram)
