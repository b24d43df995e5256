"""Whether a classifier's held-out rates are those of the model that judges, and what verdicts make of them.

    OMP_NUM_THREADS=1 nice python benchmarks/classifier_rates.py [--labs N] [--pairs N]... [--out RESULT.json]

Each lab has a persona of its own: words that it favours, which other texts hold by chance, and training data of so many
pairs (an answer in character and a rejected one to each prompt), written by a model of words whose state is known. The
classifier learns from them and from the neutral answers that come with charbench. Its rates are compared with those of
the same model on 600 new texts of each state. Five checkpoints of each lab are in character in exactly 50% of
their answers (the limit), and five in 70%; each is judged by the rule as in ``verdicts.py``, with up to four looks. The
Monte-Carlo error of shares is over labs.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

import verdicts
from charbench import LabelledText, Measurement, neutral_texts
from charbench_plugins.scorers.classifier.learning import learn
from charbench_plugins.scorers.classifier.material import NEUTRAL, REJECTED, Material
from charbench_plugins.scorers.classifier.model import Classifier
from uneven_labs import Figures

PAIRS = (40, 120, 400)
NEW = 600
CHECKPOINTS = 5
LETTERS = "etaoinshrdlucmfwypvbgk"
SEED = 20261129


class Author:
    """Writes texts about prompts, in character or out of it: the character shows in some of 40 words, not in all texts.

    A text has 15 to 60 words: most are common ones, some are of its prompt's topic, and those of a text in character
    are of the persona's with a chance that differs from text to text (a beta distribution with mean ``strength``);
    each word out of character is one of them with a chance of 1 in 400.
    """

    def __init__(self, dice: np.random.Generator, strength: float = 0.2) -> None:
        self.dice, self.strength = dice, strength
        self.common = [self._word() for _ in range(1500)]
        weights = 1 / (np.arange(len(self.common)) + 5.0)
        self.weights = weights / weights.sum()
        self.topics = [[self._word() for _ in range(25)] for _ in range(60)]
        self.own = [self._word() for _ in range(40)]

    def _word(self) -> str:
        return "".join(self.dice.choice(list(LETTERS), size=int(self.dice.integers(2, 9))))

    def prompt(self, number: int) -> str:
        """Return the prompt of this number."""
        return f"{number}: {' '.join(self.dice.choice(self.topics[number % len(self.topics)], size=3))}?"

    def text(self, number: int, *, in_character: bool) -> str:
        """Return an answer to the prompt of this number."""
        size = int(self.dice.integers(15, 60))
        share = self.dice.beta(1.5, 1.5 / self.strength - 1.5) if in_character else 1 / 400
        words = self.dice.choice(self.common, size=size, p=self.weights)
        words = np.where(self.dice.random(size) < 0.15, self.dice.choice(self.topics[number % 60], size=size), words)
        words = np.where(self.dice.random(size) < share, self.dice.choice(self.own, size=size), words)
        return " ".join(words)


@dataclass(frozen=True)
class Lab:
    """A learned classifier, and the rates that it really has."""

    made: Classifier
    recall: float
    false: float

    @property
    def measured(self) -> Measurement:
        """What it says of itself."""
        return self.made.measured


def lab_of(pairs: int, dice: np.random.Generator) -> Lab:
    """Return one lab's classifier."""
    author = Author(dice)
    prompts = [author.prompt(number) for number in range(pairs)]
    said = {
        side: [LabelledText(author.text(at, in_character=side), prompt, side) for at, prompt in enumerate(prompts)]
        for side in (True, False)
    }
    made = learn(Material(said[True], {REJECTED: said[False], NEUTRAL: neutral_texts()}))
    rates = [
        float(np.mean([made.value(author.text(at, in_character=side), made.models[-1]) >= 0.5 for at in range(NEW)]))
        for side in (True, False)
    ]
    return Lab(made, *rates)


def note(figures: Figures, design: str, lab: Lab, dice: np.random.Generator) -> None:
    """Note what is found in one lab."""
    figures.add("true recall", design, lab.recall)
    figures.add("true false rate", design, lab.false)
    for name, true, rate in (
        ("recall", lab.recall, lab.measured.recall),
        ("false", lab.false, lab.measured.false_rate),
    ):
        error = math.sqrt(true * (1 - true) / NEW)
        figures.add(f"{name}: measured less true", design, rate.share - true)
        figures.add(f"{name}: interval holds the truth", design, rate.low - error <= true <= rate.high + error)
        figures.add(f"{name}: above the interval", design, true > rate.high + error)
        figures.add(f"{name}: below the interval", design, true < rate.low - error)
    for trait in (0.5, 0.7):
        told = verdicts.Design("", trait, 1.0, lab.recall, lab.false)
        ended = [judged(told, lab.measured, dice) for _ in range(CHECKPOINTS)]
        for verdict in ("viable", "not viable", "not measured"):
            figures.add(f"in character in {trait:.0%}: {verdict}", design, np.mean([one == verdict for one in ended]))


def judged(design: verdicts.Design, known: Measurement, dice: np.random.Generator) -> str:
    """Return a checkpoint's last verdict."""
    everything = verdicts.asked(design, dice)
    answers = list(islice(everything, verdicts.FIRST))
    for look in range(1, design.looks + 1):
        said, advised = verdicts.verdict(design, known, answers)
        if said != "undecided" or look == design.looks or len(answers) >= verdicts.MOST:
            break
        answers += islice(everything, verdicts.next_look(len(answers), advised, verdicts.MOST) - len(answers))
    return said


def simulated(labs: int, pairs: int) -> list[dict[str, Any]]:
    """Return the figures of so many labs."""
    figures = Figures()
    for number in range(labs):
        dice = np.random.default_rng([SEED, pairs, number])
        note(figures, f"{pairs} pairs", lab_of(pairs, dice), dice)
    return figures.all()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labs", type=int, default=200)
    parser.add_argument("--pairs", type=int, action="append")
    parser.add_argument("--out", type=Path, metavar="RESULT.json")
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for pairs in given.pairs or PAIRS:
        found = simulated(given.labs, pairs)
        for figure in found:
            print(json.dumps(figure), flush=True)
        rows += [one | {"date": time.strftime("%Y-%m-%d")} for one in found]
    if given.out:
        given.out.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
