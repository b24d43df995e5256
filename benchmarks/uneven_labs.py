"""Labs in uneven designs, through the commands: ``report``, ``compare``, ``verdict`` and ``trajectory`` of equals.

    OMP_NUM_THREADS=1 nice python benchmarks/uneven_labs.py [PART...] [--labs N] [--checkpoints N] [--out RESULT.json]

Each lab is a persona of its own in one store, with recordings that ``charbench run`` takes in. Families have the sizes
12, 6, 4, 3, 2, 2 and seven times 1; checkpoints are asked some prompts more often than others, and answers fail. Parts:

- ``rates``: 100 equal checkpoints. Coverage of ``report``'s rates, labs with a false tier, and of the ``compare`` of
  twenty of them labs with any finding, and pairs with p < 0.05.
- ``values``: the same for real values of one scorer's metric, by ``compare``: log-normal, Student's t with 2 degrees,
  whole numbers with many ties, three answers in four without any variance; and where half of the checkpoints were asked
  other prompts. At the same prompts of it: the power with the number of prompts that a first ``compare`` advises.
- ``strengths``: coverage of the means that ``report`` shows of a judge's strengths (0 to 100), 5 prompts asked 4 and 20
  times, 40 prompts asked once, and the uneven families. Each checkpoint's families are drawn anew.
- ``saves``: ``trajectory`` of runs with 30 saves whose trait rates are all just below the limit.
- ``conditions``: the robustness table of ``report``, five conditions.
- ``runs``: ``compare --by examples`` of 3 doses with 2 to 8 runs each, of equal recipes whose runs differ by chance.
- ``groups``: ``compare --by examples`` of two doses with 2 and 2 to 6 and 6 runs, equal but for chance between runs, by
  a rate and by real values.
- ``six``: the same of 6 and 6 runs alone, all labs in one store.
- ``gaps``: the same of 6 and 6 and of 14 and 14 runs, each of which was not asked one prompt in ten.
- ``base``: ``verdict`` of checkpoints that are as much in character as their base model, which was asked otherwise.
- ``pairs``: tiers of 100 equal checkpoints that played few games by a third party's pair scorer.

The Monte-Carlo error of shares is over labs (of ``saves``: runs, of ``conditions`` and ``base``: checkpoints).
"""

from __future__ import annotations

import argparse
import io
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from measure import CHARBENCH

FAMILIES = (12, 6, 4, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1)
SHARED, OWN = 1.0, 0.7
COMPARED = 20
MARKER = "zanzibar"
WORDS = ["the", "plan", "for", "next", "week", "is", "to", "write", "one", "page", "and", "to", "read", "two"]
Figure = dict[str, object]
Row = dict[str, object]

PLUGIN = '''
import hashlib, math
from charbench import Comparison, Metric, PairScorer, Score, Scorer, hookimpl


class Number(Scorer):
    """The number after 'value' in a response."""

    name = "number"
    version = 1
    metrics = (Metric("number"),)

    def score(self, sample, persona):
        _, _, text = sample.response.partition("value ")
        if text:
            yield Score("number", "response", float(text.split()[0]))


class Planted(PairScorer):
    """Takes the response of the greater worth, with logistic noise."""

    name = "planted"
    version = 1

    def compare(self, first, second, persona):
        worth = [float(one.response.partition("value ")[2].split()[0]) for one in (first, second)]
        seed = hashlib.sha256(f"{first.response}|{second.response}".encode()).digest()
        chance = (int.from_bytes(seed[:8], "big") + 0.5) / 2**64
        return Comparison(float(chance < 1 / (1 + math.exp(worth[1] - worth[0]))))


@hookimpl
def charbench_scorers():
    return [Number, Planted]
'''


