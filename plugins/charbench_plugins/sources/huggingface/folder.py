"""What a folder with weights says of itself, in the small files beside them: the weights are never opened."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from charbench import FileFault, ReadLimits, read_json, read_lines
from charbench_plugins.sources.huggingface.layout import ADAPTER_CONFIG, numbered, save_folder

MODEL_CONFIG, TRAINER_STATE = "config.json", "trainer_state.json"
ARGUMENTS = "training_args.yaml"
"""What LLaMA-Factory writes beside an adapter: with which ``stage`` it was trained."""
_STAGE = re.compile(rb"stage:\s*['\"]?([a-z]+)")
TRAINING = "charbench_training.json"
"""What trainer ``peft-sft`` writes beside an adapter: what it was trained from and on."""
_WEIGHTS = re.compile(r"(?:(?:pytorch_)?model|adapter_model)(?:-\d+-of-\d+)?\.(?:safetensors|bin)(?:\.index\.json)?")
_TAG = re.compile(rb"^\s*-\s*([^\n]+?)\s*$|^tags:\s*\[([^\]]*)\]", re.MULTILINE)
_KIND_OF_TAG = {
    "sft": "sft", "dpo": "dpo", "orpo": "dpo", "kto": "dpo", "grpo": "rl", "ppo": "rl", "rloo": "rl",
    "reward-trainer": "reward_model", "reward": "reward_model",
}  # fmt: skip
_KIND_OF_STAGE = {"sft": "sft", "dpo": "dpo", "kto": "dpo", "ppo": "rl", "rm": "reward_model"}
_CARD_LINES = 60
_MOST_ARGUMENTS = 1000


@dataclass(slots=True)
class ModelFolder:
    """One folder with weights. ``kind`` is what its files say that it was trained with, None where they do not.

    ``base`` is the name, or the path, of the model that it was trained from; ``step`` and ``total_steps`` count
    optimizer steps, ``loss`` is the last training loss in nats per token. None: not known.
    """

    path: Path
    run: Path
    """The folder of the run that it is a save of."""
    config: str
    """Name of the file that says what it is."""
    base: str | None = None
    kind: str | None = None
    step: int | None = None
    total_steps: int | None = None
    loss: float | None = None
    trained: dict[str, str] = field(default_factory=dict)
    """What charbench itself wrote of its training: parent, dataset, renderer, recipe, base_model."""
    metadata: dict[str, Any] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)
    """Names of files that could not be read, each with the reason."""


def read_folder(path: Path, run: Path, config: str, limits: ReadLimits) -> ModelFolder | None:
    """Return what the files of a folder, a save of ``run``, say; None where it holds no weights, or is no model's."""
    found = ModelFolder(path, run, config)
    said = _mapping(found, config, limits)
    if not _has_weights(path) or (said is None and not found.problems):
        return None
    if config == ADAPTER_CONFIG:
        _read_adapter(found, said or {})
    elif said is not None and not ("model_type" in said or "architectures" in said):
        return None
    else:
        _read_model(found, said or {})
    _read_state(found, _mapping(found, TRAINER_STATE, limits) or {})
    if config == ADAPTER_CONFIG:
        _read_training(found, _mapping(found, TRAINING, limits) or {})
    save = save_folder(path)
    if save != path and "critic" in path.relative_to(save).parts:
        found.kind = "reward_model"
    found.kind = found.kind or _kind_of_arguments(run, limits) or _kind_of_card(path / "README.md", limits)
    return found


def without_weights(path: Path, config: str, limits: ReadLimits) -> bool:
    """Whether a folder describes an adapter whose weights are not there: a copy without large files, say."""
    if config != ADAPTER_CONFIG or _has_weights(path):
        return False
    try:
        said = read_json(path / config, limits)
    except (FileFault, OSError):
        return False
    return isinstance(said, dict) and _text(said, "base_model_name_or_path") is not None


