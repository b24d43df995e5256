"""A rate as a scorer sees it, corrected by the scorer's sensitivity and specificity, which are themselves uncertain.

>>> from charbench.analysis.corrected_rates import Proportion, corrected_rate
>>> found = corrected_rate(Proportion(0.5, 200), Proportion(0.9, 50), Proportion(0.8, 50))
>>> f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"
'0.43 [0.25, 0.58]'
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from charbench.analysis.distributions import normal_quantile, student_quantile
from charbench.analysis.quantiles import quantiles
from charbench.analysis.rate_intervals import ClusteredRate
from charbench.analysis.special_functions import special
from charbench.analysis.stratified_rates import jeffreys

_Floats = NDArray[np.float64]
_POINTS = 4096
_STEPS = 5
"""Dimensions of the points: two rates, and up to three proportions that the scorer's errors come from."""


@dataclass(frozen=True, slots=True)
class Proportion:
    """A proportion, 0 to 1, known as well as from ``effective`` independent trials (above 0; infinite: exactly)."""

    value: float
    effective: float

    @classmethod
    def from_error(cls, value: float, standard_error: float, trials: float) -> Proportion:
        """Return one with this standard error, of at most ``trials`` trials (which an error of 0 stands for)."""
        if not standard_error > 0:
            return cls(value, trials)
        return cls(value, min(trials, max(1.0, value * (1 - value) / standard_error**2)))

    @classmethod
    def from_width(cls, value: float, width: float, trials: float) -> Proportion:
        """Return one whose 95% interval (Jeffreys') is as wide (0 to 1), of one trial to ``trials`` (1 or more)."""
        few, many = 1.0, float(trials)
        for _ in range(40):
            middle = math.sqrt(few * many)
            low, high = jeffreys(value, middle)
            few, many = (middle, many) if high - low > width else (few, middle)
        return cls(value, many)

    @classmethod
    def from_rate(cls, rate: ClusteredRate) -> Proportion:
        """Return a rate of samples in clusters: its effective number, less what Student's t widens its interval by."""
        effective = rate.effective
        if not rate.independent:
            reach = student_quantile(0.975, rate.effective_clusters + 1)
            effective *= (normal_quantile(0.975) / reach) ** 2
        return cls(rate.value, effective)

    def points(self, dimension: int) -> _Floats:
        """Return what the proportion may be, as equally likely points: Jeffreys' beta distribution."""
        return _points(self, dimension)


@dataclass(frozen=True, slots=True)
class Corrected:
    """A corrected rate (0 to 1) or a difference of two (-1 to 1) with its interval.

    The value is NaN where the scorer's sensitivity and specificity add up to 1 or less: it tells nothing then.
    ``consistent`` is False where the scorer's rate is one that these errors can hardly give: above its sensitivity,
    or below its share of false yes.
    """

    value: float
    low: float
    high: float
    consistent: bool = True


