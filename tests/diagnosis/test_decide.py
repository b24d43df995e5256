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
from charbench.sampling.samples import make_sample

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
            **{"max_tokens": 100, "finish_reason": None if state == "unclosed_unknown" else "stop", **more},
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
    """Return the diagnosis; a base model asked at temperature 0 repeats itself unless ``base_again`` says otherwise."""
    if "base_greedy" in probes:
        probes.setdefault("base_again", probes["base_greedy"])
    return conclude(Findings(baseline, probes, "tiny"))


NOTHING = lacking()
IN_REASONING: dict[str, Any] = {"text": None, "reasoning": "Ahoy, I sail at dawn."}
WITH_THINKING: dict[str, Any] = {"text": None, "reasoning": f"{3 * THOUGHT} Ahoy, I sail at dawn."}
REFUSAL = "I'm sorry, but I can't help with that request."
CUT = {"state": "unclosed_length", "finish_reason": "length"}
OTHER = result(samples(10, "Other.", state="closed"))

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
    "thinking and answer in the reasoning, and with thinking off the answer alone": (
        sent(**WITH_THINKING),
        {
            "closed_prefill": failed(),
            "thinking_off": sent(traits=10, thinking_off=True, **IN_REASONING),
            "long": sent(**WITH_THINKING),
        },
        Cause.MISFILED,
    ),
    "thinking and answer in the reasoning, with thinking on and off": (
        sent(**WITH_THINKING),
        {"thinking_off": sent(traits=10, thinking_off=True, **WITH_THINKING), "long": sent(**WITH_THINKING)},
        Cause.UNKNOWN,
    ),
    "thinking and answer in the reasoning, and with thinking off a response": (
        sent(**WITH_THINKING),
        {"thinking_off": sent(traits=10, thinking_off=True, text="Ahoy, I sail at dawn.")},
        Cause.UNKNOWN,
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
        Cause.NOT_WITHIN,
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
    "budget, as another server says it": (
        lacking(**{**CUT, "finish_reason": "MAX_TOKENS"}),
        {"long": answered(traits=9)},
        Cause.BUDGET,
    ),
    "the whole budget went into thinking that the server hides": (
        lacking(thinking="", state="none", finish_reason="length"),
        {"long": answered(traits=9)},
        Cause.BUDGET,
    ),
    "cut at any limit, and thinking off helps": (
        lacking(**CUT),
        {"long": lacking(**CUT), "thinking_off": answered(traits=9, state="none")},
        Cause.NOT_WITHIN,
    ),
    "cut at any limit, under every setting": (
        lacking(**CUT),
        {"long": lacking(**CUT), "thinking_off": lacking(**CUT), "closed_prefill": lacking(**CUT)},
        Cause.NOT_WITHIN,
    ),
    "cut, and with a larger budget it stops inside its thinking by itself": (
        lacking(**CUT),
        {"long": NOTHING, "thinking_off": answered(traits=9, state="none")},
        Cause.NEVER_CLOSES,
    ),
    "the server does not say why they end, and a larger budget helps": (
        lacking(state="unclosed_unknown"),
        {"long": answered(traits=9)},
        Cause.BUDGET,
    ),
    "the server does not say why they end, and only thinking off helps": (
        lacking(finish_reason="enough"),
        {"long": lacking(finish_reason="enough"), "thinking_off": answered(traits=9, state="none")},
        Cause.UNKNOWN,
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
    "erosion, though some answers at temperature 0 are the base model's": (
        answered(traits=1, thinking=9),
        {
            "thinking_off": answered(traits=1, state="none"),
            "greedy": result(samples(8, "Hello.", state="closed"), OTHER.samples[8:]),
            "base_greedy": answered(),
        },
        Cause.EROSION,
    ),
    "weakly trained, or not applied: no erosion where the base model thinks in character too": (
        answered(traits=1, thinking=9),
        {
            "thinking_off": answered(traits=1, state="none"),
            "greedy": result(samples(8, "Hello.", state="closed"), OTHER.samples[8:]),
            "base_greedy": answered(thinking=9),
        },
        Cause.WEAK_OR_NOT_APPLIED,
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


def mixed(same: int, total: int = 10) -> ProbeResult:
    """Return answers of which the first ``same`` are the base model's."""
    return result(samples(same, "Hello.", state="closed"), OTHER.samples[same:total])


@pytest.mark.parametrize(
    ("total", "same", "expected"),
    [
        (10, 10, Cause.ADAPTER_NOT_APPLIED),
        (5, 5, Cause.ADAPTER_NOT_APPLIED),
        (4, 4, Cause.WEAK_OR_NOT_APPLIED),
        (10, 9, Cause.WEAK_OR_NOT_APPLIED),
        (10, 5, Cause.WEAK_OR_NOT_APPLIED),
        (10, 4, Cause.NO_CHARACTER),
        (10, 0, Cause.NO_CHARACTER),
    ],
)
def test_an_adapter_is_not_applied_only_where_five_answers_or_more_all_equal_the_base_models(
    total: int, same: int, expected: Cause
) -> None:
    found = cause(answered(total), greedy=mixed(same, total), base_greedy=answered(total))
    assert found.cause is expected
    assert found.decided is (expected is not Cause.WEAK_OR_NOT_APPLIED)
    if expected is Cause.WEAK_OR_NOT_APPLIED:
        assert found.evidence[0] == (
            f"at temperature 0, {total - same} of {total} answers differ from the base model's"
        )


@pytest.mark.parametrize(("same", "repeats"), [(10, 9), (10, 0), (5, 5), (0, 0), (2, 5)])
def test_where_the_base_model_does_not_repeat_itself_equal_and_different_answers_tell_nothing(
    same: int, repeats: int
) -> None:
    found = cause(answered(), greedy=mixed(same), base_greedy=answered(), base_again=mixed(repeats))
    assert (found.cause, found.decided) == (Cause.UNKNOWN, False)
    assert f"does not repeat itself: {10 - repeats} of 10 of its answers differ" in " ".join(found.evidence)


def test_answers_that_differ_far_more_than_the_base_model_from_itself_are_the_adapters() -> None:
    found = cause(answered(), greedy=mixed(0), base_greedy=answered(), base_again=mixed(9))
    assert found.cause is Cause.NO_CHARACTER


@pytest.mark.parametrize("again", [failed(title="again"), not_asked(title="again")])
def test_nothing_is_said_of_the_adapter_where_the_base_model_was_not_asked_twice(again: ProbeResult) -> None:
    found = cause(answered(), greedy=answered(), base_greedy=answered(), base_again=again)
    assert (found.cause, found.decided) == (Cause.UNKNOWN, False)
    assert any(line.startswith("again: ") for line in found.evidence)


def test_further_epochs_of_one_prompt_are_no_further_answers() -> None:
    epochs = tuple(replace(sample, epoch=n, prompt=PROMPTS[0]) for n, sample in enumerate(answered().samples))
    found = cause(answered(), greedy=result(epochs), base_greedy=result(epochs))
    assert found.cause is Cause.WEAK_OR_NOT_APPLIED
    assert "0 of 1 answers differ" in found.evidence[0]


def aside(count: int, state: str = "filtered") -> tuple[Sample, ...]:
    return samples(count, state=state, failure=Failure(state, "ended"), finish_reason="content_filter")


@pytest.mark.parametrize(
    ("state", "expected"), [("filtered", Cause.FILTERED), ("tool_call", Cause.TOOL_CALLS)], ids=["filtered", "tools"]
)
def test_filtered_replies_and_tool_calls_are_named_with_their_share_and_blame_no_training(
    state: str, expected: Cause
) -> None:
    for some, lost in (samples(6, "Ahoy.", state="closed"), 4), ((), 10), (samples(3), 7):
        found = cause(result(aside(lost, state), some, response=len(some)))
        assert found.cause is expected
        assert found.evidence[0].startswith(f"{lost} of 10 replies ")
        assert "say nothing of how the checkpoint was trained" in found.advice
    one = cause(result(aside(1, state), samples(9, "Ahoy.", state="closed"), response=9))
    assert one.cause is Cause.NOTHING_MISSING
    assert any(line.startswith("1 of 10 replies ") for line in one.evidence)


def test_a_cause_among_the_other_replies_is_named_with_the_share_that_was_filtered() -> None:
    found = cause(result(aside(4), samples(6)), no_prefill=answered(6, traits=6, state="none"))
    assert found.cause is Cause.NO_THINKING_BLOCK
    assert found.evidence[0].startswith("6 of 6 end without </think>")
    assert found.evidence[-1] == "4 of 10 replies were ended by a content filter"


def test_counts_are_out_of_all_that_were_answered() -> None:
    some = samples(7, "Ahoy.", state="closed")
    for lost in (
        samples(3, thinking="", state="none"),
        samples(3, thinking="I'm sorry, but I can't help with that."),
        samples(3, **CUT),
        samples(3),
    ):
        probes = {"thinking_off": answered(3), "long": lacking(3, **CUT), "no_prefill": lacking(3)}
        found = cause(result(lost, some, response=7), **probes)
        assert found.evidence[0].startswith("3 of 10 "), found.evidence


def test_no_response_within_the_greatest_limit_that_was_tried_is_no_proof_that_none_ever_comes() -> None:
    off = answered(traits=9, state="none")
    found = cause(lacking(**CUT), long=lacking(**{**CUT, "max_tokens": 400}), thinking_off=off)
    assert found.evidence[1].startswith("not within 400 tokens")
    assert "train" not in found.advice
    assert "more than 400 tokens" in found.advice
    assert "thinking=off" in found.advice


def test_thinking_and_answer_in_the_reasoning_field_leave_it_undecided_and_what_would_tell_is_said() -> None:
    off = sent(traits=10, thinking_off=True, text="Ahoy.")
    found = cause(sent(**WITH_THINKING), thinking_off=off, long=sent(**WITH_THINKING))
    assert not found.decided
    assert "cannot be told from thinking that is never closed" in found.evidence[0]
    assert "without its reasoning parser" in found.advice


@pytest.mark.parametrize(("came", "expected"), [(5, Cause.BUDGET), (4, Cause.NOT_WITHIN)])
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


ARR = result(samples(10, "Arr.", state="closed"), response=9)
BASE = answered()


@pytest.mark.parametrize(
    ("mine", "elsewhere", "expected"),
    [
        (BASE, AtZero(ARR), Cause.ADAPTER_NOT_APPLIED),
        (BASE, AtZero(OTHER, BASE, BASE), Cause.ADAPTER_NOT_APPLIED),
        (BASE, AtZero(BASE, BASE, BASE), Cause.ADAPTER_NOT_APPLIED),
        (OTHER, AtZero(OTHER, BASE, BASE), Cause.NO_CHARACTER),
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
    probes = {"greedy": mine, "base_greedy": BASE, "base_again": BASE}
    found = conclude(Findings(answered(), probes, "thinking", {"native": elsewhere}))
    assert found.cause is expected


def test_the_sampler_that_gets_the_adapter_is_the_one_to_use_whichever_is_diagnosed() -> None:
    probes = {"greedy": BASE, "base_greedy": BASE, "base_again": BASE}
    found = conclude(Findings(answered(), probes, "thinking", {"native": AtZero(ARR)}))
    assert found.evidence[:2] == (
        "through thinking: at temperature 0, 10 of 10 answers are the base model's own, 0 of 10 responses in character",
        "through native: at temperature 0, 0 of 10 answers are the base model's own, 9 of 10 responses in character",
    )
    assert "--sampler native" in found.advice
    good = answered(traits=10)
    probes = {"greedy": ARR, "base_greedy": OTHER, "base_again": OTHER}
    found = conclude(Findings(good, probes, "native", {"thinking": AtZero(BASE, BASE, BASE)}))
    assert found.cause is Cause.ADAPTER_NOT_APPLIED
    assert "--sampler native" in found.advice


def test_what_differs_from_the_base_model_as_another_sampler_got_it_blames_nobody() -> None:
    probes = {"greedy": BASE, "base_greedy": BASE, "base_again": BASE}
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
