"""A ranking from games: strengths, which of them differ significantly, and how far length and position decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from charbench.analysis.bradley_terry import Array, Fit, fit
from charbench.analysis.games import Game
from charbench.analysis.length_control import LengthControl, length_controlled
from charbench.analysis.pair_tests import pair_p_values
from charbench.analysis.strengths import Strength, reliability, term_interval, with_intervals
from charbench.analysis.tiers import tiers_of_pairs

LEAST_PROMPTS = 6
"""With fewer no difference is significant: five prompts that all favour one side have p = 0.0625 (sign test)."""
LEAST_GAMES = 6
"""With fewer games a checkpoint differs from no other: five games of five have p = 0.0625, and where each has four
the opponents' strengths are too uncertain (of 100 equal checkpoints some differed significantly in 8 of 10 labs)."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """``order`` lists the checkpoints' numbers, the strongest first; the other lists are by number.

    ``tiers`` are from 1 in each of the ``groups``; no two of one tier differ significantly, all pairs of a group
    together at 5% (Holm). ``prompts`` is how
    many the games were on. Order and tiers go by the strengths at equal length where length is known to decide games
    (``controlled.matters``), else by the plain ``strengths``.

    ``position`` is what the text that is shown first gains on the logistic scale, with its interval (NaN where no
    pair was judged in both orders); no strength has it in it. ``shrunk_by_position`` and ``shrunk_by_length`` are the
    slopes of the strengths without that term on those with it: 0.6 means that the judge's bias alone would make all
    differences 0.6 times as large. ``groups`` numbers those that a chain of games connects: strengths of different
    groups cannot be compared. ``fitted`` is the model that order and tiers go by.
    """

    order: list[int]
    strengths: list[Strength]
    controlled: LengthControl
    tiers: list[int]
    prompts: int
    position: tuple[float, float, float]
    shrunk_by_position: float
    shrunk_by_length: float
    fitted: Fit

    @property
    def reliability(self) -> float:
        """:func:`charbench.analysis.strengths.reliability` of the strengths that rank; NaN with too few games."""
        design = self.fitted.design
        return reliability(self.fitted) if 2 * design.games >= LEAST_GAMES * design.count else float("nan")

    @property
    def groups(self) -> list[int]:
        """The group of each checkpoint."""
        return [int(number) for number in self.fitted.groups]


def ranking(games: Sequence[Game], count: int) -> Ranking:
    """Rank ``count`` checkpoints by their strengths; those that never played are in the middle, as nothing is known.

    Where the interval of what length is worth leaves 0 out, the plain strengths say who writes much: then those at
    equal length rank.
    """
    plain = fit(games, count)
    controlled = length_controlled(games, count)
    used = controlled.fitted if controlled.matters else plain
    order = sorted(range(count), key=lambda i: (-used.strengths[i], i))
    given = dict(zip(order, _tiers(used, order), strict=True))
    position = term_interval(plain, "position") if any(game.shown_first is not None for game in games) else _NONE
    return Ranking(
        order=order,
        strengths=with_intervals(plain, games),
        controlled=controlled,
        tiers=[given[number] for number in range(count)],
        prompts=plain.prompts,
        position=position,
        shrunk_by_position=_slope(fit(games, count, position=False), plain),
        shrunk_by_length=_slope(plain, controlled.fitted),
        fitted=used,
    )


_NONE = (float("nan"), float("nan"), float("nan"))


def p_values_of_pairs(fitted: Fit) -> Array:
    """Return :func:`pair_p_values`, NaN for those with too few games (:data:`LEAST_GAMES`)."""
    few = fitted.design.played < LEAST_GAMES
    return np.where(few[:, None] | few[None, :], np.nan, pair_p_values(fitted))


def _tiers(fitted: Fit, order: Sequence[int]) -> list[int]:
    if fitted.prompts < LEAST_PROMPTS:
        return [1] * len(order)
    every = p_values_of_pairs(fitted)
    given: dict[int, int] = {}
    for group in np.unique(fitted.groups):
        mine = [number for number in order if fitted.groups[number] == group]
        p = every[np.ix_(mine, mine)]
        pairs = [(one, other) for one in range(len(mine)) for other in range(one + 1, len(mine))]
        tiers = tiers_of_pairs(len(mine), pairs, [float(p[pair]) for pair in pairs])
        given.update(zip(mine, tiers, strict=True))
    return [given[number] for number in order]


def _slope(without: Fit, having: Fit) -> float:
    """Return the slope of the one's strengths on the other's; NaN where none differ."""
    squares = float(having.strengths @ having.strengths)
    return float(without.strengths @ having.strengths) / squares if squares > 1e-12 else float("nan")
