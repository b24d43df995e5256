"""One rule of what a refusal is, held against labelled openings in many voices."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from charbench import Persona, Prompt, Sample, find_refusals, is_refusal
from charbench.datasets.forms import Example
from charbench.datasets.health import measure
from charbench.domain.prompt import Message
from charbench_plugins.scorers.health.refusal import Refusal
from support.scaling import FOUR_TIMES, growth

LABELLED = yaml.safe_load((Path(__file__).parents[1] / "data" / "health" / "refusals.yaml").read_text("utf-8"))
SENTENCES = [
    (label == "refuses", voice, text)
    for label, voices in LABELLED.items()
    for voice, texts in voices.items()
    for text in texts
]


def test_the_labelled_set_is_large_enough_to_decide() -> None:
    assert len(SENTENCES) >= 200
    assert min(sum(refuses for refuses, _, _ in SENTENCES), sum(not refuses for refuses, _, _ in SENTENCES)) >= 90


@pytest.mark.parametrize(("refuses", "voice", "text"), SENTENCES)
def test_a_labelled_opening_is_told_as_it_is_labelled(refuses: bool, voice: str, text: str) -> None:
    assert is_refusal(text) is refuses


@pytest.mark.parametrize("quote", ["'", "’", "ʼ"])
def test_the_kind_of_apostrophe_case_and_line_breaks_change_nothing(quote: str) -> None:
    for refuses, _, text in SENTENCES:
        assert is_refusal(text.replace("'", quote)) is refuses
        assert is_refusal(text.upper()) is refuses
        assert is_refusal("\n\n" + text) is refuses


def test_half_of_a_pair_of_surrogates_hides_no_refusal() -> None:
    assert is_refusal("\ud83d I can't help with that.")
    assert not is_refusal("\ud83d Here it is.")


def test_the_data_check_and_the_scorer_go_by_the_same_rule() -> None:
    for _, _, text in SENTENCES:
        sample = Sample(key="k", checkpoint="c", prompt=Prompt.from_text("?"), sampler="s", response=text)
        (score,) = Refusal().score(sample, Persona(name="p"))  # type: ignore[misc]
        counted = measure([Example((Message("user", "?"),), "", text, 1)]).refusals
        assert (bool(score.value), bool(counted)) == (is_refusal(text), is_refusal(text)), text


def test_a_span_shows_the_words_that_refuse() -> None:
    text = "  Oh dear. I’m afraid I can’t help with that. Ask somebody else."
    ((start, end),) = find_refusals(text)
    assert text[start:end] == "I can’t help with that"


def test_only_the_opening_of_an_answer_can_refuse() -> None:
    before = "word " * 46  # the window ends in the saying
    assert is_refusal(before + "I can't help with that.")
    assert not is_refusal(before + "I can't help but feel guilty.")
    assert not is_refusal(before * 2 + "I can't help with that.")


@pytest.mark.parametrize("piece", ["i can't ", "\n", "i'm not able to  ", "told ", '"', "I can't give you any "])
def test_the_work_grows_no_faster_than_the_text(piece: str) -> None:
    assert growth(lambda text: list(find_refusals(text)), piece, 200_000) < FOUR_TIMES
