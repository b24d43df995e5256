"""Saves a trained adapter as PEFT and the source ``huggingface`` read it."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from charbench import Checkpoint, Kind, kind_from_name, kind_from_path
from charbench_plugins.local.folders import ADAPTER_CONFIG, FILE, Weights
from charbench_plugins.local.loading import TOKENIZER, TOKENIZER_FILES, changes_the_base

TRAINING = "charbench_training.json"
"""Where the source ``huggingface`` finds again what an adapter was trained from and on."""


def free_folder(parent: Path, name: str) -> Path:
    """Return a folder of this name that is not there yet; the name ends with a number where it is."""
    folder, number = parent / name, 1
    while folder.exists():
        number += 1
        folder = parent / f"{name}-{number}"
    return folder


def save_adapter(model: Any, folder: Path, weights: Weights, root: Path, made: Checkpoint) -> None:
    """Save an adapter in a new folder, which appears when it is whole, with what ``made`` says of its training.

    It names its base model as people do: by the name that the adapter before it gave, or by the path of the model's
    folder, relative to the lab where it lies in it. The tokenizer goes with it where the adapter before it had its own.
    """
    draft = folder.with_name(f"{folder.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    save_weights(model, draft, weights)
    config = draft / ADAPTER_CONFIG
    said = json.loads(config.read_text("utf-8"))
    said["base_model_name_or_path"] = _base_name(weights, root)
    config.write_text(json.dumps(said, indent=2) + "\n", "utf-8")
    if weights.adapter is not None and (weights.adapter / TOKENIZER).is_file():
        for name in TOKENIZER_FILES:
            if (weights.adapter / name).is_file():
                shutil.copyfile(weights.adapter / name, draft / name)
    known = {"kind": made.kind.value, "base_model": made.base_model, **asdict(made.lineage), **made.metadata}
    (draft / TRAINING).write_text(json.dumps(known, indent=2) + "\n", "utf-8")
    draft.rename(folder)


def save_weights(model: Any, folder: Path, weights: Weights) -> None:
    """Save a model's adapter; its embeddings go with it where those of the adapter before it did."""
    before = weights.adapter is not None and changes_the_base(weights.adapter)
    model.save_pretrained(folder, save_embedding_layers=before)  # "auto" would look for the base model on the hub


def base_model(weights: Weights, root: Path) -> str | None:
    """Return what the model under all adapters is called: a model in the lab by its URI, as its source calls it.

    None where that is a trained one, as its path tells: what it was trained from, nothing says.
    """
    inside = _inside(weights.base, root)
    if inside is None:
        return weights.said
    trained = kind_from_path(inside) is not Kind.UNKNOWN or kind_from_name(weights.base.name) is not Kind.UNKNOWN
    return None if trained else f"{FILE}{inside}"


def _base_name(weights: Weights, root: Path) -> str:
    """Return what the new adapter is to call the model that it was trained on."""
    under = weights.adapters[-2] if len(weights.adapters) > 1 else weights.base
    if (inside := _inside(under, root)) is not None:
        return inside
    if weights.adapter is not None and not weights.said.startswith("."):
        return weights.said
    return str(under.resolve())


def _inside(folder: Path, root: Path) -> str | None:
    """Return a folder's path in the lab; None where it is elsewhere."""
    folder, root = folder.resolve(), root.resolve()
    return folder.relative_to(root).as_posix() if folder.is_relative_to(root) else None
