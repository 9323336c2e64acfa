"""``scrapy extract --explain URL PATH``: a page found where it lies, and in words how its row comes about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
from rich.console import Console
from rich.text import Text

from archive.collection import Collection, open_collection
from archive.foreign import is_capture, read_records
from archive.reader import Record, RecordError, captures_of
from archive.sources import SourceError, archive_files
from pipelines.extract import read
from pipelines.metadata import plain
from pipelines.reading import job_of_record
from pipelines.recipes import Recipe, Recipes
from pipelines.rows import is_html
from pipelines.trace import Candidate, Trace
from pipelines.workers import Job

_MOST_VALUE = 160  # characters of a value that are shown
_MOST_CANDIDATES = 12


class NotFoundError(Exception):
    """A page that is not where it was looked for; the message says where, and what is there."""


@dataclass(frozen=True, slots=True)
class Found:
    """A page and where it lies; ``cut_by_site`` are lines that its row says were cut, ``config`` how the row was made."""

    job: Job
    day: datetime
    where: str
    cut_by_site: list[str] = field(default_factory=list)
    config: str | None = None


def find_page(url: str, path: str) -> Found:
    """The newest page of an address in a collection, an archive file (or a folder of them) or an HTML file.

    Raises NotFoundError or CollectionError.
    """
    place = Path(path)
    if (place / "collection.json").is_file():
        return _in_collection(url, open_collection(place))
    if place.is_file() and (place.suffix.lower() in (".html", ".htm", ".xhtml") or _is_markup(place)):
        return Found(Job(place.read_bytes(), url), datetime.now(UTC), str(place))
    return _in_files(url, path)


def _is_markup(place: Path) -> bool:
    with place.open("rb") as file:
        return file.read(512).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def _in_collection(url: str, collection: Collection) -> Found:
    named = (ds.field("url") == url) | (ds.field("requested_url") == url) | (ds.field("canonical_url") == url)
    rows = collection.articles.dataset().to_table(filter=named).to_pylist()
    pointers, row = rows, max(rows, key=lambda one: one["fetched_at"], default=None)
    if row is None:
        wanted = (ds.field("url") == url) & (ds.field("fetch_status") == 200) & (ds.field("warc_record_type") == "response")
        pointers = collection.captures.dataset().to_table(filter=wanted).to_pylist()
        row = max(pointers, key=lambda one: one["fetch_time"], default=None)
    if row is None:
        count = collection.articles.dataset().count_rows()
        raise NotFoundError(
            f"{url}: no page of this address is in {collection.path}, which has {count:,} articles; see its column url"
        )
    try:
        record = collection.read_record(row["warc_filename"], row["warc_record_offset"], row["warc_record_length"])
        job = job_of_record(record, row["url"])
    except (RecordError, ValueError) as error:
        raise NotFoundError(f"{url}: its record cannot be read: {error}; scrapy verify {collection.path} tells more") from None
    cuts = [line for cut in row.get("site_boilerplate") or [] if cut["field"] == "text" for line in cut["text"].split("\n")]
    where = f"{row['warc_filename']} at {row['warc_record_offset']}"
    return Found(job, row.get("fetched_at") or row["fetch_time"], where, cuts, row.get("extractor_config"))


def _in_files(url: str, path: str) -> Found:
    newest: Found | None = None
    pages = 0
    for capture, record, name in _captures(path):
        if capture.status != 200 or not is_html(capture):
            continue
        pages += 1
        if capture.url == url and (newest is None or capture.date >= newest.day):
            newest = Found(job_of_record(record, url), capture.date, f"{name} at {record.offset}")
    if newest is None:
        raise NotFoundError(f"{url}: no page of this address is in {path}, which has {pages:,} pages")
    return newest


def _captures(path: str) -> Iterator[tuple[Any, Record, str]]:
    for file in archive_files([path]):
        if isinstance(file, SourceError):
            raise NotFoundError(str(file))
        records = (item for item in read_records(file) if isinstance(item, Record))
        try:
            yield from ((capture, record, file.name) for capture, record in captures_of(records, file.name, is_capture))
        except (OSError, RecordError) as error:
            raise NotFoundError(f"{file}: {error}") from None


def explain(found: Found, recipes: Recipes, console: Console) -> None:
    """Read the page anew and print how every field and line came about."""
    job, trace = found.job, Trace()
    recipe = recipes.of(job.url, found.day.date())
    page = read(job.html, job.url, job.content_type, dict(job.headers or {}), recipe=recipe, trace=trace)
    console.print(Text(f"{job.url}\n  from {found.where}, fetched {found.day:%Y-%m-%d}", style="bold"))
    console.print(f"  {page.verdict}: {page.reason}")
    for line in _of_recipe(found, recipe, trace):
        console.print(f"  {line}")
    silent = []
    for name, candidates in trace.fields():
        if any(one.value for one in candidates):
            _print_field(console, name, getattr(trace.article, name, None), candidates)
        else:
            silent.append(name)
    if silent:
        console.print(f"\nno source says anything of {', '.join(silent)}")
    sources = trace.article.field_sources
    for name in sorted(sources.keys() - trace.candidates.keys() - {"text"}):
        value = getattr(trace.article, name, None)
        _print_field(console, name, value, [Candidate(sources[name], _shown(value), "taken", won=True)])
    console.print(Text(f"\ntext  by {sources.get('text', 'nobody: there is none')}", style="bold"))
    for said in trace.lines(found.cut_by_site):
        _print_line(console, said.text, said.removed)
    if page.article:
        console.print(f"\nquality_flags  {', '.join(page.article.quality_flags) or 'none'}")


def _of_recipe(found: Found, recipe: Recipe | None, trace: Trace) -> Iterator[str]:
    now = recipe.config if recipe else None
    yield f"read with {now}" if now else "no rule and no page object is for this address"
    if found.config != now and found.where.rpartition(" at ")[0] and (found.config or found.cut_by_site):
        yield f"its row was made with {found.config or 'none'}"
    if trace.followed.missed:
        yield f"the rule found nothing for {', '.join(trace.followed.missed)}"
    if trace.followed.failed:
        yield f"the page object failed: {trace.followed.failed}"


def _print_field(console: Console, name: str, value: object, candidates: list[Candidate]) -> None:
    shown = [one for one in candidates if one.value is not None][:_MOST_CANDIDATES]
    console.print(Text.assemble(f"\n{name}  ", (_shown(value) or "unknown", "bold")))
    for one in shown:
        mark, style = ("✓", "green") if one.won else (" ", "")
        console.print(
            Text.assemble((f"  {mark} {one.source:<32} ", style), f"{_shown(one.value)}  ", (f"({one.verdict})", "dim"))
        )


def _shown(value: object) -> str | None:
    if isinstance(value, list):
        value = "; ".join(str(one["name"]) if isinstance(one, dict) else str(one) for one in value)
    text = " ".join(plain("" if value is None else str(value)).split())
    return (text if len(text) <= _MOST_VALUE else f"{text[:_MOST_VALUE]}…") or None


def _print_line(console: Console, text: str, removed: str | None) -> None:
    text = " ".join(plain(text).split())
    if removed is None:
        console.print(Text(text))
    elif console.is_terminal:
        console.print(Text.assemble((text, "strike dim"), (f"  ({removed})", "dim")))
    else:
        console.print(Text(f"~~{text}~~  ({removed})"))
