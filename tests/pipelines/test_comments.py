"""What readers write below an article is not of the article, and is not kept in the tables."""

import json

import pytest

from pipelines.extract import extract

LINE = "<p>The ferry called at pier {} before noon, and {} passengers went ashore with their bicycles.</p>"
STORY = "<h1>The ferry runs again</h1>" + "".join(LINE.format(number, number + 3) for number in range(9))
SAID = "Hushaby Jones here, I was on board myself and it was nothing like what you write about that morning, believe me."
ONE = f"<b>Hushaby Jones</b><p>{SAID}</p><p>{SAID} And it rained.</p>"
DATA = json.dumps({"@type": "NewsArticle", "headline": "The ferry runs again", "comment": {"@type": "Comment", "text": SAID}})


@pytest.mark.parametrize(
    "markup",
    [
        f"{STORY}</article><section id='comments'><h2>2 comments</h2><div class='comment'>{ONE}</div>{{}}",
        f"{STORY}</article><ol class='commentlist'><li class='comment even' id='comment-1'>{ONE}</li></ol>{{}}",
        f"{STORY}<div id='disqus_thread'>{ONE}</div></article>{{}}",
        f"{STORY}<div class='article-comments__list'>{ONE}</div></article>{{}}",
        f"{STORY}<div class='Kommentare'>{ONE}</div></article>{{}}",
        f"{STORY}<ul class='commentaires'><li>{ONE}</li></ul></article>{{}}",
        f"{STORY}</article><script type='application/ld+json'>{DATA}</script>{{}}",
    ],
    ids=["section", "list", "disqus", "block", "german", "french", "data"],
)
def test_comments_are_not_extracted(markup: str) -> None:
    html = f"<html><head><title>The ferry runs again</title></head><body><article>{markup.replace('{}', '')}</body></html>"
    article = extract(html.encode(), "https://paper.example/ferry").article
    assert article
    assert "pier 8 before noon" in (article.text or "")
    kept = [article.text, article.markdown, article.description, str(article.authors), article.byline_raw]
    assert not [cell for cell in kept if cell and "Hushaby" in cell]
