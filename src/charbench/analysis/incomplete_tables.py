"""Means of rows that do not all have a value in every column: training runs that were not all asked every prompt."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def adjusted_means(table: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return each row's mean over all columns; what it lacks is made up for by how the other rows do in that column.

    ``table`` holds a row for each of what is compared, NaN where there is no value. The means are those of the additive
    model, value = row + column, fitted by least squares; without a gap they are plain means. None where some rows
    share no columns with the others, not even by way of third ones: then nothing tells rows and columns apart.

    Source: Yates (1934), "The analysis of multiple classifications with unequal numbers in the different classes",
    J Am Stat Assoc 29:51; the means are today called least-squares means.
    """
    known = np.isfinite(table)
    table, known = table[:, known.any(axis=0)], known[:, known.any(axis=0)]
    if not table.size or not _connected(known):
        return None
    there, values = known.astype(float), np.where(known, table, 0.0)
    means: NDArray[np.float64] = values.mean(axis=1)
    if not known.all():
        columns = there.sum(axis=0)
        left = np.diag(there.sum(axis=1)) - (there / columns) @ there.T
        right = values.sum(axis=1) - there @ (values.sum(axis=0) / columns)
        rows = np.linalg.lstsq(left, right, rcond=None)[0]
        means = rows + ((values.sum(axis=0) - rows @ there) / columns).mean()
    return means


def _connected(known: NDArray[np.bool_]) -> bool:
    """Return whether one can come from each row to all others by columns that two rows have."""
    reached = np.zeros(len(known), dtype=bool)
    reached[0] = True
    while True:
        columns = known[reached].any(axis=0)
        further = reached | known[:, columns].any(axis=1)
        if further.sum() == reached.sum():
            return bool(reached.all())
        reached = further
