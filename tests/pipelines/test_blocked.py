"""What stands in the way of a page is told from pages that speak of such things. All pages here are made up."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.blocked import against_crawlers, obstacle, obstacle_in
from pipelines.extract import extract
from tests.pipelines.pages import URL, paragraphs


def page(title: str, body: str, head: str = "") -> str:
    return f"<!doctype html><html><head><title>{title}</title>{head}</head><body>{body}</body></html>"


def named(title: str) -> str:
    return page(title, f"<h1>{title}</h1><p>Harbour Courier</p>")


PASSWORD = "<form><input name=user><input type='password' name=pass><button>Go</button></form>"
BUTTONS = "<p>We and 812 partners use cookies.</p><form><button>Accept all</button><button>Reject</button></form>"
NAVIGATION = "<nav>" + "".join(f"<a href='/{n}'>Section {n} of the paper</a> " for n in range(40)) + "</nav>"

WALLS: dict[str, tuple[str, str]] = {
    "a firewall's script": ("firewall", page("News", "<p>Wait.</p><script>window._cf_chl_opt={cvId:'3'}</script>")),
    "a firewall's error": ("firewall", page("News", '<div id="cf-error-details"><h1>Error 1020</h1></div>')),
    "an incident number": ("firewall", page("", "<p>Request unsuccessful. Incapsula incident ID: 1-2</p>")),
    "a reference number": ("firewall", page("Access Denied", "<p>https://errors.edgesuite.net/18.1</p>")),
    "a captcha's frame": (
        "captcha",
        page("courier.example", "<iframe src='https://geo.captcha-delivery.com/captcha/?x'></iframe>"),
    ),
    "press and hold": ("captcha", page("Hello", "<h2>Press &amp; Hold to confirm you are a human (and not a bot).</h2>")),
    "a captcha and no words": ("captcha", page("Courier", "<div class='g-recaptcha'></div><p>One moment</p>")),
    "a moment, please": ("captcha", named("Just a moment...")),
    "is it a robot": ("captcha", named("Are you a robot?")),
    "German captcha": ("captcha", page("Kurier", "<p>Bitte bestätigen Sie, dass Sie kein Roboter sind.</p>")),
    "French captcha": ("captcha", page("Courrier", "<p>Confirmez que vous êtes humain</p>")),
    "Spanish refusal": ("firewall", named("Acceso denegado")),
    "Russian refusal": ("firewall", named("Доступ ограничен")),
    "Japanese refusal": ("firewall", named("アクセスが拒否されました")),
    "forbidden": ("firewall", page("403 Forbidden", "<center><h1>403 Forbidden</h1></center><hr>nginx")),
    "not in your region": ("firewall", page("Courier", "<p>This site is not available in your region.</p>")),
    "Dutch consent": ("consent wall", page("DPG Media Privacy Gate", BUTTONS)),
    "German consent": ("consent wall", page("Kurier", "<p>Mit Werbung weiterlesen</p>" + BUTTONS)),
    "English consent": ("consent wall", page("Before you continue to Courier", BUTTONS * 5)),
    "Italian consent": ("consent wall", page("Prima di continuare", BUTTONS)),
    "login": ("login wall", page("Log in | Harbour Courier", NAVIGATION + PASSWORD)),
    "German login": ("login wall", page("Anmelden - Kurier", PASSWORD)),
    "Polish login": ("login wall", page("Kurier", "<h1>Zaloguj się</h1>" + PASSWORD)),
    "lost page": ("soft 404", page("Page not found | Harbour Courier", NAVIGATION * 5 + "<p>Try the search.</p>")),
    "lost page, by its heading": ("soft 404", page("Harbour Courier", "<h1>404</h1><p>Sorry.</p>")),
    "German lost page": ("soft 404", page("Seite nicht gefunden – Kurier", "<p>Leider.</p>")),
    "French lost page": ("soft 404", page("Page introuvable", "<p>Désolé.</p>")),
    "Finnish lost page": ("soft 404", named("Sivua ei löytynyt")),
    "Turkish lost page": ("soft 404", named("Sayfa bulunamadı")),
    "Korean lost page": ("soft 404", named("페이지를 찾을 수 없습니다")),
    "Arabic lost page": ("soft 404", named("الصفحة غير موجودة")),
    "Hebrew lost page": ("soft 404", named("הדף לא נמצא")),
}


@pytest.mark.parametrize("name", WALLS)
def test_walls_are_known_and_named(name: str) -> None:
    kind, html = WALLS[name]
    read = extract(html.encode(), URL)
    assert read.verdict == "blocked", read.reason
    assert read.reason.startswith(f"{kind}: ")
    assert (read.article, read.links) == (None, [])


ABOUT = "".join(
    f"<p>{sentence}</p>"
    for sentence in (
        "Press and hold to confirm you are a human: the phrase greets readers of half the country's papers by now.",
        "Whoever wants the timetable must prove that you are not a robot, says a sailor who has failed the test four times.",
        "A captcha shows nine pictures of buoys, of which two are lamps, and counts the seconds until the first wrong click.",
        "Cookie walls went up at the same time. Accept all, they say, or come back with a subscription and a clear conscience.",
        "The harbour office checks every browser twice, because last winter machines booked all berths within an hour.",
        "Our systems have detected unusual traffic, the office wrote to the pilots, who had merely looked at the weather.",
    )
)
ARTICLES = {
    "about captchas": page("Are you a robot?", f"<article><h1>Are you a robot?</h1>{ABOUT}</article>"),
    "called Access denied": page("Access denied", f"<article><h1>Access denied</h1>{ABOUT}</article>"),
    "called Page not found": page("Page not found", f"<article><h1>Page not found</h1>{ABOUT * 2}</article>"),
    "about cookies": page("Cookies", f"<article><h1>Cookies</h1>{ABOUT * 6}</article><form><button>Accept all</button></form>"),
    "with comments behind a captcha": page(
        "Boats",
        f"<article><h1>Boats</h1>{paragraphs()}</article><form class='g-recaptcha'></form><script src='/recaptcha/api.js'>",
    ),
    "with a login in its head": page(
        "Boats", f"<form>{PASSWORD}</form><h1>Log in</h1><article><h1>Boats</h1>{ABOUT * 3}</article>"
    ),
    "with a firewall's everyday script": page(
        "Boats", f"<article>{paragraphs()}</article><script src='/cdn-cgi/challenge-platform/scripts/jsd/main.js'></script>"
    ),
    "short, and says that it is one": page(
        "Access denied",
        f"<article><h1>Access denied</h1>{paragraphs(3)}</article>",
        f'<script type="application/ld+json">{json.dumps({"@type": "NewsArticle", "headline": "Access denied"})}</script>',
    ),
}


@pytest.mark.parametrize("name", ARTICLES)
def test_articles_that_speak_of_walls_or_have_their_parts_are_articles(name: str) -> None:
    read = extract(ARTICLES[name].encode(), URL)
    assert read.verdict == "article", read.reason


@pytest.mark.parametrize(
    "html",
    [
        page("Harbour Courier", NAVIGATION * 4),
        page("Harbour Courier", "<h1>Today</h1>" + PASSWORD),  # a password field alone is on every front page
        page("Cookies", "<h1>Cookies</h1><p>With chocolate.</p>"),
        "",
        "<",
    ],
)
def test_other_short_pages_are_not_walls(html: str) -> None:
    assert obstacle(200, {}, html) is None


def test_a_header_field_says_it_however_much_text_there_is() -> None:
    assert obstacle(403, {"cf-mitigated": "challenge"}, "words " * 9_999, 9_999)
    assert obstacle(405, {"x-amzn-waf-action": "captcha"}, "")
    assert obstacle(200, {"cf-mitigated": "other"}, "") is None


def test_only_walls_against_crawlers_slow_a_host() -> None:
    for kind, slows in (
        ("captcha", True),
        ("firewall", True),
        ("consent wall", True),
        ("login wall", False),
        ("soft 404", False),
    ):
        assert against_crawlers(f"{kind}: because") is slows


def answer(status: bytes, html: str, more: bytes = b"") -> bytes:
    body = html.encode()
    return (
        b"HTTP/1.1 %s\r\nContent-Type: text/html; charset=utf-8\r\n%sContent-Length: %d\r\n\r\n" % (status, more, len(body))
        + body
    )


def test_a_stored_error_page_is_judged_by_its_bytes() -> None:
    assert obstacle_in(answer(b"403 Forbidden", named("Just a moment..."))) == "captcha: it is called 'Just a moment...'"
    assert obstacle_in(answer(b"503 Busy", "", b"CF-Mitigated: challenge\r\n")) == "firewall: cf-mitigated challenge"
    assert obstacle_in(answer(b"404 Not Found", named("Page not found"))) is None  # says so itself
    assert obstacle_in(answer(b"500 Oh No", named("Internal error"))) is None
    assert obstacle_in(answer(b"403 Forbidden", "no gzip", b"Content-Encoding: gzip\r\n")) is None
    assert obstacle_in(b"no http") is None


@given(st.binary(max_size=500))
def test_no_answer_is_too_odd(body: bytes) -> None:
    obstacle_in(b"HTTP/1.1 403 No\r\n\r\n<html><title>" + body)


@pytest.mark.parametrize(
    "flood", ["<input ", "<h1>", "<title>", "<!--", "<script>", "<" * 9, "class='", "Reference # ", "<a " * 3]
)
def test_floods_of_markup_take_no_time(flood: str) -> None:
    import time

    html = page("Log in", "") + flood * (400_000 // len(flood))
    began = time.process_time()
    obstacle(200, {}, html)
    assert time.process_time() - began < 2
