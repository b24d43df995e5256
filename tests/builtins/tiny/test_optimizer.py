from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from charbench_plugins.tiny.optimizer import Adam


def test_the_first_step_is_one_learning_rate_against_the_gradient() -> None:
    parameters = {"x": np.zeros(3, np.float32)}
    Adam(parameters).step({"x": np.array([5.0, -0.001, 0.0], np.float32)}, learning_rate=0.1)
    np.testing.assert_allclose(parameters["x"], [-0.1, 0.1, 0.0], rtol=1e-4)


def test_it_finds_the_bottom_of_a_bowl() -> None:
    parameters = {"x": np.array([3.0, -2.0], np.float32)}
    optimizer = Adam(parameters)
    for _ in range(500):
        optimizer.step({"x": 2 * (parameters["x"] - 1)}, learning_rate=0.05)
    np.testing.assert_allclose(parameters["x"], 1.0, atol=1e-2)


def test_a_saved_state_goes_on_exactly(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    gradients = [{"x": random.normal(size=4).astype(np.float32)} for _ in range(6)]
    straight = {"x": np.ones(4, np.float32)}
    broken = {"x": np.ones(4, np.float32)}
    whole, first_half, second_half = Adam(straight), Adam(broken), Adam(broken)
    for gradient in gradients:
        whole.step(gradient, 0.01)
    for gradient in gradients[:3]:
        first_half.step(gradient, 0.01)
    first_half.save(tmp_path / "state")
    second_half.load(tmp_path / "state")
    for gradient in gradients[3:]:
        second_half.step(gradient, 0.01)
    np.testing.assert_array_equal(broken["x"], straight["x"])


def test_the_state_of_other_parameters_is_refused(tmp_path: Path) -> None:
    Adam({"x": np.ones(2, np.float32)}).save(tmp_path / "state")
    with pytest.raises(ValueError, match="other parameters"):
        Adam({"y": np.ones(2, np.float32)}).load(tmp_path / "state")
