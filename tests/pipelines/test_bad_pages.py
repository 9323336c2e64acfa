"""Everything in a page may lie: nothing crashes, nothing takes over five seconds, no markup comes into the table."""

import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pipelines.article import Article
from pipelines.extract import extract
from tests.pipelines.pages import TITLE, URL, jsonld, page, paragraphs, sentence

ARTICLE = f"<article><h1>{TITLE}</h1>{paragraphs()}</article>"
TEXT = "\n\n".join(sentence(number) for number in range(5))
LONG = "All these words are of the claimed body of it. "
RLO, LRI = "\u202e", "\u2066"


def claims(**said: Any) -> str:
    told = json.dumps({"@context": "https://schema.org", "@type": "NewsArticle", "headline": TITLE, **said})
    return jsonld(told.replace("</", "<\\/"))


def flood(attribute: str, between: str = " ", close: str = ">") -> str:
    """A page in one element with a million attributes."""
    return "<div " + between.join(attribute.format(n) for n in range(1_000_000)) + close + ARTICLE


def deep(tags: str) -> str:
    return ARTICLE + tags * (100_000 // tags.count("<"))


# what the page has, made when it is read; those marked are no article
HUGE: dict[str, Callable[[], bytes]] = {
    "JSON-LD with 10 MB of text": lambda: page(ARTICLE, claims(articleBody=LONG * 220_000)),
    "JSON-LD with 10 MB of markup": lambda: page(ARTICLE, claims(articleBody="<p>a<b>c</b></p>" * 650_000)),
    "JSON-LD with 10 MB that is broken": lambda: page(
        ARTICLE, jsonld('{"@type": "NewsArticle" "articleBody":"' + LONG * 220_000)
    ),
    "JSON-LD nested 100,000 deep": lambda: page(ARTICLE, jsonld('{"a":' * 100_000 + "1" + "}" * 100_000)),
    "a million attributes, unquoted": lambda: page(flood("a{}=1")),
    "a million attributes, without values": lambda: page(flood("a{}", "\n")),
    "a million attributes, with quoted brackets": lambda: page(flood("a{}='x>y<z'")),
    "a million times one attribute": lambda: page(flood('class="x"')),
    "a million attributes, 148 a tag": lambda: page(ARTICLE + ("<p " + " ".join(f"a{n}=1" for n in range(148)) + ">") * 6_757),
    "100,000 nested elements": lambda: page(deep("<div>x")),
    "100,000 nested spans": lambda: page(deep("<span>x ")),
    "100,000 nested lists": lambda: page(deep("<ul><li>x ")),
    "100,000 nested quotations": lambda: page(deep("<blockquote>x ")),
    "100,000 paragraphs": lambda: page(ARTICLE + "".join(f"<p>Boat {n} came before noon.</p>" for n in range(100_000))),
    "18 MB in one paragraph": lambda: page(f"<p>{'word ' * 3_600_000}</p>{ARTICLE}"),
    "no article: 100,000 nested elements before it": lambda: page("<div>" * 100_000 + ARTICLE),
}


@pytest.mark.parametrize("what", HUGE)
def test_a_huge_page_is_read_within_five_seconds_of_cpu(what: str) -> None:
    found = extract(HUGE[what](), URL)
    assert found.seconds < 5
    assert what.startswith("no article") or (found.article and sentence(0) in (found.article.text or ""))


def test_a_body_is_taken_from_the_page_where_json_contradicts_it() -> None:
    found = extract(page(ARTICLE, claims(articleBody="Quite another story about a horse that sings. " * 60)), URL).article
    assert found and found.text == TEXT


@pytest.mark.parametrize("charset", ["utf-16", "utf-7", "utf-32le", "klingon-8", "shift_jis", "\0", "windows-1252"])
@pytest.mark.parametrize("invalid", [b"\xff\xfe\xfa", b"\xc3(", b"\xed\xa0\x80", b"\x80\x81", b"\xf4\x90\x80\x80"])
def test_invalid_bytes_and_lying_charsets_cost_no_article(charset: str, invalid: bytes) -> None:
    html = page(ARTICLE, f'<meta charset="{charset}">').replace(b"Monday", b"Monday" + invalid)
    for content_type in (None, f"text/html; charset={charset}"):
        found = extract(html, URL, content_type=content_type)
        for cell in strings(found.article or Article()):
            assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]", cell)


