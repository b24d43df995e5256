from __future__ import annotations

import json
from pathlib import Path

import pytest

from charbench_plugins.tiny.model import BASE_DIRECTORY, ModelConfig, TinyModel


def test_the_shipped_base_is_the_size_it_says(model: TinyModel) -> None:
    assert model.parameter_count() == 918_912
    assert model.embedding.shape == (model.config.vocabulary_size, model.config.hidden_size)
    for name, shape in model.config.projection_shapes().items():
        assert model.projection(3, name).shape == shape


@pytest.mark.parametrize(
    "change",
    [{"model_type": "llama"}, {"tie_word_embeddings": False}, {"rope_parameters": {"rope_type": "yarn"}}],
)
def test_a_model_that_would_be_computed_wrongly_is_refused(change: dict[str, object]) -> None:
    values = json.loads((BASE_DIRECTORY / "config.json").read_text())
    with pytest.raises(ValueError, match="reads models with"):
        ModelConfig.from_json(values | change)


def test_an_empty_folder_is_not_a_model(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        TinyModel.load(tmp_path)
