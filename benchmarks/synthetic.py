"""A news site made up on the spot: pages of real size and shape, served from memory at little cost."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import sys

HOSTS = [f"127.0.0.{number}" for number in range(2, 12)]
_PAGES = 300
_WORDS = [
    "harbour",
    "council",
    "ferry",
    "winter",
    "report",
    "bridge",
    "school",
    "river",
    "market",
    "engine",
    "minister",
    "library",
    "storm",
    "budget",
    "garden",
    "museum",
    "train",
    "island",
    "signal",
    "window",
    "paper",
    "teacher",
    "letter",
    "captain",
    "village",
    "season",
    "question",
    "answer",
    "morning",
    "evening",
    "river",
    "stone",
    "light",
]


def page(number: int) -> bytes:
    """One article of 60 to 200 kB of markup with 300 to 1,200 words of text."""
    chance = random.Random(number)  # the same page on every run

    def sentence() -> str:
        return " ".join(chance.choices(_WORDS, k=chance.randint(8, 22))).capitalize() + "."

    title = " ".join(chance.choices(_WORDS, k=7)).capitalize()
    body = "".join(f"<p>{' '.join(sentence() for _ in range(4))}</p>" for _ in range(chance.randint(6, 20)))
    teaser = '<li class="teaser"><a href="/news/story-{}.html"><img src="/i/{}.jpg" alt=""><span>{}</span></a></li>'
    teasers = "".join(teaser.format(n, n, sentence()) for n in range(chance.randint(60, 160)))
    script = "<script>" + "var config=" + json.dumps([sentence() for _ in range(chance.randint(200, 800))]) + "</script>"
    about = {"@type": "NewsArticle", "headline": title, "datePublished": f"2026-11-{number % 28 + 1:02}T08:00:00+01:00"}
    return (
        f'<!doctype html><html lang="en"><head><title>{title} | The Sample</title><meta charset="utf-8">'
        f'<script type="application/ld+json">{json.dumps(about)}</script>{script}</head><body>'
        f'<nav><ul>{teasers[:20_000]}</ul></nav><article><h1>{title}</h1><p class="byline">By Ada Example</p>{body}</article>'
        f"<aside><ul>{teasers}</ul></aside><footer>{sentence()}</footer></body></html>"
    ).encode()


def addresses(port: int, count: int) -> list[str]:
    """The first ``count`` story addresses, over all hosts in turn."""
    return [f"http://{HOSTS[n % len(HOSTS)]}:{port}/news/story-{n}.html" for n in range(count)]


class _Server(asyncio.Protocol):
    pages: list[bytes]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self._waiting = transport, b""

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        while b"\r\n\r\n" in self._waiting:
            request, _, self._waiting = self._waiting.partition(b"\r\n\r\n")
            path = request.split(b" ", 2)[1]
            digits = bytes(character for character in path if 48 <= character <= 57)
            self._transport.write(self.pages[int(digits or b"0") % len(self.pages)])  # type: ignore[attr-defined]


async def serve(port: int) -> None:
    """Answer every request on all hosts until ended."""
    bodies = [gzip.compress(page(number), 6) for number in range(_PAGES)]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    _Server.pages = [head % len(body) + body for body in bodies]
    server = await asyncio.get_running_loop().create_server(_Server, HOSTS, port)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
