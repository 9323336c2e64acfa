"""Write the golden files anew: ``python -m tests.golden``."""

from tests.golden import EXPECTED, pages, written

if __name__ == "__main__":
    EXPECTED.mkdir(exist_ok=True)
    names = {f"{one.name}.json" for one in pages()}
    for stale in EXPECTED.glob("*.json"):
        if stale.name not in names:
            stale.unlink()
    changed = 0
    for one in pages():
        path, now = EXPECTED / f"{one.name}.json", written(one)
        if not path.exists() or path.read_text(encoding="utf-8") != now:
            path.write_text(now, encoding="utf-8")
            changed += 1
            print(path.name)
    print(f"{changed} of {len(names)} golden files changed; look at git diff")
