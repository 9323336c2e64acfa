"""docs/hostile.md, made of the cases."""

from __future__ import annotations

from types import ModuleType

from tests.newsroom.hostile import lists, packing, pages, parts, rules, transport, ways
from tests.newsroom.hostile.case import Case

_PARTS: dict[str, ModuleType] = {
    "HTTP": transport,
    "Packed bodies": packing,
    "Redirects and addresses": ways,
    "robots.txt": rules,
    "Pages": pages,
    "Feeds and sitemaps": lists,
    "What pages load": parts,
}
_INTRODUCTION = """# Hostile inputs

What servers and pages may send that mean harm, and what comes of it: {count} cases. `tests/newsroom/hostile` serves them on loopback,
each on a host of its own, and `tests/crawler/test_hostile.py` crawls them beside the honest newsroom in one crawl. Each row below is
checked there, and for all of them together:

- the crawl ends by itself with exit code 0 and no traceback; `scrapy verify` finds every record true;
- nothing is connected to that is not meant to be (the cases call it *within*), and no scheme but http and https is followed;
- no process holds 300 MiB more than in the honest crawl alone;
- the honest articles are the same as in a crawl of their own, and the honest part takes at most 10 % longer;
- no line of the log, no cell of `title`, `text` or `authors` and no file name holds a control character that an answer sent.

`python -m tests.newsroom.hostile` crawls both and prints what came of it, with the figures; settings may follow
(`DOWNLOAD_MAXSIZE=4194304 DOWNLOAD_TIMEOUT=10 BROADSHEET_REQUISITE_MAXSIZE=1000000`). This page is made by
`python -m tests.newsroom.hostile --page`. Parsers are fuzzed besides: `make fuzz`, [SECURITY.md](../SECURITY.md).
"""


def page() -> str:
    """The page."""
    count = sum(len(part.CASES) for part in _PARTS.values())
    out = [_INTRODUCTION.format(count=count)]
    for title, part in _PARTS.items():
        out += [f"## {title}", "", "| case | what it does | what comes of it |", "|---|---|---|"]
        out += [_row(case) for case in part.CASES]
        out.append("")
    return "\n".join(out)


def _row(case: Case) -> str:
    return f"| `{case.name}` | {_cell(case.does)} | {_cell(case.outcome())} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
