"""Replies that a token limit ended before a response came, and those whose end reason is not known. Pure functions."""

from __future__ import annotations

from collections import Counter

from charbench.diagnosis.causes import HALF, Cause, Diagnosis, of, undecided
from charbench.diagnosis.probe_results import Findings, ProbeResult
from charbench.diagnosis.probes import LONGER
from charbench.diagnosis.without_thinking import thinking_off_helps
from charbench.domain.end_reasons import EndReason, end_reason

_TOLD = (EndReason.STOP, EndReason.LENGTH)


def not_within_limits(findings: Findings) -> Diagnosis | None:
    """Return that the token limit is too small, or that no response came within the greatest one that was tried.

    A model that needs more tokens than were tried looks like one that never ends, so training is not blamed.
    """
    failing, answered = findings.failing, findings.baseline.answered
    cut = failing.cut
    if not cut or cut < HALF * failing.answered:
        return None
    where = "inside their thinking" if len(failing.unclosed) >= cut else "before a response"
    limit = "token limit" if failing.limit is None else f"limit of {failing.limit} tokens"
    evidence = [f"{of(cut, answered)} reach the {limit} {where}"]
    long = findings.probe("long")
    if long is None:
        return undecided(evidence, findings.silent("long"))
    if long.came_share >= HALF:
        return _too_small(findings, long, evidence)
    most = max(long.limit or 0, failing.limit or 0)
    if not most or not _still_cut(long):
        return None
    evidence.append(
        f"not within {most} tokens, the greatest limit that was tried: there {of(long.responses, long.answered)} have "
        "a response"
    )
    more = (
        f"allow more than {most} tokens (-o sampler.{findings.sampler}.max_tokens=N): whether they would end then is "
        "not known"
    )
    if thinking_off_helps(findings, evidence):
        more = f"sample it with thinking off (-o sampler.{findings.sampler}.thinking=off), or {more}"
    elif silent := findings.silent_settings():
        return undecided(evidence, silent)
    return Diagnosis(Cause.NOT_WITHIN, tuple(evidence), more)


def end_not_told(findings: Findings) -> Diagnosis | None:
    """Return that the server does not say why replies end inside their thinking, where it does not."""
    failing, answered = findings.failing, findings.baseline.answered
    unexplained = [sample for sample in failing.unclosed if end_reason(sample.finish_reason) not in _TOLD]
    if not unexplained or len(unexplained) < HALF * failing.answered:
        return None
    words = Counter(sample.finish_reason or "none" for sample in unexplained)
    told = ", ".join(f"{count} {word}" for word, count in words.most_common())
    line = (
        f"{of(len(unexplained), answered)} end inside their thinking, and the server does not say whether a token "
        f"limit ended them (finish reasons: {told})"
    )
    evidence = [line]
    long = findings.probe("long")
    if long and long.came_share >= HALF:
        return _too_small(findings, long, evidence)
    thinking_off_helps(findings, evidence)
    advice = "compare the lengths of the raw texts with max_tokens: charbench export --jsonl"
    return Diagnosis(Cause.UNKNOWN, tuple(evidence), advice, decided=False)


def _too_small(findings: Findings, long: ProbeResult, evidence: list[str]) -> Diagnosis:
    evidence.append(f"with {LONGER} times the budget {of(long.responses, long.answered)} have a response")
    asked = findings.failing.limit or 0
    enough = long.limit if (long.limit or 0) > asked else asked * LONGER or "N"
    return Diagnosis(
        Cause.BUDGET, tuple(evidence), f"-o sampler.{findings.sampler}.max_tokens={enough}, and sample again"
    )


def _still_cut(long: ProbeResult) -> bool:
    """Whether a token limit ended at least half of the replies that still lack a response, or may be cut reasoning."""
    lacking = long.without_responses()
    cut_reasoning = long.states["misfiled"] - long.misfiled
    return lacking.cut + cut_reasoning >= HALF * (lacking.answered + cut_reasoning)
