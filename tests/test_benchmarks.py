"""The benchmarks run: what nobody measures for a while must not break unseen."""

import gzip
import json
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from benchmarks import extraction, frontier

STORY = "The ferry left the harbour at dawn, and with it went the last of those who had waited through the night. " * 9


def test_the_frontiers_pushes_and_pops_and_fills_a_queue_and_a_seen_set(tmp_path: Path) -> None:
    for name in ("turns", "queue", "seen"):
        (tmp_path / name).mkdir()
    assert frontier.turns(tmp_path / "turns", 3, 30)["rate"] > 0
    assert frontier.full_queue(tmp_path / "queue", 5, 1_100)["bytes"] > 0
    assert frontier.seen_set(tmp_path / "seen", 200)["rate"] > 0


def test_the_extractions_reads_any_corpus_keeps_its_figures_and_is_a_gate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = f"<html><body><nav><a href=/>Home</a></nav><article><h1>Dawn ferry</h1><p>{STORY}</p></article></body></html>"
    (tmp_path / "page.html.gz").write_bytes(gzip.compress(page.encode()))
    gold = {"id": "1", "dataset": "made-up", "url": "https://news.example/dawn", "file": "page.html.gz", "text": STORY}
    (tmp_path / "gold.jsonl").write_text(json.dumps(gold | {"title": "Dawn ferry"}) + "\n")
    figures = tmp_path / "figures.json"

    def run(*options: str) -> str:
        monkeypatch.setattr(sys, "argv", ["extraction", str(tmp_path), *options])
        with suppress(SystemExit):
            extraction.main()
        return capsys.readouterr().out

    assert "made-up" in run("--json", str(figures))
    assert "nothing is worse" in run("--gate", str(figures))
    kept = json.loads(figures.read_text())
    kept["table"]["all"]["title"] = 1.5
    figures.write_text(json.dumps(kept))
    assert "WORSE" in run("--gate", str(figures))
