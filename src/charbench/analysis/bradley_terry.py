"""The Bradley–Terry model of verdicts, with terms for position and length: a bias-reduced fit and its covariances.

logit P(the first sample is taken) = s_first − s_second ± β + γ·length, with + where it is shown first. A game that was
judged in both orders counts as two verdicts of half a game each: so a judge that favours what comes first makes
strengths no smaller. Without a verdict in both orders a game says nothing of β.

The estimate maximises the likelihood times |information|^(φ/2), a power of Jeffreys' prior. With φ = 1 this removes the
first-order bias (Firth 1993, "Bias reduction of maximum likelihood estimates", Biometrika 80:27; Heinze and Schemper
2002, Stat Med 21:2409); that bias is proportional to the dispersion φ of the games (Kosmidis and Firth 2009, "Bias
reduction in exponential family nonlinear models", Biometrika 96:793), which is estimated first. The estimate is finite
where one side won every game.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charbench.analysis.blas import one_blas_thread
from charbench.analysis.clusters import cluster_codes
from charbench.analysis.games import Game

_TERM_PRECISION = 0.04
"""Precision of the prior of β and γ, N(0, 5²): it only keeps them finite."""
_TOLERANCE = 1e-9
_SHORT = 1e-6
_STEPS = 200
_LONGEST_STEP = 2.0
_FARTHEST = 30.0
"""Logits beyond this are as good as certain."""
_POWERS = (0.5, 1.5)
"""The least and the greatest power of Jeffreys' prior."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """Two rows a game, one for each order: who plays, the outcome for the first, and the covariates of β and γ.

    Every row weighs half a game.
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    outcome: Array
    terms: Array
    prompt: NDArray[np.intp]
    groups: NDArray[np.intp]
    count: int

    @classmethod
    def of(cls, games: Sequence[Game], count: int, lengths: Array | None, *, position: bool) -> Design:
        """Return the rows of these games; see :func:`fit` for what is refused."""
        for game in games:
            if game.first == game.second or not (0 <= game.first < count and 0 <= game.second < count):
                raise ValueError(f"checkpoints {game.first} and {game.second} of {count} cannot play each other")
            if not 0 <= game.result <= 1:
                raise ValueError(f"result {game.result} is not between 0 and 1")
        lead = np.array([0.0 if game.shown_first is None else game.shown_first - 0.5 for game in games])
        result = np.array([game.result for game in games], dtype=float)
        orders = np.array([float(game.shown_first is not None) for game in games])
        columns = [np.concatenate([orders, -orders])] if position else []
        columns += [np.tile(lengths, 2)] if lengths is not None else []
        first = np.array([game.first for game in games], dtype=np.intp)
        second = np.array([game.second for game in games], dtype=np.intp)
        return cls(
            np.tile(first, 2),
            np.tile(second, 2),
            np.clip(np.concatenate([result + lead, result - lead]), 0.0, 1.0),
            np.array(columns).reshape(len(columns), 2 * len(games)).T,
            np.tile(cluster_codes([game.prompt for game in games]), 2),
            _groups(first, second, count),
            count,
        )

    @property
    def size(self) -> int:
        """How many parameters there are."""
        return self.count + int(self.terms.shape[1])

    @property
    def games(self) -> int:
        """How many games there are."""
        return self.first.size // 2

    @property
    def parameters(self) -> int:
        """How many parameters are free: a strength less in each group, as their mean is 0."""
        return self.size - len(set(self.groups.tolist()))

    @property
    def played(self) -> NDArray[np.intp]:
        """How many games each checkpoint has played."""
        counts = np.bincount(self.first, minlength=self.count) + np.bincount(self.second, minlength=self.count)
        return np.asarray(counts // 2, dtype=np.intp)

    @property
    def prompts(self) -> int:
        """How many prompts the games are on."""
        return int(self.prompt.max()) + 1 if self.prompt.size else 0

    @property
    def centring(self) -> Array:
        """One divided by the size of the group, for each two checkpoints of one group."""
        same = self.groups[:, None] == self.groups[None, :]
        return np.asarray(same / np.maximum(1, same.sum(axis=1)), dtype=float)

    def chances(self, at: Array) -> Array:
        """Return the chance of each row's outcome, with these parameters."""
        logit = at[self.first] - at[self.second] + self.terms @ at[self.count :]
        chances: Array = 1 / (1 + np.exp(-np.clip(logit, -_FARTHEST, _FARTHEST)))
        return chances

    def sums(self, rows: Array) -> Array:
        """Return X'r for rows' values r."""
        sides = np.bincount(self.first, rows, self.count) - np.bincount(self.second, rows, self.count)
        return np.concatenate([sides, rows @ self.terms])

    def information(self, spread: Array) -> Array:
        """Return X'VX of the rows' variances, with the terms' priors; the centring makes it invertible."""
        count, of = self.count, np.empty((self.size, self.size))
        pairs = np.bincount(self.first * count + self.second, spread, count * count).reshape(count, count)
        pairs = pairs + pairs.T
        of[:count, :count] = np.diag(pairs.sum(axis=1)) - pairs + self.centring
        for number, column in enumerate(self.terms.T, count):
            of[:, number] = of[number, :] = self.sums(spread * column)
            of[number, number] += _TERM_PRECISION
        return of

    def leverage(self, inverse: Array) -> Array:
        """Return x'Cx of every row."""
        a, b, terms = self.first, self.second, self.terms
        own: Array = inverse[a, a] + inverse[b, b] - 2 * inverse[a, b]
        between = (inverse[a, self.count :] - inverse[b, self.count :]) * terms
        among = (terms @ inverse[self.count :, self.count :]) * terms
        total: Array = own + 2 * between.sum(axis=1) + among.sum(axis=1)
        return total


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Strengths on the logistic scale, β (``position``) and γ (``length``), which are NaN where not fitted.

    ``groups`` numbers, for each checkpoint, those that a chain of games connects; the mean of each group's strengths
    is 0, and nothing is known of the difference of two groups. One that never played is a group of its own.
    ``independent`` is the covariance of strengths, β and γ, in this order, if games differ by chance alone, times the
    dispersion φ where that is above 1; φ is that of residuals, times games / (games − parameters). ``clustered`` is
    the covariance over prompts (the sandwich: Liang and Zeger 1986, Biometrika 73:13). Variances are the greater of
    the two. With fewer than two prompts both are NaN.
    ``degrees`` are the degrees of freedom of Student's t for strengths and their differences.
    """

    strengths: Array
    groups: NDArray[np.intp]
    position: float
    length: float
    independent: Array
    clustered: Array
    dispersion: float
    design: Design

    @property
    def prompts(self) -> int:
        """How many prompts the games are on."""
        return self.design.prompts

    @property
    def degrees(self) -> int:
        """φ is estimated from all prompts of all strengths together."""
        return max(0, (self.prompts - 1) * (self.strengths.size - len(set(self.groups.tolist()))))

    def errors(self) -> Array:
        """Return the standard errors of the strengths, and of the terms that were fitted."""
        return root(np.maximum(np.diag(self.independent), np.diag(self.clustered)))

    def errors_of_pairs(self) -> Array:
        """Return the standard error of the difference of each two strengths (n x n); infinite between groups."""
        count = self.strengths.size
        errors = root(np.maximum(*(of_pairs(one[:count, :count]) for one in (self.independent, self.clustered))))
        errors[self.groups[:, None] != self.groups[None, :]] = np.inf
        return errors


def fit(games: Sequence[Game], count: int, *, position: bool = True, lengths: Array | None = None) -> Fit:
    """Fit the model to the games of ``count`` checkpoints; ``lengths`` has the covariate of γ for each game.

    ``position``: whether β is fitted. Raises ValueError for a checkpoint that does not exist, one that plays itself,
    or a result beyond 0 to 1.
    """
    design = Design.of(games, count, lengths, position=position)
    with one_blas_thread():
        at = _solved(design, np.zeros(design.size), power=1.0)
        dispersion = _covariances(design, at)[2]
        if design.prompts > 1:
            at = _solved(design, at, power=float(np.clip(dispersion, *_POWERS)))
        independent, clustered, dispersion = _covariances(design, at)
    dispersion *= design.games / max(1, design.games - design.parameters)
    terms = iter(at[count:])
    return Fit(
        strengths=at[:count],
        groups=design.groups,
        position=float(next(terms)) if position else np.nan,
        length=float(next(terms)) if lengths is not None else np.nan,
        independent=independent * (max(1.0, dispersion) if design.prompts > 1 else np.nan),
        clustered=clustered if design.prompts > 1 else np.full_like(clustered, np.nan),
        dispersion=dispersion,
        design=design,
    )


def _solved(design: Design, start: Array, power: float) -> Array:
    """Return where the penalised likelihood is greatest: Fisher scoring, its steps halved while they do not help."""
    at, priors, centring = start, np.zeros(design.size), design.centring
    priors[design.count :] = _TERM_PRECISION
    loss = _loss(design, at, priors, power)
    for _ in range(_STEPS):
        chance = design.chances(at)
        spread = chance * (1 - chance) / 2
        inverse: Array = np.asarray(np.linalg.inv(design.information(spread)), dtype=float)
        pull = power * spread * design.leverage(inverse) * (0.5 - chance)
        step = inverse @ (design.sums((design.outcome - chance) / 2 + pull) - priors * at)
        step[: design.count] -= centring @ step[: design.count]
        longest = float(np.abs(step).max(initial=0.0))
        step *= min(1.0, _LONGEST_STEP / longest) if longest else 1.0
        while (after := _loss(design, at + step, priors, power)) > loss + _TOLERANCE:
            step /= 2
        at, loss = at + step, after
        if np.abs(step).max(initial=0.0) < _SHORT:
            break
    return at


def _loss(design: Design, at: Array, priors: Array, power: float) -> float:
    """Return minus the penalised log-likelihood."""
    chance = design.chances(at)
    likelihood = float(design.outcome @ np.log(chance) + (1 - design.outcome) @ np.log1p(-chance)) / 2
    jeffreys = float(np.linalg.slogdet(design.information(chance * (1 - chance) / 2))[1]) / 2
    return float(priors @ at**2) / 2 - likelihood - power * jeffreys


def _covariances(design: Design, at: Array) -> tuple[Array, Array, float]:
    """Return the covariance of independent games, that over prompts, and φ: the latter by the former, on average."""
    count, size, prompts = design.count, design.size, design.prompts
    chance = design.chances(at)
    inverse: Array = np.asarray(np.linalg.inv(design.information(chance * (1 - chance) / 2)), dtype=float)
    residual, cell = (design.outcome - chance) / 2, design.prompt * size
    scores = np.bincount(cell + design.first, residual, prompts * size)
    scores = (scores - np.bincount(cell + design.second, residual, prompts * size)).reshape(prompts, size)
    for number, column in enumerate(design.terms.T, count):
        scores[:, number] = np.bincount(design.prompt, residual * column, prompts)
    moved = scores @ inverse
    clustered = moved.T @ moved * prompts / max(1, prompts - 1)
    independent = inverse.copy()
    independent[:count, :count] -= design.centring
    played = design.played > 0
    ratios = np.diag(clustered)[:count][played] / np.diag(independent)[:count][played]
    return independent, clustered, float(ratios.mean()) if prompts > 1 and ratios.size else float("nan")


def _groups(first: NDArray[np.intp], second: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    from scipy.sparse import coo_array  # type: ignore[import-untyped]
    from scipy.sparse.csgraph import connected_components  # type: ignore[import-untyped]

    if not count:
        return np.zeros(0, dtype=np.intp)
    met = coo_array((np.ones(first.size), (first, second)), shape=(count, count))
    return np.asarray(connected_components(met, directed=False)[1], dtype=np.intp)


def of_pairs(covariance: Array) -> Array:
    """Return the variance of the difference of each two."""
    own = np.diag(covariance)
    return np.asarray(own[:, None] + own[None, :] - 2 * covariance, dtype=float)


def root(variances: Array) -> Array:
    """Return square roots, of what rounding has made less than 0 too."""
    return np.asarray(np.sqrt(np.maximum(variances, 0.0)), dtype=float)
