"""What the store alone says of a checkpoint that nobody can ask: no cause, and what cannot be known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlalchemy.engine import Connection

from charbench.diagnosis.causes import Cause, Diagnosis, of
from charbench.diagnosis.decide import DiagnosisReport
from charbench.diagnosis.probe_results import ProbeResult
from charbench.diagnosis.set_aside import set_aside_lines
from charbench.domain.checkpoint import Checkpoint
from charbench.domain.end_reasons import EndReason, end_reason
from charbench.domain.sample import Sample, ThinkingState
from charbench.store.diagnoses import newest_keys
from charbench.store.sample_reader import samples_with_keys
from charbench.store.summaries import trait_hits

MOST = 1_000
"""Samples that are looked at, the newest."""
_NOT_KNOWN = {
    ThinkingState.UNCLOSED_UNKNOWN: "whether a token limit ended them, or the model stopped inside its thinking",
    ThinkingState.UNCLOSED_STOP: "whether they would answer without the prefill, or with thinking off",
    ThinkingState.UNCLOSED_LENGTH: "whether a larger budget would bring responses",
    ThinkingState.CLOSED_EMPTY: "whether they would answer with thinking off",
}


def stored_report(
    connection: Connection, checkpoint: Checkpoint, persona: str | None, why_not: Sequence[str]
) -> DiagnosisReport | None:
    """Return what the samples in the store show; None where there are none.

    ``why_not`` says why nobody can be asked, and with which option somebody could.
    """
    samples = samples_with_keys(connection, newest_keys(connection, checkpoint.uri, MOST))
    by_sampler: dict[str, list[Sample]] = {}
    for sample in samples:
        by_sampler.setdefault(sample.sampler, []).append(sample)
    if not by_sampler:
        return None
    results = tuple(_result(connection, name, mine, persona) for name, mine in by_sampler.items())
    evidence = [line for result in results for line in _lines(result)]
    evidence.append("no samples under other settings, so the possible causes cannot be distinguished")
    diagnosis = Diagnosis(
        Cause.UNKNOWN, tuple(evidence), f"make it possible to sample it: {'; or '.join(why_not)}", False
    )
    return DiagnosisReport(checkpoint, persona, tuple(by_sampler), (), results, diagnosis)


def _result(connection: Connection, sampler: str, samples: Sequence[Sample], persona: str | None) -> ProbeResult:
    hits = trait_hits(connection, [sample.key for sample in samples], persona) if persona else {}
    return ProbeResult(
        f"in the store ({sampler})",
        tuple(samples),
        hits.get("response", 0),
        hits.get("thinking", 0),
        scored=bool(hits),
    )


def _lines(result: ProbeResult) -> list[str]:
    reasons = Counter(_reason(sample) for sample in result.samples if sample.failure is None)
    told = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    lines = [
        f"{result.title}: {of(result.responses, result.answered)} have a response; finish reasons: {told or 'none'}"
    ]
    lines += set_aside_lines(result)
    if result.scored:
        lines.append(f"{of(result.trait_in_thinking, result.answered)} are in character in their thinking")
        if result.responses:
            lines.append(f"{of(result.trait_in_response, result.responses)} of the responses are in character")
    for state, unknown in _NOT_KNOWN.items():
        if count := result.states[state]:
            lines.append(f"{count} {state.value}; not known: {unknown}")
    return lines


def _reason(sample: Sample) -> str:
    """Return a finish reason as the server gave it, with what it means where the word is not the usual one."""
    word = sample.finish_reason
    if not word:
        return "not recorded"
    meaning = end_reason(word)
    return word if meaning in (None, EndReason.OTHER) or word == meaning else f"{word} ({meaning})"
