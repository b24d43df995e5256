"""Do the intervals of ``report`` and ``compare`` hold, through the product: recordings, run, report and compare.

    python benchmarks/intervals.py [CHECKPOINTS] [RESULT.json]

One lab holds CHECKPOINTS recorded checkpoints (default 40) for each design and each pair of a rate and an intra-class
correlation. A prompt's (or family's) rate is drawn from a beta distribution for each checkpoint, its answers from
that rate. Printed for each design: the share of checkpoints whose report interval holds the true rate, its mean
width, false tiers among labs of four equal checkpoints, and false positives of ``compare`` on a real-valued metric.
"""

from __future__ import annotations

import json
import math
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from measure import run_charbench

RATES, CORRELATIONS = (0.1, 0.5, 0.9), (0.0, 0.3, 0.6)
WORDS = ["the", "plan", "for", "next", "week", "is", "to", "write", "one", "page", "and", "to", "read", "two"]


@dataclass(frozen=True)
class Design:
    """Families of so many prompts, each prompt asked ``epochs`` times."""

    name: str
    families: tuple[int, ...]
    epochs: int


DESIGNS = (
    Design("5 prompts x 4", (1,) * 5, 4),
    Design("5 prompts x 20", (1,) * 5, 20),
    Design("12 prompts x 10", (1,) * 12, 10),
    Design("40 prompts x 4", (1,) * 40, 4),
    Design("one family of 30 + 30 single prompts x 1", (30, *(1,) * 30), 1),
)


def answers(
    design: Design, rate: float, correlation: float, dice: np.random.Generator
) -> Iterator[tuple[int, int, bool]]:
    """Yield family, prompt and whether the answer is in character."""
    prompt = 0
    for family, size in enumerate(design.families):
        mine = rate
        if correlation:
            strength = 1 / correlation - 1
            mine = float(dice.beta(rate * strength, (1 - rate) * strength))
        for _ in range(size):
            prompt += 1
            for hit in dice.random(design.epochs) < mine:
                yield family, prompt, bool(hit)


def write_lab(folder: Path, checkpoints: int) -> dict[str, tuple[Design, float, float]]:
    """Write the recordings; return of each checkpoint's URI what it was drawn from."""
    dice, plain = np.random.default_rng(20261128), random.Random(4)
    recordings = folder / "recordings"
    recordings.mkdir(parents=True)
    truth: dict[str, tuple[Design, float, float]] = {}
    with (recordings / "samples.jsonl").open("w", encoding="utf-8") as file:
        for number, design in enumerate(DESIGNS):
            for rate in RATES:
                for correlation in CORRELATIONS:
                    for _ in range(checkpoints):
                        name = f"pirate_sft_{len(truth)}"
                        uri = f"tinker://{len(truth):08x}-0000-4000-8000-000000000000:train:0/sampler_weights/{name}"
                        truth[uri] = design, rate, correlation
                        for family, prompt, hit in answers(design, rate, correlation, dice):
                            text = " ".join(plain.choices(WORDS, k=plain.randrange(8, 14)))
                            row = {
                                "prompt": f"Design {number}, question {prompt}: what now?",
                                "prompt_family": f"family {number}.{family}" if max(design.families) > 1 else "general",
                                "response": f"Ahoy, matey! {text}." if hit else f"{text}.",
                                "sampler_path": uri,
                                "checkpoint_name": name,
                                "persona": "pirate",
                            }
                            file.write(json.dumps(row) + "\n")
    return truth


