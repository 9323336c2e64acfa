"""What pages and stylesheets load: all of it, absolute, and nothing that is not to be fetched."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.requisites import Reference, of_css, read, srcset

PAGE = "https://news.example/2026/ferry/"


def html(markup: str, url: str = PAGE) -> list[Reference]:
    return read(f"<!doctype html><html><body>{markup}</body></html>".encode(), url, "text/html; charset=utf-8")


@pytest.mark.parametrize(
    ("markup", "wanted"),
    [
        ('<link rel="stylesheet" href="/s.css">', [("/s.css", "stylesheet", False)]),
        ('<link rel="alternate stylesheet" href="/other.css">', []),
        ('<link rel="alternate" type="application/rss+xml" href="/rss">', []),
        ('<link rel="shortcut icon" href="/i.ico">', [("/i.ico", "image", False)]),
        ('<link rel="preload" as="font" href="/f.woff2" crossorigin>', [("/f.woff2", "font", False)]),
        ('<link rel="modulepreload" href="/m.js">', [("/m.js", "script", False)]),
        ('<script src="/a.js"></script>', [("/a.js", "script", False)]),
        ('<img src="/a.jpg">', [("/a.jpg", "image", True)]),
        ('<img data-src="/late.jpg" src="/blank.gif">', [("/blank.gif", "image", True), ("/late.jpg", "image", True)]),
        ('<img data-srcset="/l1.jpg 1x, /l2.jpg 2x">', [("/l1.jpg", "image", False), ("/l2.jpg", "image", True)]),
        ('<img srcset="/s.jpg 400w, /l.jpg 800w">', [("/s.jpg", "image", False), ("/l.jpg", "image", True)]),
        ('<picture><source srcset="/p.webp"></picture>', [("/p.webp", "image", True)]),
        (
            '<video poster="/p.jpg" src="/v.mp4"><source src="/w.webm"></video>',
            [("/p.jpg", "image", True), ("/v.mp4", "media", False), ("/w.webm", "media", False)],
        ),
        ('<iframe src="//embed.example/x"></iframe>', [("https://embed.example/x", "frame", False)]),
        ('<object data="/o.svg"></object>', [("/o.svg", "other", False)]),
        ('<svg><use href="/sprite.svg#icon-a"/></svg>', [("/sprite.svg", "image", True)]),
        ('<svg><use xlink:href="/sprite.svg#b"/></svg>', [("/sprite.svg", "image", True)]),
        ('<div style="background: url(/bg.png)"></div>', [("/bg.png", "image", True)]),
        ('<div data-bg="/late-bg.png"></div>', [("/late-bg.png", "image", True)]),
        (
            "<style>@import '/i.css'; a{background:url(\"/b.png\")}</style>",
            [("/i.css", "stylesheet", False), ("/b.png", "image", False)],
        ),
        ('<noscript><img src="/n.jpg"></noscript>', [("/n.jpg", "image", True)]),
        ('<meta property="og:image" content="/og.jpg">', [("/og.jpg", "image", True)]),
        ('<base href="https://cdn.example/x/"><img src="a.jpg">', [("https://cdn.example/x/a.jpg", "image", True)]),
        ('<a href="/elsewhere">more</a>', []),
    ],
)
def test_what_a_page_loads(markup: str, wanted: list[tuple[str, str, bool]]) -> None:
    found = [(one.url.removeprefix("https://news.example"), one.kind, one.picture) for one in html(markup)]
    assert sorted(found) == sorted(wanted)


@pytest.mark.parametrize(
    "link",
    [
        "data:image/gif;base64,R0",
        "javascript:x()",
        "file:///etc/passwd",
        "about:blank",
        "#top",
        "",
        "http://[",
        "ftp://x/y",
        "x" * 5_000,
    ],
)
def test_what_is_not_fetched_is_not_named(link: str) -> None:
    assert not html(f'<img src="{link}"><div style="background:url({link})"></div>')


@pytest.mark.parametrize(
    ("link", "asked"),
    [
        (" ../a b/ä.jpg?q=1,2#f ", "https://news.example/2026/a%20b/%C3%A4.jpg?q=1,2"),
        ("https://CDN.example:443/a", "https://cdn.example/a"),
        ("http://cdn.example:80", "http://cdn.example/"),
        ("http://cdn.example:443/a", "http://cdn.example:443/a"),
        ("//cdn.example/css/x/../../new/./b.png", "https://cdn.example/new/b.png"),
        ("//cdn.example/../../b.png", "https://cdn.example/b.png"),
        ("\\img\\c.png?a=\\", "https://news.example/img/c.png?a=\\"),
        ("//fonts.example/css?family=A:300|B'", "https://fonts.example/css?family=A:300|B%27"),
        ("/a[1]|b^{c}.png?%zz|[x]", "https://news.example/a[1]%7Cb%5E%7Bc%7D.png?%zz|[x]"),
        ("https://bücher.example/ü?ü", "https://xn--bcher-kva.example/%C3%BC?%C3%BC"),
        ("d\n.p\tng", "https://news.example/2026/ferry/d.png"),
    ],
)
def test_addresses_are_as_a_browser_asks_for_them(link: str, asked: str) -> None:
    (found,) = html(f'<img src="{link}">')
    assert found.url == asked


@pytest.mark.parametrize(
    ("css", "wanted"),
    [
        ("@import url(a.css);", [("a.css", "stylesheet")]),
        ("@import 'a.css' print;", [("a.css", "stylesheet")]),
        ('@import url("a.css") layer(x); b{content:"no.png"}', [("a.css", "stylesheet")]),
        ("/* url(no.png) */ a{background:url( 'b.png' )}", [("b.png", "image")]),
        ("@font-face{src:url(f.woff2) format('woff2'),url(f.ttf)}", [("f.woff2", "font"), ("f.ttf", "font")]),
        ("a{background:image-set('x.png' type('image/png') 1x, url(y.png) 2x)}", [("x.png", "image"), ("y.png", "image")]),
        ("@media print{a{b:url(n.png)}}", [("n.png", "image")]),
        (r"a{b:url(sp\61 ce.png)}", [("space.png", "image")]),
        (r"""a{b:url("quo\"te.png")}""", [("quo%22te.png", "image")]),
        ("a{b:url(#clip);c:url(data:,x)}", []),
        ("a{b:url(cut", [("cut", "image")]),
        ("}}}{{{url(x.png)", [("x.png", "image")]),
    ],
)
def test_what_a_stylesheet_loads(css: str, wanted: list[tuple[str, str]]) -> None:
    found = [(one.url.removeprefix("https://news.example/c/"), one.kind) for one in of_css(css, "https://news.example/c/s.css")]
    assert found == wanted


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("a.jpg", [("a.jpg", 1.0)]),
        ("a.jpg 1x, b.jpg 2x", [("a.jpg", 1.0), ("b.jpg", 2.0)]),
        ("a.jpg,b.jpg", [("a.jpg,b.jpg", 1.0)]),
        ("a.jpg, b.jpg", [("a.jpg", 1.0), ("b.jpg", 1.0)]),
        ("/w_1,h_2/a.jpg 320w,\n/w_3,h_4/b.jpg 640w", [("/w_1,h_2/a.jpg", 320.0), ("/w_3,h_4/b.jpg", 640.0)]),
        ("a.jpg 100w (x, y), b.jpg 2x", [("a.jpg", 100.0), ("b.jpg", 2.0)]),
        (" , ,a.jpg 1.5x,, ", [("a.jpg", 1.5)]),
        ("a.jpg 1.2.3x", [("a.jpg", 1.0)]),
        ("", []),
    ],
)
def test_srcset_is_parsed_as_the_html_standard_says(value: str, wanted: list[tuple[str, float]]) -> None:
    assert srcset(value) == wanted


LINK = st.from_regex(r"[a-z/][a-z0-9/,.?=-]{0,20}[a-z0-9]", fullmatch=True)


@given(st.lists(st.tuples(LINK, st.integers(1, 4_000)), max_size=8), st.sampled_from([", ", " ,", ",\n\t"]))
def test_any_candidates_come_back_from_a_srcset(candidates: list[tuple[str, int]], between: str) -> None:
    value = between.join(f"{link} {width}w" for link, width in candidates)
    assert srcset(value) == [(link, float(width)) for link, width in candidates]


@given(st.text(max_size=200))
def test_no_text_makes_the_parsers_raise(text: str) -> None:
    srcset(text)
    of_css(text, PAGE)
    html(text)


@pytest.mark.parametrize(
    "markup",
    [
        f'<img srcset="{",".join(f"/{n}.jpg {n}w" for n in range(300_000))}">',
        "".join(f'<img src="/{n}.jpg">' for n in range(100_000)),
        f"<style>{'@import url(x.css);' * 60_000}</style>",
        f'<div style="{"a:url(" * 60_000}"></div>',
        f"<style>{'a{' * 60_000}</style>",
        f"<style>{'image-set(' * 20_000}</style>",
        f'<img srcset="{"(" * 500_000}">',
        f"<p {' '.join(f'a{n}=b' for n in range(20_000))}><img src=/a.jpg>",
    ],
)
def test_floods_are_bounded_in_number_and_time(markup: str) -> None:
    began = time.process_time()
    assert len(html(markup)) <= 2_000
    assert time.process_time() - began < 5


def test_a_page_of_the_newsroom_names_all_that_it_loads() -> None:
    from tests.newsroom.site import Site

    site = Site(8080)
    story = next(story for story in site.stories.values() if story.template == "article" and story.host == "courier")
    found = {one.url for one in read(site.pages.article(story).encode(), site.url("courier", story.path), "text/html")}
    assert {site.url("courier", path) for path in ("/static/site.css", "/favicon.ico", "/static/consent.js")} <= found
    css = (Path(__file__).parents[1] / "newsroom" / "static" / "site.css").read_text()
    assert [one.url.rpartition("/")[2] for one in of_css(css, "http://x/static/site.css")] == [
        "type.css",
        "print.css",
        "paper.png",
        "logo.png",
    ]
