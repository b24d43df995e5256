"""Which games say how strong checkpoints are: those that were not chosen by results, where there are enough."""

from __future__ import annotations

import math
from itertools import combinations

import pytest

from charbench.analysis.games import Game
from charbench.analysis.rate_intervals import clustered_rate
from charbench.analysis.strengths import Strength
from charbench.report.pairwise.contests import ENOUGH_GAMES, Contest, Player, enough, met_alike
from charbench.report.pairwise.tables import contest_tables
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


def contest(reliability: float, games: int = 30, few_games: int = 0, players: int = 8) -> Contest:
    strength, unknown = Strength(0.0, -1.0, 1.0, games), (math.nan, math.nan, math.nan)
    every = [Player(1, 1, f"u{n}", f"c{n}", "sft", strength, strength, games, games, 0, 0) for n in range(players)]
    return Contest(
        "pairwise", "pirate", "recorded", every, False, unknown, unknown, math.nan, math.nan,
        games * players // 2, 0, 0, games * players // 2, 30, False, few_games, reliability, 0, 0,
        clustered_rate([], []), 0, 0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("reliability", "said"),
    [
        (0.9, "with that of endless games by about 0.95."),
        (0.69, "by about 0.83; 0.90 takes about 58 games for each checkpoint (-o scorer.pairwise.games=58)"),
        (0.05, "the order tells next to nothing"),
        (math.nan, None),
    ],
)
def test_how_far_an_order_can_be_relied_on_stands_below_it_with_how_many_games_would_do(
    reliability: float, said: str | None
) -> None:
    notes = [note for note in contest_tables([contest(reliability)])[0].notes if note.startswith("Order")]
    assert [said in note for note in notes] == [True] if said else not notes


def test_checkpoints_with_too_few_games_are_counted() -> None:
    notes = contest_tables([contest(math.nan, games=4, few_games=8)])[0].notes
    assert "8 checkpoints have fewer than 6 games, and differ significantly from none." in notes
