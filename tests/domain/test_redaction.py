"""Secrets are hidden wherever text is stored or printed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charbench import redact

KEYS = st.builds("{}-{}".format, st.sampled_from(["tml", "sk"]), st.from_regex(r"[A-Za-z0-9_]{8,40}", fullmatch=True))


@given(st.text(" \n,:='\"", max_size=5), KEYS, st.text(" \n,:='\"", max_size=5))
def test_a_key_is_hidden_wherever_it_stands(before: str, key: str, after: str) -> None:
    assert key not in redact(f"error{before or ' '}{key}{after}")


@given(st.text())
def test_hiding_twice_hides_nothing_more(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("key tml-abc123def456 refused", "key tml-[redacted] refused"),
        ("postgresql://me:hunter2@host/db", "postgresql://me:[redacted]@host/db"),
        ("Authorization: Bearer abcdefghijklmnop", "Authorization: Bearer [redacted]"),
        ("api_key=abcdefghijklmnop", "api_key= [redacted]"),
        ("a risk-averse task-force", "a risk-averse task-force"),
        ("tinker://run:train:0/weights/x", "tinker://run:train:0/weights/x"),
    ],
)
def test_what_is_hidden_and_what_is_not(text: str, shown: str) -> None:
    assert redact(text) == shown
