"""Metadata: each field by evidence, the winner named; unknown stays unknown."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pipelines.article import Article
from pipelines.extract import extract
from tests.pipelines.pages import TITLE, URL, jsonld, page, paragraphs

BODY = f"<article>{paragraphs()}</article>"


def read(head: str = "", body: str = BODY, attributes: str = 'lang="en"', **fields: dict[str, str]) -> Article:
    found = extract(page(body, head, attributes), URL, **fields).article  # type: ignore[arg-type]
    assert found is not None
    return found


def names(found: Article) -> list[str]:
    return [author["name"] for author in found.authors]


class TestTitle:
    @pytest.mark.parametrize(
        "title",
        ["{} - Example Courier", "{} | Example Courier", "Example Courier: {}", "{} – Example-Courier", "{} | ExampleCourier"],
    )
    def test_loses_the_name_of_the_site(self, title: str) -> None:
        title = title.format("Timber boats crowd the harbour")
        head = f'<title>{title}</title><meta property="og:site_name" content="Example Courier">'
        if title.endswith("ExampleCourier") or ":" in title:
            head = head.replace("<title>", '<meta property="og:title" content="Timber boats crowd the harbour"><title>')
        assert read(head).title == TITLE

    def test_is_the_heading_that_a_claim_confirms(self) -> None:
        head = f'<meta property="og:title" content="{TITLE} - Example Courier">'
        found = read(head, f"<h1>Example Courier</h1><article><h1>{TITLE}</h1>{paragraphs()}</article>")
        assert (found.title, found.field_sources["title"]) == (TITLE, "h1")

    def test_is_not_the_site_name_in_a_heading(self) -> None:
        head = f'<title>{TITLE} - Courier</title><meta property="og:title" content="{TITLE}">'
        assert read(head, f"<h1>Courier</h1>{BODY}").title == TITLE

    def test_is_unknown_without_evidence(self) -> None:
        found = read()
        assert found.title is None
        assert "no_title" in found.quality_flags


class TestJsonld:
    @pytest.mark.parametrize(
        "script",
        [
            '{"@type": "NewsArticle", "headline": "Boats"}',
            '[{"@type": "Organization", "name": "X"}, {"@type": ["NewsArticle", "Thing"], "headline": "Boats"}]',
            '{"@graph": [{"@type": "WebPage", "name": "x"}, {"@type": "NewsArticle", "headline": "Boats"}]}',
            '{"@type": "WebPage", "mainEntity": {"@type": "http://schema.org/NewsArticle", "headline": "Boats"}}',
            '<!-- {"@type": "NewsArticle", "headline": "Boats"} -->',
            '//<![CDATA[\n{"@type": "NewsArticle", "headline": "Boats"}\n//]]>',
            '{"@type": "NewsArticle", "headline": "Boats",}',
            '{"@type": "NewsArticle", "headline": "\nBoats"}',
            '{"@type": "NewsArticle", "headline": "&lt;i&gt;Boats&lt;/i&gt;"};',
        ],
        ids=["plain", "list", "graph", "nested", "comment", "cdata", "comma", "line break", "escaped"],
    )
    def test_is_read_in_every_shape_that_sites_write(self, script: str) -> None:
        found = read(jsonld(script))
        assert (found.title, found.article_type) == ("Boats", "NewsArticle")

    def test_gives_authors_with_profile_and_kind(self) -> None:
        people = '[{"@type": "Person", "name": "Ada Moor", "url": "/ada"}, {"@type": "Organization", "name": "Moor & Sons"}]'
        assert read(jsonld(f'{{"@type": "NewsArticle", "author": {people}}}')).authors == [
            {"name": "Ada Moor", "url": "https://www.example-courier.com/ada", "kind": "Person"},
            {"name": "Moor & Sons", "url": None, "kind": "Organization"},
        ]

    def test_authors_may_be_references_into_the_graph(self) -> None:
        graph = '[{"@type": "NewsArticle", "author": {"@id": "#a"}}, {"@type": "Person", "@id": "#a", "name": "Ada Moor"}]'
        assert names(read(jsonld(f'{{"@graph": {graph}}}'))) == ["Ada Moor"]


class TestAuthors:
    @pytest.mark.parametrize(
        ("byline", "wanted"),
        [
            ("By Ada Moor", ["Ada Moor"]),
            ("Von Ada Moor und Ben Lund", ["Ada Moor", "Ben Lund"]),
            ("Ada Moor, Ben Lund and Cy Holm", ["Ada Moor", "Ben Lund", "Cy Holm"]),
            ("Ada Moor, Senior Correspondent", ["Ada Moor"]),
            ("松岡大地", ["松岡大地"]),
            ("Анна Мороз", ["Анна Мороз"]),
            ("https://www.facebook.com/courier", []),
            ("desk@example-courier.com", []),
            ("5 min read", []),
            ("Sat, 20 Dec, 2025", []),
        ],
    )
    def test_are_the_names_in_a_byline(self, byline: str, wanted: list[str]) -> None:
        assert names(read(f'<meta name="author" content="{byline}">')) == wanted

    def test_a_printed_name_is_preferred_to_the_house(self) -> None:
        head = '<meta name="author" content="Example Courier"><meta property="og:site_name" content="Example Courier">'
        assert names(read(head, f'<div class="byline">By Ada Moor</div>{BODY}')) == ["Ada Moor"]

    def test_the_house_signs_if_nobody_else_does(self) -> None:
        head = '<meta name="author" content="Example Courier"><meta property="og:site_name" content="Example Courier">'
        assert names(read(head)) == ["Example Courier"]

    def test_style_sheets_in_a_byline_are_no_names(self) -> None:
        body = f'<div class="byline"><style>.a{{flex-shrink:0}}</style>By <span>Ada Moor</span> </div>{BODY}'
        assert names(read(body=body)) == ["Ada Moor"]


class TestPrintedNames:
    @pytest.mark.parametrize(
        ("body", "wanted"),
        [
            ('<p class="byline">By <a href="/x">Ada Moor</a> Harbour Reporter</p>', ["Ada Moor"]),
            ('<p class="author"><span>Ada Moor</span><span>Gardener &amp; Astrologer</span></p>', ["Ada Moor"]),
            ('<p class="author"><a>Ada Moor</a>, <a>Ben Lund</a> and <a>Cy Holm</a></p>', ["Ada Moor", "Ben Lund", "Cy Holm"]),
            ('<div class="author-line">Written by <b>Ada Moor</b> | Reviewed by <b>Cy Holm</b></div>', ["Ada Moor"]),
            ('<div class="byline">Updated March 4 <b>Ada Moor</b></div>', []),
            ('<div class="author">Ada Moor March 2, 2026</div>', ["Ada Moor"]),
            ('<p class="byline">Photo: Courier/Agency</p>', []),
            ('<p><a href="/people/ada-moor">Ada Moor</a></p>', ["Ada Moor"]),
            ("<p>by: Ada Moor, Dec 17, 2025</p>", ["Ada Moor"]),
            ("<p>Von <i>Ada Moor</i></p>", ["Ada Moor"]),
            ("<p>By Tuesday the boats were back.</p>", []),
            ('<div class="comments"><p class="author">Cy Holm</p></div>', []),
            ('<nav><a href="/author/cy-holm">Cy Holm</a></nav>', []),
            ('<p class="byline">harbour desk</p>', ["harbour desk"]),
            ('<p class="byline">hd Northport</p>', []),
            ("<div><p>Written by</p><p>Ada Moor</p></div>", ["Ada Moor"]),
            ("<div><h3>Author</h3><p> Ada Moor</p></div>", ["Ada Moor"]),
            ("<div><b>Contributors:</b> Ada Moor, Cy Holm</div>", ["Ada Moor", "Cy Holm"]),
            ("<div><time>2026-03-02</time> by Ada Moor, Candidate of the Committee</div>", ["Ada Moor"]),
            ('<p>by <a href="/author/ada/">Ada</a> · Dec 20, 2025 at 3:00 am · 12 views</p>', ["Ada"]),
            ('<p class="byline">By Ada Moor, Head of Harbours and Community Relations</p>', ["Ada Moor"]),
        ],
    )
    def test_are_read_up_to_where_something_else_begins(self, body: str, wanted: list[str]) -> None:
        assert names(read("", f"<h1>Boats of timber</h1>{body}{BODY}")) == wanted

    def test_the_one_whom_the_page_names_its_author_counts_before_the_house(self) -> None:
        head = '<meta name="author" content="Example Courier"><meta property="og:site_name" content="Example Courier">'
        assert names(read(head, f'<h1>Boats</h1><a rel="author" href="/m/boatbuilder">boatBuilder</a>{BODY}')) == [
            "boatBuilder"
        ]

    def test_a_degree_belongs_to_its_name(self) -> None:
        person = '{"@type": "NewsArticle", "author": {"@type": "Person", "name": "Ada Moor, Ph.D."}}'
        assert names(read(jsonld(person))) == ["Ada Moor, Ph.D."]

    def test_a_login_name_gives_way_to_a_printed_name(self) -> None:
        person = '{"@type": "NewsArticle", "author": {"@type": "Person", "name": "ada.moor"}}'
        assert names(read(jsonld(person), f'<p class="byline">By Ada Moor</p>{BODY}')) == ["Ada Moor"]
        assert names(read(jsonld(person))) == ["ada.moor"]

    def test_the_one_below_the_headline_counts_before_those_above_it(self) -> None:
        body = '<p class="author">Cy Holm</p><h1>Boats of timber</h1><p class="author">Ada Moor</p>'
        assert names(read("", f"{body}{BODY}")) == ["Ada Moor"]


class TestDates:
    @pytest.mark.parametrize(
        ("raw", "at", "precision", "offset"),
        [
            ("2024-05-06T08:30:15+02:00", datetime(2024, 5, 6, 6, 30, 15, tzinfo=UTC), "second", 120),
            ("2024-05-06T08:30Z", datetime(2024, 5, 6, 8, 30, tzinfo=UTC), "minute", 0),
            ("2024-05-06 08:30:15", datetime(2024, 5, 6, 8, 30, 15, tzinfo=UTC), "second", None),
            ("2024-05-06", datetime(2024, 5, 6, tzinfo=UTC), "day", None),
            ("Mon, 06 May 2024 08:30:15 -0500", datetime(2024, 5, 6, 13, 30, 15, tzinfo=UTC), "second", -300),
            ("May 6, 2024", datetime(2024, 5, 6, tzinfo=UTC), "day", None),
        ],
    )
    def test_keep_instant_precision_offset_and_the_printed_form(
        self, raw: str, at: datetime, precision: str, offset: int | None
    ) -> None:
        found = read(f'<meta property="article:published_time" content="{raw}">')
        assert (found.published_at, found.published_precision, found.published_utc_offset_min) == (at, precision, offset)
        assert (found.published_raw, found.field_sources["published_at"]) == (raw, "meta:article:published_time")

    def test_publication_is_never_taken_from_the_modification(self) -> None:
        head = '<meta property="article:modified_time" content="2024-05-07T08:00:00Z">'
        found = extract(page(BODY, head), "https://www.example-courier.com/timber-boats").article
        assert found is not None
        assert found.published_at is None
        assert found.modified_at == datetime(2024, 5, 7, 8, tzinfo=UTC)

    def test_jsonld_goes_before_meta(self) -> None:
        script = jsonld('{"@type": "NewsArticle", "datePublished": "2024-05-06T10:00:00Z"}')
        found = read('<meta property="article:published_time" content="2023-01-01T00:00:00Z">' + script)
        assert found.field_sources["published_at"] == "jsonld:datePublished"

    def test_day_and_month_in_figures_are_not_guessed(self) -> None:
        assert self.printed("03/04/2024", 'lang="en"') is None

    @pytest.mark.parametrize(
        ("language", "url", "text", "day"),
        [
            ("en-GB", "https://www.example-courier.com/boats", "03/04/2024", (2024, 4, 3)),
            ("en-US", "https://www.example-courier.com/boats", "03/04/2024", (2024, 3, 4)),
            ("en", "https://www.example-courier.co.uk/boats", "03/04/2024", (2024, 4, 3)),
            ("en", "https://www.example-courier.com/boats", "13/04/2024", (2024, 4, 13)),
            ("tr", "https://www.example-courier.com/boats", "03.04.2024 - 09:30", (2024, 4, 3)),
            ("de", "https://www.example-courier.com/boats", "3. März 2024, 9:30 Uhr", (2024, 3, 3)),
            ("fr", "https://www.example-courier.com/boats", "Publié le 1er août 2024 à 9h30", (2024, 8, 1)),
            ("pt-BR", "https://www.example-courier.com/boats", "3 de março de 2024 às 09:30", (2024, 3, 3)),
            ("pl", "https://www.example-courier.com/boats", "3 października 2024", (2024, 10, 3)),
            ("lt", "https://www.example-courier.com/boats", "2024 m. kovo 31 d. 10:20", (2024, 3, 31)),
            ("ja", "https://www.example-courier.com/boats", "2024年3月4日 9時30分", (2024, 3, 4)),
            ("ko", "https://www.example-courier.com/boats", "입력 2024.03.04 09:30", (2024, 3, 4)),
            ("vi", "https://www.example-courier.com/boats", "ngày 4 tháng 3 năm 2024", (2024, 3, 4)),
        ],
    )
    def test_are_read_as_they_are_printed_where_the_page_comes_from(
        self, language: str, url: str, text: str, day: tuple[int, int, int]
    ) -> None:
        found = self.printed(text, f'lang="{language}"', url)
        assert found is not None
        assert (found.year, found.month, found.day) == day

    @staticmethod
    def printed(text: str, attributes: str, url: str = "https://www.example-courier.com/boats") -> datetime | None:
        body = f"<article><h1>{TITLE}</h1><div>{text}</div>{paragraphs()}</article>"
        found = extract(page(body, "", attributes), url).article
        assert found is not None
        assert found.published_at is None or found.field_sources["published_at"] == "line"
        return found.published_at

    def test_a_line_that_tells_a_change_or_belongs_to_another_story_is_no_publication(self) -> None:
        other = '<div class="teaser"><span>1 May 2024</span></div>'
        assert self.printed(f"Updated 6 May 2024</div>{other}<div>", 'lang="en"') is None

    def test_a_claim_that_is_as_late_as_the_change_gives_way_to_a_printed_day_long_before(self) -> None:
        stamp = jsonld(
            '{"@type": "NewsArticle", "datePublished": "2024-05-06T10:00:00Z", "dateModified": "2024-05-06T10:00:00Z"}'
        )
        for shown, day in (("6 May 2024", 6), ("1 May 2024", 1)):
            found = read(stamp, f"<article><h1>{TITLE}</h1><p>{shown}</p>{paragraphs()}</article>")
            assert found.published_at is not None
            assert found.published_at.day == day

    def test_an_afternoon_is_an_afternoon(self) -> None:
        found = read('<meta name="date" content="Oct 6, 2023 2:42 pm">')
        assert found.published_at == datetime(2023, 10, 6, 14, 42, tzinfo=UTC)


class TestAccess:
    @pytest.mark.parametrize(
        ("head", "free", "evidence"),
        [
            (jsonld('{"@type": "NewsArticle", "isAccessibleForFree": "False"}'), False, "jsonld"),
            (jsonld('{"@type": "NewsArticle", "isAccessibleForFree": true}'), True, "jsonld"),
            (jsonld('{"@type": "NewsArticle", "hasPart": [{"isAccessibleForFree": false}]}'), False, "jsonld"),
            ('<meta property="article:content_tier" content="metered">', False, "meta"),
            ('<meta property="article:content_tier" content="free">', True, "meta"),
            ("", None, None),
        ],
    )
    def test_is_free_closed_or_unknown_with_its_evidence(self, head: str, free: bool | None, evidence: str | None) -> None:
        found = read(head)
        assert (found.is_accessible_for_free, found.paywall_evidence) == (free, evidence)
        assert ("paywalled" in found.quality_flags) == (free is False)

    def test_robots_are_those_of_the_page_and_of_the_header(self) -> None:
        found = read('<meta name="robots" content="noarchive">', headers={"x-robots-tag": "nosnippet"})
        assert found.meta_robots == "noarchive, nosnippet"


class TestCanonical:
    @pytest.mark.parametrize(
        ("href", "wanted"),
        [
            ("/boats", "https://www.example-courier.com/boats"),
            ("https://amp.example-courier.com/boats", "https://amp.example-courier.com/boats"),
            ("https://elsewhere.org/boats", None),
            ("https://www.example-courier.com/", None),
            ("javascript:void(0)", None),
        ],
        ids=["relative", "same domain", "another site", "front page", "no address"],
    )
    def test_is_an_address_of_the_same_site_that_is_not_its_front(self, href: str, wanted: str | None) -> None:
        assert read(f'<link rel="canonical" href="{href}">').canonical_url == wanted


@pytest.mark.parametrize(
    ("head", "attributes", "wanted"),
    [
        (jsonld('{"@type": "NewsArticle", "inLanguage": "de-at"}'), 'lang="en"', "de-AT"),
        ("", 'lang="pt_BR"', "pt-BR"),
        ('<meta property="og:locale" content="fr_FR">', "", "fr-FR"),
        ("", 'lang="???"', None),
    ],
)
def test_language_is_a_bcp47_tag(head: str, attributes: str, wanted: str | None) -> None:
    # too few letters to tell which language they are
    body = f"<article><h1>Boats</h1><p>{'boats ' * 26}</p></article>"
    head += '<meta property="og:type" content="article">'
    assert read(head, body, attributes).language == wanted
