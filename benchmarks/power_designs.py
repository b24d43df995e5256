"""Designs that benchmarks/power.py plants: families of prompts, two sides, and what tells them apart.

Values have a part of the family, of the prompt, and of the answer; rates are logistic in the same parts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHAPES = {
    "60 single prompts": (1,) * 60,
    "12 families of 5": (5,) * 12,
    "20, 10, 5, 5 and 20 single": (20, 10, 5, 5, *(1,) * 20),
    "one family of 30, 30 single": (30, *(1,) * 30),
    "30, 10, 3, 2, 1, 1": (30, 10, 3, 2, 1, 1),
}
NEW_SHAPES = {
    "40, 8, 8, 4 and 10 single": (40, 8, 8, 4, *(1,) * 10),
    "12, 12, 12 and 6 of 2": (12, 12, 12, *(2,) * 6),
    "15, 15 and 20 single": (15, 15, *(1,) * 20),
    "9, 7, 6, 5, 4, 3, 2, 1": (9, 7, 6, 5, 4, 3, 2, 1),
    "25 single prompts": (1,) * 25,
}
"""Shapes that no rule was tried on before it was final."""
MANY_SHAPES = {
    "25, 12, 6, 3 and 14 single": (25, 12, 6, 3, *(1,) * 14),
    "50, 5, 5 and 20 single": (50, 5, 5, *(1,) * 20),
    "18, 18, 9, 9, 3, 3": (18, 18, 9, 9, 3, 3),
    "six of 6 and 24 single": (6, 6, 6, 6, 6, 6, *(1,) * 24),
}
"""Shapes of the part ``many_pairs``."""
LAST_SHAPES = {
    "35, 20, 10 and 15 single": (35, 20, 10, *(1,) * 15),
    "14, 10, 8, 6, 4, 2 and 6 single": (14, 10, 8, 6, 4, 2, *(1,) * 6),
}
"""Shapes of the part ``last``."""
UNEVEN_SHAPES = {"14, 7, 3, 2 and 10 single": (14, 7, 3, 2, *(1,) * 10), "30 pairs": (2,) * 30}
"""Shapes of the part ``uneven`` alone."""
LOG_WORDS, SPREAD, MORE = 4.5, 0.4, 1.5
"""Of replies with markers: the mean and deviation of their words' logarithm, and how many markers more than one."""
KINDS = ("paired rate", "paired mean", "unpaired rate", "unpaired mean")
Floats = NDArray[Any]


@dataclass(frozen=True)
class Design:
    """What is planted: the difference in standard deviations of one value, or on the logistic scale."""

    kind: str
    shape: str
    epochs: int
    effect: float
    pairs: int = 1
    family: float = 0.4
    """The share of the variance between prompts that families have."""
    centre: float = 0.0
    """Where both rates lie on the logistic scale."""
    values: str = "normal"
    """How the values of means are distributed: normal, log-normal, or markers per 100 words, most of them 0."""
    other: int = 0
    """How often the second side answers each prompt, where it is not as often as the first."""

    @property
    def sizes(self) -> tuple[int, ...]:
        return (SHAPES | NEW_SHAPES | MANY_SHAPES | LAST_SHAPES | UNEVEN_SHAPES)[self.shape]

    @property
    def name(self) -> str:
        answers = f"{self.epochs} and {self.other}" if self.other else f"{self.epochs}"
        words = f"{self.kind}, {self.shape}, {answers} answers, effect {self.effect:g}"
        words += f", around {self.centre:g}" if self.centre else ""
        words += f", family {self.family:g}" if self.family != 0.4 else ""
        words += f", {self.values}" if self.values != "normal" else ""
        return words if self.pairs == 1 else f"{words}, one of {self.pairs} pairs"

    @property
    def is_rate(self) -> bool:
        return self.kind.endswith("rate")

    @property
    def paired(self) -> bool:
        return self.kind.startswith("paired")

    def families(self, prompts: int, dice: np.random.Generator) -> Floats:
        """Return the family of each of so many prompts: whole designs, and of one more families by chance."""
        sizes: list[int] = []
        while sum(sizes) < prompts:
            left = prompts - sum(sizes)
            if left >= sum(self.sizes):
                sizes += self.sizes
            else:
                sizes += [min(size, left) for size in dice.permutation(self.sizes)]
        return np.repeat(np.arange(len(sizes)), sizes)[:prompts]

    def worth(self, families: Floats, dice: np.random.Generator) -> Floats:
        """Return each prompt's part: what a family has in common, and its own."""
        alike = dice.standard_normal(families.max() + 1)[families]
        own = dice.standard_normal(families.size)
        found: Floats = math.sqrt(self.family) * alike + math.sqrt(1 - self.family) * own
        return found

    def answers(self, prompts: int, dice: np.random.Generator) -> list[tuple[Floats, Floats]]:
        """Return families and answers (prompts x epochs) of both sides; the first is the better one by the effect."""
        families = self.families(prompts, dice)
        common = self.worth(families, dice) if self.paired else 0.0
        sides = []
        for sign, epochs in ((0.5, self.epochs), (-0.5, self.other or self.epochs)):
            if not self.paired:
                families = self.families(prompts, dice)
            own = self.worth(families, dice)
            centre = self.centre + sign * self.effect + (common + own if self.paired else math.sqrt(2) * own)
            draw = dice.logistic if self.is_rate or self.values == "markers" else dice.normal
            values = centre[:, None] + draw(0, 1, (prompts, epochs))
            sides.append((families, self._shown(values, dice)))
        return sides

    def _shown(self, values: Floats, dice: np.random.Generator) -> Floats:
        if self.is_rate:
            return (values > 0).astype(float)
        if self.values == "log-normal":
            return np.exp(values / 2)
        if self.values == "markers":
            words = np.exp(dice.normal(LOG_WORDS, SPREAD, values.shape))
            return np.where(values > 0, 100 * (1 + dice.poisson(MORE, values.shape)) / words, 0.0)
        return values

    def difference(self) -> float:
        """Return the true difference in the metric's unit."""
        if self.values == "log-normal":  # e to half of a normal variable with variance 3
            return 2 * math.exp(3 / 8 + self.centre / 2) * math.sinh(self.effect / 4)
        if not self.is_rate and self.values == "normal":
            return self.effect
        points, weights = np.polynomial.hermite_e.hermegauss(81)
        rates = [
            float(
                (weights / (1 + np.exp(-(self.centre + sign * self.effect + math.sqrt(2) * points)))).sum()
                / weights.sum()
            )
            for sign in (0.5, -0.5)
        ]
        each = 1.0 if self.is_rate else 100 * (1 + MORE) * math.exp(SPREAD**2 / 2 - LOG_WORDS)
        return each * (rates[0] - rates[1])


