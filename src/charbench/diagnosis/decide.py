"""From what probes gave to a cause: which rules are tried, and in which order. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass

from charbench.diagnosis.causes import FEW, Cause, Diagnosis, of, undecided
from charbench.diagnosis.missing_character import missing_character, no_character, not_applied_by_one, through_others
from charbench.diagnosis.missing_responses import missing_responses
from charbench.diagnosis.probe_results import Findings, ProbeResult
from charbench.diagnosis.set_aside import set_aside_first, with_set_aside
from charbench.domain.checkpoint import Checkpoint


@dataclass(frozen=True, slots=True)
class DiagnosisReport:
    """What diagnosing one checkpoint gave: the table of probes and the conclusion.

    ``samplers`` are those that it was asked through, the one that is diagnosed first; ``bases`` the URIs of the
    base models that it was compared with.
    """

    checkpoint: Checkpoint
    persona: str | None
    samplers: tuple[str, ...]
    bases: tuple[str, ...]
    results: tuple[ProbeResult, ...]
    diagnosis: Diagnosis


def conclude(findings: Findings) -> Diagnosis:
    """Name the cause.

    A cause needs answers as sampled, and from the probes that tell it from others: without them it is unknown.
    Erosion is named only when responses come and every other cause is ruled out.
    """
    if found := set_aside_first(findings):
        return found
    if not findings.baseline.answered:
        return with_set_aside(findings, undecided((), [findings.baseline]))
    return with_set_aside(findings, _conclude(findings))


def _conclude(findings: Findings) -> Diagnosis:
    """Name the cause from the replies that are answers."""
    baseline, failing = findings.baseline, findings.failing
    if found := not_applied_by_one(findings):
        return found
    if failing.answered > FEW * baseline.answered:
        return missing_responses(findings) or missing_character(findings) or _unknown(findings)
    return missing_character(findings) or no_character(findings) or _nothing_missing(findings)


def _nothing_missing(findings: Findings) -> Diagnosis:
    baseline = findings.baseline
    present = f"{of(baseline.responses, baseline.answered)} samples have a response"
    character = f"{of(baseline.trait_in_response, baseline.responses)} of the responses are in character"
    return Diagnosis(Cause.NOTHING_MISSING, (present, character, *through_others(findings)), "nothing to fix")


def _unknown(findings: Findings) -> Diagnosis:
    told = ", ".join(f"{count} {state}" for state, count in findings.failing.states.most_common())
    evidence = (f"states of the samples without a response: {told}",)
    if silent := findings.silent_settings():
        return undecided(evidence, silent)
    return Diagnosis(Cause.UNKNOWN, evidence, "inspect the raw texts: charbench export --jsonl")
