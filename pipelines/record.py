"""From the wire to the archive: each exchange becomes WARC records at once, and a capture that says where they lie."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from archive.capture import Capture
from archive.exchange import Exchange
from archive.originals import Originals
from archive.warc import WarcWriter


class Recorder:
    """Writes what is fetched. ``seconds`` is the time spent in writing so far, ``counts`` the captures, the revisits among them
    and those whose bodies had to be unpacked."""

    def __init__(
        self,
        folder: Path,
        info: Iterable[tuple[str, str]],
        max_bytes: int,
        originals: Originals,
        announce: Callable[[str], None] = lambda name: None,
        *,
        max_seconds: float = math.inf,
    ) -> None:
        self.writer = WarcWriter(folder, info, "broadsheet", max_bytes, announce, max_seconds=max_seconds)
        self.originals = originals
        self.seconds = 0.0
        self.counts: Counter[str] = Counter()

    def record(self, exchange: Exchange) -> Capture:
        """Store one exchange. Raises OSError if the disk refuses; then the exchange is not in the archive."""
        began = time.perf_counter()
        capture = self.writer.write(exchange, self.originals.get(exchange.url))
        self.originals.add(capture)
        self.seconds += time.perf_counter() - began
        self.counts["captures"] += 1
        self.counts["revisits"] += capture.record_type == "revisit"
        self.counts["unpacked"] += capture.unpacked is not None
        return capture

    def record_outlinks(self, capture: Capture, links: Iterable[str]) -> None:
        """Store where a page leads. Raises OSError if the disk refuses."""
        began = time.perf_counter()
        self.writer.write_outlinks(capture, links)
        self.seconds += time.perf_counter() - began

    def sync(self) -> None:
        """Make what is recorded durable; for a thread beside the event loop."""
        written = self.originals.take()
        self.writer.sync()
        self.originals.commit(written)

    def close(self) -> None:
        """Finish the file at hand."""
        self.writer.close()
        self.originals.commit(self.originals.take())
        self.originals.close()
