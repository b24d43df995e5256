"""How often a checkpoint that is exactly at a limit is called viable, over several looks, and what the rule can tell.

OMP_NUM_THREADS=1 nice python benchmarks/verdicts.py [LABS] > benchmarks/results/verdicts.json

Each lab measures its scorer on 30 texts in character and 200 others, and samples one checkpoint whose true rates are
known: at first 40 prompts, then, as long as the verdict is undecided, as many as it advises, at most four looks in
all. Families have rates of their own (a beta distribution with the stated intra-class correlation).
"""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass

import numpy as np

from charbench.config.verdict import VerdictConfig
from charbench.domain.measurement import Measurement
from charbench.report.prompt_counts import PromptCount
from charbench.report.summary.details import Origin
from charbench.report.summary.judged import Judged
from charbench.report.summary.rows import By, Report
from charbench.report.summary.tally import Tally
from charbench.report.verdict.decide import judge_rows

FIRST = 40
LOOKS = 4
MOST = 1_000
POSITIVES, NEGATIVES = 30, 200


@dataclass(frozen=True)
class Design:
    """What is true of a checkpoint and its scorer; ``family`` prompts share a rate, with correlation ``icc``."""

    name: str
    trait: float
    response: float
    recall: float
    false: float
    family: int = 1
    icc: float = 0.0
    epochs: int = 1


DESIGNS = (
    Design("trait at the limit", 0.5, 1.0, 0.9, 0.01),
    Design("trait at the limit, recall 65%", 0.5, 1.0, 0.65, 0.02),
    Design("trait at the limit, 5 epochs", 0.5, 1.0, 0.9, 0.01, epochs=5, icc=0.3),
    Design("trait at the limit, families of 5", 0.5, 1.0, 0.9, 0.01, family=5, icc=0.3),
    Design("responses at the limit", 0.78, 0.8, 0.9, 0.01),
    Design("good: trait 75%, responses 97%", 0.75, 0.97, 0.9, 0.01),
    Design("very good: trait 95%, responses 100%", 0.95, 1.0, 0.9, 0.01),
    Design("bad: trait 20%", 0.2, 1.0, 0.9, 0.01),
    Design("bad: trait 5%, recall 65%", 0.05, 1.0, 0.65, 0.02),
)


def draw(design: Design, prompts: int, random: np.random.Generator) -> Tally:
    """Return a row with so many prompts."""
    tally = Tally("p", "c", {"sft"}, {"u"}, {"c"}, {"s"})
    rate = design.trait
    for number in range(prompts):
        if number % design.family == 0 and design.icc:
            size = 1 / design.icc - 1
            rate = float(random.beta(design.trait * size, (1 - design.trait) * size))
        responds = random.random(design.epochs) < design.response
        # Trait rates are of all samples: a response has the trait so much oftener.
        shown = responds & (random.random(design.epochs) < min(1.0, rate / design.response))
        flagged = np.where(
            shown,
            random.random(design.epochs) < design.recall,
            responds & (random.random(design.epochs) < design.false),
        )
        one = PromptCount(f"q{number}", f"f{number // design.family}")
        one.answered = one.judged = design.epochs
        one.responses = one.valued = int(responds.sum())
        one.hits = int(flagged.sum())
        tally.counts.prompts[one.name] = one
    tally.judged = Judged(prompts * design.epochs)
    tally.totals = {"samples": prompts * design.epochs, "errors": 0}
    return tally


def outcome(design: Design, random: np.random.Generator) -> tuple[str, int, int]:
    """Return the last verdict of one lab, how many looks it took, and the prompts."""
    measured = Measurement(
        found=int(random.binomial(POSITIVES, design.recall)), positives=POSITIVES,
        flagged=int(random.binomial(NEGATIVES, design.false)), negatives=NEGATIVES, texts="simulated",
    )  # fmt: skip
    prompts, whole = FIRST, draw(design, FIRST, random)
    for look in range(1, LOOKS + 1):
        report = Report("k.k", True, [], [whole], By.CHECKPOINT, 0, 0, [], measured={"p": measured})
        (one,) = judge_rows(report, VerdictConfig(), {}, [Origin(("u",))])
        if one.verdict != "undecided" or look == LOOKS or prompts >= MOST:
            return one.verdict.value, look, prompts
        more = min(MOST, max(prompts + design.family, one.prompts or 2 * prompts))
        more += -more % design.family
        added = draw(design, more - prompts, random)
        for name, count in added.counts.prompts.items():
            shift = int(name[1:]) + prompts
            count.name, count.family = f"q{shift}", f"f{shift // design.family}"
            whole.counts.prompts[count.name] = count
        prompts = more
        whole = _again(whole, design, prompts)
    raise AssertionError


def _again(row: Tally, design: Design, prompts: int) -> Tally:
    fresh = Tally("p", "c", {"sft"}, {"u"}, {"c"}, {"s"}, counts=row.counts)
    fresh.judged = Judged(prompts * design.epochs)
    fresh.totals = {"samples": prompts * design.epochs, "errors": 0}
    return fresh


def main(labs: int) -> None:
    """Print the shares of verdicts for each design, with their Monte-Carlo errors."""
    found = []
    for number, design in enumerate(DESIGNS):
        random = np.random.default_rng([20261128, number])
        ended = [outcome(design, random) for _ in range(labs)]
        shares = {
            v: sum(one[0] == v for one in ended) / labs for v in ("viable", "not viable", "undecided", "not measured")
        }
        found.append(
            {
                "design": design.name,
                "labs": labs,
                **{name: round(share, 4) for name, share in shares.items()},
                "error_of_viable": round(math.sqrt(shares["viable"] * (1 - shares["viable"]) / labs), 4),
                "mean_looks": round(sum(one[1] for one in ended) / labs, 2),
                "median_prompts": sorted(one[2] for one in ended)[labs // 2],
            }
        )
        print(found[-1], file=sys.stderr, flush=True)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
