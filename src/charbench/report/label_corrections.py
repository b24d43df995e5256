"""Trait rates corrected by labels: of all texts, of each checkpoint, and differences of checkpoints."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from charbench.analysis.clusters import prompt_clusters
from charbench.analysis.corrected_rates import (
    Corrected,
    ErrorRates,
    Proportion,
    correct,
    correct_difference,
    errors_of_classes,
)
from charbench.analysis.rate_intervals import clustered_rate
from charbench.analysis.stratified_rates import LabelledText, StratifiedRate, stratified_rate
from charbench.store.label_frame import FrameText

LOW_PRECISION_BELOW = 30
"""Labels below which an interval has low precision."""
FEWEST = 10
"""Labels below which nothing is corrected: the interval would say next to nothing."""
YES, NO, NO_VERDICT, NOT_ASKED = "yes", "no", "no answer", "not asked"
"""What a scorer said of a text: it may have given no value for it, or not have dealt with it."""


@dataclass(frozen=True, slots=True)
class CheckpointTexts:
    """What a scorer said of one checkpoint's texts. ``texts`` are all, ``asked`` those that it has dealt with."""

    checkpoint: int
    name: str
    uri: str
    kind: str
    texts: int
    asked: int
    told: int
    hits: int
    labels: int
    rate: Proportion | None
    """The share of yes among the texts asked about, for other prompts, with what a text without an answer counts;
    None where it was asked about none."""
    by_prompt: Mapping[str, tuple[float, int]]

    @property
    def machine(self) -> float:
        """The share of yes among the texts with a value; NaN without any."""
        return self.hits / self.told if self.told else math.nan

    @property
    def bounds(self) -> tuple[float, float]:
        """The share of yes if all unscored texts were no, and if they were all yes."""
        return self.hits / self.texts, (self.hits + self.texts - self.told) / self.texts


@dataclass(frozen=True, slots=True)
class CorrectedRate:
    """A metric's trait rate: the scorer's, and the one that ``labels`` labels correct.

    ``rate`` is over the ``texts`` texts in the store, ``unscored`` of which have no value; with ``by_checkpoint`` it is
    for other prompts, by the scorer's ``errors``. A label has the trait from ``cut`` on.
    """

    metric: str
    machine: float
    labels: int
    texts: int
    unscored: int
    bounds: tuple[float, float]
    cut: int
    rate: StratifiedRate
    errors: ErrorRates | None
    """Sensitivity and specificity, with no answer for no yes; None where they cannot be told."""
    counted: ErrorRates | None
    """The same of the rates of ``checkpoints``, in which a text without an answer may count as a part of a yes."""
    checkpoints: list[CheckpointTexts] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def low_precision(self) -> bool:
        """Whether there are too few labels for a precise interval."""
        return self.labels < LOW_PRECISION_BELOW

    def by_checkpoint(self) -> list[tuple[CheckpointTexts, Corrected]]:
        """Return each checkpoint's corrected rate; empty where the scorer's errors cannot be told."""
        errors = self.counted
        if errors is None:
            return []
        return [(one, correct(one.rate, errors)) for one in self.checkpoints if one.rate is not None]

    def reference(self, name: str | None) -> CheckpointTexts | None:
        """Return the checkpoint of this name or URI, else the base model; None where there is none, or several."""
        named = [one for one in self.checkpoints if (name in (one.name, one.uri) if name else one.kind == "base")]
        return named[0] if len(named) == 1 and named[0].rate is not None else None

    def difference(self, one: CheckpointTexts, other: CheckpointTexts) -> Corrected | None:
        """Return the corrected difference of two checkpoints; None where it cannot be told."""
        if self.counted is None or one.rate is None or other.rate is None:
            return None
        return correct_difference(one.rate, other.rate, self.counted, _correlation(one.by_prompt, other.by_prompt))


@dataclass(frozen=True, slots=True)
class LabelWeights:
    """For each labelled text how many texts it stands for, and the stratum that it was drawn in; with assumptions."""

    weights: Mapping[int, float]
    strata: Mapping[int, Hashable]
    notes: list[str]


def corrected_rate_of(
    title: str,
    said: Mapping[int, str],
    texts: Mapping[int, FrameText],
    human: Mapping[int, float],
    drawn: LabelWeights,
    cut: int,
) -> CorrectedRate | str:
    """Return a metric's corrected rate, or why there is none.

    ``said`` holds what the scorer said of each text (:data:`YES` to :data:`NOT_ASKED`), of the checkpoints that it has
    dealt with; ``human`` the share of labellers who see the trait in a labelled text.
    """
    labels = [sample for sample in human if sample in said and sample in drawn.weights]
    if len(labels) < FEWEST:
        return f"{title} has {len(labels)} labelled samples: a corrected rate takes {FEWEST}"
    if len(labels) == len(said):
        return f"every sample of {title} is labelled: there is nothing to correct"
    sizes = Counter(said.values())
    classes: dict[Hashable, int] = {kind: sizes[kind] for kind in (YES, NO, NO_VERDICT, NOT_ASKED) if sizes[kind]}
    labelled = [
        LabelledText(human[one], drawn.weights[one], drawn.strata[one], texts[one].checkpoint, said[one])
        for one in labels
    ]
    rate = stratified_rate(labelled, classes)
    told = sizes[YES] + sizes[NO]
    bounds = sizes[YES] / len(said), (len(said) - sizes[NO]) / len(said)
    notes = [*drawn.notes, *_unlabelled(rate, len(said))]
    machine = sizes[YES] / told if told else math.nan
    credit = _credit(rate)
    errors = _errors(rate, 0.0)
    if errors is None:
        notes.append("no rates by checkpoint: they take labels of texts with and without the scorer's yes")
    return CorrectedRate(
        title, machine, len(labels), len(said), len(said) - told, bounds, cut, rate, errors, _errors(rate, credit),
        _checkpoints(said, texts, set(labels), credit), notes,
    )  # fmt: skip


