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
- ``ranges``: how often the range that is given holds the number that truly has 80%, in pilots of the design's own size.
- ``skewed``: log-normal values, and markers per 100 words of which most are 0.
- ``uneven``, ``uneven_held_out``: one side answers each prompt more often than the other.
- ``commands``: that ``compare --json`` and ``charbench power --json`` say the same of recordings that ``run`` took in
  as the functions say of the same answers.

The designs are those of power_designs.py. Errors are Monte-Carlo errors, over labs.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

from charbench.report.compare.metric import Measure
from charbench.report.compare.pairs import Pair, compare_all
from charbench.report.compare.sides import Side, Unit
from power_designs import DESIGNS, Design, Floats, designs
from uneven_labs import Lab, checkpoint

LARGE, MOST = 20, 4000
PILOTS = (LARGE, 1)
"""How much larger a large pilot is; more prompts than the second are not simulated."""
COMMAND_SHAPES = ("60 single prompts", "12 families of 5", "30, 10, 3, 2, 1, 1")
Figure = dict[str, Any]


def side(label: str, families: Floats, answers: Floats, *, is_rate: bool) -> Side:
    """Return a side as ``compare`` reads it from a store."""
    means, (_, epochs) = answers.mean(axis=1), answers.shape
    spread = answers.var(axis=1, ddof=1) if epochs > 1 else np.full(means.size, math.nan)
    counts = np.bincount(families)
    own = "" if label in ("a", "b") else label
    units = {
        ("p", f"{own}q{number}"): Unit(
            f"{own}q{number}", f"{own}f{family}" if counts[family] > 1 else "general", epochs,
            int(answers[number].sum()) if is_rate else 0, 0, 0, 0, float(means[number]), float(means[number]), math.nan,
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
                counts = [one for one in (needed(design, times, dice) for _ in range(LARGE)) if one]
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


def ranges(labs: int, only: str) -> list[Figure]:
    """Return how often the range of a pilot of the design's own size holds the true number, for each design."""
    figures = []
    for number, design in enumerate(DESIGNS["ranges"]()):
        if only not in design.name:
            continue
        dice = np.random.default_rng([20261130, number])
        truth = true_number(design, max(400, labs), dice)
        pairs = [compared(design, design.answers(sum(design.sizes), dice)) for _ in range(labs)]
        told = [one for one in (pair.needed(design.difference()) for pair in pairs) if one]
        given = [one for one in (pair.likely(design.difference()) for pair in pairs) if one]
        ends = np.array([[low or math.inf, high or math.inf] for low, high in given]).reshape(-1, 2)
        below, above = float(np.mean(ends[:, 1] < truth)), float(np.mean(ends[:, 0] > truth))
        held = 1 - below - above
        figures.append({
            "part": "ranges", "kind": design.kind, "design": design.name, "pilot": 1,
            "pilot_prompts": sum(design.sizes), "true": round(truth), "labs": labs, "n": len(given),
            "advised": [int(np.quantile(told, at)) for at in (0.1, 0.5, 0.9)] if told else None,
            "range": [int(min(np.quantile(ends[:, end], 0.5), 1e9)) for end in (0, 1)] if given else None,
            "holds": round(held, 3), "too_low": round(below, 3), "too_high": round(above, 3),
            "monte_carlo_error": round(math.sqrt(held * (1 - held) / max(1, len(given))), 3),
            "date": time.strftime("%Y-%m-%d"),
        })  # fmt: skip
        print(json.dumps(figures[-1]), flush=True)
    return figures


def true_number(design: Design, labs: int, dice: np.random.Generator) -> float:
    """Return the number of prompts with 80% power: on a line through normal quantiles of five simulated powers."""
    found = [one for one in (needed(design, LARGE, dice) for _ in range(5)) if one]
    counts = [max(2, round(times * float(np.median(found)))) for times in (0.7, 0.84, 1.0, 1.2, 1.43)]
    powers = [np.mean([significant(design, count, dice) for _ in range(labs)]) for count in counts]
    quantiles = [NormalDist().inv_cdf(min(0.995, max(0.005, float(power)))) for power in powers]
    slope, middle = np.polyfit(np.sqrt(counts), quantiles, 1)
    return float((NormalDist().inv_cdf(0.8) - middle) / slope) ** 2


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
        own, counts = f"{persona} " if design.paired else f"{persona} {which} ", np.bincount(families)
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
    if "ranges" in parts:
        found += ranges(given.labs or 400, given.only)
    for part in DESIGNS:
        if part in parts and part != "ranges":
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
