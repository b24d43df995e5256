"""The frozen model: its configuration and its weights, as Hugging Face stores a Qwen3."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .arrays import FloatArray
from .weights import read_safetensors

BASE_DIRECTORY = Path(__file__).parent / "base"
"""The model that ships with charbench. ``tools/tinylab/pretrain.py`` made it."""

PROJECTIONS = (
    "self_attn.q_proj",
    "self_attn.k_proj",
    "self_attn.v_proj",
    "self_attn.o_proj",
    "mlp.gate_proj",
    "mlp.up_proj",
    "mlp.down_proj",
)
"""The linear maps of one decoder layer: everything that LoRA can adapt."""


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """The sizes that decide every array's shape."""

    vocabulary_size: int
    hidden_size: int
    feed_forward_size: int
    layer_count: int
    query_heads: int
    key_value_heads: int
    head_size: int
    context_length: int
    """Positions the model was made for: prompt and completion together must fit."""
    rms_epsilon: float
    rope_base: float
    end_token_ids: tuple[int, ...]
    """Tokens that end the assistant's turn (``<|im_end|>``)."""

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ModelConfig:
        """Read Hugging Face's ``config.json``.

        Raises:
            ValueError: the file describes a model that this code would compute wrongly.
        """
        rope = values.get("rope_parameters") or {}
        _require(values, "model_type", "qwen3")
        _require(values, "tie_word_embeddings", True)
        _require(values, "attention_bias", False)
        _require({"rope_type": "default", **rope}, "rope_type", "default")
        end = values["eos_token_id"]
        return cls(
            vocabulary_size=values["vocab_size"],
            hidden_size=values["hidden_size"],
            feed_forward_size=values["intermediate_size"],
            layer_count=values["num_hidden_layers"],
            query_heads=values["num_attention_heads"],
            key_value_heads=values["num_key_value_heads"],
            head_size=values["head_dim"],
            context_length=values["max_position_embeddings"],
            rms_epsilon=values["rms_norm_eps"],
            rope_base=rope.get("rope_theta") or values.get("rope_theta") or 10_000.0,
            end_token_ids=tuple(end) if isinstance(end, list) else (end,),
        )

    def projection_shapes(self) -> dict[str, tuple[int, int]]:
        """(outputs, inputs) of each of a layer's ``PROJECTIONS``."""
        queries = self.query_heads * self.head_size
        keys = self.key_value_heads * self.head_size
        hidden, inner = self.hidden_size, self.feed_forward_size
        sizes = [(queries, hidden), (keys, hidden), (keys, hidden), (hidden, queries)]
        sizes += [(inner, hidden), (inner, hidden), (hidden, inner)]
        return dict(zip(PROJECTIONS, sizes, strict=True))


@dataclass(frozen=True, slots=True)
class TinyModel:
    """A configuration and the frozen weights, by Hugging Face's tensor names."""

    config: ModelConfig
    weights: Mapping[str, FloatArray]

    @classmethod
    def load(cls, path: Path | None = None) -> TinyModel:
        """Read ``config.json`` and ``model.safetensors`` from a folder.

        Args:
            path: the model's folder; None means the model that ships with charbench.

        Raises:
            FileNotFoundError: there is no model in the folder.
            ValueError: it is not a Qwen3 with tied embeddings, or its file is damaged.
        """
        folder = BASE_DIRECTORY if path is None else path
        config = ModelConfig.from_json(json.loads((folder / "config.json").read_text("utf-8")))
        return cls(config, read_safetensors(folder / "model.safetensors"))

    @property
    def embedding(self) -> FloatArray:
        """[V, D]. Tied: row v is token v's input vector, and also what its logit is measured with."""
        return self.weights["model.embed_tokens.weight"]

    @property
    def final_gain(self) -> FloatArray:
        """[D]: the gain of the RMSNorm after the last layer."""
        return self.weights["model.norm.weight"]

    def gain(self, layer: int, name: str) -> FloatArray:
        """The gain of one of a layer's RMSNorms, such as ``input_layernorm`` or ``self_attn.q_norm``."""
        return self.weights[f"model.layers.{layer}.{name}.weight"]

    def projection(self, layer: int, name: str) -> FloatArray:
        """[outputs, inputs]: the frozen weight of one of ``PROJECTIONS``."""
        return self.weights[f"{projection_path(layer, name)}.weight"]

    def parameter_count(self) -> int:
        """Numbers in all weights; the tied embedding counts once."""
        return sum(tensor.size for tensor in self.weights.values())


def projection_path(layer: int, name: str) -> str:
    """The name by which PEFT and Hugging Face know a projection: ``model.layers.0.self_attn.q_proj``."""
    return f"model.layers.{layer}.{name}"


def _require(values: Mapping[str, Any], key: str, expected: object) -> None:
    found = values.get(key, expected)
    if found != expected:
        raise ValueError(f"the tiny lab reads models with {key}={expected!r} only; this one has {found!r}")
