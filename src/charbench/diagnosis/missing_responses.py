"""Why responses are missing: the rules, in the order in which they are tried. Pure functions."""

from __future__ import annotations

from charbench.diagnosis.causes import HALF, Cause, Diagnosis, of, undecided
from charbench.diagnosis.probe_results import Findings, ProbeResult
from charbench.diagnosis.probes import LONGER
from charbench.domain.sample import Sample, ThinkingState
from charbench.text.refusals import is_refusal

_RETRAIN = "retrain it on closed thinking; until then sample it with thinking off"


def missing_responses(findings: Findings) -> Diagnosis | None:
    """Return the cause; None where no rule fits."""
    return (
        misfiled(findings)
        or _stops_at_once(findings)
        or refusal(findings, findings.failing)
        or _prefill(findings)
        or _length(findings)
        or _misfiled_under_a_probe(findings)
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
    evidence = f"{of(refused, where.answered)} open with a refusal"
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
    empty = sum(not sample.thinking.strip() for sample in failing.samples)
    if empty < HALF * failing.answered:
        return None
    return Diagnosis(
        Cause.STOPS_AT_ONCE,
        (f"{of(empty, failing.answered)} answers are empty: the model ends its turn at once",),
        "look for end-of-turn tokens at the start of the training answers, and at the chat template",
    )


def _prefill(findings: Findings) -> Diagnosis | None:
    failing, probe = findings.failing, findings.probe("no_prefill")
    if probe is None or probe.came_share < HALF or probe.misfiled >= HALF * probe.answered:
        return None
    stopped = f"{of(failing.states['unclosed_stop'], failing.answered)} end without </think>"
    came = f"without the prefill {of(probe.responses, probe.answered)} have a response"
    if probe.scored:
        came += f", and {of(probe.trait_in_response, probe.responses)} of these are in character"
    advice = f"sample it as it was trained: -o sampler.{findings.sampler}.thinking=on; its responses were never lost"
    if probe.states[ThinkingState.NONE] >= HALF * probe.answered:
        return Diagnosis(Cause.NO_THINKING_BLOCK, (stopped, came, "these come without any thinking block"), advice)
    return Diagnosis(
        Cause.PREFILL_MISMATCH, (stopped, came, "these open and close a thinking block on their own"), advice
    )


def _length(findings: Findings) -> Diagnosis | None:
    failing = findings.failing
    cut = failing.states[ThinkingState.UNCLOSED_LENGTH]
    if cut < HALF * failing.answered:
        return None
    limit = next((sample.max_tokens for sample in failing.samples if sample.max_tokens), None)
    evidence = [f"{of(cut, failing.answered)} reach the limit of {limit} tokens inside their thinking"]
    long = findings.probe("long")
    if long is None:
        return undecided(evidence, findings.silent("long"))
    evidence.append(f"with {LONGER} times the budget {of(long.responses, long.answered)} have a response")
    if long.came_share >= HALF:
        advice = f"-o sampler.{findings.sampler}.max_tokens={(limit or 1) * LONGER}, and sample again"
        return Diagnosis(Cause.BUDGET, tuple(evidence), advice)
    if _helps(findings, evidence):
        return Diagnosis(Cause.NEVER_CLOSES, tuple(evidence), _RETRAIN)
    if silent := findings.silent_settings():
        return undecided(evidence, silent)
    return Diagnosis(
        Cause.NEVER_ENDS,
        tuple(evidence),
        "look for rows cut at the length limit: they train a model not to stop",
    )


def _misfiled_under_a_probe(findings: Findings) -> Diagnosis | None:
    """Return that the server files answers as reasoning, where a probe shows it.

    A whole answer in the reasoning field, with no content, looks like thinking that was not closed; asked not to
    think, or not prefilled, the same server cannot mean thinking by it.
    """
    failing = findings.failing
    for name in ("thinking_off", "closed_prefill", "no_prefill"):
        probe = findings.probe(name)
        if probe and probe.misfiled and probe.misfiled >= HALF * probe.answered:
            told = sum(not (sample.raw or "").strip() and bool(sample.raw_reasoning) for sample in failing.samples)
            return Diagnosis(
                Cause.MISFILED,
                (
                    f"{of(told, failing.answered)} have a full reasoning field and no content",
                    f"{probe.title}: {of(probe.misfiled, probe.answered)} answers stand in the reasoning field too",
                ),
                "fix the server's reasoning parser, or ask with thinking off: charbench then reads the answers "
                f"from the reasoning field (-o sampler.{findings.sampler}.thinking=off)",
            )
    return None


def _never_closes(findings: Findings) -> Diagnosis | None:
    failing = findings.failing
    unclosed = sum(failing.states[name] for name in ("unclosed_stop", "unclosed_length", "unclosed_unknown"))
    if unclosed < HALF * failing.answered:
        return None
    evidence = [f"{of(unclosed, failing.answered)} end inside their thinking"]
    silent = findings.silent_settings()
    if silent or not findings.other_settings_tell:
        return undecided(evidence, silent)
    advice = (
        _RETRAIN
        if _helps(findings, evidence)
        else f"retrain it on closed thinking; no setting of {findings.sampler} brings responses"
    )
    return Diagnosis(Cause.NEVER_CLOSES, tuple(evidence), advice)


def _helps(findings: Findings, evidence: list[str]) -> bool:
    """Add what switching the thinking off gave; return whether it brought responses."""
    helped = False
    for probe in filter(None, map(findings.probe, ("thinking_off", "closed_prefill"))):
        came = f"{probe.title}: {of(probe.responses, probe.answered)} have a response"
        if probe.scored:
            came += f", {of(probe.trait_in_response, probe.responses)} of these in character"
        evidence.append(came)
        helped |= probe.came_share >= HALF
    return helped
