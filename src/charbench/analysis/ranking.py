"""A ranking from games: strengths, which of them can be told apart, and how far length decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charbench.analysis.distributions import normal_quantile
from charbench.analysis.information import covariance, of_pairs
from charbench.analysis.length_control import LengthControl, length_controlled
from charbench.analysis.strengths import RESAMPLES, Game, Strength, strength_draws, win_table, with_intervals
from charbench.analysis.tiers import LEVEL, tiers

LEAST_PROMPTS = 6
"""With fewer nothing is told apart: five prompts that all speak for one side have p = 0.0625 (sign test)."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """``order`` lists the checkpoints' numbers, the strongest first; the other lists are by number.

    ``tiers`` are from 1; no two of one tier can be told apart. ``prompts`` is how many the games were on. Order and
    tiers go by the strengths at equal length where length is known to decide games (``controlled.matters``), else by
    the plain ``strengths``.
    """

    order: list[int]
    strengths: list[Strength]
    controlled: LengthControl
    tiers: list[int]
    prompts: int


def ranking(games: Sequence[Game], count: int, *, resamples: int = RESAMPLES, seed: int = 0) -> Ranking:
    """Rank ``count`` checkpoints by their strengths; those that never played are in the middle, as nothing is known.

    Where the interval of what length is worth leaves 0 out, the plain strengths say who writes much: then those at
    equal length rank.
    """
    values, draws = strength_draws(games, count, resamples=resamples, seed=seed)
    prompts = len({game.prompt for game in games})
    known = covariance(win_table(games, count), values)
    strengths = with_intervals(values, draws, np.diag(known), games)
    controlled = length_controlled(games, count, resamples=resamples, seed=seed)
    if controlled.matters:
        values = np.array([strength.value for strength in controlled.strengths])
        draws, known = controlled.draws, controlled.known
    apart = told_apart(values, draws, known, prompts)
    order = sorted(range(count), key=lambda i: (-values[i], i))
    by_rank = tiers(count, lambda a, b: bool(apart[order[a], order[b]]))
    given = dict(zip(order, by_rank, strict=True))
    return Ranking(order, strengths, controlled, [given[number] for number in range(count)], prompts)


def told_apart(
    values: NDArray[np.float64], draws: NDArray[np.float64], known: NDArray[np.float64], prompts: int
) -> NDArray[np.bool_]:
    """Return which pairs of strengths differ, with a chance of at most 5% of even one wrong among all pairs.

    A pair differs where its difference is more than q standard errors from 0. Standard errors are those of the
    differences over redrawn prompts (``draws``), which are the same for both sides, so a pair is compared prompt by
    prompt; they are never less than those of as many independent games (covariance ``known``). q is the 95% quantile
    of the farthest that any pair's redrawn difference lies from its own. Rough with few prompts.

    Source: the single-step bootstrap of Romano and Wolf (2005), "Exact and approximate stepdown methods for multiple
    hypothesis testing", JASA 100:94, for the differences of ranks as in Mogstad, Romano, Shaikh and Wilhelm (2024),
    "Inference for ranks", Rev Econ Stud 91:476.
    """
    count = values.size
    if prompts < LEAST_PROMPTS or not len(draws):
        return np.zeros((count, count), dtype=bool)
    moved = draws - values
    errors, farthest = np.sqrt(np.maximum(of_pairs(known), 0)), np.zeros(len(draws))
    for one in range(count):
        gaps = moved[:, one : one + 1] - moved
        redrawn = gaps.std(axis=0, ddof=1)
        errors[one] = np.maximum(errors[one], redrawn * np.sqrt(prompts / (prompts - 1)))
        others = redrawn > 0
        if others.any():
            farthest = np.maximum(farthest, (np.abs(gaps[:, others]) / redrawn[others]).max(axis=1))
    limit = max(float(np.quantile(farthest, 1 - LEVEL)), normal_quantile(1 - LEVEL / max(2, count * (count - 1))))
    differs: NDArray[np.bool_] = np.abs(values[:, None] - values[None, :]) > limit * errors
    return differs
