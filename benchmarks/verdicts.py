"""How often a checkpoint that is exactly at a limit is called viable, over several looks, and what the rule can tell.

OMP_NUM_THREADS=1 nice python benchmarks/verdicts.py [CHECKPOINTS] > benchmarks/results/verdicts.json

Each checkpoint has a lab of its own, which measures its scorer on 30 texts in character and 200 others, and samples
the checkpoint, whose true rates are known: at first 40 prompts, then, as long as the verdict is undecided, as many as
it advises, and at most four looks in all. Families have rates of their own (a beta distribution with the stated
intra-class correlation), which the epochs of a prompt share. Verdicts come from the rule itself;
``benchmarks/verdict_commands.py`` has the same checkpoints judged by the commands.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

import numpy as np
from numpy.typing import NDArray

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
SEED = 20261129
UNEVEN = (1, 1, 2, 4, 12)
VERDICTS = ("viable", "not viable", "undecided", "not measured")
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Design:
    """What is true of a checkpoint and its scorer.

    Families have these sizes, over and over; prompts of one share a rate, with correlation ``icc``. ``base`` is the
    trait rate of its base model, asked the same; None: it has none.
    """

    name: str
    trait: float
    response: float
    recall: float = 0.9
    false: float = 0.01
    families: tuple[int, ...] = (1,)
    icc: float = 0.0
    epochs: int = 1
    base: float | None = None
    looks: int = LOOKS
    at_limit: bool = False


DESIGNS = (
    Design("trait at the limit", 0.5, 1.0, at_limit=True),
    Design("trait at the limit, recall 65%", 0.5, 1.0, 0.65, 0.02, at_limit=True),
    Design("trait at the limit, 5 epochs", 0.5, 1.0, epochs=5, icc=0.3, at_limit=True),
    Design("trait at the limit, families of 5", 0.5, 1.0, families=(5,), icc=0.3, at_limit=True),
    Design("trait at the limit, families of 1 to 12", 0.5, 1.0, families=UNEVEN, icc=0.3, at_limit=True),
    Design(
        "trait at the limit, families of 1 to 12, 5 epochs", 0.5, 1.0, families=UNEVEN, icc=0.3, epochs=5, at_limit=True
    ),
    Design("trait at the limit, eight looks", 0.5, 1.0, looks=8, at_limit=True),
    Design("responses at the limit", 0.78, 0.8, at_limit=True),
    Design("trait 70%, base model as much", 0.7, 1.0, base=0.7, at_limit=True),
    Design("good: trait 75%, responses 97%", 0.75, 0.97, base=0.02),
    Design("good, families of 1 to 12, 5 epochs", 0.75, 0.97, families=UNEVEN, icc=0.3, epochs=5, base=0.02),
    Design("very good: trait 95%, responses 100%", 0.95, 1.0, base=0.02),
    Design("bad: trait 20%", 0.2, 1.0),
    Design("bad: trait 5%, recall 65%", 0.05, 1.0, 0.65, 0.02),
)


@dataclass(frozen=True)
class Asked:
    """One prompt, and for each epoch whether there is a response, whether it is flagged, and the base model's is."""

    name: str
    family: str
    responds: Flags
    flagged: Flags
    base_flagged: Flags


def asked(design: Design, random: np.random.Generator) -> Iterator[Asked]:
    """Yield prompt after prompt with what the checkpoint and its base model answer."""
    number = 0
    for family, size in enumerate(cycle(design.families)):
        rate, base = _drawn(design.trait, design, random), _drawn(design.base or 0.0, design, random)
        for _ in range(size):
            responds = random.random(design.epochs) < design.response
            # Trait rates are of all samples: a response has the trait so much oftener.
            flagged = responds & _flagged(design, min(1.0, rate / design.response), random)
            yield Asked(f"q{number}", f"f{family}", responds, flagged, _flagged(design, base, random))
            number += 1


def _drawn(rate: float, design: Design, random: np.random.Generator) -> float:
    if not design.icc or not 0 < rate < 1:
        return rate
    size = 1 / design.icc - 1
    return float(random.beta(rate * size, (1 - rate) * size))


