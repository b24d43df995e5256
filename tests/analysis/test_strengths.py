"""Bradley–Terry strengths against another optimizer, and labs whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize

from charbench.analysis.bradley_terry import fit
from charbench.analysis.games import Game
from charbench.analysis.strengths import strengths, term_interval


def lab(seed: int, truth: np.ndarray, games: int, prompts: int = 30, first: float = 0.0) -> list[Game]:
    """Return games of random pairs, judged in both orders by a judge that favours what is shown first."""
    rng = np.random.default_rng(seed)
    played = []
    for _ in range(games * truth.size // 2):
        a, b = (int(number) for number in rng.choice(truth.size, 2, replace=False))
        gap = truth[a] - truth[b] + rng.logistic()
        orders = float(gap + first > 0), float(gap - first > 0)
        shown_first = (orders[0] + 1 - orders[1]) / 2
        played.append(Game(a, b, sum(orders) / 2, int(rng.integers(prompts)), 0.0, shown_first))
    return played


def values(games: list[Game], count: int) -> list[float]:
    return [strength.value for strength in strengths(games, count)]


@pytest.mark.slow
def test_the_estimate_is_where_the_likelihood_times_jeffreys_prior_is_greatest() -> None:
    truth = np.array([0.5, -1.0, 0.2, 1.3])
    games = lab(8, truth, 40, first=0.5)
    found = fit(games, 4)
    # The power of the prior is the dispersion at the estimate with power 1; half a game a verdict.
    rows = [(g.first, g.second, o, x) for g in games for o, x in zip(_orders(g), (1, -1), strict=True)]
    design = np.zeros((len(rows), 5))
    for number, (a, b, _, sign) in enumerate(rows):
        design[number, [a, b, 4]] = 1, -1, sign
    outcome = np.array([row[2] for row in rows])
    basis = np.linalg.svd(np.ones((1, 4)))[2][1:]  # strengths of mean 0
    reduced = design @ np.block([[basis.T, np.zeros((4, 1))], [np.zeros((1, 3)), np.ones((1, 1))]])

    def loss(at: np.ndarray, power: float) -> float:
        logit = reduced @ at
        chance = 1 / (1 + np.exp(-logit))
        information = reduced.T @ (reduced * (chance * (1 - chance) / 2)[:, None])
        information[-1, -1] += 0.04
        jeffreys = float(np.linalg.slogdet(information)[1]) / 2
        return float((np.logaddexp(0, logit) - outcome * logit).sum() / 2 + 0.04 * at[-1] ** 2 / 2 - power * jeffreys)

    gaps = [
        np.abs(np.append(basis.T @ best[:3], best[3]) - np.append(found.strengths, found.position)).max()
        for power in np.linspace(0.5, 1.5, 101)
        for best in [optimize.minimize(loss, np.zeros(4), args=(power,), method="BFGS").x]
    ]
    assert min(gaps) < 2e-3
    assert gaps[0] > 2e-3


def _orders(game: Game) -> tuple[float, float]:
    assert game.shown_first is not None
    return game.result + game.shown_first - 0.5, game.result - game.shown_first + 0.5


def test_a_checkpoint_that_won_every_game_has_a_finite_strength_and_an_interval() -> None:
    games = [Game(0, 1, 1.0, prompt) for prompt in range(8)] + [Game(1, 2, float(n % 2), n) for n in range(8)]
    found = strengths(games, 3)
    assert found[0].value == max(one.value for one in found) < 5
    assert all(one.low < one.value < one.high for one in found)


def test_a_tie_is_half_a_win_for_each() -> None:
    assert values([Game(0, 1, 0.5, "a"), Game(1, 0, 0.5, "b")], 2) == pytest.approx([0, 0])
    halves = [Game(0, 1, 0.75, n) for n in range(8)]
    mixed = [Game(0, 1, float(n % 4 > 0), n) for n in range(8)]
    assert fit(halves, 2).strengths[0] == pytest.approx(fit(mixed, 2).strengths[0], abs=0.2)


def test_the_order_of_the_games_and_who_is_called_the_first_do_not_matter() -> None:
    games = lab(9, np.array([0.0, 1.0, 2.0, 0.5]), 30, first=0.7)
    turned = [
        Game(g.second, g.first, 1 - g.result, g.prompt, 0.0, g.shown_first) for g in reversed(games)
    ]  # fmt: skip
    assert values(games, 4) == pytest.approx(values(turned, 4), abs=1e-6)


def test_intervals_are_over_prompts() -> None:
    rng = np.random.default_rng(10)
    # Every prompt has one winner for all its games: 200 games tell no more than 10 prompts.
    alike = [Game(0, 1, float(prompt % 2), prompt) for prompt in range(10) for _ in range(20)]
    each = [Game(0, 1, float(rng.random() < 0.5), number) for number in range(200)]
    wide, narrow = (strengths(games, 2)[0] for games in (alike, each))
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)
    assert wide.games == 200


def test_with_one_prompt_there_is_no_interval() -> None:
    found = strengths([Game(0, 1, 1.0, "only")], 2)
    assert found[0].value > found[1].value
    assert all(math.isnan(strength.low) for strength in found)


def test_those_that_no_chain_of_games_connects_say_nothing_of_each_other() -> None:
    games = [Game(a, a + 1, float(n % 4 > 0), n) for a in (0, 2) for n in range(12)]
    found = fit([*games], 5)
    assert found.groups.tolist() == [0, 0, 1, 1, 2]
    assert np.isinf(found.errors_of_pairs()[0, 2])
    together = strengths(games, 5)
    assert together[0].high - together[0].low < 4
    assert math.isnan(together[4].low)


def test_a_judge_that_favours_what_is_shown_first_makes_no_strength_smaller() -> None:
    truth = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    games = lab(4, truth, 400, first=2.0)
    found = fit(games, 5)
    low, high = term_interval(found, "position")[1:]
    assert low < 2 < high
    assert np.polyfit(truth, found.strengths, 1)[0] == pytest.approx(1, abs=0.1)
    assert np.polyfit(truth, fit(games, 5, position=False).strengths, 1)[0] < 0.7


@pytest.mark.slow
@pytest.mark.parametrize("spread", [1.0, 3.0])
def test_strengths_are_neither_too_far_apart_nor_too_close(spread: float) -> None:
    slopes, covered = [], []
    for seed in range(20):
        truth = np.random.default_rng(1000 + seed).normal(0, spread, 50)
        truth -= truth.mean()
        found = strengths(lab(seed, truth, 30), 50)
        slopes.append(np.polyfit(truth, [one.value for one in found], 1)[0])
        covered += [one.low <= t <= one.high for one, t in zip(found, truth, strict=True)]
    assert 0.95 <= np.mean(slopes) <= 1.05
    assert 0.93 <= np.mean(covered) <= 0.99


def test_games_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot play each other"):
        fit([Game(1, 1, 1.0)], 2)
    with pytest.raises(ValueError, match="not between 0 and 1"):
        fit([Game(0, 1, 2.0)], 2)
