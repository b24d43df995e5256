"""Which checkpoints to compare next: the pairs whose games tell most about the ranking."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from charbench.analysis.blas import one_blas_thread
from charbench.analysis.information import covariance, of_pairs, outcome_variance
from charbench.analysis.strengths import bradley_terry


def next_pairs(
    wins: NDArray[np.float64], count: int | None = None, *, allowed: NDArray[np.bool_] | None = None, seed: int = 0
) -> list[tuple[int, int]]:
    """Return up to ``count`` pairs to play next, no checkpoint in two of them, the most telling pair first.

    ``wins`` is the table of what was played (:func:`charbench.analysis.strengths.win_table`). A pair's worth is
    how much one more game lowers the sum of the variances of all strengths (:func:`variance_saved`): so
    checkpoints of like strength meet, and of them those whose game settles most of the table. Ties are broken
    by the seed. By default every checkpoint plays, but the odd one; ``allowed`` (n x n) says which pairs may play.

    Source: the A-optimality criterion of optimal design (Atkinson, Donev and Tobias 2007, "Optimum Experimental
    Designs, with SAS", chapter 10) for the Bradley-Terry model's Fisher information.
    """
    size = len(wins)
    most = size // 2 if count is None else min(count, size // 2)
    gain = variance_saved(wins)
    rng = np.random.default_rng(seed)
    rows, columns = np.triu_indices(size, 1)
    order = np.lexsort((rng.random(rows.size), -gain[rows, columns]))
    if allowed is not None:
        order = order[allowed[rows, columns][order]]
    free = np.ones(size, dtype=bool)
    chosen: list[tuple[int, int]] = []
    for index in order:
        if len(chosen) == most:
            break
        a, b = int(rows[index]), int(columns[index])
        if free[a] and free[b]:
            free[a] = free[b] = False
            chosen.append((a, b))
    return chosen


def variance_saved(wins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each pair by how much one more game lowers the sum of the variances of the strengths.

    With C the strengths' covariance (n x n, the inverse of the Fisher information), d = e_i - e_j and q the
    variance of the game's outcome, p(1 - p), the Sherman-Morrison formula gives q |C d|^2 / (1 + q d'Cd).
    """
    if len(wins) < 2:
        return np.zeros((len(wins), len(wins)))
    strengths = bradley_terry(wins)
    outcome, known = outcome_variance(strengths), covariance(wins, strengths)
    with one_blas_thread():
        squared: NDArray[np.float64] = known @ known
    saved: NDArray[np.float64] = outcome * of_pairs(squared) / (1 + outcome * of_pairs(known))
    return saved
