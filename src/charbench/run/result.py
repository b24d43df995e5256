"""The stages of a run, and what became of one."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from charbench.scoring.tally import ScoreTally, ScoringTally

if TYPE_CHECKING:
    from charbench.discovery.stage import Discovery


class Stage(StrEnum):
    """The stages of a run, in their order."""

    DISCOVER = "discover"
    TRAIN = "train"
    SAMPLE = "sample"
    SCORE = "score"


@dataclass(slots=True)
class RunResult:
    """What a run did. ``counts`` is what it added to the store; ``warnings`` are lines for the user."""

    run_id: int
    discovery: Discovery | None = None
    counts: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    interrupted: bool = False
    ended: bool = False
    """Whether it came to its end; else an error ended it."""

    @property
    def status(self) -> str:
        """``done``, ``failed`` (some items did, or an error ended it) or ``interrupted``."""
        return "interrupted" if self.interrupted else "failed" if self.failures or not self.ended else "done"

    @property
    def did_nothing(self) -> bool:
        """Whether everything was there already."""
        return not any(self.counts.values())

    def add(self, name: str, number: int) -> None:
        """Count what was added."""
        self.counts[name] = self.counts.get(name, 0) + number


def add_scores(result: RunResult, tally: ScoreTally) -> None:
    """Add what a score stage did."""
    result.add("scores", tally.scored)
    result.warnings += [*tally.no_verdict_lines(), *tally.of_nothing_lines()]
    add_failures(result, tally)


def add_failures(result: RunResult, tally: ScoringTally) -> None:
    """Add what went wrong while scoring or comparing."""
    result.add("failures", tally.failed)
    result.warnings += tally.warnings
    faults = sorted(tally.faults.items(), key=lambda fault: -fault[1])
    lines = [f"scorer {scorer}: {count:,} failed: {message}" for (scorer, message), count in faults]
    result.failures += [*with_trace(lines, tally.trace), *tally.stopped]


def with_trace(lines: list[str], trace: str) -> list[str]:
    """Return lines about failures, the last one with the traceback of the first failure."""
    if lines and trace:
        lines[-1] += f"\nThe first one's traceback:\n{trace.rstrip()}"
    return lines
