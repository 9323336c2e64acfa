"""The newsroom's pages as HTML: templates filled with stories, for the port of the running server."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import PurePosixPath
from string import Template
from typing import Any

from . import jsonld
from .content import HERE, Story

RIGHT_TO_LEFT = {"ar", "he"}
DEFAULT_IMAGE = "/static/pier.jpg"


@dataclass(frozen=True)
class Pages:
    """Renders for one port. ``hosts`` are the settings of site.toml by key, ``stories`` all stories by slug, ``cdn`` the name
    of the host that has pictures and styles alone."""

    port: int
    hosts: dict[str, dict[str, Any]]
    cdn: str
    stories: dict[str, Story]

    def url(self, host: str, path: str) -> str:
        """The full address of a path; ``host`` is a key, ``cdn``, or a name."""
        name = self.cdn if host == "cdn" else self.hosts[host]["name"] if host in self.hosts else host
        return f"http://{name}:{self.port}{path}"

    def address(self, key: str) -> Callable[[str], str]:
        """For one host, a function from a path, or from ``$HOST/path``, to the full address."""

        def address(path: str) -> str:
            return self.url(key, path) if path.startswith("/") else Template(path).substitute(self.origins())

        return address

    def origins(self) -> dict[str, str]:
        return {key: self.url(key, "") for key in self.hosts} | {"cdn": self.url("cdn", "")}

    def listed(self, key: str, place: str) -> list[Story]:
        """A host's stories that are listed in a place (front, section, feed, sitemap, archive, news), newest first."""
        return [story for story in self.stories.values() if story.host == key and place in story.listed]

    def article(self, story: Story) -> str:
        host, address = self.hosts[story.host], self.address(story.host)
        near = [other for other in self.listed(story.host, "section") if other.slug != story.slug][:4]
        return self._fill(
            story.host,
            story.template,
            story.lang,
            charset=_charset(story),
            head=_head(story, host["title"], address) + jsonld.script(story, host["title"], address),
            title=escape(story.headline),
            subtitle=f'<p class="subline">{escape(story.subtitle)}</p>' if story.subtitle else "",
            summary=escape(story.summary),
            byline=escape(story.byline),
            date=_date(story),
            hub=f"/{story.section}/",
            section=escape(story.label or host["sections"][story.section]),
            body=Template(story.body).substitute(self.origins(), updates=_updates(story)),
            image=story.image or DEFAULT_IMAGE,
            shot=PurePosixPath(story.image or DEFAULT_IMAGE).stem,
            pager=_pager(story),
            related="\n".join(_item(other.path, other.headline) for other in near),
            url=address(story.path),
        )

    def hub(self, key: str, title: str, stories: Iterable[Story], links: Iterable[tuple[str, str]] = ()) -> str:
        """A front, section or author page: a card for each story, then ``links`` (path and text)."""
        host = self.hosts[key]
        cards = "\n".join(_card(key, story) for story in stories)
        extra = "\n".join(_item(path, text) for path, text in links)
        return self._fill(key, "hub", host["lang"], title=title, cards=cards, head=_feed_link(host), extra=extra)

    def plain(self, key: str, title: str, body: str) -> str:
        return self._fill(key, "page", self.hosts[key]["lang"], title=escape(title), body=body)

    def _fill(self, key: str, template: str, lang: str, **values: str) -> str:
        host = self.hosts[key]
        shared = self.origins() | {
            "site": host["title"],
            "sections": "".join(_item(f"/{path}/", name) for path, name in host["sections"].items()),
            "lang": lang,
            "dir": "rtl" if lang in RIGHT_TO_LEFT else "ltr",
        }
        for part in ("header", "footer"):
            shared[part] = _template(f"{key}/{part}").substitute(shared)
        return _template(f"{key}/{template}").substitute(shared | values)


@cache
def _template(name: str) -> Template:
    return Template((HERE / "templates" / f"{name}.html").read_text(encoding="utf-8"))


def _head(story: Story, site_title: str, address: Callable[[str], str]) -> str:
    """Title, canonical address, Open Graph and, where the story has them, dates and authors in ``<meta>``."""
    lines = [
        f"<title>{escape(story.headline)} | {site_title}</title>",
        f'<link rel="canonical" href="{address(story.canonical or story.path)}">',
        _meta("og:title", story.headline),
        _meta("og:site_name", site_title),
        _meta("og:type", "article"),
        _meta("og:url", address(story.path)),
        f'<meta name="description" content="{escape(story.summary)}">',
    ]
    lines += [_meta("og:image", address(story.image))] if story.image else []
    lines += _meta_facts(story) if story.meta else []
    for rel, path in (("amphtml", story.amp), ("next", story.next), ("prev", story.prev)):
        lines += [f'<link rel="{rel}" href="{address(path)}">'] if path else []
    return "\n".join(lines) + "\n"


def _meta_facts(story: Story) -> list[str]:
    lines = [_meta("article:published_time", story.published)]
    lines += [_meta("article:modified_time", story.modified)] if story.modified else []
    lines += [f'<meta name="author" content="{escape(name)}">' for name in story.authors]
    return lines + [_meta("article:tag", tag) for tag in story.tags]


def _meta(name: str, value: str) -> str:
    return f'<meta property="{name}" content="{escape(value)}">'


def _charset(story: Story) -> str:
    """The ``<meta charset>``, but not where the encoding is declared in the HTTP header only."""
    charset = story.http.get("charset", "utf-8")
    return "" if story.http.get("charset_in") == "header" else f'<meta charset="{charset}">'


def _date(story: Story) -> str:
    """The printed date, as ``<time datetime>`` where the story has one for machines."""
    if story.time and story.printed:
        return f'<time datetime="{story.published}" itemprop="datePublished">{escape(story.printed)}</time>'
    return f'<span class="date">{escape(story.printed)}</span>' if story.printed else ""


def _updates(story: Story) -> str:
    shape = _template("update")
    return "".join(shape.substitute(update, clock=update["time"][11:16]) for update in story.updates)


def _pager(story: Story) -> str:
    links = [f'<a rel="prev" href="{story.prev}">Previous page</a>'] if story.prev else []
    links += [f'<a rel="next" href="{story.next}">Next page</a>'] if story.next else []
    return f'<nav class="pager">{" ".join(links)}</nav>' if links else ""


def _card(key: str, story: Story) -> str:
    return _template(f"{key}/card").substitute(
        path=story.path,
        headline=escape(story.headline),
        summary=escape(story.summary),
        printed=story.printed,
        lang=story.lang,
        image=story.image or DEFAULT_IMAGE,
    )


def _feed_link(host: dict[str, Any]) -> str:
    feed = host.get("feed", "")
    kind = "atom" if "atom" in feed else "rss"
    return f'<link rel="alternate" type="application/{kind}+xml" href="{feed}" title="News">' if feed else ""


def _item(path: str, text: str) -> str:
    return f'<li><a href="{path}">{escape(text)}</a></li>'
