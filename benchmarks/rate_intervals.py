"""What the intervals and tests cover over a grid, function by function: no lab is made.

    python benchmarks/rate_intervals.py [REPEATS] [RESULT.json] [PART ...]

With names of parts (powers, worst_of, unpaired, means, coverage, skewed, uneven, answers) only these are drawn anew,
and take the place of the same figures in RESULT.json. Each cell is drawn REPEATS times (400), the seed is fixed.
The estimand is the rate of new prompts of new families: each family's rate is drawn from a beta distribution with the
given mean and intra-class correlation. Rates above one half are left out of the grid of one rate: the interval is the
same from the other side.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path

import numpy as np

from charbench.analysis.clusters import clustered_mean
from charbench.analysis.paired import paired_means, paired_rates
from charbench.analysis.planned_fisher import FisherTest
from charbench.analysis.planned_tests import PairedTest
from charbench.analysis.power import prompts_needed
from charbench.analysis.rate_intervals import rate_of_counts
from charbench.analysis.robust_rates import Counts, worst
from charbench.analysis.unpaired import unpaired_means, unpaired_rates
from charbench.report.prompt_counts import PromptCount, PromptCounts

RATES = (0.02, 0.05, 0.1, 0.3, 0.5)
CORRELATIONS = (0.0, 0.1, 0.3, 0.6, 0.9)
DESIGNS = {
    "5 prompts": (1,) * 5,
    "12 prompts": (1,) * 12,
    "40 prompts": (1,) * 40,
    "60 prompts": (1,) * 60,
    "one family of 30 + 30 single": (30, *(1,) * 30),
    "20, 10, 5, 5 + 20 single": (20, 10, 5, 5, *(1,) * 20),
    "5 families of 12": (12,) * 5,
}
Figure = dict[str, object]


def drawn(dice: np.random.Generator, mean: float, correlation: float, count: int) -> np.ndarray:
    """Return the rates of so many families."""
    if not correlation:
        return np.full(count, mean)
    strength = 1 / correlation - 1
    return np.clip(dice.beta(mean * strength, (1 - mean) * strength, count), 0, 1)


def coverage(repeats: int, dice: np.random.Generator) -> list[Figure]:
    """Return the coverage and width of a rate's interval by design and number of epochs."""
    figures = []
    for (name, sizes), epochs in product(DESIGNS.items(), (1, 4, 10, 20)):
        totals = [size * epochs for size in sizes]
        cells, widths = [], []
        for rate, correlation in product(RATES, CORRELATIONS if max(totals) > 1 else (0.0,)):
            held = 0
            for _ in range(repeats):
                hits = dice.binomial(totals, drawn(dice, rate, correlation, len(sizes)))
                found = rate_of_counts(hits, totals, range(len(sizes)))
                held += found.low <= rate <= found.high
                widths.append(found.high - found.low)
            cells.append(held / repeats)
        figures.append({"figure": "coverage of a rate", "design": f"{name} x {epochs}",
                        "mean": round(float(np.mean(cells)), 4), "lowest_cell": round(min(cells), 4),
                        "n_of_a_cell": repeats,
                        "cells": len(cells),
                        "mean_width": round(float(np.mean(widths)), 3),
                        "monte_carlo_error_of_a_cell": _error(min(cells), repeats)})  # fmt: skip
    return figures


def means(repeats: int, dice: np.random.Generator) -> list[Figure]:
    """Return the coverage of a mean's interval, and false positives of paired means, by design."""
    figures = []
    for name, sizes in DESIGNS.items():
        clusters = np.repeat(np.arange(len(sizes)), sizes).tolist()
        for correlation in (0.0, 0.3, 0.9):
            held, false, widths = 0, 0, []
            for _ in range(repeats):
                alike = np.repeat(dice.standard_normal(len(sizes)), sizes)
                values = math.sqrt(correlation) * alike + math.sqrt(1 - correlation) * dice.standard_normal(
                    len(clusters)
                )
                found = clustered_mean(values, clusters)
                held += found.low <= 0 <= found.high
                widths.append(found.high - found.low)
                false += paired_means(values, np.zeros(len(clusters)), clusters).p < 0.05
            label = f"{name}, correlation {correlation}"
            figures.append(_share("coverage of a mean (normal)", label, held, repeats, float(np.median(widths))))
            figures.append(_share("paired means, false positives", label, false, repeats))
    return figures


