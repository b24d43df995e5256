"""Fisher's exact test where samples are not independent: each side counts with as many samples as it is worth."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from charbench.analysis.clusters import cluster_codes, cluster_sums
from charbench.analysis.fisher import fisher_exact


def effective_fisher(
    a: NDArray[np.float64],
    clusters_a: Sequence[Hashable],
    b: NDArray[np.float64],
    clusters_b: Sequence[Hashable],
    samples: tuple[int, int],
) -> float:
    """Return the two-sided p-value that two rates (0 to 1) differ, each side with clusters of its own.

    Each side's samples are replaced by the number of independent ones that tell as much
    (:func:`cautious_count`, rounded down), its hits by its rate times that, rounded; the two are tested with Fisher's
    test. With one sample a cluster this is Fisher's test itself. NaN where a side has no value.

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


def cautious_count(rates: NDArray[np.float64], clusters: Sequence[Hashable], samples: int) -> float:
    """Return how many independent samples tell at least as much as these, 1 to ``samples``.

    p(1 − p)/SE² with one cluster of hits and one of misses added, of the mean size, and then taken off again
    in proportion: so a side that never varies is worth its number of clusters, and not without end. It
    is the number of samples where each is a cluster of its own. Source: Kish (1965), "Survey sampling",
    section 8.1, for p(1 − p)/SE²; the two clusters after Agresti and Caffo (2000), Am Stat 54:280.
    """
    sums, sizes = cluster_sums(rates, clusters), np.bincount(cluster_codes(clusters)).astype(float)
    size = float(sizes.mean())
    sums, sizes = np.append(sums, [size, 0.0]), np.append(sizes, [size, size])
    share = float(sums.sum() / sizes.sum())
    squares = float(((sums - share * sizes) ** 2).sum())
    added = share * (1 - share) * float(sizes.sum()) ** 2 / squares
    return min(float(samples), max(1.0, added * (sizes.size - 2) / sizes.size))


def _counts(rates: NDArray[np.float64], clusters: Sequence[Hashable], samples: int) -> tuple[int, int]:
    total = math.floor(cautious_count(rates, clusters, samples) + 1e-9)
    return round(float(rates.mean()) * total), total
