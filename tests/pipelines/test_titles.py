"""The headline: as the editors wrote it, without the site's name, never a menu's."""

from __future__ import annotations

import pytest

from pipelines.titles import Heading, Standing, ranked, without_site

H = "Nineteen boats crowd the harbour"
SEO = "Harbour news: timber boats, all that you need to know"


def first(
    headings: list[str], claims: dict[str, str], document: str = "", names: tuple[str, ...] = ("Courier",)
) -> tuple[str, str]:
    return ranked([Heading(text) for text in headings], list(claims.items()), document, names)[0]


@pytest.mark.parametrize(
    ("headings", "claims", "document", "wanted"),
    [
        ([H], {}, "", ("h1", H)),
        ([H], {"meta:og:title": f"{H} | Courier"}, f"{H} – Courier", ("h1", H)),
        # the document's title is made for search engines: what differs from it is the headline
        ([SEO], {"meta:og:title": H}, f"{SEO} | Courier", ("meta:og:title", H)),
        ([H], {"meta:og:title": SEO}, SEO, ("h1", H)),
        ([SEO], {"jsonld:headline": H, "meta:og:title": "Boats!"}, "Boats, boats, boats", ("jsonld:headline", H)),
        # a kicker more or less: where both claims agree, they know
        ([f"Harbour {H}"], {"jsonld:headline": H, "meta:og:title": H}, H, ("jsonld:headline", H)),
        (
            [H],
            {"jsonld:headline": f"Fog lifts: {H}", "meta:og:title": f"Fog lifts: {H}"},
            H,
            ("jsonld:headline", f"Fog lifts: {H}"),
        ),
        # a claim that is cut off, or has a name behind it that nobody knows, is not another headline
        ([H], {"meta:og:title": "Nineteen boats crowd"}, H, ("h1", H)),
        ([H], {"meta:og:title": f"{H} - Bay Gazette"}, H, ("h1", H)),
        (["Boats again"], {"meta:og:title": "Boats again – The New Gazette of the Bay"}, "", ("h1", "Boats again")),
        ([f"{H} | Harbour"], {"meta:og:title": f"{H} | Harbour | Free read"}, "", ("h1", H)),
        # what is no headline
        (["Courier", H], {}, H, ("h1", H)),
        (["Our blog"], {"meta:og:title": H}, H, ("meta:og:title", H)),
        (["Menu", H, "More of it"], {"meta:og:title": H}, "", ("h1", H)),
        ([], {"meta:og:title": f"Courier – {H}"}, "", ("meta:og:title", H)),
        ([], {}, f"{H} » Courier", ("title", H)),
    ],
)
def test_the_headline_is(headings: list[str], claims: dict[str, str], document: str, wanted: tuple[str, str]) -> None:
    assert first(headings, claims, document) == wanted


@pytest.mark.parametrize(
    ("first_stands", "second_stands", "wanted"),
    [("main", None, "Return to the harbour office"), ("beside", "main", H), (None, "main", H), (None, None, SEO)],
)
def test_where_nothing_confirms_a_heading_the_first_of_the_main_part_counts(
    first_stands: Standing, second_stands: Standing, wanted: str
) -> None:
    headings = [Heading("Return to the harbour office", first_stands), Heading(H, second_stands)]
    assert ranked(headings, [("meta:og:title", SEO)], SEO, ())[0][1] == wanted


def test_every_candidate_is_kept_in_order() -> None:
    found = ranked(
        [Heading(H), Heading("Other heading of the page")], [("jsonld:headline", H), ("meta:og:title", SEO)], SEO, ()
    )
    assert {source for source, _ in found} == {"h1", "jsonld:headline", "meta:og:title", "title"}


@pytest.mark.parametrize(
    ("title", "wanted"),
    [
        ("Boats | The Courier", "Boats"),
        ("The Courier - Boats", "Boats"),
        ("배가 왔다ㅣThe Courier", "배가 왔다"),
        ("Boats - and lamps", "Boats - and lamps"),
        ("The Courier", "The Courier"),
        (None, None),
    ],
)
def test_the_site_is_no_part_of_a_title(title: str | None, wanted: str | None) -> None:
    assert without_site(title, ["The Courier"]) == wanted
