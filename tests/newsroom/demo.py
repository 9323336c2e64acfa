"""``make demo``: serve the sample newsroom on loopback, crawl it, and show what was found and where it lies."""

import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.compute as pc
from rich import box
from rich.console import Console
from rich.table import Table

import archive

from .server import Newsroom

COLLECTION = Path("collections/demo")  # made anew by every demo
SETTINGS = {
    "BROADSHEET_ALLOW_PRIVATE": "127.0.0.0/8",
    "BROADSHEET_HOSTS": "*.test=127.0.0.1",
    "DOWNLOAD_DELAY": "0",
    "BROADSHEET_REQUISITES": "full",
}


def main() -> int:
    """Crawl, show, verify, audit; the exit code is the first that is not 0."""
    console = Console()
    shutil.rmtree(COLLECTION, ignore_errors=True)
    with Newsroom() as newsroom:
        console.print(f"The sample newsroom: three sites on 127.0.0.1:{newsroom.port}\n")
        code = scrapy("crawl", "news", "-a", f"sites={','.join(newsroom.front_pages)}", "-a", f"collection={COLLECTION}")
    if code == 0:
        show(console)
        code = scrapy("verify", str(COLLECTION)) or scrapy("audit", str(COLLECTION))
    if code == 0:
        print(f"Look at the pages as they were, the newsroom gone:  make player && .venv/bin/scrapy replay {COLLECTION}")
    return code


def scrapy(*arguments: str) -> int:
    """Run a Scrapy command as a person would, and show it."""
    settings = [part for name, value in SETTINGS.items() for part in ("-s", f"{name}={value}")]
    print("$ scrapy", *arguments, *(settings if arguments[0] == "crawl" else []), flush=True)
    options = settings if arguments[0] == "crawl" else []
    return subprocess.run([sys.executable, "-m", "scrapy", *arguments, *options], check=False).returncode


def show(console: Console) -> None:
    """A few rows, each with its record, and the folders."""
    columns = ["title", "language", "published_at", "authors", "warc_record_offset", "warc_record_length"]
    articles = archive.open_articles(COLLECTION).to_table(columns=columns)
    newest = articles.take(pc.sort_indices(articles, [("published_at", "descending")]))[:12]
    table = Table(title=f"{len(articles)} articles, the newest", title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0))
    for name, width in (("title", 27), ("lang", 4), ("published", 10), ("authors", 14), ("offset+length", 13)):
        table.add_column(name, width=width, no_wrap=True)
    for row in newest.to_pylist():
        published = f"{row['published_at']:%Y-%m-%d}" if row["published_at"] else ""
        authors = ", ".join(author["name"] for author in row["authors"])
        place = f"{row['warc_record_offset']}+{row['warc_record_length']}"
        table.add_row(row["title"], row["language"], published, authors, place)
    console.print(table)
    for path in sorted(COLLECTION.rglob("*")):
        if path.is_file():
            console.print(f"  {path}  {path.stat().st_size:,} bytes", highlight=False, soft_wrap=True)
    console.print()


if __name__ == "__main__":
    sys.exit(main())
