"""After a crash: rows made again from the WARC records that no row points at."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial

from archive.capture import Capture
from archive.reader import Record, RecordError
from archive.record import Original
from pipelines.reading import Reading
from pipelines.run import Run
from pipelines.workers import Workers


async def retabulate(run: Run, workers: Workers) -> int:
    """Add rows for all captures that crashed crawls left without; returns their number."""
    return await asyncio.to_thread(_retabulate, run, workers)


def _retabulate(run: Run, workers: Workers) -> int:
    with suppress(OSError):
        run.sites.catch_up()
    reading, count = Reading(run, workers), 0
    for count, capture in enumerate(run.untabulated(), 1):  # noqa: B007
        with suppress(RecordError):
            reading.look(capture, partial(_record, run, capture))
            if capture.status and capture.status >= 400:
                run.note_obstacle(capture, _record(run, capture).block)
        run.add_capture(capture)
        if run.is_page(capture):
            _read(run, reading, capture)
    reading.finish()
    run.tabulator.publish(run.tabulator.take())
    run.forget_untabulated()
    run.counts.clear()
    return count


def _record(run: Run, place: Capture | Original) -> Record:
    return run.collection.read_record(place.filename, place.offset, place.length)


def _read(run: Run, reading: Reading, capture: Capture) -> None:
    place = capture.original or capture
    if place.offset < 0:
        run.settle(capture, "unchanged", f"the same bytes as {place.record_id}")
        return
    try:
        record = _record(run, place)
    except RecordError as error:
        run.settle(capture, "failed", str(error))
    else:
        reading.add(capture, record)