def _flagged(design: Design, rate: float, random: np.random.Generator) -> Flags:
    shown = random.random(design.epochs) < rate
    found: Flags = np.where(
        shown, random.random(design.epochs) < design.recall, random.random(design.epochs) < design.false
    )
    return found


def measurement(design: Design, random: np.random.Generator) -> Measurement:
    """Return what a lab finds of its scorer's errors."""
    return Measurement(
        found=int(random.binomial(POSITIVES, design.recall)), positives=POSITIVES,
        flagged=int(random.binomial(NEGATIVES, design.false)), negatives=NEGATIVES, texts="simulated",
    )  # fmt: skip


def next_look(prompts: int, advised: int | None, most: int) -> int:
    """Return how many prompts a user has asked at the next look, who follows the advice where there is one."""
    return min(most, max(prompts + 1, advised or 2 * prompts))


def _row(kind: str, uri: str, answers: Sequence[tuple[Asked, Flags, Flags]], epochs: int) -> Tally:
    row = Tally("p", uri, {kind}, {uri}, {uri}, {"s"})
    for one, responds, flagged in answers:
        count = PromptCount(one.name, one.family)
        count.answered = count.judged = epochs
        count.responses = count.valued = int(responds.sum())
        count.hits = int(flagged.sum())
        row.counts.prompts[one.name] = count
    row.judged = Judged(len(answers) * epochs)
    row.totals = {"samples": len(answers) * epochs, "errors": 0, "response_chars": len(answers) * epochs}
    return row


def verdict(design: Design, known: Measurement, answers: Sequence[Asked]) -> tuple[str, int | None]:
    """Return the verdict on these answers, and the number of prompts that it advises."""
    rows = [_row("sft", "u", [(one, one.responds, one.flagged) for one in answers], design.epochs)]
    if design.base is not None:
        every = np.ones(design.epochs, dtype=bool)
        rows.append(_row("base", "b", [(one, every, one.base_flagged) for one in answers], design.epochs))
    report = Report("k.k", True, [], rows, By.CHECKPOINT, 0, 0, [], measured={"p": known})
    origins = [Origin((uri,)) for uri in ("u", "b")[: len(rows)]]
    one = judge_rows(report, VerdictConfig(), {}, origins)[0]
    return one.verdict.value, one.prompts


def outcome(design: Design, random: np.random.Generator, most: int = MOST) -> tuple[str, int, int]:
    """Return a checkpoint's last verdict, how many looks it took, and the prompts."""
    known = measurement(design, random)
    everything = asked(design, random)
    answers = list(islice(everything, FIRST))
    for look in range(1, design.looks + 1):
        said, advised = verdict(design, known, answers)
        if said != "undecided" or look == design.looks or len(answers) >= most:
            break
        answers += islice(everything, next_look(len(answers), advised, most) - len(answers))
    return said, look, len(answers)


def shares(ended: Sequence[tuple[str, int, int]]) -> dict[str, float]:
    """Return the share of each verdict, the Monte-Carlo error of viable (standard), looks and prompts."""
    count = len(ended)
    found = {said: sum(one[0] == said for one in ended) / count for said in VERDICTS}
    viable = found["viable"]
    return {
        **{said: round(share, 4) for said, share in found.items()},
        "error_of_viable": round(math.sqrt(viable * (1 - viable) / count), 4),
        "mean_looks": round(sum(one[1] for one in ended) / count, 2),
        "median_prompts": sorted(one[2] for one in ended)[count // 2],
    }


def main(checkpoints: int) -> None:
    """Print the shares of verdicts for each design, with their Monte-Carlo errors."""
    found = []
    for number, design in enumerate(DESIGNS):
        random = np.random.default_rng([SEED, number])
        ended = [outcome(design, random) for _ in range(checkpoints)]
        found.append({"design": design.name, "checkpoints": checkpoints, **shares(ended)})
        print(found[-1], file=sys.stderr, flush=True)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
