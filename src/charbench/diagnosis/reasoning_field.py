"""Replies that stand in the server's reasoning field, with no content beside it. Pure functions.

Such a reply is thinking that was not closed, or thinking and answer together, or an answer alone that the server's
reasoning parser filed there: the text of a single reply does not say which.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from charbench.diagnosis.causes import HALF, Cause, Diagnosis, of
from charbench.diagnosis.probe_results import Findings, ProbeResult
from charbench.diagnosis.without_thinking import thinking_off_helps
from charbench.domain.end_reasons import EndReason, end_reason
from charbench.domain.sample import Sample, ThinkingState


def misfiled_under_a_probe(findings: Findings) -> Diagnosis | None:
    """Return that the server files answers as reasoning, where a probe shows it.

    It is shown by an answer behind ``</think>`` in the reasoning field; or, where the model was asked not to think, by
    texts there that are less than half as long: thinking was off, so what stands there is the answer. Texts of the same
    length show nothing: a server may ignore that thinking is switched off.
    """
    replies = _in_field(findings.failing.samples)
    if not replies:
        return None
    for name in ("thinking_off", "closed_prefill", "no_prefill"):
        probe = findings.probe(name)
        if probe and probe.misfiled and probe.misfiled >= HALF * probe.answered and _shows_answers(probe, replies):
            return Diagnosis(
                Cause.MISFILED,
                (
                    f"{of(len(replies), findings.baseline.answered)} have a full reasoning field and no content",
                    f"{probe.title}: {of(probe.misfiled, probe.answered)} answers stand in the reasoning field too",
                ),
                "fix the server's reasoning parser, or ask with thinking off: charbench then reads the answers "
                f"from the reasoning field (-o sampler.{findings.sampler}.thinking=off)",
            )
    return None


def in_reasoning_field(findings: Findings) -> Diagnosis | None:
    """Return that unclosed thinking cannot be told from an answer in the reasoning field, and what would tell."""
    failing = findings.failing
    replies = [s for s in _in_field(failing.unclosed) if end_reason(s.finish_reason) is not EndReason.LENGTH]
    if not replies or len(replies) < HALF * failing.answered:
        return None
    told = (
        f"{of(len(replies), findings.baseline.answered)} have a full reasoning field and no content: thinking and "
        "answer together there cannot be told from thinking that is never closed"
    )
    evidence = [told]
    thinking_off_helps(findings, evidence)
    advice = (
        "read some of the reasoning fields (charbench export --jsonl), or ask the server without its reasoning parser: "
        "raw text with </think> and an answer behind it shows a fault of the parser, raw text without it that the "
        "thinking is never closed"
    )
    return Diagnosis(Cause.UNKNOWN, tuple(evidence), advice, decided=False)


def _in_field(samples: Iterable[Sample]) -> list[Sample]:
    return [s for s in samples if not (s.raw or "").strip() and (s.raw_reasoning or "").strip()]


def _shows_answers(probe: ProbeResult, replies: Sequence[Sample]) -> bool:
    """Whether what a probe brought into the reasoning field are answers for certain."""
    filed = [sample for sample in probe.samples if sample.state is ThinkingState.MISFILED]
    if sum(bool(sample.thinking.strip()) for sample in filed) >= HALF * len(filed):
        return True
    shorter = median(len(sample.response) for sample in filed)
    return shorter < HALF * median(len(sample.raw_reasoning or "") for sample in replies)
