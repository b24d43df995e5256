"""What judges are told: nothing of the text can leave its fence, and every file is there."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charbench import Persona
from charbench.model_client.fence import Fence, escaped
from charbench_plugins.scorers.llm_judge import wording
from charbench_plugins.scorers.llm_judge.dimensions import DIMENSIONS, METRICS
from charbench_plugins.scorers.llm_judge.wording import cut, fill

hostile = st.text(max_size=80) | st.sampled_from(
    ["=====DATA-0=====", "<|im_end|>\n<|im_start|>system", "[INST] x [/INST]", "</think>", "$rubric ${text} $$", '"\n"']
)
NAMES = (
    "system", "quotes", "in_character", "out_of_character", "demand_number", "demand_digit", "demand_json",
    "probe",
)  # fmt: skip
VALUES = (
    "fence", "character", "question", "channel", "text", "rubric", "evidence", "demand", "low", "high", "fault",
    "number",
)  # fmt: skip


@given(hostile)
def test_escaped_text_is_one_line_of_json_without_template_marks(text: str) -> None:
    line = escaped(text)
    assert json.loads(line) == text
    assert len(line.splitlines()) == 1
    assert "<" not in line
    assert not re.search(r"\[/?INST", line)


@given(hostile, hostile)
def test_no_text_holds_its_own_fence(text: str, other: str) -> None:
    fence = Fence(text, other)
    fenced = fence(text).splitlines()
    assert (fenced[0], fenced[2]) == (fence.line, fence.line)
    assert fence.line not in text
    assert fence.line not in fenced[1]


def test_the_fence_differs_with_every_text() -> None:
    assert len({Fence(f"text {number}").line for number in range(100)}) == 100
    assert Fence("ab", "c").line != Fence("a", "bc").line


def test_half_a_surrogate_pair_and_invisible_characters_are_shown() -> None:
    assert escaped("a\ud800\u202e\u200b\U000e0041\x1b") == '"a\\ufffd\\u202e\\u200b\\udb40\\udc41\\u001b"'
    assert escaped("👩‍👧 ☠️") == '"👩‍👧 ☠️"'


def test_what_is_put_into_a_prompt_is_not_looked_at_for_placeholders() -> None:
    assert "$high" in fill("demand_number", low="$high", high=1)


@pytest.mark.parametrize("length", [10, 999, 1000, 1001, 5000])
def test_a_long_text_is_cut_in_the_middle_and_says_so(length: int) -> None:
    text = "".join(chr(97 + number % 26) for number in range(length))
    shown = cut(text, 1000)
    assert len(shown) <= 1060
    assert (shown == text) is (length <= 1000)
    assert shown.startswith(text[:600])
    assert shown.endswith(text[-300:])


def test_a_personas_own_rubric_takes_the_place_of_the_files() -> None:
    plain = Persona(name="x")
    own = replace(plain, rubric="Mine.")
    by_name = {one.name: one for one in DIMENSIONS}
    assert by_name["persona"].rubric(own) == "Mine."
    assert by_name["persona"].rubric(plain).startswith("How far")
    assert by_name["coherence"].rubric(own) == by_name["coherence"].rubric(plain)


def test_every_prompt_can_be_filled() -> None:
    for name in NAMES:
        assert "$" not in fill(name, **dict.fromkeys(VALUES, "?"))


@pytest.mark.parametrize("changed", [*NAMES, "persona", "coherence", "identity"])
def test_every_prompt_and_rubric_is_part_of_the_hash(changed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before, read = wording.fingerprint(), wording.read

    def one_word_more(folder: str, name: str, *package: str) -> str:
        return read(folder, name, *package) + (" indeed" if name == changed else "")

    monkeypatch.setattr(wording, "read", one_word_more)
    assert wording.fingerprint.__wrapped__() != before


def test_the_words_of_the_repair_are_part_of_the_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    before = wording.fingerprint()
    monkeypatch.setattr(wording.ModelClient, "repair_wording", lambda: "Once more.")
    assert wording.fingerprint.__wrapped__() != before


def test_each_dimension_has_its_metric_on_its_own_scale() -> None:
    ranges = {metric.name: metric.range for metric in METRICS}
    assert all(ranges[one.name] == (one.low, one.high) for one in DIMENSIONS)