FAMILIES = (12, 6, 4, 3, 2, 2, *(1,) * 7)
ANSWERED = {
    "5 prompts x 4": ((1,) * 5, (4,)),
    "5 prompts x 20": ((1,) * 5, (20,)),
    "40 prompts x 1": ((1,) * 40, (1,)),
    "families of 12, 6, 4, 3, 2, 2 + 7 single, x 4": (FAMILIES, (4,)),
    "the same, x 1 to 6": (FAMILIES, (4, 1, 6, 2, 3, 5, 1)),
    "5 prompts x 20, 20, 20, 5, 1": ((1,) * 5, (20, 20, 20, 5, 1)),
    "12 prompts x 1 to 25": ((1,) * 12, (1, 2, 1, 25, 1, 3, 1, 1, 8, 1, 2, 1)),
    "40 prompts x 1 to 6": ((1,) * 40, (4, 1, 6, 2, 3, 5, 1)),
    "one family of 30 + 30 single, x 1 to 3": ((30, *(1,) * 30), (1, 3, 2)),
}
SHAPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "middle of the scale": lambda z: np.clip(np.round(50 + 20 * z), 0, 100),
    "near its end": lambda z: np.clip(np.round(100 - 6 * np.exp(0.9 * z)), 0, 100),
}
"""A judge's strengths, 0 to 100, of standard normal values: symmetric, and skewed."""


def answers(repeats: int, dice: np.random.Generator) -> list[Figure]:
    """Return the coverage of a report's mean over responses: a judge's strengths of several answers to each prompt."""
    figures = []
    for (name, (sizes, epochs)), (shape, value) in product(ANSWERED.items(), SHAPES.items()):
        family = np.repeat(np.arange(len(sizes)), sizes)
        times = np.resize(epochs, family.size)
        prompt = np.repeat(np.arange(family.size), times)
        truth = float(value(dice.standard_normal(4_000_000)).mean())
        cells, widths = [], []
        for of_family, of_prompt in ((0.0, 0.0), (0.0, 0.3), (0.0, 0.9), (0.3, 0.3), (0.6, 0.3)):
            held = 0
            for _ in range(repeats):
                z = math.sqrt(of_family) * dice.standard_normal(len(sizes))[family][prompt]
                z = z + math.sqrt(of_prompt) * dice.standard_normal(family.size)[prompt]
                z = z + math.sqrt(1 - of_family - of_prompt) * dice.standard_normal(prompt.size)
                totals = np.bincount(prompt, weights=value(z)).tolist()
                counts = PromptCounts({
                    f"q{at}": PromptCount("", str(family[at]), valued=int(times[at]), total=totals[at])
                    for at in range(family.size)
                })  # fmt: skip
                found = counts.mean()
                held += found.low <= truth <= found.high
                widths.append(found.high - found.low)
            cells.append(held / repeats)
        lowest = min(cells)
        figures.append({"figure": "coverage of a report's mean", "design": f"{name}, {shape}",
                        "mean": round(float(np.mean(cells)), 4), "lowest_cell": round(lowest, 4),
                        "n_of_a_cell": repeats, "cells": len(cells), "median_width": round(float(np.median(widths)), 1),
                        "monte_carlo_error_of_a_cell": _error(lowest, repeats)})  # fmt: skip
    return figures


