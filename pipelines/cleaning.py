"""An article's row without what its site repeats, and with it again: pure functions of the row and what was learned."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from archive.cuts import Cut, cut, uncut
from pipelines.article import Article
from pipelines.blocks import Block, blocks_of, key_of_line, lines_of, zone_of
from pipelines.fingerprint import fingerprint, text_flags
from pipelines.site import Learned

REMOVED, SUSPECT = "site_boilerplate_removed", "boilerplate_suspect"

_SCREEN = 0.3  # share of an article's characters above which a block stays
_MOST_CUT = 0.6  # share of an article's characters above which nothing is cut
_MOST_BETWEEN = 20  # characters
_TARGET = re.compile(r"\]\([^()\s]*\)")
_LETTER = re.compile(r"[^\W\d_]")
_OTHER = -1  # key of a line that cannot be what is looked for; those of lines are not negative
_WORD = re.compile(r"\w+")
_HEADING = re.compile(r"#{1,6} |\*\*[^*]+\*\*$")


def clean(row: dict[str, Any], learned: Mapping[int, Learned], keep: Collection[int] = ()) -> None:
    """Take out of an uncut row of the articles table what its site has taught, and say so in the row."""
    text, markdown = row["text"] or "", row["markdown"] or ""
    cuts, suspect = cuts_in(text, markdown, learned, keep)
    if cuts:
        row["site_boilerplate"] = cuts
        row["uncut_text_sha256"] = row["text_sha256"]
        row["text"] = cut(text, _of(cuts, "text"))
        row["markdown"] = cut(markdown, _of(cuts, "markdown")) or row["markdown"]
        row["field_sources"] = {**row["field_sources"], "text": row["field_sources"].get("text", "trafilatura") + "+site"}
        _measure_again(row)
    row["quality_flags"] = [*row["quality_flags"], *[REMOVED] * bool(cuts), *[SUSPECT] * suspect]


def restore(row: dict[str, Any]) -> None:
    """Undo ``clean``. Raises ValueError if the row's cuts are not of its text."""
    row["quality_flags"] = [flag for flag in row["quality_flags"] if flag not in (REMOVED, SUSPECT)]
    cuts = row["site_boilerplate"] or []
    row["site_boilerplate"], row["uncut_text_sha256"] = [], None
    if cuts:
        row["text"] = uncut(row["text"], _of(cuts, "text"))
        row["markdown"] = uncut(row["markdown"] or "", _of(cuts, "markdown")) or row["markdown"]
        sources = dict(row["field_sources"])
        row["field_sources"] = sources | {"text": sources["text"].removesuffix("+site")}
        _measure_again(row)


def uncut_text(row: Mapping[str, Any]) -> str:
    """The text of a row as it was before anything was cut. Raises ValueError if its cuts are not of its text."""
    return uncut(row["text"] or "", _of(row.get("site_boilerplate") or [], "text"))


def _of(cuts: Iterable[Cut], field: str) -> list[Cut]:
    return [one for one in cuts if one["field"] == field]


def _measure_again(row: dict[str, Any]) -> None:
    article = Article(text=row["text"], title=row["title"])
    fingerprint(article)
    row["word_count"], row["text_simhash"] = article.word_count, article.text_simhash
    row["text_sha256"] = article.text_sha256
    told = text_flags(article)
    others = [flag for flag in row["quality_flags"] if flag not in told]
    row["quality_flags"] = [*others, *(flag for flag, holds in told.items() if holds)]


def cuts_in(text: str, markdown: str, learned: Mapping[int, Learned], keep: Collection[int] = ()) -> tuple[list[Cut], bool]:
    """What a site's furniture is in an article, and whether something recurs in it that stays.

    A block stays if it is more than three tenths of the article, or stands inside while it was learned at the edge, or is a
    heading of something that stays; all stay if more than six tenths of the article would go.
    """
    blocks = blocks_of(text)
    known = {
        number: learned[block.key] for number, block in enumerate(blocks) if block.key in learned and block.key not in keep
    }
    if not known:
        return [], False
    marked = _marked(markdown, {blocks[number].key: text[blocks[number].start : blocks[number].end] for number in known})
    twins = _twins(blocks, marked, known)
    headings = {number for number, twin in twins.items() if _HEADING.match(markdown, marked[twin].start, marked[twin].end)}
    whole = sum(block.size for block in blocks)
    gone: set[int] = set()
    for number, one in sorted(known.items(), reverse=True):
        at_home = one.zone == "inside" or zone_of(number, len(blocks)) != "inside"
        leads = number in headings and len(gone) < len(blocks) - 1 - number
        if one.sure and at_home and not leads and blocks[number].size <= _SCREEN * whole:
            gone.add(number)
    if sum(blocks[number].size for number in gone) > _MOST_CUT * whole:
        gone = set()
    suspect = bool(known.keys() - gone - headings)
    twins_gone = {twins[number] for number in gone if number in twins}
    return [*_stretches("text", text, blocks, gone), *_stretches("markdown", markdown, marked, twins_gone)], suspect


def _marked(markdown: str, wanted: Mapping[int, str]) -> list[Block]:
    """The lines of Markdown, with the keys of those that may say what is wanted: marks and targets of links do not count."""
    telling = {max(_WORD.findall(line), key=len) for line in wanted.values()}
    found = []
    for line in lines_of(markdown):
        if any(word in line[0] for word in telling):
            key = key_of_line(_TARGET.sub("]", line[0]))
        else:  # a line with letters is not one that may go with those around it
            key = _OTHER if _LETTER.search(line[0]) else 0
        found.append(Block(key, line.start(), line.end()))
    return found


def _twins(blocks: Sequence[Block], marked: Sequence[Block], wanted: Collection[int]) -> dict[int, int]:
    """For the number of each wanted block of the text that of its line in the Markdown, where it is clear which that is."""
    lines: dict[int, list[int]] = {}
    for number, block in enumerate(marked):
        lines.setdefault(block.key, []).append(number)
    places: dict[int, list[int]] = {}
    for number in sorted(wanted):
        places.setdefault(blocks[number].key, []).append(number)
    same = [(found, lines[key]) for key, found in places.items() if len(found) == len(lines.get(key, ()))]
    return {number: twin for found, twins in same for number, twin in zip(found, twins, strict=True)}


def _stretches(field: str, text: str, blocks: Sequence[Block], gone: Collection[int]) -> Iterator[Cut]:
    """The stretches of text that go with the blocks ``gone``: each with the shorter one of the breaks around it."""
    number = 0
    while number < len(blocks):
        if number not in gone:
            number += 1
            continue
        first = number
        while number < len(blocks) and (number in gone or _is_between(blocks, number, gone)):
            number += 1
        start = blocks[first - 1].end if first else 0
        end = blocks[number].start if number < len(blocks) else len(text)
        before, after = blocks[first].start - start, end - blocks[number - 1].end
        if number < len(blocks) and (not first or after <= before):
            start = blocks[first].start
        else:
            end = blocks[number - 1].end
        yield Cut(field=field, at=start, text=text[start:end])


def _is_between(blocks: Sequence[Block], number: int, gone: Collection[int]) -> bool:
    """Whether this is a line without a letter (a number, a rule) between two that go."""
    return blocks[number].key == 0 and blocks[number].size <= _MOST_BETWEEN and number + 1 in gone
