"""How well scorers agree with people, and headlines corrected by what people said."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from charbench.analysis.agreement import confusion, krippendorff_alpha, weighted_kappa
from charbench.analysis.ppi import PoweredMean, powered_mean
from charbench.engine.labelling import IN_CHARACTER, SCALE
from charbench.store.labels import MetricValues

ROUGH_BELOW = 30
"""Labels below which an interval is rough."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """One machine metric (or a second metric) against another's labels, on ``categories`` categories."""

    one: str
    other: str
    count: int
    categories: int
    kappa: float
    table: dict[tuple[int, int], int]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Everything that labels tell for one persona and channel."""

    persona: str
    channel: str
    labelled: int
    labellers: int
    alpha: float
    agreements: list[Agreement] = field(default_factory=list)
    corrected: list[tuple[str, float, int, PoweredMean]] = field(default_factory=list)


def calibrate(
    persona: str,
    channel: str,
    labels: Mapping[int, Mapping[str, int]],
    metrics: list[MetricValues],
    strata: Iterable[Sequence[int]],
) -> Calibration:
    """Hold labels (labellers' labels by sample) against metrics.

    Where several people label one sample, the machine is held against their median, the lower one of two.
    ``strata`` holds all samples, parted as they are drawn from: evenly, however large each is. So a labelled
    sample stands for as many as its stratum has for each one labelled in it, whatever was drawn and when
    (post-stratification; Särndal, Swensson and Wretman 1992, "Model assisted survey sampling", section 7.6).
    """
    human = {sample: sorted(given.values())[(len(given) - 1) // 2] for sample, given in labels.items()}
    labellers = {name for given in labels.values() for name in given}
    alpha = krippendorff_alpha([{name: float(v) for name, v in given.items()} for given in labels.values()])
    agreements = [found for metric in metrics if (found := _with_human(metric, human))]
    agreements += [
        found for index, one in enumerate(metrics) for other in metrics[index + 1 :] if (found := _between(one, other))
    ]
    weights = _weights(strata, human)
    corrected = [rate for metric in metrics if (rate := _corrected(metric, human, weights))]
    return Calibration(persona, channel, len(human), len(labellers), alpha, agreements, corrected)


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
        people = [int(human[sample] >= IN_CHARACTER) for sample in shared]
    return _agreement("human", metric.title, people, machine, categories)


def _between(one: MetricValues, other: MetricValues) -> Agreement | None:
    shared = sorted(set(one.values) & set(other.values))
    if not shared:
        return None
    first = [int(_has_trait(one, sample)) for sample in shared]
    return _agreement(one.title, other.title, first, [int(_has_trait(other, sample)) for sample in shared], 2)


def _agreement(one: str, other: str, first: list[int], second: list[int], categories: int) -> Agreement:
    table: Any = confusion(first, second)
    return Agreement(one, other, len(first), categories, weighted_kappa(first, second, categories), dict(table))


def _corrected(
    metric: MetricValues, human: Mapping[int, int], weights: Mapping[int, float]
) -> tuple[str, float, int, PoweredMean] | None:
    """Return the trait rate over all samples: the machine's, and the one that the labels correct."""
    shared = sorted(set(metric.values) & set(human))
    everything = [float(_has_trait(metric, sample)) for sample in metric.values]
    if len(shared) < 2 or len(shared) == len(everything):
        return None
    people = [float(human[sample] >= IN_CHARACTER) for sample in shared]
    machine = [float(_has_trait(metric, sample)) for sample in shared]
    plain = fmean(everything)
    weigh = [weights.get(sample, 1.0) for sample in shared]
    return metric.title, plain, len(shared), powered_mean(people, machine, plain, len(everything), weigh)


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
                "kappa": _finite(a.kappa),
                "table": matrix(a),
            }
            for a in found.agreements
        ],
        "trait_rates": [
            {"metric": title, "machine": plain, "labels": count, "corrected": _finite(mean.value),
             "low": _finite(mean.low), "high": _finite(mean.high), "weight": _finite(mean.weight)}
            for title, plain, count, mean in found.corrected
        ],
    }  # fmt: skip


def matrix(agreement: Agreement) -> list[list[int]]:
    """Return the confusion matrix: a row for each label of the one, a column for each of the other."""
    labels = range(agreement.categories)
    return [[agreement.table.get((row, column), 0) for column in labels] for row in labels]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
