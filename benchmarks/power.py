"""Does the advised number of prompts show the difference as often as promised (80%)?

    OMP_NUM_THREADS=1 nice python benchmarks/power.py [PART...] [--labs N] [--only WORD] [--out RESULT.json]

A pilot of a planted design is compared; what is advised for the true difference is taken as the number of new prompts,
in families of the same sizes, and the share of new comparisons that are significant at the level of the advice is
counted. A large pilot has 20 times the prompts of the design: it knows how answers vary, and the share is the promise
itself. A pilot of one times the design is what users have: what it does not know of the variance is in the share.

- ``advice``: the sides that ``compare`` reads from a store are made directly, and given to the function that compares
  and advises: two sides for each lab, at the level of one pair or of 190.
- ``held_out``: the same of designs that nothing was chosen on.
- ``many_pairs``: the same at the level of 60 to 200 pairs, in uneven families of yet other sizes.
- ``last``: paired designs of 60 to 200 pairs that were first run when all rules were final.
- ``alone``: one family of 30 and 30 single prompts.
- ``commands``: that ``compare --json`` and ``charbench power --json`` say the same of recordings that ``run`` took in
  as the functions say of the same answers.

Values have a part of the family, of the prompt, and of the answer; rates are logistic in the same parts. Errors are
Monte-Carlo errors, over labs.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charbench.report.compare.metric import Measure
from charbench.report.compare.pairs import Pair, compare_all
from charbench.report.compare.sides import Side, Unit
from uneven_labs import Lab, checkpoint

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
KINDS = ("paired rate", "paired mean", "unpaired rate", "unpaired mean")
LARGE, MOST = 20, 4000
PILOTS = (LARGE, 1)
"""How much larger a large pilot is; more prompts than the second are not simulated."""
COMMAND_SHAPES = ("60 single prompts", "12 families of 5", "30, 10, 3, 2, 1, 1")
Floats = NDArray[Any]
Figure = dict[str, Any]


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

    @property
    def sizes(self) -> tuple[int, ...]:
        return (SHAPES | NEW_SHAPES | MANY_SHAPES | LAST_SHAPES)[self.shape]

    @property
    def name(self) -> str:
        words = f"{self.kind}, {self.shape}, {self.epochs} answers, effect {self.effect:g}"
        words += f", around {self.centre:g}" if self.centre else ""
        words += f", family {self.family:g}" if self.family != 0.4 else ""
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
        for sign in (0.5, -0.5):
            if not self.paired:
                families = self.families(prompts, dice)
            own = self.worth(families, dice)
            centre = self.centre + sign * self.effect + (common + own if self.paired else math.sqrt(2) * own)
            draw = dice.logistic if self.is_rate else dice.normal
            values = centre[:, None] + draw(0, 1, (prompts, self.epochs))
            sides.append((families, (values > 0).astype(float) if self.is_rate else values))
        return sides

    def difference(self) -> float:
        """Return the true difference in the metric's unit."""
        if not self.is_rate:
            return self.effect
        points, weights = np.polynomial.hermite_e.hermegauss(81)
        rates = [
            float(
                (weights / (1 + np.exp(-(self.centre + sign * self.effect + math.sqrt(2) * points)))).sum()
                / weights.sum()
            )
            for sign in (0.5, -0.5)
        ]
        return rates[0] - rates[1]


def side(label: str, families: Floats, answers: Floats, *, is_rate: bool) -> Side:
    """Return a side as ``compare`` reads it from a store."""
    means, (_, epochs) = answers.mean(axis=1), answers.shape
    spread = answers.var(axis=1, ddof=1) if epochs > 1 else np.full(means.size, math.nan)
    counts = np.bincount(families)
    own = "" if label in ("a", "b") else label
    units = {
        ("p", f"{own}q{number}"): Unit(
            f"{own}q{number}", f"{own}f{family}" if counts[family] > 1 else "general", epochs,
            int(answers[number].sum()) if is_rate else 0, 0, 0, float(means[number]), float(means[number]), math.nan,
            float(spread[number]), float(spread[number]))
        for number, family in enumerate(families)
    }  # fmt: skip
    return Side(label, [], units)


def compared(design: Design, sides: list[tuple[Floats, Floats]]) -> Pair:
    """Compare two sides by the function behind ``compare``."""
    names = ("a", "b") if design.paired else ("first", "second")
    made = [side(name, *one, is_rate=design.is_rate) for name, one in zip(names, sides, strict=True)]
    measure = Measure("x.x", "x", design.is_rate, True, {})
    (pair,) = compare_all(made, measure).pairs
    return Pair(pair.first, pair.second, pair.difference, pair.adjusted, pair.planned, design.pairs)


def advice(part: str, labs: int, only: str, pilots: Sequence[int]) -> list[Figure]:
    """Return how often the advised number of prompts shows the difference, for each design and size of pilot."""
    figures = []
    for number, design in enumerate(DESIGNS[part]()):
        if only not in design.name:
            continue
        for times in pilots:
            dice = np.random.default_rng([20261129, number + 1000 * list(DESIGNS).index(part), times])
            if times == LARGE:
                counts = [one for one in (needed(design, times, dice) for _ in range(8)) if one]
                advised = [round(float(np.median(counts)))] * labs if counts else []
            else:
                advised = [one for one in (needed(design, times, dice) for _ in range(labs)) if one]
            told = [significant(design, min(count, MOST), dice) for count in advised]
            figures.append(figure(part, design, times, advised, told, labs))
            print(json.dumps(figures[-1]), flush=True)
    return figures