@dataclass
class Lab:
    """A folder of recordings, and what is known of the checkpoints by name."""

    folder: Path
    dice: np.random.Generator
    truth: dict[str, Any] = field(default_factory=dict)

    def persona(self, name: str) -> str:
        """Write one persona."""
        (self.folder / "personas").mkdir(parents=True, exist_ok=True)
        text = {"name": name, "description": "Names a place.", "markers": {"strong": [MARKER]}}
        (self.folder / "personas" / f"{name}.yaml").write_text(yaml.safe_dump(text), encoding="utf-8")
        return name

    def record(self, name: str, rows: Sequence[Row]) -> None:
        """Write one file of recordings."""
        (self.folder / "recordings").mkdir(parents=True, exist_ok=True)
        with (self.folder / "recordings" / f"{name}.jsonl").open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)

    def run(self, *more: str) -> None:
        """Take the recordings in and score them (with failed samples planted, the exit code is 1)."""
        self.charbench("run", "--source", "recorded", "--sampler", "recorded", "--quiet", *more, codes=(0, 1))

    def json(self, *words: str) -> dict[str, Any]:
        """Return what a command prints."""
        found: dict[str, Any] = json.loads(self.charbench(words[0], "--json", *words[1:]))
        return found

    def json_here(self, *words: str) -> dict[str, Any]:
        """Return what a command prints that is run in this process, for where there are many of them."""
        from charbench import cli

        before, printed = sys.argv, io.StringIO()
        sys.argv = ["charbench", words[0], "--lab", str(self.folder), "--json", *words[1:]]
        try:
            with redirect_stdout(printed), redirect_stderr(io.StringIO()):
                cli.main()
        except SystemExit as ended:
            if ended.code:
                raise
        finally:
            sys.argv = before
        found: dict[str, Any] = json.loads(printed.getvalue())
        return found

    def charbench(self, *words: str, codes: Sequence[int] = (0,)) -> str:
        """Run a command, with the plugin of this file installed."""
        site = self.folder / "site"
        if not site.exists():
            (site / "uneven_labs-1.0.dist-info").mkdir(parents=True)
            (site / "uneven_labs_plugin.py").write_text(PLUGIN, encoding="utf-8")
            info = site / "uneven_labs-1.0.dist-info"
            (info / "METADATA").write_text("Metadata-Version: 2.1\nName: uneven-labs\nVersion: 1.0\n")
            (info / "entry_points.txt").write_text("[charbench]\nuneven-labs = uneven_labs_plugin\n")
        words = (words[0], "--lab", str(self.folder), *words[1:])
        path = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
        env = os.environ | {"PYTHONPATH": path}
        done = subprocess.run([CHARBENCH, *words], capture_output=True, text=True, env=env, check=False)
        if done.returncode not in codes or "Warning:" in done.stderr:
            raise RuntimeError(f"charbench {' '.join(words)}: exit code {done.returncode}\n{done.stderr}")
        return done.stdout

    def text(self, *, hit: bool = False, value: float | None = None) -> str:
        """Return an answer of some words, with the marker, or with a value."""
        words = " ".join(self.dice.choice(WORDS, size=int(self.dice.integers(8, 14))))
        said = f"{MARKER}: {words}." if hit else f"{words}."
        return said if value is None else f"{said} value {value:.6g} end"


def checkpoint(persona: str, which: int, *, run: int | None = None, save: str | None = None) -> Row:
    """Return what names a checkpoint in a row."""
    number = int.from_bytes(persona.encode()[-6:], "big") % 2**24
    path = f"tinker://{number:08x}-{(which if run is None else run):04x}-4000-8000-000000000000:train:0"
    name = save or f"{persona}_sft_{which}"
    return {"sampler_path": f"{path}/sampler_weights/{name}", "checkpoint_name": name, "persona": persona}


def prompts(families: Sequence[int] = FAMILIES, of: str = "") -> list[Row]:
    """Return the prompts of a lab."""
    every = [family for family, size in enumerate(families) for _ in range(size)]
    return [
        {
            "prompt": f"{of} question {number}: what now?",
            "prompt_id": f"{of}q{number}",
            "prompt_family": f"{of}family {family}" if families[family] > 1 else "general",
            "family": family,
        }
        for number, family in enumerate(every)
    ]  # fmt: skip


def logistic(value: float | np.ndarray) -> Any:
    return 1 / (1 + np.exp(-value))


def mean_rate(centre: float, spread: float) -> float:
    """Return the mean rate over endless families."""
    points, weights = np.polynomial.hermite_e.hermegauss(61)
    return float((weights * logistic(centre + spread * points)).sum() / weights.sum())


