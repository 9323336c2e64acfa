"""robots.txt as a weapon."""

from tests.newsroom.hostile.case import ARTICLE, Case, moved, reply, story
from tests.newsroom.hostile.packing import deflated_zeros
from tests.wire.server import Reply

TEXT = b"text/plain"
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"


def one(name: str, does: str, robots: Reply, facts: dict[str, object] | None = None, then: str = "", **more: str) -> Case:
    return Case(name, does, {"/page": reply(story(name)), "/robots.txt": robots}, facts or ARTICLE, then, **more)  # type: ignore[arg-type]


def rules(body: bytes) -> Reply:
    return reply(body, media=TEXT)


def letters(number: int) -> bytes:
    return bytes(97 + int(digit) for digit in str(number))


AGENTS = b"".join(b"User-agent: %s\n" % letters(number) for number in range(20_000)) + b"User-agent: *\n"
STARS = b"User-agent: *\nDisallow: /" + b"*a" * 8_000 + b"$\n"
DELAYS = b"User-agent: *\nCrawl-delay: 1e308\nCrawl-delay: nan\nCrawl-delay: -5\nCrawl-delay: 99999999999\n"
LURES = (
    b"Sitemap: file:///etc/passwd\nSitemap: http://127.0.0.3/secret\nSitemap: javascript:alert(1)\nUser-agent: *\nAllow: /\n"
)
CLOSED = "nothing of the host is fetched"

CASES = [
    one("robots-agents", "robots.txt: 20,000 agents that share thousands of rules", rules(AGENTS + b"Disallow: /x\n" * 15_000)),
    one("robots-stars", "robots.txt: a rule of 8,000 wildcards", rules(STARS * 20)),
    one("robots-rules", "robots.txt: 500 KiB of rules", rules(b"User-agent: *\n" + b"Disallow: /*a*b*c$\n" * 27_000)),
    one("robots-garbage", "robots.txt: bytes that mean nothing", rules(bytes(range(256)) * 999)),
    one("robots-delay", "robots.txt: delays of for ever, of no number and of less than nothing", rules(DELAYS), then="`BROADSHEET_CRAWL_DELAY_MAX` holds"),
    one("robots-lures", "robots.txt: sitemaps that are files and private addresses", rules(LURES), then="nothing there is asked for"),
    one("robots-endless", "robots.txt that never ends", Reply((PLAIN, *[b"# and on and on\n" * 5_000] * 2_000), "close"), {"content_truncated": ("length", "time")}, CLOSED, at="/robots.txt"),
    one("robots-bomb", "robots.txt: a gzip bomb", reply(deflated_zeros(512, 31), b"Content-Encoding: gzip\r\n", TEXT), {"fetch_status": 200}, CLOSED, at="/robots.txt"),
    one("robots-circles", "robots.txt that redirects to itself", moved(b"/robots.txt")),
    one("robots-within", "robots.txt that redirects to a private address", moved(b"http://127.0.0.3/secret"), {"fetch_status": 302}, CLOSED, at="/robots.txt"),
]  # fmt: skip
