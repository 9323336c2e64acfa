"""Redirects and addresses that lead in circles, into the machine, its network, or nowhere."""

from tests.newsroom.hostile.case import ARTICLE, DOMAIN, PORT, Case, moved, reply, story

MOVED = {"fetch_status": 302}


def one(name: str, does: str, target: bytes, then: str = "") -> Case:
    return Case(name, does, {"/page": moved(target)}, MOVED, then)


def within(name: str, does: str, host: bytes) -> Case:
    return one(name, does, b"http://%s/secret" % host, "nothing there is connected to")


HOPS = {f"/hop-{number}": moved(b"/hop-%d" % (number + 1)) for number in range(1, 40)}
LOOP = {"/page": moved(b"/other"), "/other": moved(b"/page")}
GROWS = {f"/grow{'/grow' * number}": moved(b"/grow" + b"/grow" * (number + 1)) for number in range(40)}
INJECTED = b"/ok\rSet-Cookie: a=b\r\nX-Injected: 1\r\n\x1b[2J"
ODD_PATH = "/..%2F..%2F..%2F..%2Fetc%2Fpasswd%00%0A%1B%5B2J"
REFRESH = '<meta http-equiv="refresh" content="0; url=file:///etc/passwd">'

CASES = [
    Case("redirects", "redirects without end", {"/page": moved(b"/hop-1"), **HOPS}, MOVED, "ten are followed", unasked=("/hop-12",)),
    one("to-itself", "a redirect to itself", b"/page"),
    Case("in-circles", "two redirects that point at each other", LOOP, MOVED),
    Case("growing", "redirects to longer and longer addresses", {"/page": moved(b"/grow"), **GROWS}, MOVED, unasked=("/grow" * 13,)),
    one("to-file", "redirects to file:///etc/passwd", b"file:///etc/passwd", "scheme refused"),
    one("to-data", "redirects to a data: address", b"data:text/html,hello", "scheme refused"),
    one("to-script", "redirects to a javascript: address", b"javascript:alert(1)", "scheme refused"),
    one("to-ftp", "redirects to ftp", b"ftp://127.0.0.3/hello", "scheme refused"),
    one("to-gopher", "redirects to gopher, which speaks to any port", b"gopher://127.0.0.3:25/_HELO", "scheme refused"),
    within("to-private", "redirects to a private address", b"127.0.0.3:" + PORT),
    within("to-decimal", "redirects to a private address as one number", b"2130706435:" + PORT),
    within("to-hex", "redirects to a private address in hexadecimal", b"0x7f.3:" + PORT),
    within("to-octal", "redirects to a private address in octal", b"017700000003:" + PORT),
    within("to-mapped", "redirects to a private address wrapped in IPv6", b"[::ffff:127.0.0.3]:" + PORT),
    within("to-nat64", "redirects to a private address behind NAT64", b"[64:ff9b::7f00:3]:" + PORT),
    within("to-digits", "redirects to a private address in other digits", "１２７.０.０.３:".encode() + PORT),
    within("to-metadata", "redirects to a cloud's metadata", b"169.254.169.254"),
    within("to-metadata6", "redirects to a cloud's metadata in IPv6", b"[fd00:ec2::254]"),
    within("to-inner-name", "redirects to a name that is a private address", b"inner.example:" + PORT),
    one("to-credentials", "redirects to an address with a password", b"http://hush-user:hush-word@redirected.%s:%s/page" % (DOMAIN.encode(), PORT), "the password reaches neither archive nor log"),
    Case("injection", "a Location with line breaks and escapes", {"/page": moved(INJECTED)}, MOVED, "nothing is injected"),
    one("to-port-0", "redirects to port 0", b"http://to-port-0.%s:0/" % DOMAIN.encode()),
    one("to-port-99999", "redirects to a port that there is not", b"http://to-port-99999.%s:99999/" % DOMAIN.encode()),
    one("to-no-host", "redirects to an address without a host", b"http:///page"),
    one("to-long-host", "redirects to a name of 300 characters", b"http://%s.test/" % (b"a" * 300)),
    one("to-broken-host", "redirects to brackets that hold no address", b"http://[::x]/"),
    one("to-long-address", "redirects to an address of 12,000 characters", b"/" + b"a" * 12_000),
    one("to-unknown", "redirects to a name that nobody has", b"http://nobody.invalid/"),
    Case("odd-path", "a path that climbs out of folders, with control characters", {ODD_PATH: reply(story("odd path"))}, ARTICLE, "no file bears its name", entry=ODD_PATH),
    Case("refresh", "a page that reloads itself as file:///etc/passwd", {"/page": reply(story("refresh", head=REFRESH))}, ARTICLE, "not followed"),
    Case("location-200", "a Location in an answer that is no redirect", {"/page": reply(story("located"), b"Location: file:///etc/passwd\r\n")}, ARTICLE, "not followed"),
]  # fmt: skip
