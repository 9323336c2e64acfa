"""What the newsroom answers: for each host and path one function of the number of fetches so far."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from . import feeds, jsonld
from .content import HERE, Expected, Story, read_settings, read_stories
from .pages import Pages

Rule = dict[str, Any]
mimetypes.add_type("font/woff2", ".woff2")
mimetypes.add_type("image/webp", ".webp")

_STANDFIRSTS = {
    ("courier", "article"),
    ("courier", "sprite"),
    ("courier", "amp"),
}  # templates that print the summary above the story


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; ``slow``, ``chunked`` and ``gzip`` (where the client accepts it) say how it is sent."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    slow: bool = False
    chunked: bool = False
    gzip: bool = False


Route = Callable[[int], Answer]


class Site:
    """All addresses of the three papers and of the host that serves their pictures. ``routes`` maps (key of the host, path)
    to a function of the fetch's number."""

    def __init__(self, port: int) -> None:
        settings = read_settings()
        self.hosts: dict[str, Rule] = settings["hosts"]
        cdn = settings["cdn"]["name"]
        self.keys = {host["name"]: key for key, host in self.hosts.items()} | {cdn: "cdn"}
        self.stories = read_stories()
        self.pages = Pages(port, self.hosts, cdn, self.stories)
        self.rules: dict[str, list[Rule]] = {kind: settings[kind] for kind in ("pages", "failures", "redirects")}
        self.routes: dict[tuple[str, str], Route] = {}
        for key in self.hosts:
            self._add_hubs(key)
            self._add_text(key, "/robots.txt", "text/plain", self._robots)
            self._add_static(key)
        self._add_cdn()
        self._add_text("courier", "/rss.xml", "application/rss+xml", self._rss)
        self._add_text("wire", "/feed.atom", "application/atom+xml", self._atom)
        self._add_sitemaps("courier")
        self._add_rules()
        for story in self.stories.values():
            self.routes[story.host, story.path] = self._article_route(story)

    def url(self, host: str, path: str) -> str:
        """The full address of a path; ``host`` is a key or a name."""
        return self.pages.url(host, path)

    def host_name(self, header: str) -> str:
        """The host that a Host header means; the main site's for any other name."""
        name = header.partition(":")[0].lower()
        return name if name in self.keys else next(iter(self.keys))

    def answer(self, host: str, path: str, count: int) -> Answer:
        """The answer to the ``count``-th fetch of a path; an unknown query is ignored."""
        key = self.keys[host]
        route = self.routes.get((key, path)) or self.routes.get((key, path.partition("?")[0]))
        return route(count) if route else self._failure({"host": key if key in self.hosts else "courier", "status": 404})

    def disallowed(self) -> list[str]:
        return [self.url(key, path) for key, path in self.routes if path.startswith("/private/")]

    # what is expected

    def expected(self) -> list[Expected]:
        """The articles, each with what its file expects, then the other HTML pages with status and target."""
        articles = {(story.host, story.path): self._expected_article(story) for story in self.stories.values()}
        others = [self._expected_other(*place) for place in self.routes if place not in articles]
        return [*articles.values(), *filter(None, others)]

    def _expected_article(self, story: Story) -> Expected:
        facts = dict(story.expected)
        extra = facts.pop("extra") | {"status": 200, "template": story.template, "slug": story.slug}
        if (story.host, story.template) in _STANDFIRSTS and story.summary:
            for texts, name in ((facts, "text"), (extra, "second_text")):
                if name in texts:
                    texts[name] = f"{story.summary}\n\n{texts[name]}"  # the standfirst above the story is part of it
        extra["canonical"] = self.url(story.host, extra["canonical"])
        return Expected(self.url(story.host, story.path), "article", extra=extra, **facts)

    def _expected_other(self, key: str, path: str) -> Expected | None:
        answer = self.routes[key, path](1)
        headers = dict(answer.headers)
        if not headers["Content-Type"].startswith("text/html"):
            return None
        target = {"location": headers["Location"]} if "Location" in headers else {}
        return Expected(self.url(key, path), "not_article", extra={"status": answer.status} | target)

    # routes

    def _add_hubs(self, key: str) -> None:
        host, listed = self.hosts[key], self.pages.listed(key, "section")
        self._add_hub(key, "/", host["title"], self.pages.listed(key, "front"), self._quiet_links(key))
        for section, title in host["sections"].items():
            self._add_hub(key, f"/{section}/", title, [story for story in listed if story.section == section])
        for name in {name: None for story in listed for name in story.authors}:
            if path := jsonld.author_path(name):
                self._add_hub(key, path, name, [story for story in listed if name in story.authors])

    def _add_hub(
        self, key: str, path: str, title: str, stories: list[Story], links: list[tuple[str, str]] | None = None
    ) -> None:
        self.routes[key, path] = lambda count: self._html(key, 200, self.pages.hub(key, title, stories, links or []))

    def _quiet_links(self, key: str) -> list[tuple[str, str]]:
        """What only the front page links to: plain pages, the forbidden ones among them, and pages that fail."""
        rules = [rule for rule in self.rules["pages"] + self.rules["failures"] if rule["host"] == key]
        return [(rule["path"], rule.get("title", "Archive")) for rule in rules]

    def _add_rules(self) -> None:
        makers = {"pages": self._plain, "failures": self._failure, "redirects": self._redirect}
        for kind, make in makers.items():
            for rule in self.rules[kind]:
                self.routes[rule["host"], rule["path"]] = lambda count, make=make, rule=rule: make(rule)

    def _add_text(self, key: str, path: str, media: str, text: Callable[[str], str]) -> None:
        headers = [("Content-Type", f"{media}; charset=utf-8")]
        self.routes[key, path] = lambda count: Answer(200, headers, text(key).encode(), gzip=self._packs(key))

    def _add_sitemaps(self, key: str) -> None:
        xml, packed = "application/xml", [("Content-Type", "application/gzip")]
        self._add_text(key, "/sitemap_index.xml", xml, self._sitemap_index)
        self._add_text(key, "/sitemaps/current.xml", xml, lambda key: self._sitemap(key, "sitemap", "redirects"))
        self._add_text(key, "/sitemaps/news.xml", xml, self._news_sitemap)
        self.routes[key, "/sitemaps/archive.xml.gz"] = lambda count: Answer(
            200, packed, gzip.compress(self._sitemap(key, "archive", "failures").encode(), mtime=0)
        )

    def _add_static(self, key: str) -> None:
        for file in sorted((HERE / "static").iterdir()):
            path = "/favicon.ico" if file.name == "favicon.ico" else f"/static/{file.name}"
            self.routes[key, path] = lambda count, file=file: _static(file.name, file.read_bytes())

    def _add_cdn(self) -> None:
        allowed = Answer(200, [("Content-Type", "text/plain")], b"User-agent: *\nDisallow:\n")
        self.routes["cdn", "/robots.txt"] = lambda count: allowed
        for file in sorted((HERE / "cdn").iterdir()):
            self.routes["cdn", f"/{file.name}"] = lambda count, file=file: _static(file.name, file.read_bytes())

    def _packs(self, key: str) -> bool:
        return bool(self.hosts[key].get("gzip"))

    # feeds, sitemaps, robots.txt

    def _robots(self, key: str) -> str:
        sitemaps = [self.url(key, path) for path in self.hosts[key].get("sitemaps", [])]
        return feeds.robots(self.hosts[key].get("crawl_delay"), sitemaps)

    def _rss(self, key: str) -> str:
        return feeds.rss(self.hosts[key]["title"], self.pages.address(key), self.pages.listed(key, "feed"))

    def _atom(self, key: str) -> str:
        return feeds.atom(self.hosts[key]["title"], self.pages.address(key), self.pages.listed(key, "feed"))

    def _sitemap_index(self, key: str) -> str:
        return feeds.sitemap_index(self.url(key, f"/sitemaps/{name}") for name in ("current.xml", "archive.xml.gz"))

    def _sitemap(self, key: str, place: str, also: str) -> str:
        """The stories listed in ``place``, and the addresses of one kind of rule, as stale sitemaps name them."""
        others = [rule["path"] for rule in self.rules[also] if rule["host"] == key]
        return feeds.sitemap(self.pages.address(key), self.pages.listed(key, place), others)

    def _news_sitemap(self, key: str) -> str:
        return feeds.news_sitemap(self.hosts[key]["title"], self.pages.address(key), self.pages.listed(key, "news"))

    # answers

    def _article_route(self, story: Story) -> Route:
        return lambda count: self._article(_changed(story) if count > 1 and story.second else story)

    def _article(self, story: Story) -> Answer:
        send = story.http
        charset = send.get("charset", "utf-8")
        body = self.pages.article(story).encode(charset, "xmlcharrefreplace")
        named = "" if send.get("charset_in") == "meta" else f"; charset={charset}"
        headers = [("Content-Type", f"text/html{named}")]
        headers += [("Set-Cookie", send["cookie"])] if "cookie" in send else []
        headers += [("Last-Modified", send["last_modified"])] if "last_modified" in send else []
        headers += [("ETag", _etag(body))] if send.get("etag") else []
        packed = send.get("gzip", self._packs(story.host))
        return Answer(200, headers, body, send.get("slow", False), send.get("chunked", False), packed)

    def _plain(self, rule: Rule) -> Answer:
        return self._html(rule["host"], 200, self.pages.plain(rule["host"], rule["title"], rule["body"]))

    def _failure(self, rule: Rule) -> Answer:
        body = f"<p>{rule.get('note', 'There is nothing to read here.')}</p>"
        html = self.pages.plain(rule["host"], f"Error {rule['status']}", body)
        return self._html(rule["host"], rule["status"], html)

    def _redirect(self, rule: Rule) -> Answer:
        target = self.pages.address(rule["host"])(rule["to"])
        html = f'<!doctype html><title>Moved</title><p>The page is now <a href="{target}">here</a>.</p>'
        answer = self._html(rule["host"], rule["status"], html)
        return replace(answer, headers=[*answer.headers, ("Location", target)])

    def _html(self, key: str, status: int, html: str) -> Answer:
        headers = [("Content-Type", "text/html; charset=utf-8")]
        return Answer(status, headers, html.encode(), gzip=self._packs(key))


def _changed(story: Story) -> Story:
    """The story as it stands from the second fetch on: one sentence corrected."""
    old, new = story.second["old"], story.second["new"]
    return replace(story, body=story.body.replace(old, new), modified=story.second["modified"])


def _static(name: str, body: bytes) -> Answer:
    media = mimetypes.guess_type(name)[0] or "application/octet-stream"
    headers = [
        ("Content-Type", media),
        ("ETag", _etag(body)),
        ("Last-Modified", "Sun, 01 Oct 2023 06:00:00 GMT"),
    ]
    return Answer(200, headers, body, gzip=media.startswith("text/"))


def _etag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:16]}"'
