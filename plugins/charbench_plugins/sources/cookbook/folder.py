"""Reads the files of one log folder: ``config.json``, ``checkpoints.jsonl`` and ``metrics.jsonl``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from charbench import Kind, TinkerPath

CHECKPOINTS, CONFIG, METRICS, LOG = "checkpoints.jsonl", "config.json", "metrics.jsonl", "logs.log"
_TAIL_BYTES = 64 << 10
_TIMES = ("created_at", "time", "timestamp")


@dataclass(frozen=True, slots=True)
class Fault:
    """What could not be read: the file's name, the 1-based line or None, and why."""

    file: str
    line: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class RunConfig:
    """What ``config.json`` says of a run; None where it says nothing.

    Only the outermost values count: ``dataset_builder`` repeats some of them, and may be another run's.
    """

    base_model: str | None = None
    renderer: str | None = None
    parent: str | None = None
    dataset: str | None = None
    rank: int | None = None
    ttl_seconds: float | None = None
    kind: Kind = Kind.SFT

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> RunConfig:
        """Take what is needed from the file's content.

        ``dpo_beta`` marks DPO, ``kl_penalty_coef`` reinforcement learning (of unknown kind, here); the rest is SFT.
        """
        parent = TinkerPath.parse(str(config.get("load_checkpoint_path")))
        kind = Kind.SFT
        if config.get("dpo_beta") is not None:
            kind = Kind.DPO
        elif "kl_penalty_coef" in config:
            kind = Kind.UNKNOWN
        return cls(
            base_model=_text(config.get("model_name")),
            renderer=_text(config.get("renderer_name")),
            parent=str(parent) if parent else None,
            dataset=_dataset(config),
            rank=int(_number(config.get("lora_rank")) or 0) or None,
            ttl_seconds=_number(config.get("ttl_seconds")),
            kind=kind,
        )


def _dataset(config: Mapping[str, Any]) -> str | None:
    """Return the data's path, unless it is said beside another model: it is then left over from another run."""
    builder = config.get("dataset_builder")
    if not isinstance(builder, dict):
        return None
    common = builder.get("common_config")
    model = common.get("model_name_for_tokenizer") if isinstance(common, dict) else None
    return _text(builder.get("file_path")) if model in (None, config.get("model_name")) else None


@dataclass(frozen=True, slots=True)
class Save:
    """One line of ``checkpoints.jsonl``: the training state, and the sampler weights where there are some."""

    line: int
    name: str
    uris: tuple[str, ...]
    final: bool
    created_at: datetime | None
    metadata: Mapping[str, Any]


@dataclass(slots=True)
class LogFolder:
    """What a log folder holds."""

    config: RunConfig
    saves: list[Save] = field(default_factory=list)
    last_step: int | None = None
    faults: list[Fault] = field(default_factory=list)


def read_folder(path: Path) -> LogFolder:
    """Read a log folder; what cannot be read is among its faults."""
    faults: list[Fault] = []
    folder = LogFolder(_read_config(path / CONFIG, faults), faults=faults)
    folder.saves = list(_read_saves(path / CHECKPOINTS, folder.config, faults))
    folder.last_step = _last_step(path / METRICS)
    return folder


def _read_config(path: Path, faults: list[Fault]) -> RunConfig:
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return RunConfig(kind=Kind.UNKNOWN)
    except OSError as error:
        faults.append(Fault(CONFIG, None, f"cannot be read: {error.strerror or error}"))
        return RunConfig(kind=Kind.UNKNOWN)
    except ValueError as error:
        faults.append(Fault(CONFIG, getattr(error, "lineno", None), f"not JSON: {error}"))
        return RunConfig(kind=Kind.UNKNOWN)
    if not isinstance(content, dict):
        faults.append(Fault(CONFIG, 1, f"found {type(content).__name__}; a mapping is needed"))
        return RunConfig(kind=Kind.UNKNOWN)
    return RunConfig.of(content)


def _read_saves(path: Path, config: RunConfig, faults: list[Fault]) -> Iterator[Save]:
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return
    except OSError as error:
        faults.append(Fault(CHECKPOINTS, None, f"cannot be read: {error.strerror or error}"))
        return
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            faults.append(Fault(CHECKPOINTS, number, f"not JSON: {error}"))
            continue
        if not isinstance(row, dict):
            faults.append(Fault(CHECKPOINTS, number, f"found {type(row).__name__}; a mapping is needed"))
            continue
        yield _save(row, number, config, faults)


def _save(row: Mapping[str, Any], number: int, config: RunConfig, faults: list[Fault]) -> Save:
    uris = []
    for name in ("state_path", "sampler_path"):
        if row.get(name) is None:
            continue
        path = TinkerPath.parse(str(row[name]))
        if path is None:
            faults.append(Fault(CHECKPOINTS, number, f"{name} is {row[name]!r}, which is no Tinker path"))
        else:
            uris.append(str(path))
    final = row.get("final") is True or (row.get("final") is None and row.get("name") == "final")
    known = {
        "batch": row.get("batch"),
        "epoch": row.get("epoch"),
        "rank": config.rank,
        "final": final or None,
        # The cookbook keeps a run's last save for good, and the others for as long as the config says.
        "ttl_seconds": None if final else config.ttl_seconds,
    }
    metadata = {key: value for key, value in known.items() if value is not None}
    created_at = next((found for key in _TIMES if (found := _time(row.get(key)))), None)
    return Save(number, str(row.get("name") or ""), tuple(uris), final, created_at, metadata)


def _last_step(path: Path) -> int | None:
    """Return the step that the last whole line of the metrics tells of; None where nothing does."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = file.read().splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and isinstance(row.get("step"), int):
            return int(row["step"])
    return None


def _time(value: Any) -> datetime | None:
    """Return seconds since 1970, or ISO text, as a time in UTC without a zone."""
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC).replace(tzinfo=None)
        found = datetime.fromisoformat(value)
        return (found.astimezone(UTC) if found.tzinfo else found).replace(tzinfo=None)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: Any) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
