"""A rate over a finite set of texts, from labels of some of them that were drawn with known chances."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charbench.analysis.special_functions import special

PSEUDO = 0.5
"""Labels of each kind (yes and no) that are added to a class's labels for its variance: it never is 0."""

_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LabelledText:
    """One labelled text: its label, 0 to 1 (the mean of several people's), and how it came to be drawn.

    ``weight`` is how many texts it stands for (one over its chance of being drawn and labelled, at least 1),
    ``stratum`` the part of the draw that it was drawn in, ``cluster`` the checkpoint, ``kind`` the class that it is
    counted in now: what the scorer said.
    """

    value: float
    weight: float
    stratum: Hashable
    cluster: Hashable
    kind: Hashable


@dataclass(frozen=True, slots=True)
class ClassRate:
    """The rate within one class of ``texts`` texts, known as well as by ``effective`` independent labels.

    Without a label the value is NaN, and the interval all of 0 to 1.
    """

    texts: int
    labels: int
    value: float
    low: float
    high: float
    effective: float


@dataclass(frozen=True, slots=True)
class StratifiedRate:
    """The rate over all texts (0 to 1) with its interval, and that of each class.

    ``unlabelled`` is the share of texts in classes without a label: these are taken to be like the others for the
    value, and all yes or all no for the interval. All NaN where nothing is labelled.
    """

    value: float
    low: float
    high: float
    unlabelled: float
    classes: dict[Hashable, ClassRate]


def stratified_rate(
    labelled: Sequence[LabelledText], sizes: Mapping[Hashable, int], confidence: float = 0.95
) -> StratifiedRate:
    """Return the rate that labels of all texts would give; ``sizes`` holds the number of texts of each class.

    In each class it is Hájek's estimate, Σ w·y / Σ w, and over all of them their mean, weighted by their known numbers
    of texts (post-stratification: for a scorer that says yes or no the same as a regression on what it said). A class's
    variance is linearised, with its draw's strata and checkpoints as strata and the share that was not drawn; a
    checkpoint with one label is taken together with others of its kind. With it goes half a label of yes and
    half a one of no, so that labels that are all alike keep their uncertainty. The class's interval is that of the
    beta distribution for as many independent labels as the variance tells (Jeffreys). Where there are several classes
    and the labels of one are all alike, all of its error is left at the one end that is open. Half a text is added at
    either end, since a class holds a whole number of texts with the trait, and no end denies what the labels themselves
    say. The interval of the whole is put together from those of the classes by squares (MOVER).

    Sources: Särndal, Swensson and Wretman (1992), "Model assisted survey sampling", sections 5.6 to 5.8 and 7.6;
    Korn and Graubard (1998), Survey Methodology 24, for the effective number; Brown, Cai and DasGupta (2001),
    "Interval estimation for a binomial proportion", Stat Sci 16; Zou and Donner (2008), Stat Med 27. What it covers is
    simulated in ``benchmarks/calibration.py``.
    """
    total = sum(sizes.values())
    several = sum(size > 0 for size in sizes.values()) > 1
    classes = {kind: _class_rate(labelled, kind, size, confidence, several) for kind, size in sizes.items() if size}
    known = [(one.texts / total, one) for one in classes.values() if one.labels]
    if not known:
        return StratifiedRate(math.nan, math.nan, math.nan, 1.0 if total else math.nan, classes)
    told = sum(share for share, _ in known)
    value = sum(share * one.value for share, one in known)
    below = math.sqrt(sum((share * (one.value - one.low)) ** 2 for share, one in known))
    above = math.sqrt(sum((share * (one.high - one.value)) ** 2 for share, one in known))
    rest = max(0.0, 1.0 - told)
    low, high = max(0.0, value - below), min(1.0, value + rest + above)
    return StratifiedRate(value / told, low, high, 0.0 if len(known) == len(classes) else rest, classes)


