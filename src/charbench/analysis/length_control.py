"""Strengths at equal length: Bradley–Terry with the difference of lengths as a covariate.

Judges favour longer texts. The model gives that preference a coefficient of its own, so that what is left is each
checkpoint's strength in games between texts of one length.

Source: Dubois, Galambosi, Liang and Hashimoto (2024), "Length-controlled AlpacaEval: a simple way to debias automatic
evaluators", arXiv 2404.04475, section 3, whose length term this is; without its term for the difficulty of a prompt,
which falls out where both sides answer the same one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from charbench.analysis.blas import one_blas_thread
from charbench.analysis.distributions import normal_quantile
from charbench.analysis.strengths import (
    RESAMPLES,
    Game,
    Strength,
    bradley_terry,
    intervals,
    redrawn_prompts,
    win_table,
    with_intervals,
)

PRIOR_SPREAD = 5.0
"""Standard deviation of the coefficient's normal prior: so wide that it only keeps it finite."""
_TOLERANCE = 1e-6
_STEPS = 100


@dataclass(frozen=True, slots=True, eq=False)
class LengthControl:
    """Strengths at equal length, and what length does.

    ``coefficient`` is what the longer text gains on the logistic scale at most, with its interval: 0 is none, below 0
    the shorter is favoured. NaN where no two texts differ in length. ``draws`` are the strengths from redrawn prompts,
    a row for each drawing; ``known`` is the covariance (n x n) of the strengths from as many independent games.
    ``within`` says whether the same is seen where a checkpoint writes more than it usually does, against the same
    other: a checkpoint that always writes much and wins may do so by its strength.
    """

    strengths: list[Strength]
    coefficient: float
    low: float
    high: float
    draws: NDArray[np.float64]
    known: NDArray[np.float64]
    within: bool

    @property
    def matters(self) -> bool:
        """Whether length decides games for sure: its interval leaves 0 out, and it is no strength in disguise."""
        return self.within and (self.low > 0 or self.high < 0)


def length_controlled(
    games: Sequence[Game], count: int, *, resamples: int = RESAMPLES, seed: int = 0, confidence: float = 0.95
) -> LengthControl:
    """Fit logit P(first wins) = s_first − s_second + γ tanh(d/sd), d the first's length less the second's.

    sd is the standard deviation of d over the games, about 0: which of two is the first is chance. The fit is the
    greatest posterior: strengths as in :func:`charbench.analysis.strengths.bradley_terry` (with γ = 0 they are the
    same), γ ~ N(0, 5²). Intervals are over redrawn prompts, as those of the plain strengths. Where every checkpoint
    always writes the same length, nobody can tell length from strength: the interval of γ shows it.
    """
    longer = np.array([game.longer for game in games], dtype=float)
    spread = float(np.sqrt(np.mean(longer**2))) if longer.size else 0.0
    data = _Data(
        np.fromiter((game.first for game in games), np.intp, len(games)),
        np.fromiter((game.second for game in games), np.intp, len(games)),
        np.fromiter((game.result for game in games), float, len(games)),
        np.tanh(longer / spread) if spread else np.zeros(len(games)),
        count,
    )
    start = np.append(bradley_terry(win_table(games, count)), 0.0)
    with one_blas_thread():
        found = _fit(data, np.ones(len(games)), start)
        fits = [_fit(data, weights, found) for weights in redrawn_prompts(games, resamples, seed)]
        inverse = np.asarray(np.linalg.inv(_slopes(data, np.ones(len(games)), found)[1]), dtype=np.float64)
    draws = np.array(fits).reshape(len(fits), count + 1)
    # The term that keeps the strengths' mean at 0 has put 1/n into every cell of their part.
    known: NDArray[np.float64] = np.subtract(inverse[:-1, :-1], 1 / max(1, count), dtype=float)
    strengths = with_intervals(found[:-1], draws[:, :-1], np.diag(known), games, confidence)
    low, high = intervals(found[-1:], draws[:, -1:], inverse[-1:, -1], confidence)
    gamma = (float(found[-1]), float(low[0]), float(high[0])) if spread else (np.nan, np.nan, np.nan)
    return LengthControl(
        strengths, *gamma, draws[:, :-1], known, _seen_within(data, start, float(found[-1]), confidence)
    )