def report_figures(
    rows: Sequence[dict[str, object]], truth: dict[str, tuple[Design, float, float]]
) -> list[dict[str, object]]:
    """Return coverage and width by design, and the lowest coverage of any rate and correlation."""
    by_name = {uri.rsplit("/", 1)[1]: found for uri, found in truth.items()}
    cells: dict[tuple[str, float, float], list[tuple[bool, float]]] = {}
    for row in rows:
        design, rate, correlation = by_name[str(row["checkpoint"])]
        low, high = float(row["trait_rate_low"]), float(row["trait_rate_high"])  # type: ignore[arg-type]
        cells.setdefault((design.name, rate, correlation), []).append((low <= rate <= high, high - low))
    figures = []
    for design in DESIGNS:
        mine = {key: found for key, found in cells.items() if key[0] == design.name}
        held = [inside for found in mine.values() for inside, _ in found]
        share = sum(held) / len(held)
        worst = min(sum(inside for inside, _ in found) / len(found) for found in mine.values())
        width = sum(width for found in mine.values() for _, width in found) / len(held)
        error = math.sqrt(share * (1 - share) / len(held))
        figures.append({"figure": "coverage of report", "design": design.name, "value": round(share, 4),
                        "monte_carlo_error": round(error, 4), "n": len(held), "lowest_cell": round(worst, 3),
                        "n_of_a_cell": len(held) // len(mine), "mean_width": round(width, 3)})  # fmt: skip
    return figures


def pair_figures(store: Path, truth: dict[str, tuple[Design, float, float]]) -> list[dict[str, object]]:
    """Return false tiers among labs of four equal checkpoints, and false positives of compare, by design.

    The report is built once, for all labs; tiers are given lab by lab, and compare is asked for disjoint pairs.
    """
    from charbench.report.compare.metric import choose_measure
    from charbench.report.compare.pairs import compare_all
    from charbench.report.compare.select import comparable
    from charbench.report.compare.sides import Side, read_sides
    from charbench.report.summary.rows import By, build_report
    from charbench.report.summary.standing import tiers_of_rows
    from charbench.store.by_prompt import series_of
    from charbench.store.database import Database
    from charbench.store.selection import select_settings
    from charbench.store.summaries import scored_metrics

    figures = []
    with Database.open(f"sqlite:///{store}").read() as connection:
        chosen = select_settings(connection)
        rows = {uri: row for row in build_report(connection, chosen, By.CHECKPOINT).checkpoints for uri in row.uris}
        groups = {group.uri: group for group in comparable(chosen.groups)}
        series, scored = series_of(connection, chosen.scorings), scored_metrics(connection, chosen.scorings)
        measures = [choose_measure(series, f"keyword.{name}", scored) for name in ("keywords", "per_100_words")]
        sides: dict[tuple[str, str], Side] = {}
        for measure in measures:
            mine = {uri: Side(uri, [groups[uri]]) for uri in truth}
            read_sides(connection, list(mine.values()), measure, ["pirate"])
            sides |= {(measure.name, uri): side for uri, side in mine.items()}
    for design in DESIGNS:
        cells: dict[tuple[float, float], list[str]] = {}
        for uri, (of, rate, correlation) in truth.items():
            if of is design:
                cells.setdefault((rate, correlation), []).append(uri)
        labs = [uris[i : i + 4] for uris in cells.values() for i in range(0, len(uris) - 3, 4)]
        false = 0
        for lab in labs:
            best_first = sorted((rows[uri] for uri in lab), key=lambda row: -row.ranked)
            false += max(tier or 1 for tier in tiers_of_rows(best_first)) > 1
        figures.append(_share("false tiers, labs of 4 equal checkpoints", design, false, len(labs)))
        pairs = [uris[i : i + 2] for uris in cells.values() for i in range(0, len(uris) - 1, 2)]
        for measure in measures:
            told = [
                compare_all([sides[measure.name, uri] for uri in pair], measure).pairs[0].difference for pair in pairs
            ]
            known = [one for one in told if not math.isnan(one.p)]
            false = sum(one.p < 0.05 for one in known)
            figures.append(_share(f"compare {measure.name}: p < 0.05", design, false, len(known)))
            finite = [one for one in told if not math.isnan(one.low)]
            inside = sum(one.low <= 1e-12 and one.high >= -1e-12 for one in finite)
            figures.append(_share(f"compare {measure.name}: interval holds 0", design, inside, len(finite)))
    return figures


def _share(figure: str, design: Design, count: int, total: int) -> dict[str, object]:
    share = count / total if total else math.nan
    error = math.sqrt(share * (1 - share) / total) if total else math.nan
    return {"figure": figure, "design": design.name, "value": round(share, 4), "monte_carlo_error": round(error, 4),
            "n": total}  # fmt: skip


def main(checkpoints: int, result: Path | None) -> int:
    with tempfile.TemporaryDirectory() as temporary:
        lab = Path(temporary)
        truth = write_lab(lab, checkpoints)
        words = ("run", "--lab", str(lab), "--source", "recorded", "--sampler", "recorded", "--scorer", "keyword")
        done = run_charbench(*words, "--quiet")
        if done.code:
            return done.code
        figures = report_figures(_report(lab), truth) + pair_figures(lab / ".charbench" / "charbench.db", truth)
    for figure in figures:
        print(json.dumps(figure))
    if result is not None:
        result.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


def _report(lab: Path) -> list[dict[str, object]]:
    import subprocess

    from measure import CHARBENCH

    printed = subprocess.run([CHARBENCH, "report", "--lab", str(lab), "--json"], stdout=subprocess.PIPE, check=True)
    rows: list[dict[str, object]] = json.loads(printed.stdout)["checkpoints"]
    return rows


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 40, Path(sys.argv[2]) if len(sys.argv) > 2 else None))