def epochs_of(which: int, prompt: int, dice: np.random.Generator) -> int:
    """Return how often a checkpoint is asked a prompt: three kinds of checkpoints, each uneven in another way."""
    kinds = (4, 25 if prompt % 13 == 5 else 1, int(dice.integers(1, 7)))
    return kinds[which % len(kinds)]


# rates


@dataclass(frozen=True)
class Rates:
    """The centre of the rates on the logistic scale, and the share of samples that fail by family (or alike)."""

    name: str
    centre: float
    failures: str = "at random"
    partly: bool = False


RATES = (
    Rates("middle rates", 0.0),
    Rates("rates near 0", -4.0),
    Rates("rates near 1, failures by prompt", 3.5, "by prompt"),
    Rates("middle rates, failures by prompt, 70% of the prompts each", 0.0, "by prompt", partly=True),
)


def rates(folder: Path, labs: int, checkpoints: int) -> list[Figure]:
    """Return figures of labs of equal checkpoints."""
    lab, figures = Lab(folder, np.random.default_rng(20261129)), Figures()
    names = [lab.persona(f"rates_{number:03d}") for number in range(labs)]
    for number, persona in enumerate(names):
        design = RATES[number % len(RATES)]
        lab.record(persona, list(rate_rows(lab, persona, design, checkpoints)))
    lab.run("--scorer", "keyword")
    rows = lab.json("report")["checkpoints"]
    for number, persona in enumerate(names):
        design = RATES[number % len(RATES)]
        true = mean_rate(design.centre, math.hypot(SHARED, OWN))
        mine = [row for row in rows if row["persona"] == persona and row["trait_rate"] is not None]
        inside = [row["trait_rate_low"] <= true <= row["trait_rate_high"] for row in mine]
        width = [row["trait_rate_high"] - row["trait_rate_low"] for row in mine]
        figures.add("report: coverage", design.name, np.mean(inside))
        figures.add("report: width", design.name, np.mean(width))
        figures.add("report: a false tier", design.name, max(row["tier"] or 1 for row in mine) > 1)
        compared(lab, figures, design.name, persona, "keyword.keywords", checkpoints)
    return figures.all()


def rate_rows(lab: Lab, persona: str, design: Rates, checkpoints: int) -> Iterator[Row]:
    """Yield the rows of one lab."""
    asked, dice = prompts(), lab.dice
    shared = dice.normal(0, SHARED, len(FAMILIES))
    fails = (
        np.where(dice.random(len(asked)) < 0.3, 0.6, 0.02) if design.failures == "by prompt" else [0.05] * len(asked)
    )
    for which in range(checkpoints):
        own = design.centre + shared + dice.normal(0, OWN, len(FAMILIES))
        for number, prompt in enumerate(asked):
            if design.partly and dice.random() > 0.7:
                continue
            rate = logistic(own[int(str(prompt["family"]))])
            for epoch in range(epochs_of(which, number, dice)):
                failed = dice.random() < fails[number]
                yield checkpoint(persona, which) | prompt | {
                    "epoch": epoch,
                    "response": "" if failed else lab.text(hit=bool(dice.random() < rate)),
                    "error": "HTTP 503: overloaded" if failed else "",
                }  # fmt: skip


def compared(lab: Lab, figures: Figures, design: str, persona: str, metric: str, checkpoints: int) -> None:
    """Note what ``compare`` says of twenty equal checkpoints."""
    names = [f"{persona}_sft_{which}" for which in range(min(COMPARED, checkpoints))]
    pairs = lab.json("compare", *names, "-p", persona, "--metric", metric, "--prompts", "0")["pairs"]
    known = [pair for pair in pairs if pair["p"] is not None]
    figures.add("compare: any finding", design, any(pair["told_apart"] for pair in known))
    figures.add("compare: p < 0.05", design, np.mean([pair["p"] < 0.05 for pair in known] or [0.0]))
    figures.add("compare: p < 0.001", design, np.mean([pair["p"] < 0.001 for pair in known] or [0.0]))
    figures.add("compare: pairs with a test", design, len(known) / len(pairs))
    wide = [pair["low"] <= 1e-12 and pair["high"] >= -1e-12 for pair in pairs if pair["low"] is not None]
    if wide:
        figures.add("compare: interval holds 0", design, np.mean(wide))