@pytest.mark.parametrize(
    "date",
    [
        *("0000-00-00", "0001-01-01", "9999-12-31T23:59:59-23:59", "99999-01-01", "2024-02-30", "-2024-05-06", "2024-13-01"),
        *(
            "1" * 100_000,
            "2024-05-06T25:61:61",
            "0",
            "Infinity",
            "NaN",
            "6 May 0000",
            "May 99, 9999",
            "٢٠٢٤-٠٥-٠٦",
            "٣ May 2024",
        ),
        "2024-05-06T10:00:00+99:99",
    ],
)
def test_dates_that_cannot_be_are_none(date: str) -> None:
    head = claims(datePublished=date, dateModified=date)
    head += f'<meta property="article:published_time" content="{date}"><meta name="date" content="{date}">'
    found = extract(page(f"<time datetime='{date}'>{date}</time><p class='date'>{date}</p>{ARTICLE}", head), URL).article
    assert found
    for instant in (found.published_at, found.modified_at):
        assert instant is None or 1500 < instant.year < 2200


MARKUP = re.compile(r"<\s*/?(?:script|b|img|a|style|svg)\b|alert\(1\)|javascript:|color:red")
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\u202a-\u202e\u2066-\u2069]")
SHOWN = ("text", "markdown", "images", "links", "byline_raw")
HOSTILE = (
    "<script>alert(1)</script>Ann <b>Lee</b>",
    "&lt;script&gt;alert(1)&lt;/script&gt;Ann &lt;b&gt;Lee&lt;/b&gt;",
    "&amp;lt;script&amp;gt;alert(1)&amp;lt;/script&amp;gt;Ann Lee",
    "<img src=x onerror=alert(1)>Ann Lee",
    "<a href=\"javascript:alert(1)\">Ann Lee</a>",
    "<style>p{color:red}</style>Ann Lee",
    "<svg><title>icon user</title></svg>Ann Lee",
    "<!-- -->Ann Lee",
    f"{RLO}Ann Lee{LRI}\x1b[31m\x07",
)  # fmt: skip


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_markup_and_no_control_character_comes_into_a_cell(hostile: str) -> None:
    attribute = hostile.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    author = [{"@type": "Person", "name": hostile, "url": "javascript:alert(1)"}, hostile]
    said = dict.fromkeys(
        ("description", "articleSection", "keywords", "alternativeHeadline", "copyrightHolder", "license"), hostile
    )
    head = claims(author=author, publisher={"name": hostile}, **said)
    metas = ("author", "og:title", "og:description", "og:site_name", "article:section", "article:tag", "keywords", "og:image")
    head += "".join(f'<meta property="{name}" content="{attribute}">' for name in metas)
    body = f'<article><h1>{TITLE}</h1><p class="byline">By {hostile}</p>{paragraphs()}<p>{hostile} came, and spoke.</p>'
    body += f'<figure><img src="/a.jpg" alt="{attribute}"><figcaption>{hostile}</figcaption></figure>'
    body += f'<a href="/x" rel="{attribute}">{hostile}</a>'
    found = extract(page(body, head), URL).article
    assert found
    shown = "&lt;" in hostile or "&amp;" in hostile  # then readers see it, and the text may say it
    for name, value in dataclasses.asdict(found).items():
        for cell in strings(value):
            assert not CONTROL.search(cell), (name, cell)
            assert (shown and name in SHOWN) or not MARKUP.search(cell), (name, cell)
    assert not re.search(r"(?<!\\)<[a-z/]|\]\(javascript", found.markdown or "")


def test_claimed_text_with_markup_becomes_plain_lines() -> None:
    claimed = f"<p\nclass='x'>{sentence(0)}</p><script>\nalert(1)\n</script><p>{sentence(1)} <b>Bold</b> &amp; more.</p>"
    claimed += paragraphs(3, 2)
    found = extract(page("<div id='app'></div>", claims(articleBody=claimed)), URL).article
    assert found and found.text
    assert found.text.split("\n\n")[:2] == [sentence(0), f"{sentence(1)} Bold & more."]
    assert "alert" not in found.text and "<" not in found.text


def strings(value: Any) -> Iterator[str]:
    """All strings in a value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from strings(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from strings(one)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from strings(dataclasses.asdict(value))
