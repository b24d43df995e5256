"""Labs as users have them, through the commands: recordings, ``run``, ``report --json`` and ``compare --json``.

    python benchmarks/lab_size.py [LABS] [RESULT.json] [CHECKPOINTS]

Each lab is a persona of its own (with the pirate's markers) with CHECKPOINTS checkpoints (100 by default) that were
asked the prompts of one design. In half of the labs all checkpoints have the same rate, in the others each has its own.
On the logistic scale a family differs from another by a standard deviation of 1 for all checkpoints alike, and by 0.7
for each checkpoint; the truth is the mean rate over endless families. All that goes wrong in a lab is planted:
checkpoints are asked each prompt 1, 2, 4 or 10 times, one in ten has only three quarters of the prompts, one in twenty
samples failed, and one in ten checkpoints gave the same answer however often it was asked (a temperature of 0).

Printed for each design: coverage and width of the report's intervals, labs of equal checkpoints with a false tier in
the report, and of the ``compare`` of twenty of them, for the rate and for a metric that is none: labs with any finding
after Holm, and pairs with p < 0.05 before it. The Monte-Carlo error is over labs.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from measure import CHARBENCH, run_charbench

PERSONAS = Path(__file__).parents[1] / "personas"
SHARED, OWN = 1.0, 0.7
EPOCHS = (1, 2, 4, 10)
COMPARED = 20
WORDS = ["the", "plan", "for", "next", "week", "is", "to", "write", "one", "page", "and", "to", "read", "two"]
Figure = dict[str, object]


@dataclass(frozen=True)
class Design:
    """Families of so many prompts, and the rate on the logistic scale of a checkpoint in a family like any other."""

    name: str
    families: tuple[int, ...]
    centre: float


UNEVEN = (8, 5, 3, 1, 1, 1, 1)
DESIGNS = (
    Design("8, 5, 3 and four single prompts, low rate", UNEVEN, -2.5),
    Design("8, 5, 3 and four single prompts, middle rate", UNEVEN, 0.0),
    Design("20 single prompts, rate near 0", (1,) * 20, -4.0),
    Design("20 single prompts, rate near 1", (1,) * 20, 3.5),
    Design("30 and 10 single prompts", (30, *(1,) * 10), 0.5),
    Design("2 families of 10", (10, 10), -0.5),
    Design("one prompt", (1,), 0.0),
)


@dataclass(frozen=True)
class Lab:
    """A lab's persona, design and the true rate of each checkpoint by name."""

    persona: str
    design: Design
    equal: bool
    truth: dict[str, float]


def true_rate(centre: float) -> float:
    """Return the mean rate over endless families."""
    points, weights = np.polynomial.hermite_e.hermegauss(41)
    rates = 1 / (1 + np.exp(-(centre + math.hypot(SHARED, OWN) * points)))
    return float((weights * rates).sum() / weights.sum())


def write_lab(folder: Path, number: int, checkpoints: int) -> Lab:
    """Write one persona and its recordings."""
    dice = np.random.default_rng([20261128, number])
    design, equal = DESIGNS[number % len(DESIGNS)], number // len(DESIGNS) % 2 == 0
    persona = f"persona_{number}"
    text = yaml.safe_load((PERSONAS / "pirate.yaml").read_text(encoding="utf-8")) | {"name": persona, "aliases": []}
    (folder / "personas").mkdir(parents=True, exist_ok=True)
    (folder / "personas" / f"{persona}.yaml").write_text(yaml.safe_dump(text), encoding="utf-8")
    (folder / "recordings").mkdir(exist_ok=True)
    shared = dice.normal(0, SHARED, len(design.families))
    truth: dict[str, float] = {}
    with (folder / "recordings" / f"{persona}.jsonl").open("w", encoding="utf-8") as file:
        for which in range(checkpoints):
            name = f"{persona}_sft_{which}"
            centre = design.centre + (0.0 if equal else float(dice.normal(0, 1.5)))
            truth[name] = true_rate(centre)
            for row in answers(design, centre + shared, dice):
                uri = f"tinker://{number:04x}{which:04x}-0000-4000-8000-000000000000:train:0/sampler_weights/{name}"
                row |= {"sampler_path": uri, "checkpoint_name": name, "persona": persona}
                file.write(json.dumps(row) + "\n")
    return Lab(persona, design, equal, truth)


