"""Means of rows with gaps, against least squares with an indicator for each row and column."""

from __future__ import annotations

import math

import numpy as np
import pytest

from charbench.analysis.incomplete_tables import adjusted_means


def least_squares(table: np.ndarray) -> np.ndarray:
    """Fit value = row + column, the columns' effects summing to 0: a row's coefficient is its adjusted mean."""
    rows, columns = table.shape
    design, values = [], []
    for row, column in zip(*np.nonzero(np.isfinite(table)), strict=True):
        sums = np.full(columns - 1, -1.0) if column == columns - 1 else np.eye(columns - 1)[column]
        design.append(np.concatenate([np.eye(rows)[row], sums]))
        values.append(table[row, column])
    return np.linalg.lstsq(np.array(design), np.array(values), rcond=None)[0][:rows]


def test_means_of_rows_with_gaps_are_those_of_least_squares() -> None:
    dice = np.random.default_rng(20261130)
    for _ in range(20):
        table = dice.normal(size=(7, 9))
        table[dice.random(table.shape) < 0.3] = np.nan
        found = adjusted_means(table)
        assert found is not None
        assert found.tolist() == pytest.approx(least_squares(table).tolist())


def test_a_hard_prompt_that_one_row_was_not_asked_does_not_raise_its_mean() -> None:
    found = adjusted_means(np.array([[0.9, 0.8, 0.1], [0.9, 0.8, math.nan]]))
    assert found is not None
    assert found.tolist() == pytest.approx([0.6, 0.6])


def test_rows_that_no_column_connects_have_no_means_to_compare() -> None:
    apart = np.array([[1.0, 0.5, math.nan, math.nan], [math.nan, math.nan, 0.2, 0.1]])
    assert adjusted_means(apart) is None
    by_a_third = np.vstack([apart, [math.nan, 0.5, 0.2, math.nan]])
    assert adjusted_means(by_a_third) is not None
    assert adjusted_means(np.zeros((2, 0))) is None
