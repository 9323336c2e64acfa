"""Small pages for the tests of extraction, all invented."""

from __future__ import annotations

SENTENCES = (
    "The harbour office counted nineteen boats on Monday morning, four more than the week before and one fewer than last year.",
    "Most of them carried timber from the northern islands, where the saw mills have worked at night since the first of May.",
    "A clerk who has kept the ledger for thirty years said that she had never written the word timber so often in one month.",
    "The pilots ask for a second lamp on the eastern mole, because the old one can no longer be seen from the outer buoy.",
    "The council will decide in June whether the lamp is bought or built by the apprentices of the yard, who offered to try.",
)
URL = "https://www.example-courier.com/news/2024/05/06/timber-boats"
TITLE = "Timber boats crowd the harbour"


def paragraphs(count: int = 5, first: int = 0) -> str:
    """``count`` paragraphs of the story from number ``first``, in order, as HTML; no two are the same."""
    return "".join(f"<p>{sentence(number)}</p>" for number in range(first, first + count))


def sentence(number: int) -> str:
    """The story's paragraph of that number, counted from 0."""
    told = SENTENCES[number % len(SENTENCES)]
    return told if number < len(SENTENCES) else f"{told[:-1]}, as was said in note {number}."


def page(body: str | None = None, head: str = "", attributes: str = 'lang="en"') -> bytes:
    """A whole page; without ``body`` an ordinary article."""
    body = f"<article><h1>{TITLE}</h1>{paragraphs()}</article>" if body is None else body
    return f"<!doctype html><html {attributes}><head>{head}</head><body>{body}</body></html>".encode()


def jsonld(text: str) -> str:
    """A JSON-LD script element."""
    return f'<script type="application/ld+json">{text}</script>'
