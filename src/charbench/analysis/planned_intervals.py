"""What two sides tell of the prompts that a difference takes where one of them was asked more often."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from charbench.analysis.likeness import likeness
from charbench.analysis.paired import Samples, evenly_spread, exchangeable


@dataclass(frozen=True, slots=True)
class UnevenRates:
    """Two sides' rates with the mean ``rate`` (0 to 1), of which the first is the better one.

    Each prompt is asked ``answers`` times of them. ``steady`` is the correlation of two answers to one prompt, and
    ``alike`` that of two answers to different prompts of a family.
    """

    rate: float
    answers: tuple[float, float]
    steady: float
    alike: float

    def about(self) -> UnevenRates:
        """Return nearly the same sides: their rate to 2%, correlations to 5%."""
        rate, steady, alike = round(50 * self.rate) / 50, round(20 * self.steady) / 20, round(20 * self.alike) / 20
        return replace(self, rate=rate, steady=steady, alike=alike)


def uneven_rates(
    a: ArrayLike, b: ArrayLike, clusters: Sequence[Hashable], samples: tuple[Samples, Samples]
) -> UnevenRates | None:
    """Return what the rates of two sides (as of :func:`charbench.analysis.paired.paired_rates`) tell of the interval.

    None where it has no part in the p-value.
    """
    if exchangeable(samples) or len(clusters) < 2:
        return None
    values = [np.asarray(of, dtype=float) for of in (a, b)]
    answers = [evenly_spread(of) / len(clusters) for of in samples]
    singles = [float(of.mean() * (1 - of.mean())) for of in values]
    told = [likeness(of, clusters) for of in values]
    variances = [float(of.var(ddof=1)) * of_side.times for of, of_side in zip(values, told, strict=True)]
    noise = sum(single / count for single, count in zip(singles, answers, strict=True))
    repeated = sum(singles) - noise
    steady = (sum(variances) - noise) / repeated if repeated > 0 else 0.0
    shared = sum(variance * side.alike for variance, side in zip(variances, told, strict=True))
    alike = shared / sum(singles) if sum(singles) else 0.0
    first, second = answers if values[0].sum() >= values[1].sum() else answers[::-1]
    return UnevenRates(float(np.mean(values)), (first, second), min(1.0, max(0.0, steady)), min(1.0, alike))
