"""Recall and false positive rate of the shipped personas' markers on the test texts, which no marker was made from.

python benchmarks/marker_recall.py [--write]

--write keeps the figures in personas/measured.json, which is installed with the personas.

The texts, in tests/data/markers/texts: 30 in character for each persona (one to three sentences), 200 neutral ones, and
12 near misses for each persona (its subject or its words without the voice). development.jsonl holds the texts that the
markers were made with.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from charbench.components.measured_file import write_measurement
from charbench.datasets.texts import LabelledText
from charbench.domain.measurement import Measurement
from charbench.personas.library import persona_files, read_persona
from charbench.scoring.measuring import Group, measure
from charbench_plugins.scorers.keyword.scorer import KeywordScorer

ROOT = Path(__file__).parents[1]
TEXTS = ROOT / "tests" / "data" / "markers" / "texts"
RECALL, FALSE = 0.6, 0.03


def read(name: str, persona: str | None = None) -> list[LabelledText]:
    rows = [json.loads(line) for line in (TEXTS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    return [LabelledText(row["text"]) for row in rows if persona in (None, row.get("persona"))]


def rate(group: Group) -> str:
    found = group.rate
    return f"{group.title} {group.hits}/{group.scored} = {found.share:.0%} [{found.low:.0%}, {found.high:.0%}]"


def main(keep: bool) -> int:
    scorer, reached = KeywordScorer(), 0
    for path in persona_files(ROOT / "personas"):
        persona = read_persona(path)
        mine = Group("in character", True, read("in_character", persona.name))
        neutral = Group("neutral", False, read("neutral"))
        near = Group("near misses", False, read("near_misses", persona.name))
        measure(scorer, persona, [mine, neutral, near])
        good = mine.rate.share >= RECALL and neutral.rate.share <= FALSE
        reached += good
        shown = "  ".join(map(rate, (mine, neutral, near)))
        print(f"{persona.name:<17}{shown}{'' if good else '  MISSED'}{' (declared low)' if persona.low_recall else ''}")
        if keep:
            figures = Measurement(
                found=mine.hits, positives=mine.scored, flagged=neutral.hits, negatives=neutral.scored,
                texts="held-out test texts against neutral ones",
            )  # fmt: skip
            write_measurement(persona, scorer.name, scorer.identity(persona), figures, ROOT / ".charbench")
    print(f"{reached} of 13 reach {RECALL:.0%} at {FALSE:.0%} false (target: 10)")
    return 0 if reached >= 10 else 1


if __name__ == "__main__":
    sys.exit(main("--write" in sys.argv[1:]))
