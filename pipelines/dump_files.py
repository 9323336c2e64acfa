"""Texts out of files: a file a text, or a column of Parquet or JSON lines, one after the other however large the file is."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.extract import decode

_BATCH = 100  # rows held at once
_MOST_BYTES = 64 << 20  # of a file that is one text, or of a line of JSON
_JSON = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
_CONTROLS = bytes(set(range(32)) - {9, 10, 12, 13, 27})


class FileError(Exception):
    """A file that cannot be read; the message names it, the reason and the mend."""


@dataclass(frozen=True, slots=True)
class Text:
    """One text, or None with ``fault``, which says where and why there is none; ``kept`` are other columns of its row."""

    text: str | None
    kept: dict[str, Any]
    fault: str | None = None


def texts(path: Path, column: str, keep: Sequence[str] = ()) -> Iterator[Text]:
    """The texts of a file, or of all Parquet parts in a folder. Raises FileError if it cannot be read at all."""
    try:
        if path.is_dir():
            parts = sorted(path.rglob("*.parquet"))
            if not parts:
                raise FileError(f"{path}: no Parquet file is in this folder; give files")
            for part in parts:
                yield from _parquet(part, column, keep)
        elif path.suffix.lower() == ".parquet":
            yield from _parquet(path, column, keep)
        elif path.name.lower().endswith(_JSON):
            yield from _json_lines(path, column, keep)
        else:
            yield _whole(path)
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error.strerror or error}); check the path and the file") from None


def _whole(path: Path) -> Text:
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES)
    start = content[:4_000]
    if len(start) - len(start.translate(None, _CONTROLS)) > len(start) * 0.02 and not start.startswith(
        (b"\xff\xfe", b"\xfe\xff")
    ):
        raise FileError(f"{path}: binary data, no text; for Parquet and JSON lines the name must end with .parquet or .jsonl")
    return Text(decode(content, None)[1], {})


def _parquet(path: Path, column: str, keep: Sequence[str]) -> Iterator[Text]:
    try:
        file = pq.ParquetFile(path)
        _check(path, [column, *keep], file.schema_arrow.names)
        number = 0
        for batch in file.iter_batches(_BATCH, columns=[column, *keep]):
            for row in batch.to_pylist():
                number += 1
                yield _of_row(row, column, keep, f"{path}, row {number}")
    except pa.ArrowException as error:
        raise FileError(f"{path}: no Parquet file, or a damaged one ({error}); check the file") from None


def _json_lines(path: Path, column: str, keep: Sequence[str]) -> Iterator[Text]:
    number, known = 0, False
    with _opened(path) as file:
        try:
            while line := file.readline(_MOST_BYTES):
                number += 1
                if not line.strip():
                    continue
                where = f"{path}, line {number}"
                row = _parsed(line)
                if row is None:
                    yield Text(None, {}, f"{where}: no JSON object; null in its place")
                    continue
                if not known:
                    _check(path, [column], row)
                    known = True
                yield _of_row(row, column, keep, where)
        except (EOFError, gzip.BadGzipFile) as error:
            raise FileError(f"{path}: damaged behind line {number} ({error}); check the file") from None


def _opened(path: Path) -> BufferedIOBase:
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _check(path: Path, wanted: Iterable[str], there: Iterable[str]) -> None:
    names = list(there)
    for name in wanted:
        if name not in names:
            some = ", ".join(names[:30]) or "none"
            raise FileError(f"{path}: there is no column {name!r}; give one of these with --column: {some}")


def _of_row(row: dict[str, Any], column: str, keep: Sequence[str], where: str) -> Text:
    value, kept = row.get(column), {name: row.get(name) for name in keep}
    if value is not None and not isinstance(value, str):
        return Text(None, kept, f"{where}: {column} is no text but {type(value).__name__}; null in its place")
    return Text(value, kept)
