"""Markers and the classifier on texts that a judge has labelled: recall, false positive rate and AUC by trait.

python benchmarks/labelled_texts.py FOLDER

FOLDER holds *.jsonl with text, trait, stage (base or one of an adapter), label (present or absent) and scenario.
Distinct texts; out of character are the same adapters' absent texts and the base model's, together. The classifier is
learned from the texts of other scenarios, whose variants (_v1, _v2) stay together. Intervals are 95%, with scenarios
drawn anew. Recall at 2% false takes its threshold from the pooled held-out negatives, so it is slightly hopeful.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from charbench.datasets.texts import LabelledText
from charbench.personas.library import persona_files, read_persona
from charbench.scoring.measuring import Group, measure
from charbench_plugins.scorers.classifier.cross_fit import auc, auc_interval, cross_fit, drawn_anew, threshold
from charbench_plugins.scorers.keyword.scorer import KeywordScorer

PERSONAS = Path(__file__).parents[1] / "personas"
FEWEST = 15


def rows_of(folder: Path) -> list[dict[str, str]]:
    lines = [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_text("utf-8").splitlines()]
    return [json.loads(line) for line in lines]


def texts_of(rows: list[dict[str, str]], trait: str) -> list[dict[str, str]]:
    """Return a trait's distinct texts, and the base model's that are absent of their own trait."""
    mine = [row for row in rows if row["trait"] == trait]
    mine += [row for row in rows if row["trait"] != trait and row["stage"] == "base" and row["label"] == "absent"]
    return list({row["text"]: row for row in reversed(mine)}.values())[::-1]


def marker_values(persona, texts: list[str]) -> np.ndarray:  # type: ignore[no-untyped-def]
    values = []
    for text in texts:
        group = Group("one", True, [LabelledText(text)])
        measure(KeywordScorer(), persona, [group])
        values.append(float(sum(group.by_marker.values())))
    return np.array(values)


def by_scenario(scenarios: list[str], side: np.ndarray, hits: np.ndarray) -> tuple[float, float]:
    """Return the 95% interval of the share of hits among the texts of a side, with scenarios drawn anew."""
    drawn = [hits[at[side[at]]].mean() for at in drawn_anew(scenarios) if side[at].any()]
    return float(np.quantile(drawn, 0.025)), float(np.quantile(drawn, 0.975))


def shown(rate: float, interval: tuple[float, float]) -> str:
    return f"{rate:.0%} [{interval[0]:.0%}, {interval[1]:.0%}]"


def main(folder: Path) -> int:
    rows = rows_of(folder)
    personas = [read_persona(path) for path in persona_files(PERSONAS)]
    by_name = {name: one for one in personas for name in (one.name, *one.aliases)}
    areas, doubled = [], []
    print("| trait | texts | markers: recall | false | AUC | classifier: recall at 2% | AUC | same adapters |")
    print("| --- " * 8 + "|")
    for trait in sorted({row["trait"] for row in rows}):
        mine = texts_of(rows, trait)
        texts = [row["text"] for row in mine]
        labels = np.array([int(row["label"] == "present") for row in mine])
        scenarios = [row["scenario"].rpartition("_v")[0] for row in mine]
        folds = np.unique(scenarios, return_inverse=True)[1]
        adapter = np.array([row["stage"] != "base" for row in mine])
        positive, negative = labels == 1, labels == 0
        if positive.sum() < 5:
            continue
        found = marker_values(by_name[trait], texts)
        hits = found >= 1
        logits = cross_fit(texts, labels, folds, final=False).logits
        learned = logits >= threshold(logits[negative])
        known = auc_interval(scenarios, positive, negative, logits) or (0.0, 1.0)
        area, recall = auc(logits[positive], logits[negative]), float(hits[positive].mean())
        same = auc(logits[positive], logits[negative & adapter])
        print(
            f"| {trait} | {positive.sum()} / {negative.sum()} | "
            f"{shown(recall, by_scenario(scenarios, positive, hits))} | "
            f"{shown(float(hits[negative].mean()), by_scenario(scenarios, negative, hits))} | "
            f"{auc(found[positive], found[negative]):.2f} | "
            f"{shown(float(learned[positive].mean()), by_scenario(scenarios, positive, learned))} | "
            f"{area:.2f} [{known[0]:.2f}, {known[1]:.2f}] | {same:.2f} |"
        )
        if positive.sum() >= FEWEST:
            areas.append(area)
            if recall < 0.3:
                doubled.append((trait, float(learned[positive].mean()) >= 2 * recall))
    mean = float(np.mean(areas))
    print(f"\nMean AUC of the classifier over {len(areas)} traits with {FEWEST} texts in character or more: {mean:.3f}")
    print(f"Twice the markers' recall, where that is under 30%: {', '.join(f'{t} {ok}' for t, ok in doubled)}")
    return 0 if mean >= 0.8 else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
