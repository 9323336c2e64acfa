"""HTML that is too deep, too much, or not what it says."""

from tests.newsroom.hostile.case import ARTICLE, NO_ARTICLE, PORT, Case, reply, story

LD = '<script type="application/ld+json">{}</script>'


def one(name: str, does: str, body: bytes, facts: dict[str, object], then: str = "", media: bytes = b"text/html") -> Case:
    return Case(name, does, {"/page": reply(body, media=media)}, facts, then)


def told(name: str, does: str, head: str = "", more: str = "", then: str = "", media: bytes = b"text/html") -> Case:
    """A healthy article with something hostile in it."""
    return one(name, does, story(name.replace("-", " "), more, head), ARTICLE, then, media)


NUMBER = LD.format('{"@type": "NewsArticle", "wordCount": ' + "9" * 5_000 + "}")
LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE html [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'
)
DATES = LD.format(
    '{"@type": "NewsArticle", "headline": "x", "datePublished": "99999-13-45T99:99:99+99:99", "dateModified": -1e308}'
)
AUTHORS = LD.format(
    '{"@type": "NewsArticle", "author": {"name": "<script>alert(1)</script>\\u001b[2J\\u202eeve", "url": "javascript:1"}}'
)
LOOPS = LD.format('{"@graph": [{"@id": "a", "author": {"@id": "a"}}, {"@type": "NewsArticle", "author": {"@id": "a"}}]}')
LINKS = "".join(f"<a href='/{number}'>A link that leads to page {number}</a>" for number in range(5_000))
CAPTIONS = "".join(f"<figure><img src='/{n % 9}.jpg'><figcaption>Caption {n}</figcaption></figure>" for n in range(2_000))
ESCAPES = "<title>\x1b]0;owned\x07\x1b[2J\u202eevil\u2028=HYPERLINK(1)</title>"

CASES = [
    one("deep", "a hundred thousand elements inside each other", b"<html><body>" + b"<div>" * 100_000 + story("deep"), NO_ARTICLE),
    one("deep-inline", "a hundred thousand bold elements inside each other", b"<html><body>" + b"<b>" * 100_000 + story("bold"), NO_ARTICLE),
    one("million-tags", "a million empty paragraphs", b"<html><body>" + b"<p>" * 1_000_000, {}, "the first 30,000 tags are read"),
    one("million-breaks", "a million line breaks", b"<html><body>" + b"<br>" * 900_000, NO_ARTICLE),
    one("attributes", "a million attributes on one element", b"<html><body><p " + b"a=b " * 900_000 + b">" + story("attributes"), {}),
    one("names", "a hundred thousand attributes with different names", b"<p %s>" % b" ".join(b"a%d=b" % n for n in range(100_000)) + story("names"), {}),
    one("brackets", "three megabytes of <", b"<html><body>" + b"<" * 3_000_000, NO_ARTICLE),
    one("comments", "200,000 comments", b"<html><body>" + b"<!-- <p> -->" * 200_000 + story("comments"), NO_ARTICLE),
    one("one-word", "a word of half a megabyte", b"<html><body><article><h1>A</h1><p>" + b"a" * 500_000, NO_ARTICLE),
    one("white-space", "half a megabyte of line breaks", b"<html><body><p>hello" + b"\n" * 500_000 + b"x", NO_ARTICLE),
    one("entities", "100,000 character references", b"<html><body><p>" + b"&amp;" * 100_000, NO_ARTICLE),
    one("table", "a table of 100,000 rows", b"<html><body><table>" + b"<tr><td>a</td></tr>" * 100_000, {}),
    one("nul", "a megabyte of NUL", b"<html><body><p>hello" + b"\0" * 1_000_000, NO_ARTICLE | {"extraction_reason": "binary data"}),
    one("binary", "bytes of all kinds, called HTML", bytes(range(256)) * 2_000, NO_ARTICLE | {"extraction_reason": "binary data"}),
    one("pdf", "PDF, called HTML", b"%PDF-1.7\n" + bytes(range(128, 256)) * 500, NO_ARTICLE),
    one("svg-bomb", "SVG elements that use each other in powers of ten", b"<svg>" + b"".join(b"<g id=a%d>%s</g>" % (n, b"<use href='#a%d'/>" % (n - 1) * 10) for n in range(1, 9)), NO_ARTICLE),
    one("utf-7", "UTF-7, in which < can hide", b"+ADw-script+AD4-" * 20_000 + story("utf seven"), {}, media=b"text/html; charset=utf-7"),
    told("charset-zlib", "a charset that is a compression (zlib)", media=b"text/html; charset=zlib"),
    told("charset-escape", "a charset that runs escapes (unicode_escape)", more="<p>\\x3cscript\\x3e</p>", media=b"text/html; charset=unicode_escape"),
    told("charset-klingon", "a charset that there is not", media=b"text/html; charset=klingon-8"),
    told("meta-charset", "a meta element that claims UTF-16", head="<meta charset=utf-16>"),
    told("jsonld-deep", "JSON-LD nested a million deep", head=LD.format("[" * 1_000_000)),
    told("jsonld-broken", "half a megabyte of broken JSON-LD", head=LD.format('{"@type": "NewsArticle", ' + "\"a\": 'b\", x " * 40_000)),
    told("jsonld-number", "JSON-LD with a number of 5,000 digits", head=NUMBER),
    told("jsonld-flood", "10,000 blocks of JSON-LD", head=LD.format('{"@type": "Thing", "headline": "no"}') * 10_000),
    told("jsonld-loop", "JSON-LD that refers to itself", head=LOOPS),
    told("jsonld-dates", "dates that are none, in the year 99999", head=DATES),
    told("authors", "an author of scripts, escapes and reversed writing", head=AUTHORS, then="no markup and no control character in the row"),
    one("laughs", "entities that double (billion laughs), called XHTML", LAUGHS + story("laughs", "&c;"), ARTICLE, media=b"application/xhtml+xml"),
    one("doctype", "an entity that is a file", b'<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + story("doctype", "<p>&x;</p>"), ARTICLE, "no file is read"),
    told("title-escapes", "a title that moves the terminal", head=ESCAPES, then="control characters reach neither row nor log"),
    told("base", "a base element that leads within", head=f"<base href='http://127.0.0.3:{PORT.decode()}/'>", more="<img src=secret>"),
    told("scripts", "scripts, frames, objects and forms around the text", more="<script>while(1);</script><object data=x></object><form action=file:///>" * 500),
    told("data-address", "a picture of a megabyte inside its address", more=f"<img src='data:image/png;base64,{'A' * 1_000_000}'>"),
    one("links", "5,000 links", story("links", LINKS), NO_ARTICLE),
    told("captions", "2,000 pictures with captions", more=CAPTIONS),
    Case("lying-type", "a page that calls itself a picture", {"/page": reply(story("lying"), media=b"image/png")}, NO_ARTICLE),
    Case("empty", "nothing at all", {"/page": reply(b"")}, NO_ARTICLE | {"extraction_reason": "empty page"}),
]  # fmt: skip
