"""Reads a run's configuration, tinker-cookbook's ``config.json``: what a run was trained from, with what, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charbench import FileFault, Kind, ReadLimits, TinkerPath, kind_from_name, read_json

CONFIG = "config.json"
_KINDS = ("stage", "training_type", "method", "algorithm", "loss")


@dataclass(frozen=True, slots=True)
class Fault:
    """What could not be read: the file's name, the 1-based line or None, and why."""

    file: str
    line: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class CookbookConfig:
    """What ``config.json`` says of a run; None where it says nothing.

    Only the outermost values count: ``dataset_builder`` repeats some of them, and may be another run's.
    """

    base_model: str | None = None
    renderer: str | None = None
    parent: str | None = None
    dataset: str | None = None
    rank: int | None = None
    ttl_seconds: float | None = None
    rolling_ttl_seconds: float | None = None
    kind: Kind = Kind.UNKNOWN
    persona: str | None = None
    is_there: bool = False

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> CookbookConfig:
        """Take what is needed from the file's content."""
        parent = TinkerPath.parse(str(config.get("load_checkpoint_path")))
        rank = config.get("lora_rank")
        return cls(
            base_model=_text(config.get("model_name")) or _text(config.get("base_model")),
            renderer=_text(config.get("renderer_name")),
            parent=str(parent) if parent else None,
            dataset=_dataset(config),
            rank=rank if isinstance(rank, int) else None,
            ttl_seconds=seconds(config.get("ttl_seconds")),
            rolling_ttl_seconds=seconds(config.get("rolling_ttl_seconds")),
            kind=_kind(config),
            persona=_text(config.get("persona")),
            is_there=True,
        )


def _kind(config: Mapping[str, Any]) -> Kind:
    """Return the kind of training that the fields are for: UNKNOWN where they are what all kinds have.

    ``dpo_beta`` marks DPO; ``kl_penalty_coef`` or ``rm_weights_path`` reinforcement learning; pairs without a
    ``dpo_beta`` train a reward model. Else a field may name it: ``stage: dpo``.
    """
    if config.get("dpo_beta") is not None:
        return Kind.DPO
    if "kl_penalty_coef" in config or config.get("rm_weights_path"):
        return Kind.RL
    builder = config.get("dataset_builder")
    if isinstance(builder, dict) and "comparison_builder" in builder:
        return Kind.REWARD_MODEL
    kinds = (kind_from_name(text) for name in _KINDS if (text := _text(config.get(name))))
    return next((kind for kind in kinds if kind not in (Kind.UNKNOWN, Kind.BASE)), Kind.UNKNOWN)


def _dataset(config: Mapping[str, Any]) -> str | None:
    """Return the data's path, unless it is said beside another model: it is then left over from another run."""
    builder = config.get("dataset_builder")
    if not isinstance(builder, dict):
        return None
    common = builder.get("common_config")
    model = common.get("model_name_for_tokenizer") if isinstance(common, dict) else None
    pairs = builder.get("comparison_builder")
    path = builder.get("file_path") or (pairs.get("data_path") if isinstance(pairs, dict) else None)
    return _text(path) if model in (None, config.get("model_name")) else None


def read_config(path: Path, faults: list[Fault], limits: ReadLimits) -> CookbookConfig:
    """Read the file; a folder without one, or with a broken one, says nothing."""
    try:
        content = read_json(path, limits)
    except FileNotFoundError:
        return CookbookConfig()
    except FileFault as fault:
        faults.append(Fault(CONFIG, fault.line, fault.reason))
        return CookbookConfig()
    if not isinstance(content, dict):
        faults.append(Fault(CONFIG, 1, f"found {type(content).__name__}; a mapping is needed"))
        return CookbookConfig()
    return CookbookConfig.of(content)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def seconds(value: Any) -> float | None:
    """Return a number of seconds as it is, None for what is none."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
