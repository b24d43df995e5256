from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from charbench_plugins.tiny.lora import LoraAdapter, LoraFactors
from charbench_plugins.tiny.model import TinyModel
from charbench_plugins.tiny.transformer import logits
from charbench_plugins.tiny.weights import read_safetensors


def trained(model: TinyModel) -> LoraAdapter:
    """An adapter that changes something."""
    adapter = LoraAdapter.new(model.config, rank=4, alpha=8, seed=1)
    random = np.random.default_rng(0)
    for _, up in adapter.factors.values():
        up += random.normal(0, 0.05, up.shape).astype(np.float32)
    return adapter


def test_a_new_adapter_changes_nothing(model: TinyModel) -> None:
    inputs = np.arange(12)[None]
    np.testing.assert_array_equal(logits(model, inputs), logits(model, inputs, LoraAdapter.new(model.config)))


def test_a_saved_adapter_comes_back_in_peft_names(model: TinyModel, tmp_path: Path) -> None:
    adapter = trained(model)
    adapter.save(tmp_path)
    back = LoraAdapter.load(tmp_path)
    assert (back.rank, back.alpha, back.scale) == (4, 8, 2.0)
    assert back.factors.keys() == adapter.factors.keys()
    for path, factors in adapter.factors.items():
        np.testing.assert_array_equal(back.factors[path].down, factors.down)
        np.testing.assert_array_equal(back.factors[path].up, factors.up)
    names = read_safetensors(tmp_path / "adapter_model.safetensors").keys()
    assert "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight" in names
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert (config["peft_type"], config["r"], config["lora_alpha"]) == ("LORA", 4, 8)
    assert config["target_modules"] == [
        "down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj",
    ]  # fmt: skip


def test_merging_gives_the_same_model(model: TinyModel) -> None:
    adapter = trained(model)
    weights = {name: adapter.merged(name.removesuffix(".weight"), weight) for name, weight in model.weights.items()}
    inputs = np.random.default_rng(1).integers(0, 1000, (2, 20))
    np.testing.assert_allclose(
        logits(TinyModel(model.config, weights), inputs), logits(model, inputs, adapter), atol=1e-3
    )


def test_an_adapter_of_some_projections_only_is_used(model: TinyModel, tmp_path: Path) -> None:
    whole = trained(model)
    queries = {path: pair for path, pair in whole.factors.items() if path.endswith("q_proj")}
    LoraAdapter(whole.rank, whole.alpha, queries).save(tmp_path)
    inputs = np.arange(10)[None]
    with_queries = logits(model, inputs, LoraAdapter.load(tmp_path))
    assert not np.allclose(with_queries, logits(model, inputs), atol=1e-3)
    assert not np.allclose(with_queries, logits(model, inputs, whole), atol=1e-3)


@pytest.mark.parametrize("setting", [{"use_dora": True}, {"use_rslora": True}, {"rank_pattern": {"q_proj": 2}}])
def test_anything_but_plain_lora_is_refused(model: TinyModel, tmp_path: Path, setting: dict[str, object]) -> None:
    LoraAdapter.new(model.config).save(tmp_path)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    (tmp_path / "adapter_config.json").write_text(json.dumps(config | setting))
    with pytest.raises(ValueError, match="only plain LoRA"):
        LoraAdapter.load(tmp_path)


@pytest.mark.parametrize(("key", "value"), [("r", None), ("lora_alpha", "16"), ("r", 0), ("lora_alpha", True)])
def test_a_config_without_rank_or_scale_is_refused_by_name(
    model: TinyModel, tmp_path: Path, key: str, value: object
) -> None:
    LoraAdapter.new(model.config).save(tmp_path)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    (tmp_path / "adapter_config.json").write_text(json.dumps(config | {key: value}))
    with pytest.raises(ValueError, match=f"adapter_config.json: {key} is {value!r}"):
        LoraAdapter.load(tmp_path)


def test_an_adapter_of_another_model_is_refused(model: TinyModel) -> None:
    adapter = LoraAdapter.new(replace(model.config, hidden_size=64))
    with pytest.raises(ValueError, match="made for another model"):
        adapter.check_fits(model)


def test_a_copy_shares_nothing(model: TinyModel) -> None:
    adapter = trained(model)
    copy = adapter.copy()
    path = next(iter(adapter.factors))
    before = adapter.factors[path].up.copy()
    assert isinstance(copy.factors[path], LoraFactors)
    copy.factors[path].up[:] = 0
    np.testing.assert_array_equal(adapter.factors[path].up, before)
