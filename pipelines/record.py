"""From the wire to the archive: each exchange becomes WARC records at once, and a capture that says where they lie."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from archive.capture import Capture
from archive.exchange import Exchange
from archive.warc import WarcWriter


class Recorder:
    """Writes what is fetched. ``seconds`` is the time spent in writing so far."""

    def __init__(self, folder: Path, info: Iterable[tuple[str, str]], prefix: str, max_bytes: int) -> None:
        self.writer = WarcWriter(folder, info, prefix, max_bytes)
        self.seconds = 0.0
        self.count = 0

    def record(self, exchange: Exchange) -> Capture:
        """Store one exchange. Raises OSError if the disk refuses; then the exchange is not in the archive."""
        began = time.perf_counter()
        capture = self.writer.write(exchange)
        self.seconds += time.perf_counter() - began
        self.count += 1
        return capture

    def sync(self) -> None:
        """Make what is recorded durable; for a thread beside the event loop."""
        self.writer.sync()

    def close(self) -> None:
        """Finish the file at hand."""
        self.writer.close()
