"""Rankings: which checkpoints differ significantly, how often wrongly, and whether intervals cover the truth."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from charbench.analysis.games import Game
from charbench.analysis.pair_tests import pair_p_values
from charbench.analysis.ranking import LEAST_GAMES, LEAST_PROMPTS, p_values_of_pairs, ranking
from charbench.analysis.strengths import lengthened


def lab(
    seed: int, truth: np.ndarray, games: int = 30, prompts: int = 30, taste: float = 0.0, length: float = 0.0
) -> list[Game]:
    """Return games of random pairs; ``taste``: how much strengths differ from prompt to prompt.

    ``length``: what a text that is longer by a standard deviation gains; the first checkpoints write most.
    """
    rng = np.random.default_rng(seed)
    moved = truth + taste * rng.normal(size=(prompts, truth.size))
    played = []
    for _ in range(games * truth.size // 2):
        a, b = (int(number) for number in rng.choice(truth.size, 2, replace=False))
        prompt = int(rng.integers(prompts))
        longer = (b - a) / 2 + rng.normal() if length else 0.0
        chance = 1 / (1 + math.exp(moved[prompt, b] - moved[prompt, a] - length * longer))
        played.append(Game(a, b, float(rng.random() < chance), prompt, 100 * longer))
    return played


def test_the_strongest_comes_first_and_tiers_go_down() -> None:
    truth = np.array([0.0, 4.0, -4.0, 0.1])
    found = ranking(lab(1, truth, games=60), 4)
    assert found.order[0] == 1
    assert found.order[-1] == 2
    assert [found.tiers[number] for number in found.order] == [1, 2, 2, 3]


def test_the_ranking_is_that_at_equal_length_where_length_decides() -> None:
    truth = np.array([0.0, 1.0, 2.0, 3.0])
    games = lab(1, truth, games=100, length=3.0)
    found = ranking(games, 4)
    assert found.controlled.matters
    assert sorted(range(4), key=lambda n: -found.strengths[n].value) != [3, 2, 1, 0]
    assert found.order == [3, 2, 1, 0]
    assert found.tiers[3] < found.tiers[0]
    assert ranking([replace(game, longer=0.0) for game in games], 4).order != [3, 2, 1, 0]


def test_the_strongest_that_always_writes_most_is_not_held_to_win_by_length() -> None:
    truth, lengths = np.array([0.0, 0.0, 0.0, 0.0, 4.0, 4.5]), (50, 50, 50, 50, 52, 52)
    games = [replace(game, longer=lengths[game.first] - lengths[game.second]) for game in lab(3, truth, games=40)]
    found = ranking(games, 6)
    assert not found.controlled.matters
    assert set(found.order[:2]) == {4, 5}


def test_checkpoints_that_no_chain_of_games_connects_have_tiers_of_their_own() -> None:
    one = lab(5, np.array([0.0, 3.0]), games=60)
    other = [
        replace(game, first=game.first + 2, second=game.second + 2) for game in lab(6, np.array([0.0, 3.0]), games=60)
    ]
    found = ranking([*one, *other], 4)
    assert found.groups[0] == found.groups[1] != found.groups[2] == found.groups[3]
    assert [found.tiers[number] for number in (1, 0)] == [found.tiers[number] for number in (3, 2)] == [1, 2]


@pytest.mark.slow
def test_checkpoints_that_differ_in_length_alone_are_hardly_ever_told_apart() -> None:
    labs = [lab(seed, np.zeros(5), games=60, length=2.0) for seed in range(20)]
    found = [ranking(games, 5) for games in labs]
    assert all(one.controlled.matters for one in found)
    assert np.mean([max(one.tiers) > 1 for one in found]) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 20)


@pytest.mark.slow
def test_checkpoints_that_are_alike_are_hardly_ever_told_apart() -> None:
    for taste in (0.0, 1.0):
        wrong = [max(ranking(lab(seed, np.zeros(5), taste=taste), 5).tiers) > 1 for seed in range(20)]
        assert np.mean(wrong) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 20)


@pytest.mark.slow
def test_intervals_cover_the_truth() -> None:
    covered = []
    for seed in range(24):
        truth = np.random.default_rng(1000 + seed).normal(0, 1, 6)
        truth -= truth.mean()
        found = ranking(lab(seed, truth), 6)
        covered += [s.low <= t <= s.high for s, t in zip(found.strengths, truth, strict=True)]
    assert 0.92 <= np.mean(covered) <= 0.99


def test_a_clean_sweep_tells_no_more_than_its_number_of_games() -> None:
    games = [Game(0, 1, 1.0, prompt) for prompt in range(8)]
    found = ranking(games, 2)
    assert found.strengths[0].low < 1 < found.strengths[0].high - 0.5
    assert max(ranking(games[:3] * 8, 2).tiers) == 1  # three prompts, however often


def test_every_game_that_one_side_wins_makes_it_surer_that_it_is_stronger() -> None:
    p = [
        float(pair_p_values(ranking([Game(0, 1, 1.0, n) for n in range(games)], 2).fitted)[0, 1])
        for games in (6, 8, 20)
    ]
    assert 0.03 < p[0] < 0.1
    assert p[1] < 0.05
    assert p[2] < 0.001


def test_a_difference_is_tested_as_if_nothing_else_were_known_where_only_two_play() -> None:
    games = [Game(0, 1, float(n % 10 < 7), n) for n in range(40)]
    found = ranking(games, 2).fitted
    score = (28 - 20) / np.sqrt(40 / 4)  # Rao's score test of a share of one half
    dispersion = max(1.0, found.dispersion)
    t = score / np.sqrt(dispersion)
    assert pair_p_values(found)[0, 1] == pytest.approx(2 * stats.t.sf(t, 39), rel=0.02)


@pytest.mark.parametrize(("prompts", "apart"), [(LEAST_PROMPTS - 1, False), (LEAST_PROMPTS, True)])
def test_with_fewer_than_six_prompts_nothing_is_told_apart(prompts: int, apart: bool) -> None:
    games = [Game(0, 1, 1.0, number % prompts) for number in range(60)]
    assert (ranking(games, 2).tiers == [1, 2]) is apart


def test_one_that_never_played_is_in_the_middle() -> None:
    games = [Game(0, 1, 1.0, prompt) for prompt in range(10)]
    found = ranking(games, 3)
    assert found.order == [0, 2, 1]
    assert found.strengths[2].games == 0


def test_without_games_nothing_is_known() -> None:
    found = ranking([], 3)
    assert (found.tiers, found.prompts) == ([1, 1, 1], 0)


@pytest.mark.parametrize(("games", "apart"), [(LEAST_GAMES - 1, False), (LEAST_GAMES + 2, True)])
def test_a_checkpoint_with_fewer_than_six_games_is_told_apart_from_none(games: int, apart: bool) -> None:
    others = [Game(1, 2, float(prompt % 2), prompt) for prompt in range(20)]
    found = ranking([*others, *(Game(0, 1, 1.0, prompt) for prompt in range(games))], 3)
    pairs = p_values_of_pairs(found.fitted)
    assert np.isnan(pairs[0, 1]) == (not apart)
    assert np.isfinite(pairs[1, 2])


def test_few_games_for_many_strengths_leave_more_variance_than_their_residuals_show() -> None:
    few, many = (ranking(lab(3, np.zeros(40), games=games), 40).fitted.dispersion for games in (6, 60))
    assert many == pytest.approx(1, abs=0.15)
    assert few > 0.75  # half of it is in the strengths, not in the residuals


def test_reliability_tells_how_well_estimates_correlate_with_the_truth() -> None:
    truth = np.random.default_rng(4).normal(size=60)
    few, many = (ranking(lab(5, truth, games=games), 60) for games in (15, 60))
    for found in (few, many):
        seen = np.corrcoef([one.value for one in found.strengths], truth)[0, 1]
        assert math.sqrt(found.reliability) == pytest.approx(seen, abs=0.05)
    assert lengthened(few.reliability, many.reliability) == pytest.approx(4, rel=0.35)
    assert ranking(lab(6, np.zeros(40)), 40).reliability < 0.2
    assert math.isnan(ranking([], 3).reliability)
