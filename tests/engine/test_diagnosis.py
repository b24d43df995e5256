"""From probes to a cause: each rule by itself, as a plain function of what was sampled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from charbench.domain.prompt import Prompt
from charbench.domain.sample import Failure, Sample, ThinkingState
from charbench.engine.diagnosis import Cause, Diagnosis, conclude
from charbench.engine.probes import ProbeResult

PROMPTS = [Prompt.from_text(f"Question {number}?") for number in range(10)]
THOUGHT = "They ask about the sea, and I sail."


def samples(
    count: int = 10, response: str = "", thinking: str = THOUGHT, state: str = "unclosed_stop", **more: Any
) -> tuple[Sample, ...]:
    return tuple(
        Sample(
            key=str(number),
            checkpoint="model:x",
            prompt=PROMPTS[number],
            sampler="tiny",
            response=f"{response} {number}" if response else "",
            thinking=thinking,
            state=ThinkingState(state),
            **{"max_tokens": 100, **more},
        )
        for number in range(count)
    )


def result(*parts: tuple[Sample, ...], response: int = 0, thinking: int = 0, title: str = "probe") -> ProbeResult:
    """Return what a probe gave: samples, and how many responses and thinkings have the trait."""
    return ProbeResult(title, tuple(sample for part in parts for sample in part), response, thinking)


def answered(count: int = 10, traits: int = 0, state: str = "closed", thinking: int = 0, **more: Any) -> ProbeResult:
    """Return a probe in which everything has a response, ``traits`` of them in character."""
    return result(samples(count, "Hello.", state=state, **more), response=traits, thinking=thinking)


def lacking(count: int = 10, **more: Any) -> ProbeResult:
    """Return a probe without responses, all in character in the thinking."""
    return result(samples(count, **more), thinking=count)


def cause(baseline: ProbeResult, **probes: ProbeResult) -> Diagnosis:
    return conclude(baseline, baseline.without_responses(), probes, "tiny")


NOTHING = lacking()
CUT = {"state": "unclosed_length", "finish_reason": "length"}

RULES: dict[str, tuple[ProbeResult, Mapping[str, ProbeResult], Cause]] = {
    "all have a response in character": (answered(traits=10), {}, Cause.NOTHING_MISSING),
    "one of ten lacks its response": (
        result(samples(9, "Ahoy.", state="closed"), samples(1), response=9),
        {},
        Cause.NOTHING_MISSING,
    ),
    "misfiled": (lacking(state="misfiled"), {}, Cause.MISFILED),
    "misfiled, whatever a probe brings": (
        lacking(state="misfiled"),
        {"no_prefill": answered(traits=10, state="none")},
        Cause.MISFILED,
    ),
    "stops at once": (lacking(thinking="", state="closed_empty"), {}, Cause.STOPS_AT_ONCE),
    "refusal": (lacking(thinking="I'm sorry, but I can't help with that."), {}, Cause.REFUSAL),
    "trained without a thinking block": (
        NOTHING,
        {"no_prefill": answered(traits=10, state="none")},
        Cause.NO_THINKING_BLOCK,
    ),
    "prefill does not fit": (NOTHING, {"no_prefill": answered(traits=10, state="closed")}, Cause.PREFILL_MISMATCH),
    "budget": (lacking(**CUT), {"no_prefill": NOTHING, "long": answered(traits=9)}, Cause.BUDGET),
    "never closes, and thinking off helps": (
        lacking(**CUT),
        {"long": lacking(**CUT), "thinking_off": answered(traits=9, state="none")},
        Cause.NEVER_CLOSES,
    ),
    "never ends": (
        lacking(**CUT),
        {"long": lacking(**CUT), "thinking_off": lacking(**CUT), "closed_prefill": lacking(**CUT)},
        Cause.NEVER_ENDS,
    ),
    "stops in its thinking under every setting": (
        NOTHING,
        {"no_prefill": NOTHING, "long": NOTHING, "thinking_off": NOTHING},
        Cause.NEVER_CLOSES,
    ),
    "stops in its thinking, and a closed prefill helps": (
        NOTHING,
        {"no_prefill": NOTHING, "closed_prefill": answered(traits=9, state="none")},
        Cause.NEVER_CLOSES,
    ),
    "thinking only, and nobody recorded why": (lacking(state="unclosed_unknown"), {}, Cause.UNKNOWN),
    "responses missing for no reason that is known": (lacking(state="closed"), {}, Cause.UNKNOWN),
    "adapter not applied": (
        answered(thinking=0),
        {"greedy": answered(), "base_greedy": answered()},
        Cause.ADAPTER_NOT_APPLIED,
    ),
    "adapter applied, and no character": (
        answered(),
        {"greedy": answered(), "base_greedy": result(samples(10, "Other.", state="closed"))},
        Cause.NO_CHARACTER,
    ),
    "no character anywhere": (answered(traits=1, thinking=2), {}, Cause.NO_CHARACTER),
    "erosion": (
        answered(traits=1, thinking=9),
        {"no_prefill": answered(traits=1), "thinking_off": answered(traits=1, state="none")},
        Cause.EROSION,
    ),
    "character comes back under another setting": (
        answered(traits=1, thinking=9),
        {"no_prefill": answered(traits=1), "thinking_off": answered(traits=5, state="none")},
        Cause.SETTING,
    ),
    "a base model's character is no setting of the checkpoint's": (
        answered(traits=1),
        {"base": answered(traits=9)},
        Cause.NO_CHARACTER,
    ),
    "a little more character under a probe: no erosion": (
        answered(traits=1, thinking=9),
        {"no_prefill": answered(traits=1), "thinking_off": answered(traits=2, state="none")},
        Cause.NO_CHARACTER,
    ),
    "a base model's probe cannot rule erosion out": (
        answered(traits=1, thinking=9),
        {"base": answered(traits=9)},
        Cause.EROSION,
    ),
    "character in a fifth of the responses": (answered(traits=2, thinking=9), {}, Cause.NOTHING_MISSING),
}


@pytest.mark.parametrize("name", RULES)
def test_each_cause_follows_from_its_probes(name: str) -> None:
    baseline, probes, expected = RULES[name]
    found = cause(baseline, **probes)
    assert found.cause is expected
    assert found.evidence
    assert found.advice


def test_erosion_is_named_only_when_responses_come() -> None:
    eroded = answered(traits=0, thinking=10)
    assert cause(eroded).cause is Cause.EROSION
    assert cause(NOTHING, no_prefill=NOTHING, thinking_off=NOTHING).cause is not Cause.EROSION


def test_the_server_that_serves_the_base_model_is_named_before_erosion() -> None:
    eroded = answered(traits=0, thinking=10)
    assert cause(eroded, greedy=answered(), base_greedy=answered()).cause is Cause.ADAPTER_NOT_APPLIED


@pytest.mark.parametrize(("same", "expected"), [(5, Cause.ADAPTER_NOT_APPLIED), (4, Cause.NO_CHARACTER)])
def test_half_of_the_answers_must_be_the_base_models_own(same: int, expected: Cause) -> None:
    base = samples(10, "Hello.", state="closed")
    mixed = (*base[:same], *(replace(sample, response="Another.") for sample in base[same:]))
    assert cause(answered(), greedy=result(mixed), base_greedy=result(base)).cause is expected


@pytest.mark.parametrize(("came", "expected"), [(5, Cause.BUDGET), (4, Cause.NEVER_ENDS)])
def test_half_of_the_longer_answers_must_have_a_response(came: int, expected: Cause) -> None:
    long = result(samples(came, "Ahoy.", state="closed"), samples(10 - came, **CUT))
    assert cause(lacking(**CUT), long=long).cause is expected


@pytest.mark.parametrize(("came", "expected"), [(5, Cause.NO_THINKING_BLOCK), (4, Cause.NEVER_CLOSES)])
def test_half_of_the_answers_without_the_prefill_must_have_a_response(came: int, expected: Cause) -> None:
    without = result(samples(came, "Ahoy.", state="none"), samples(10 - came, state="none"))
    assert cause(NOTHING, no_prefill=without).cause is expected


def test_failed_samples_say_nothing() -> None:
    failed = samples(8, state="error", failure=Failure("timeout", "timed out"))
    baseline = result(failed, samples(2, "Ahoy.", state="closed"), response=2)
    assert cause(baseline).cause is Cause.NOTHING_MISSING


def test_what_is_said_holds_the_counts_and_what_to_type() -> None:
    found = cause(NOTHING, no_prefill=answered(10, traits=9, state="none"))
    assert found.evidence[0] == "10 of 10 stop by themselves without </think>"
    assert "10 of 10 have a response, and 9 of 10 of these are in character" in found.evidence[1]
    assert "-o sampler.tiny.thinking=on" in found.advice
    found = cause(lacking(**CUT), long=answered())
    assert found.evidence[0] == "10 of 10 reach the limit of 100 tokens inside their thinking"
    assert "-o sampler.tiny.max_tokens=400" in found.advice
