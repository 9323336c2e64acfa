"""Requests with a body in the index: the body becomes part of the address, so that replay finds the answer to it.

Follows https://specs.webrecorder.net/request-body-canonicalization/latest/ as cdxj-indexer 1.5 and pywb apply it; Action
Message Format alone is taken as bytes.
"""

from __future__ import annotations

import base64
import io
import json
from typing import Any
from urllib.parse import unquote_plus, urlencode

from multipart import MultipartError, MultipartParser

METHODS = frozenset({"POST", "PUT"})
MOST_BODY = 8 << 20  # bytes of a body that are looked at
_MOST_QUERY = 4096


def with_body(url: str, method: str, query: str | None) -> str:
    """The address that stands in the index for a request of ``method`` whose body says ``query``."""
    return f"{url}{'&' if '?' in url else '?'}__wb_method={method}" + (f"&{query}" if query else "")


def body_query(content_type: str | None, body: bytes) -> str:
    """A request's body as a query string of at most 4,096 characters; empty for JSON that cannot be read."""
    media_type = content_type or ""
    if media_type.startswith("application/x-www-form-urlencoded"):
        query = _form(body)
    elif media_type.startswith("multipart/"):
        query = _multipart(media_type, body)
    elif media_type.startswith(("application/json", "text/plain")):
        query = _json(body, media_type)
    else:
        query = _binary(body)
    return query[:_MOST_QUERY]


def _binary(body: bytes) -> str:
    return "__wb_post_data=" + base64.b64encode(body).decode()


def _form(body: bytes) -> str:
    try:
        return unquote_plus(body.decode())
    except UnicodeDecodeError:
        return _binary(body)


def _multipart(media_type: str, body: bytes) -> str:
    try:
        boundary = media_type.split("boundary=")[1]
        parts = MultipartParser(io.BytesIO(body), boundary, charset="utf8")
        return urlencode([(part.name, part.raw if part.filename else part.value) for part in parts], doseq=True)
    except (IndexError, ValueError, MultipartError):
        return _binary(body)


def _json(body: bytes, media_type: str) -> str:
    try:
        return urlencode(_flat(body))
    except (ValueError, RecursionError):
        return _binary(body) if media_type.startswith("text/plain") else ""


def _flat(body: bytes) -> dict[str, str]:
    """Names and values of all leaves; a name that comes again gets a number."""
    try:
        documents = [json.loads(body)]
    except json.JSONDecodeError:
        if b"\n" not in body:
            raise
        documents = [json.loads(line) for line in body.split(b"\n")]
    leaves: dict[str, str] = {}
    repeats: dict[str, int] = {}

    def walk(value: Any, name: str = "") -> None:
        if isinstance(value, dict):
            for key, one in value.items():
                walk(one, key)
        elif isinstance(value, list):
            for one in value:
                walk(one, name)
        elif name:
            if name in leaves:
                repeats[name] = repeats.get(name, 1) + 1
                name = f"{name}.{repeats[name]}_"
            leaves[name] = str(value)

    for document in documents:
        walk(document)
    return leaves
