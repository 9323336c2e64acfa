"""Requests as text, for the frontier's file, and back: what a spider may put into them comes out as it went in."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from scrapy import Request
from scrapy.utils.httpobj import urlparse_cached
from scrapy.utils.request import request_from_dict

from archive.announcement import Announcement
from crawler.discovery.entry import Entry
from pipelines.tabulate import Found

if TYPE_CHECKING:
    from scrapy import Spider

_PLAIN = (str, int, float, bool, type(None))
_RECORDS: dict[str, Any] = {kind.__name__: kind for kind in (Found, Entry, Announcement)}
_DEFAULTS = {key: value for key, value in Request("http://h").to_dict().items() if key != "url"}
_SECRET_HEADERS = ("Cookie", "Authorization", "Proxy-Authorization")
# what a fetch leaves in a request, and what the next one finds out anew
_PASSING = frozenset({"capture", "heard", "robots_warc_record_id", "site_rights", "download_latency"})


class NotPlainError(TypeError):
    """A request that holds what cannot be written down; the message names it."""


def request_text(request: Request, spider: Spider) -> str:
    """``request`` as text. Raises NotPlainError, also if it holds secrets, which are not for the file."""
    if secret := _secret_in(request):
        raise NotPlainError(f"it holds {secret}")
    fields: dict[str, Any] = {name: getattr(request, name) for name in request.attributes}
    fields["callback"], fields["errback"] = _method_name(request.callback, spider), _method_name(request.errback, spider)
    fields["headers"] = dict(request.headers)
    if type(request) is not Request:
        fields["_class"] = f"{type(request).__module__}.{type(request).__qualname__}"
    meta = fields["meta"] = {name: value for name, value in fields["meta"].items() if name not in _PASSING}
    if meta.get("download_slot", "") == urlparse_cached(request).hostname:
        del meta["download_slot"]  # the downloader's word, not the spider's
    said = {name: value for name, value in fields.items() if name == "url" or value != _DEFAULTS.get(name)}
    return json.dumps(_plain(said), separators=(",", ":"), ensure_ascii=False)


def request_of_text(text: str, spider: Spider) -> Request:
    """The request that ``request_text`` wrote. Raises ValueError if the spider has no such callbacks, or it is none of ours."""
    try:
        return request_from_dict(_DEFAULTS | json.loads(text, object_hook=_rich), spider=spider)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not a request of this spider: {error}") from None


def _secret_in(request: Request) -> str | None:
    if "@" in urlparse_cached(request).netloc or "@" in (request.meta.get("proxy") or ""):
        return "a user name"
    if request.cookies:
        return "cookies"
    return next((name for name in _SECRET_HEADERS if name in request.headers), None) if request._headers else None


def _method_name(function: Any, spider: Spider) -> str | None:
    # Scrapy looks through all members of the spider for it, which takes longer than all the rest
    if function is None:
        return None
    name: str = getattr(function, "__name__", "")
    if getattr(function, "__self__", None) is not spider or getattr(spider, name, None) != function:
        raise NotPlainError(f"{function!r} is no method of the spider")
    return name


def _plain(value: Any) -> Any:
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, dict):
        if any(type(name) is not str or name.startswith("$") for name in value):
            return {"$dict": [[_plain(name), _plain(item)] for name, item in value.items()]}
        return {name: _plain(item) for name, item in value.items()}
    if type(value) is list:
        return [_plain(item) for item in value]
    if type(value) is tuple:
        return {"$tuple": [_plain(item) for item in value]}
    if isinstance(value, bytes):
        return {"$bytes": value.decode("latin-1")}
    if isinstance(value, datetime):
        return {"$time": value.isoformat()}
    if (name := type(value).__name__) in _RECORDS and type(value) is _RECORDS[name]:
        return {f"${name}": _plain({field: getattr(value, field) for field in value.__dataclass_fields__})}
    raise NotPlainError(f"{type(value).__name__}: {value!r}"[:200])


def _rich(value: dict[str, Any]) -> Any:
    if len(value) != 1 or not (name := next(iter(value))).startswith("$"):
        return value
    inner = value[name]
    if name == "$tuple":
        return tuple(inner)
    if name == "$dict":
        return dict(inner)
    if name == "$bytes":
        return inner.encode("latin-1")
    if name == "$time":
        return datetime.fromisoformat(inner)
    return _RECORDS[name[1:]](**inner)
