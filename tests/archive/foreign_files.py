"""Archive files as other programs write them: Heritrix, wget, Browsertrix, Common Crawl News, the crawlers of the ARC years."""

import gzip
import io
import zipfile
from pathlib import Path

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from tests.pipelines.pages import page

URL = "https://news.example/timber"
DATE = "2024-05-06T07:08:09Z"


class Maker:
    """A WARC file that warcio writes."""

    def __init__(self, path: Path, *, packed: bool = True, version: str = "1.0") -> None:
        self.path = path
        self._file = path.open("wb")
        self._writer = WARCWriter(self._file, gzip=packed, warc_version=version)

    def response(
        self,
        url: str = URL,
        body: bytes | None = None,
        *,
        status: str = "200 OK",
        protocol: str = "HTTP/1.1",
        headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/html; charset=utf-8"),),
        **fields: str,
    ) -> str:
        """Write a response; its id. ``fields`` are WARC header fields, with underscores for hyphens."""
        return self.record("response", url, page() if body is None else body, (status, list(headers), protocol), **fields)

    def record(
        self, kind: str, url: str, body: bytes, http: tuple[str, list[tuple[str, str]], str] | None, **fields: str
    ) -> str:
        """Write any record; its id."""
        named = {name.replace("_", "-"): value for name, value in ({"WARC_Date": DATE} | fields).items()}
        content_type = named.pop("Content-Type", None)
        head = StatusAndHeaders(http[0], http[1], protocol=http[2], is_http_request=kind == "request") if http else None
        made = self._writer.create_warc_record(
            url,
            kind,
            payload=io.BytesIO(body),
            http_headers=head,
            warc_headers_dict=named,
            warc_content_type=content_type or "",
        )
        self._writer.write_record(made)
        return str(made.rec_headers.get_header("WARC-Record-ID"))

    def request(self, url: str = URL, **fields: str) -> str:
        """Write a request; its id."""
        return self.record("request", url, b"", ("GET /timber HTTP/1.1", [("Host", "news.example")], ""), **fields)

    def info(self) -> None:
        """Write a warcinfo record."""
        self._writer.write_record(self._writer.create_warcinfo_record(self.path.name, {"software": "other"}))

    def close(self) -> Path:
        """Finish; the file."""
        self._file.close()
        return self.path


def chunked(body: bytes) -> bytes:
    """A body in two chunks."""
    half = len(body) // 2
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:half], body[half:])) + b"0\r\n\r\n"


def heritrix(path: Path) -> Path:
    """Response, request, metadata; chunked and gzipped as on the wire; a robots.txt and a DNS answer before."""
    warc = Maker(path)
    warc.info()
    warc.record("response", "dns:news.example", b"20240506\nnews.example. 60 IN A 192.0.2.7\n", None, Content_Type="text/dns")
    warc.response("https://news.example/robots.txt", b"User-agent: *\n", headers=(("Content-Type", "text/plain"),))
    wire = (("Content-Type", "text/html"), ("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked"))
    answer = warc.response(body=chunked(gzip.compress(page())), headers=wire, WARC_IP_Address="192.0.2.7")
    warc.request(WARC_Concurrent_To=answer)
    note = b"via: https://news.example/\r\nhopsFromSeed: L\r\nfetchTimeMs: 123\r\n"
    warc.record("metadata", URL, note, None, WARC_Concurrent_To=answer, Content_Type="application/warc-fields")
    return warc.close()


def browsertrix(path: Path) -> Path:
    """Decoded bodies whose heads say x-orig-…, page ids, texts and screenshots as resources, WARC 1.1."""
    warc = Maker(path, version="1.1")
    warc.info()
    ids = {"WARC_Page_ID": "4d1f2d0c-0000-4000-8000-000000000001", "WARC_Protocol": "h2", "WARC_Resource_Type": "document"}
    heads = (
        ("content-type", "text/html"),
        ("x-orig-content-encoding", "br"),
        ("x-orig-transfer-encoding", "chunked"),
        ("Content-Length", str(len(page()))),
    )
    answer = warc.response(status="200", headers=heads, WARC_Date="2024-05-06T07:08:09.123Z", **ids)
    warc.request(WARC_Concurrent_To=answer)
    warc.record("resource", f"urn:text:{URL}", b"Timber boats", None, Content_Type="text/plain")
    warc.record("resource", f"urn:pageinfo:{URL}", b"{}", None, Content_Type="application/json")
    return warc.close()


def cc_news(path: Path) -> Path:
    """The request first, and the answer's fields renamed where its body was decoded."""
    warc = Maker(path)
    warc.info()
    request = warc.request()
    heads = (("Content-Type", "text/html"), ("X-Crawl-Content-Encoding", "gzip"), ("Content-Length", str(len(page()))))
    warc.response(headers=heads, WARC_Concurrent_To=request, WARC_IP_Address="192.0.2.7")
    return warc.close()


def uncompressed(path: Path) -> Path:
    """No gzip, a raw HTTP/2 status line, and the address in angle brackets, as wget has it."""
    warc = Maker(path, packed=False)
    warc.info()
    warc.response(f"<{URL}>", status="200", protocol="HTTP/2")
    return warc.close()


def arc_bytes(*, packed: bool, second_version: bool = False) -> bytes:
    """An ARC file with a page and a picture."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + page()
    picture = b"HTTP/1.1 200 OK\r\nContent-Type: image/gif\r\n\r\nGIF89a"
    about = b"2 0 Alexa\nURL IP-address Archive-date\n" if second_version else b"1 0 Alexa\nURL IP-address Archive-date\n"
    middle = b" 200 - - 0 x.arc" if second_version else b""
    records = [
        b"filedesc://x.arc 0.0.0.0 20240506070809 text/plain%s %d\n%s\n" % (middle, len(about), about),
        b"%s 192.0.2.7 20240506070809 text/html%s %d\n%s\n" % (URL.encode(), middle, len(answer), answer),
        b"https://news.example/x.gif 192.0.2.7 20240506070810 image/gif%s %d\n%s\n" % (middle, len(picture), picture),
    ]
    return b"".join(gzip.compress(record) if packed else record for record in records)


def arc(path: Path) -> Path:
    """An ARC file, gzipped if its name says so."""
    path.write_bytes(arc_bytes(packed=path.suffix == ".gz", second_version="2" in path.name))
    return path


def wacz(path: Path, method: int = zipfile.ZIP_STORED, name: str = "archive/data.warc.gz") -> Path:
    """A WACZ around a Browsertrix-like WARC."""
    inner = browsertrix(path.with_suffix(".tmp"))
    with zipfile.ZipFile(path, "w", method) as packed:
        packed.writestr("datapackage.json", "{}")
        packed.writestr(name, inner.read_bytes())
        packed.writestr("pages/pages.jsonl", "{}\n")
    inner.unlink()
    return path


STYLES = {
    "heritrix.warc.gz": heritrix,
    "browsertrix.warc.gz": browsertrix,
    "cc-news.warc.gz": cc_news,
    "plain.warc": uncompressed,
    "old.arc": arc,
    "old.arc.gz": arc,
    "v2.arc.gz": arc,
    "crawl.wacz": wacz,
}
