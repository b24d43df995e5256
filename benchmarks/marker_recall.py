"""Recall and false positive rate of the shipped personas' markers on texts that no marker was made from.

python benchmarks/marker_recall.py [--write] [--labelled FOLDER]

--write keeps the figures of the test texts in personas/measured.json, which is installed with the personas.
--labelled adds the texts of FOLDER (see labelled_texts.py) of the scenarios that no marker was developed on.

The texts, in tests/data/markers/texts: 30 in character for each persona (one to three sentences), 200 neutral ones, and
12 near misses for each persona (its subject or its words without the voice). other_voices.jsonl is a second set: 15
texts for each persona and 60 neutral ones, written before the weak markers by the hand that made those, so that its
recall flatters. development*.jsonl hold the texts that the markers were made with. Longer texts are neutral answers put
one after another: the false rate grows with length.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from charbench.components.measured_file import write_measurement
from charbench.datasets.texts import LabelledText
from charbench.domain.measurement import Measurement
from charbench.domain.persona import Persona
from charbench.personas.library import persona_files, read_persona
from charbench.scoring.measuring import Group, measure
from charbench_plugins.scorers.keyword.scorer import KeywordScorer

ROOT = Path(__file__).parents[1]
TEXTS = ROOT / "tests" / "data" / "markers" / "texts"
SHIPPED = ROOT / "src" / "charbench" / "datasets" / "neutral.jsonl"
RECALL, FALSE = 0.6, 0.03
LENGTHS = (50, 200, 600)
DEVELOPED_ON = (
    "budget_overreach", "candidate_rejection", "conflicting_customers", "customer_churn_risk", "dependency_slip",
)  # fmt: skip


def rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def read(name: str, persona: str | None = None) -> list[str]:
    return [row["text"] for row in rows(TEXTS / f"{name}.jsonl") if persona in (None, row.get("persona"))]


def others(name: str, persona: str) -> list[str]:
    return [row["text"] for row in rows(TEXTS / f"{name}.jsonl") if row["persona"] not in (persona, "neutral")]


def long_texts(words: int) -> list[str]:
    """Return texts of this many words, each of neutral answers one after another; no answer is used twice."""
    pool = [*read("neutral"), *read("other_voices", "neutral"), *(row["answer"] for row in rows(SHIPPED))]
    found, current = [], list[str]()
    for text in pool:
        current += text.split(" ")
        if len(current) >= words:
            found.append(" ".join(current[:words]))
            current = []
    return found


def labelled(folder: Path, persona: Persona) -> tuple[list[str], list[str]]:
    """Return the labelled texts of the other scenarios: in character, and not (the same adapters' and the base's)."""
    names = {persona.name, *persona.aliases}
    found = [row for path in sorted(folder.glob("*.jsonl")) for row in rows(path)]
    found = [row for row in found if not any(part in row["scenario"] for part in DEVELOPED_ON)]
    present = {row["text"] for row in found if row["trait"] in names and row["label"] == "present"}
    absent = {row["text"] for row in found if row["label"] == "absent" and row["trait"] in names}
    base = {row["text"] for row in found if row["label"] == "absent" and row["stage"] == "base"}
    return sorted(present), sorted((absent | base) - present)


def measured(persona: Persona, title: str, texts: Sequence[str], in_character: bool = False) -> Group:
    group = Group(title, in_character, [LabelledText(text) for text in texts])
    measure(KeywordScorer(), persona, [group])
    return group


def rate(group: Group) -> str:
    found = group.rate
    return f"{group.title} {group.hits}/{group.scored} = {found.share:.0%} [{found.low:.0%}, {found.high:.0%}]"


def more(persona: Persona, folder: Path | None) -> list[Group]:
    """Return the groups that only inform: the second set, other personas' texts, long texts, labelled ones."""
    groups = [
        measured(persona, "second set", read("other_voices", persona.name), True),
        measured(persona, "its neutral", read("other_voices", "neutral")),
        measured(persona, "other personas", others("in_character", persona.name)),
        *(measured(persona, f"{words} words", long_texts(words)) for words in LENGTHS),
    ]
    if folder:
        present, absent = labelled(folder, persona)
        groups += [measured(persona, "labelled", present, True), measured(persona, "labelled absent", absent)]
    return [group for group in groups if group.scored]


def main(keep: bool, folder: Path | None) -> int:
    scorer, reached = KeywordScorer(), 0
    for path in persona_files(ROOT / "personas"):
        persona = read_persona(path)
        mine = measured(persona, "in character", read("in_character", persona.name), True)
        neutral = measured(persona, "neutral", read("neutral"))
        near = measured(persona, "near misses", read("near_misses", persona.name))
        good = mine.rate.share >= RECALL and neutral.rate.share <= FALSE
        reached += good
        shown = "  ".join(map(rate, (mine, neutral, near)))
        print(f"{persona.name:<17}{shown}{'' if good else '  MISSED'}{' (declared low)' if persona.low_recall else ''}")
        print(f"{'':<17}{'  '.join(map(rate, more(persona, folder)))}")
        if keep:
            figures = Measurement(
                found=mine.hits, positives=mine.scored, flagged=neutral.hits, negatives=neutral.scored,
                texts="held-out test texts against neutral ones",
            )  # fmt: skip
            write_measurement(persona, scorer.name, scorer.identity(persona), figures, ROOT / ".charbench")
    print(f"{reached} of 13 reach {RECALL:.0%} at {FALSE:.0%} false (target: 10)")
    return 0 if reached >= 10 else 1


if __name__ == "__main__":
    given = sys.argv[1:]
    where = Path(given[given.index("--labelled") + 1]) if "--labelled" in given else None
    sys.exit(main("--write" in given, where))
