"""The schema reference is the schema."""

from pathlib import Path

from archive.schema_page import page


def test_the_reference_in_docs_is_made_from_the_schemas() -> None:
    reference = Path(__file__).parents[2] / "docs" / "schema.md"
    assert reference.read_text(encoding="utf-8") == page(), "run: make docs"
