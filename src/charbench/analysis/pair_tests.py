"""Which strengths differ: a score test of each two of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from charbench.analysis.bradley_terry import Array, Fit, of_pairs
from charbench.analysis.special_functions import special

_ANCHOR = 1e-6
"""A little information on the mean of two strengths, as a share of their own: it says nothing of their difference."""


def pair_p_values(fitted: Fit) -> Array:
    """Return the two-sided p-value (n x n) of each two strengths' difference, unadjusted; NaN where nothing is known.

    Rao's score test with both strengths at their mean. Unlike Wald's, it grows with every game that one side wins
    (Hauck and Donner 1977, JASA 72:851). All other strengths stay where they are; that they are estimated too makes
    the difference less sure, in the proportion that holds at the estimate. The statistic is divided by the root of the
    dispersion, or of what clustering by prompt adds for these two where that is more, and compared with Student's t.
    """
    count, strengths = fitted.strengths.size, fitted.strengths
    means = (strengths[:, None] + strengths[None, :]) / 2
    _, apart = _one_step(fitted, np.repeat(strengths[:, None], count, axis=1), np.tile(strengths, (count, 1)))
    steps, equal = _one_step(fitted, means, means)
    known = of_pairs(fitted.independent[:count, :count]) / max(1.0, fitted.dispersion)
    with np.errstate(divide="ignore", invalid="ignore"):
        inflation = np.maximum(1.0, fitted.errors_of_pairs() ** 2 / known)
        t = steps / np.sqrt(equal * inflation * np.maximum(1.0, known / apart))
        p: Array = np.asarray(2 * special().stdtr(max(1, fitted.degrees), -np.abs(t)), dtype=float)
    np.fill_diagonal(p, np.nan)
    return p


def _one_step(fitted: Fit, own: Array, other: Array) -> tuple[Array, Array]:
    """Return Newton's step for the difference of each two strengths, and its variance, with all others held still.

    The row's strength is ``own``, the column's ``other``.
    """
    count = fitted.strengths.size
    scores, information, between = (np.zeros((count, count)) for _ in range(3))
    for one in range(count):
        scores[one], information[one], between[one] = _side(fitted, one, own[one], other[one])
    anchor = _ANCHOR * (information + information.T)
    mine, theirs, shared = information + anchor, information.T + anchor, anchor - between
    with np.errstate(divide="ignore", invalid="ignore"):
        determinant = mine * theirs - shared**2
        steps = ((theirs + shared) * scores - (mine + shared) * scores.T) / determinant
        variances = (mine + theirs + 2 * shared) / determinant
    return steps, variances


def _side(fitted: Fit, one: int, own: Array, other: Array) -> tuple[Array, Array, Array]:
    """Return the score of one checkpoint's strength, its information, and that of its games with each other one.

    ``own`` is its strength beside each other one, whose strength is then ``other``; opponents besides have their own.
    """
    design, terms = fitted.design, np.array([x for x in (fitted.position, fitted.length) if not np.isnan(x)])
    mine = (design.first == one) | (design.second == one)
    is_first = design.first[mine] == one
    opponent: NDArray[np.intp] = np.where(is_first, design.second[mine], design.first[mine])
    outcome = np.where(is_first, design.outcome[mine], 1 - design.outcome[mine])
    given = np.where(is_first, 1, -1) * (design.terms[mine] @ terms)
    against = np.tile(fitted.strengths[opponent], (own.size, 1))
    rows = np.arange(opponent.size)
    against[opponent, rows] = other[opponent]
    chance = 1 / (1 + np.exp(-(own[:, None] - against + given)))
    spread = chance * (1 - chance) / 2
    met: Array = np.bincount(opponent, spread[opponent, rows], own.size).astype(float)
    score: Array = (outcome - chance).sum(axis=1) / 2
    information: Array = spread.sum(axis=1)
    return score, information, met
