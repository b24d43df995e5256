"""Strengths of checkpoints from games between pairs of them (Bradley–Terry), with intervals over prompts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from charbench.analysis.bradley_terry import Fit, fit
from charbench.analysis.distributions import student_quantile
from charbench.analysis.games import Game


@dataclass(frozen=True, slots=True)
class Strength:
    """A checkpoint's strength on the logistic scale (the mean over checkpoints is 0), and its interval.

    One that is stronger by d wins against the other with the probability 1/(1 + exp(-d)). The interval is NaN where
    there are no games, or fewer than two prompts.
    """

    value: float
    low: float
    high: float
    games: int


def strengths(games: Sequence[Game], count: int, confidence: float = 0.95) -> list[Strength]:
    """Return the strength of each of ``count`` checkpoints with its interval; what position gives is taken out."""
    return with_intervals(fit(games, count), games, confidence)


def with_intervals(fitted: Fit, games: Sequence[Game], confidence: float = 0.95) -> list[Strength]:
    """Return strengths with the intervals that their standard errors and Student's t give them."""
    count = fitted.strengths.size
    played = np.bincount([side for game in games for side in (game.first, game.second)], minlength=count)
    half = student_quantile((1 + confidence) / 2, fitted.degrees) * fitted.errors()[:count]
    half[played == 0] = np.nan
    return [
        Strength(float(value), float(value - margin), float(value + margin), int(number))
        for value, margin, number in zip(fitted.strengths, half, played, strict=True)
    ]


def term_interval(
    fitted: Fit, term: Literal["position", "length"], confidence: float = 0.95
) -> tuple[float, float, float]:
    """Return β or γ with its interval: Student's t with one degree of freedom less than there are prompts."""
    value = fitted.position if term == "position" else fitted.length
    if np.isnan(value):
        return value, value, value
    at = 0 if term == "position" or np.isnan(fitted.position) else 1
    error = float(fitted.errors()[fitted.strengths.size + at])
    half = student_quantile((1 + confidence) / 2, fitted.prompts - 1) * error
    return value, value - half, value + half
