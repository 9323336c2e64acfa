"""Other people's programs that judge our files; they live in an environment of their own (``make peers``)."""

import subprocess
from pathlib import Path

import pytest

PEERS = Path(__file__).parents[1] / ".cache" / "peers" / "bin"


def peer(program: str, *arguments: str, stdin: str = "") -> str:
    """Standard output of a program that has to succeed; skips the test if the program is not there."""
    path = PEERS / program
    if not path.exists():
        pytest.skip(f"{program} is not there: run make peers")
    done = subprocess.run([path, *arguments], input=stdin, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
