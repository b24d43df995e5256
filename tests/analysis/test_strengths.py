"""Bradley–Terry strengths and the choice of pairs, against other libraries and labs whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize, stats

from charbench.analysis.pairing import next_pairs, variance_saved
from charbench.analysis.strengths import Game, bradley_terry, strengths, win_table


def play(rng: np.random.Generator, truth: np.ndarray, pairs: list[tuple[int, int]], wins: np.ndarray) -> None:
    for a, b in pairs:
        first = rng.random() < 1 / (1 + math.exp(truth[b] - truth[a]))
        wins[(a, b) if first else (b, a)] += 1


def spearman(seed: int, spread: float, *, adaptive: bool, count: int = 200, games: int = 30) -> float:
    """Rank correlation with the truth after so many games for each checkpoint."""
    rng = np.random.default_rng(seed)
    truth, wins = rng.normal(0, spread, count), np.zeros((count, count))
    for turn in range(games):
        if adaptive:
            pairs = next_pairs(wins, seed=1000 * seed + turn)
        else:
            order = rng.permutation(count).tolist()
            pairs = list(zip(order[::2], order[1::2], strict=True))
        play(rng, truth, pairs, wins)
    return float(stats.spearmanr(bradley_terry(wins), truth)[0])


@pytest.mark.parametrize(("spread", "least"), [(1.0, 0.90), (3.0, 0.96)])
def test_the_ranking_of_200_checkpoints_is_recovered_from_30_games_each(spread: float, least: float) -> None:
    assert np.mean([spearman(seed, spread, adaptive=False) for seed in range(10)]) >= least


def test_adaptive_pairing_beats_random_pairing_at_the_same_number_of_games() -> None:
    labs = range(6)
    chosen = [spearman(seed, 2.0, adaptive=True, count=60, games=16) for seed in labs]
    dealt = [spearman(seed, 2.0, adaptive=False, count=60, games=16) for seed in labs]
    assert np.mean(chosen) > np.mean(dealt)


@pytest.mark.slow
@pytest.mark.parametrize(("spread", "least", "labs"), [(1.0, 0.90, 72), (math.sqrt(3), 0.96, 24), (3.0, 0.96, 24)])
def test_adaptive_pairing_beats_random_pairing_among_200_checkpoints(spread: float, least: float, labs: int) -> None:
    # The gain is smallest where strengths lie close together: it takes more labs to be sure of it.
    chosen = [spearman(seed, spread, adaptive=True) for seed in range(labs)]
    dealt = [spearman(seed, spread, adaptive=False) for seed in range(labs)]
    assert np.mean(chosen) >= least
    assert stats.ttest_rel(chosen, dealt, alternative="greater").pvalue < 0.01


def test_strengths_are_those_of_the_greatest_posterior() -> None:
    rng = np.random.default_rng(8)
    truth, wins = rng.normal(0, 1, 6), np.zeros((6, 6))
    for _ in range(40):
        play(rng, truth, [(a, b) for a in range(6) for b in range(a)], wins)
    counted = wins + (1 - np.eye(6)) / 5

    def loss(values: np.ndarray) -> float:
        gaps = values[:, None] - values[None, :]
        return float((counted * np.logaddexp(0, -gaps)).sum())

    best = optimize.minimize(loss, np.zeros(6), method="BFGS").x
    assert bradley_terry(wins) == pytest.approx(best - best.mean(), abs=1e-3)


def test_a_checkpoint_that_won_every_game_has_a_finite_strength() -> None:
    wins = np.array([[0, 5, 5], [0, 0, 3], [0, 2, 0]], dtype=float)
    found = bradley_terry(wins)
    assert np.isfinite(found).all()
    assert found[0] == found.max()


def test_a_tie_is_half_a_win_for_each() -> None:
    games = [Game(0, 1, 0.5, "a"), Game(1, 0, 1.0, "b")]
    assert win_table(games, 2).tolist() == [[0, 0.5], [1.5, 0]]


def test_the_order_of_the_games_does_not_matter() -> None:
    rng = np.random.default_rng(9)
    games = [Game(0, int(rng.integers(1, 4)), float(rng.random() < 0.5), n % 7) for n in range(60)]
    turned = [games[n] for n in rng.permutation(60)]
    one, other = (bradley_terry(win_table(each, 4)) for each in (games, turned))
    assert one == pytest.approx(other, abs=1e-6)


def test_intervals_are_over_prompts_and_the_same_for_the_same_seed() -> None:
    rng = np.random.default_rng(10)
    # Every prompt has one winner for all its games: 200 games tell no more than 10 prompts.
    alike = [Game(0, 1, float(prompt % 2), prompt) for prompt in range(10) for _ in range(20)]
    each = [Game(0, 1, float(rng.random() < 0.5), number) for number in range(200)]
    wide, narrow = (strengths(games, 2, resamples=100, seed=1)[0] for games in (alike, each))
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)
    assert strengths(alike, 2, resamples=100, seed=1)[0] == wide
    assert wide.games == 200


def test_with_one_prompt_there_is_no_interval() -> None:
    found = strengths([Game(0, 1, 1.0, "only")], 2)
    assert found[0].value > found[1].value
    assert all(math.isnan(strength.low) for strength in found)


def test_games_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot play each other"):
        win_table([Game(1, 1, 1.0)], 2)
    with pytest.raises(ValueError, match="not between 0 and 1"):
        win_table([Game(0, 1, 2.0)], 2)


def test_the_next_pairs_are_of_like_strength_and_little_known() -> None:
    wins = np.zeros((4, 4))
    wins[0, 2] = wins[0, 3] = wins[1, 2] = wins[1, 3] = 20  # 0 and 1 are strong, and never met
    assert sorted(map(sorted, next_pairs(wins))) == [[0, 1], [2, 3]]
    gain = variance_saved(wins)
    assert gain[0, 1] > gain[0, 2]


def test_nobody_plays_twice_in_a_round_and_the_seed_breaks_ties() -> None:
    pairs = next_pairs(np.zeros((9, 9)), seed=3)
    assert len(pairs) == 4
    assert len({player for pair in pairs for player in pair}) == 8
    assert pairs == next_pairs(np.zeros((9, 9)), seed=3)
    assert pairs != next_pairs(np.zeros((9, 9)), seed=4)
    assert next_pairs(np.zeros((9, 9)), 2) == next_pairs(np.zeros((9, 9)))[:2]
    assert next_pairs(np.zeros((1, 1))) == []


def test_what_a_game_saves_is_what_the_variances_fall_by() -> None:
    rng = np.random.default_rng(9)
    truth, wins = rng.normal(0, 1, 5), np.zeros((5, 5))
    for _ in range(6):
        play(rng, truth, [(a, b) for a in range(5) for b in range(a)], wins)
    worth = bradley_terry(wins)
    outcome = np.exp(-np.abs(worth[:, None] - worth)) / (1 + np.exp(-np.abs(worth[:, None] - worth))) ** 2
    games = wins + wins.T + 2 / 4

    def variances(games: np.ndarray) -> float:
        information = games * outcome * (1 - np.eye(5))
        return float(np.trace(np.linalg.pinv(np.diag(information.sum(axis=1)) - information)))

    saved = variance_saved(wins)
    for a, b in [(0, 1), (1, 4), (2, 3)]:
        more = games.copy()
        more[a, b] += 1
        more[b, a] += 1
        assert saved[a, b] == pytest.approx(variances(games) - variances(more))
