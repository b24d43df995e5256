"""What a persona's classifier is made from: texts in character and out of it, and who wrote them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from charbench import DataError, Dataset, LabelledText, Sample, digest, distinct_texts, neutral_texts, read_texts

MOST_POSITIVES = 2000
MOST_REJECTED = 1000
MOST_OTHERS = 1000
FEWEST = 30
"""With fewer texts of a side, or fewer prompts, nothing is learned."""
REJECTED = "rejected answers"
OTHERS = "other personas' data"
NEUTRAL = "neutral answers"
BASE = "the base model's answers"
LEARNED_AS = 3
"""Raised when the same texts make a model that judges otherwise, or that is measured otherwise."""


@dataclass(frozen=True, slots=True)
class Material:
    """Texts in character, and texts out of it by kind; all distinct, at most one of a side for each prompt."""

    positives: Sequence[LabelledText]
    negatives: dict[str, Sequence[LabelledText]]
    faults: Sequence[str] = ()
    files: Sequence[str] = ()
    """Where the texts in character are from; no part of the key."""

    @property
    def key(self) -> str:
        """A hash of every text and of how they are learned, for telling whether a model is of this material."""
        return digest(
            LEARNED_AS,
            [[one.text, one.prompt] for one in self.positives],
            {kind: [[one.text, one.prompt] for one in texts] for kind, texts in self.negatives.items()},
        )

    @property
    def confounded(self) -> bool:
        """Whether nothing out of character is by an author of the texts in character."""
        return REJECTED not in self.negatives

    @property
    def counted(self) -> list[str]:
        """The kinds of texts that the false positive rate is counted in.

        Rejected answers and the base model's are such as a checkpoint gives out of character; the neutral ones are by
        others, and hardly ever taken for the persona. They count where there are too few of the former.
        """
        own = [kind for kind in (REJECTED, BASE) if kind in self.negatives]
        if sum(len(self.negatives[kind]) for kind in own) >= FEWEST:
            return own
        return [kind for kind in self.negatives if kind != OTHERS]

    def missing(self) -> str:
        """Say what there is too little of to learn anything; empty where there is enough."""
        others = sum(map(len, self.negatives.values()))
        if len(self.positives) < FEWEST:
            return f"{len(self.positives):,} texts in character with different prompts, {FEWEST} are needed"
        if others < FEWEST:
            return f"{others:,} texts out of character, {FEWEST} are needed"
        return ""


def gather(persona: str, datasets: Iterable[Dataset], root: Path, answers: Sequence[Sample]) -> Material:
    """Read the material of a persona: its training data, and of negatives what there is."""
    positives: list[LabelledText] = []
    rejected: list[LabelledText] = []
    by_other: dict[str, list[LabelledText]] = {}
    faults: list[str] = []
    files: set[str] = set()
    for dataset in sorted(datasets, key=lambda one: one.path):
        mine = dataset.persona == persona
        try:
            for one in read_texts(root / dataset.path, dataset.path):
                if mine:
                    files.add(dataset.path)
                    (positives if one.in_character else rejected).append(one)
                elif dataset.persona and one.in_character and len(by_other.get(dataset.persona, ())) < MOST_OTHERS:
                    by_other.setdefault(dataset.persona, []).append(one)
        except DataError as error:
            faults.append(str(error))
    kinds: dict[str, Sequence[LabelledText]] = {
        REJECTED: distinct_texts(rejected, MOST_REJECTED),
        OTHERS: _evenly(by_other),
        NEUTRAL: neutral_texts(),
        BASE: distinct_texts(LabelledText(one.response, one.prompt.text, False) for one in answers),
    }
    return Material(
        distinct_texts(positives, MOST_POSITIVES), {kind: texts for kind, texts in kinds.items() if texts}, faults,
        sorted(files),
    )  # fmt: skip


def _evenly(by_other: dict[str, list[LabelledText]]) -> list[LabelledText]:
    """Return texts of all other personas, as many of each."""
    each = max(1, MOST_OTHERS // max(1, len(by_other)))
    return [one for name in sorted(by_other) for one in distinct_texts(by_other[name], each)]
