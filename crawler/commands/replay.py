"""``scrapy replay COLLECTION``: look at an archive in the browser, the sites themselves left alone."""

from __future__ import annotations

import argparse
import time
import webbrowser
from pathlib import Path
from typing import Any, ClassVar

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from archive.collection import Collection, CollectionError, open_collection
from archive.pack import Options, pack
from archive.player import PlayerError, ReplayServer, fetch_player, player_folder
from archive.removal import ensure_whole
from archive.wacz import WaczError

_PLAYED = (".wacz", ".warc", ".warc.gz", ".json", ".har")


class Command(ScrapyCommand):
    """Serve the player and an archive on this machine, and open a browser."""

    requires_project = True
    default_settings: ClassVar[dict[str, Any]] = {"LOG_ENABLED": False}

    def syntax(self) -> str:
        """How it is called."""
        return "[options] <collection | file.wacz | file.warc.gz> | --fetch-player"

    def short_desc(self) -> str:
        """What it does."""
        return "Look at a collection, a WACZ or a WARC file in the browser"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Options."""
        super().add_options(parser)
        parser.add_argument("--fetch-player", action="store_true", help="get the player (ReplayWeb.page) with npm, once")
        parser.add_argument("--url", help="show this page at once")
        parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: any free one)")
        parser.add_argument("--no-open", action="store_true", help="print the address and open no browser")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Serve until Ctrl-C."""
        try:
            if opts.fetch_player:
                print(f"The player is in {fetch_player()}")
                return
            if len(args) != 1:
                raise UsageError("give one collection or file, e.g. scrapy replay collections/news", print_help=False)
            player, file = player_folder(), _playable(Path(args[0]))
            server = ReplayServer(player, {file.name: file}, opts.port)
        except (CollectionError, PlayerError, WaczError) as error:
            raise UsageError(str(error), print_help=False) from None
        except OSError as error:
            raise UsageError(f"{error.filename or f'port {opts.port}'}: {error.strerror}", print_help=False) from None
        with server:
            address = server.page(file.name, opts.url)
            print(f"{file} can be seen at\n  {address}\nCtrl-C ends it.", flush=True)
            if not opts.no_open:
                webbrowser.open(address)
            try:
                while True:
                    time.sleep(3600)
            except KeyboardInterrupt:
                print("\nEnded.")


def _playable(path: Path) -> Path:
    """The file to be played: the one given, or a package of the collection, made anew if the collection has changed."""
    if path.is_file():
        if not path.name.endswith(_PLAYED):
            raise CollectionError(f"{path}: the player reads {', '.join(_PLAYED)} files; give one of these, or a collection")
        return path.resolve()
    collection = open_collection(path)
    ensure_whole(collection)
    out = collection.path.resolve() / "state" / f"{collection.path.resolve().name}.wacz"
    if not out.exists() or out.stat().st_mtime < _changed(collection):
        with Progress(
            TextColumn("{task.description}"), BarColumn(), DownloadColumn(), console=Console(stderr=True), transient=True
        ) as progress:
            task = progress.add_task("packing", total=sum(one.stat().st_size for one in collection.warc_files()))
            # for whoever keeps the collection: what is withheld from others is seen here
            pack(collection, out, Options(force=True, policy="record", tick=lambda size: progress.advance(task, size)))
    return out


def _changed(collection: Collection) -> float:
    """When a collection last changed."""
    return max((path.stat().st_mtime for path in [*collection.warc_files(), collection.index] if path.exists()), default=0.0)
