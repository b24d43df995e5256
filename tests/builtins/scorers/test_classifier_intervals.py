"""The classifier's intervals hold the rates of its threshold, which is learned from the texts that measure it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from charbench.analysis.wilson import wilson
from charbench_plugins.scorers.classifier import cross_fit
from charbench_plugins.scorers.classifier.cross_fit import held_out_hits, threshold
from charbench_plugins.scorers.classifier.learned_threshold import rate_intervals

TEXTS, MEANS = 60, (1.5, 0.0)
Interval = tuple[float, float]


def lab(seed: int) -> tuple[list[float], list[Interval], list[Interval]]:
    """Return true rates (recall, false), and intervals with a threshold that is taken for known, and as they are.

    Logits of texts in character and out of it are normal, so the true rates of any threshold are known.
    """
    dice = np.random.default_rng(seed)
    logits = np.concatenate([dice.normal(mean, 1, TEXTS) for mean in MEANS])
    positive, folds = np.arange(2 * TEXTS) < TEXTS, np.arange(2 * TEXTS) % 5
    negative = ~positive
    hits, level = held_out_hits(logits, negative, folds), threshold(logits[negative])
    rates = [wilson(int(hits[side].sum()), TEXTS) for side in (positive, negative)]
    known = [(rate.low, rate.high) for rate in rates]
    shares = [(rate.share, interval) for rate, interval in zip(rates, known, strict=True)]
    prompts = [str(number % TEXTS) for number in range(2 * TEXTS)]
    found = rate_intervals(shares, prompts, (positive, negative), negative, folds, logits)
    return [0.5 * math.erfc((level - mean) / math.sqrt(2)) for mean in MEANS], known, found


def share_held(labs: int, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Return how often the truth is held: rows are recall and false rate, columns the two kinds of intervals."""
    monkeypatch.setattr(cross_fit, "RESAMPLES", 200)
    held = [
        [[low <= rate <= high for low, high in pair] for rate, *pair in zip(*lab(seed), strict=True)]
        for seed in range(labs)
    ]
    return np.mean(held, axis=0)


def test_intervals_allow_for_a_threshold_that_is_learned_from_the_same_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    (known, learned), _ = share_held(4, monkeypatch)
    assert known < learned == 1


@pytest.mark.slow
def test_intervals_hold_the_true_rates_as_often_as_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    (known, learned), (_, of_false) = share_held(200, monkeypatch)
    error = math.sqrt(0.05 * 0.95 / 200)
    assert min(learned, of_false) > 0.95 - 2.6 * error
    assert known < 0.95 - 2.6 * error, "this is no test: the threshold hardly matters here"


def test_intervals_are_never_narrower_than_those_of_independent_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cross_fit, "RESAMPLES", 20)
    positive, folds = np.arange(40) < 20, np.arange(40) % 5
    logits = np.where(positive, 9.0, -9.0)
    known = [(1.0, (0.84, 1.0)), (0.0, (0.0, 0.16))]
    prompts = [str(number) for number in range(40)]
    found = rate_intervals(known, prompts, (positive, ~positive), ~positive, folds, logits)
    assert np.allclose([interval for _, interval in known], found)
