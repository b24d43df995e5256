"""Strengths at equal length: Bradley–Terry with the difference of lengths as a covariate.

Judges favour longer texts. The model gives that preference a coefficient of its own, so that what is left is each
checkpoint's strength in games between texts of one length.

Source: Dubois, Galambosi, Liang and Hashimoto (2024), "Length-controlled AlpacaEval: a simple way to debias automatic
evaluators", arXiv 2404.04475, section 3, whose length term this is; without its term for the difficulty of a prompt,
which falls out where both sides answer the same one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from charbench.analysis.blas import one_blas_thread
from charbench.analysis.bradley_terry import Array, Fit, fit
from charbench.analysis.games import Game
from charbench.analysis.strengths import Strength, term_interval, with_intervals


@dataclass(frozen=True, slots=True, eq=False)
class LengthControl:
    """Strengths at equal length, and what length does.

    ``coefficient`` is what the longer text gains on the logistic scale at most, with its interval: 0 is none, below 0
    the shorter is favoured. NaN where no two texts differ in length. ``within`` says whether the same is seen where a
    checkpoint writes more than it usually does, against the same other: a checkpoint that always writes much and wins
    may do so by its strength. ``fitted`` is the model, with its covariances.
    """

    strengths: list[Strength]
    coefficient: float
    low: float
    high: float
    within: bool
    fitted: Fit

    @property
    def matters(self) -> bool:
        """Whether length decides games for sure: its interval leaves 0 out, and it is no strength in disguise."""
        return self.within and (self.low > 0 or self.high < 0)


def length_controlled(games: Sequence[Game], count: int, *, confidence: float = 0.95) -> LengthControl:
    """Fit logit P(first wins) = s_first − s_second ± β + γ tanh(d/sd), d the first's length less the second's.

    sd is the standard deviation of d over the games, about 0: which of two is the first is chance. The fit and its
    intervals are those of :mod:`charbench.analysis.bradley_terry`. Where every checkpoint always writes the same
    length, nobody can tell length from strength: the interval of γ shows it.
    """
    longer = np.array([game.longer for game in games], dtype=float)
    spread = float(np.sqrt(np.mean(longer**2))) if longer.size else 0.0
    if not spread:
        plain, none = fit(games, count), float("nan")
        return LengthControl(with_intervals(plain, games, confidence), none, none, none, within=False, fitted=plain)
    lengths = np.tanh(longer / spread)
    fitted = fit(games, count, lengths=lengths)
    within = term_interval(fit(games, count, lengths=_residual(games, count, lengths)), "length", confidence)
    return LengthControl(
        with_intervals(fitted, games, confidence),
        *term_interval(fitted, "length", confidence),
        within=within[1] > 0 if fitted.length > 0 else within[2] < 0,
        fitted=fitted,
    )


def _residual(games: Sequence[Game], count: int, lengths: Array) -> Array:
    """Return what is left of length when checkpoints explain the rest (least squares on who plays whom).

    It says nothing of any checkpoint's strength.
    """
    sides, rows = np.zeros((len(games), count)), np.arange(len(games))
    sides[rows, [game.first for game in games]], sides[rows, [game.second for game in games]] = 1, -1
    with one_blas_thread():
        left: Array = lengths - sides @ np.linalg.lstsq(sides, lengths, rcond=None)[0]
    return left
