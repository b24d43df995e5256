"""A map of digests is a dict that takes less memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from charbench.store.digest_map import DigestMap

HEX = st.text("0123456789abcdef", min_size=32, max_size=32)
FEW = st.sampled_from([f"{number:032x}" for number in (0, 1, 256, 1 << 16, 1 << 120)])
ODD = st.sampled_from(["", "abc", "A" * 32, "é" * 32, "0" * 31 + " ", "0" * 30 + "\n0", "0" * 33])
TEXTS = st.one_of(HEX, FEW, ODD)


@given(st.lists(st.tuples(TEXTS, TEXTS)), TEXTS)
def test_it_holds_what_a_dict_holds(entries: list[tuple[str, str]], other: str) -> None:
    usual: dict[str, str] = {}
    small = DigestMap()
    for key, digest in entries:
        assert small.setdefault(key, digest) == usual.setdefault(key, digest)
    assert dict(small) == usual
    assert len(small) == len(usual)
    assert small.get(other) == usual.get(other)


def test_a_key_that_stands_across_two_entries_is_not_found() -> None:
    small = DigestMap()
    small.setdefault("0000" + "1" * 28, "2" * 32)
    small.setdefault("0000" + "3" * 28, "4" * 32)
    assert "2" * 16 + "0000" + "3" * 12 not in small
    small.setdefault("0000" + "0" * 28, "0" * 32)
    small.setdefault("0000" + "0" * 27 + "1", "5" * 32)
    assert small["0000" + "0" * 28] == "0" * 32
    assert small["0000" + "0" * 27 + "1"] == "5" * 32
