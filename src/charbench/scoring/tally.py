"""What the score stages did: counts, what failed, and lines for the user to read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class ScoringTally:
    """What went wrong at a stage, and lines for the user to read."""

    failed: int = 0
    faults: dict[tuple[str, str], int] = field(default_factory=dict)
    """How often each scorer failed with each message."""
    trace: str = ""
    warnings: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    """Why a scorer scored nothing, or not all."""


@dataclass(slots=True)
class ScoreTally(ScoringTally):
    """What the score stage did besides: samples scored, and scores that could not be given."""

    scored: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    """Samples that each scorer has dealt with."""
    no_verdict: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Samples for which a scorer could not tell a metric's value."""
    reasons: dict[tuple[str, str], str] = field(default_factory=dict)
    """The first reason that was given for it."""
    of_nothing: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Scores for a channel that the sample does not have, by scorer, metric and channel: they are left out."""

    def of_nothing_lines(self) -> list[str]:
        """Return a line for each metric that was given for a channel without text."""
        return [
            f"scorer {scorer}: score() gave {metric} for the {channel} of {count:,} samples that have no {channel}; "
            "these scores are left out (yield a score only for what sample.channels() yields)"
            for (scorer, metric, channel), count in sorted(self.of_nothing.items())
        ]

    def no_verdict_lines(self) -> list[str]:
        """Return a line for each metric that was not told for some samples, with their share."""
        lines = []
        for (scorer, metric), count in sorted(self.no_verdict.items()):
            asked = self.asked[scorer]
            why = f"; first reason: {reason}" if (reason := self.reasons[scorer, metric]) else ""
            lines.append(f"scorer {scorer}: no {metric} for {count:,} of {asked:,} samples ({count / asked:.0%}){why}")
        return lines
