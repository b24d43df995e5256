"""Secrets are hidden wherever text is stored or printed."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charbench import redact, register_secret
from charbench.text.redaction import keep_userinfo, redact_all, redact_command

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
    assert register_secret("gsk_verysecretkey0123456789") == "gsk_verysecretkey0123456789"
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


PASSWORD = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=24).filter(
    lambda text: not text.isalpha() and not text.isdecimal() and "[" not in text
)
"""Any text that has no space in it."""


@given(st.sampled_from(["", "user:", ":", "us/er:", "a@b:"]), PASSWORD)
def test_credentials_in_a_command_are_hidden_whatever_they_hold(user: str, password: str) -> None:
    url = f"http://{user}{password}@host.example:8000/v1"
    for word in (url, f"sampler.thinking.base_url={url}", f'"{url}"'):
        shown = redact_command(["charbench", "run", "-o", word])
        assert password not in shown.replace("sampler.thinking.base_url", "")  # what stands there anyway hides nothing
        assert "host.example:8000/v1" in shown


@given(PASSWORD, st.sampled_from(["{}", "said: {}.", "%{}%", '{{"a": "{}"}}']))
def test_a_password_is_hidden_without_its_url_once_that_is_known(password: str, around: str) -> None:
    keep_userinfo(f"http://user:{quote(password, safe='')}@host")
    assert password not in redact(around.format(password))


@pytest.mark.parametrize("text", ["://", "a://b@", "http://", "@", "?key=", "tinker://x@", "http://a/b?key="])
def test_the_time_that_hiding_takes_is_proportional_to_the_text(text: str) -> None:
    assert redact(text * 200_000) is not None  # a quadratic expression would take an hour


@pytest.mark.parametrize(
    "text",
    [
        "tinker://run:train:0/weights/pirate@2",
        "sqlite:////labs/me@work/charbench.db",
        "mail me@example.org, or see http://example.org/me",
        "max_tokens=2048 stop_token=</s>",
    ],
)
def test_what_is_no_credential_stays(text: str) -> None:
    assert redact(text) == text


def test_what_is_named_as_a_secret_is_hidden_in_stored_options() -> None:
    given = {"api_key": "a b c", "x": [{"auth_token": "q", "max_tokens": 5}], "thinking_tokens_field": "budget"}
    assert redact_all(given) == {
        "api_key": "[redacted]",
        "x": [{"auth_token": "[redacted]", "max_tokens": 5}],
        "thinking_tokens_field": "budget",
    }
