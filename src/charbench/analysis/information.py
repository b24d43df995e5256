"""How surely strengths are known from the games alone, each game taken as independent of all others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from charbench.analysis.blas import one_blas_thread


def covariance(wins: NDArray[np.float64], strengths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the covariance (n x n) of strengths with mean 0: the inverse of the Bradley-Terry model's information.

    ``wins`` is the table that they were fitted to; the two games that each checkpoint is given count too. A tie counts
    as a game that could have gone either way, so with many ties this is more than the truth.
    """
    size = len(wins)
    if size < 2:
        return np.zeros((size, size))
    information = (wins + wins.T + 2 / (size - 1)) * outcome_variance(strengths)
    np.fill_diagonal(information, 0.0)
    laplacian = np.diag(information.sum(axis=1)) - information
    # Strengths are known up to a constant: 1/n in every cell makes the matrix invertible, and is taken off again.
    with one_blas_thread():
        inverse = np.linalg.inv(laplacian + 1 / size)
    centred: NDArray[np.float64] = np.subtract(inverse, 1 / size, dtype=float)
    return centred


def of_pairs(form: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return d'Fd for each pair's difference d = e_i - e_j of a symmetric form F: of a covariance, its variance."""
    own = np.diag(form)
    values: NDArray[np.float64] = own[:, None] + own[None, :] - 2 * form
    return values


def outcome_variance(strengths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the variance p(1 − p) of a game of each pair."""
    wins = 1 / (1 + np.exp(strengths[None, :] - strengths[:, None]))
    product: NDArray[np.float64] = wins * (1 - wins)
    return product
