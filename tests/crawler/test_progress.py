"""What a person at a terminal sees, and what a file gets instead."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from tests.crawling import LOCAL, ROOT, crawl
from tests.newsroom.server import Newsroom


def on_a_terminal(command: list[str]) -> str:
    """Run with a pseudo-terminal as standard error; what was shown there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command, cwd=ROOT, stderr=theirs, stdout=subprocess.DEVNULL, env={**os.environ, "COLUMNS": "120"}
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:  # the other end is closed
        pass
    process.wait(60)
    os.close(ours)
    return shown.decode()


def test_a_terminal_shows_one_line_of_progress_and_log_lines_above_it(tmp_path: Path) -> None:
    settings = [part for name, value in LOCAL.items() for part in ("-s", f"{name}={value}")]
    with Newsroom() as newsroom:
        arguments = ["-a", f"sites={newsroom.front_pages[1]}", "-a", f"collection={tmp_path / 'c'}"]
        shown = on_a_terminal([sys.executable, "-m", "scrapy", "crawl", "news", *arguments, *settings])
    assert re.search(r"\d+ pages · \d+ articles · [\d.]+ pages/s · \d+ queued · \d+ errors", shown)
    assert re.search(r"INFO: Closing spider \(finished\)\s*$", shown, re.MULTILINE)
    assert "finished" in shown


def test_a_file_gets_no_progress(tmp_path: Path) -> None:
    with Newsroom() as newsroom:
        outcome = crawl(tmp_path / "c", sites=newsroom.front_pages[1])
    assert "pages/s" not in outcome.err
    assert "\x1b[" not in outcome.err
