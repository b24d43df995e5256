"""Which checkpoints to compare next: the pairs whose games tell most about the ranking."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from charbench.analysis.blas import one_blas_thread
from charbench.analysis.strengths import bradley_terry


def next_pairs(wins: NDArray[np.float64], count: int | None = None, *, seed: int = 0) -> list[tuple[int, int]]:
    """Return up to ``count`` pairs to play next, no checkpoint in two of them, the most telling pair first.

    ``wins`` is the table of what was played (:func:`charbench.analysis.strengths.win_table`). A game between i
    and j tells log(1 + p(1 − p) v): p is the probability that i wins, v the variance of the difference of
    their strengths by the Fisher information so far. So pairs of like strength are taken, and of them those
    known least; ties are broken by the seed. By default every checkpoint plays, but the odd one.

    Source: D-optimal design for the Bradley–Terry model, as Chen, Bennett, Collins-Thompson and Horvitz (2013),
    "Pairwise ranking aggregation in a crowdsourced setting", choose pairs by expected information.
    """
    size = len(wins)
    most = size // 2 if count is None else min(count, size // 2)
    gain = expected_information(wins)
    rng = np.random.default_rng(seed)
    rows, columns = np.triu_indices(size, 1)
    order = np.lexsort((rng.random(rows.size), -gain[rows, columns]))
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


def expected_information(wins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each pair how much one more game tells, in nats; see :func:`next_pairs`."""
    size = len(wins)
    if size < 2:
        return np.zeros((size, size))
    strengths = bradley_terry(wins)
    spread = _outcome_variance(strengths)
    information = (wins + wins.T + 2 / (size - 1)) * spread  # two games each, as bradley_terry gives them
    np.fill_diagonal(information, 0.0)
    laplacian = np.diag(information.sum(axis=1)) - information
    # Strengths are known up to a constant: 1/n in every cell makes the matrix invertible, and cancels in v.
    with one_blas_thread():
        covariance = np.linalg.inv(laplacian + 1 / size)
    own = np.diag(covariance)
    variance = own[:, None] + own[None, :] - 2 * covariance
    gain: NDArray[np.float64] = np.log1p(spread * variance)
    return gain


def _outcome_variance(strengths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the variance p(1 − p) of a game of each pair."""
    wins = 1 / (1 + np.exp(strengths[None, :] - strengths[:, None]))
    product: NDArray[np.float64] = wins * (1 - wins)
    return product