@dataclass(frozen=True, slots=True)
class _Data:
    first: NDArray[np.intp]
    second: NDArray[np.intp]
    result: NDArray[np.float64]
    length: NDArray[np.float64]
    count: int


def _seen_within(data: _Data, start: NDArray[np.float64], gamma: float, confidence: float) -> bool:
    """Return whether γ is told from 0, on the same side, by what is left of length when checkpoints explain the rest.

    What is left is the residual of least squares on who plays whom; it says nothing of any checkpoint's strength.
    """
    sides, rows = np.zeros((data.result.size, data.count)), np.arange(data.result.size)
    sides[rows, data.first], sides[rows, data.second] = 1, -1
    with one_blas_thread():
        left = data.length - sides @ np.linalg.lstsq(sides, data.length, rcond=None)[0]
        alone, weights = replace(data, length=left), np.ones(data.result.size)
        found = _fit(alone, weights, start)
        variance = float(np.linalg.inv(_slopes(alone, weights, found)[1])[-1, -1])
    seen = float(found[-1]) if gamma > 0 else -float(found[-1])
    return seen > normal_quantile((1 + confidence) / 2) * math.sqrt(variance)


def _fit(data: _Data, weights: NDArray[np.float64], start: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return strengths (mean 0) and γ: Newton's method, its steps halved while they do not help; the loss is convex."""
    from scipy.linalg import solve  # type: ignore[import-untyped]

    at, loss = start, _loss(data, weights, start)
    for _ in range(_STEPS):
        gradient, curvature = _slopes(data, weights, at)
        step = solve(curvature, gradient, assume_a="pos")
        while not (after := _loss(data, weights, at - step)) <= loss + _TOLERANCE:
            step /= 2
        at, gained, loss = at - step, loss - after, after
        if gained < _TOLERANCE:
            break
    centred: NDArray[np.float64] = np.append(at[:-1] - at[:-1].mean(), at[-1])
    return centred


def _loss(data: _Data, weights: NDArray[np.float64], at: NDArray[np.float64]) -> float:
    """Return −log posterior; the last term only keeps the strengths' mean at 0, which the data cannot tell."""
    strength, slope = at[:-1], at[-1]
    logit = strength[data.first] - strength[data.second] + slope * data.length
    played = weights @ (np.logaddexp(0, logit) - data.result * logit)
    gaps = np.abs(strength[:, None] - strength[None, :])
    given = (gaps / 2 + np.log1p(np.exp(-gaps))).sum() - data.count * np.log(2)  # a game won and one lost, over all
    prior = given / max(1, data.count - 1) + slope**2 / (2 * PRIOR_SPREAD**2)
    return float(played + prior + strength.sum() ** 2 / (2 * data.count))


def _slopes(
    data: _Data, weights: NDArray[np.float64], at: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the gradient and the matrix of second derivatives of the loss."""
    count, strength, slope = data.count, at[:-1], at[-1]
    chance = 1 / (1 + np.exp(-(strength[data.first] - strength[data.second] + slope * data.length)))
    residual, spread = weights * (chance - data.result), weights * chance * (1 - chance)

    def to_sides(values: NDArray[np.float64]) -> NDArray[np.float64]:
        sides: NDArray[np.float64] = np.subtract(
            np.bincount(data.first, values, count), np.bincount(data.second, values, count), dtype=float
        )
        return sides

    given = 1 / (1 + np.exp(strength[None, :] - strength[:, None]))  # the row's chance against the column
    np.fill_diagonal(given, 0.5)
    share = 1 / max(1, count - 1)
    gradient = np.append(
        to_sides(residual) + share * (2 * given - 1).sum(axis=1) + strength.sum() / count,
        residual @ data.length + slope / PRIOR_SPREAD**2,
    )
    pairs = np.bincount(data.first * count + data.second, spread, count * count).reshape(count, count)
    between = pairs + pairs.T + 2 * share * given * (1 - given)
    np.fill_diagonal(between, 0.0)
    curvature = np.empty((count + 1, count + 1))
    curvature[:-1, :-1] = np.diag(between.sum(axis=1)) - between + 1 / count
    curvature[:-1, -1] = curvature[-1, :-1] = to_sides(spread * data.length)
    curvature[-1, -1] = spread @ data.length**2 + 1 / PRIOR_SPREAD**2
    return gradient, curvature
