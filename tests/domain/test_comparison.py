"""Comparisons: what several judges said in two orders becomes one result."""

from __future__ import annotations

import pytest

from charbench import Comparison, Verdict


def said(judge: str, first: float | None, swapped: float | None) -> tuple[Verdict, Verdict]:
    return Verdict(judge, first, False, "why"), Verdict(judge, swapped, True, "why")


@pytest.mark.parametrize(
    ("first", "swapped", "result", "flips"),
    [
        (1, 1, 1, 0),
        (0, 0, 0, 0),
        (0.5, 0.5, 0.5, 0),
        (1, 0, 0.5, 1),
        (0, 1, 0.5, 1),
        (1, 0.5, 0.5, 1),
        (0.5, 0, 0.5, 1),
    ],
)
def test_a_verdict_that_changes_with_the_order_is_a_tie_and_counted(
    first: float, swapped: float, result: float, flips: int
) -> None:
    found = Comparison.from_verdicts(said("one", first, swapped))
    assert (found.result, found.flips, found.both_orders, found.explanation) == (result, flips, 1, "")


def test_what_came_first_is_told_from_who_is_the_first() -> None:
    always_first = Comparison.from_verdicts(said("one", 1, 0))
    assert (always_first.decided, always_first.first_wins) == (2, 2)
    always_second = Comparison.from_verdicts(said("one", 0, 1))
    assert (always_second.decided, always_second.first_wins) == (2, 0)
    sure = Comparison.from_verdicts(said("one", 1, 1))
    assert (sure.decided, sure.first_wins) == (2, 1)


def test_a_judge_of_whom_a_verdict_is_missing_has_none() -> None:
    found = Comparison.from_verdicts([Verdict("one", 1.0), Verdict("one", None, True, "not JSON")])
    assert (found.result, found.both_orders, found.explanation) == (None, 0, "one: not JSON")
    panel = Comparison.from_verdicts([*found.verdicts, *said("other", 0, 0)])
    assert (panel.result, panel.both_orders) == (0, 1)


def test_judges_weigh_the_same() -> None:
    panel = [*said("one", 1, 1), *said("two", 1, 0), *said("three", 1, 1)]
    assert Comparison.from_verdicts(panel).result == pytest.approx((1 + 0.5 + 1) / 3)


def test_nobody_said_anything() -> None:
    found = Comparison.from_verdicts([])
    assert (found.result, found.decided, found.both_orders) == (None, 0, 0)


@pytest.mark.parametrize("result", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_result_is_a_share(result: float) -> None:
    with pytest.raises(ValueError, match="not between 0 and 1"):
        Comparison(result)
    with pytest.raises(ValueError, match="not between 0 and 1"):
        Comparison(1.0, verdicts=(Verdict("one", result),))
