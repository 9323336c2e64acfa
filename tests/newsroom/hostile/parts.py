"""What a page loads, as a weapon: stylesheets, frames, pictures."""

from tests.newsroom.hostile.case import ARTICLE, PORT, Case, reply, story
from tests.wire.server import Reply

CSS, PNG = b"text/css", b"image/png"
SHEET = "<link rel=stylesheet href=/a.css>"
FRAME = "<iframe src=/frame></iframe>"


def one(
    name: str, does: str, more: str, replies: dict[str, Reply] | None = None, then: str = "", unasked: tuple[str, ...] = ()
) -> Case:
    return Case(
        name, does, {"/page": reply(story(name.replace("-", " "), more)), **(replies or {})}, ARTICLE, then, unasked=unasked
    )


def sheet(body: bytes) -> dict[str, Reply]:
    return {"/a.css": reply(body, media=CSS)}


CHAIN = {f"/chain-{n}.css": reply(b"@import '/chain-%d.css';" % (n + 1), media=CSS) for n in range(1, 12)}
NESTED = {"/frame": reply(b"<iframe src=/frame></iframe><iframe src=/frame?1></iframe>")}
ENDLESS = Reply((b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n", *[b"\x89PNG" * 16_000] * 2_000), "close")
LURES = "".join(
    f"<img src='{link}'>" for link in ("file:///etc/passwd", "http://127.0.0.3:{PORT}/secret", "http://[::ffff:7f00:3]:{PORT}/")
)

CASES = [
    one("css-itself", "a stylesheet that imports itself", SHEET, sheet(b"@import '/a.css'; @import 'a.css';")),
    one("css-chain", "a stylesheet that imports one that imports one …", SHEET, sheet(b"@import '/chain-1.css';") | CHAIN, "three deep, no more", ("/chain-5.css",)),
    one("css-flood", "a stylesheet with 100,000 addresses, all the same", SHEET, sheet(b"a{background:url(/x.png)}" * 100_000)),
    one("css-escapes", "a stylesheet with 30,000 addresses of escapes", SHEET, sheet(b"a{background:url(\\2f \\78)}" * 30_000)),
    one("css-open", "a stylesheet of a million brackets that never close", SHEET, sheet(b"url(" * 500_000)),
    one("css-quotes", "a stylesheet of a million quotation marks", SHEET, sheet(b"\"'" * 1_000_000)),
    one("css-lures", "a stylesheet that loads from within", SHEET, sheet(b"a{background:url(http://127.0.0.3:%s/secret)} @import 'file:///etc/passwd';" % PORT), "nothing there is connected to"),
    one("frame-itself", "a frame that shows itself twice", FRAME, NESTED),
    one("frame-tags", "a frame of 900,000 tags", FRAME, {"/frame": reply(b"<br>" * 900_000)}),
    one("picture-endless", "a picture that never ends", "<img src=/a.png>", {"/a.png": ENDLESS}, "cut at `BROADSHEET_REQUISITE_MAXSIZE`"),
    one("picture-lures", "pictures that are files and private addresses", LURES, then="nothing there is connected to"),
    one("picture-sizes", "a picture in 100,000 sizes", "<img srcset='" + "/a.png 1x, " * 100_000 + "'>", {"/a.png": reply(b"\x89PNG", media=PNG)}),
]  # fmt: skip
