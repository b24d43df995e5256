"""Adam (Kingma & Ba 2014, arXiv:1412.6980), with a state that can be saved and taken up again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from .arrays import FloatArray
from .weights import read_metadata, read_safetensors, write_safetensors


class Adam:
    """Changes parameters in place, each entry by about one learning rate per step.

        m ← β₁ m + (1 - β₁) g                a running mean of the gradient: the direction
        v ← β₂ v + (1 - β₂) g²               a running mean of its square: the size to divide by
        θ ← θ - η · m̂ / (√v̂ + ε)             m̂ = m / (1 - β₁ᵗ), v̂ = v / (1 - β₂ᵗ)

    The hats undo that both means start at zero. There is no weight decay: an adapter starts as no change.
    """

    def __init__(
        self,
        parameters: Mapping[str, FloatArray],
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
    ) -> None:
        self.parameters = parameters
        self.betas = betas
        self.epsilon = epsilon
        self.steps_taken = 0
        self._first = {name: np.zeros_like(array) for name, array in parameters.items()}
        self._second = {name: np.zeros_like(array) for name, array in parameters.items()}

    def step(self, gradients: Mapping[str, FloatArray], learning_rate: float) -> None:
        """Change every parameter once. ``gradients`` has the parameters' names and shapes."""
        self.steps_taken += 1
        first_beta, second_beta = self.betas
        first_correction = 1.0 - first_beta**self.steps_taken
        second_correction = 1.0 - second_beta**self.steps_taken
        for name, parameter in self.parameters.items():
            gradient, first, second = gradients[name], self._first[name], self._second[name]
            first *= first_beta
            first += (1.0 - first_beta) * gradient
            second *= second_beta
            second += (1.0 - second_beta) * np.square(gradient)
            denominator = np.sqrt(second) / math.sqrt(second_correction) + self.epsilon
            parameter -= (learning_rate / first_correction) * first / denominator

    def save(self, path: Path) -> None:
        """Write both means and the number of steps to a safetensors file."""
        tensors = {f"first.{name}": array for name, array in self._first.items()}
        tensors |= {f"second.{name}": array for name, array in self._second.items()}
        write_safetensors(path, tensors, {"steps_taken": str(self.steps_taken)})

    def load(self, path: Path) -> None:
        """Take up a saved state.

        Raises:
            ValueError: the state belongs to other parameters.
        """
        tensors = read_safetensors(path)
        expected = {f"{kind}.{name}" for kind in ("first", "second") for name in self.parameters}
        if tensors.keys() != expected:
            raise ValueError(f"{path} holds the optimizer state of other parameters")
        self.steps_taken = int(read_metadata(path)["steps_taken"])
        self._first = {name: tensors[f"first.{name}"] for name in self.parameters}
        self._second = {name: tensors[f"second.{name}"] for name in self.parameters}
