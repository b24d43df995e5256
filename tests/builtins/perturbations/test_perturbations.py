"""Prompts put otherwise: kept apart from headlines, and reported with the worst case."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charbench import Message, Prompt
from charbench.personas.prompt_sets import default_prompts
from charbench_plugins.perturbations import charbench_perturbations
from support.command import Charbench

ALL = [component() for component in charbench_perturbations()]


@pytest.mark.slow
@pytest.mark.parametrize("perturbation", ALL, ids=lambda one: one.name)
@given(text=st.text(min_size=1, max_size=60))
def test_every_variant_keeps_the_prompts_id_and_family_and_asks_something_else(perturbation, text):
    prompt = Prompt("p", (Message("user", text),), family="advice")
    variants = list(perturbation.variants(prompt))
    assert len({name for name, _ in variants}) == len(variants) > 0
    for _, variant in variants:
        assert (variant.id, variant.family) == ("p", "advice")
        assert variant.key != prompt.key
        assert text in variant.messages[-1].content


@pytest.mark.parametrize(
    ("name", "prefix", "count"), [("paraphrase", "reworded", 2), ("other-language", "asked-in-", 3)]
)
def test_the_default_prompts_are_asked_in_other_words_and_in_other_languages(name: str, prefix: str, count: int):
    (perturbation,) = (one for one in ALL if one.name == name)
    for prompt in default_prompts():
        put = {variant: asked for variant, asked in perturbation.variants(prompt) if variant.startswith(prefix)}
        assert len({asked.text for asked in put.values()}) == len(put) == count
        for asked in put.values():
            assert prompt.text not in asked.text
            assert (asked.id, asked.family) == (prompt.id, prompt.family)
            assert (asked.language == "en") == (name == "paraphrase")


def test_break_character_has_the_eight_kinds_and_no_wording_twice():
    (breaking,) = (one for one in ALL if one.name == "break-character")
    texts = [variant.text for _, variant in breaking.variants(Prompt.from_text("How are you?"))]
    assert len(set(texts)) == 8


def test_a_prompt_with_a_system_turn_of_its_own_is_not_given_another():
    (neutral,) = (one for one in ALL if one.name == "neutral-assistant")
    prompt = Prompt("p", (Message("system", "Be brief."), Message("user", "Hi?")))
    assert list(neutral.variants(prompt)) == []


@pytest.fixture
def tiny_lab(tmp_path: Path) -> Path:
    (tmp_path / ".character").mkdir()
    (tmp_path / ".character" / "checkpoints.json").write_text(
        '{"pirate": [{"name": "pirate_sft", "checkpoint_type": "sft", "tinker_path": "tiny:base"}]}'
    )
    return tmp_path


@pytest.mark.slow
def test_perturbed_samples_stay_out_of_headlines_and_are_reported_by_their_worst_case(charbench: Charbench, tiny_lab):
    arguments = ["run", "--lab", tiny_lab, "--sampler", "tiny", "-o", "sampler.tiny.max_tokens=24"]
    plain = charbench.ok(*arguments, "--json").json
    asked = charbench.ok(*arguments, "--perturb", "politeness", "--perturb", "second-turn", "--json").json
    assert plain["samples"] == asked["samples"] == 5
    assert plain["robustness"] == []
    (row,) = asked["robustness"]
    assert set(row["conditions"]) == {
        "politeness:courteous",
        "politeness:curt",
        "politeness:rude",
        "second-turn:keep-going",
    }
    assert all(condition["samples"] == 5 for condition in row["conditions"].values())
    shares = [condition["trait_rate"] for condition in row["conditions"].values()]
    assert row["worst_trait_rate"] == min(shares)
    assert "Robustness" in charbench.ok("report", "--lab", tiny_lab).out


def test_an_unknown_perturbation_is_answered_with_the_choices(charbench: Charbench, tiny_lab):
    ended = charbench("run", "--lab", tiny_lab, "--sampler", "tiny", "--perturb", "politness")
    assert ended.code == 2
    assert "did you mean 'politeness'" in ended.err
