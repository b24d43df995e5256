"""How well scorers agree with people, and headlines corrected by what people said."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from statistics import fmean
from typing import Any

from charbench.analysis.agreement import confusion, krippendorff_alpha, weighted_kappa
from charbench.analysis.ppi import PoweredMean, powered_rate
from charbench.scoring.labelling import IN_CHARACTER, SCALE
from charbench.store.ratings import MetricValues

ROUGH_BELOW = 30
"""Labels below which an interval has low precision."""
FEWEST = 10
"""Labels below which nothing is corrected: the interval would say next to nothing."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two who label the same samples: people and a machine, or two machines.

    With two ``categories`` it is whether there is the trait, with more the grades themselves. ``kappa`` has
    quadratic weights; ``alpha`` is Krippendorff's of the two.
    """

    one: str
    other: str
    count: int
    categories: int
    kappa: float
    alpha: float
    table: dict[tuple[int, int], int]


@dataclass(frozen=True, slots=True)
class CorrectedRate:
    """A metric's trait rate: the machine's, and the one that ``labels`` labels correct.

    A label has the trait from ``cut`` on: for a metric on the labels' own scale its own threshold.
    """

    metric: str
    machine: float
    labels: int
    mean: PoweredMean
    cut: int

    @property
    def rough(self) -> bool:
        """Whether there are too few labels for a normal interval."""
        return self.labels < ROUGH_BELOW


@dataclass(frozen=True, slots=True)
class Calibration:
    """Everything that labels tell for one persona and channel."""

    persona: str
    channel: str
    labelled: int
    labellers: int
    alpha: float
    agreements: list[Agreement] = field(default_factory=list)
    corrected: list[CorrectedRate] = field(default_factory=list)
    uncorrected: list[str] = field(default_factory=list)
    """Why a metric has no corrected rate, a line each."""


def calibrate(
    persona: str,
    channel: str,
    labels: Mapping[int, Mapping[str, int]],
    metrics: list[MetricValues],
    strata: Iterable[Sequence[int]],
    judges: Sequence[MetricValues] = (),
) -> Calibration:
    """Hold labels (labellers' labels by sample) against metrics, and against each judge by itself.

    Where several people label one sample, the machine is held against their median, the lower one of two.
    ``strata`` holds all samples, parted as they are drawn from: evenly, however large each is. So a labelled
    sample stands for as many as its stratum has for each one labelled in it, whatever was drawn and when
    (post-stratification; Särndal, Swensson and Wretman 1992, "Model assisted survey sampling", section 7.6).
    """
    human = {sample: sorted(given.values())[(len(given) - 1) // 2] for sample, given in labels.items()}
    labellers = {name for given in labels.values() for name in given}
    alpha = krippendorff_alpha([{name: float(v) for name, v in given.items()} for given in labels.values()])
    several = judges if len({judge.scorer for judge in judges}) > 1 else ()
    agreements = [found for machine in (*metrics, *several) if (found := _with_human(machine, human))]
    pairs = [*combinations(metrics, 2), *((a, b) for a, b in combinations(several, 2) if a.metric == b.metric)]
    agreements += [found for one, other in pairs if (found := _between(one, other))]
    weights = _weights(strata, human)
    tried = [_corrected(metric, human, weights) for metric in metrics]
    return Calibration(
        persona, channel, len(human), len(labellers), alpha, agreements,
        [rate for rate in tried if isinstance(rate, CorrectedRate)],
        list(dict.fromkeys(why for why in tried if isinstance(why, str))),
    )  # fmt: skip


def _weights(strata: Iterable[Sequence[int]], labelled: Collection[int]) -> dict[int, float]:
    weights: dict[int, float] = {}
    for stratum in strata:
        mine = [sample for sample in stratum if sample in labelled]
        weights.update((sample, len(stratum) / len(mine)) for sample in mine)
    return weights


def _with_human(metric: MetricValues, human: Mapping[int, int]) -> Agreement | None:
    shared = sorted(set(metric.values) & set(human))
    if not shared:
        return None
    if _graded(metric):
        categories, machine = len(SCALE), [round(metric.values[sample]) for sample in shared]
        people = [human[sample] for sample in shared]
    else:
        categories, machine = 2, [int(_has_trait(metric, sample)) for sample in shared]
        people = [int(human[sample] >= _cut(metric)) for sample in shared]
    return _agreement("human", metric.title, people, machine, categories)


def _between(one: MetricValues, other: MetricValues) -> Agreement | None:
    shared = sorted(set(one.values) & set(other.values))
    if not shared:
        return None
    if _graded(one) and _graded(other):
        first, second = ([round(each.values[sample]) for sample in shared] for each in (one, other))
        return _agreement(one.title, other.title, first, second, len(SCALE))
    first, second = ([int(_has_trait(each, sample)) for sample in shared] for each in (one, other))
    return _agreement(one.title, other.title, first, second, 2)


def _agreement(one: str, other: str, first: list[int], second: list[int], categories: int) -> Agreement:
    table: Any = confusion(first, second)
    alpha = krippendorff_alpha([{one: a, f"{other} ": b} for a, b in zip(first, second, strict=True)])
    return Agreement(one, other, len(first), categories, weighted_kappa(first, second, categories), alpha, dict(table))


def _corrected(metric: MetricValues, human: Mapping[int, int], weights: Mapping[int, float]) -> CorrectedRate | str:
    """Return the machine's trait rate over all samples with the one that the labels correct, or why there is none."""
    shared = sorted(set(metric.values) & set(human))
    everything = [float(_has_trait(metric, sample)) for sample in metric.values]
    if len(shared) < FEWEST:
        return f"{metric.title} has {len(shared)} labelled samples: a corrected rate takes {FEWEST}"
    if len(shared) == len(everything):
        return f"every sample of {metric.title} is labelled: there is nothing to correct"
    cut = _cut(metric)
    people = [human[sample] >= cut for sample in shared]
    machine = [_has_trait(metric, sample) for sample in shared]
    plain = fmean(everything)
    weigh = [weights.get(sample, 1.0) for sample in shared]
    mean = powered_rate(people, machine, plain, len(everything), weigh)
    return CorrectedRate(metric.title, plain, len(shared), mean, cut)


def _cut(metric: MetricValues) -> int:
    """Return from which label on a person's label has what the metric calls the trait."""
    return math.ceil(metric.threshold) if _graded(metric) and metric.threshold is not None else IN_CHARACTER


def _graded(metric: MetricValues) -> bool:
    return metric.low == 0 and metric.high == len(SCALE) - 1


def _has_trait(metric: MetricValues, sample: int) -> bool:
    least = metric.threshold if metric.threshold is not None else IN_CHARACTER
    return metric.values[sample] >= least


def as_dict(found: Calibration) -> dict[str, Any]:
    """Return a calibration for JSON; None stands for what cannot be told."""
    return {
        "persona": found.persona,
        "channel": found.channel,
        "labelled": found.labelled,
        "labellers": found.labellers,
        "krippendorff_alpha": _finite(found.alpha),
        "agreements": [
            {
                "one": a.one,
                "other": a.other,
                "samples": a.count,
                "categories": a.categories,
                "kappa": _finite(a.kappa),
                "krippendorff_alpha": _finite(a.alpha),
                "table": matrix(a),
            }
            for a in found.agreements
        ],
        "trait_rates": [
            {"metric": rate.metric, "machine": rate.machine, "labels": rate.labels, "label_cut": rate.cut,
             "corrected": _finite(rate.mean.value), "low": _finite(rate.mean.low), "high": _finite(rate.mean.high),
             "weight": _finite(rate.mean.weight), "rough": rate.rough}
            for rate in found.corrected
        ],
        "not_corrected": found.uncorrected,
    }  # fmt: skip


def matrix(agreement: Agreement) -> list[list[int]]:
    """Return the confusion matrix: a row for each label of the one, a column for each of the other."""
    labels = range(agreement.categories)
    return [[agreement.table.get((row, column), 0) for column in labels] for row in labels]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
