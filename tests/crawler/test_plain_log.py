"""Nobody else writes our log."""

import io
import logging
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.plain_log import PlainFormatter, PlainLog, plain, show


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("a page\n2026-01-01 [root] ERROR: forged", "a page\n    2026-01-01 [root] ERROR: forged"),
        ("a\rb", "a\\rb"),
        ("\x1b]0;title\x07\x1b[2J", "\\x1b]0;title\\x07\\x1b[2J"),
        ("safe\u202egnp.exe", "safe\\u202egnp.exe"),
        ("a\u2028b\x85c\x7f", "a\\u2028b\\x85c\\x7f"),
        ("GET http://me:hush@a.test/x@y failed", "GET http://redacted@a.test/x@y failed"),
        ("via http://hush@proxy.test:3128", "via http://redacted@proxy.test:3128"),
        ("https://a.test/?mail=me@b.test", "https://a.test/?mail=me@b.test"),
        ("Größe\tميناء 港", "Größe\tميناء 港"),
        (
            "<GET http://me:p@ss@a.example/b@c> at https://me@b.example:8/",
            "<GET http://redacted@a.example/b@c> at https://redacted@b.example:8/",
        ),
        ("write to desk@a.example", "write to desk@a.example"),
    ],
)
def test_control_characters_are_spelt_out_and_further_lines_indented(said: str, shown: str) -> None:
    assert plain(said) == shown


@given(st.text())
def test_every_line_but_the_first_is_indented(said: str) -> None:
    assert all(line.startswith("    ") for line in plain(said).splitlines()[1:])


def test_tracebacks_are_not_spared() -> None:
    try:
        raise ValueError("odd\n2026-01-01 [root] ERROR: forged")
    except ValueError:
        record = logging.LogRecord("a", logging.ERROR, "", 0, "failed: %s", ("\x1b[31m",), sys.exc_info())
    lines = PlainFormatter(logging.Formatter("%(levelname)s: %(message)s")).format(record).split("\n")
    assert lines[0] == "ERROR: failed: \\x1b[31m"
    assert all(line.startswith("    ") for line in lines[1:])
    assert "    2026-01-01 [root] ERROR: forged" in lines


def test_whatever_writes_to_the_crawls_log_writes_plain_lines() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.root.addHandler(handler)
    kept = [(other, other.formatter) for other in logging.root.handlers]
    try:
        PlainLog().spider_opened()
        logging.getLogger("anybody").error("said: %s", "\x1b[2J\nforged")
    finally:
        logging.root.removeHandler(handler)
        for other, formatter in kept:
            other.setFormatter(formatter)
    assert stream.getvalue() == "said: \\x1b[2J\n    forged\n"


def test_reports_are_printed_a_line_at_a_time_and_plain(capsys: pytest.CaptureFixture[str]) -> None:
    show(["2 articles", "    \x1b[2Jhttp://a.example/\n2 articles forged", "  Größe"])
    assert capsys.readouterr().out == "2 articles\n    \\x1b[2Jhttp://a.example/\n    2 articles forged\n  Größe\n"
