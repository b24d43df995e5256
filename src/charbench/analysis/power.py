"""How many prompts a difference needs, and how small a difference a set of prompts can show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from charbench.analysis.distributions import normal_quantile

LEVEL = 0.05
POWER = 0.8


@dataclass(frozen=True, slots=True)
class Spread:
    """Where the variance of a paired difference comes from, in the metric's unit squared.

    ``prompts``: ω², the variance between prompts of the true difference. ``answers``: σ²_A + σ²_B, the
    variances of one answer of each side to the same prompt.
    """

    prompts: float
    answers: float

    def of_a_prompt(self, epochs: int) -> float:
        """Return the variance of the difference that one prompt shows when it is asked so many times."""
        return self.prompts + self.answers / epochs


def prompts_needed(
    difference: float, variance: float, level: float = LEVEL, power: float = POWER, design_effect: float = 1.0
) -> int:
    """Return how many prompts show a difference with this power in a two-sided test at this level.

    n = (z_{α/2} + z_β)² (ω² + σ²_A/K_A + σ²_B/K_B) / δ², rounded up: ``variance`` is the bracket
    (:meth:`Spread.of_a_prompt`), ``difference`` δ in the metric's unit (its sign does not matter, 0 is an
    error), ``design_effect`` what families of like prompts multiply it by. Never fewer than
    :func:`least_prompts`. Source: Miller (2024), "Adding error bars to evals", arXiv 2411.00640, section 5.
    """
    if not difference:
        raise ValueError("no number of prompts shows a difference of 0")
    _check(level, power)
    reach = normal_quantile(1 - level / 2) + normal_quantile(power)
    needed = math.ceil(reach**2 * variance * design_effect / difference**2 - 1e-9)
    return max(needed, least_prompts(level))


def detectable(
    prompts: int, variance: float, level: float = LEVEL, power: float = POWER, design_effect: float = 1.0
) -> float:
    """Return the smallest difference that so many prompts show with this power: :func:`prompts_needed` turned round.

    Infinity where there are fewer than :func:`least_prompts`: no difference can be shown with them.
    """
    _check(level, power)
    if prompts < least_prompts(level):
        return math.inf
    reach = normal_quantile(1 - level / 2) + normal_quantile(power)
    return reach * math.sqrt(variance * design_effect / prompts)


def least_prompts(level: float = LEVEL, comparisons: int = 1) -> int:
    """Return how many prompts an exact paired test needs to reach ``level`` at all: 2 · 2⁻ⁿ <= level / comparisons.

    With 5 prompts even 5 of 5 against 0 of 5 has p = 0.0625.
    """
    return math.ceil(1 - math.log2(level / comparisons) - 1e-9)


def variance_of_differences(differences: ArrayLike, *, shares: bool) -> float:
    """Return the variance of the paired differences of prompts.

    For shares (-1 to 1) one prompt is added that only the first side has, and one that only the second has, so
    that five prompts that agree do not promise that all do. NaN with fewer than two values of another metric.
    Source: Bonett and Price (2012), "Adjusted Wald confidence interval for a difference of binomial
    proportions based on paired data", J Educ Behav Stat 37:479.
    """
    array = np.asarray(differences, dtype=float)
    if shares:
        return float(np.concatenate([array, [1.0, -1.0]]).var())
    return float(array.var(ddof=1)) if array.size > 1 else math.nan


def spread(differences: ArrayLike, answers: ArrayLike, epochs: Sequence[float], *, shares: bool) -> Spread | None:
    """Tell the variance between prompts from that of single answers; None where no prompt was asked twice.

    ``differences`` holds each prompt's difference, ``answers`` the estimated σ²_A + σ²_B of each prompt that
    both sides answered twice or more, ``epochs`` how often each was asked. Source: as :func:`prompts_needed`.
    """
    within = np.asarray(answers, dtype=float)
    if not within.size:
        return None
    single = float(within.mean())
    total = variance_of_differences(differences, shares=shares)
    return Spread(max(0.0, total - float(np.mean(single / np.asarray(epochs)))), single)


def _check(level: float, power: float) -> None:
    if not 0 < level < 1 or not 0 < power < 1:
        raise ValueError(f"level {level} and power {power} must be between 0 and 1")
