"""The proof finds what was tampered with, and nothing else."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from archive.collection import Collection, create_collection
from archive.digest import warc_digest
from archive.record import Original
from archive.verify import verify
from tests.archive.exchanges import exchange, response, writer
from tests.archive.rows import NIGHT, small_collection

LONG = b"The ferry runs again. " * 50


def rewrite(collection: Collection, table: str, column: str, change) -> None:  # type: ignore[no-untyped-def]
    """Change one column of a table's only part."""
    (part,) = (collection.path / "tables" / table).rglob("*.parquet")
    rows = pq.read_table(part, partitioning=None)
    place = rows.column_names.index(column)
    values = pa.array([change(value) for value in rows.column(column).to_pylist()], rows.schema.field(place).type)
    pq.write_table(rows.set_column(place, rows.schema.field(place), values), part)


def mismatches(collection: Collection) -> str:
    return "\n".join(map(str, verify(collection).mismatches))


def test_a_true_collection_has_no_mismatch(tmp_path: Path) -> None:
    findings = verify(small_collection(tmp_path / "c"))
    assert not findings.mismatches
    assert dict(findings.counts) == {"files": 1, "records": 10, "captures": 3, "articles": 3}


@pytest.mark.parametrize("table", ["captures", "articles"])
@pytest.mark.parametrize(
    ("column", "change", "named"),
    [
        ("warc_record_offset", lambda value: value + 1, "no gzip member"),
        ("warc_record_length", lambda value: value - 1, "does not end"),
        ("warc_record_id", lambda value: value[:-3] + "zz>", "record id"),
        ("warc_filename", lambda value: "gone.warc.gz", "file is missing"),
        ("url", lambda value: value + "x", "address"),
        ("content_digest", lambda value: "sha1:AAAA", "payload digest"),
    ],
)
def test_a_row_that_lies_is_named(tmp_path: Path, table: str, column: str, change, named: str) -> None:  # type: ignore[no-untyped-def]
    collection = small_collection(tmp_path / "c")
    rewrite(collection, table, column, change)
    assert named in mismatches(collection)
    assert f"{table} row for http://news.example/" in mismatches(collection)


def test_a_record_without_a_row_is_named(tmp_path: Path) -> None:
    collection = small_collection(tmp_path / "c")
    warc = writer(collection.archive)
    orphan = warc.write(exchange())
    warc.close()
    assert f"record {orphan.record_id}: no row" in mismatches(collection)


def test_a_second_row_for_one_record_or_version_is_named(tmp_path: Path) -> None:
    collection = small_collection(tmp_path / "c")
    for table in ("captures", "articles"):
        (part,) = (collection.path / "tables" / table).rglob("*.parquet")
        part.with_name("part-again.parquet").write_bytes(part.read_bytes())
    assert "a second row for record" in mismatches(collection)
    assert "a second row for version 1" in mismatches(collection)


@pytest.mark.parametrize("at", [0.2, 0.5, 0.9])
def test_a_flipped_byte_anywhere_is_found(tmp_path: Path, at: float) -> None:
    collection = small_collection(tmp_path / "c")
    (path,) = collection.warc_files()
    data = bytearray(path.read_bytes())
    data[int(len(data) * at)] ^= 0xFF
    path.write_bytes(data)
    assert mismatches(collection)
    assert path.name in mismatches(collection)


def test_a_revisit_of_what_the_collection_does_not_hold_is_named(tmp_path: Path) -> None:
    collection = create_collection(tmp_path / "c")
    lost = Original("http://news.example/ferry", NIGHT, warc_digest(LONG), "<urn:uuid:gone>", "gone.warc.gz", 0, 9)
    warc = writer(collection.archive)
    revisit = warc.write(exchange(response=response(LONG)), lost)
    warc.close()
    collection.captures.publish([revisit.row("c")], "c-1")
    assert revisit.record_type == "revisit"
    assert mismatches(collection).endswith("it refers to <urn:uuid:gone>, which is in no file of the collection")


def test_a_missing_file_is_found(tmp_path: Path) -> None:
    collection = small_collection(tmp_path / "c")
    collection.warc_files()[0].unlink()
    assert mismatches(collection).count("file is missing") == 6
