"""Recall and false positive rate of the shipped personas' markers on texts that no marker was made from, by length.

python benchmarks/marker_recall.py [--write] [--development | --second]

--write keeps the figures of both held-out sets (the other is that of --second) in personas/measured.json, which is
installed with the personas. Counts are of both together; intervals span both, since a lab's texts may be like either.

tests/data/markers/texts/held_out.jsonl has 30 texts in character for each persona (half of them long
answers to everyday questions), 30 near misses for each (its subject or its words without the voice), and 200 neutral
texts: answers of assistants, e-mails, technical prose, notices. They were written before the markers were revised, and
not measured before that was done; the author of both is the same, which flatters. --development measures the texts that
markers were made with, which were held out once: in_character, neutral, near_misses, other_voices. --second measures
second_voices.jsonl: 10 texts in character and 5 near misses for each persona and 50 neutral ones, by an author who had
not read the markers; the other half of what was written then, second_voices_development.jsonl, served development.
near_misses_later.jsonl: 30 near misses, written after the rule on short descriptions was made.

Longer neutral texts than there are: neutral ones one after another, each used once.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.special import betaincinv

from charbench.analysis.quantiles import quantiles
from charbench.components.measured_file import write_measurement
from charbench.datasets.texts import LabelledText
from charbench.domain.measurement import Measurement
from charbench.domain.persona import Persona
from charbench.personas.library import persona_files, read_persona
from charbench.scoring.measuring import Group, measure
from charbench_plugins.scorers.keyword.scorer import KeywordScorer

ROOT = Path(__file__).parents[1]
TEXTS = ROOT / "tests" / "data" / "markers" / "texts"
RECALL, FALSE = 0.6, 0.03
CLASSES = ((0, 60), (60, 150), (150, 10_000))
LENGTHS = (300, 600)


def rows(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (TEXTS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def read(kind: str, persona: str, development: bool, held_out: str = "held_out") -> list[str]:
    """Return the texts of a kind (in character, near miss) of a persona, or neutral ones (persona ``neutral``)."""
    if not development:
        return [row["text"] for row in rows(held_out) if (row["kind"], row["persona"]) == (kind, persona)]
    files = {"in character": ("in_character", "other_voices"), "near miss": ("near_misses",)}
    found = [row for name in files.get(kind, ("neutral", "other_voices")) for row in rows(name)]
    return [row["text"] for row in found if row.get("persona", "neutral") == persona]


def of_length(texts: Sequence[str], low: int, high: int) -> list[str]:
    return [text for text in texts if low < len(text.split()) <= high]


def long_texts(pool: Sequence[str], words: int) -> list[str]:
    """Return texts of this many words, each of neutral ones one after another; none is used twice."""
    found, current = [], list[str]()
    for text in pool:
        current += text.split(" ")
        if len(current) >= words:
            found.append(" ".join(current[:words]))
            current = []
    return found


def measured(persona: Persona, title: str, texts: Sequence[str], in_character: bool = False) -> Group:
    group = Group(title, in_character, [LabelledText(text) for text in texts])
    measure(KeywordScorer(), persona, [group])
    return group


def cell(group: Group) -> str:
    found = group.rate
    return f"{found.share:.0%} [{100 * found.low:.0f}, {100 * found.high:.0f}]"


def spanning(registers: Sequence[Group]) -> tuple[float, float]:
    """Return the 95% interval of a rate (0 to 1) that may be that of either register.

    Each is as likely, and known by its own texts alone: an equal mixture of Jeffreys' posteriors.
    """
    even = (np.arange(4000) + 0.5) / 4000
    points = [betaincinv(one.hits + 0.5, one.scored - one.hits + 0.5, even) for one in registers]
    low, high = quantiles(np.concatenate(points), (0.025, 0.975))
    hits, scored = (sum(getattr(one, what) for one in registers) for what in ("hits", "scored"))
    return 0.0 if not hits else round(low, 4), 1.0 if hits == scored else round(high, 4)


def both_sets(persona: Persona) -> Measurement:
    """Return the figures of the two held-out sets together."""
    sets = ("held_out", "second_voices")
    mine = [measured(persona, "", read("in character", persona.name, False, name), True) for name in sets]
    plain = [measured(persona, "", read("neutral", "neutral", False, name)) for name in sets]
    found, flagged = (" and ".join(f"{one.hits} of {one.scored}" for one in groups) for groups in (mine, plain))
    return Measurement(
        found=sum(one.hits for one in mine), positives=sum(one.scored for one in mine),
        flagged=sum(one.hits for one in plain), negatives=sum(one.scored for one in plain),
        recall_interval=spanning(mine), false_interval=spanning(plain),
        texts=f"held-out texts by two authors: finds {found}, hits {flagged}",
    )  # fmt: skip


def by_length(persona: Persona, texts: Sequence[str], in_character: bool = False) -> str:
    groups = [measured(persona, "", of_length(texts, *ends), in_character) for ends in CLASSES]
    return " / ".join(f"{group.hits} of {group.scored}" for group in groups)


def main(keep: bool, development: bool, held_out: str) -> int:
    scorer, reached, low = KeywordScorer(), 0, []
    personas = [read_persona(path) for path in persona_files(ROOT / "personas")]
    neutral = read("neutral", "neutral", development, held_out)
    print("| persona | finds | up to 60 words / 150 / more | hits of neutral | up to 60 words / 150 / more | "
          "of 300 words | of 600 words | near misses | other personas |")  # fmt: skip
    print("| --- " * 9 + "|")
    for persona in personas:
        texts = read("in character", persona.name, development, held_out)
        mine = measured(persona, "in character", texts, True)
        plain = measured(persona, "neutral", neutral)
        near = measured(persona, "near misses", read("near miss", persona.name, development, held_out))
        names = [one.name for one in personas if one is not persona]
        other = [text for name in names for text in read("in character", name, development, held_out)]
        long = [cell(measured(persona, "", long_texts(neutral, words))) for words in LENGTHS]
        false = by_length(persona, neutral)
        print(f"| {persona.name} | {cell(mine)} | {by_length(persona, texts, True)} | {cell(plain)} | {false} | "
              f"{' | '.join(long)} | {cell(near)} | {cell(measured(persona, '', other))} |")  # fmt: skip
        reached += (good := mine.rate.share >= RECALL and plain.rate.share <= FALSE)
        if not good:
            low.append(persona.name)
        if keep:
            write_measurement(persona, scorer.name, scorer.identity(persona), both_sets(persona), ROOT / ".charbench")
    print(f"\n{reached} of {len(personas)} reach {RECALL:.0%} at {FALSE:.0%} false; not: {', '.join(low) or '-'}")
    later = rows("near_misses_later")
    hits = sum(measured(one, "", [row["text"] for row in later if row["persona"] == one.name]).hits for one in personas)
    print(f"of the {len(later)} near misses written after the rule on short descriptions: {hits}")
    return 0 if reached >= 10 else 1


if __name__ == "__main__":
    second = "--second" in sys.argv
    texts = "second_voices" if second else "held_out"
    sys.exit(main("--write" in sys.argv and not second, "--development" in sys.argv, texts))
