"""Do the rates that ``calibrate report`` corrects hold: simulated labs, labels and judges, by the product's functions.

    python benchmarks/calibration.py [LABS] [RESULT.json] [SCENARIO...]

Each of LABS labs (default 400) of a cell has 4 or 30 checkpoints that answered 40 prompts each. Of four checkpoints the
true rates are 0, 0.3, 0.7 and 1, of thirty they are drawn from 0 to 1. A judge has, in turn, a sensitivity and
specificity of 0.9 and 0.9, 0.75 and 0.85, 0.6 and 0.97. Texts are drawn, labelled by one person or by two who err in
10% of texts each, and given to ``calibrate``. The truth over all texts is what these people would say of all of them; a
checkpoint's (one person only) is the rate that its answers are drawn from. Scenarios:

- ``judged``: the judge has scored everything, and labels are drawn by what it said;
- ``refusals``: it gives no answer to half of the texts with the trait;
- ``before``: labels are drawn by a keyword that finds 60% of texts with the trait and 3% of the others, the judge comes
  later;
- ``before+refusals``: both;
- ``older``: as ``judged``, with labels whose chances are not stored, drawn evenly from each checkpoint with and without
  the trait, in order, as charbench did.
"""

from __future__ import annotations

import json
import math
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from charbench.analysis.corrected_rates import correct
from charbench.report.calibration import calibrate
from charbench.report.label_corrections import CorrectedRate
from charbench.scoring.label_draws import select
from charbench.store.label_frame import FrameText
from charbench.store.labels import DrawChance
from charbench.store.ratings import MetricValues

SCENARIOS = ("judged", "refusals", "before", "before+refusals", "older")
JUDGES = ((0.9, 0.9), (0.75, 0.85), (0.6, 0.97))
RATES = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
PROMPTS = 40


@dataclass(frozen=True)
class Cell:
    """One design: how many checkpoints, labels and people, and the scenario."""

    scenario: str
    checkpoints: int
    labels: int
    people: int


def cells(scenarios: Sequence[str] = SCENARIOS) -> Iterable[Cell]:
    """Return every design, in a fixed order."""
    return (Cell(*one) for one in product(scenarios, (4, 30), (20, 50, 100), (1, 2)))


def simulate(cell: Cell, lab: int) -> list[tuple[str, bool, float, float]]:
    """Return for each figure of one lab: its name, whether its interval holds the truth, its width and its error."""
    dice = np.random.default_rng([lab, cell.checkpoints, cell.labels, cell.people, SCENARIOS.index(cell.scenario)])
    sensitivity, specificity = JUDGES[lab % len(JUDGES)]
    count = cell.checkpoints
    rates = np.array([0, 0.3, 0.7, 1]) if count == 4 else dice.choice(RATES, count)
    owner = np.repeat(np.arange(count), PROMPTS)
    truth = dice.random(owner.size) < rates[owner]
    noise = 0.1 if cell.people > 1 else 0.0
    people = [np.where(dice.random(owner.size) < noise, ~truth, truth) for _ in range(cell.people)]
    judged = dice.random(owner.size) < np.where(truth, sensitivity, 1 - specificity)
    keyword = dice.random(owner.size) < np.where(truth, 0.6, 0.03)
    refused = truth & (dice.random(owner.size) < 0.5) & ("refusals" in cell.scenario)
    texts = {
        one: FrameText(one, int(owner[one]), f"c{owner[one]}", f"model:c{owner[one]}", "sft",
                       f"p{one % PROMPTS}", "general")
        for one in range(owner.size)
    }  # fmt: skip
    by_judge = {one: bool(judged[one]) for one in texts if not refused[one]}
    said = {one: bool(keyword[one]) for one in texts} if "before" in cell.scenario else by_judge
    chances: dict[int, list[DrawChance]] = {}
    if cell.scenario == "older":
        drawn = _in_order(texts, said, cell.labels)
    else:
        found = select(texts, said, cell.labels, lab)
        chances = {one.sample: [DrawChance("a", "", one.stratum, one.chance, one.texts)] for one in found}
        drawn = [one.sample for one in found]
    labels = {one: {f"person {n}": 3 if mine[one] else 1 for n, mine in enumerate(people)} for one in drawn}
    values = {one: float(yes) for one, yes in by_judge.items()}
    judge = MetricValues("judge", "persona", 0.0, 1.0, 0.5, values, set(map(int, np.flatnonzero(refused))))
    calibration = calibrate("p", "response", labels, [judge], texts, chances, said=said, force=True)
    (rate,) = calibration.corrected
    everyone = float(np.mean(people))
    figures = [_figure("all texts", everyone, rate.rate.low, rate.rate.high, rate.rate.value)]
    if cell.people == 1:
        figures += _by_checkpoint(rate, rates, dice)
    return figures


def _by_checkpoint(
    rate: CorrectedRate, rates: np.ndarray, dice: np.random.Generator
) -> list[tuple[str, bool, float, float]]:
    if rate.counted is None:
        return []
    first, second = (rate.checkpoints[number] for number in dice.choice(len(rates), 2, replace=False))
    assert first.rate is not None
    one, gap = correct(first.rate, rate.counted), rate.difference(first, second)
    assert gap is not None
    told = rates[first.checkpoint], rates[first.checkpoint] - rates[second.checkpoint]
    return [
        _figure("a checkpoint", told[0], one.low, one.high, one.value),
        _figure("a difference", told[1], gap.low, gap.high, gap.value),
    ]


def _figure(name: str, truth: float, low: float, high: float, value: float) -> tuple[str, bool, float, float]:
    return name, low - 1e-9 <= truth <= high + 1e-9, high - low, value - truth


def _in_order(texts: dict[int, FrameText], said: dict[int, bool], count: int) -> list[int]:
    """Draw as older versions did: one from each checkpoint with and without the trait, in turn."""
    strata: dict[tuple[int, bool], list[int]] = defaultdict(list)
    for one, text in texts.items():
        strata[text.checkpoint, said[one]].append(one)
    waiting = [strata[key][::-1] for key in sorted(strata)]
    drawn: list[int] = []
    while len(drawn) < count:
        for members in waiting:
            if members and len(drawn) < count:
                drawn.append(members.pop())
    return drawn


def summary(cell: Cell, labs: int) -> list[dict[str, object]]:
    """Return coverage, mean width and bias of each figure of a cell, with Monte-Carlo errors."""
    found: dict[str, list[tuple[bool, float, float]]] = defaultdict(list)
    for lab in range(labs):
        for name, *rest in simulate(cell, lab):
            found[name].append(tuple(rest))  # type: ignore[arg-type]
    rows = []
    for name, figures in found.items():
        covered = float(np.mean([inside for inside, _, _ in figures]))
        errors = [error for _, _, error in figures if not math.isnan(error)]
        rows.append({
            "scenario": cell.scenario, "checkpoints": cell.checkpoints, "labels": cell.labels, "people": cell.people,
            "figure": name, "n": len(figures), "coverage": round(covered, 4),
            "monte_carlo_error": round(math.sqrt(covered * (1 - covered) / len(figures)), 4),
            "mean_width": round(float(np.mean([width for _, width, _ in figures])), 3),
            "bias": round(float(np.mean(errors)), 4),
            "bias_error": round(float(np.std(errors) / math.sqrt(len(errors))), 4),
        })  # fmt: skip
    return rows


def main() -> None:
    labs = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    rows = []
    for cell in cells(sys.argv[3:] or SCENARIOS):
        for row in summary(cell, labs):
            rows.append(row)
            print(*row.values(), flush=True)
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
