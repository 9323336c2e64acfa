"""Inputs that nearly are what a parser reads: samples, cut, joined, repeated and strewn with its own tokens."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

_MOST = 40_000  # bytes of an input
_EVIL = (b"", b"\0", b"\xff", b"\r\n", b"\n", b"\r", b" ", b"\t", b"\x1b", b"\xe2\x80\xae", b"\xed\xa0\x80", b"9" * 30, b"-1", b"%", b"%00", b"=", b":", b";", b",", b"\\", b'"', b"'", b"<", b">", b"[", b"]", b"{", b"}", b"(", b")", b"&", b"#", b"?", b"*", b"/", b"//", b"..", b"@")  # fmt: skip
_EDITS = st.lists(
    st.tuples(
        st.sampled_from(["insert", "replace", "delete", "double", "repeat", "cut"]), st.integers(0, 1 << 16), st.integers(0, 40)
    ),
    max_size=8,
)


def mutants(samples: Sequence[bytes], tokens: Sequence[bytes] = ()) -> st.SearchStrategy[bytes]:
    """Mutants of ``samples`` by ``tokens``, and now and then bytes of any kind."""
    words = (*tokens, *_EVIL)
    near = st.builds(_mutant, st.sampled_from(list(samples)), _EDITS, st.lists(st.sampled_from(words), min_size=8, max_size=8))
    return st.one_of(near, near, near, st.binary(max_size=300), st.lists(st.sampled_from(words), max_size=60).map(b"".join))


def texts(samples: Sequence[str], tokens: Sequence[str] = ()) -> st.SearchStrategy[str]:
    """The same as text."""
    found = mutants([one.encode() for one in samples], [one.encode() for one in tokens])
    return st.one_of(found.map(lambda raw: raw.decode("utf-8", "replace")), st.text(max_size=200))


def _mutant(sample: bytes, edits: list[tuple[str, int, int]], words: list[bytes]) -> bytes:
    data = sample
    for (how, place, size), word in zip(edits, words, strict=False):
        at = place % (len(data) + 1)
        end = at + size
        if how == "insert":
            data = data[:at] + word + data[at:]
        elif how == "replace":
            data = data[:at] + word + data[end:]
        elif how == "delete":
            data = data[:at] + data[end:]
        elif how == "double":
            data = data[:end] + data[at:]
        elif how == "repeat":
            data = data[:at] + (word or data[at:end]) * (place % 200) + data[end:]
        else:
            data = data[:at]
    return data[:_MOST]
