from __future__ import annotations

import numpy as np
import pytest

from charbench_plugins.tiny.sampling import choose_tokens, cut_to_nucleus, log_probabilities

PROBABILITIES = np.array([[0.1, 0.4, 0.2, 0.3]], np.float32)


@pytest.mark.parametrize(
    ("top_p", "kept"), [(0.01, [1]), (0.4, [1]), (0.41, [1, 3]), (0.85, [1, 2, 3]), (0.95, [0, 1, 2, 3])]
)
def test_the_nucleus_is_the_fewest_tokens_that_reach_top_p(top_p: float, kept: list[int]) -> None:
    probabilities = PROBABILITIES.copy()
    cut_to_nucleus(probabilities, top_p)
    assert np.flatnonzero(probabilities[0]).tolist() == kept


def test_draws_spread_as_the_probabilities_say() -> None:
    draws = np.random.default_rng(0).random(20_000, np.float32)
    logits = np.repeat(np.log(PROBABILITIES), len(draws), axis=0)
    shares = np.bincount(choose_tokens(logits, draws, 1.0, 1.0)) / len(draws)
    np.testing.assert_allclose(shares, PROBABILITIES[0], atol=0.015)
    sharper = np.bincount(choose_tokens(logits, draws, 0.5, 1.0)) / len(draws)
    np.testing.assert_allclose(sharper, PROBABILITIES[0] ** 2 / 0.3, atol=0.015)
    cut = np.bincount(choose_tokens(logits, draws, 1.0, 0.65), minlength=4) / len(draws)
    np.testing.assert_allclose(cut, [0, 4 / 7, 0, 3 / 7], atol=0.015)


@pytest.mark.parametrize("draw", [0.0, 1 - 2**-24])
def test_the_extreme_draws_choose_a_token_of_the_nucleus(draw: float) -> None:
    logits = np.random.default_rng(1).normal(size=(50, 1024)).astype(np.float32) * 5
    chosen = choose_tokens(logits, np.full(50, draw, np.float32), 0.7, 0.5)
    best_first = np.argsort(-logits, axis=-1)
    ranks = (best_first == chosen[:, None]).argmax(axis=-1)
    assert ranks.max() < 200


def test_temperature_zero_takes_the_most_probable() -> None:
    assert choose_tokens(np.log(PROBABILITIES), np.array([0.99], np.float32), 0.0, 1.0).tolist() == [1]


def test_log_probabilities_are_of_the_model_itself() -> None:
    logits = np.log(PROBABILITIES) + 7
    assert log_probabilities(logits, np.array([3])) == pytest.approx(np.log(0.3), rel=1e-5)