def unpaired(repeats: int, dice: np.random.Generator) -> list[Figure]:
    """Return false positives of unpaired means of normal values whose sides were asked otherwise."""
    shapes = {"5 against 60 single, spread 3 to 1": ((1,) * 5, (1,) * 60, 3.0),
              "12 against 60 single, spread 4 to 1": ((1,) * 12, (1,) * 60, 4.0),
              "30 single against 60 families of 5": ((1,) * 30, (5,) * 60, 1.0),
              "one of 30 + 30 against 40 single": ((30, *(1,) * 30), (1,) * 40, 1.0)}  # fmt: skip
    figures = []
    for (name, (one, other, spread)), correlation in product(shapes.items(), (0.0, 0.3, 0.9)):
        false = 0
        labels = [np.repeat(np.arange(len(sizes)), sizes).tolist() for sizes in (one, other)]
        for _ in range(repeats):
            sides = []
            for sizes, scale in ((one, spread), (other, 1.0)):
                alike = np.repeat(dice.standard_normal(len(sizes)), sizes)
                own = dice.standard_normal(sum(sizes))
                sides.append(scale * (math.sqrt(correlation) * alike + math.sqrt(1 - correlation) * own))
            false += unpaired_means(sides[0], labels[0], sides[1], labels[1]).p < 0.05
        figures.append(_share("unpaired means, false positives", f"{name}, correlation {correlation}", false, repeats))
    return figures


def skewed(repeats: int, dice: np.random.Generator) -> list[Figure]:
    """Return false positives of unpaired means of skewed values with the same mean, and how many pairs are tested.

    One value a prompt: exponential, log-normal, or 0 but for one in ten or three in ten prompts.
    """
    draws: dict[str, Callable[[int], np.ndarray]] = {
        "exponential": lambda count: dice.exponential(1, count) - 1,
        "log-normal": lambda count: dice.lognormal(0, 1, count) - math.exp(0.5),
        "one in ten": lambda count: (dice.random(count) < 0.1) * dice.exponential(1, count) / 0.1 - 1,
        "three in ten": lambda count: (dice.random(count) < 0.3) * dice.exponential(1, count) / 0.3 - 1,
    }
    sizes = ((5, 5, 3.0), (5, 60, 3.0), (10, 60, 1.0), (12, 60, 4.0), (20, 20, 3.0), (30, 60, 4.0), (30, 300, 1.0),
             (30, 300, 4.0), (100, 300, 4.0))  # fmt: skip
    figures = []
    for (shape, draw), (few, many, spread) in product(draws.items(), sizes):
        p_values = [unpaired_means(spread * draw(few), range(few), draw(many), range(many)).p for _ in range(repeats)]
        design = f"{shape}, {few} against {many}, spread {spread:g} to 1"
        told = sum(p < 0.05 for p in p_values)
        figure = _share("unpaired means, skewed, false positives", design, told, repeats)
        figures.append(figure | {"tested": round(sum(not math.isnan(p) for p in p_values) / repeats, 3)})
    return figures


def uneven(repeats: int, dice: np.random.Generator) -> list[Figure]:
    """Return false positives and coverage of 0 where both sides answer the same prompts, one side more often."""
    figures = []
    for (prompts, few, many), rate, correlation in product(
        ((5, 1, 20), (12, 1, 20), (12, 4, 20), (40, 1, 4), (40, 1, 20)), (0.02, 0.1, 0.5, 0.9), (0.0, 0.3)
    ):
        told = {"rates": 0, "means": 0}
        held = {"rates": 0, "means": 0}
        for _ in range(repeats):
            a, b = (
                dice.binomial(answers, drawn(dice, rate, correlation, prompts)) / answers for answers in (few, many)
            )
            within = few * (a * (1 - a)).sum() + many * (b * (1 - b)).sum()
            noise = within / (prompts * (few + many - 2)) * (1 / few + 1 / many) / prompts
            samples = few * prompts, many * prompts
            for name, found in (
                ("rates", paired_rates(a, b, range(prompts), samples)),
                ("means", paired_means(a, b, range(prompts), noise=noise)),
            ):
                told[name] += found.p < 0.05
                held[name] += not (found.low > 0 or found.high < 0)
        design = f"{prompts} prompts, {few} answers against {many}, rate {rate}, correlation {correlation}"
        for name in told:
            figures.append(
                _share(f"paired {name}, asked unequally often, false positives", design, told[name], repeats)
            )
            figures.append(_share(f"paired {name}, asked unequally often, coverage", design, held[name], repeats))
    return figures