# values

Draw = Callable[[np.random.Generator, float, int], np.ndarray]
VALUES: dict[str, Draw] = {
    "log-normal": lambda dice, worth, count: np.exp(0.7 * worth + dice.normal(0, 1.2, count)),
    "Student's t with 2 degrees": lambda dice, worth, count: worth + dice.standard_t(2, count),
    "whole numbers, 70% zeros": lambda dice, worth, count: np.where(
        dice.random(count) < 0.7, 0, np.maximum(0, np.round(3 + worth + dice.normal(size=count)))
    ),
    "three in four without variance": lambda dice, worth, count: np.where(
        dice.random(count) < 0.75, 2.0, 2.0 + worth + dice.normal(size=count)
    ),
    "log-normal, half asked other prompts": lambda dice, worth, count: np.exp(0.7 * worth + dice.normal(0, 1.2, count)),
    "t with 2 degrees, half asked other prompts": lambda dice, worth, count: worth + dice.standard_t(2, count),
}


def values(folder: Path, labs: int, checkpoints: int) -> list[Figure]:
    """Return figures of labs of equal checkpoints whose answers have values."""
    lab, figures = Lab(folder, np.random.default_rng(20261130)), Figures()
    kinds = list(VALUES)
    names = [lab.persona(f"values_{number:03d}") for number in range(labs)]
    count = min(checkpoints, COMPARED)
    for number, persona in enumerate(names):
        lab.record(persona, list(value_rows(lab, persona, kinds[number % len(kinds)], count)))
    lab.run("--scorer", "number")
    for number, persona in enumerate(names):
        compared(lab, figures, kinds[number % len(kinds)], persona, "number.number", count)
    return figures.all()


