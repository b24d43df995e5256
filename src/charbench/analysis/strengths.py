"""Strengths of checkpoints from games between pairs of them (Bradley–Terry), with intervals over prompts."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charbench.analysis.blas import one_blas_thread
from charbench.analysis.clusters import cluster_codes

RESAMPLES = 200
_TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True)
class Game:
    """Two checkpoints, by their numbers, on one prompt. ``result``: 1 the first won, 0 the second, 0.5 a tie."""

    first: int
    second: int
    result: float
    prompt: Hashable = None


@dataclass(frozen=True, slots=True)
class Strength:
    """A checkpoint's strength on the logistic scale (the mean over checkpoints is 0), and its interval.

    One that is stronger by d wins against the other with the probability 1/(1 + exp(-d)).
    """

    value: float
    low: float
    high: float
    games: int


def win_table(games: Sequence[Game], count: int) -> NDArray[np.float64]:
    """Return how often each of ``count`` checkpoints (row) beat each other one (column); a tie is half a win each.

    Raises ValueError for a checkpoint that is not there, one that plays itself, or a result beyond 0 to 1.
    """
    return _table(*_arrays(games, count), np.ones(len(games)), count)


def bradley_terry(wins: NDArray[np.float64], start: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Return the strengths, on the logistic scale with mean 0, that make the table of wins most probable.

    Each checkpoint is given two more games, one won and one lost, dealt out over all others: it keeps
    strengths finite where one won or lost everything, and pulls them towards 0 where games are few.
    ``start``: strengths to start from. Never online Elo, whose answer depends on the order of the games.

    Source: Bradley and Terry (1952), Biometrika 39:324; fitted by choix (Maystre and Grossglauser, 2015,
    "Fast and accurate inference of Plackett–Luce models").
    """
    with one_blas_thread():
        return _fit(wins, start)


def strengths(
    games: Sequence[Game], count: int, *, resamples: int = RESAMPLES, seed: int = 0, confidence: float = 0.95
) -> list[Strength]:
    """Return the strength of each of ``count`` checkpoints with its bootstrap interval.

    Whole prompts are drawn anew with all their games, since games on one prompt are alike: the interval
    speaks of other prompts. It is NaN with fewer than two prompts. The same seed gives the same interval.
    Source: the percentile interval of Efron and Tibshirani (1993), "An introduction to the bootstrap", chapter 13.
    """
    first, second, result = _arrays(games, count)
    values = bradley_terry(_table(first, second, result, np.ones(len(games)), count))
    prompts = cluster_codes([game.prompt for game in games])
    number = int(prompts.max()) + 1 if prompts.size else 0
    if number < 2:
        low = high = np.full(count, np.nan)
    else:
        rng = np.random.default_rng(seed)
        drawn = rng.multinomial(number, np.full(number, 1 / number), size=resamples)
        tables = (_table(first, second, result, weights[prompts].astype(float), count) for weights in drawn)
        with one_blas_thread():
            fits = np.array([_fit(table, values) for table in tables])
        low, high = np.quantile(fits, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    played = np.bincount(first, minlength=count) + np.bincount(second, minlength=count)
    return [Strength(float(values[i]), float(low[i]), float(high[i]), int(played[i])) for i in range(count)]


def _fit(wins: NDArray[np.float64], start: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    count = len(wins)
    if count < 2:
        return np.zeros(count)
    import choix

    given = (1 - np.eye(count)) / (count - 1)
    fitted: NDArray[np.float64] = choix.ilsr_pairwise_dense(
        wins + given, initial_params=start, max_iter=1000, tol=_TOLERANCE
    )
    centred: NDArray[np.float64] = fitted - fitted.mean()
    return centred


def _arrays(games: Sequence[Game], count: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    for game in games:
        if game.first == game.second or not (0 <= game.first < count and 0 <= game.second < count):
            raise ValueError(f"checkpoints {game.first} and {game.second} of {count} cannot play each other")
        if not 0 <= game.result <= 1:
            raise ValueError(f"result {game.result} is not between 0 and 1")
    first = np.fromiter((game.first for game in games), np.intp, len(games))
    second = np.fromiter((game.second for game in games), np.intp, len(games))
    return first, second, np.fromiter((game.result for game in games), float, len(games))


def _table(
    first: NDArray[np.intp],
    second: NDArray[np.intp],
    result: NDArray[np.float64],
    weights: NDArray[np.float64],
    count: int,
) -> NDArray[np.float64]:
    table = np.zeros((count, count))
    np.add.at(table, (first, second), weights * result)
    np.add.at(table, (second, first), weights * (1 - result))
    return table