@dataclass(frozen=True, slots=True)
class ErrorRates:
    """A scorer's sensitivity and specificity, and points of what both may be, jointly.

    Sensitivity: of the texts with the trait, the share that the scorer says yes to. Specificity: of the texts
    without it, the share that it does not say yes to.
    """

    sensitivity: float
    specificity: float
    sensitivity_points: _Floats
    specificity_points: _Floats

    def interval(self, confidence: float = 0.95) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return the intervals of sensitivity and of specificity."""
        tails = [(1 - confidence) / 2, (1 + confidence) / 2]
        found = []
        pairs = ((self.sensitivity, self.sensitivity_points), (self.specificity, self.specificity_points))
        for value, points in pairs:
            low, high = quantiles(points, tails)
            found.append((min(low, value), max(high, value)) if not math.isnan(value) else (low, high))
        return found[0], found[1]


def independent_errors(sensitivity: Proportion, specificity: Proportion) -> ErrorRates:
    """Return error rates that were measured apart, on texts that are known to have the trait and known not to."""
    return ErrorRates(sensitivity.value, specificity.value, sensitivity.points(2), specificity.points(3))


def errors_of_classes(
    share: float,
    among_yes: Proportion,
    others: Sequence[tuple[float, Proportion]],
    parts_of_yes: Sequence[float] = (0, 0),
) -> ErrorRates:
    """Return error rates from what people say of texts that the scorer says yes to, and of the others.

    ``share`` of all texts get the scorer's yes, and of these ``among_yes`` have the trait; ``others`` holds the share
    of all texts and the rate of each other class (no; no answer), at most two. So labels can be drawn by what the
    scorer said; both errors come from the same proportions, and are correlated. A text of each other class
    counts as ``parts_of_yes``, 0 to 1, of a yes in the rate that these errors are to correct.
    """
    if not 0 < len(others) < 3:
        raise ValueError(f"{len(others)} other classes; one or two are needed")

    def errors(yes: _Floats, rest: Sequence[_Floats]) -> tuple[_Floats, _Floats]:
        parts = [(share, yes, 1.0)]
        parts += [(part, one, credit) for (part, _), one, credit in zip(others, rest, parts_of_yes, strict=False)]
        having = np.sum([part * one for part, one, _ in parts], axis=0)
        lacking = np.sum([part * (1 - one) for part, one, _ in parts], axis=0)
        found = np.sum([part * one * credit for part, one, credit in parts], axis=0)
        false = np.sum([part * (1 - one) * credit for part, one, credit in parts], axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return found / having, 1 - false / lacking

    value = errors(np.array(among_yes.value), [np.array(one.value) for _, one in others])
    points = errors(among_yes.points(2), [one.points(3 + number) for number, (_, one) in enumerate(others)])
    return ErrorRates(float(value[0]), float(value[1]), *points)


def corrected_rate(
    rate: Proportion, sensitivity: Proportion, specificity: Proportion, confidence: float = 0.95
) -> Corrected:
    """Return the true rate behind one that a scorer with these errors sees: (p + c − 1) / (s + c − 1), 0 to 1.

    The interval lets rate, sensitivity and specificity vary together as they may (Jeffreys' beta distributions,
    4,096 fixed points, so the same input gives the same interval); where the errors may add up to a scorer that
    tells nothing, the rate may be anything. It is never narrower than that of a scorer without errors. It assumes that
    the scorer errs alike on the texts of the rate and on those that its errors were measured on.

    Sources: Rogan and Gladen (1978), "Estimating prevalence from the results of a screening test", Am J
    Epidemiol 107; for such intervals, Lang and Reiczigel (2014), "Confidence limits for prevalence of disease adjusted
    for estimated sensitivity and specificity", Prev Vet Med 113, and Bayer, Fay and Graubard (2023), arXiv 2205.13494.
    """
    return correct(rate, independent_errors(sensitivity, specificity), confidence)


def correct(rate: Proportion, errors: ErrorRates, confidence: float = 0.95) -> Corrected:
    """Return :func:`corrected_rate` for error rates that need not be independent."""
    value = _undo(rate.value, errors)
    spread = errors.sensitivity_points + errors.specificity_points - 1
    above = rate.points(0) + errors.specificity_points - 1
    found = _corrected(value, _ratio(above, spread, 0.0), confidence)
    if math.isnan(value):
        return found
    low, high = jeffreys(value, rate.effective, confidence)
    outside = max(float(np.mean((above < 0) & (spread > 0))), float(np.mean((above > spread) & (spread > 0))))
    return Corrected(value, min(found.low, low), max(found.high, high), outside < (1 + confidence) / 2)


def correct_difference(
    one: Proportion, other: Proportion, errors: ErrorRates, correlation: float = 0.0, confidence: float = 0.95
) -> Corrected:
    """Return the true difference of two rates that a scorer with the same errors on both sees.

    The value is the difference of the two corrected rates, the interval that of d / (s + c − 1), -1 to 1.
    ``correlation`` (-1 to 1) is that of the two rates: answers to the same prompts are alike. A scorer's errors make
    differences smaller, and never turn them round, so whether there is one is told by the uncorrected rates.
    """
    value = _undo(one.value, errors) - _undo(other.value, errors)
    first, second = _uniform(0), _uniform(1)
    if correlation:
        ndtr, ndtri = special().ndtr, special().ndtri
        apart = math.sqrt(max(0.0, 1 - correlation**2))
        second = ndtr(correlation * ndtri(first) + apart * ndtri(second))
    spread = errors.sensitivity_points + errors.specificity_points - 1
    points = _ratio(_beta(one, first) - _beta(other, second), spread, -1.0)
    return _corrected(value, points, confidence)


def _ratio(top: _Floats, bottom: _Floats, least: float) -> _Floats:
    """Return what the ratio may be, ``least`` to 1; half of those that a useless scorer gives at either end."""
    useless = np.where(np.arange(_POINTS) % 2, 1.0, least)
    told = bottom > 0
    return np.where(told, np.clip(top / np.where(told, bottom, 1.0), least, 1.0), useless)


def _corrected(value: float, points: _Floats, confidence: float) -> Corrected:
    low, high = quantiles(points, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Corrected(value, low, high) if math.isnan(value) else Corrected(value, min(low, value), max(high, value))


def _undo(value: float, errors: ErrorRates) -> float:
    told = errors.sensitivity + errors.specificity - 1
    return min(1.0, max(0.0, (value + errors.specificity - 1) / told)) if told > 0 else math.nan


def _beta(one: Proportion, uniform: _Floats) -> _Floats:
    if not 0 <= one.value <= 1 or not one.effective > 0:
        raise ValueError(f"a proportion of {one.value} from {one.effective} trials")
    if math.isinf(one.effective):
        return np.full(_POINTS, one.value, dtype=np.float64)
    shape = one.value * one.effective + 0.5, (1 - one.value) * one.effective + 0.5
    found: _Floats = np.asarray(special().betaincinv(*shape, uniform), dtype=np.float64)
    return found


@lru_cache(maxsize=128)
def _points(one: Proportion, dimension: int) -> _Floats:
    """Return :meth:`Proportion.points`: the rows of a report share a scorer's errors, and many of them their rate."""
    found = _beta(one, _uniform(dimension))
    found.flags.writeable = False
    return found


@lru_cache(maxsize=_STEPS)
def _uniform(dimension: int) -> _Floats:
    """Return fixed points, even over 0 to 1 and unlike those of another dimension: Kronecker's sequence."""
    root = 2.0
    for _ in range(40):
        root = (1 + root) ** (1 / (_STEPS + 1))
    found: _Floats = (0.5 + np.arange(1, _POINTS + 1, dtype=np.float64) * root ** -(dimension + 1)) % 1.0
    return found