def jeffreys(value: float, effective: float, confidence: float = 0.95) -> tuple[float, float]:
    """Return Jeffreys' interval of a proportion (0 to 1) that is known as from ``effective`` independent trials.

    Its end is the proportion itself where that is 0 or 1. Source: Brown, Cai and DasGupta (2001), section 4.1.
    """
    if math.isinf(effective):
        return value, value
    tail = (1 - confidence) / 2
    betaincinv = special().betaincinv
    shape = value * effective + 0.5, (1 - value) * effective + 0.5
    low = 0.0 if value <= 0 else min(value, float(betaincinv(*shape, tail)))
    high = 1.0 if value >= 1 else max(value, float(betaincinv(*shape, 1 - tail)))
    return low, high


def _class_rate(
    labelled: Sequence[LabelledText], kind: Hashable, size: int, confidence: float, several: bool
) -> ClassRate:
    mine = np.array([one.kind == kind for one in labelled], dtype=bool)
    count = int(mine.sum())
    if not count:
        return ClassRate(size, 0, math.nan, 0.0, 1.0, 0.0)
    values = np.array([one.value for one in labelled], dtype=float)
    weights = np.array([one.weight for one in labelled], dtype=float)
    value = float((weights * values)[mine].sum() / weights[mine].sum())
    value = min(1.0, max(0.0, value))
    if count >= size:
        return ClassRate(size, count, value, value, value, math.inf)
    effective = _effective(labelled, mine, values, weights)
    one_sided = several and (value <= 0 or value >= 1)
    low, high = _ends(value, effective, size, 2 * confidence - 1 if one_sided else confidence)
    has, lacks = float(values[mine].sum()) / size, float((1 - values[mine]).sum()) / size
    return ClassRate(size, count, value, max(low, min(value, has)), min(high, max(value, 1 - lacks)), effective)


def _ends(value: float, effective: float, size: int, confidence: float) -> tuple[float, float]:
    """Return the interval of the rate of a class of ``size`` texts."""
    if math.isinf(effective):
        return value, value
    low, high = jeffreys(value, effective, confidence)
    half = 0.5 / size
    return (low if value <= 0 else max(0.0, low - half)), (high if value >= 1 else min(1.0, high + half))


def _effective(labelled: Sequence[LabelledText], mine: NDArray[np.bool_], values: _Floats, weights: _Floats) -> float:
    """Return how many independent labels tell as much of the class as these do."""
    own = weights[mine]
    each = float((own**2).sum() / own.sum())
    total = float(own.sum()) + 2 * PSEUDO * each
    share = (float((own * values[mine]).sum()) + PSEUDO * each) / total
    left = np.maximum(0.0, 1 - 1 / weights)  # the part of the texts that a label stands for and that has none
    deviations = np.where(mine, weights * (values - share), 0.0)
    variance = _variance(deviations, left, labelled)
    added = PSEUDO * each**2 * ((1 - share) ** 2 + share**2)
    variance += added * float((left[mine] * own**2).sum() / (own**2).sum())
    if variance <= 0:
        return math.inf
    alike = float(own.sum() ** 2 / (own**2).sum())
    return share * (1 - share) * total**2 / variance * alike / (alike + 2 * PSEUDO)


def _variance(deviations: _Floats, left: _Floats, labelled: Sequence[LabelledText]) -> float:
    """Return the variance of the sum of deviations, with strata of the draw by checkpoint."""
    cells: dict[tuple[Hashable, Hashable], list[int]] = {}
    for number, one in enumerate(labelled):
        cells.setdefault((one.stratum, one.cluster), []).append(number)
    alone: dict[Hashable, list[int]] = {}
    groups = []
    for (stratum, _), members in cells.items():
        if len(members) > 1:
            groups.append(members)
        else:
            alone.setdefault(stratum, []).extend(members)
    total = 0.0
    for members in (*groups, *alone.values()):
        found, count = deviations[members], len(members)
        apart = found - found.mean() if count > 1 else found
        total += count / max(1, count - 1) * float((left[members] * apart**2).sum())
    return total