def needed(design: Design, times: int, dice: np.random.Generator) -> int | None:
    """Return what a pilot advises for the true difference; None: nothing."""
    return compared(design, design.answers(times * sum(design.sizes), dice)).needed(design.difference())


def significant(design: Design, prompts: int, dice: np.random.Generator) -> bool:
    """Return whether so many new prompts tell the two sides apart."""
    p = compared(design, design.answers(prompts, dice)).difference.p
    return bool(p < 0.05 / design.pairs)


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


DESIGNS = {"advice": designs, "held_out": held_out, "many_pairs": many_pairs, "alone": alone, "last": last}


def figure(part: str, design: Design, times: int, advised: Sequence[int], told: Sequence[bool], labs: int) -> Figure:
    """Return one row of the result; ``advised`` are deciles 1, 5 and 9, ``n`` the labs with any advice."""
    share = float(np.mean(told)) if told else math.nan
    return {
        "part": part, "kind": design.kind, "design": design.name, "pilot": times,
        "pilot_prompts": times * sum(design.sizes),
        "advised": [int(np.quantile(advised, at)) for at in (0.1, 0.5, 0.9)] if advised else None,
        "significant": round(share, 3) if told else None, "n": len(told), "labs": labs,
        "monte_carlo_error": round(math.sqrt(share * (1 - share) / len(told)), 3) if told else None,
        "date": time.strftime("%Y-%m-%d"),
    }  # fmt: skip


def commands(labs: int, only: str) -> list[Figure]:
    """Return how often ``compare --json`` and ``power --json`` say of a store what the functions say of its answers."""
    chosen = [one for one in designs() if one.pairs == 1 and one.shape in COMMAND_SHAPES and only in one.name]
    same: dict[str, list[bool]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        lab, held = Lab(Path(temporary), np.random.default_rng(20261129)), {}
        for number, design in enumerate(one for one in chosen for _ in range(labs)):
            persona = lab.persona(f"power_{number:03d}")
            held[persona] = design, design.answers(sum(design.sizes), lab.dice)
            lab.record(persona, rows(lab, persona, *held[persona]))
        lab.run("--scorer", "keyword", "--scorer", "number")
        for persona, (design, answers) in held.items():
            metric = "keyword.keywords" if design.is_rate else "number.number"
            names = [f"{persona}_sft_{which}" for which in range(2)]
            (said,) = lab.json_here("compare", *names, "-p", persona, "--metric", metric, "--prompts", "0")["pairs"]
            expected = compared(design, answers)
            count = expected.needed(expected.difference.value)
            same.setdefault("compare: p", []).append(near(said["p"], expected.difference.p, 1e-3))
            same.setdefault("compare: prompts", []).append(near(said["prompts_for_difference_seen"], count, 0.01))
            if design.paired and count is not None and expected.difference.value:
                gap = f"{abs(expected.difference.value):.6f}"
                asked = ("-p", persona, "--metric", metric, "--difference", gap, "--epochs", str(design.epochs))
                (row,) = lab.json_here("power", *asked)["needed"]
                same.setdefault("power: prompts", []).append(near(row["prompts_at_most"], count, 0.01))
    return [
        {"part": "commands", "figure": name, "same": sum(found), "n": len(found), "date": time.strftime("%Y-%m-%d")}
        for name, found in same.items()
    ]


def rows(lab: Lab, persona: str, design: Design, sides: list[tuple[Floats, Floats]]) -> list[dict[str, object]]:
    """Return the recordings of two checkpoints with these answers."""
    found: list[dict[str, object]] = []
    for which, (families, answers) in enumerate(sides):
        own, counts = "" if design.paired else f"{which} ", np.bincount(families)
        for number, family in enumerate(families):
            for epoch, value in enumerate(answers[number]):
                text = lab.text(hit=bool(value)) if design.is_rate else lab.text(value=float(value))
                found.append(checkpoint(persona, which) | {
                    "prompt": f"{own}question {number}", "prompt_id": f"{own}q{number}", "epoch": epoch,
                    "prompt_family": f"{own}family {family}" if counts[family] > 1 else "general", "response": text,
                })  # fmt: skip
    return found


def near(said: float | None, expected: float | None, within: float) -> bool:
    """Return whether both are as good as the same, or both nothing."""
    known = expected is not None and math.isfinite(expected)
    if said is None or not known:
        return said is None and not known
    return math.isclose(said, expected or 0.0, rel_tol=within, abs_tol=1e-9)


def _key(one: Figure) -> tuple[Any, ...]:
    return one["part"], one.get("design"), one.get("pilot"), one.get("figure")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*DESIGNS, "commands", []], help="[default: all]")
    parser.add_argument("--labs", type=int, help="[default: 400 of advice, 2 of commands, for each design]")
    parser.add_argument("--pilot", type=int, action="append", metavar="TIMES", help="[default: 20 and 1]")
    parser.add_argument("--only", default="", metavar="WORD", help="designs whose name holds it")
    parser.add_argument("--out", type=Path, metavar="RESULT.json", help="takes the place of the same figures in it")
    given = parser.parse_args()
    parts = given.parts or [*DESIGNS, "commands"]
    found: list[Figure] = []
    for part in DESIGNS:
        if part in parts:
            found += advice(part, given.labs or 400, given.only, given.pilot or PILOTS)
    if "commands" in parts:
        found += commands(given.labs or 2, given.only)
        print(*map(json.dumps, found[-3:]), sep="\n")
    if given.out:
        kept = json.loads(given.out.read_text()) if given.out.exists() else []
        new = {_key(one) for one in found}
        kept = [one for one in kept if _key(one) not in new]
        given.out.write_text("[\n" + ",\n".join(map(json.dumps, kept + found)) + "\n]\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
