"""The formats and the collection on disk: WARC, Arrow schemas, tables, reading and proving. Imports no crawler."""
