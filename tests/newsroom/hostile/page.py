"""docs/hostile.md, made of the cases."""

from tests.newsroom.hostile import lists, packing, pages, parts, rules, transport, ways

TITLES = {transport: "HTTP", packing: "Packed bodies", ways: "Redirects and addresses", rules: "robots.txt", pages: "Pages", lists: "Feeds and sitemaps", parts: "What pages load"}  # fmt: skip


def page() -> str:
    """The page."""
    return ""