def designs() -> list[Design]:
    """Return the grid."""
    weak_strong = {"paired rate": (1.0, 2.0), "paired mean": (0.4, 0.9), "unpaired rate": (1.0, 2.0),
                   "unpaired mean": (0.5, 1.0)}  # fmt: skip
    found = [
        Design(kind, shape, epochs, weak_strong[kind][epochs > 1])
        for kind, shape, epochs in product(KINDS, SHAPES, (1, 4))
    ]
    return found + [
        Design(kind, shape, 1, weak_strong[kind][1], 190)
        for kind, shape in product(KINDS, ("60 single prompts", "20, 10, 5, 5 and 20 single"))
    ]


def held_out() -> list[Design]:
    """Return designs that nothing was chosen on: other shapes, rates, families, numbers of answers and of pairs."""
    a, b, c, d, e = NEW_SHAPES
    return [
        Design("paired rate", a, 1, 1.5, family=0.5, centre=-2.5),
        Design("paired rate", b, 3, 1.2, family=0.2),
        Design("paired rate", b, 1, 2.0, 45, family=0.5),
        Design("paired rate", c, 1, 1.5, centre=2.5),
        Design("paired rate", d, 8, 1.5, family=0.0, centre=-2.5),
        Design("paired rate", e, 3, 1.2, family=0.0, centre=2.5),
        Design("paired mean", a, 3, 0.8, family=0.5),
        Design("paired mean", b, 1, 0.7, family=0.0),
        Design("paired mean", c, 1, 0.9, 45, family=0.5),
        Design("paired mean", d, 8, 1.2, family=0.25),
        Design("unpaired rate", a, 3, 2.0, family=0.3, centre=-2.5),
        Design("unpaired rate", c, 1, 1.5, family=0.5),
        Design("unpaired rate", d, 8, 2.0, family=0.25, centre=2.5),
        Design("unpaired rate", e, 1, 1.5, 45, family=0.0),
        Design("unpaired mean", b, 3, 1.0, family=0.25),
        Design("unpaired mean", c, 1, 1.2, family=0.0),
        Design("unpaired mean", e, 8, 1.2, 45, family=0.0),
    ]


def many_pairs() -> list[Design]:
    """Return designs of many pairs, seen when the rule for paired rates was changed."""
    a, b, c, d = MANY_SHAPES
    return [
        Design("paired rate", a, 1, 1.5, 66),
        Design("paired rate", b, 1, 2.0, 190, family=0.3),
        Design("paired rate", c, 4, 1.5, 120, family=0.3),
        Design("paired rate", d, 2, 1.5, 190, family=0.5),
        Design("paired rate", a, 1, 2.0, 190, centre=-2.5),
        Design("paired rate", c, 3, 1.8, 66, family=0.2, centre=2.5),
        Design("paired rate", d, 1, 2.0, 105, family=0.5, centre=-2.5),
        Design("paired mean", a, 1, 0.9, 190),
        Design("paired mean", b, 4, 0.9, 66, family=0.5),
        Design("paired mean", c, 2, 0.9, 105, family=0.2),
        Design("paired mean", d, 1, 0.9, 190, family=0.5),
        Design("unpaired rate", a, 1, 2.0, 66),
        Design("unpaired rate", d, 4, 2.0, 190, family=0.2),
        Design("unpaired rate", c, 1, 2.0, 105, family=0.2, centre=-2.5),
        Design("unpaired rate", b, 3, 2.0, 190, family=0.3, centre=2.5),
        Design("unpaired mean", a, 1, 1.0, 190),
        Design("unpaired mean", b, 2, 1.0, 66, family=0.5),
        Design("unpaired mean", d, 4, 1.0, 105, family=0.5),
    ]


