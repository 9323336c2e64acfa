"""Pages and what is extracted from them: golden files, which a person reviews as a diff.

    python -m tests.golden      # write tests/golden/expected anew; then look at git diff

The pages are those of the sample newsroom and those in ``pages``: layouts, languages and kinds of leaks. ``expected`` has what
comes out, all fields, not what ought to: where a page is read wrongly, its file says so until the extraction is better.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.extract import extract
from tests.newsroom.site import Site
from tests.pipelines.pages import URL, page

_HERE = Path(__file__).parent
PAGES, EXPECTED = _HERE / "pages", _HERE / "expected"
_PORT = 80
_VOLATILE = ("extractor", "text_sha256", "title_sha256", "text_simhash")  # of a version, or of what stands beside them


class Golden(NamedTuple):
    """A page with its address, under the name of its golden file."""

    name: str
    url: str
    content_type: str | None
    html: bytes


def pages() -> Iterator[Golden]:
    """All pages that have a golden file."""
    yield Golden("ordinary", URL, None, page())
    for path in sorted(PAGES.glob("*.html")):
        yield Golden(path.stem, f"https://www.golden.example/2024/{path.stem}", None, path.read_bytes())
    site = Site(_PORT)
    for slug, story in site.stories.items():
        host = next(name for name, key in site.keys.items() if key == story.host)
        answer = site.answer(host, story.path, 1)
        yield Golden(f"newsroom-{slug}", site.url(story.host, story.path), dict(answer.headers)["Content-Type"], answer.body)


def written(one: Golden) -> str:
    """What is extracted from a page, as it stands in its golden file."""
    found = extract(one.html, one.url, content_type=one.content_type)
    told: dict[str, Any] = {"url": one.url, "verdict": found.verdict, "reason": found.reason}
    if found.article:
        fields = dataclasses.asdict(found.article)
        told |= {
            name: _plain(name, value) for name, value in fields.items() if name not in _VOLATILE and value not in (None, [])
        }
    return json.dumps(told, ensure_ascii=False, indent=1) + "\n"


def _plain(name: str, value: Any) -> Any:
    if name in ("text", "markdown"):
        return value.split("\n")  # a line each, so that a diff shows which one changed
    if name == "field_sources":
        return dict(sorted(value.items()))
    return _said(value)


def _said(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: _said(one) for key, one in value.items()}
    return [_said(one) for one in value] if isinstance(value, list) else value
