"""Pictures of an article: their addresses however they are loaded, caption and credit however they are set."""

import pytest

from pipelines.article import Article
from pipelines.extract import extract
from tests.pipelines.pages import TITLE, URL, page, paragraphs

PICTURE = "https://img.example/boat.jpg"


def article(figure: str, before: str = "") -> Article:
    html = page(f"<main><h1>{TITLE}</h1>{before}<article>{paragraphs(2)}{figure}{paragraphs(3, 10)}</article></main>")
    found = extract(html, URL).article
    assert found is not None
    return found


@pytest.mark.parametrize(
    "tag",
    [
        f'<img src="{PICTURE}">',
        f'<img src="data:image/gif;base64,R0" data-src="{PICTURE}">',
        f'<img src="/placeholder.png" data-original="{PICTURE}">',
        f'<img data-srcset="{PICTURE} 400w, https://img.example/large.jpg 800w">',
        f'<picture><source srcset="{PICTURE} 1x"><img alt=""></picture>',
        f"<img src=\"data:image/svg+xml,x\" data-srcs='{{&quot;{PICTURE}&quot;:{{}}}}'>",
        f'<amp-img src="{PICTURE}" width="320" height="180"></amp-img>',
        f'<span class="lazy"><img class="lazy" data-lazy-src="{PICTURE}"><noscript><img src="{PICTURE}"></noscript></span>',
    ],
    ids=["src", "data-src", "placeholder", "srcset", "source", "JSON", "AMP", "noscript"],
)
def test_addresses_are_found(tag: str) -> None:
    assert [image["url"] for image in article(f"<figure>{tag}</figure>").images] == [PICTURE]


@pytest.mark.parametrize(
    ("inside", "caption", "credit"),
    [
        ("<figcaption>Boats at dawn</figcaption>", "Boats at dawn", None),
        ("<figcaption>Boats at dawn <span class='credit'>Ada Moor</span></figcaption>", "Boats at dawn", "Ada Moor"),
        ("<figcaption>Boats at dawn. (Photo: Ada Moor)</figcaption>", "Boats at dawn.", "Photo: Ada Moor"),
        ("<figcaption>Boats at dawn. Photo by Ada Moor</figcaption>", "Boats at dawn.", "Photo by Ada Moor"),
        ("<figcaption>Boote am Morgen. Foto: Ada Moor (dpa)</figcaption>", "Boote am Morgen.", "Foto: Ada Moor (dpa)"),
        ("<figcaption>Boote am Morgen © Ada Moor/dpa</figcaption>", "Boote am Morgen", "© Ada Moor/dpa"),
        ("<figcaption>Bateaux à l’aube. Crédit : Ada Moor</figcaption>", "Bateaux à l’aube.", "Crédit : Ada Moor"),
        ("<figcaption>Лодки на рассвете. Фото: Ада Мур</figcaption>", "Лодки на рассвете.", "Фото: Ада Мур"),
        ("<figcaption>Boats at dawn. (Ada Moor/CBC)</figcaption>", "Boats at dawn.", "Ada Moor/CBC"),
        ("<figcaption>Boats at dawn. (AP Photo/Ada Moor)</figcaption>", "Boats at dawn.", "AP Photo/Ada Moor"),
        ("<figcaption>Foto: Ada Moor</figcaption>", None, "Foto: Ada Moor"),
        ("<figcaption>Image caption, Boats at dawn</figcaption>", "Boats at dawn", None),
        ("<figcaption>The boats (left) at dawn</figcaption>", "The boats (left) at dawn", None),
        ("<figcaption>The photo of the boats that won</figcaption>", "The photo of the boats that won", None),
        ("", None, None),
    ],
)
def test_caption_and_credit_are_told_apart(inside: str, caption: str | None, credit: str | None) -> None:
    found = article(f"<figure><img src='{PICTURE}' alt='A boat'>{inside}</figure>")
    assert [(one["caption"], one["credit"], one["alt"]) for one in found.images] == [(caption, credit, "A boat")]
    assert "at dawn" not in (found.text or "")


@pytest.mark.parametrize(
    "markup",
    [
        "<div class='wp-caption'>{img}<p class='wp-caption-text'>Boats at dawn <span class='credit'>Ada Moor</span></p></div>",
        "<div class='bild'><a href='/x'>{img}</a><div class='bildunterschrift'>Boats at dawn</div>"
        "<span class='quelle'>Ada Moor</span></div>",
        "<div>{img}<span itemprop='caption'>Boats at dawn</span><span itemprop='copyrightHolder'>Ada Moor</span></div>",
    ],
    ids=["WordPress", "German", "microdata"],
)
def test_a_caption_needs_no_figure(markup: str) -> None:
    found = article(markup.format(img=f"<img src='{PICTURE}'>"))
    assert [(one["caption"], one["credit"]) for one in found.images] == [("Boats at dawn", "Ada Moor")]


def test_a_lead_picture_above_the_part_with_the_text_counts_and_others_do_not() -> None:
    lead = "<figure class='shareable-item'><img src='/lead.jpg'><figcaption>The harbour</figcaption></figure>"
    beside = "<div class='author-box'><img src='/ada.jpg'></div><aside><img src='/ad.jpg'></aside>"
    beside += "<div class='related'><img src='/r.jpg'></div>"
    found = article(beside, lead)
    assert [one["url"] for one in found.images] == ["https://www.example-courier.com/lead.jpg"]


def test_a_portrait_of_the_author_is_no_picture_of_the_article() -> None:
    portrait = "<figure><img src='/ada.jpg'><figcaption>By Ada Moor, reporter</figcaption></figure>"
    figure = f"{portrait}<figure><img src='{PICTURE}'></figure>"
    html = page(
        f"<article><h1>{TITLE}</h1><p class='byline'>By Ada Moor</p>{paragraphs(2)}{figure}{paragraphs(3, 10)}</article>",
        '<meta name="author" content="Ada Moor">',
    )
    found = extract(html, URL).article
    assert found is not None
    assert [one["url"] for one in found.images] == [PICTURE]


def test_a_long_line_costs_no_time() -> None:
    inside = f"<figcaption>{'(photo by ' * 30}{'photo' + ' : ' * 90}{'© ' * 90}</figcaption>"
    page = extract(
        f"<article><h1>{TITLE}</h1>{paragraphs(4)}<figure><img src='/a.jpg'>{inside}</figure></article>".encode(), URL
    )
    assert page.seconds < 1


@pytest.mark.parametrize(
    "figure",
    [
        f"<figure>{'<img src=/a.jpg alt=x>' * 1_000}{'<p class=caption>x</p>' * 1_000}</figure>",
        "<figure>" + "".join(f"<img src=/{number}.jpg>" for number in range(1_000)) + "<i></i>" * 5_000 + "</figure>",
        "<div class=caption>" * 150 + "<img src=/a.jpg>" * 100 + "</div>" * 150,
        "".join(f"<time datetime='2024-05-0{number % 9 + 1}'>x</time>" for number in range(3_000)),
        "".join(f"<a rel=next href='/news/2024/05/06/timber-boats/{number}'>{number}</a>" for number in range(3_000)),
    ],
    ids=["one picture again and again", "gallery", "captions in captions", "times", "next pages"],
)
def test_a_hostile_page_is_read_in_time(figure: str) -> None:
    html = page(f"<article><h1>{TITLE}</h1>{paragraphs(3)}<div class='live-blog'>{figure}</div>{paragraphs(3, 10)}</article>")
    assert extract(html, URL).seconds < 5