def _read_adapter(found: ModelFolder, said: Mapping[str, Any]) -> None:
    found.base = _text(said, "base_model_name_or_path")
    if said.get("task_type") == "SEQ_CLS":
        found.kind = "reward_model"
    found.metadata |= {
        "format": "adapter",
        "rank": _whole(said, "r"),
        "lora_alpha": _whole(said, "lora_alpha"),
        "peft_type": _text(said, "peft_type"),
    }


def _read_training(found: ModelFolder, said: Mapping[str, Any]) -> None:
    texts = {name: _text(said, name) for name in ("parent", "dataset", "renderer", "recipe", "base_model")}
    found.trained = {name: text for name, text in texts.items() if text is not None}
    if said.get("kind") in _KIND_OF_TAG.values():
        found.kind = said["kind"]


def _read_model(found: ModelFolder, said: Mapping[str, Any]) -> None:
    found.base = _text(said, "_name_or_path")
    architectures = said.get("architectures")
    if isinstance(architectures, list) and any("SequenceClassification" in str(name) for name in architectures):
        found.kind = "reward_model"
    found.metadata |= {"format": "model", "model_type": _text(said, "model_type")}


def _read_state(found: ModelFolder, state: Mapping[str, Any]) -> None:
    found.step, found.total_steps = _whole(state, "global_step"), _whole(state, "max_steps")
    history = state.get("log_history")
    history = [row for row in history if isinstance(row, dict)] if isinstance(history, list) else []
    found.loss = next((_number(row, "loss") for row in reversed(history) if _number(row, "loss") is not None), None)
    logged = {name for row in history for name in row}
    if found.kind is None and "rewards/chosen" in logged:
        found.kind = "dpo"
    elif found.kind is None and logged & {"kl", "reward", "rewards/mean"}:
        found.kind = "rl"
    named = numbered(save_folder(found.path).name)
    if named and named[0] == "epoch":
        found.metadata["epoch"] = named[1]
    elif found.step is None and named:
        found.step = named[1]


def _kind_of_arguments(run: Path, limits: ReadLimits) -> str | None:
    """Return the kind that LLaMA-Factory's arguments of a run say."""
    try:
        for number, line in read_lines(run / ARGUMENTS, limits):
            if number > _MOST_ARGUMENTS or isinstance(line, FileFault):
                break
            if stage := _STAGE.match(line):
                return _KIND_OF_STAGE.get(stage[1].decode())
    except OSError:
        pass
    return None


def _kind_of_card(card: Path, limits: ReadLimits) -> str | None:
    """Return the kind that a model card's tags name, as TRL writes them."""
    head: list[bytes] = []
    try:
        for number, line in read_lines(card, limits):
            if number > _CARD_LINES or isinstance(line, FileFault):
                break
            head.append(line)
    except OSError:
        return None
    tags = [
        tag.strip(" '\"\n")
        for item in _TAG.findall(b"".join(head))
        for tag in b",".join(item).decode("latin-1").split(",")
    ]
    kinds = {_KIND_OF_TAG[tag] for tag in tags if tag in _KIND_OF_TAG}
    return kinds.pop() if len(kinds) == 1 else None


def _has_weights(path: Path) -> bool:
    try:
        return any(_WEIGHTS.fullmatch(entry.name) for entry in path.iterdir())
    except OSError:
        return False


def _mapping(found: ModelFolder, name: str, limits: ReadLimits) -> Mapping[str, Any] | None:
    try:
        said = read_json(found.path / name, limits)
    except FileNotFoundError:
        return None
    except FileFault as fault:
        found.problems.append((name, fault.reason))
        return None
    return said if isinstance(said, dict) else None


def _text(said: Mapping[str, Any], name: str) -> str | None:
    value = said.get(name)
    return value[:500] if isinstance(value, str) and value.strip() else None


def _whole(said: Mapping[str, Any], name: str) -> int | None:
    value = said.get(name)
    return value if type(value) is int and 0 <= value < 2**53 else None


def _number(said: Mapping[str, Any], name: str) -> float | None:
    value = said.get(name)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and value == value else None
