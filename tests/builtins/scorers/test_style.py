"""Style features computed from a text."""

from __future__ import annotations

import math
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charbench import Channel, Marker, Persona, Prompt, Sample, Tier
from charbench_plugins.scorers.keyword.scorer import KeywordScorer

SCORER = KeywordScorer()
WHO = Persona(name="p", markers=(Marker("ahoy", Tier.STRONG),))


def features(text: str) -> dict[str, float | None]:
    sample = Sample(key="k", checkpoint="c", prompt=Prompt.from_text("?"), sampler="s", response=text)
    return {item.metric: item.value for item in SCORER.score(sample, WHO) if item.channel is Channel.RESPONSE}


TEN = "one two three four five six seven eight nine ten"


@pytest.mark.parametrize(
    ("text", "feature", "expected"),
    [
        (TEN + "!!", "exclamation_marks", 20.0),
        (TEN + "?", "question_marks", 10.0),
        (TEN + "😂😂", "emoji", 20.0),
        (TEN, "emoji", 0.0),
        ("A BIG day for USA", "capitals", 2 / 5),
        ("# Title\nplain\n- item\n**bold** x", "markdown", 3 / 4),
        ("Perhaps it is so, maybe not at all, dear friend", "hedges", 20.0),
        ("One two three. Four five six! Seven eight nine?", "sentence_length", 3.0),
        ("no end of a sentence", "sentence_length", 5.0),
        ("a a a b", "type_token_ratio", 0.5),
        ("word " * 500, "type_token_ratio", 0.01),
    ],
)
def test_a_feature_is_what_its_title_says(text: str, feature: str, expected: float) -> None:
    assert features(text)[feature] == pytest.approx(expected)


def test_a_text_without_letters_has_no_type_token_ratio() -> None:
    assert "type_token_ratio" not in features("!!! ???")


@given(st.text(max_size=300))
def test_features_are_finite_and_in_their_range(text: str) -> None:
    ranges = {metric.name: metric.range for metric in KeywordScorer.metrics}
    for name, value in features(text).items():
        assert value is not None
        low, high = ranges[name]
        assert math.isfinite(value)
        assert low is None or value >= low
        assert high is None or value <= high


def test_style_features_can_be_left_out() -> None:
    scorer = KeywordScorer(KeywordScorer.Config(style=False))
    sample = Sample(key="k", checkpoint="c", prompt=Prompt.from_text("?"), sampler="s", response=TEN)
    assert not {item.metric for item in scorer.score(sample, Persona(name="p"))} & {"emoji", "capitals", "hedges"}


def test_sentences_and_different_words_are_counted_as_their_definitions_say_whatever_the_white_space() -> None:
    dice = random.Random(1)
    pieces = ["Ahoy", "sea-dog", "don't", "…", ".", "!", "?!", "(", "İ", "ß", *" \n\t\r\u3000\x85\x1c\u2028"]
    for _ in range(300):
        text = "".join(dice.choices(pieces, k=dice.randrange(1, 40)))
        if not (words := text.split()):
            continue
        lines = [line.rstrip() for line in text.splitlines() if line.strip()]
        ends = len(re.findall(r"[.!?…](?=\s|\Z)", text)) + sum(line[-1] not in ".!?…" for line in lines)
        bare = " ".join(words).lower().translate(str.maketrans("", "", ".,;:!?…\"'“”‘’()[]{}*_-–—/")).split()
        found = features(text)
        assert found["sentence_length"] == len(words) / ends
        assert found.get("type_token_ratio") == (len(set(bare)) / len(bare) if bare else None)
