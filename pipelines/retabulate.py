"""After a crash: rows made again from the WARC records that no row points at."""

from __future__ import annotations

import asyncio

from archive.capture import Capture
from archive.http import content, parse_head
from archive.reader import Record, read_record
from pipelines.run import Run, is_page
from pipelines.tabulate import Found
from pipelines.workers import Job, PageLostError, Workers

MAX_HTML = 64 << 20  # bytes of decoded HTML
# response header fields, besides Content-Type, that bear on reading a page
HEADERS = ("x-robots-tag", "content-language", "link")


def job_of_record(record: Record, url: str) -> Job:
    """The page that a response record holds, ready to be read. Raises ValueError if its coding cannot be undone."""
    head = parse_head(record.block)
    fields = {name: value for name in HEADERS if head and (value := head.get(name))}
    return Job(content(record.block, MAX_HTML), url, head.get("content-type") if head else None, fields)


async def retabulate(run: Run, workers: Workers) -> int:
    """Add rows for all captures that crashed crawls left without; returns their number."""
    missing = await asyncio.to_thread(list, run.untabulated())
    for capture in missing:
        run.add_capture(capture)
        if is_page(capture):
            await _read(run, workers, capture)
    batch = run.tabulator.take(everything=True)
    await asyncio.to_thread(run.tabulator.publish, batch)
    await asyncio.to_thread(run.forget_untabulated)
    return len(missing)


async def _read(run: Run, workers: Workers, capture: Capture) -> None:
    try:
        place = capture.original or capture
        if place.offset < 0:
            run.tabulator.settle(capture, "unchanged", f"the same bytes as {place.record_id}")
            return
        record = read_record(run.collection.warc_path(place.filename), place.offset, place.length)
        page = await asyncio.wrap_future(workers.submit(job_of_record(record, capture.url)))
    except PageLostError as lost:
        run.tabulator.settle(capture, lost.state, lost.reason)
    except ValueError as error:
        run.tabulator.settle(capture, "failed", str(error))
    else:
        if row := run.keep(page, capture, Found("archive", capture.via, capture.url), None):
            run.tabulator.add_article(row)
