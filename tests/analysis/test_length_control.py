"""Strengths at equal length: labs in which length decides."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from charbench.analysis.bradley_terry import fit
from charbench.analysis.games import Game
from charbench.analysis.length_control import length_controlled


def lab(
    seed: int, count: int, games: int, slope: float, prompts: int = 40, favour: float = 0.0
) -> tuple[np.ndarray, list[Game]]:
    """Return strengths from N(0, 1) and games of random pairs; ``favour``: how much the weak write more."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 1, count)
    truth -= truth.mean()
    played = []
    for _ in range(games * count // 2):
        a, b = (int(number) for number in rng.choice(count, 2, replace=False))
        longer = 300 * rng.normal() - 300 * favour * (truth[a] - truth[b])
        chance = 1 / (1 + math.exp(truth[b] - truth[a] - slope * math.tanh(longer / 300)))
        played.append(Game(a, b, float(rng.random() < chance), int(rng.integers(prompts)), longer))
    return truth, played


def test_where_no_lengths_differ_it_is_the_plain_strength_and_no_coefficient() -> None:
    _, games = lab(2, 6, 20, slope=0.0)
    games = [Game(game.first, game.second, game.result, game.prompt) for game in games]
    found = length_controlled(games, 6)
    assert [s.value for s in found.strengths] == pytest.approx(fit(games, 6).strengths.tolist(), abs=1e-3)
    assert all(map(math.isnan, (found.coefficient, found.low, found.high)))


def test_a_taste_for_length_is_measured_and_its_ranking_undone() -> None:
    plain, controlled, slopes, inside = [], [], [], []
    for seed in range(10):
        truth, games = lab(seed, 20, 40, slope=3.0, favour=1.0)
        found = length_controlled(games, 20)
        plain.append(stats.spearmanr(truth, fit(games, 20).strengths)[0])
        controlled.append(stats.spearmanr(truth, [s.value for s in found.strengths])[0])
        slopes.append(found.coefficient)
        inside.append(found.low > 1)
    assert np.mean(plain) < 0
    assert np.mean(controlled) > 0.7
    assert all(inside)


@pytest.mark.slow
def test_a_judge_without_a_taste_for_length_is_left_alone() -> None:
    inside = []
    for seed in range(30):
        _, games = lab(100 + seed, 6, 30, slope=0.0)
        found = length_controlled(games, 6)
        inside.append(found.low <= 0 <= found.high)
    assert np.mean(inside) >= 0.85


def test_a_taste_for_short_texts_is_below_zero() -> None:
    _, games = lab(3, 6, 40, slope=-2.0)
    found = length_controlled(games, 6)
    assert found.high < 0


def test_which_side_is_called_the_first_does_not_matter() -> None:
    _, games = lab(4, 5, 30, slope=1.0)
    turned = [Game(g.second, g.first, 1 - g.result, g.prompt, -g.longer) if n % 2 else g for n, g in enumerate(games)]
    one, other = (length_controlled(each, 5) for each in (games, turned))
    assert one.coefficient == pytest.approx(other.coefficient, abs=1e-6)
    assert [s.value for s in one.strengths] == pytest.approx([s.value for s in other.strengths], abs=1e-6)


def test_where_length_decides_every_game_all_is_finite() -> None:
    rng = np.random.default_rng(5)
    games = []
    for number in range(200):
        a, b = (int(side) for side in rng.choice(4, 2, replace=False))
        longer = float(rng.normal())
        games.append(Game(a, b, float(longer > 0), number % 10, longer))
    found = length_controlled(games, 4)
    assert 5 < found.coefficient < 50
    assert all(abs(s.value) < 1.5 for s in found.strengths)
    assert found.low <= found.coefficient <= found.high


@pytest.mark.parametrize("games", [[], [Game(0, 1, 1.0, "only", 5.0)]])
def test_of_no_game_or_one_nothing_is_sure(games: list[Game]) -> None:
    found = length_controlled(games, 3)
    assert all(math.isnan(s.low) for s in found.strengths)
    assert all(math.isfinite(s.value) for s in found.strengths)
