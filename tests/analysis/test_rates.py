"""Rates with Wilson's interval."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charbench.analysis.wilson import wilson

stats = pytest.importorskip("scipy.stats")

COUNTS = st.integers(0, 5_000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total)))


@given(COUNTS.filter(lambda pair: pair[1] > 0), st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99, 0.999]))
def test_the_interval_is_scipys(pair: tuple[int, int], confidence: float) -> None:
    rate = wilson(*pair, confidence)
    expected = stats.binomtest(*pair).proportion_ci(confidence, method="wilson")
    assert rate.low == pytest.approx(expected.low, abs=1e-12)
    assert rate.high == pytest.approx(expected.high, abs=1e-12)


@given(COUNTS)
def test_the_interval_holds_the_rate_and_lies_between_0_and_1(pair: tuple[int, int]) -> None:
    rate = wilson(*pair)
    assert (rate.count, rate.total) == pair
    if pair[1]:
        assert 0 <= rate.low <= rate.share <= rate.high <= 1
        assert rate.low < rate.high


def test_five_of_five_is_not_sure_and_none_of_none_is_nothing() -> None:
    assert (round(wilson(5, 5).low, 3), wilson(5, 5).high) == (0.566, 1.0)
    nothing = wilson(0, 0)
    assert all(map(math.isnan, (nothing.share, nothing.low, nothing.high)))


@pytest.mark.parametrize("arguments", [(1, 0), (-1, 5), (6, 5), (1, 5, 0.0), (1, 5, 1.0), (1, 5, 95)])
def test_what_is_no_count_or_confidence_is_refused(arguments: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="is not between"):
        wilson(*arguments)  # type: ignore[arg-type]
