"""The evidence of scores as the store keeps it: compact JSON, a span as ``[start, end, marker, tier, flags...]``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from charbench.domain.sample import Channel
from charbench.domain.score import Score, Span


def evidence_to_json(given: Sequence[Score]) -> list[Any] | None:
    """Return spans, explanations and votes: one entry for each score that has any; None where none has."""
    entries = [
        {
            "metric": score.metric,
            "channel": score.channel.value,
            **({"why": score.explanation} if score.explanation else {}),
            **({"votes": dict(score.votes)} if score.votes else {}),
            **({"spans": [[s.start, s.end, s.marker, s.tier, *s.flags] for s in score.spans]} if score.spans else {}),
        }
        for score in given
        if score.spans or score.explanation or score.votes
    ]
    return entries or None


def spans_of(evidence: Sequence[Mapping[str, Any]] | None, metric: str, channel: Channel) -> list[Span]:
    """Return the spans that a stored sample's evidence holds for one metric and channel."""
    return [
        Span(channel, start, end, marker, tier, tuple(flags))
        for entry in evidence or ()
        if entry["metric"] == metric and entry["channel"] == channel.value
        for start, end, marker, tier, *flags in entry.get("spans", ())
    ]
