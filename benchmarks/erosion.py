"""Coverage of what ``compare`` says of thinking and responses: P(response | thinking) and thinking − response.

    OMP_NUM_THREADS=1 nice python benchmarks/erosion.py [--labs N] [--checkpoints N] [--out RESULT.json]

Each lab is a persona of its own in one store, with recordings that ``charbench run`` takes in. Of each checkpoint every
family has a rate of its own in thinking, and another one at which character in the thinking is kept in the response;
one response in ten has it without the thinking, one sample in twenty has no response. Truths are over endless families.
Labs take turns in three designs: 5 prompts asked 4 times, 40 asked once, and the uneven families of
``uneven_labs.py``, asked 1 to 6 times. The Monte-Carlo error is over checkpoints, which are drawn independently.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from uneven_labs import FAMILIES, Figures, Lab, Row, checkpoint, logistic, mean_rate, prompts

DESIGNS: dict[str, tuple[tuple[int, ...], tuple[int, int]]] = {
    "5 prompts × 4": ((1,) * 5, (4, 4)),
    "40 prompts × 1": ((1,) * 40, (1, 1)),
    "uneven families × 1 to 6": (FAMILIES, (1, 6)),
}
TRUTHS = ((-1.0, 1.5), (0.0, 0.0), (1.5, 1.5), (1.5, -2.0))
"""Character in the thinking and what is kept of it, on the logistic scale."""
SPREAD, WITHOUT, LOST = 0.8, 0.1, 0.05


def rows_of(lab: Lab, persona: str, which: int, design: str) -> Iterator[Row]:
    """Yield the recordings of one checkpoint."""
    dice, (families, (least, most)) = lab.dice, DESIGNS[design]
    thinking, kept = (centre + SPREAD * dice.standard_normal(len(families)) for centre in TRUTHS[which % len(TRUTHS)])
    for prompt in prompts(families):
        family = int(str(prompt["family"]))
        for epoch in range(int(dice.integers(least, most + 1))):
            thought = bool(dice.random() < logistic(thinking[family]))
            shown = bool(dice.random() < (logistic(kept[family]) if thought else WITHOUT))
            lost = bool(dice.random() < LOST)
            yield (
                checkpoint(persona, which)
                | prompt
                | {
                    "epoch": epoch,
                    "thinking": lab.text(hit=thought),
                    "response": "" if lost else lab.text(hit=shown),
                    "finish_reason": "length" if lost else "stop",
                }
            )


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labs", type=int, default=45)
    parser.add_argument("--checkpoints", type=int, default=8)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    figures = Figures()
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder), np.random.default_rng(20261139))
        names = {lab.persona(f"eroded_{number:03d}"): list(DESIGNS)[number % 3] for number in range(given.labs)}
        for persona, design in names.items():
            lab.record(persona, [row for which in range(given.checkpoints)
                                 for row in rows_of(lab, persona, which, design)])  # fmt: skip
        lab.run("--scorer", "keyword")
        for persona, design in names.items():
            wanted = [f"{persona}_sft_{which}" for which in range(given.checkpoints)]
            for side in lab.json_here("compare", *wanted, "-p", persona, "--prompts", "0")["checkpoints"]:
                count(figures, design, int(side["label"].rpartition("_")[2]), side)
    found = figures.all()
    for figure in found:
        print(json.dumps(figure, ensure_ascii=False))
    if given.out:
        given.out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def count(figures: Figures, design: str, which: int, side: dict[str, object]) -> None:
    """Count whether one checkpoint's intervals hold the truth."""
    thinking, kept = (mean_rate(centre, SPREAD) for centre in TRUTHS[which % len(TRUTHS)])
    both = kept * (1 - LOST)
    low, high = side["in_response_given_thinking_low"], side["in_response_given_thinking_high"]
    gap = side["thinking_minus_response"]
    assert isinstance(gap, dict)
    if isinstance(low, float | int) and isinstance(high, float | int):
        figures.add("response | thinking: interval holds the truth", design, low <= both <= high)
        figures.add("response | thinking: width", design, high - low)
    difference = thinking - thinking * both - (1 - thinking) * WITHOUT * (1 - LOST)
    figures.add("thinking − response: interval holds the truth", design, gap["low"] <= difference <= gap["high"])
    figures.add("thinking − response: width", design, gap["high"] - gap["low"])


if __name__ == "__main__":
    main()
