from __future__ import annotations

import numpy as np
import pytest

from charbench_plugins.tiny.lora import LoraAdapter, LoraFactors
from charbench_plugins.tiny.model import TinyModel
from charbench_plugins.tiny.transformer import UNTRAINED, logits, loss_and_gradients


def in_float64(model: TinyModel) -> TinyModel:
    """Finite differences need more digits than float32 has."""
    return TinyModel(model.config, {name: array.astype(np.float64) for name, array in model.weights.items()})


def random_adapter(model: TinyModel) -> LoraAdapter:
    """In float64, and with both factors away from zero: at zero half of the gradients vanish."""
    random = np.random.default_rng(7)
    factors = {
        path: LoraFactors(down.astype(np.float64), random.normal(0, 0.02, up.shape))
        for path, (down, up) in LoraAdapter.new(model.config, rank=2, alpha=4).factors.items()
    }
    return LoraAdapter(2, 4, factors)


@pytest.mark.slow
def test_gradients_agree_with_finite_differences(model: TinyModel) -> None:
    model = in_float64(model)
    adapter = random_adapter(model)
    random = np.random.default_rng(1)
    inputs = random.integers(0, 1000, (2, 9))
    targets = random.integers(0, 1000, (2, 9))
    targets[:, :3] = targets[1, 7:] = UNTRAINED
    _, gradients = loss_and_gradients(model, adapter, inputs, targets)
    assert gradients.keys() == adapter.factors.keys()
    step = 1e-5
    for path in (key for key in adapter.factors if ".layers.0." in key or ".layers.3." in key):
        for factor, gradient in zip(adapter.factors[path], gradients[path], strict=True):
            place = tuple(int(random.integers(size)) for size in factor.shape)
            original = factor[place]
            factor[place] = original + step
            above, _ = loss_and_gradients(model, adapter, inputs, targets)
            factor[place] = original - step
            below, _ = loss_and_gradients(model, adapter, inputs, targets)
            factor[place] = original
            assert gradient[place] == pytest.approx((above - below) / (2 * step), rel=1e-4, abs=1e-8), path


def test_the_loss_is_the_mean_surprise_of_the_trained_tokens(model: TinyModel) -> None:
    random = np.random.default_rng(2)
    inputs = random.integers(0, 1000, (2, 6))
    targets = np.full((2, 6), UNTRAINED)
    targets[0, 4], targets[1, 2] = 5, 17
    loss, _ = loss_and_gradients(model, LoraAdapter.new(model.config), inputs, targets)
    scores = logits(model, inputs).astype(np.float64)
    log_totals = np.log(np.exp(scores).sum(axis=-1))
    surprises = [log_totals[0, 4] - scores[0, 4, 5], log_totals[1, 2] - scores[1, 2, 17]]
    assert loss == pytest.approx(np.mean(surprises), rel=1e-5)


def test_later_tokens_and_padding_change_nothing_before_them(model: TinyModel) -> None:
    inputs = np.random.default_rng(3).integers(0, 1000, (1, 12))
    changed = inputs.copy()
    changed[0, 8:] = 0
    np.testing.assert_allclose(logits(model, inputs)[:, :8], logits(model, changed)[:, :8], atol=1e-5)


def test_more_tokens_than_positions_are_refused(model: TinyModel) -> None:
    with pytest.raises(ValueError, match="1024 positions"):
        logits(model, np.zeros((1, 1025), np.int64))
