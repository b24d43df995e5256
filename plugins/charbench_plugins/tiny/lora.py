"""LoRA adapters (Hu et al. 2021, arXiv:2106.09685), stored as PEFT stores them.

Instead of changing a frozen weight W, an adapter learns two thin matrices whose product is added to it:
W + (alpha / rank) · B A. PEFT calls them ``lora_A`` and ``lora_B``; here they are ``down`` and ``up``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .arrays import FloatArray
from .model import ModelConfig, TinyModel, projection_path
from .weights import read_safetensors, write_safetensors

CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"

_PREFIX = "base_model.model."
_PLAIN = {
    "peft_type": "LORA",
    "bias": "none",
    "fan_in_fan_out": False,
    "use_dora": False,
    "use_rslora": False,
    "modules_to_save": None,
    "rank_pattern": {},
    "alpha_pattern": {},
}
"""The settings of ``adapter_config.json`` under which the formula above is the whole truth."""


class LoraFactors(NamedTuple):
    """The two factors of one projection, or their gradients."""

    down: FloatArray
    """[R, inputs]; PEFT's ``lora_A``."""
    up: FloatArray
    """[outputs, R]; PEFT's ``lora_B``."""


@dataclass(frozen=True, slots=True)
class LoraAdapter:
    """Factors by projection path (``model.layers.0.self_attn.q_proj``). Training changes them in place."""

    rank: int
    alpha: float
    factors: Mapping[str, LoraFactors]

    @property
    def scale(self) -> float:
        """What the product of the factors is multiplied by before it is added."""
        return self.alpha / self.rank

    @classmethod
    def new(cls, config: ModelConfig, *, rank: int = 8, alpha: float = 16, seed: int = 0) -> LoraAdapter:
        """An adapter of every projection that changes nothing yet.

        ``up`` starts at zero, so that the product is zero; ``down`` starts uniform in ±1/√inputs, as in PEFT.
        """
        if rank < 1:
            raise ValueError(f"a LoRA rank is at least 1, not {rank}")
        random = np.random.default_rng(seed)
        factors = {}
        for layer in range(config.layer_count):
            for name, (outputs, inputs) in config.projection_shapes().items():
                bound = inputs**-0.5
                down = random.uniform(-bound, bound, (rank, inputs)).astype(np.float32)
                up = np.zeros((outputs, rank), np.float32)
                factors[projection_path(layer, name)] = LoraFactors(down, up)
        return cls(rank, alpha, factors)

    @classmethod
    def load(cls, directory: Path) -> LoraAdapter:
        """Read ``adapter_config.json`` and ``adapter_model.safetensors``.

        Raises:
            FileNotFoundError: the folder holds no adapter.
            ValueError: it is not plain LoRA (DoRA, rank patterns, trained biases and so on).
        """
        config: dict[str, Any] = json.loads((directory / CONFIG_FILE).read_text("utf-8"))
        for key, plain in _PLAIN.items():
            if (config.get(key) or plain) != plain:
                raise ValueError(f"{directory}: only plain LoRA can be used; this has {key}={config[key]!r}")
        for key in ("r", "lora_alpha"):
            if not isinstance(config.get(key), (int, float)) or isinstance(config[key], bool) or config[key] <= 0:
                raise ValueError(f"{directory / CONFIG_FILE}: {key} is {config.get(key)!r}; a number above 0 is needed")
        tensors = read_safetensors(directory / WEIGHTS_FILE)
        factors = {}
        for name in tensors:
            path = name.removeprefix(_PREFIX).removesuffix(".lora_A.weight")
            if name == _tensor_name(path, "A") and _tensor_name(path, "B") in tensors:
                factors[path] = LoraFactors(tensors[name], tensors[_tensor_name(path, "B")])
        if len(tensors) != 2 * len(factors):
            raise ValueError(f"{directory}: {WEIGHTS_FILE} holds tensors that are not pairs of LoRA factors")
        return cls(config["r"], config["lora_alpha"], factors)

    def save(self, directory: Path) -> None:
        """Write the two files that ``peft.PeftModel.from_pretrained`` reads."""
        directory.mkdir(parents=True, exist_ok=True)
        tensors = {}
        for path, (down, up) in self.factors.items():
            tensors[_tensor_name(path, "A")] = down
            tensors[_tensor_name(path, "B")] = up
        write_safetensors(directory / WEIGHTS_FILE, tensors)
        config = {
            **_PLAIN,
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": "",
            "inference_mode": True,
            "r": self.rank,
            "lora_alpha": self.alpha,
            "lora_dropout": 0.0,
            "target_modules": sorted({path.rpartition(".")[2] for path in self.factors}),
        }
        (directory / CONFIG_FILE).write_text(json.dumps(config, indent=2) + "\n", "utf-8")

    def copy(self) -> LoraAdapter:
        """The same adapter with arrays of its own, for a run that shall not change the original."""
        factors = {path: LoraFactors(down.copy(), up.copy()) for path, (down, up) in self.factors.items()}
        return LoraAdapter(self.rank, self.alpha, factors)

    def check_fits(self, model: TinyModel) -> None:
        """Raise where using this adapter with ``model`` would be wrong.

        Raises:
            ValueError: the adapter was made for a model of another shape.
        """
        for path, (down, up) in self.factors.items():
            weight = model.weights.get(f"{path}.weight")
            if weight is None or weight.shape != (up.shape[0], down.shape[1]):
                raise ValueError(f"the adapter was made for another model: {path} does not fit")

    def merged(self, path: str, weight: FloatArray) -> FloatArray:
        """W + s · B A: one matrix that does what the two thin ones and W did; for sampling."""
        if path not in self.factors:
            return weight
        down, up = self.factors[path]
        return weight + self.scale * (up @ down)


def _tensor_name(path: str, factor: str) -> str:
    return f"{_PREFIX}{path}.lora_{factor}.weight"
