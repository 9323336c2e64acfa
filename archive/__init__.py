"""The formats and the collection on disk: WARC, Arrow schemas, tables, reading and proving. Imports no crawler."""

from archive.tables import open_articles, open_captures

__all__ = ["open_articles", "open_captures"]
