"""Strengths of checkpoints from games between pairs of them (Bradley–Terry), with intervals over prompts."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charbench.analysis.blas import one_blas_thread
from charbench.analysis.clusters import cluster_codes
from charbench.analysis.distributions import normal_quantile
from charbench.analysis.information import covariance

RESAMPLES = 200
_TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True)
class Game:
    """Two checkpoints, by their numbers, on one prompt. ``result``: 1 the first won, 0 the second, 0.5 a tie.

    ``longer``: by how many characters the first's text is longer; only length control looks at it.
    """

    first: int
    second: int
    result: float
    prompt: Hashable = None
    longer: float = 0.0


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
    """
    values, draws = strength_draws(games, count, resamples=resamples, seed=seed)
    return with_intervals(values, draws, np.diag(covariance(win_table(games, count), values)), games, confidence)


def strength_draws(
    games: Sequence[Game], count: int, *, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the strengths, and those from redrawn prompts: a row for each drawing; no row with fewer than two."""
    first, second, result = _arrays(games, count)
    values = bradley_terry(_table(first, second, result, np.ones(len(games)), count))
    with one_blas_thread():
        fits = [
            _fit(_table(first, second, result, weights, count), values)
            for weights in redrawn_prompts(games, resamples, seed)
        ]
    return values, np.array(fits).reshape(len(fits), count)


def redrawn_prompts(games: Sequence[Game], resamples: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Yield how often each game is in a drawing of as many prompts as there are; nothing with fewer than two."""
    prompts = cluster_codes([game.prompt for game in games])
    number = int(prompts.max()) + 1 if prompts.size else 0
    if number > 1:
        rng = np.random.default_rng(seed)
        for drawn in rng.multinomial(number, np.full(number, 1 / number), size=resamples):
            yield drawn[prompts].astype(float)


def with_intervals(
    values: NDArray[np.float64],
    draws: NDArray[np.float64],
    variances: NDArray[np.float64],
    games: Sequence[Game],
    confidence: float = 0.95,
) -> list[Strength]:
    """Return strengths with their intervals: see :func:`intervals`."""
    low, high = intervals(values, draws, variances, confidence)
    played = np.bincount([side for game in games for side in (game.first, game.second)], minlength=values.size)
    return [Strength(float(values[i]), float(low[i]), float(high[i]), int(played[i])) for i in range(values.size)]


def intervals(
    values: NDArray[np.float64], draws: NDArray[np.float64], variances: NDArray[np.float64], confidence: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the percentile intervals of redrawn prompts, never narrower than those of as many independent games.

    ``variances`` are those of the latter. Where one side won every game, drawing prompts anew changes nothing: that
    this tells more than its number of games cannot be shown. NaN without a drawing.

    Source: Efron and Tibshirani (1993), "An introduction to the bootstrap", chapter 13.
    """
    if not len(draws):
        return np.full(values.size, np.nan), np.full(values.size, np.nan)
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    half = normal_quantile((1 + confidence) / 2) * np.sqrt(np.maximum(variances, 0))
    return np.minimum(low, values - half), np.maximum(high, values + half)


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
