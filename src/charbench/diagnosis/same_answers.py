"""Whether a checkpoint answers as its base model does: greedy answers compared, with a noise floor. Pure functions.

At temperature 0 a checkpoint whose adapter is not applied gives the base model's answers, and so may one that is
weakly trained. Servers are not exactly repeatable (batching changes rounding), so the base model is asked twice: how
often it differs from itself is the noise floor.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from charbench.diagnosis.causes import HALF, of
from charbench.diagnosis.probe_results import AtZero, ProbeResult

ENOUGH_ANSWERS = 5
"""Prompts that must have equal answers before a checkpoint is said to be its base model."""
_Text = tuple[str, str]


class Likeness(StrEnum):
    """How greedy answers relate to the base model's."""

    SAME = "same"
    """Every answer, of five or more, equals the base model's, which repeats itself."""
    UNLIKE = "unlike"
    """More than half of the answers differ, beyond the noise floor."""
    UNCLEAR = "unclear"
    """Some or all answers equal the base model's: weakly trained, or not applied."""
    NOISY = "noisy"
    """The base model does not repeat itself, and the answers differ no more than that."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Greedy answers beside the base model's, one a prompt: how many differ, of how many.

    ``noise`` of ``repeated`` answers of the base model differ between two requests; ``repeated`` is 0 where it was
    not asked twice.
    """

    differing: int
    total: int
    noise: int
    repeated: int

    @property
    def likeness(self) -> Likeness:
        """How the answers relate to the base model's."""
        floor = self.noise / self.repeated if self.repeated else 0.0
        if self.repeated and self.differing / self.total - floor > HALF:
            return Likeness.UNLIKE
        if self.noise:
            return Likeness.NOISY
        enough = min(self.total, self.repeated) >= ENOUGH_ANSWERS
        return Likeness.SAME if enough and not self.differing else Likeness.UNCLEAR

    @property
    def same_line(self) -> str:
        """How many answers are the base model's own."""
        return f"at temperature 0, {of(self.total - self.differing, self.total)} answers are the base model's own"

    @property
    def differ_line(self) -> str:
        """How many answers differ from the base model's."""
        return f"at temperature 0, {of(self.differing, self.total)} answers differ from the base model's"

    @property
    def noise_line(self) -> str:
        """How well the base model repeats itself."""
        if not self.repeated:
            return "the base model was not asked twice: whether it repeats itself at temperature 0 is not known"
        if not self.noise:
            return f"asked twice, the base model repeats itself in {of(self.repeated, self.repeated)} answers"
        return (
            f"asked twice, the base model does not repeat itself: {of(self.noise, self.repeated)} of its answers differ"
        )


def compare(view: AtZero, other: AtZero) -> Compared | None:
    """Compare what one sampler got with the base model's answers; None where no prompt was answered by both.

    The base model's answers are those that the same sampler got, or, where it cannot ask the base model, ``other``'s.
    """
    through = view if view.base else other
    if through.base is None:
        return None
    differing, total = _differing(view.checkpoint, through.base)
    if not total:
        return None
    noise, repeated = _differing(through.base, through.again) if through.again else (0, 0)
    return Compared(differing, total, noise, repeated)


def _differing(one: ProbeResult, other: ProbeResult) -> tuple[int, int]:
    """Return how many prompts have different answers, and how many prompts both answered.

    Thinking counts as well; where both answers are empty there is nothing to compare.
    """
    mine, others = _texts(one), _texts(other)
    shared = [key for key in mine if key in others and (any(mine[key]) or any(others[key]))]
    return sum(mine[key] != others[key] for key in shared), len(shared)


def _texts(result: ProbeResult) -> dict[str, _Text]:
    """Return the first answer to each prompt; further epochs at temperature 0 tell nothing new."""
    return {
        sample.prompt.key: (sample.thinking.strip(), sample.response.strip())
        for sample in result.samples
        if sample.failure is None and sample.epoch == 0
    }
