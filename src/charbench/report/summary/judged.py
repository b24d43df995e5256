"""How many samples a trait rate is out of: what has no score is left out, and never counted as a miss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from charbench.store.summaries import GroupTotals, SeriesTotals


@dataclass(frozen=True, slots=True)
class Judged:
    """Samples of which it is known whether they have the trait.

    ``samples`` is the number that the trait rate is out of, ``thinking`` the same for the rate in thinking;
    ``left_out`` counts the responses without a score: nobody scored them, or the scorer could not tell.
    """

    samples: int = 0
    thinking: int = 0
    left_out: int = 0

    def __add__(self, other: Judged) -> Judged:
        """Add up two groups of samples."""
        return Judged(self.samples + other.samples, self.thinking + other.thinking, self.left_out + other.left_out)


def judged(group: GroupTotals, chosen: Sequence[SeriesTotals]) -> Judged:
    """Return how many samples of a group the chosen metric's series tell of (those of one persona).

    A sample without a response has no trait in its response, whoever looks: it is a miss. Where there are
    responses and none has a score, nothing is known of the group.
    """
    answered = int(group.totals["samples"] - group.totals["errors"])
    responses = int(group.totals["responses"])
    valued = {channel: sum(s.count for s in chosen if s.channel == channel) for channel in ("response", "thinking")}
    no_verdict = {
        channel: sum(s.missing for s in chosen if s.channel == channel) for channel in ("response", "thinking")
    }
    left_out = responses - valued["response"]
    unscored = left_out - no_verdict["response"]
    nobody_looked = 0 < responses == unscored
    samples = 0 if nobody_looked else answered - left_out
    thinking = answered - no_verdict["thinking"] - (0 if nobody_looked else unscored)
    return Judged(samples, max(valued["thinking"], thinking) if chosen else 0, left_out)
