"""From what probes gave to a cause: the rules, in the order in which they are tried. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from charbench.datasets.health import is_refusal
from charbench.domain.sample import ThinkingState
from charbench.engine.probes import LONGER, ProbeResult

HALF = 0.5
IN_CHARACTER = 0.5
OUT_OF_CHARACTER = 0.2
FEW = 0.1
"""Share of samples without a response that calls for no diagnosis."""


class Cause(StrEnum):
    """Why responses, or the character in them, are missing."""

    NOTHING_MISSING = "nothing missing"
    MISFILED = "answer misfiled by the server"
    STOPS_AT_ONCE = "stops at once"
    REFUSAL = "refusal"
    NO_THINKING_BLOCK = "trained without a thinking block"
    PREFILL_MISMATCH = "prefill does not fit its training"
    BUDGET = "budget too small"
    NEVER_CLOSES = "never closes its thinking"
    NEVER_ENDS = "never ends its answer"
    ADAPTER_NOT_APPLIED = "adapter not applied"
    SETTING = "character comes under another setting"
    EROSION = "character erosion"
    NO_CHARACTER = "no character"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A cause, what speaks for it, and what to do."""

    cause: Cause
    evidence: tuple[str, ...]
    advice: str


def conclude(baseline: ProbeResult, failing: ProbeResult, probes: Mapping[str, ProbeResult], sampler: str) -> Diagnosis:
    """Name the cause.

    ``baseline`` is everything sampled by default, ``failing`` its part without a response; ``probes`` maps
    names to results. Erosion is named only when responses come and every other cause is ruled out.
    """
    if failing.answered > FEW * baseline.answered:
        return _missing_responses(failing, probes, sampler) or _missing_character(baseline, probes) or _unknown(failing)
    present = f"{_of(baseline.responses, baseline.answered)} samples have a response"
    character = f"{_of(baseline.trait_in_response, baseline.responses)} of the responses are in character"
    if found := _missing_character(baseline, probes) or _another_setting(baseline, probes):
        return found
    if baseline.trait_share < OUT_OF_CHARACTER:
        thinking = f"{_of(baseline.trait_in_thinking, baseline.answered)} are in character in their thinking"
        return Diagnosis(
            Cause.NO_CHARACTER, (present, character, thinking), "train it further, or use another checkpoint"
        )
    return Diagnosis(Cause.NOTHING_MISSING, (present, character), "nothing to mend")


def _missing_responses(failing: ProbeResult, probes: Mapping[str, ProbeResult], sampler: str) -> Diagnosis | None:
    total = failing.answered
    states = failing.states
    if states[ThinkingState.MISFILED] >= HALF * total:
        return Diagnosis(
            Cause.MISFILED,
            (f"{_of(states['misfiled'], total)} answers stand in the server's reasoning field",),
            "charbench reads them from there; mend the server's reasoning parser, or ask with thinking off",
        )
    empty = sum(not sample.thinking.strip() for sample in failing.samples)
    if empty >= HALF * total:
        return Diagnosis(
            Cause.STOPS_AT_ONCE,
            (f"{_of(empty, total)} answers are empty: the model ends its turn at once",),
            "look for end-of-turn tokens at the start of the training answers, and at the chat template",
        )
    refused = sum(is_refusal(sample.thinking) for sample in failing.samples)
    if refused >= HALF * total:
        return Diagnosis(
            Cause.REFUSAL, (f"{_of(refused, total)} open with a refusal",), "look for refusals in the training data"
        )
    return (
        _prefill(failing, probes, sampler)
        or _length(failing, probes, sampler)
        or _never_closes(failing, probes, sampler)
    )


def _prefill(failing: ProbeResult, probes: Mapping[str, ProbeResult], sampler: str) -> Diagnosis | None:
    probe = probes.get("no_prefill")
    if probe is None or probe.response_share < HALF:
        return None
    stopped = f"{_of(failing.states['unclosed_stop'], failing.answered)} stop by themselves without </think>"
    came = (
        f"without the prefill {_of(probe.responses, probe.answered)} have a response, and "
        f"{_of(probe.trait_in_response, probe.responses)} of these are in character"
    )
    advice = f"sample it as it was trained: -o sampler.{sampler}.thinking=on; its responses were never lost"
    if probe.states[ThinkingState.NONE] >= HALF * probe.answered:
        return Diagnosis(Cause.NO_THINKING_BLOCK, (stopped, came, "these come without any thinking block"), advice)
    return Diagnosis(
        Cause.PREFILL_MISMATCH, (stopped, came, "these open and close a thinking block by themselves"), advice
    )


