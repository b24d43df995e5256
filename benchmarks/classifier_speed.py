"""Processor time to learn a classifier from 2,000 texts of 800 characters, and texts of 1 kB that it judges a second.

python benchmarks/classifier_speed.py
"""

from __future__ import annotations

import random
import sys
import time

from charbench import LabelledText
from charbench_plugins.scorers.classifier.learning import learn
from charbench_plugins.scorers.classifier.material import REJECTED, Material
from measure import tell

DICE = random.Random(0)
LETTERS = "etaoinshrdlucmfwypvbgk"
WORDS = ["".join(DICE.choices(LETTERS, k=DICE.randint(2, 9))) for _ in range(6000)]
WEIGHTS = [1 / (rank + 5) for rank in range(len(WORDS))]


def text(characters: int) -> str:
    return " ".join(DICE.choices(WORDS, WEIGHTS, k=characters // 6))[:characters]


def main() -> int:
    mine = [LabelledText(f"{text(790)} arr matey", f"prompt {n}") for n in range(1000)]
    others = [LabelledText(text(800), f"prompt {n}", False) for n in range(1000)]
    started = time.process_time()
    made = learn(Material(mine, {REJECTED: others}))
    met = tell("learn from 2,000 texts", time.process_time() - started, "s of processor", at_most=20)
    texts = [text(1000) for _ in range(4000)]
    started = time.process_time()
    for one in texts:
        made.value(one, made.models[-1])
    rate = len(texts) / (time.process_time() - started)
    return 0 if tell("texts of 1 kB judged", rate, "a second of one core", at_least=2000) and met else 1


if __name__ == "__main__":
    sys.exit(main())
