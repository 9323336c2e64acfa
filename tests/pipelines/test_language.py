"""The language of an article: what its words are, and what it declares."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.article import Article
from pipelines.language import detect, settle_language
from tests.pipelines.pages import SENTENCES

ENGLISH = " ".join(SENTENCES)
GERMAN = (
    "Das Hafenamt zählte am Montagmorgen neunzehn Boote, vier mehr als in der Woche davor, eines weniger als voriges Jahr. Die"
    " meisten brachten Holz von den nördlichen Inseln, wo die Sägewerke seit Anfang Mai auch in der Nacht arbeiten."
)
JAPANESE = (
    "港湾事務所は月曜の朝に十九隻の船を数えた。先週より四隻多く、昨年より一隻少ない。ほとんどは北の島々から木材を運んできた。"
    * 3
)


@pytest.mark.parametrize(
    ("declared", "text", "language", "mismatch"),
    [
        ("en-GB", ENGLISH, "en-GB", False),
        (None, ENGLISH, "en", False),
        ("en", GERMAN, "de", True),
        ("kr", JAPANESE, "ja", True),
        ("eng", ENGLISH, "en", False),
        (None, JAPANESE, "ja", False),
        ("de", "Zu kurz.", "de", False),
        (None, "Zu kurz.", None, False),
        ("en", "123 456 " * 100, "en", False),
    ],
)
def test_words_are_believed_where_they_are_clear(
    declared: str | None, text: str, language: str | None, *, mismatch: bool
) -> None:
    article = Article(language=declared, text=text)
    assert settle_language(article) == mismatch
    assert article.language == language
    assert (article.field_sources.get("language") == "text") == (language != declared)


def test_the_confidence_is_the_share_of_the_text() -> None:
    mixed = Article(language="de", text=f"{GERMAN} {GERMAN}\n\n{ENGLISH[:230]}")
    assert not settle_language(mixed)
    assert 0.3 < (mixed.language_confidence or 0) < 0.9
    short = Article(language="de", text="Kurz.")
    settle_language(short)
    assert short.language_confidence is None


@pytest.mark.parametrize("declared", ["nb", "nn", "no"])
def test_names_of_one_language_are_one(declared: str) -> None:
    text = (
        "Havnekontoret talte nitten båter mandag morgen, fire mer enn uken før, én mindre enn i fjor. De fleste av dem fraktet"
        " tømmer fra øyene i nord, der sagbrukene har arbeidet om natten siden mai, og losene ber om en ny lykt på moloen."
    )
    article = Article(language=declared, text=text)
    assert not settle_language(article)
    assert article.language == declared


@given(st.text(max_size=600))
@settings(max_examples=60)
def test_any_text_is_stood(text: str) -> None:
    assert all(0 <= one.share <= 1 for one in detect(text * 3))
