"""Replies that a content filter or a tool call ended: named with their share, and blamed on no training."""

from __future__ import annotations

from dataclasses import replace

from charbench.diagnosis.causes import FEW, Cause, Diagnosis, of
from charbench.diagnosis.probe_results import Findings, ProbeResult
from charbench.domain.sample import ThinkingState

_CAUSES = {ThinkingState.FILTERED: Cause.FILTERED, ThinkingState.TOOL_CALL: Cause.TOOL_CALLS}
_WORDS = {
    ThinkingState.FILTERED: "replies were ended by a content filter",
    ThinkingState.TOOL_CALL: "replies are tool calls in place of answers",
}
_ADVICE = {
    ThinkingState.FILTERED: "ask other prompts (--prompts), or an endpoint without the filter",
    ThinkingState.TOOL_CALL: "switch off tool calls on the server (its tool parser), or ask other prompts (--prompts)",
}


def set_aside_first(findings: Findings) -> Diagnosis | None:
    """Return that filtered replies or tool calls are what is missing, where they are more than half of the replies."""
    baseline = findings.baseline
    aside = baseline.set_aside.total()
    return _diagnosis(findings) if aside > max(baseline.answered, baseline.failed) else None


def with_set_aside(findings: Findings, found: Diagnosis) -> Diagnosis:
    """Add the filtered replies and tool calls to a diagnosis of the other samples.

    Where nothing is missing from the others and they are more than a few, they are the cause.
    """
    baseline = findings.baseline
    aside = baseline.set_aside.total()
    if not aside:
        return found
    if found.cause is Cause.NOTHING_MISSING and aside > FEW * (aside + baseline.answered):
        named = _diagnosis(findings)
        return replace(named, evidence=(*named.evidence, *found.evidence))
    return replace(found, evidence=(*found.evidence, *set_aside_lines(baseline)))


def _diagnosis(findings: Findings) -> Diagnosis:
    baseline = findings.baseline
    state = baseline.set_aside.most_common(1)[0][0]
    lines = set_aside_lines(baseline)
    for probe in filter(None, map(findings.probes.get, ("base", "base_greedy"))):
        lines += [f"{probe.title}: {line}" for line in set_aside_lines(probe)]
    advice = f"{_ADVICE[state]}: these replies say nothing of how the checkpoint was trained, and are in no rate"
    return Diagnosis(_CAUSES[state], tuple(lines), advice)


def set_aside_lines(result: ProbeResult) -> list[str]:
    """Return a line for each kind of reply that is no answer, with its share of the replies."""
    asked = result.answered + result.set_aside.total()
    return [f"{of(count, asked)} {_WORDS[state]}" for state, count in result.set_aside.most_common()]
