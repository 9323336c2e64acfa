"""Page objects of scrapy-poet (web-poet) that say what a site's articles are; needs the extra ``poet``.

    from web_poet import field, handle_urls
    from pipelines.page_objects import ArticlePage

    @handle_urls("news.example")
    class CourierPage(ArticlePage):
        @field
        def title(self):
            return self.css("h1.headline::text").get()

Fields that a class leaves out, and those that come back empty, are decided by evidence as ever.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import andi
from lxml import html as lxml_html
from lxml.html import HtmlElement
from parsel import Selector, SelectorList
from web_poet import HttpResponse, PageParams, ResponseUrl, WebPage, consume_modules, default_registry
from web_poet.pages import is_injectable

from pipelines.ruled import Said
from pipelines.rules import RuleError


@dataclass
class ArticleFields:
    """What a page object may say of an article; None: no word. Names are those of the columns; dates as ISO 8601 or
    ``datetime``; ``body`` is HTML, or the selectors of its elements."""

    title: str | None = None
    subtitle: str | None = None
    description: str | None = None
    byline_raw: str | None = None
    authors: list[str] | None = None
    published_at: str | datetime | None = None
    modified_at: str | datetime | None = None
    section: str | None = None
    tags: list[str] | None = None
    language: str | None = None
    site_name: str | None = None
    publisher: str | None = None
    main_image_url: str | None = None
    license: str | None = None
    copyright_holder: str | None = None
    body: Any = None


class ArticlePage(WebPage[ArticleFields], skip_nonitem_fields=True):
    """A page of an article; subclasses have ``@field`` methods for what they know better, and ``@handle_urls`` says where."""


def find(modules: Iterable[str]) -> None:
    """Import the modules (and packages, whole) in which page objects are. Raises RuleError."""
    for module in modules:
        try:
            consume_modules(module)
        except Exception as error:  # whatever their code does
            raise RuleError(f"SCRAPY_POET_DISCOVER: {module} cannot be imported: {type(error).__name__}: {error}") from None


def page_object(url: str) -> tuple[str, str] | None:
    """``module:class`` of the page object for an address, and the hash of its module's file."""
    chosen = default_registry.page_cls_for_item(url, ArticleFields)
    if chosen is None:
        return None
    name = f"{chosen.__module__}:{chosen.__qualname__}"
    return name, sha256_of(name)


@cache
def sha256_of(name: str) -> str:
    """The hash of the file in which a page object's class is. Raises ImportError."""
    file = importlib.import_module(name.partition(":")[0]).__file__
    return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file else ""


def said_by(name: str, source: str, html: bytes, url: str, headers: dict[str, str]) -> tuple[Said, HtmlElement | None]:
    """What the page object says of a page: candidates for fields, and a document of its body. Whatever its code raises comes
    through."""
    said = asyncio.run(_item(_class(name), html, url, headers))
    found: Said = {}
    for one in fields(ArticleFields):
        value = getattr(said, one.name, None)
        if value and one.name != "body":
            found[one.name] = [(source, _text(each)) for each in (value if isinstance(value, list | tuple) else [value])]
    return found, _document(said.body, url)


def _class(name: str) -> type:
    module, _, qualified = name.partition(":")
    found: Any = importlib.import_module(module)
    for part in qualified.split("."):
        found = getattr(found, part)
    return found  # type: ignore[no-any-return]


async def _item(page: type, html: bytes, url: str, headers: dict[str, str]) -> Any:
    response = HttpResponse(url, html, status=200, headers=headers)
    given: dict[Any, Any] = {HttpResponse: response, ResponseUrl: response.url, PageParams: PageParams()}
    plan = andi.plan(page, is_injectable=is_injectable, externally_provided=given.keys())
    for cls, kwargs_spec in plan.dependencies:
        if not isinstance(cls, type):
            raise TypeError(f"{cls} cannot be had when a page is read from its record")
        if cls not in given:
            given[cls] = cls(**kwargs_spec.kwargs(given))
    return await page(**plan.final_kwargs(given)).to_item()


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _document(body: Any, url: str) -> HtmlElement | None:
    parts = [body] if isinstance(body, Selector) else body if isinstance(body, SelectorList) else None
    markup = "".join(part.get() for part in parts) if parts is not None else body
    if not markup or not str(markup).strip():
        return None
    document = lxml_html.document_fromstring(f"<html><body>{markup}</body></html>")
    document.make_links_absolute(url, handle_failures="ignore")
    return document