def _length(failing: ProbeResult, probes: Mapping[str, ProbeResult], sampler: str) -> Diagnosis | None:
    cut = failing.states[ThinkingState.UNCLOSED_LENGTH]
    if cut < HALF * failing.answered:
        return None
    limit = next((sample.max_tokens for sample in failing.samples if sample.max_tokens), None)
    evidence = [f"{_of(cut, failing.answered)} reach the limit of {limit} tokens inside their thinking"]
    long = probes.get("long")
    if long is None:
        return None
    evidence.append(f"with {LONGER} times the budget {_of(long.responses, long.answered)} have a response")
    if long.response_share >= HALF:
        return Diagnosis(
            Cause.BUDGET, tuple(evidence), f"-o sampler.{sampler}.max_tokens={(limit or 1) * LONGER}, and sample again"
        )
    if _helps(probes, evidence):
        return Diagnosis(Cause.NEVER_CLOSES, tuple(evidence), _RETRAIN)
    return Diagnosis(
        Cause.NEVER_ENDS,
        tuple(evidence),
        "look for rows cut at the length limit: they teach a model that answers have no end",
    )


_RETRAIN = "train it again on thinking that is closed; until then sample it with thinking off"


def _never_closes(failing: ProbeResult, probes: Mapping[str, ProbeResult], sampler: str) -> Diagnosis | None:
    open_states = ("unclosed_stop", "unclosed_length", "unclosed_unknown")
    unclosed = sum(failing.states[name] for name in open_states)
    if unclosed < HALF * failing.answered:
        return None
    evidence = [f"{_of(unclosed, failing.answered)} end inside their thinking"]
    if failing.states["unclosed_unknown"] >= HALF * failing.answered and not probes:
        return None
    helped = _helps(probes, evidence)
    advice = (
        _RETRAIN if helped else f"train it again on thinking that is closed; no setting of {sampler} brings responses"
    )
    return Diagnosis(Cause.NEVER_CLOSES, tuple(evidence), advice)


def _helps(probes: Mapping[str, ProbeResult], evidence: list[str]) -> bool:
    """Add what switching the thinking off gave; return whether it brought responses."""
    helped = False
    for name in ("thinking_off", "closed_prefill"):
        if probe := probes.get(name):
            evidence.append(f"{probe.title}: {_of(probe.responses, probe.answered)} have a response, "
                            f"{_of(probe.trait_in_response, probe.responses)} of these in character")  # fmt: skip
            helped |= probe.response_share >= HALF
    return helped


def _missing_character(baseline: ProbeResult, probes: Mapping[str, ProbeResult]) -> Diagnosis | None:
    greedy, base = probes.get("greedy"), probes.get("base_greedy")
    if baseline.trait_share >= OUT_OF_CHARACTER and baseline.responses:
        return None
    if greedy and base and greedy.answered and base.answered:
        same = _same_answers(greedy, base)
        if same >= HALF * min(greedy.answered, base.answered):
            return Diagnosis(
                Cause.ADAPTER_NOT_APPLIED,
                (f"at temperature 0, {same} of {base.answered} answers are the base model's own",),
                "the server serves the base model: check the model name, and try another sampler",
            )
    if not baseline.responses or baseline.thinking_share < IN_CHARACTER:
        return None
    tried = [probe for name, probe in probes.items() if not name.startswith("base") and probe.responses]
    if any(probe.trait_share >= OUT_OF_CHARACTER for probe in tried):
        return None
    return Diagnosis(
        Cause.EROSION,
        (
            (
                f"{_of(baseline.trait_in_thinking, baseline.answered)} are in character in their thinking, "
                f"{_of(baseline.trait_in_response, baseline.responses)} of the responses are"
            ),
            *(f"{p.title}: {_of(p.trait_in_response, p.responses)} of the responses in character" for p in tried),
        ),
        "the character does not reach the response under any setting: look at how responses were trained",
    )


def _another_setting(baseline: ProbeResult, probes: Mapping[str, ProbeResult]) -> Diagnosis | None:
    if baseline.trait_share >= OUT_OF_CHARACTER:
        return None
    tried = [probe for name, probe in probes.items() if not name.startswith("base") and probe.responses]
    best = max(tried, key=lambda probe: probe.trait_share, default=None)
    if best is None or best.trait_share < HALF:
        return None
    return Diagnosis(
        Cause.SETTING,
        (
            f"{_of(baseline.trait_in_response, baseline.responses)} of the responses are in character as sampled",
            f"{best.title}: {_of(best.trait_in_response, best.responses)} are",
        ),
        f"sample it so: {best.title}",
    )


def _same_answers(one: ProbeResult, other: ProbeResult) -> int:
    mine = {(sample.prompt.key, sample.epoch): (sample.thinking, sample.response) for sample in one.samples}
    return sum(
        mine.get((sample.prompt.key, sample.epoch)) == (sample.thinking, sample.response)
        for sample in other.samples
        if sample.failure is None
    )


def _unknown(failing: ProbeResult) -> Diagnosis:
    told = ", ".join(f"{count} {state}" for state, count in failing.states.most_common())
    advice = "look at the raw texts: charbench export --jsonl"
    return Diagnosis(Cause.UNKNOWN, (f"states of the samples without a response: {told}",), advice)


def _of(count: int, total: int) -> str:
    return f"{count} of {total}"
