"""``scrapy clean``: one JSON line a text, and a word about what could not be read."""

import json
from pathlib import Path

from tests.crawling import ROOT, scrapy


def test_prints_a_json_line_a_text_and_names_files_that_it_cannot_read(tmp_path: Path) -> None:
    dump = ROOT / "tests" / "dumps" / "01-sprites-one-line.txt"
    rows = [{"raw": dump.read_text(), "url": "https://a.example/"}, {"raw": None, "url": None}]
    (tmp_path / "dumps.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    told = scrapy(
        "clean", str(dump), str(tmp_path / "binary"), str(tmp_path / "dumps.jsonl"), "--column", "raw", "--keep", "url"
    )
    expected = json.loads(dump.with_suffix(".json").read_text())
    nothing = dict.fromkeys(expected)
    assert [json.loads(line) for line in told.out.splitlines()] == [
        expected, {"url": "https://a.example/"} | expected, {"url": None} | nothing,
    ]  # fmt: skip
    assert told.code == 1
    assert told.err.startswith(f"{tmp_path}/binary: binary data, no text")
    assert "Traceback" not in told.err