def _unlabelled(rate: StratifiedRate, total: int) -> list[str]:
    """Return a line for each class of texts that has no label, which may be all with the trait or all without."""
    return [
        f"no label among the {one.texts:,} of {total:,} texts that the scorer {_SAID[str(kind)]}: "
        "the interval lets all or none of them have the trait"
        for kind, one in rate.classes.items()
        if not one.labels
    ]


_SAID = {YES: "says yes to", NO: "says no to", NO_VERDICT: "could not score", NOT_ASKED: "has not dealt with"}


def _credit(rate: StratifiedRate) -> float:
    """Return what part of a yes a text without an answer counts, 0 to 1: as people saw the trait in such texts."""
    values = [rate.classes[kind].value if kind in rate.classes else math.nan for kind in (YES, NO, NO_VERDICT)]
    yes, no, unscored = values
    return min(1.0, max(0.0, (unscored - no) / (yes - no))) if yes > no and not math.isnan(unscored) else 0.0


def _errors(rate: StratifiedRate, credit: float) -> ErrorRates | None:
    """Return sensitivity and specificity over the texts that the scorer has dealt with."""
    asked = [(kind, one) for kind, one in rate.classes.items() if kind != NOT_ASKED]
    total = sum(one.texts for _, one in asked)
    parts = {kind: (one.texts / total, Proportion(one.value, one.effective)) for kind, one in asked if one.labels}
    if YES not in parts or NO not in parts or len(parts) < len(asked):
        return None
    others = [parts[kind] for kind in (NO, NO_VERDICT) if kind in parts]
    return errors_of_classes(*parts[YES], others, (0.0, credit))


def _checkpoints(
    said: Mapping[int, str], texts: Mapping[int, FrameText], labels: set[int], credit: float
) -> list[CheckpointTexts]:
    members: dict[int, list[int]] = {}
    for sample in said:
        members.setdefault(texts[sample].checkpoint, []).append(sample)
    found = [_checkpoint([texts[one] for one in mine], said, labels, credit) for mine in members.values()]
    return sorted(found, key=lambda one: (one.name, one.uri))


def _checkpoint(mine: Sequence[FrameText], said: Mapping[int, str], labels: set[int], credit: float) -> CheckpointTexts:
    one = mine[0]
    counts = Counter(said[text.sample] for text in mine)
    by_prompt: dict[str, tuple[float, int]] = {}
    worth = {YES: 1.0, NO_VERDICT: credit}
    families: dict[str, str] = {}
    for text in mine:
        if said[text.sample] != NOT_ASKED:
            hits, asked = by_prompt.get(text.prompt, (0.0, 0))
            by_prompt[text.prompt] = hits + worth.get(said[text.sample], 0.0), asked + 1
            families[text.prompt] = text.family
    asked = len(mine) - counts[NOT_ASKED]
    rate = None
    if asked:
        clusters = prompt_clusters(list(by_prompt), list(families.values()))
        rates = [hits / total for hits, total in by_prompt.values()]
        weights = [total for _, total in by_prompt.values()]
        rate = Proportion.from_rate(clustered_rate(rates, clusters, asked, weights=weights))
    told = counts[YES] + counts[NO]
    number = sum(text.sample in labels for text in mine)
    return CheckpointTexts(
        one.checkpoint, one.name, one.uri, one.kind, len(mine), asked, told, counts[YES], number, rate, by_prompt
    )


def _correlation(one: Mapping[str, tuple[float, int]], other: Mapping[str, tuple[float, int]]) -> float:
    """Return the correlation of two checkpoints' rates over the prompts that both answered, -1 to 1.

    0 with fewer than three prompts, or where one of them does not vary.
    """
    shared = sorted(one.keys() & other.keys())
    if len(shared) < 3:
        return 0.0
    first, second = ([side[prompt][0] / side[prompt][1] for prompt in shared] for side in (one, other))
    means = sum(first) / len(shared), sum(second) / len(shared)
    both = sum((a - means[0]) * (b - means[1]) for a, b in zip(first, second, strict=True))
    spread = math.sqrt(sum((a - means[0]) ** 2 for a in first) * sum((b - means[1]) ** 2 for b in second))
    part = len(shared) / math.sqrt(len(one) * len(other))
    return max(-1.0, min(1.0, part * both / spread)) if spread > 0 else 0.0
