"""How good the extraction is on pages with ground truth, what leaks and what is missed; a gate against getting worse.

    python -m benchmarks.extraction CORPUS                   the table, and leaks and misses by kind
    python -m benchmarks.extraction CORPUS --baseline        beside it trafilatura with its defaults, in the same run
    python -m benchmarks.extraction CORPUS --json FILE       keep the figures
    python -m benchmarks.extraction CORPUS --gate FILE       compare with kept figures; exit 1 if any is worse

CORPUS is a folder with gold.jsonl, a page a line (id, dataset, url, file, text, and where known title, authors, published), and
the pages that it names, gzipped or not. Time is the CPU of this one process, warmed up, for text and all metadata and links.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta, timezone
from pathlib import Path
from statistics import mean
from typing import Any

import trafilatura

from benchmarks.leaks import Leak, leaks, misses
from benchmarks.scoring import Body, Gold, authors_f1, average, f1_of, same_day, same_title, score_body
from pipelines.article import Article
from pipelines.extract import decode, extract, parse, warm_up

TOLERANCE = 0.002  # of F1 and of shares
MORE_LEAKS = 1.05  # times as many leaked or missed words of a kind, and
FEW_WORDS = 50  # so many words more, are worse


@dataclass
class Result:
    """What came of one page."""

    gold: Gold
    body: Body
    title: bool | None = None
    date: bool | None = None
    authors: float | None = None
    empty: bool = False
    error: str | None = None
    ms: float = 0.0
    leaked: list[Leak] = field(default_factory=list)
    missed: list[Leak] = field(default_factory=list)


@dataclass
class Said:
    """What an extractor says of a page."""

    text: str = ""
    title: str | None = None
    description: str | None = None
    published: str | None = None
    authors: list[str] = field(default_factory=list)


def broadsheet(html: bytes, url: str) -> Said:
    """As a crawl reads it."""
    page = extract(html, url)
    one = page.article or Article()
    when = one.published_at
    if when and one.published_utc_offset_min is not None:
        when = when.astimezone(timezone(timedelta(minutes=one.published_utc_offset_min)))
    names = [author["name"] for author in one.authors]
    return Said(one.text or "", one.title, one.description, when.isoformat() if when else None, names)


def baseline(html: bytes, url: str) -> Said:
    """trafilatura with its defaults."""
    found = trafilatura.bare_extraction(html, url=url, with_metadata=True)
    one = found.as_dict() if found else {}
    names = [name for name in (one.get("author") or "").split("; ") if name]
    return Said(one.get("text") or "", one.get("title"), one.get("description"), one.get("date"), names)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--dataset", help="only this data set")
    parser.add_argument("--baseline", action="store_true", help="also trafilatura with its defaults")
    parser.add_argument("--worst", type=int, default=0, metavar="N", help="name the N pages with the lowest F1")
    parser.add_argument("--leaks", type=int, default=0, metavar="N", help="show the N longest leaks of each kind")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures")
    parser.add_argument("--gate", type=Path, metavar="FILE", help="compare with kept figures")
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, help=f"of F1 and shares ({TOLERANCE})")
    given = parser.parse_args()
    kept = kept_figures(given.gate) if given.gate else None
    pages = [one for one in read_gold(given.corpus) if given.dataset in (None, one.dataset)]
    if not pages:
        sys.exit(f"{given.corpus / 'gold.jsonl'}: no pages" + (f" of the data set {given.dataset}" if given.dataset else ""))
    results = run(given.corpus, pages, broadsheet)
    figures = table(results)
    show_table("broadsheet", figures)
    if given.baseline:
        theirs = run(given.corpus, pages, baseline)
        show_table("trafilatura, default", table(theirs))
        show_leaks(results, theirs)
    else:
        show_leaks(results)
    show_worst(results, given.worst, given.leaks)
    if given.json:
        given.json.write_text(json.dumps({"table": figures, **by_kind(results)}, indent=1) + "\n")
    if kept is not None:
        sys.exit(judge(kept, {"table": figures, **by_kind(results)}, given.tolerance))


def read_gold(corpus: Path) -> list[Gold]:
    """The pages of a corpus; ends the program with what is wrong and where."""
    file = corpus / "gold.jsonl"
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        sys.exit(f"{file}: {error.strerror}; a corpus is a folder with gold.jsonl and the pages that it names")
    found = []
    for number, line in enumerate(lines, 1):
        try:
            one = Gold.read(line)
        except (ValueError, AttributeError) as error:
            sys.exit(f"{file}, line {number}: no JSON object: {error}")
        if not isinstance(one.file, str) or not isinstance(one.text, str) or not isinstance(one.url, str):
            sys.exit(f"{file}, line {number}: a page needs url, file and text")
        if not (corpus / one.file).is_file():
            sys.exit(f"{file}, line {number}: there is no {one.file} in {corpus}")
        found.append(one)
    return found


def page_of(corpus: Path, gold: Gold) -> bytes:
    raw = (corpus / gold.file).read_bytes()
    return gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw


def run(corpus: Path, pages: Sequence[Gold], reader: Callable[[bytes, str], Said]) -> list[Result]:
    """Read every page; the time of the first one is not counted."""
    warm_up()
    reader(page_of(corpus, pages[0]), pages[0].url)
    return [_result(page_of(corpus, gold), gold, reader) for gold in pages]


def _result(html: bytes, gold: Gold, reader: Callable[[bytes, str], Said]) -> Result:
    said, failed = Said(), None
    began = time.process_time()
    try:
        said = reader(html, gold.url)
    except Exception as error:  # a crash is a failed page, and is reported
        failed = f"{type(error).__name__}: {error}"[:200]
    seconds = time.process_time() - began
    result = Result(gold, score_body(gold, said.text), error=failed, ms=1000 * seconds)
    result.empty = not said.text.strip() and bool(gold.text.strip())
    if gold.title:
        result.title = same_title(said.title, gold.title)
    if gold.published:
        result.date = same_day(said.published, gold.published)
    if gold.authors:
        result.authors = authors_f1(said.authors, gold.authors)
    if (tree := parse(decode(html, None)[1])) is not None:
        result.leaked = list(leaks(said.text, gold, tree, (said.title, said.description)))
        result.missed = list(misses(said.text, gold, tree))
    return result


def table(results: Sequence[Result]) -> dict[str, dict[str, float]]:
    """The figures of each data set and of all."""
    names = sorted({one.gold.dataset or "" for one in results})
    parts = {name: [one for one in results if (one.gold.dataset or "") == name] for name in names}
    return {name: _row(part) for name, part in [*parts.items(), ("all", list(results))]}


def _row(part: Sequence[Result]) -> dict[str, float]:
    def share(values: list[Any]) -> float:
        return round(average([value for value in values if value is not None]), 4)

    bodies = [one.body for one in part]
    ms = sorted(one.ms for one in part)
    return {
        "pages": len(part),
        "f1": round(f1_of(bodies), 4),
        "precision": share([one.precision for one in bodies]),
        "recall": share([one.recall for one in bodies]),
        "title": share([one.title for one in part]),
        "date": share([one.date for one in part]),
        "authors": share([one.authors for one in part]),
        "empty": sum(one.empty for one in part),
        "errors": sum(one.error is not None for one in part),
        "ms_mean": round(mean(ms), 1),
        "ms_p99": round(ms[max(0, round(0.99 * len(ms)) - 1)], 1),
    }


def by_kind(results: Sequence[Result]) -> dict[str, dict[str, int]]:
    """Words leaked and words missed, by kind."""
    leaked, missed = Counter[str](), Counter[str]()
    for one in results:
        for leak in one.leaked:
            leaked[leak.kind] += leak.words
        for leak in one.missed:
            missed[leak.kind] += leak.words
    return {"leaked": dict(leaked.most_common()), "missed": dict(missed.most_common())}


def show_table(name: str, figures: dict[str, dict[str, float]]) -> None:
    heads = ("pages", "F1", "P", "R", "title", "date", "authors", "empty", "errors", "ms mean", "ms p99")
    print(f"{name:<22}" + "".join(f"{head:>8}" for head in heads))
    for dataset, row in figures.items():
        forms = {
            key: "8d" if isinstance(value, int) else "8.1f" if key.startswith("ms") else "8.3f" for key, value in row.items()
        }
        values = [f"{value:{forms[key]}}" for key, value in row.items()]
        print(f"  {dataset:<20}" + "".join(values))
    print()


def show_leaks(*runs: Sequence[Result]) -> None:
    """Words leaked and missed by kind, of ours and of the baseline, with the pages they are on."""
    names = ("broadsheet", "trafilatura")[: len(runs)]
    for what, of in (("leaked", lambda one: one.leaked), ("missed", lambda one: one.missed)):
        print(f"{'words ' + what:<32}" + "".join(f"{name:>22}" for name in names))
        words = [Counter[str]() for _ in runs]
        pages = [Counter[str]() for _ in runs]
        for at, results in enumerate(runs):
            for one in results:
                pages[at].update({leak.kind for leak in of(one)})
                for leak in of(one):
                    words[at][leak.kind] += leak.words
        for kind in sorted({kind for counted in words for kind in counted}, key=lambda kind: -words[0][kind]):
            print(f"  {kind:<30}" + "".join(f"{words[at][kind]:>9,} on {pages[at][kind]:>3} pages" for at in range(len(runs))))
        print(f"  {'all':<30}" + "".join(f"{counted.total():>9,}             " for counted in words) + "\n")


def show_worst(results: Sequence[Result], worst: int, longest: int) -> None:
    for one in sorted(results, key=lambda one: one.body.f1)[:worst]:
        precision = "   -" if one.body.precision is None else f"{one.body.precision:.2f}"
        name = f"{one.gold.dataset} {one.gold.id}  {one.gold.url[:90]}"
        print(f"{one.body.f1:.3f}  P {precision}  R {one.body.recall:.2f}  {name}  {one.error or ''}")
    kinds: dict[str, list[tuple[Leak, Gold]]] = {}
    for one in results:
        for leak in one.leaked:
            kinds.setdefault(leak.kind, []).append((leak, one.gold))
    for kind, found in kinds.items() if longest else ():
        print(f"\n{kind}")
        for leak, gold in sorted(found, key=lambda pair: -pair[0].words)[:longest]:
            print(f"  {leak.words:>4} {gold.dataset} {gold.id}  {leak.line[:110]}")


def kept_figures(file: Path) -> dict[str, Any]:
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        sys.exit(f"{file}: {error.strerror}; make it with --json {file}")
    except ValueError as error:
        sys.exit(f"{file}: no JSON: {error}; make it anew with --json")
    if not isinstance(kept, dict) or not isinstance(kept.get("table"), dict):
        sys.exit(f"{file}: no figures that --json kept; make it anew")
    return kept


def judge(kept: dict[str, Any], now: dict[str, Any], tolerance: float) -> int:
    """Say what is worse than in the kept figures; 1 if anything is. Times are of a machine and are not compared."""
    worse = []
    for dataset, before in kept["table"].items():
        row = now["table"].get(dataset)
        if row is None or row["pages"] != before["pages"]:
            worse.append(f"{dataset}: {before['pages']} pages then, {row['pages'] if row else 'none'} now: not the same corpus")
            continue
        for key in ("f1", "title", "date", "authors"):
            if row[key] < before[key] - tolerance:
                worse.append(f"{dataset}: {key} {before[key]:.4f} -> {row[key]:.4f}")
        for key in ("empty", "errors"):
            if row[key] > before[key]:
                worse.append(f"{dataset}: {key} {before[key]} -> {row[key]}")
    for what in ("leaked", "missed"):
        for kind, words in now[what].items():
            then = kept.get(what, {}).get(kind, 0)
            if words > then * MORE_LEAKS + FEW_WORDS:
                worse.append(f"words {what}, {kind}: {then} -> {words}")
    print("\n".join(["WORSE than the kept figures:", *worse]) if worse else "gate: nothing is worse than the kept figures")
    return bool(worse)


if __name__ == "__main__":
    main()
