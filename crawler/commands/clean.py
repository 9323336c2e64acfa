"""``scrapy clean FILE…``: headline, date, summary and body out of texts that another crawler left, one JSON line a text."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

if TYPE_CHECKING:
    from pipelines.dump_files import Text


class Command(ScrapyCommand):
    """Find the article in texts without HTML, where sprites and menus run before it."""

    requires_project = True
    default_settings: ClassVar[dict[str, Any]] = {"LOG_ENABLED": False}

    def syntax(self) -> str:
        """How it is called."""
        return "[options] <file> ..."

    def short_desc(self) -> str:
        """What it does."""
        return "Find headline, date, summary and body in texts that another crawler left"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Options."""
        super().add_options(parser)
        parser.add_argument(
            "--column", default="text", metavar="NAME", help="column of Parquet files and JSON lines that has the texts (text)"
        )
        parser.add_argument(
            "--keep", default="", metavar="NAMES", help="columns to print beside what is found, parted by commas: --keep url,id"
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Exit code 0 if all files were read, 1 if one could not be, or not to its end."""
        from pipelines.dump_files import FileError, texts  # noqa: PLC0415 - Scrapy loads all commands whenever it runs one

        if not args:
            raise UsageError("give files: texts, or Parquet or JSON lines with --column NAME", print_help=False)
        keep = [name.strip() for name in opts.keep.split(",") if name.strip()]
        for name in args:
            try:
                _print(texts(Path(name), opts.column, keep))
            except FileError as error:
                print(error, file=sys.stderr)
                self.exitcode = 1
            except BrokenPipeError:  # whoever reads has seen enough
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                return


def _print(found: Iterable[Text]) -> None:
    from pipelines.dump import MOST, clean  # noqa: PLC0415

    for one in found:
        if one.fault:
            print(one.fault, file=sys.stderr)
        if one.text and len(one.text) > MOST:
            print(f"a text of {len(one.text):,} characters: its first {MOST:,} are read", file=sys.stderr)
        print(json.dumps(one.kept | asdict(clean(one.text or "")), ensure_ascii=False, default=str))
    sys.stdout.flush()
