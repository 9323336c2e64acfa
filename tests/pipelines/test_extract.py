"""Extraction: a page's bytes become an article, whatever the bytes are."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.article import Article, Page
from pipelines.extract import EXTRACTOR, extract
from tests.pipelines.pages import SENTENCES, TITLE, URL, jsonld, page, paragraphs

UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
RUSSIAN = "Старая пекарня на пристани снова работает, и первый катер с хлебом ушёл вверх по реке. " * 6


def article(html: bytes, **fields: str) -> Article:
    found = extract(html, URL, **fields).article
    assert found is not None
    return found


def cells(found: Article) -> list[str]:
    texts = [found.title, found.subtitle, found.description, found.byline_raw, found.section, found.publisher, found.text]
    return [text for text in (*texts, *found.tags, *(author["name"] for author in found.authors)) if text]


class TestText:
    def test_parts_paragraphs_by_an_empty_line(self) -> None:
        assert article(page()).text == "\n\n".join(SENTENCES)

    def test_is_the_same_for_the_same_bytes(self) -> None:
        assert extract(page(), URL).article == extract(page(), URL).article

    def test_names_the_program_that_read_it(self) -> None:
        assert re.fullmatch(r"broadsheet/\S+ trafilatura/\S+", EXTRACTOR)
        assert article(page()).extractor == EXTRACTOR

    def test_keeps_every_chunk_of_a_body_that_comes_in_chunks(self) -> None:
        chunks = "".join(
            f'<div class="article-body">{paragraphs(30, 30 * n)}<p>This is chunk {n}, which ends here.</p></div>'
            for n in range(6)
        )
        text = article(page(f"<main><div>{chunks}</div></main>")).text or ""
        assert [f"This is chunk {n}" in text for n in range(6)] == [True] * 6

    def test_has_headings_links_and_lists_in_markdown_but_not_in_text(self) -> None:
        link = '<p>See <a href="/ledger">the whole ledger</a>.</p>'
        body = f"{paragraphs()}<h2>The ledger</h2>{link}<ul><li>one boat</li></ul>{paragraphs(3, 5)}"
        found = article(page(f"<article><h1>{TITLE}</h1>{body}</article>"))
        assert "## The ledger" in (found.markdown or "")
        assert "[the whole ledger](https://www.example-courier.com/ledger)" in (found.markdown or "")
        assert "- one boat" in (found.markdown or "")
        assert "\n\nThe ledger\n\nSee the whole ledger.\n\none boat\n\n" in (found.text or "")

    def test_falls_back_on_the_body_that_jsonld_carries(self) -> None:
        script = jsonld('{"@type": "NewsArticle", "headline": "Boats", "articleBody": "Nineteen boats came in on Monday."}')
        assert article(page("<div id='app'></div>", script)).text == "Nineteen boats came in on Monday."


class TestLinksAndImages:
    BODY = (
        '<article><figure><img src="/boat.jpg" alt="A boat">'
        '<figcaption>Boats at dawn <span class="credit">Ada Moor</span></figcaption></figure>'
        f'{paragraphs()}<p>More in <a href="../ledger#top" rel="nofollow">the ledger</a>'
        ' and <a href="javascript:x()">here</a>.</p></article>'
        '<aside><img src="/advert.jpg"><a href="/other">Another story of the day</a></aside>'
    )

    def test_pictures_of_the_body_have_caption_credit_and_alternative_text(self) -> None:
        url = "https://www.example-courier.com/boat.jpg"
        assert article(page(self.BODY)).images == [
            {"url": url, "caption": "Boats at dawn", "credit": "Ada Moor", "alt": "A boat"}
        ]

    def test_links_of_the_body_are_absolute_and_without_fragment(self) -> None:
        url = "https://www.example-courier.com/news/2024/05/ledger"
        assert article(page(self.BODY)).links == [{"url": url, "text": "the ledger", "rel": "nofollow"}]

    def test_links_of_the_page_are_all_links_once_and_in_order(self) -> None:
        found = extract(page(self.BODY + '<a href="/other#a">again</a><a href="mailto:a@b.c">mail</a>'), URL).links
        assert [link["url"].rpartition("/")[2] for link in found] == ["ledger", "other"]

    def test_a_base_element_moves_relative_links(self) -> None:
        found = extract(page(head='<base href="https://cdn.example-courier.com/a/">', body='<a href="b">x</a>'), URL).links
        assert found[0]["url"] == "https://cdn.example-courier.com/a/b"

    def test_feeds_are_announced(self) -> None:
        head = '<link rel="alternate" type="application/rss+xml" href="/rss"><link rel="alternate" hreflang="de" href="/de">'
        assert extract(page(head=head), URL).feeds == ["https://www.example-courier.com/rss"]


class TestCharset:
    @pytest.mark.parametrize("header", ["text/html; charset=windows-1251", "text/html; charset=cp1251"])
    def test_the_header_alone_may_name_it(self, header: str) -> None:
        html = f"<html><body><article><p>{RUSSIAN}</p></article></body></html>".encode("cp1251")
        found = article(html, content_type=header)
        assert (found.text, found.charset) == (RUSSIAN.strip(), "cp1251")

    def test_a_meta_element_may_name_it(self) -> None:
        html = f'<html><meta charset="windows-1251"><body><article><p>{RUSSIAN}</p></article></body></html>'.encode("cp1251")
        assert article(html, content_type="text/html").text == RUSSIAN.strip()

    def test_an_unknown_name_in_the_header_is_ignored(self) -> None:
        assert article(page(), content_type="text/html; charset=klingon-8").text == "\n\n".join(SENTENCES)

    def test_bytes_that_do_not_decode_are_replaced_not_fatal(self) -> None:
        html = page().replace(b"nineteen", b"nine\xff\xfeteen")
        assert "boats on Monday morning" in (article(html, content_type="text/html; charset=utf-8").text or "")


class TestFlags:
    def test_an_ordinary_dated_article_has_none(self) -> None:
        head = '<meta property="article:published_time" content="2024-05-06T08:00:00Z">'
        assert article(page(head=head)).quality_flags == []

    def test_a_date_in_the_far_future_is_flagged(self) -> None:
        head = '<meta property="article:published_time" content="2150-05-06T08:00:00Z">'
        assert "date_future" in article(page(head=head)).quality_flags

    def test_a_paragraph_that_stands_twice_is_kept_once_and_flagged(self) -> None:
        found = article(page(f"<article>{paragraphs()}{paragraphs(2)}</article>"))
        assert found.text == "\n\n".join(SENTENCES)
        assert "repeated_text" in found.quality_flags


class TestHostilePages:
    @pytest.mark.parametrize(
        "html", [b"", b"   ", b"\x00\x01\x02", b"%PDF-1.7 \xff\xd8\xff", b"no markup", b"<", b"<!--", b"<svg/>"]
    )
    def test_what_is_no_page_is_no_article(self, html: bytes) -> None:
        assert extract(html, URL).verdict == "not_article"

    @pytest.mark.parametrize(
        "html",
        [
            page("<div>" * 100_000 + "<p>deep</p>"),
            page("<b>" * 100_000 + "deep" + "</b>" * 100_000),
            page("<p " + " ".join(f"a{n}=1" for n in range(1_000_000)) + ">flood</p>"),
            page(head=jsonld('{"@type": "NewsArticle", "headline": "' + "x" * 10_000_000 + '"}')),
            page(head=jsonld("[" * 100_000)),
            page(head=jsonld('{"a":' * 100_000)),
            page("<table><tr><td>" * 20_000),
        ],
        ids=["nested", "nested inline", "attributes", "long jsonld", "brackets", "braces", "tables"],
    )
    def test_is_read_or_refused_within_five_seconds(self, html: bytes) -> None:
        began = time.process_time()
        assert isinstance(extract(html, URL), Page)
        assert time.process_time() - began < 5

    @pytest.mark.parametrize("date", ["0000-01-01", "9999-12-31T23:59:59+14:00", "2024-13-45", "0001-01-01T00:00:00Z", "１２"])
    def test_impossible_dates_are_no_dates(self, date: str) -> None:
        found = article(page(head=jsonld(f'{{"@type": "NewsArticle", "datePublished": "{date}"}}')))
        assert found.field_sources.get("published_at") != "jsonld:datePublished"

    def test_markup_and_controls_in_fields_are_gone(self) -> None:
        script = '{"@type": "NewsArticle", "headline": "A <b>bold</b>\\u202e move\\u0000", "author": "<a href=x>Ada Moor</a>"}'
        found = article(page(f"<article>{paragraphs()}</article>", jsonld(script)))
        assert found.title == "A bold move"
        assert [author["name"] for author in found.authors] == ["Ada Moor"]

    def test_words_can_be_found_whatever_hyphens_the_page_proposes(self) -> None:
        found = article(page(f"<article><h1>Har&shy;bour\u2060 lamp</h1><p>The pi&shy;lots wait.</p>{paragraphs()}</article>"))
        assert found.title == "Harbour lamp"
        assert "The pilots wait." in (found.text or "")

    @pytest.mark.parametrize("escape", ["\\ud800", "&#xD800;", "&#55357;"])
    def test_lone_surrogates_never_reach_a_cell(self, escape: str) -> None:
        found = article(
            page(head=jsonld(f'{{"@type": "NewsArticle", "headline": "Lone {escape} half", "keywords": "{escape}a"}}'))
        )
        for text in cells(found):
            text.encode()

    @given(st.binary(max_size=400))
    @settings(max_examples=150, deadline=None)
    def test_arbitrary_bytes_never_raise(self, html: bytes) -> None:
        assert isinstance(extract(html, URL), Page)
        assert isinstance(extract(page() + html, URL), Page)

    @given(st.text(max_size=80), st.text(max_size=80))
    @settings(max_examples=150, deadline=None)
    def test_arbitrary_text_in_fields_gives_neither_markup_nor_controls(self, one: str, other: str) -> None:
        one, other = (part.encode("utf-8", "replace").decode().replace('"', "'") for part in (one, other))
        metas = f'<meta name="author" content="{one} <i>{other}</i>"><meta property="og:title" content="{one}<p>{other}">'
        head = f"<title>{other}</title>{metas}"
        found = extract(page(f"<article>{paragraphs()}<p>{one}</p></article>", head), URL).article
        for text in cells(found) if found else []:
            assert not UNWANTED.search(text)
        for name in [] if found is None else [found.title or "", *(author["name"] for author in found.authors)]:
            assert not re.search(r"</?[a-z]+>", name)
