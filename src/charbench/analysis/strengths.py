"""Strengths of checkpoints from games between pairs of them (Bradley–Terry), with intervals over prompts."""

from __future__ import annotations

import math
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


def reliability(fitted: Fit) -> float:
    """Return which part of the variance of the strengths is no error of theirs (0 to 1), 1 − mean SE² / variance.

    Its root is how estimates are expected to correlate with the strengths that endless games would show; NaN with
    fewer than three of them, fewer than two prompts, or strengths that are all the same. Sources: Spearman (1910),
    "Correlation calculated from faulty data", Br J Psychol 3:271; simulated in ``benchmarks/pairwise.py``.
    """
    count = fitted.strengths.size
    degrees = count - len(set(fitted.groups.tolist()))
    spread = float(fitted.strengths @ fitted.strengths) / degrees if degrees else 0.0
    if degrees < 2 or not spread > 0:
        return math.nan
    known = float((fitted.errors()[:count] ** 2)[fitted.design.played > 0].mean())
    return math.nan if math.isnan(known) else max(0.0, 1 - known / spread)


def lengthened(reliability: float, wanted: float) -> float:
    """Return by how much games are to be multiplied for a reliability of ``wanted`` (both between 0 and 1).

    Sources: Spearman (1910), as above; Brown (1910), Br J Psychol 3:296.
    """
    return wanted / (1 - wanted) * (1 - reliability) / reliability


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
