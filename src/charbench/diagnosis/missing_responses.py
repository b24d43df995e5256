"""Why responses are missing: the rules, in the order in which they are tried. Pure functions.

Counts of samples as they were sampled are out of all that were answered, with a response or without.
"""

from __future__ import annotations

from charbench.diagnosis.causes import HALF, Cause, Diagnosis, of, undecided
from charbench.diagnosis.probe_results import Findings, ProbeResult
from charbench.diagnosis.reasoning_field import in_reasoning_field, misfiled_under_a_probe
from charbench.diagnosis.token_limits import end_not_told, not_within_limits
from charbench.diagnosis.without_thinking import thinking_off_helps
from charbench.domain.end_reasons import EndReason, end_reason
from charbench.domain.sample import Sample, ThinkingState
from charbench.text.refusals import is_refusal


def missing_responses(findings: Findings) -> Diagnosis | None:
    """Return the cause; None where no rule fits."""
    return (
        misfiled(findings)
        or _stops_at_once(findings)
        or refusal(findings, findings.failing)
        or _prefill(findings)
        or not_within_limits(findings)
        or misfiled_under_a_probe(findings)
        or in_reasoning_field(findings)
        or end_not_told(findings)
        or _never_closes(findings)
    )


def misfiled(findings: Findings) -> Diagnosis | None:
    """Return that the server files answers as reasoning, if it does so as the checkpoint was sampled."""
    baseline = findings.baseline
    if not baseline.misfiled or baseline.misfiled < HALF * baseline.answered:
        return None
    return Diagnosis(
        Cause.MISFILED,
        (f"{of(baseline.misfiled, baseline.answered)} answers are in the server's reasoning field",),
        "charbench reads them from there, and others may not: fix the server's reasoning parser",
    )


def refusal(findings: Findings, where: ProbeResult) -> Diagnosis | None:
    """Return that the checkpoint refuses, if half of ``where`` or more opens so."""
    refused = _refused(where)
    if not refused or refused < HALF * where.answered:
        return None
    evidence = f"{of(refused, findings.baseline.answered)} open with a refusal"
    base = findings.probe("base_greedy") or findings.probe("base")
    if base and _refused(base) >= HALF * base.answered:
        return Diagnosis(
            Cause.REFUSAL,
            (evidence, f"{base.title}: {of(_refused(base), base.answered)} do so too"),
            "use other prompts (--prompts): these are refused by the base model or the endpoint itself",
        )
    return Diagnosis(Cause.REFUSAL, (evidence,), "look for refusals in the training data")


def _refused(result: ProbeResult) -> int:
    return sum(s.failure is None and is_refusal(_spoken(s)) for s in result.samples)


def _spoken(sample: Sample) -> str:
    return sample.response if sample.response.strip() else sample.thinking


def _stops_at_once(findings: Findings) -> Diagnosis | None:
    failing = findings.failing
    empty = sum(
        not sample.thinking.strip() and end_reason(sample.finish_reason) is EndReason.STOP for sample in failing.samples
    )
    if not empty or empty < HALF * failing.answered:
        return None
    return Diagnosis(
        Cause.STOPS_AT_ONCE,
        (f"{of(empty, findings.baseline.answered)} answers are empty: the model ends its turn at once",),
        "look for end-of-turn tokens at the start of the training answers, and at the chat template",
    )


def _prefill(findings: Findings) -> Diagnosis | None:
    failing, probe = findings.failing, findings.probe("no_prefill")
    if probe is None or probe.came_share < HALF or probe.misfiled >= HALF * probe.answered:
        return None
    stops = sum(end_reason(sample.finish_reason) is EndReason.STOP for sample in failing.unclosed)
    if stops >= HALF * failing.answered:
        stopped = f"{of(stops, findings.baseline.answered)} end without </think>"
    else:
        stopped = f"{of(failing.answered, findings.baseline.answered)} have no response with the prefill"
    came = f"without the prefill {of(probe.responses, probe.answered)} have a response"
    if probe.scored:
        came += f", and {of(probe.trait_in_response, probe.responses)} of these are in character"
    advice = f"sample it as it was trained: -o sampler.{findings.sampler}.thinking=on; its responses were never lost"
    if probe.states[ThinkingState.NONE] >= HALF * probe.answered:
        return Diagnosis(Cause.NO_THINKING_BLOCK, (stopped, came, "these come without any thinking block"), advice)
    return Diagnosis(
        Cause.PREFILL_MISMATCH, (stopped, came, "these open and close a thinking block on their own"), advice
    )


def _never_closes(findings: Findings) -> Diagnosis | None:
    """Return that the model ends its turn inside its thinking, under every setting that leaves it thinking."""
    failing = findings.failing
    unclosed = failing.unclosed
    if not unclosed or len(unclosed) < HALF * failing.answered:
        return None
    evidence = [f"{of(len(unclosed), findings.baseline.answered)} end inside their thinking"]
    silent = findings.silent_settings()
    if silent or not findings.other_settings_tell:
        return undecided(evidence, silent)
    helps = thinking_off_helps(findings, evidence)
    meanwhile = (
        "until then sample it with thinking off" if helps else f"no setting of {findings.sampler} brings responses"
    )
    return Diagnosis(Cause.NEVER_CLOSES, tuple(evidence), f"retrain it on closed thinking; {meanwhile}")
