"""The formats and the collection on disk: WARC, Arrow schemas, tables, reading and proving. Imports no crawler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archive.tables import open_articles, open_captures, open_ledger

__all__ = ["open_articles", "open_captures", "open_ledger"]


def __getattr__(name: str) -> Any:
    """Load the readers when they are asked for: workers use this package too, and do without 60 MB of pyarrow."""
    if name not in __all__:
        raise AttributeError(f"module 'archive' has no attribute {name!r}")
    from archive import tables  # noqa: PLC0415

    return getattr(tables, name)
