"""Folders that are collections, and those that are not."""

from pathlib import Path

import pytest

from archive.collection import CollectionError, create_collection, open_collection


def test_a_missing_or_empty_folder_becomes_a_collection(tmp_path: Path) -> None:
    made = create_collection(tmp_path / "new" / "deep")
    (tmp_path / "empty").mkdir()
    create_collection(tmp_path / "empty")
    assert made.archive.is_dir() and made.articles.folder.is_dir() and made.captures.folder.is_dir()
    assert open_collection(made.path) == create_collection(made.path) == made


def test_a_collection_of_another_version_is_left_alone(tmp_path: Path) -> None:
    collection = create_collection(tmp_path / "c")
    marker = collection.path / "collection.json"
    marker.write_text(marker.read_text().replace('"format_version": 1', '"format_version": 99'))
    for attempt in (open_collection, create_collection):
        with pytest.raises(CollectionError, match="format version 99, and this Broadsheet reads and writes version 1"):
            attempt(collection.path)


def test_a_folder_with_other_things_in_it_is_no_collection(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("do not touch")
    with pytest.raises(CollectionError, match="not a collection"):
        create_collection(tmp_path)


def test_a_damaged_marker_is_named(tmp_path: Path) -> None:
    collection = create_collection(tmp_path / "c")
    (collection.path / "collection.json").write_text("{")
    with pytest.raises(CollectionError, match=r"collection\.json: cannot be read"):
        open_collection(collection.path)


def test_a_missing_collection_and_a_file_in_the_way_are_named(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match="no such collection"):
        open_collection(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(CollectionError, match="a file is in the way"):
        create_collection(tmp_path / "file")
