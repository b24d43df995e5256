"""How well scorers agree with people, and headlines corrected by what people said."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from statistics import fmean
from typing import Any

from charbench.analysis.agreement import confusion, krippendorff_alpha, weighted_kappa
from charbench.report.label_corrections import (
    LOW_PRECISION_BELOW,
    NO,
    NO_VERDICT,
    NOT_ASKED,
    YES,
    CheckpointTexts,
    CorrectedRate,
    LabelWeights,
    corrected_rate_of,
)
from charbench.report.label_weights import label_weights
from charbench.report.render.cells import finite
from charbench.scoring.labelling import IN_CHARACTER, SCALE
from charbench.store.label_frame import FrameText
from charbench.store.labels import DrawChance
from charbench.store.ratings import MetricValues

LEAST_ALPHA = 0.67
"""Krippendorff's alpha below which labellers agree too little for their labels to correct anything."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two who label the same samples: people and a machine, or two machines.

    With two ``categories`` it is whether there is the trait, with more the grades themselves. ``kappa`` has
    quadratic weights; ``alpha`` is Krippendorff's of the two. Where several people label a sample, each of their k
    labels counts 1/k in ``table`` and ``kappa``, and ``alpha`` is of their mean.
    """

    one: str
    other: str
    count: int
    categories: int
    kappa: float
    alpha: float
    table: dict[tuple[int, int], float]

    @property
    def low_precision(self) -> bool:
        """Whether there are too few samples for precise figures."""
        return self.count < LOW_PRECISION_BELOW


@dataclass(frozen=True, slots=True)
class Calibration:
    """Everything that labels tell for one persona and channel."""

    persona: str
    channel: str
    labelled: int
    labellers: int
    alpha: float
    compared: int
    """Samples with two labels or more, which ``alpha`` is of."""
    agreements: list[Agreement] = field(default_factory=list)
    corrected: list[CorrectedRate] = field(default_factory=list)
    uncorrected: list[str] = field(default_factory=list)
    """Why a metric has no corrected rate, a line each."""

    @property
    def shared_notes(self) -> list[str]:
        """What is to be said of every corrected rate alike."""
        first = self.corrected[0].notes if len(self.corrected) > 1 else []
        return [note for note in first if all(note in rate.notes for rate in self.corrected)]


def calibrate(
    persona: str,
    channel: str,
    labels: Mapping[int, Mapping[str, int]],
    metrics: Sequence[MetricValues],
    texts: Mapping[int, FrameText],
    chances: Mapping[int, Sequence[DrawChance]],
    judges: Sequence[MetricValues] = (),
    said: Mapping[int, bool] | None = None,
    *,
    force: bool = False,
) -> Calibration:
    """Hold labels (labellers' labels by sample) against metrics, and against each judge by itself.

    Where several people label one text, it has the trait by the share of them who say so. ``texts`` are all that could
    be labelled, ``chances`` by what chances the labelled ones were drawn, ``said`` what the headline metrics say of
    texts (for labels that older versions drew). Below :data:`LEAST_ALPHA` nothing is corrected without ``force``.
    """
    labels = {sample: given for sample, given in labels.items() if given}
    labellers = {name for given in labels.values() for name in given}
    alpha = krippendorff_alpha([{name: float(v) for name, v in given.items()} for given in labels.values()])
    several = judges if len({judge.scorer for judge in judges}) > 1 else ()
    agreements = [found for machine in (*metrics, *several) if (found := _with_human(machine, labels))]
    pairs = [*combinations(metrics, 2), *((a, b) for a, b in combinations(several, 2) if a.metric == b.metric)]
    agreements += [found for one, other in pairs if (found := _between(one, other))]
    compared = sum(len(given) > 1 for given in labels.values())
    tried: list[CorrectedRate | str]
    if alpha < LEAST_ALPHA and not force:
        disagree = f"labellers agree too little (Krippendorff's alpha {alpha:.2f} of {compared:,} texts"
        tried = [f"{disagree}; {LEAST_ALPHA} is needed): talk about the scale and label again, or give --force"]
    else:
        weights = label_weights(sorted(labels), chances, texts, said or {})
        tried = [_corrected(metric, labels, texts, weights) for metric in metrics]
    return Calibration(
        persona, channel, len(labels), len(labellers), alpha, compared, agreements,
        [rate for rate in tried if isinstance(rate, CorrectedRate)],
        list(dict.fromkeys(why for why in tried if isinstance(why, str))),
    )  # fmt: skip


def _with_human(metric: MetricValues, labels: Mapping[int, Mapping[str, int]]) -> Agreement | None:
    shared = sorted(set(metric.values) & set(labels))
    if not shared:
        return None
    graded = _graded(metric)
    machine = {one: round(metric.values[one]) if graded else int(_has_trait(metric, one)) for one in shared}
    people: dict[int, list[int]] = {one: [*labels[one].values()] for one in shared}
    if not graded:
        people = {one: [int(label >= _cut(metric)) for label in given] for one, given in people.items()}
    return _agreement("human", metric.title, people, machine, len(SCALE) if graded else 2)


def _between(one: MetricValues, other: MetricValues) -> Agreement | None:
    shared = sorted(set(one.values) & set(other.values))
    if not shared:
        return None
    if _graded(one) and _graded(other):
        first, second = ({sample: round(each.values[sample]) for sample in shared} for each in (one, other))
        return _agreement(one.title, other.title, {k: [v] for k, v in first.items()}, second, len(SCALE))
    first, second = ({sample: int(_has_trait(each, sample)) for sample in shared} for each in (one, other))
    return _agreement(one.title, other.title, {k: [v] for k, v in first.items()}, second, 2)


def _agreement(
    one: str, other: str, first: Mapping[int, Sequence[int]], second: Mapping[int, int], categories: int
) -> Agreement:
    rows = [label for given in first.values() for label in given]
    columns = [second[sample] for sample, given in first.items() for _ in given]
    weights = [1 / len(given) for given in first.values() for _ in given]
    table: Any = confusion(rows, columns, weights)
    alpha = krippendorff_alpha([{one: fmean(given), f"{other} ": second[sample]} for sample, given in first.items()])
    kappa = weighted_kappa(rows, columns, categories, weights)
    return Agreement(one, other, len(first), categories, kappa, alpha, dict(table))


def _corrected(
    metric: MetricValues,
    labels: Mapping[int, Mapping[str, int]],
    texts: Mapping[int, FrameText],
    weights: LabelWeights,
) -> CorrectedRate | str:
    """Return the metric's trait rate with the one that the labels correct, or why there is none."""
    cut = _cut(metric)
    mine = {texts[one].checkpoint for one in (*metric.values, *metric.no_verdict) if one in texts}
    said = {
        one: (YES if _has_trait(metric, one) else NO)
        if one in metric.values
        else NO_VERDICT if one in metric.no_verdict else NOT_ASKED
        for one, text in texts.items()
        if text.checkpoint in mine
    }  # fmt: skip
    human = {one: fmean(label >= cut for label in given.values()) for one, given in labels.items()}
    return corrected_rate_of(metric.title, said, texts, human, weights, cut)


def _cut(metric: MetricValues) -> int:
    """Return from which label on a person's label has what the metric calls the trait."""
    return math.ceil(metric.threshold) if _graded(metric) and metric.threshold is not None else IN_CHARACTER


def _graded(metric: MetricValues) -> bool:
    return metric.low == 0 and metric.high == len(SCALE) - 1


def _has_trait(metric: MetricValues, sample: int) -> bool:
    least = metric.threshold if metric.threshold is not None else IN_CHARACTER
    return metric.values[sample] >= least


def as_dict(found: Calibration, against: str | None = None) -> dict[str, Any]:
    """Return a calibration for JSON, differences from one checkpoint with it; None: it cannot be told."""
    return {
        "persona": found.persona,
        "channel": found.channel,
        "labelled": found.labelled,
        "labellers": found.labellers,
        "krippendorff_alpha": finite(found.alpha),
        "texts_with_two_labels": found.compared,
        "agreements": [
            {
                "one": a.one,
                "other": a.other,
                "samples": a.count,
                "categories": a.categories,
                "kappa": finite(a.kappa),
                "krippendorff_alpha": finite(a.alpha),
                "low_precision": a.low_precision,
                "table": matrix(a),
            }
            for a in found.agreements
        ],
        "trait_rates": [_rate(rate, against) for rate in found.corrected],
        "not_corrected": found.uncorrected,
    }  # fmt: skip


def _rate(rate: CorrectedRate, against: str | None) -> dict[str, Any]:
    other = rate.reference(against)
    return {
        "metric": rate.metric, "machine": finite(rate.machine), "labels": rate.labels, "label_cut": rate.cut,
        "texts": rate.texts, "unscored": rate.unscored,
        "machine_if_unscored_no": finite(rate.bounds[0]), "machine_if_unscored_yes": finite(rate.bounds[1]),
        "corrected": finite(rate.rate.value), "low": finite(rate.rate.low), "high": finite(rate.rate.high),
        "low_precision": rate.low_precision, **_errors(rate), "notes": rate.notes,
        "checkpoints": [
            {"checkpoint": one.name, "uri": one.uri, "texts": one.texts, "unscored": one.texts - one.told,
             "labels": one.labels, "machine": finite(one.machine),
             "machine_if_unscored_no": finite(one.bounds[0]), "machine_if_unscored_yes": finite(one.bounds[1]),
             "corrected": finite(found.value), "low": finite(found.low), "high": finite(found.high),
             "consistent": found.consistent}
            for one, found in rate.by_checkpoint()
        ],
        "differences": _differences(rate, other) if other is not None else [],
    }  # fmt: skip


def _differences(rate: CorrectedRate, other: CheckpointTexts) -> list[dict[str, Any]]:
    found = [(one, rate.difference(one, other)) for one in rate.checkpoints if one is not other]
    return [
        {"checkpoint": one.name, "uri": one.uri, "against": other.name, "against_uri": other.uri,
         "difference": finite(gap.value), "low": finite(gap.low), "high": finite(gap.high)}
        for one, gap in found
        if gap is not None
    ]  # fmt: skip


def _errors(rate: CorrectedRate) -> dict[str, Any]:
    names = ("sensitivity", "specificity")
    if rate.errors is None:
        return dict.fromkeys([f"{name}{end}" for name in names for end in ("", "_low", "_high")])
    values = rate.errors.sensitivity, rate.errors.specificity
    told: dict[str, Any] = {}
    for name, value, (low, high) in zip(names, values, rate.errors.interval(), strict=True):
        told |= {name: finite(value), f"{name}_low": finite(low), f"{name}_high": finite(high)}
    return told


def matrix(agreement: Agreement) -> list[list[float]]:
    """Return the confusion matrix: a row for each label of the one, a column for each of the other."""
    labels = range(agreement.categories)
    return [[agreement.table.get((row, column), 0) for column in labels] for row in labels]
