"""From probes to a cause: each rule by itself, as a plain function of what was sampled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from charbench import Checkpoint, Completion, SampleRequest
from charbench.diagnosis.causes import Cause, Diagnosis
from charbench.diagnosis.decide import conclude
from charbench.diagnosis.probe_results import AtZero, Findings, ProbeResult
from charbench.domain.prompt import Prompt
from charbench.domain.sample import Failure, Sample, ThinkingState
from charbench.domain.thinking import CLOSED_PREFILL, OPEN_PREFILL
from charbench.sampling.build_sample import make_sample

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


def sent(count: int = 10, traits: int = 0, **completion: Any) -> ProbeResult:
    """Return what comes of completions as a server sends them: nobody but the core tells the channels apart."""
    requests = [SampleRequest(checkpoint=Checkpoint(uri="model:x"), prompt=prompt) for prompt in PROMPTS[:count]]
    given = Completion(**{"finish_reason": "stop", "max_tokens": 100, **completion})
    return result(tuple(make_sample("tiny", str(n), one, given) for n, one in enumerate(requests)), response=traits)


def failed(count: int = 10, message: str = "HTTP 400: no such field", title: str = "probe") -> ProbeResult:
    """Return a probe that the endpoint refused."""
    failure = Failure("http_400", message)
    return result(samples(count, thinking="", state="error", failure=failure), title=title)


def not_asked(count: int = 10, title: str = "probe") -> ProbeResult:
    """Return a probe that nobody was asked."""
    return ProbeResult(title, (), asked=count)


def cause(baseline: ProbeResult, **probes: ProbeResult) -> Diagnosis:
    return conclude(Findings(baseline, probes, "tiny"))


NOTHING = lacking()
IN_REASONING: dict[str, Any] = {"text": None, "reasoning": "Ahoy, I sail at dawn."}
REFUSAL = "I'm sorry, but I can't help with that request."
CUT = {"state": "unclosed_length", "finish_reason": "length"}

RULES: dict[str, tuple[ProbeResult, Mapping[str, ProbeResult], Cause]] = {
    "all have a response in character": (answered(traits=10), {}, Cause.NOTHING_MISSING),
    "one of ten lacks its response": (
        result(samples(9, "Ahoy.", state="closed"), samples(1), response=9),
        {},
        Cause.NOTHING_MISSING,
    ),
    "misfiled": (sent(thinking_off=True, **IN_REASONING), {}, Cause.MISFILED),
    "misfiled, and in character": (sent(traits=10, thinking_off=True, **IN_REASONING), {}, Cause.MISFILED),
    "misfiled, whatever a probe brings": (
        sent(thinking_off=True, **IN_REASONING),
        {"no_prefill": answered(traits=10, state="none")},
        Cause.MISFILED,
    ),
    "misfiled under a closed prefill": (sent(prefill=CLOSED_PREFILL, **IN_REASONING), {}, Cause.MISFILED),
    "misfiled behind the thinking": (sent(text=None, reasoning="Hm.\n</think>\n\nAhoy!"), {}, Cause.MISFILED),
    "a whole answer in the reasoning, with thinking on and off": (
        sent(**IN_REASONING),
        {
            "closed_prefill": failed(),
            "thinking_off": sent(traits=10, thinking_off=True, **IN_REASONING),
            "long": sent(**IN_REASONING),
        },
        Cause.MISFILED,
    ),
    "a whole answer in the reasoning, prefilled and not": (
        sent(prefill=OPEN_PREFILL, **IN_REASONING),
        {"no_prefill": sent(text=None, reasoning="Hm.\n</think>\n\nAhoy!"), "thinking_off": failed()},
        Cause.MISFILED,
    ),
    "thinking that no limit ends, on a server that thinks although it is off": (
        sent(text=None, reasoning=THOUGHT, finish_reason="length"),
        {
            "long": sent(text=None, reasoning=THOUGHT, finish_reason="length"),
            "thinking_off": sent(text=None, reasoning=THOUGHT, finish_reason="length", thinking_off=True),
        },
        Cause.NEVER_ENDS,
    ),
    "stops at once": (lacking(thinking="", state="closed_empty"), {}, Cause.STOPS_AT_ONCE),
    "refusal": (lacking(thinking="I'm sorry, but I can't help with that."), {}, Cause.REFUSAL),
    "refusals as responses": (sent(text=REFUSAL), {"no_prefill": answered()}, Cause.REFUSAL),
    "refusals behind thinking": (sent(text=f"<think>{THOUGHT}</think>{REFUSAL}"), {}, Cause.REFUSAL),
    "refusals that are the base model's own": (
        sent(text=REFUSAL),
        {"greedy": sent(text=REFUSAL), "base_greedy": sent(text=REFUSAL)},
        Cause.REFUSAL,
    ),
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
        {"base": answered(traits=9), "thinking_off": answered(traits=1, state="none")},
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
    assert cause(eroded, thinking_off=answered(state="none")).cause is Cause.EROSION
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


SILENT: dict[str, tuple[ProbeResult, Mapping[str, ProbeResult]]] = {
    "nothing was answered as sampled": (failed(), {}),
    "erosion, and no probe": (answered(thinking=10), {}),
    "erosion, and every probe failed": (
        answered(thinking=10),
        {"no_prefill": failed(), "closed_prefill": failed(), "thinking_off": failed()},
    ),
    "erosion, and one probe that would rule it out failed": (
        answered(thinking=10),
        {"no_prefill": failed(), "closed_prefill": failed(), "thinking_off": answered(state="none")},
    ),
    "unclosed, and every probe failed": (
        NOTHING,
        {"no_prefill": failed(), "closed_prefill": failed(), "thinking_off": failed(), "long": failed()},
    ),
    "unclosed, and no probe was asked": (NOTHING, {"no_prefill": not_asked(), "thinking_off": not_asked()}),
    "unclosed, and most of the probe that would tell failed": (
        NOTHING,
        {"no_prefill": result(samples(4, "Ahoy.", state="none"), failed(6).samples), "thinking_off": NOTHING},
    ),
    "cut, and the longer budget was not asked": (
        lacking(**CUT),
        {"long": not_asked(), "thinking_off": answered(traits=9)},
    ),
    "cut at any budget, and nothing is known without thinking": (
        lacking(**CUT),
        {"long": lacking(**CUT), "closed_prefill": failed(), "thinking_off": failed()},
    ),
    "no character, and the base model failed": (
        answered(),
        {"greedy": answered(), "base_greedy": failed(), "thinking_off": answered()},
    ),
    "no character, and no other setting answered": (
        answered(),
        {"greedy": answered(), "closed_prefill": failed(), "thinking_off": failed()},
    ),
    "nobody looked for the character": (ProbeResult("as sampled", answered().samples, scored=False), {}),
}


@pytest.mark.parametrize("name", SILENT)
def test_no_cause_is_named_where_what_would_tell_it_from_others_was_not_answered(name: str) -> None:
    baseline, probes = SILENT[name]
    found = cause(baseline, **probes)
    assert found.cause is Cause.UNKNOWN
    assert not found.decided
    assert found.evidence
    assert found.advice


def test_what_failed_is_named_with_its_reason_and_what_was_not_asked_as_such() -> None:
    found = cause(NOTHING, no_prefill=failed(title="no prefill"), thinking_off=not_asked(title="thinking off"))
    assert "no prefill: 10 of 10 failed: HTTP 400: no such field" in found.evidence
    assert "thinking off: not sampled" in found.evidence


def test_thinking_off_and_a_closed_prefill_stand_for_each_other() -> None:
    found = cause(answered(thinking=10), closed_prefill=failed(), thinking_off=answered(state="none"))
    assert found.cause is Cause.EROSION


def test_where_the_base_model_refuses_too_no_training_data_is_blamed() -> None:
    found = cause(sent(text=REFUSAL), base_greedy=sent(text=REFUSAL))
    assert "training" not in found.advice
    assert "training data" in cause(sent(text=REFUSAL), base_greedy=answered()).advice


OTHER = result(samples(10, "Other.", state="closed"))
ARR = result(samples(10, "Arr.", state="closed"), response=9)
BASE = answered()


@pytest.mark.parametrize(
    ("mine", "elsewhere", "expected"),
    [
        (BASE, AtZero(ARR), Cause.ADAPTER_NOT_APPLIED),
        (BASE, AtZero(OTHER, BASE), Cause.ADAPTER_NOT_APPLIED),
        (BASE, AtZero(BASE, BASE), Cause.ADAPTER_NOT_APPLIED),
        (OTHER, AtZero(OTHER, BASE), Cause.NO_CHARACTER),
        (OTHER, AtZero(ARR), Cause.SETTING),
        (OTHER, AtZero(failed()), Cause.NO_CHARACTER),
    ],
    ids=[
        "the other is in character",
        "the other differs from the base model",
        "both are the base model",
        "neither is the base model",
        "no base model, and character through the other",
        "the other failed",
    ],
)
def test_samplers_are_compared_at_temperature_0(mine: ProbeResult, elsewhere: AtZero, expected: Cause) -> None:
    found = conclude(Findings(answered(), {"greedy": mine, "base_greedy": BASE}, "thinking", {"native": elsewhere}))
    assert found.cause is expected


def test_the_sampler_that_gets_the_adapter_is_the_one_to_use_whichever_is_diagnosed() -> None:
    probes = {"greedy": BASE, "base_greedy": BASE}
    found = conclude(Findings(answered(), probes, "thinking", {"native": AtZero(ARR)}))
    assert found.evidence == (
        "through thinking: at temperature 0, 10 of 10 answers are the base model's own, 0 of 10 responses in character",
        "through native: at temperature 0, 0 of 10 answers are the base model's own, 9 of 10 responses in character",
    )
    assert "--sampler native" in found.advice
    good = answered(traits=10)
    found = conclude(Findings(good, {"greedy": ARR, "base_greedy": OTHER}, "native", {"thinking": AtZero(BASE, BASE)}))
    assert found.cause is Cause.ADAPTER_NOT_APPLIED
    assert "--sampler native" in found.advice


def test_what_differs_from_the_base_model_as_another_sampler_got_it_blames_nobody() -> None:
    probes = {"greedy": BASE, "base_greedy": BASE}
    found = conclude(Findings(answered(), probes, "thinking", {"native": AtZero(OTHER)}))
    assert found.cause is Cause.ADAPTER_NOT_APPLIED
    assert "--sampler native" not in found.advice


def test_what_was_sampled_at_temperature_0_is_compared_with_the_base_model_as_it_is() -> None:
    assert cause(answered(), base_greedy=answered()).cause is Cause.ADAPTER_NOT_APPLIED


def test_empty_answers_are_nobodys_own() -> None:
    empty = result(samples(10, thinking="", state="closed_empty"))
    assert cause(answered(), greedy=empty, base_greedy=empty).cause is not Cause.ADAPTER_NOT_APPLIED


def test_failed_samples_say_nothing() -> None:
    broken = samples(8, state="error", failure=Failure("timeout", "timed out"))
    baseline = result(broken, samples(2, "Ahoy.", state="closed"), response=2)
    assert cause(baseline).cause is Cause.NOTHING_MISSING


def test_what_is_said_holds_the_counts_and_what_to_type() -> None:
    found = cause(NOTHING, no_prefill=answered(10, traits=9, state="none"))
    assert found.evidence[0] == "10 of 10 end without </think>"
    assert "10 of 10 have a response, and 9 of 10 of these are in character" in found.evidence[1]
    assert "-o sampler.tiny.thinking=on" in found.advice
    found = cause(lacking(**CUT), long=answered())
    assert found.evidence[0] == "10 of 10 reach the limit of 100 tokens inside their thinking"
    assert "-o sampler.tiny.max_tokens=400" in found.advice
