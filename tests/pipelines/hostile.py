"""An extractor that does to its worker what the worst pages do; the address says which."""

import os
import signal
import time

from pipelines.article import Page

_HOARD: list[bytearray] = []


def read(html: bytes, url: str, *, content_type: str | None = None, headers: dict[str, str] | None = None) -> Page:
    """Do what the last part of ``url`` says."""
    match url.rpartition("/")[2]:
        case "hang":
            time.sleep(60)
        case "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "exit":
            os._exit(3)
        case "raise":
            raise RuntimeError("what a page this is")
        case "memory":
            return Page("not_article", str(len(bytearray(300 << 20))))
        case "hoard":
            _HOARD.append(bytearray(150 << 20))
    return Page("not_article", f"{len(html)} bytes, worker {os.getpid()}")
