"""Text dumps of other crawlers: 40 synthetic ones of different kinds, each with what a careful reader finds in it."""

import json
import time
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.dump import Cleaned, clean, tidy
from pipelines.dump_files import FileError, texts

DUMPS = Path(__file__).parents[1] / "dumps"


@pytest.mark.parametrize("name", sorted(path.stem for path in DUMPS.glob("*.txt")))
def test_a_dump_says_what_a_careful_reader_finds(name: str) -> None:
    found = clean((DUMPS / f"{name}.txt").read_bytes().decode())
    assert asdict(found) == json.loads((DUMPS / f"{name}.json").read_text(encoding="utf-8"))


BODY = "The ferry called at the pier before noon. It carried twelve horses and a bell for the new church."


PARTS = ["Home", "icon user", "6 Oct, 2023 14:42", "Share", "The", "ferry came.", "minister", "|", "Related", "\n"]


class TestADate:
    @pytest.mark.parametrize(
        ("line", "iso"),
        [
            ("6 Oct, 2023 14:42", "2023-10-06T14:42"),
            ("Published 2 May 2022", "2022-05-02"),
            ("May 2, 2022 1:05 PM", "2022-05-02T13:05"),
            ("12:30 am, 2 May 2022", "2022-05-02T00:30"),
            ("2022-05-02T08:00:01+02:00", "2022-05-02T08:00:01+02:00"),
            ("3. März 2021, 7:05 Uhr", "2021-03-03T07:05"),
            ("1er mai 2020 à 9h30", "2020-05-01T09:30"),
            ("25/12/2020", "2020-12-25"),
            ("12/25/2020", "2020-12-25"),
            ("04.03.2021", "2021-03-04"),
            ("04/03/2021", None),
            ("Updated 2 May 2022", None),
            ("31 February 2022", None),
            ("32 May 2022", None),
            ("2 May 0000", None),
            ("2 May 9999", None),
            ("25 Hours 2022", None),
        ],
    )
    def test_is_as_exact_as_it_is_printed_and_never_guessed(self, line: str, iso: str | None) -> None:
        found = clean(f"The ferry came with a bell\n{line}\n{BODY}\n{BODY[::-1]}. And so on it went for days.")
        assert found.published == iso

    def test_in_a_sentence_is_not_the_articles(self) -> None:
        found = clean("The ferry came with a bell\nThe old bell broke on 2 May 1922 at noon.\nA new one came today by ship.")
        assert found.published is None
        assert found.text == "The old bell broke on 2 May 1922 at noon.\n\nA new one came today by ship."


class TestAText:
    @pytest.mark.parametrize("dump", ["", " \n\t", "\0\0", "Home News Sport", "<svg><title>x</title></svg>"])
    def test_without_prose_says_nothing(self, dump: str) -> None:
        assert clean(dump) == Cleaned()

    def test_that_tells_of_icons_keeps_its_words(self) -> None:
        told = "The iconic silicon plant closed today. Press the search icon, then the Rubicon is crossed, said the lexicon."
        assert clean(f"The plant that everyone knew is gone\n{told}\n{BODY}").text == f"{told}\n\n{BODY}"

    def test_brings_no_markup_and_no_control_characters(self) -> None:
        said = f"{BODY} \u202e&lt;Bells&gt; &amp; horses sang.\x07"
        found = clean(f"<script>alert('x')</script><h1>The bell has come at last</h1><p>{said}</p>")
        assert (found.title, found.text) == ("The bell has come at last", f"{BODY} <Bells> & horses sang.")

    @settings(max_examples=60, deadline=None)
    @given(st.text(max_size=400) | st.lists(st.sampled_from(PARTS), max_size=60).map(" ".join))
    def test_of_any_kind_is_read_and_nothing_is_made_up(self, dump: str) -> None:
        found, words = clean(dump), set(tidy(dump).split())
        for value in (found.title, found.summary, found.text):
            assert value is None or all(any(word in one for one in words) for word in value.split())

    @pytest.mark.parametrize(
        "dump",
        [
            "icon user menu " * 15_000,
            "<script>" * 30_000,
            "6 Oct, 2023 14:42 " * 10_000,
            "The ferry came. " * 12_000,
            ". " * 90_000,
        ],
        ids=["icons", "scripts", "dates", "again and again", "points"],
    )
    def test_however_hostile_is_read_within_five_seconds(self, dump: str) -> None:
        began = time.process_time()
        clean(dump)
        assert time.process_time() - began < 5


class TestFiles:
    def test_of_parquet_and_json_lines_are_read_row_by_row(self, tmp_path: Path) -> None:
        rows = [{"body": BODY, "url": "https://a.example/"}, {"body": None, "url": None}, {"body": "", "url": "x"}]
        pq.write_table(pa.Table.from_pylist(rows * 200), tmp_path / "a.parquet")
        (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(row) for row in rows) + "\n\n[1]\n{\n" + json.dumps({"body": 3}))
        found = list(texts(tmp_path / "a.parquet", "body", ["url"]))
        assert len(found) == 600
        assert [(one.text, one.kept["url"]) for one in found[:3]] == [(row["body"], row["url"]) for row in rows]
        assert len(list(texts(tmp_path, "body"))) == 600
        lines = list(texts(tmp_path / "a.jsonl", "body"))
        assert [one.text for one in lines] == [BODY, None, "", None, None, None]
        assert [str(one.fault).rpartition("a.jsonl, ")[2] for one in lines[3:]] == [
            "line 5: no JSON object; null in its place",
            "line 6: no JSON object; null in its place",
            "line 7: body is no text but int; null in its place",
        ]

    @pytest.mark.parametrize(
        ("name", "content", "said"),
        [
            ("a.txt", bytes(range(256)) * 20, "binary data, no text"),
            ("a.parquet", b"PAR1 or not", "no Parquet file, or a damaged one"),
            (
                "a.jsonl",
                b'{"url": "x", "content": "y"}\n',
                "there is no column 'text'; give one of these with --column: url, content",
            ),
            ("a.jsonl.gz", b"no gzip", "damaged behind line 0 (Not a gzipped file"),
            (None, b"", "cannot be read"),
        ],
    )
    def test_that_cannot_be_read_are_named_with_reason_and_mend(
        self, tmp_path: Path, name: str | None, content: bytes, said: str
    ) -> None:
        path = tmp_path / (name or "gone.txt")
        if name:
            path.write_bytes(content)
        with pytest.raises(FileError) as caught:
            list(texts(path, "text"))
        assert str(path) in str(caught.value)
        assert said in str(caught.value)

    def test_of_text_are_read_in_their_charset(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_bytes("Straße gesperrt, Fähre fährt über Köln und Düsseldorf.".encode("cp1252"))
        (found,) = texts(tmp_path / "a.txt", "text")
        assert found.text and found.text.startswith("Straße gesperrt, Fähre")
