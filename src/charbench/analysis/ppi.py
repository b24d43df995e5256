"""Prediction-powered inference: a mean over many machine labels, corrected by a few human ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist


@dataclass(frozen=True, slots=True)
class PoweredMean:
    """A corrected mean with the ends of its interval; ``weight`` is how much the machine is trusted, 0 to 1."""

    value: float
    low: float
    high: float
    weight: float


def powered_mean(
    human: Sequence[float],
    machine_labelled: Sequence[float],
    machine_mean: float,
    machine_count: int,
    weights: Sequence[float] | None = None,
    confidence: float = 0.95,
) -> PoweredMean:
    """Return the mean of what a human would say over ``machine_count`` items.

    ``human`` and ``machine_labelled`` label the same n items; ``machine_mean`` is the machine's mean over N
    items. Without ``weights`` these are the ones that no human has seen, of the same kind as the n. With
    weights, where the n were not drawn evenly, they are all items, labelled or not (those that are left over
    from an uneven draw are of another kind); a weight says how many of them a labelled one stands for.
    Angelopoulos, Duchi and Zrnic (2023), "PPI++": the estimate is λ·f_N + mean(Y - λ·f)_n with
    λ = Cov(Y, f) / ((1 + n/N)·Var f), here kept within 0 and 1; with weights the means are Hájek's and the
    variance is its linearisation. The interval is normal, so its precision is low below some 30
    labels. All NaN with fewer than 2 labels. Raises ``ValueError`` where the lengths differ.
    """
    count = len(human)
    weigh = [1.0] * count if weights is None else list(weights)
    if not count == len(machine_labelled) == len(weigh):
        raise ValueError("human, machine and weights are of different numbers of items")
    if count < 2 or machine_count < 1:
        return PoweredMean(math.nan, math.nan, math.nan, math.nan)
    mean_human, mean_machine = _mean(human, weigh), _mean(machine_labelled, weigh)
    bessel = count / (count - 1)
    spread = bessel * _mean([(f - mean_machine) ** 2 for f in machine_labelled], weigh)
    products = [(y - mean_human) * (f - mean_machine) for y, f in zip(human, machine_labelled, strict=True)]
    covariance = bessel * _mean(products, weigh)
    trust = covariance / ((1 + count / machine_count) * spread) if spread else 0.0
    trust = min(1.0, max(0.0, trust))
    rest = [y - trust * f for y, f in zip(human, machine_labelled, strict=True)]
    mean_rest = _mean(rest, weigh)
    value = trust * machine_mean + mean_rest
    total = sum(weigh)
    error_rest = bessel * sum((w * (r - mean_rest)) ** 2 for w, r in zip(weigh, rest, strict=True)) / total**2
    error = math.sqrt(trust**2 * spread / machine_count + error_rest)
    half = NormalDist().inv_cdf((1 + confidence) / 2) * error
    return PoweredMean(value, value - half, value + half, trust)


def powered_rate(
    human: Sequence[bool],
    machine_labelled: Sequence[bool],
    machine_rate: float,
    machine_count: int,
    weights: Sequence[float] | None = None,
    confidence: float = 0.95,
) -> PoweredMean:
    """Return :func:`powered_mean` of yes and no, 0 to 1, with an interval that few labels do not narrow to nothing.

    Where all labels are alike, or all differ from the machine's alike, their variance is 0, and says nothing of those
    that are not labelled. So the interval is that of the labels and two more, on which human and machine differ,
    one each way; with weights, of the weight that makes as many even ones as these are worth (Kish). Bonett and
    Price (2012), "Adjusted Wald confidence interval for a difference of binomial proportions based on paired
    data", Journal of Educational and Behavioral Statistics 37; Kish (1965), "Survey sampling", section 11.7.
    """
    weigh = [1.0] * len(human) if weights is None else list(weights)
    found = powered_mean(human, machine_labelled, machine_rate, machine_count, weigh, confidence)
    if math.isnan(found.value):
        return found
    each = sum(weight**2 for weight in weigh) / sum(weigh)
    wider = powered_mean(
        [*human, True, False],
        [*machine_labelled, False, True],
        machine_rate,
        machine_count,
        [*weigh, each, each],
        confidence,
    )
    value = min(1.0, max(0.0, found.value))
    return PoweredMean(value, max(0.0, min(value, wider.low)), min(1.0, max(value, wider.high)), found.weight)


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    return sum(v * w for v, w in zip(values, weights, strict=True)) / sum(weights)
