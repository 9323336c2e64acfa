"""``python -m tests.newsroom.draw``: draw the pictures in ``cdn/`` anew (needs Pillow). They are kept with the sources."""

from __future__ import annotations

import math

from PIL import Image, ImageDraw

from .content import HERE

SKIES = {"pier": "#e8d8b8", "ferry": "#b8cfe0", "lanterns": "#2b2a4a", "map": "#cfe3ee", "regatta": "#d8ecd0"}
SEA, BOAT = "#3c6478", "#a03c32"


def harbour(name: str, width: int) -> Image.Image:
    """Sky, sea and a boat, 16 to 9; the sky tells which picture it is."""
    height = width * 9 // 16
    picture = Image.new("RGB", (width, height), SKIES[name])
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, height * 2 // 3, width, height), fill=SEA)
    draw.polygon([(width * part / 20, height * level / 12) for part, level in ((6, 7), (14, 7), (12, 9), (8, 9))], fill=BOAT)
    draw.ellipse((width * 0.75, height * 0.1, width * 0.85, height * 0.28), fill="#f4e27a")
    return picture


def waves(width: int) -> Image.Image:
    """A band of waves that joins on at its ends."""
    height = width // 4
    picture = Image.new("RGB", (width, height), "#eef2f5")
    draw = ImageDraw.Draw(picture)
    crest = [(x, height / 2 + height / 4 * math.sin(2 * math.pi * x / width)) for x in range(width + 1)]
    draw.polygon([(0, height), *crest, (width, height)], fill="#c4d4de")
    return picture


def main() -> None:
    out = HERE / "cdn"
    for name in ("pier", "ferry", "lanterns", "map"):
        harbour(name, 320).save(out / f"{name}-320.webp", lossless=True)
    for name in ("pier", "ferry", "map"):
        harbour(name, 640).save(out / f"{name}-640.webp", lossless=True)
        harbour(name, 640).save(out / f"{name}-640.jpg", quality=70)
    harbour("regatta", 320).save(out / "regatta-poster.webp", lossless=True)
    waves(64).save(out / "waves.webp", lossless=True)
    waves(128).save(out / "waves-2x.webp", lossless=True)
    Image.new("1", (1, 1), 1).save(out / "seen.png")


if __name__ == "__main__":
    main()
