"""What intervals of few labels can cover at best: exact coverage, with no simulation.

    python benchmarks/label_limits.py [RESULT.json]

Designs: a simple random sample; two classes of texts (a scorer's yes and no) with half of the labels each, whose
rates are weighted by shares of 40 to 60% and put together by squares, as ``calibrate`` does, with the rates below and
up to three points more or less; and these with a third class, of texts that the scorer refused and that all have the
trait. Intervals: Clopper and Pearson's with mid-p, Jeffreys', Wilson's. Given are mean, least and greatest coverage of
95% intervals over the rates (0.5 to 99.5% in steps of half a point for the simple sample) and shares.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Sequence
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import binom

from charbench.analysis.stratified_rates import jeffreys
from charbench.analysis.wilson import wilson

Ends = tuple[float, float]
Floats = NDArray[np.float64]
CLASSES = ((0.9, 0.1), (0.85, 0.2), (0.95, 0.3), (0.9, 0.4))
"""Rates among a scorer's yes and among its no."""
TAIL = 0.025


def mid_p(count: int, total: int) -> Ends:
    """Return the ends at which the mid-p value of what was found is 2.5%."""

    def below(rate: float) -> float:
        return float(binom.sf(count, total, rate) + 0.5 * binom.pmf(count, total, rate)) - TAIL

    def above(rate: float) -> float:
        return float(binom.cdf(count - 1, total, rate) + 0.5 * binom.pmf(count, total, rate)) - TAIL

    low = 0.0 if count == 0 else float(brentq(below, 1e-12, 1 - 1e-12))
    return low, 1.0 if count == total else float(brentq(above, 1e-12, 1 - 1e-12))


def wilsons(count: int, total: int) -> Ends:
    """Return Wilson's interval."""
    found = wilson(count, total)
    return found.low, found.high


INTERVALS: dict[str, Callable[[int, int], Ends]] = {
    "mid-p": mid_p,
    "jeffreys": lambda count, total: jeffreys(count / total, total),
    "wilson": wilsons,
}


@cache
def ends_of(name: str, total: int) -> Floats:
    """Return the two ends for each number of yes."""
    return np.array([INTERVALS[name](count, total) for count in range(total + 1)])


def simple(name: str, total: int) -> list[float]:
    """Return the coverage at each rate of a simple random sample."""
    ends = ends_of(name, total)
    rates = np.linspace(0.005, 0.995, 199)
    inside = (ends[:, :1] <= rates) & (rates <= ends[:, 1:])
    return [float(one) for one in (binom.pmf(np.arange(total + 1)[:, None], total, rates) * inside).sum(axis=0)]


def classes(name: str, parts: Sequence[tuple[float, float, int]]) -> float:
    """Return the coverage for classes of texts, each with its share, its rate and its number of labels."""
    covered, truth = 0.0, sum(share * rate for share, rate, _ in parts)
    tables = []
    for share, rate, total in parts:
        chances, ends = binom.pmf(np.arange(total + 1), total, rate), ends_of(name, total)
        values = np.arange(total + 1) / total
        tables.append([(float(chances[one]), share * float(values[one]), share * float(values[one] - ends[one, 0]),
                        share * float(ends[one, 1] - values[one])) for one in range(total + 1)])  # fmt: skip
    for cells in product(*tables):
        value = math.fsum(cell[1] for cell in cells)
        low, high = value - math.hypot(*(cell[2] for cell in cells)), value + math.hypot(*(cell[3] for cell in cells))
        covered += math.prod(cell[0] for cell in cells) * (low <= truth + 1e-12 and truth - 1e-12 <= high)
    return covered


def two(name: str, total: int, yes: float, no: float) -> list[float]:
    """Return the coverage for two classes with ``total`` labels each, at each pair of rates and each share."""
    return [
        classes(name, [(share, yes + more, total), (1 - share, no + more, total)])
        for more in np.linspace(-0.03, 0.03, 7)
        for share in np.linspace(0.4, 0.6, 9)
    ]


def with_refused(name: str) -> list[float]:
    """Return the coverage of 20 labels where a judge (0.9 and 0.9) gives no answer to half of the texts with the trait.

    A quarter of all texts, all with the trait, are a class of their own.
    """
    return [
        classes(name, [(0.25, 1.0, 5), (0.275, 0.82 + more, 6), (0.475, 0.053 + more, 9)])
        for more in np.linspace(-0.03, 0.03, 25)
    ]


def main() -> None:
    rows = []
    for name in INTERVALS:
        for labels in (20, 50, 100):
            cells = {"simple random sample": simple(name, labels)}
            for yes, no in CLASSES:
                cells[f"two classes, rates {yes:g} and {no:g}"] = two(name, labels // 2, yes, no)
            if labels == 20:
                cells["two classes, and one of refused texts"] = with_refused(name)
            for design, found in cells.items():
                told = {"mean": float(np.mean(found)), "least": min(found), "greatest": max(found)}
                rows.append({"interval": name, "labels": labels, "design": design}
                            | {key: round(value, 4) for key, value in told.items()})  # fmt: skip
                print(*rows[-1].values(), flush=True)
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
