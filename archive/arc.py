"""ARC, the format before WARC: a record's one header line, and the WARC fields that say the same."""

from __future__ import annotations

import re
import uuid

from archive.digest import warc_digest
from archive.reader import instant

Fields = tuple[tuple[str, str], ...]

# ARC (https://archive.org/web/researcher/ArcFileFormat.php): URL, IP, date, type, then in version 2 status, checksum, location,
# offset and file name, at last the length
ARC_LINE = re.compile(
    rb"([a-z][a-z0-9+.-]*:\S[^\r\n]*?) (\S+) (\d{14,17}) ([^ \r\n]*)(?: (?:\d{3}|-) \S+ \S+ \d+ \S+)? (\d{1,18})\r?\n"
)
_UNKNOWN = frozenset({"0.0.0.0", "-"})  # noqa: S104


def arc_fields(line: re.Match[bytes], block: bytes) -> Fields:
    """The WARC fields of a record whose header line ``ARC_LINE`` matched. Raises ValueError if its date is none."""
    address, ip, digits, media_type, size = (part.decode("utf-8", "replace") for part in line.groups())
    date = f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}T{digits[8:10]}:{digits[10:12]}:{digits[12:14]}Z"
    instant(date)
    if address.startswith("filedesc:"):
        kind = "warcinfo"
    else:
        kind = "response" if address.startswith(("http:", "https:")) else "resource"
    fields = [
        ("WARC-Type", kind),
        ("WARC-Target-URI", address),
        ("WARC-Date", date),
        ("WARC-Record-ID", derived_id(kind, address, date, block)),
        ("Content-Type", "application/http;msgtype=response" if kind == "response" else media_type),
        ("Content-Length", size),
    ]
    return tuple(fields if ip in _UNKNOWN else [*fields, ("WARC-IP-Address", ip)])


def derived_id(kind: str, address: str, date: str, block: bytes) -> str:
    """The id of a record that has none: a UUID (version 5) of its type, address, date and block, the same at every reading."""
    return f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{kind} {address} {date} {warc_digest(block)}')}>"
