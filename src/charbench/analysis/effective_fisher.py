"""Fisher's exact test where samples are not independent: each side counts with as many samples as it is worth."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charbench.analysis.clusters import cluster_codes, cluster_sums
from charbench.analysis.fisher import fisher_exact
from charbench.analysis.rate_intervals import effective_samples_of_each

ADDED = 1.0
"""Clusters of hits, and of misses, that are added: the test has to hold far in the tail, where many pairs are."""


def effective_fisher(
    a: NDArray[np.float64],
    clusters_a: Sequence[Hashable],
    b: NDArray[np.float64],
    clusters_b: Sequence[Hashable],
    samples: tuple[int, int],
) -> float:
    """Return the two-sided p-value that two rates (0 to 1) differ, each side with clusters of its own.

    Each side's samples are replaced by the number of independent ones that tell as much
    (:func:`charbench.analysis.rate_intervals.effective_samples`, rounded down), its hits by its rate times that,
    rounded; the two are tested with Fisher's test. With one sample a cluster this is Fisher's test itself. NaN where a
    side has no value.

    The sides need not vary alike, nor be asked equally often: dealing the clusters out anew would ask for
    both, and takes a side with few noisy prompts and one with many steady ones for different where their rates
    are the same. Source: Rao and Scott (1992), "A simple method for the analysis of clustered binary data",
    Biometrics 48:577, with Fisher's test in place of their chi-squared, for it has to hold far in the tail.
    """
    if not a.size or not b.size:
        return math.nan
    (hits_a, total_a), (hits_b, total_b) = (
        _counts(rates, clusters, total)
        for rates, clusters, total in ((a, clusters_a, samples[0]), (b, clusters_b, samples[1]))
    )
    return fisher_exact(hits_a, total_a, hits_b, total_b)


def _counts(rates: NDArray[np.float64], clusters: Sequence[Hashable], samples: int) -> tuple[int, int]:
    each = samples / rates.size
    sizes: NDArray[np.float64] = (each * np.bincount(cluster_codes(clusters))).astype(float)
    hits = cluster_sums(rates, clusters) * each
    found, worth = effective_counts(hits, sizes)
    return int(found), int(worth)


def effective_counts(hits: NDArray[Any], sizes: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the hits and the number of samples that each row's clusters (the last axis) are tested as."""
    worth = np.floor(effective_samples_of_each(hits, sizes, ADDED) + 1e-9)
    return np.rint(np.round(hits.sum(axis=-1) / sizes.sum(axis=-1) * worth, 9)), worth
