"""Rankings: which checkpoints are told apart, how often wrongly, and whether intervals cover the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from charbench.analysis.ranking import LEAST_PROMPTS, ranking
from charbench.analysis.strengths import Game


def lab(seed: int, truth: np.ndarray, games: int = 30, prompts: int = 30, taste: float = 0.0) -> list[Game]:
    """Return games of random pairs; ``taste``: how much strengths differ from prompt to prompt."""
    rng = np.random.default_rng(seed)
    moved = truth + taste * rng.normal(size=(prompts, truth.size))
    played = []
    for _ in range(games * truth.size // 2):
        a, b = (int(number) for number in rng.choice(truth.size, 2, replace=False))
        prompt = int(rng.integers(prompts))
        chance = 1 / (1 + math.exp(moved[prompt, b] - moved[prompt, a]))
        played.append(Game(a, b, float(rng.random() < chance), prompt))
    return played


def test_the_strongest_comes_first_and_tiers_go_down() -> None:
    truth = np.array([0.0, 4.0, -4.0, 0.1])
    found = ranking(lab(1, truth, games=60), 4)
    assert found.order[0] == 1
    assert found.order[-1] == 2
    assert [found.tiers[number] for number in found.order] == [1, 2, 2, 3]


@pytest.mark.slow
def test_checkpoints_that_are_alike_are_hardly_ever_told_apart() -> None:
    for taste in (0.0, 1.0):
        wrong = [max(ranking(lab(seed, np.zeros(5), taste=taste), 5, resamples=60).tiers) > 1 for seed in range(20)]
        assert np.mean(wrong) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 20)


@pytest.mark.slow
def test_intervals_cover_the_truth() -> None:
    covered = []
    for seed in range(24):
        truth = np.random.default_rng(1000 + seed).normal(0, 1, 6)
        truth -= truth.mean()
        found = ranking(lab(seed, truth), 6, resamples=100)
        covered += [s.low <= t <= s.high for s, t in zip(found.strengths, truth, strict=True)]
    assert 0.92 <= np.mean(covered) <= 0.99


def test_a_clean_sweep_tells_no_more_than_its_number_of_games() -> None:
    games = [Game(0, 1, 1.0, prompt) for prompt in range(8)]
    found = ranking(games, 2)
    assert found.strengths[0].low < 1 < found.strengths[0].high - 0.5
    assert max(ranking(games[:3] * 8, 2).tiers) == 1  # three prompts, however often


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
