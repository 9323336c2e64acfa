"""The JSON-LD of a story, in the shapes that real pages use, a slightly broken one among them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from .content import Story

Address = Callable[[str], str]


def script(story: Story, site_title: str, address: Address) -> str:
    """The ``<script>`` element for ``story``, or nothing where the page has none."""
    if story.jsonld == "none":
        return ""
    data = _article(story, site_title, address)
    if story.jsonld == "graph":
        data = _graph(data, site_title, address)
    text = json.dumps(data, ensure_ascii=False, indent=1)
    if story.jsonld == "broken":
        text = _break(text)
    return f'<script type="application/ld+json">{text}</script>'


def _article(story: Story, site_title: str, address: Address) -> dict[str, Any]:
    data: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": story.jsonld_type,
        "mainEntityOfPage": {"@type": "WebPage", "@id": address(story.canonical or story.path)},
        "headline": story.headline,
        "alternativeHeadline": story.subtitle,
        "description": story.summary,
        "datePublished": story.published,
        "dateModified": story.modified,
        "author": [_author(name, story.author_kind, address) for name in story.authors],
        "publisher": _publisher(site_title, address),
        "articleSection": story.label,
        "keywords": story.tags,
        "inLanguage": story.lang,
        "image": [address(story.image)] if story.image else [],
    }
    if story.free is not None:
        data["isAccessibleForFree"] = story.free
        data["hasPart"] = {"@type": "WebPageElement", "isAccessibleForFree": story.free, "cssSelector": ".paid"}
    if story.jsonld == "live":
        data |= _live(story)
    return {key: value for key, value in data.items() if value not in ("", [])}


def _live(story: Story) -> dict[str, Any]:
    return {
        "coverageStartTime": story.published,
        "coverageEndTime": story.modified,
        "liveBlogUpdate": [
            {
                "@type": "BlogPosting",
                "headline": update["headline"],
                "datePublished": update["time"],
                "articleBody": update["text"],
            }
            for update in story.updates
        ],
    }


def _graph(article: dict[str, Any], site_title: str, address: Address) -> dict[str, Any]:
    """As search plug-ins write it: nodes that name each other by ``@id``."""
    page = article["mainEntityOfPage"]["@id"]
    people = [person | {"@id": f"{page}#author{number}"} for number, person in enumerate(article.get("author", []))]
    publisher = {"@id": f"{address('/')}#publisher"}
    node = article | {
        "@id": f"{page}#article",
        "isPartOf": {"@id": page},
        "author": [{"@id": person["@id"], "name": person["name"]} for person in people],
        "publisher": publisher,
    }
    del node["@context"]
    web_page = {"@type": "WebPage", "@id": page, "url": page, "name": f"{article['headline']} | {site_title}"}
    crumbs = {"@type": "BreadcrumbList", "itemListElement": [{"@type": "ListItem", "position": 1, "name": "Home"}]}
    return {
        "@context": "https://schema.org",
        "@graph": [web_page, crumbs, node, _publisher(site_title, address) | publisher, *people],
    }


def _author(name: str, kind: str, address: Address) -> dict[str, Any]:
    url = author_path(name)
    return {"@type": kind, "name": name} | ({"url": address(url)} if url else {})


def author_path(name: str) -> str:
    """The path of an author's page; nothing for names outside ASCII."""
    return f"/authors/{name.lower().replace(' ', '-')}/" if name.isascii() else ""


def _publisher(site_title: str, address: Address) -> dict[str, Any]:
    logo = {"@type": "ImageObject", "url": address("/static/logo.png"), "width": 48, "height": 48}
    return {"@type": "Organization", "name": site_title, "logo": logo}


def _break(text: str) -> str:
    """The two slips seen most: a comma too many, and a raw line break inside a string."""
    text = text.replace('"description": "', '"description": "\n', 1)
    return text[: text.rindex("}")] + ",\n}"
