"""What a diagnosis names: causes, what speaks for them, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from charbench.diagnosis.probe_results import ProbeResult

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
    NOT_WITHIN = "no response within the token limits tried"
    NEVER_CLOSES = "never closes its thinking"
    FILTERED = "content filter"
    TOOL_CALLS = "tool calls in place of answers"
    ADAPTER_NOT_APPLIED = "adapter not applied"
    WEAK_OR_NOT_APPLIED = "weakly trained, or not applied"
    SETTING = "character comes under another setting"
    EROSION = "character erosion"
    NO_CHARACTER = "no character"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A cause, what speaks for it, and what to do; not ``decided``: answers that would tell are lacking."""

    cause: Cause
    evidence: tuple[str, ...]
    advice: str
    decided: bool = True


def undecided(evidence: Sequence[str], silent: Sequence[ProbeResult]) -> Diagnosis:
    """Return that the cause is unknown, because the ``silent`` probes failed or were not asked."""
    lines = (*evidence, *(f"{probe.title}: {probe.why_silent}" for probe in silent))
    if any(probe.failed for probe in silent):
        advice = (
            "fix what failed, and diagnose again; failures of a kind that the setting retry_errors does not name "
            "are kept, and not sampled again"
        )
    else:
        advice = "diagnose again, and let all probes finish"
    return Diagnosis(Cause.UNKNOWN, lines, advice, decided=False)


def of(count: int, total: int) -> str:
    """Return ``3 of 5``."""
    return f"{count} of {total}"
