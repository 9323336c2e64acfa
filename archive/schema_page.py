"""``python -m archive.schema_page``: the schema reference (docs/schema.md), made from the schemas themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from archive.schema import ARTICLES, CAPTURES, LEDGER, SCHEMA_VERSION

_INTRODUCTION = f"""# The tables

*Made by `make docs` from `archive/schema.py`; schema version {SCHEMA_VERSION}.*

The tables lie in `COLLECTION/tables/NAME/fetch_date=YYYY-MM-DD/part-*.parquet`: partitioned by the UTC day of the fetch
(the ledger by that of the first announcement), append-only. A cell that is not known is null. Every part carries these
descriptions in its own schema:
`pyarrow.parquet.read_schema(part).field("title").metadata`. The partition column `fetch_date` comes with the folder's name.
"""

_ABOUT = {
    "articles": "One row a version of an article: a page seen again is a new row only if its title or its text changed.",
    "captures": "One row a fetch, whatever came of it: robots.txt, feeds, sitemaps, redirects, errors and attempts that got no"
    " byte. A row points at the response record; the request and metadata records lie right behind it in the file.",
    "ledger": "One row an announced address and crawl, with its one state. A crawl that goes on after a break writes its parts"
    " anew: see [frontier.md](frontier.md).",
}


def page() -> str:
    """The reference as Markdown."""
    return "\n".join([_INTRODUCTION, *_table("articles", ARTICLES), *_table("captures", CAPTURES), *_table("ledger", LEDGER)])


def _table(name: str, schema: pa.Schema) -> Iterator[str]:
    yield f"## {name}\n\n{_ABOUT[name]}\n"
    yield "| column | type | null? | meaning |\n|---|---|---|---|"
    for field in schema:
        description = (field.metadata or {})[b"description"].decode().replace("|", "\\|")
        yield f"| `{field.name}` | {_kind(field.type)} | {'yes' if field.nullable else 'no'} | {description} |"
    yield ""


def _kind(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"list of {_kind(kind.value_type)}"
    if pa.types.is_struct(kind):
        return "(" + ", ".join(kind.field(at).name for at in range(kind.num_fields)) + ")"
    return str(kind)


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201