def last() -> list[Design]:
    """Return paired designs that were first run when all rules were final."""
    a, b = LAST_SHAPES
    return [
        Design("paired rate", a, 1, 1.7, 91, family=0.3),
        Design("paired rate", b, 3, 1.4, 153, family=0.4),
        Design("paired rate", a, 2, 1.7, 153, family=0.3, centre=2.5),
        Design("paired rate", b, 1, 1.7, 91, family=0.4, centre=-2.5),
        Design("paired mean", a, 2, 0.9, 153, family=0.3),
        Design("paired mean", b, 1, 0.9, 91, family=0.4),
    ]


def alone() -> list[Design]:
    """Return the design of one family that holds half of the prompts."""
    cells = (("paired mean", 1, 0.4), ("paired mean", 4, 0.9), ("paired rate", 1, 1.0), ("paired rate", 4, 2.0))
    return [Design(kind, "one family of 30, 30 single", epochs, effect) for kind, epochs, effect in cells]


def ranges() -> list[Design]:
    """Return designs whose own size leaves the variance so little known that a range is given."""
    a, b, _, d, e = NEW_SHAPES
    return [
        Design("paired rate", "12 families of 5", 1, 1.0),
        Design("paired rate", "20, 10, 5, 5 and 20 single", 1, 1.0),
        Design("paired rate", "one family of 30, 30 single", 1, 1.0),
        Design("paired rate", b, 1, 2.0, 45, family=0.5),
        Design("paired rate", e, 3, 1.2, family=0.0, centre=2.5),
        Design("paired mean", "20, 10, 5, 5 and 20 single", 4, 0.9),
        Design("paired mean", "one family of 30, 30 single", 1, 0.4),
        Design("paired mean", a, 3, 0.8, family=0.5),
        Design("paired mean", e, 1, 0.6, 10, family=0.0),
        Design("unpaired rate", "20, 10, 5, 5 and 20 single", 4, 2.0),
        Design("unpaired rate", d, 1, 1.5, family=0.5),
        Design("unpaired mean", "12 families of 5", 4, 1.0),
    ]


def uneven() -> list[Design]:
    """Return designs in which one side answers each prompt more often than the other."""
    return [
        Design("paired rate", "12 families of 5", 4, 1.5, other=1),
        Design("paired rate", "20, 10, 5, 5 and 20 single", 1, 1.5, other=5),
        Design("paired rate", "60 single prompts", 16, 1.0, other=3),
        Design("paired rate", "14, 7, 3, 2 and 10 single", 16, 1.5, other=3),
        Design("paired rate", "14, 7, 3, 2 and 10 single", 5, 2.0, other=1),
        Design("paired mean", "20, 10, 5, 5 and 20 single", 16, 0.9, other=3),
        Design("paired mean", "60 single prompts", 5, 0.6, other=1),
    ]


def uneven_held_out() -> list[Design]:
    """Return designs of the same kind: written down before the rule for them was, but those of 30 pairs and 45 pairs.

    Those three were written with the rule, and seen when steps of the sum that is flipped were added to it.
    """
    a, b, c, d, e = NEW_SHAPES
    return [
        Design("paired rate", d, 10, 1.2, family=0.3, other=2),
        Design("paired rate", c, 1, 1.5, centre=2.5, other=6),
        Design("paired rate", e, 3, 0.9, family=0.0, centre=-1.0, other=12),
        Design("paired rate", a, 2, 1.0, family=0.5, centre=-1.5, other=20),
        Design("paired rate", e, 5, 2.2, 45, family=0.0, centre=-1.0, other=1),
        Design("paired rate", "30 pairs", 2, 1.2, centre=1.5, other=10),
        Design("paired rate", "30 pairs", 10, 1.6, 120, other=2),
        Design("paired mean", b, 8, 0.8, other=2),
        Design("paired mean", "60 single prompts", 6, 0.5, other=1),
    ]


def skewed() -> list[Design]:
    """Return designs of metrics that are no rates and skewed, as markers per 100 words and lengths are."""
    shapes = ("60 single prompts", "12 families of 5", "20, 10, 5, 5 and 20 single")
    return [
        Design(kind, shape, epochs, effect * times, centre=centre, values=values)
        for values, centre, times in (("log-normal", 0.0, 1.0), ("markers", -1.5, 1.6))
        for shape in shapes
        for kind, epochs, effect in (("paired mean", 1, 0.5), ("paired mean", 4, 0.9), ("unpaired mean", 1, 0.7))
    ]


DESIGNS = {
    "advice": designs,
    "held_out": held_out,
    "many_pairs": many_pairs,
    "alone": alone,
    "last": last,
    "ranges": ranges,
    "skewed": skewed,
    "uneven": uneven,
    "uneven_held_out": uneven_held_out,
}