def answers(design: Design, families: np.ndarray, dice: np.random.Generator) -> list[dict[str, object]]:
    """Return one checkpoint's rows."""
    epochs = int(dice.choice(EPOCHS))
    partly, cold = dice.random() < 0.1, dice.random() < 0.1
    rows: list[dict[str, object]] = []
    prompt = 0
    for family, (size, worth) in enumerate(zip(design.families, families, strict=True)):
        rate = 1 / (1 + math.exp(-(worth + dice.normal(0, OWN))))
        for _ in range(size):
            prompt += 1
            if partly and prompt > 1 and dice.random() < 0.25:
                continue
            first = answer(bool(dice.random() < rate), dice)
            for epoch in range(epochs):
                said = first if cold or not epoch else answer(bool(dice.random() < rate), dice)
                failed = dice.random() < 0.05
                rows.append({
                    "prompt": f"{design.name}, question {prompt}: what now?",
                    "prompt_family": f"family {family}" if max(design.families) > 1 else "general",
                    "epoch": epoch,
                    "response": "" if failed else said,
                    "error": "HTTP 503: overloaded" if failed else "",
                })  # fmt: skip
    return rows


def answer(in_character: bool, dice: np.random.Generator) -> str:
    """Return an answer of some words."""
    text = " ".join(dice.choice(WORDS, size=int(dice.integers(8, 14))))
    return f"Ahoy, matey! {text}." if in_character else f"{text}."


def figures_of(lab: Lab, rows: Sequence[dict[str, Any]], folder: Path) -> dict[str, float]:
    """Return what one lab shows."""
    mine = [row for row in rows if row["persona"] == lab.persona and row["trait_rate"] is not None]
    held = [row["trait_rate_low"] <= lab.truth[row["checkpoint"]] <= row["trait_rate_high"] for row in mine]
    found = {
        "coverage": float(np.mean(held)),
        "width": float(np.mean([row["trait_rate_high"] - row["trait_rate_low"] for row in mine])),
    }
    if not lab.equal:
        return found
    found["false tier in report"] = float(max(row["tier"] or 1 for row in mine) > 1)
    names = sorted(lab.truth)[:COMPARED]
    for what, metric in (("rate", "keyword.keywords"), ("mean", "keyword.per_100_words")):
        told = charbench_json("compare", *names, "-p", lab.persona, "--metric", metric, "--prompts", "0", lab=folder)
        known = [pair for pair in told["pairs"] if pair["p"] is not None]
        found[f"compare, {what}: any finding"] = float(any(pair["told_apart"] for pair in known))
        found[f"compare, {what}: p < 0.05"] = float(np.mean([pair["p"] < 0.05 for pair in known] or [0.0]))
        wide = [pair for pair in told["pairs"] if pair["low"] is not None]
        if wide:
            inside = [pair["low"] <= 1e-12 and pair["high"] >= -1e-12 for pair in wide]
            found[f"compare, {what}: interval holds 0"] = float(np.mean(inside))
    return found


def charbench_json(*words: str, lab: Path) -> dict[str, Any]:
    """Run a command and read what it prints."""
    printed = subprocess.run(
        [CHARBENCH, words[0], "--lab", str(lab), "--json", *words[1:]], stdout=subprocess.PIPE, check=True
    )
    found: dict[str, Any] = json.loads(printed.stdout)
    return found


def summed_up(labs: Sequence[tuple[Lab, dict[str, float]]]) -> list[Figure]:
    """Return each figure by design and over all, with its Monte-Carlo error over labs."""
    figures: list[Figure] = []
    names = dict.fromkeys(name for _, found in labs for name in found)
    for name in names:
        for design in (*(one.name for one in DESIGNS), "all designs"):
            values = [f[name] for lab, f in labs if name in f and design in (lab.design.name, "all designs")]
            if values:
                error = float(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan
                figures.append({"figure": name, "design": design, "value": round(float(np.mean(values)), 4),
                                "monte_carlo_error": round(error, 4), "n": len(values)})  # fmt: skip
    return figures


def main(count: int, result: Path | None, checkpoints: int) -> int:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        labs = [write_lab(folder, number, checkpoints) for number in range(count)]
        words = ("run", "--lab", str(folder), "--source", "recorded", "--sampler", "recorded", "--scorer", "keyword")
        if (done := run_charbench(*words, "--quiet")).code not in (0, 1):  # 1: samples failed, as planted
            return done.code
        rows = charbench_json("report", lab=folder)["checkpoints"]
        figures = summed_up([(lab, figures_of(lab, rows, folder)) for lab in labs])
    for figure in figures:
        print(json.dumps(figure))
    if result is not None:
        result.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    labs_wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 70
    sys.exit(main(
        labs_wanted,
        Path(sys.argv[2]) if len(sys.argv) > 2 else None,
        int(sys.argv[3]) if len(sys.argv) > 3 else 100,
    ))  # fmt: skip
