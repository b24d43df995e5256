"""Which metric reports, comparisons and diagnoses go by: the headline that was scored first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from charbench.domain.score import Role


@dataclass(frozen=True, slots=True)
class ScoredMetric:
    """A metric that a store has scores of. ``first`` grows with the time of its first score in the store."""

    scorer: str
    metric: str
    role: str
    threshold: float | None
    first: int

    @property
    def name(self) -> str:
        """``scorer.metric``."""
        return f"{self.scorer}.{self.metric}"

    @property
    def is_headline(self) -> bool:
        """Whether it says of a sample that it has the trait, or has not, and is meant to be ranked by."""
        return self.role == Role.HEADLINE and self.threshold is not None


def choose_headline(metrics: Iterable[ScoredMetric]) -> ScoredMetric | None:
    """Return the headline with a threshold that was scored first, however many there are.

    Where none has a threshold: the first headline, else the first metric of a scorer that measures no fault. None
    where nothing is scored, or for health alone.
    """
    known = list(metrics)
    about_faults = {one.scorer for one in known if one.role == Role.HEALTH}
    usable = [one for one in known if one.role == Role.HEADLINE or one.scorer not in about_faults]
    return min(usable, key=lambda one: (not one.is_headline, one.role != Role.HEADLINE, one.first), default=None)


def headline_notes(
    chosen: ScoredMetric | None,
    here: Iterable[ScoredMetric],
    store: Iterable[ScoredMetric],
    why: str = "which was scored first",
) -> list[str]:
    """Return what is to be said of the choice: another headline is usual in this store, or others are scored too.

    ``why`` says why it was chosen; ``here`` are the metrics of the samples at hand, ``store`` all that the store has
    scores of.
    """
    if chosen is None:
        return []
    notes = []
    usual = choose_headline(store)
    others = sorted({one.name for one in here if one.is_headline and one.name != chosen.name})
    if usual is not None and usual.is_headline and usual.name not in (chosen.name, *others):
        notes.append(
            f"The headline is {chosen.name}: none of these samples has a score of {usual.name}, the usual one."
        )
    if others:
        notes.append(
            f"The headline is {chosen.name}, {why}. Also scored: {', '.join(others)}; --metric {others[0]} shows it."
        )
    return notes
