"""Feeds and sitemaps that mean harm."""

from tests.newsroom.hostile.case import PORT, Case, reply, story
from tests.newsroom.hostile.packing import deflated_zeros
from tests.wire.server import Reply

RSS, XML = b"application/rss+xml", b"application/xml"
READ = {"fetch_status": 200}
ITEM = b"<item><title>A story</title><link>/story</link></item>"
ENTITIES = b'<!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;">]>'
LURES = b"".join(
    b"<item><link>%s</link></item>" % link
    for link in (b"file:///etc/passwd", b"javascript:alert(1)", b"data:text/html,x", b"http://127.0.0.3:" + PORT + b"/secret")
)


def feed(name: str, does: str, body: bytes, then: str = "", media: bytes = RSS, **replies: Reply) -> Case:
    given = {"/page": reply(body, media=media), "/story": reply(story(name))}
    return Case(name, does, given, READ, then, kind="feed")


def sitemap(name: str, does: str, body: bytes | Reply, then: str = "", more: dict[str, Reply] | None = None) -> Case:
    first = body if isinstance(body, Reply) else reply(body, media=XML)
    return Case(name, does, {"/page": first, "/story": reply(story(name)), **(more or {})}, READ, then, kind="sitemap")


def index(*names: bytes) -> bytes:
    return b"<sitemapindex>%s</sitemapindex>" % b"".join(b"<sitemap><loc>%s</loc></sitemap>" % name for name in names)


def site(name: str) -> bytes:
    return b"http://%s.hostile.test:%s" % (name.encode(), PORT)


CHAIN = {f"/map-{n}.xml": reply(index(site("sitemap-chain") + b"/map-%d.xml" % (n + 1)), media=XML) for n in range(1, 30)}
ATTRIBUTES = b" ".join(b'a%d="b"' % number for number in range(50_000))
ENDLESS = Reply(
    (b"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\n\r\n<rss><channel>", *[ITEM * 1_000] * 2_000), "close"
)

CASES = [
    feed("feed-laughs", "a feed whose entities double (billion laughs)", ENTITIES + b"<rss><channel><item><link>/story?&c;</link></item></channel></rss>", "nothing is expanded"),
    feed("feed-xxe", "a feed whose entity is /etc/passwd", b'<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><channel><title>&x;</title>%s</channel></rss>' % ITEM, "no file is read"),
    feed("feed-dtd", "a feed whose document type lies within", b'<!DOCTYPE rss SYSTEM "http://127.0.0.3:%s/secret"><rss><channel>%s</channel></rss>' % (PORT, ITEM), "nothing there is connected to"),
    feed("feed-attributes", "a feed with 50,000 attributes on one element", b"<rss><channel %s>%s</channel></rss>" % (ATTRIBUTES, ITEM)),
    feed("feed-deep", "a feed nested 100,000 deep", b"<rss><channel>" + b"<a>" * 100_000 + ITEM),
    feed("feed-ampersands", "a feed of 200,000 ampersands", b"<rss><channel><item><title>" + b"&" * 200_000 + b"</title><link>/story</link></item>"),
    feed("feed-lures", "a feed of files, scripts and private addresses", b"<rss><channel>%s%s</channel></rss>" % (LURES, ITEM), "nothing of it is asked for"),
    feed("feed-json", "a JSON feed nested a million deep", b"[" * 1_000_000, media=b"application/json"),
    Case("feed-endless", "a feed that never ends", {"/page": ENDLESS}, {"content_truncated": ("length", "time")}, kind="feed"),
    feed("feed-html", "a consent page in place of a feed", b"<!doctype html><html><body>Accept?</body></html>"),
    sitemap("sitemap-bomb", "a sitemap of 512 MiB in half a megabyte of gzip", reply(deflated_zeros(512, 31), media=b"application/gzip"), "reading ends at 60 MB"),
    sitemap("sitemap-laughs", "a sitemap whose entities double", ENTITIES + b"<urlset><url><loc>/story?&c;</loc></url></urlset>"),
    sitemap("sitemap-itself", "an index that names itself", index(site("sitemap-itself") + b"/page", b"/page")),
    sitemap("sitemap-chain", "an index that names an index that names an index …", index(site("sitemap-chain") + b"/map-1.xml"), more=CHAIN),
    sitemap("sitemap-lures", "a sitemap of files and private addresses", b"<urlset>" + b"".join(b"<url><loc>%s</loc></url>" % link for link in (b"file:///etc/passwd", b"http://127.0.0.3:%s/secret" % PORT, b"http://[::1]/", b"//127.0.0.3/")) + b"</urlset>", "nothing there is connected to"),
    sitemap("sitemap-entries", "a sitemap of 5,000 entries for one address", b"<urlset>" + b"<url><loc>/story</loc></url>" * 5_000 + b"</urlset>"),
]  # fmt: skip