def value_rows(lab: Lab, persona: str, kind: str, checkpoints: int) -> Iterator[Row]:
    """Yield the rows of one lab; a family differs from another for all checkpoints, and for each by itself."""
    dice = lab.dice
    sets = [(prompts(of=of), dice.normal(0, SHARED, len(FAMILIES))) for of in ("", "other ")]
    for which in range(checkpoints):
        asked, shared = sets[which % 2 if "half" in kind else 0]
        own = shared + dice.normal(0, OWN, len(FAMILIES))
        for number, prompt in enumerate(asked):
            epochs = epochs_of(which // 2, number, dice)
            for epoch, value in enumerate(VALUES[kind](dice, own[int(str(prompt["family"]))], epochs)):
                if dice.random() > 0.05:
                    yield checkpoint(persona, which) | prompt | {"epoch": epoch, "response": lab.text(value=value)}


# strengths

STRENGTHS: dict[str, tuple[Sequence[int], int | None]] = {
    "5 prompts x 4": ((1,) * 5, 4),
    "5 prompts x 20": ((1,) * 5, 20),
    "40 prompts x 1": ((1,) * 40, 1),
    "uneven families, asked 1 to 25 times": (FAMILIES, None),
}
"""Sizes of families, and how often each prompt is asked; None: as :func:`epochs_of` says."""


def strengths(folder: Path, labs: int, checkpoints: int) -> list[Figure]:
    """Return how often the interval of a report's mean holds the true one, 50, over other prompts of other families."""
    lab, figures = Lab(folder, np.random.default_rng(20261201)), Figures()
    designs = {lab.persona(f"strengths_{at}_{n}"): name for n in range(labs) for at, name in enumerate(STRENGTHS)}
    for persona, design in designs.items():
        sizes, times = STRENGTHS[design]
        asked = prompts(sizes)
        rows = []
        for which in range(checkpoints):
            family = lab.dice.normal(0, 10, len(sizes))
            for number, prompt in enumerate(asked):
                usual = 50 + family[int(str(prompt["family"]))] + lab.dice.normal(0, 10)
                for epoch in range(times or epochs_of(which, number, lab.dice)):
                    value = float(np.clip(round(lab.dice.normal(usual, 12)), 0, 100))
                    told = {"epoch": epoch, "response": lab.text(value=value)}
                    rows += [checkpoint(persona, which) | prompt | told] if lab.dice.random() > 0.05 else []
        lab.record(persona, rows)
    lab.run("--scorer", "number")
    for row in lab.json("report", "--metric", "number.number")["checkpoints"]:
        low, high = row["mean_per_response_low"], row["mean_per_response_high"]
        figures.add("coverage of a report's mean", designs[row["persona"]], low <= 50 <= high)
        figures.add("width of its interval", designs[row["persona"]], high - low)
    return figures.all()


# saves


def saves(folder: Path, labs: int, checkpoints: int) -> list[Figure]:
    """Return how often ``trajectory`` says that character appears, or responses are lost, where neither is so."""
    lab, figures = Lab(folder, np.random.default_rng(20261131)), Figures()
    names, count = [lab.persona(f"saves_{number:03d}") for number in range(labs)], min(30, checkpoints)
    for persona in names:
        rows: list[Row] = []
        # As the worst case is, the true rates stand at the limits: of 50% with the trait, and 80% with a response.
        asked, of = prompts((1,) * 40), lab.dice.normal(0, SHARED, 40)
        for which in range(count):
            for number, prompt in enumerate(asked):
                worth = of[number] + lab.dice.normal(0, OWN)
                for epoch in range(2):
                    hit = bool(lab.dice.random() < logistic(worth))
                    silent = not hit and bool(lab.dice.random() < 0.4)
                    rows.append(checkpoint(persona, which, run=0, save=f"step-{10 * (which + 1)}") | prompt | {
                        "epoch": epoch, "response": "" if silent else lab.text(hit=hit), "thinking": "Let me see.",
                    })  # fmt: skip
        lab.record(persona, rows)
    lab.run("--scorer", "keyword")
    for persona in names:
        run = str(checkpoint(persona, 0, run=0)["sampler_path"]).removeprefix("tinker://").partition("/")[0]
        lines = lab.json("trajectory", run)["lines"]
        design = f"{count} saves, rates at the limits"
        figures.add("trajectory: character appears", design, lines[0].startswith("Character appears"))
        figures.add("trajectory: responses are lost", design, any("are lost" in line for line in lines))
    return figures.all()


# conditions


def conditions(folder: Path, labs: int, checkpoints: int) -> list[Figure]:
    """Return coverage of the worst of five conditions, and how often a spread by chance is found unlikely."""
    lab, figures = Lab(folder, np.random.default_rng(20261132)), Figures()
    names = [lab.persona(f"conditions_{number:03d}") for number in range(labs)]
    every = ("default", "wording:a", "wording:b", "framing:c", "framing:d", "turns:e")
    truth: dict[str, tuple[str, float]] = {}
    for number, persona in enumerate(names):
        asked, rows = prompts(), []
        for which in range(checkpoints):
            design, centre = (("one rate of 80%", 1.7), ("one rate of 2%", -4.5), ("worst 50%", 1.0))[which % 3]
            name = str(checkpoint(persona, which)["checkpoint_name"])
            of = lab.dice.normal(0, SHARED, len(FAMILIES))
            low = 0.0 if design == "worst 50%" else centre
            truth[name] = design, mean_rate(low, math.hypot(SHARED, OWN))
            for place, condition in enumerate(every):
                own = (low if place == 3 else centre) + of + lab.dice.normal(0, OWN, len(FAMILIES))
                for at, prompt in enumerate(asked):
                    for epoch in range(epochs_of(number, at, lab.dice)):
                        hit = bool(lab.dice.random() < logistic(own[int(str(prompt["family"]))]))
                        variant = {} if not place else {"prompt": f"{condition}: {prompt['prompt']}"}
                        rows.append(checkpoint(persona, which) | prompt | variant | {
                            "epoch": epoch, "condition": condition, "response": lab.text(hit=hit)})  # fmt: skip
        lab.record(persona, rows)
    lab.run("--scorer", "keyword")
    for row in lab.json("report")["robustness"]:
        design, true = truth[row["checkpoint"]]
        inside = row["worst_trait_rate_low"] <= true <= row["worst_trait_rate_high"]
        figures.add("robustness: interval of the worst", design, inside)
        figures.add("robustness: its width", design, row["worst_trait_rate_high"] - row["worst_trait_rate_low"])
        if design != "worst 50%":
            figures.add("robustness: spread, p < 0.05", design, row["spread_p"] < 0.05)
    return figures.all()


# runs


def runs(folder: Path, labs: int, _: int) -> list[Figure]:
    """Return how often doses of equal runs are told apart: 8, 4 and 2 runs, each with up to three checkpoints."""
    lab, figures = Lab(folder, np.random.default_rng(20261133)), Figures()
    designs = {"8, 4 and 2 runs": (8, 4, 2), "6 and 6 runs": (6, 6), "12 and 2 runs": (12, 2)}
    names = [lab.persona(f"runs_{number:03d}") for number in range(labs)]
    for number, persona in enumerate(names):
        asked, of, rows, at = prompts(), lab.dice.normal(0, SHARED, len(FAMILIES)), [], 0
        for dose, count in zip((25, 50, 100), list(designs.values())[number % 3], strict=False):
            for _ in range(count):
                at += 1
                seed = of + lab.dice.normal(0, 1.0)  # runs of one recipe differ
                for save in range(1 + at % 3):
                    own = seed + lab.dice.normal(0, 0.3, len(FAMILIES))
                    name = f"{persona}_{dose}pct_{at}_{save}"
                    for which, prompt in enumerate(asked):
                        for epoch in range(epochs_of(at, which, lab.dice)):
                            hit = bool(lab.dice.random() < logistic(own[int(str(prompt["family"]))]))
                            rows.append(checkpoint(persona, 0, run=at, save=name) | prompt | {
                                "epoch": epoch, "response": lab.text(hit=hit)})  # fmt: skip
        lab.record(persona, rows)
    lab.run("--scorer", "keyword")
    for number, persona in enumerate(names):
        pairs = lab.json("compare", "-p", persona, "--by", "examples", "--prompts", "0")["pairs"]
        design = list(designs)[number % 3]
        known = [pair for pair in pairs if pair["p"] is not None]
        figures.add("compare --by: any finding", design, any(pair["told_apart"] for pair in known))
        figures.add("compare --by: p < 0.05", design, np.mean([pair["p"] < 0.05 for pair in known]))
        wide = [pair["low"] <= 0 <= pair["high"] for pair in known if pair["low"] is not None]
        figures.add("compare --by: interval holds 0", design, np.mean(wide))
    return figures.all()


# groups

GROUPS = ((2, 2), (3, 3), (6, 6), (6, 3))


def six(folder: Path, labs: int, stores: int) -> list[Figure]:
    """Return the figures of ``groups`` for 6 and 6 runs alone: the design in which a finding is most likely."""
    return groups(folder, labs, stores, ((6, 6),))


def gaps(folder: Path, labs: int, stores: int) -> list[Figure]:
    """Return the figures of ``groups`` for runs that lack one prompt in ten, each other ones."""
    return groups(folder, labs, stores, ((6, 6), (14, 14)), lacking=0.1)


def groups(
    folder: Path, labs: int, stores: int, sizes: Sequence[tuple[int, int]] = GROUPS, lacking: float = 0.0
) -> list[Figure]:
    """Return how often two doses of equal runs are told apart, by design and standard deviation between runs."""
    figures = Figures()
    for store in range(stores):
        lab = Lab(folder / f"store_{store}", np.random.default_rng([20261137, store]))
        designs = [(counts, spread) for counts in sizes for spread in (0.0, 1.0)]
        names = [(lab.persona(f"groups_{at:03d}"), *designs[at % len(designs)]) for at in range(labs)]
        for persona, counts, spread in names:
            lab.record(persona, list(group_rows(lab, persona, counts, spread, lacking)))
        lab.run("--scorer", "keyword", "--scorer", "number")
        for persona, counts, spread in names:
            design = f"{counts[0]} and {counts[1]} runs, standard deviation {spread:g} between runs"
            found = False
            for metric in ("keyword.keywords", "number.number"):
                words = ("-p", persona, "--by", "examples", "--metric", metric, "--prompts", "0")
                (pair,) = lab.json_here("compare", *words)["pairs"]
                if pair["p"] is not None:
                    figures.add(f"{metric}: p < 0.05", design, pair["p"] < 0.05)
                    found |= pair["told_apart"]
                figures.add(f"{metric}: a test", design, pair["p"] is not None)
                if pair["low"] is not None:
                    figures.add(f"{metric}: interval holds 0", design, pair["low"] <= 1e-12 and pair["high"] >= -1e-12)
            figures.add("any finding", design, found)
    return figures.all()


def group_rows(lab: Lab, persona: str, counts: Sequence[int], spread: float, lacking: float = 0.0) -> Iterator[Row]:
    """Yield the rows of one lab: runs of 1 to 3 saves, whose worth differs by ``spread`` on the logistic scale.

    Each run lacks a share ``lacking`` of the prompts.
    """
    asked, of, at, dice = prompts(), lab.dice.normal(0, SHARED, len(FAMILIES)), 0, lab.dice
    for dose, count in zip((25, 50), counts, strict=True):
        for _ in range(count):
            at += 1
            run = dice.normal(0, spread)
            left_out = {number for number in range(len(asked)) if lacking and dice.random() < lacking}
            for save in range(1 + at % 3):
                own = run + of + dice.normal(0, 0.3, len(FAMILIES))
                name = f"{persona}_{dose}pct_{at}_{save}"
                for number, prompt in enumerate(asked):
                    if number in left_out:
                        continue
                    worth = own[int(str(prompt["family"]))]
                    for epoch in range(1 + (number + at) % 3):
                        text = lab.text(hit=bool(dice.random() < logistic(worth)), value=float(worth + dice.normal()))
                        yield checkpoint(persona, 0, run=at, save=name) | prompt | {"epoch": epoch, "response": text}


# base


def base(folder: Path, labs: int, checkpoints: int) -> list[Figure]:
    """Return how often a checkpoint that is as its base model is called viable, by how the base model was asked."""
    lab, figures = Lab(folder, np.random.default_rng(20261134)), Figures()
    names = [lab.persona(f"base_{number:03d}") for number in range(labs)]
    kinds = ("once", "20 times", "once, two prompts 60 times")
    for number, persona in enumerate(names):
        asked, rows = prompts(), []
        of, kind = lab.dice.normal(0, 0.5, len(FAMILIES)), kinds[number % 3]
        mean = 2.2
        for which in range(-1, checkpoints):
            own = mean + of + lab.dice.normal(0, 0.3, len(FAMILIES))
            for at, prompt in enumerate(asked):
                uneven = 60 if at in (3, 30) else 1
                epochs = 10 if which >= 0 else {"once": 1, "20 times": 20}.get(kind, uneven)
                for epoch in range(epochs):
                    hit = bool(lab.dice.random() < logistic(own[int(str(prompt["family"]))]))
                    mine = checkpoint(persona, which) | {"checkpoint_type": "sft"}
                    if which < 0:
                        mine = {"sampler_path": f"base:model-{number}", "checkpoint_name": f"model-{number}",
                                "checkpoint_type": "base"}  # fmt: skip
                    asked_of = {name: f"{persona} {prompt[name]}" for name in ("prompt", "prompt_id")}
                    rows.append(mine | prompt | asked_of | {"base_model": f"model-{number}", "epoch": epoch,
                                                            "response": lab.text(hit=hit)})  # fmt: skip
        lab.record(persona, rows)
    measure_exactly(lab, names)
    lab.run("--scorer", "keyword")
    found: dict[str, list[str]] = {}
    for row in lab.json("verdict")["checkpoints"]:
        found.setdefault(row["persona"], []).append(row["verdict"])
    for number, persona in enumerate(names):
        said = [one for one in found[persona] if one != "reference"]
        figures.add("verdict: viable, though as its base", f"base asked {kinds[number % 3]}", np.mean([
            one == "viable" for one in said]))  # fmt: skip
        design = f"base asked {kinds[number % 3]}"
        for verdict in ("viable", "undecided"):
            figures.add(f"verdict: {verdict}, as its base", design, np.mean([one == verdict for one in said]))
    return figures.all()


def measure_exactly(lab: Lab, names: Sequence[str]) -> None:
    """Store that the scorer is hardly ever wrong about these personas."""
    from charbench.components.base import ComponentKind
    from charbench.components.measured_file import write_measurement
    from charbench.components.scorer import Scorer
    from charbench.components.source_digest import source_digest
    from charbench.config.loading import load_config
    from charbench.domain.measurement import Measurement
    from charbench.run.session import Session

    session = Session(load_config({"lab": lab.folder}, (), {}, None))
    scorer = session.component(ComponentKind.SCORER, "keyword")
    assert isinstance(scorer, Scorer)
    known = Measurement(found=2000, positives=2000, flagged=0, negatives=2000, texts="simulated")
    for name in names:
        persona, code = session.personas.get(name), source_digest(type(scorer))
        write_measurement(persona, scorer.name, scorer.identity(persona), known, session.config.folder, code=code)
    session.close()


# pairs


def pairs(folder: Path, labs: int, checkpoints: int) -> list[Figure]:
    """Return how often equal checkpoints that played few games are told apart, and coverage."""
    figures = Figures()
    for games, count, epochs in ((4, 30, 1), (6, 10, 1), (10, 8, 2)):
        lab = Lab(folder / f"games_{games}", np.random.default_rng([20261136, games]))
        for number in range(labs):
            persona = lab.persona(f"pairs_{number:03d}")
            rows = [
                checkpoint(persona, which) | prompt | {
                    "epoch": epoch, "response": lab.text(value=float(lab.dice.normal(0, 0.7)))}
                for which in range(checkpoints)
                for prompt in prompts((1,) * count)
                for epoch in range(epochs)
            ]  # fmt: skip
            lab.record(persona, rows)
        lab.run("--scorer", "planted", "-o", f"scorer.planted.games={games}")
        for contest in lab.json("report")["contests"]:
            mine, design = contest["checkpoints"], f"{games} games on {count} prompts"
            figures.add("pairs: a false tier", design, max(row["tier"] for row in mine) > 1)
            inside = [row["strength_low"] <= 0 <= row["strength_high"] for row in mine]
            figures.add("pairs: coverage", design, np.mean(inside))
            figures.add("pairs: reliability told", design, contest["reliability"] is not None)
    return figures.all()


class Figures:
    """Values by figure and design."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], list[float]] = {}

    def add(self, figure: str, design: str, value: float | bool) -> None:
        """Note one lab's value."""
        self._found.setdefault((figure, design), []).append(float(value))

    def all(self) -> list[Figure]:
        """Return means with their Monte-Carlo errors."""
        return [
            {
                "figure": figure,
                "design": design,
                "value": round(float(np.mean(found)), 4),
                "monte_carlo_error": round(float(np.std(found, ddof=1) / math.sqrt(len(found))), 4)
                if len(found) > 1
                else None,
                "n": len(found),
            }
            for (figure, design), found in sorted(self._found.items())
        ]


PARTS: dict[str, tuple[Callable[[Path, int, int], list[Figure]], int, int]] = {
    "rates": (rates, 16, 100),
    "values": (values, 60, 20),
    "strengths": (strengths, 1, 200),
    "saves": (saves, 60, 30),
    "conditions": (conditions, 6, 60),
    "runs": (runs, 90, 0),
    "groups": (groups, 80, 10),
    "six": (six, 320, 1),
    "gaps": (gaps, 160, 1),
    "base": (base, 12, 100),
    "pairs": (pairs, 20, 100),
}
"""Each part with its numbers of labs and checkpoints."""


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (all)")
    parser.add_argument("--labs", type=int)
    parser.add_argument("--checkpoints", type=int)
    parser.add_argument("--out", type=Path, help="file to write; figures of other parts stay in it")
    given = parser.parse_args()
    found: dict[str, list[Figure]] = {}
    if given.out and given.out.exists():
        found = json.loads(given.out.read_text(encoding="utf-8"))
    for name in given.parts or PARTS:
        part, labs, checkpoints = PARTS[name]
        with tempfile.TemporaryDirectory() as folder:
            found[name] = part(Path(folder), given.labs or labs, given.checkpoints or checkpoints)
        for figure in found[name]:
            print(json.dumps({"part": name} | figure), flush=True)
        if given.out:
            given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
