"""What a feed or sitemap says of an address: dates, titles, languages and addresses as they are really written."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz
from typing import Literal
from urllib.parse import urljoin, urlsplit

from archive.canonical import MAX_URL

from .traps import excluded


@dataclass(frozen=True, slots=True)
class Entry:
    """One address and what the announcing document says of it; dates are aware, None means unsaid.

    ``keywords`` are those of a news sitemap; ``images`` counts the pictures that a sitemap names for the page; ``alternate``
    says that another page names this one as itself in another language: another article.
    """

    url: str
    title: str | None = None
    published: datetime | None = None
    modified: datetime | None = None
    language: str | None = None
    keywords: tuple[str, ...] = ()
    images: int = 0
    alternate: bool = False
    source: Literal["feed", "news_sitemap", "sitemap", "section", "front_page", "list"] = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Unusable:
    """What a document has in place of an address, at most ``MAX_URL`` characters of it, and what is wrong with it."""

    text: str
    reason: str


# https://www.w3.org/TR/NOTE-datetime, and what sites write instead: slashes, one digit, a blank before or for the plus
_DAY = r"([0-9]{4})(?:[-/]([0-9]{1,2})(?:[-/]([0-9]{1,2})"
_CLOCK = r"([0-9]{1,2}):?([0-9]{2})(?::?([0-9]{2})(?:[.,][0-9]+)?)?"
_ZONE = r"(?:Z|UTC|GMT|([+ -]?)([0-9]{2}):?([0-9]{2})?)?"
_W3C = re.compile(rf"{_DAY}(?:[T ]\s*{_CLOCK}\s*{_ZONE})?)?)?", re.IGNORECASE)
# hours east of UTC of names that feeds use and RFC 5322 does not know; ambiguous ones are left out
_ZONES = {"CET": 1, "MEZ": 1, "BST": 1, "WEST": 1, "CEST": 2, "MESZ": 2, "EET": 2, "EEST": 3, "MSK": 3, "JST": 9, "KST": 9}
# what needs no second look: nearly all the addresses of a large sitemap
_PLAIN_URL = re.compile(r"https?://[a-z0-9-]+(?:\.[a-z0-9-]+)*(?:/[\w~!$'()*+,:@/.-]*)?", re.ASCII)
_ABSOLUTE = re.compile(r"https?://", re.IGNORECASE)
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{1,8}){0,4}")
_TAG = re.compile(
    r"</?(?:a|abbr|b|big|br|cite|code|div|em|font|h[1-6]|i|img|mark|p|q|s|small|span|strong|sub|sup|u|wbr)\b[^<>]{0,500}>",
    re.IGNORECASE,
)


def parse_date(text: str | None) -> datetime | None:
    """An aware time from a W3C date (any length) or an RFC 5322 one; without a zone it is UTC, a day begins at 0:00."""
    text = (text or "").strip()
    if not text or len(text) > 64:
        return None
    try:
        found = datetime.fromisoformat(text) if text[4:5] == "-" else _mail_date(text) or _w3c_date(text)
    except (ValueError, OverflowError):
        found = _w3c_date(text)
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def _mail_date(text: str) -> datetime | None:
    parts = None if text[:4].isdigit() else parsedate_tz(text)
    if parts is None:
        return None
    name = text.rpartition(" ")[2].upper()
    offset = timedelta(hours=_ZONES[name]) if name in _ZONES else timedelta(seconds=parts[9] or 0)
    year, month, day, hour, minute, second, *_ = parts
    return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=timezone(offset))


def _w3c_date(text: str) -> datetime | None:
    if not (match := _W3C.fullmatch(text)):
        return None
    *numbers, sign, hours, minutes = match.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
    year, month, day, hour, minute, second = (int(number or 0) for number in numbers)
    try:
        return datetime(year, month or 1, day or 1, hour, minute, second, tzinfo=timezone(offset))
    except ValueError:
        return None


def http_url(text: str | None, base: str) -> str | None:
    """``text`` made absolute against ``base``, without fragment; None unless it is an http(s) address of usual length."""
    if text and len(text) <= MAX_URL and _PLAIN_URL.fullmatch(text):
        return text
    # a second round of escaping is a mistake of the site's: no real address holds "&amp;"
    text = (text or "").strip().replace(" ", "%20").replace("&amp;", "&").replace("&#38;", "&")
    if text.rstrip(":/") in {"", "http", "https"} or len(text) > MAX_URL:
        return None
    try:
        # urljoin is only for relative ones: it drops an empty query and a last ";", and so would make two pages one
        url = (text if _ABSOLUTE.match(text) else urljoin(base, text)).partition("#")[0]
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in {"http", "https"} and parts.hostname and len(url) <= MAX_URL else None


def clean_title(text: str | None, markup: bool = True) -> str | None:
    """A headline as plain text on one line, at most 1,000 characters; ``markup`` says that it may hold HTML."""
    if not text:
        return None
    text = _TAG.sub("", text) if markup else text
    return " ".join(html.unescape(text).split())[:1000] or None


def split_keywords(text: str | None) -> tuple[str, ...]:
    """The keywords of a news sitemap, which are parted by commas, each once, at most 50."""
    found = (" ".join(word.split())[:100] for word in (text or "").split(","))
    return tuple(dict.fromkeys(word for word in found if word))[:50]


def clean_language(text: str | None) -> str | None:
    """A language tag (BCP 47) as announced, with hyphens; None if it has another form."""
    text = (text or "").strip()
    return text.replace("_", "-") if _LANGUAGE.fullmatch(text) else None


def unusable(text: str | None) -> Unusable:
    """Note an address that ``http_url`` refused."""
    text = " ".join((text or "").split())
    return Unusable(text[:MAX_URL], excluded(text) or "scheme: no address that can be fetched")