def powers(repeats: int, dice: np.random.Generator) -> list[Figure]:
    """Return how often the number of prompts that is promised for 80% power shows the difference."""
    figures = []
    for low, high, epochs, level in product((0.2, 0.5), (0.6, 0.7), (1, 4, 10), (0.05, 0.05 / 10)):
        variance = (low * (1 - low) + high * (1 - high)) / epochs
        test = PairedTest(variance, step=1 / epochs, single=epochs == 1)
        count = prompts_needed(high - low, test, level) or 0
        samples = count * epochs, count * epochs
        told = sum(
            paired_rates(
                *(dice.binomial(epochs, rate, count) / epochs for rate in (high, low)), range(count), samples
            ).p
            < level
            for _ in range(repeats)
        )
        design = f"{low:.0%} against {high:.0%}, {epochs} answers, level {level:g}: {count} prompts"
        figures.append(_share("power, paired", design, told, repeats))
    for low, high in ((0.2, 0.5), (0.5, 0.7), (0.05, 0.15)):
        count = prompts_needed(high - low, FisherTest((low + high) / 2)) or 0
        told = sum(
            unpaired_rates(dice.binomial(1, high, count), range(count), dice.binomial(1, low, count), range(count)).p
            < 0.05
            for _ in range(repeats)
        )
        figures.append(
            _share("power, unpaired", f"{low:.0%} against {high:.0%}: {count} prompts a side", told, repeats)
        )
    return figures


def worst_of(repeats: int, dice: np.random.Generator) -> list[Figure]:
    """Return how often the interval of the worst of k conditions holds the lowest true rate."""
    figures = []
    for prompts, epochs, several in product((5, 20), (1, 4), (3, 8)):
        held = 0
        names, families = tuple(map(str, range(prompts))), ("general",) * prompts
        for _ in range(repeats):
            true = dice.choice([0.4, 0.6, 0.8], several)
            counts = {}
            for number, rate in enumerate(true):
                hits = dice.binomial(epochs, drawn(dice, rate, 0.3, prompts))
                counts[str(number)] = Counts(names, families, tuple(hits.tolist()), (epochs,) * prompts)
            found = worst(counts)
            held += found is not None and found[1].low <= true.min() <= found[1].high
        design = f"{several} conditions, {prompts} prompts x {epochs}"
        figures.append(_share("worst of k conditions, coverage", design, held, repeats))
    return figures


def _share(figure: str, design: str, count: int, total: int, width: float | None = None) -> Figure:
    found: Figure = {"figure": figure, "design": design, "value": round(count / total, 4), "n": total,
                     "monte_carlo_error": _error(count / total, total)}  # fmt: skip
    return found if width is None else found | {"median_width": round(width, 3)}


def _error(share: float, count: int) -> float:
    return round(math.sqrt(share * (1 - share) / count), 4)


PARTS: Sequence[Callable[[int, np.random.Generator], list[Figure]]] = (
    powers, worst_of, unpaired, means, coverage, skewed, uneven, answers
)  # fmt: skip


def main(repeats: int, result: Path | None, only: Sequence[str] = ()) -> int:
    found: list[Figure] = []
    for number, part in enumerate(PARTS):
        if only and part.__name__ not in only:
            continue
        for figure in part(repeats, np.random.default_rng(20261128 + number)):
            print(json.dumps(figure), flush=True)
            found.append(figure)
    if result is not None:
        names = {figure["figure"] for figure in found}
        kept = [one for one in json.loads(result.read_text()) if one["figure"] not in names] if only else []
        result.write_text(json.dumps(kept + found, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    sys.exit(main(repeats, Path(sys.argv[2]) if len(sys.argv) > 2 else None, sys.argv[3:]))
