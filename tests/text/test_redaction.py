"""Secrets are hidden wherever text is stored or printed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charbench import keep_secret, redact

TINKER = st.from_regex(r"tml-[A-Za-z0-9_.\-]{4,40}", fullmatch=True)
OPENAI = st.from_regex(r"sk-(proj-)?[A-Za-z0-9_]{8,40}", fullmatch=True)
AROUND = st.sampled_from(
    [
        "",
        " ",
        "\n",
        ",",
        ":",
        "=",
        "'",
        '"',
        "\\n",
        "\\r",
        "\\t",
        "%3D",
        "%20",
        "_",
        "\x1b[31m",
        "\x1b[0m",
        "(",
        "/",
        ">",
    ]
)


@given(AROUND, st.one_of(TINKER, OPENAI), AROUND)
def test_a_key_is_hidden_wherever_it_stands(before: str, key: str, after: str) -> None:
    assert key not in redact(f"error{before or ' '}{key}{after}")


@given(st.sampled_from(["x", "7", "Key"]), TINKER)
def test_a_tinker_key_is_hidden_even_glued_to_a_word(before: str, key: str) -> None:
    assert key not in redact(before + key)


def test_a_key_of_another_form_is_hidden_once_it_is_known() -> None:
    said = "Incorrect API key provided: gsk_verysecretkey0123456789."
    assert redact(said) == said
    assert keep_secret("gsk_verysecretkey0123456789") == "gsk_verysecretkey0123456789"
    assert redact(said) == "Incorrect API key provided: [redacted]."


@given(st.text())
def test_hiding_twice_hides_nothing_more(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("key tml-abc123def456 refused", "key tml-[redacted] refused"),
        ("postgresql://me:hunter2@host/db", "postgresql://[redacted]@host/db"),
        ("Authorization: Bearer abcdefghijklmnop", "Authorization: Bearer [redacted]"),
        ("api_key=abcdefghijklmnop", "api_key= [redacted]"),
        ("a risk-averse task-force", "a risk-averse task-force"),
        ("the ask-me-anything-about-everything-2024 show", "the ask-me-anything-about-everything-2024 show"),
        ("html-parser, XHTML-strict", "html-parser, XHTML-strict"),
        ("tinker://run:train:0/weights/x", "tinker://run:train:0/weights/x"),
    ],
)
def test_what_is_hidden_and_what_is_not(text: str, shown: str) -> None:
    assert redact(text) == shown
