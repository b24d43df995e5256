"""One thing measured under several conditions: the worst of them, and how far chance alone spreads them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from charbench.analysis.clusters import cluster_codes, prompt_clusters
from charbench.analysis.paired import exchangeable
from charbench.analysis.rate_intervals import rate_of_counts
from charbench.analysis.wilson import Rate

SHUFFLES = 1000
_SEED = 20261128
_SAME = 1e-12


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one condition: ``hits`` of ``totals`` samples of each prompt, the prompt's ``families`` beside it.

    Prompts go by the name that they keep under every condition.
    """

    prompts: tuple[str, ...]
    families: tuple[str, ...]
    hits: tuple[int, ...]
    totals: tuple[int, ...]

    def rate(self, confidence: float = 0.95) -> Rate:
        """Return the condition's rate with :func:`charbench.analysis.rate_intervals.rate_of_counts`' interval."""
        return rate_of_counts(self.hits, self.totals, prompt_clusters(self.prompts, self.families), confidence)


@dataclass(frozen=True, slots=True)
class Chance:
    """How far apart rates would be if all conditions had the same one.

    ``expected`` is the mean spread (0 to 1), ``p`` the chance of one at least as wide as was seen; NaN where it
    cannot be told.
    """

    expected: float
    p: float


def worst(conditions: Mapping[str, Counts], confidence: float = 0.95) -> tuple[str, Rate] | None:
    """Return the condition with the lowest rate, with an interval for the lowest of their true rates.

    Which one is lowest is not known beforehand: each of k conditions gets an interval of 1 − (1 − confidence)/k, and
    the lowest true rate lies between the lowest of the lower limits and the lowest of the upper ones (Bonferroni).
    None where no condition has a sample.
    """
    known = {name: counts for name, counts in conditions.items() if sum(counts.totals)}
    if not known:
        return None
    rates = {name: counts.rate(1 - (1 - confidence) / len(known)) for name, counts in known.items()}
    name, rate = min(rates.items(), key=lambda item: (item[1].share, item[0]))
    low, high = min(one.low for one in rates.values()), min(one.high for one in rates.values())
    return name, Rate(rate.count, rate.total, low, high)


def spread_by_chance(conditions: Sequence[Counts]) -> Chance:
    """Return how far apart the rates of these conditions would be by chance: conditions shuffled family by family.

    Only families that were asked under every condition are shuffled; NaN with fewer than two of them or of
    conditions. Where a condition was asked more often than another, families are not exchangeable (few answers are
    none or all in character sooner than many): answers are then dealt out, too, each condition keeping its number,
    and what spreads further counts. Source: Fisher (1935), "The design of experiments", section 21; Phipson and
    Smyth (2010).
    """
    tables = _by_family(conditions)
    if tables is None:
        return Chance(math.nan, math.nan)
    hits, totals = tables  # families by conditions
    count, several = hits.shape
    rng = np.random.default_rng(_SEED)
    order = np.argsort(rng.random((SHUFFLES, count, several)), axis=2)
    rows = np.arange(count)[None, :, None]
    seen = hits.sum(axis=0) / totals.sum(axis=0)
    edge = seen.max() - seen.min() - _SAME
    found = [_chance(hits[rows, order].sum(axis=1) / totals[rows, order].sum(axis=1), edge)]
    if not exchangeable((totals.min(axis=1).sum(), totals.max(axis=1).sum())):
        dealt = [
            rng.multivariate_hypergeometric(asked, said, SHUFFLES)
            for asked, said in zip(totals.astype(np.int64), hits.sum(axis=1).astype(np.int64), strict=True)
        ]
        found.append(_chance(np.sum(dealt, axis=0) / totals.sum(axis=0), edge))
    return Chance(max(one.expected for one in found), max(one.p for one in found))


def _chance(rates: np.ndarray, edge: float) -> Chance:
    """Return the mean spread of shuffled rates (shuffles by conditions), and how often it is as wide as ``edge``."""
    spreads = rates.max(axis=1) - rates.min(axis=1)
    return Chance(float(spreads.mean()), (int((spreads >= edge).sum()) + 1) / (SHUFFLES + 1))


def _by_family(conditions: Sequence[Counts]) -> tuple[np.ndarray, np.ndarray] | None:
    if len(conditions) < 2:
        return None
    first = conditions[0]
    labels = prompt_clusters(first.prompts, first.families)
    of = dict(zip(first.prompts, cluster_codes(labels).tolist(), strict=True))
    shape = max(of.values(), default=-1) + 1, len(conditions)
    hits, totals = np.zeros(shape), np.zeros(shape)
    for number, counts in enumerate(conditions):
        for prompt, hit, total in zip(counts.prompts, counts.hits, counts.totals, strict=True):
            if prompt in of:
                hits[of[prompt], number] += hit
                totals[of[prompt], number] += total
    everywhere = (totals > 0).all(axis=1)
    return (hits[everywhere], totals[everywhere]) if everywhere.sum() > 1 else None
