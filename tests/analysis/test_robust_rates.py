"""The spread of a rate over conditions that chance alone gives."""

from __future__ import annotations

from charbench.analysis.robust_rates import Counts, spread_by_chance

PROMPTS = tuple(map(str, range(12)))


def counts(hits: tuple[int, ...], each: int) -> Counts:
    return Counts(PROMPTS, ("general",) * 12, hits, (each,) * 12)


def test_a_condition_that_was_asked_once_is_not_taken_for_weaker_by_chance() -> None:
    often, once = counts((1, 2) * 6, 20), counts((0,) * 12, 1)
    assert spread_by_chance([often, once]).p > 0.3


def test_a_condition_without_the_character_is_told_from_one_with_it() -> None:
    assert spread_by_chance([counts((18, 20) * 6, 20), counts((0,) * 12, 1)]).p < 0.01
    assert spread_by_chance([counts((3, 4) * 6, 4), counts((0, 1) * 6, 4)]).p < 0.01
