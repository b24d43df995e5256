"""Log-odds lift and erosion."""

from __future__ import annotations

import math

import pytest

from charbench.analysis.erosion import erosion
from charbench.analysis.lift import log_odds_lift


def test_the_lift_is_monroes_formula() -> None:
    found = {lift.marker: lift for lift in log_odds_lift({"arr": 30, "ship": 5}, 1000, {"ship": 6}, 1200, prior=20)}
    arr = found["arr"]
    alpha = 20 * 30 / 2200
    value = math.log((30 + alpha) / (1000 + 20 - 30 - alpha)) - math.log(alpha / (1200 + 20 - alpha))
    assert arr.value == pytest.approx(value)
    assert arr.z == pytest.approx(value / math.sqrt(1 / (30 + alpha) + 1 / alpha))
    assert (arr.count, arr.base_count) == (30, 0)


def test_a_marker_that_the_base_model_uses_as_often_is_no_lift() -> None:
    (found,) = log_odds_lift({"careful": 40}, 2000, {"careful": 40}, 2000)
    assert found.value == pytest.approx(0)
    assert found.low < 0 < found.high


def test_the_prior_keeps_a_rare_marker_from_the_top() -> None:
    counts, base = {"rare": 1, "common": 60}, {"common": 20}
    first, second = log_odds_lift(counts, 1000, base, 1000)
    assert (first.marker, second.marker) == ("common", "rare")
    assert second.low < 0 < first.low


def test_a_marker_that_neither_uses_is_not_listed() -> None:
    assert log_odds_lift({"never": 0}, 100, {}, 100) == []
    assert log_odds_lift({}, 0, {}, 0) == []


def test_more_markers_than_words_are_refused() -> None:
    with pytest.raises(ValueError, match="3 words hold 4 markers"):
        log_odds_lift({"arr": 4}, 3, {}, 10)


def test_erosion_is_the_gap_between_the_channels_of_the_same_samples() -> None:
    found = erosion([1] * 10, [0] * 8 + [1, 1], range(10), 10, in_thinking=[1] * 10, in_both=[0] * 8 + [1, 1])
    assert found.gap.value == pytest.approx(0.8)
    assert found.gap.low > 0
    assert (found.kept.count, found.kept.total, found.kept.share) == (2, 10, 0.2)


def test_without_character_in_thinking_nothing_can_be_kept() -> None:
    found = erosion([0] * 5, [0] * 5, range(5), 5, in_thinking=[0] * 5, in_both=[0] * 5)
    assert math.isnan(found.kept.share)
    assert found.gap.value == 0
