"""Which games say how strong checkpoints are: those that were not chosen by results, where there are enough."""

from __future__ import annotations

from itertools import combinations

from charbench.analysis.games import Game
from charbench.report.pairwise.contests import ENOUGH_GAMES, enough, met_alike
from charbench.store.results import GameResult


def met(first: int, second: int, prompt: int = 0) -> GameResult:
    return GameResult("pairwise", "pirate", first, second, f"p{prompt}", 1.0, 0, 0, 0, 0, 0, 0, balanced=False)


def played(players: int, times: int) -> list[Game]:
    """Return ``times`` games between each two."""
    return [Game(a, b, 0.5, f"p{n}", 0.0, None) for a, b in combinations(range(players), 2) for n in range(times)]


def test_all_pairs_that_met_equally_often_met_alike_whoever_is_named_first() -> None:
    assert met_alike([met(1, 2), met(3, 1), met(2, 3)])
    assert met_alike([met(1, 2), met(2, 1, 1), met(1, 3), met(1, 3, 1), met(3, 2), met(2, 3, 1)])


def test_a_pair_that_met_more_often_or_never_did_not_meet_alike() -> None:
    assert not met_alike([met(1, 2), met(1, 2, 1), met(1, 3), met(2, 3)])
    assert not met_alike([met(1, 2), met(1, 3)])


def test_few_games_are_not_enough() -> None:
    assert enough(played(2, ENOUGH_GAMES), 2)
    assert not enough(played(2, ENOUGH_GAMES - 1), 2)
    assert not enough([], 2)


def test_checkpoints_that_no_chain_of_games_connects_are_not_ranked_by_any_number_of_them() -> None:
    apart = [Game(a, a + 1, 0.5, f"p{n}", 0.0, None) for a in (0, 2) for n in range(50)]
    assert not enough(apart, 4)
