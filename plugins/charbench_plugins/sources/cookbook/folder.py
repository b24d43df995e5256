"""Reads one log folder: what was saved, with which configuration, and how far the run came."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from charbench import FileFault, ReadLimits, TinkerPath, parse_json, read_jsonl
from charbench_plugins.sources.run_config import CONFIG, CookbookConfig, Fault, read_config, seconds
from charbench_plugins.sources.times import utc

CHECKPOINTS, METRICS, LOG = "checkpoints.jsonl", "metrics.jsonl", "logs.log"
FILES = frozenset({CHECKPOINTS, METRICS, LOG, CONFIG, "code.diff"})
"""What the cookbook writes into a log folder."""
_ENDS = (f"_{CHECKPOINTS}", f"-{CHECKPOINTS}")
"""Ends of names of lists of saves that were put together in one folder: ``results/pirate_checkpoints.jsonl``."""
ENDS = (*_ENDS, *sorted(FILES))
"""Ends of the names of all files that may be a run's."""
_OF_A_SAVE = (b'"state_path"', b'"sampler_path"', b"tinker://")
_OF_A_CONFIG = re.compile(
    rb'"(?:dataset_builder|dpo_beta|kl_penalty_coef|load_checkpoint_path|log_path|lora_rank|renderer_name)"\s*:'
)
_HEAD_BYTES = 8 << 10
_WHOLE = 0.99
"""Share of a run's steps from which on it came to its end, though its last save is not called so."""
_TAIL_BYTES = 64 << 10
_TIMES = ("created_at", "time", "timestamp")


@dataclass(frozen=True, slots=True)
class Save:
    """One line of ``checkpoints.jsonl``: the training state, and the sampler weights where there are some.

    Where no line dates what will expire, the file does (``dated_by_file``): it was written no earlier than the save.
    """

    line: int
    name: str
    uris: tuple[str, ...]
    final: bool
    created_at: datetime | None
    metadata: Mapping[str, Any]
    dated_by_file: bool = False


@dataclass(slots=True)
class LogFolder:
    """What a log folder holds."""

    config: CookbookConfig
    saves: list[Save] = field(default_factory=list)
    last_step: int | None = None
    faults: list[Fault] = field(default_factory=list)


@dataclass(frozen=True, slots=True, order=True)
class LogPlace:
    """Where a run's files are: in a folder of its own, or in one that it shares, by how their names begin."""

    folder: Path
    prefix: str = ""

    def file(self, name: str) -> Path:
        """Return the path of one of the run's files."""
        return self.folder / f"{self.prefix}{name}"


def place_of(path: Path) -> LogPlace | None:
    """Return the place of the run that a file may be one of, as its name tells; None where it is none of them."""
    if path.name in FILES:
        return LogPlace(path.parent)
    if path.name.endswith(_ENDS):
        return LogPlace(path.parent, path.name.removesuffix(CHECKPOINTS))
    return None


def is_log_folder(place: LogPlace) -> bool:
    """Whether a place is one of the cookbook's: it lists saves, or has metrics beside a log or a configuration.

    Other tools have files of these names too: a list is one of saves by what its first rows name.
    """
    head = _head(place.file(CHECKPOINTS))
    if head is not None and (not head or _may_list_saves(head)):
        return bool(head) or not place.prefix
    if place.prefix or not place.file(METRICS).is_file():
        return False
    return place.file(LOG).is_file() or _OF_A_CONFIG.search(_head(place.file(CONFIG)) or b"") is not None


def _may_list_saves(head: bytes) -> bool:
    """Whether the first rows of a list name a save; also where the first one is longer than what was read of it."""
    return any(name in head for name in _OF_A_SAVE) or (len(head) == _HEAD_BYTES and b"\n" not in head)


def _head(path: Path) -> bytes | None:
    """Return a file's first bytes; nothing where it cannot be read, and None where there is none."""
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except FileNotFoundError:
        return None
    except OSError:
        return b""


def read_folder(place: LogPlace, limits: ReadLimits) -> LogFolder:
    """Read a run's files; what cannot be read is among its faults."""
    faults: list[Fault] = []
    folder = LogFolder(read_config(place.file(CONFIG), faults, limits), faults=faults)
    folder.saves = list(_read_saves(place.file(CHECKPOINTS), folder.config, faults, limits))
    folder.last_step, share = _last_step(place.file(METRICS))
    if folder.saves and share < _WHOLE and not any(save.final for save in folder.saves):
        total = round(folder.last_step / share) if folder.last_step and share else None
        folder.saves = [_of_half_a_run(save, total) for save in folder.saves]
    last = max((save.line for save in folder.saves if save.metadata.get("rolling")), default=None)
    folder.saves = [
        replace(save, metadata={**save.metadata, "replaced": True})
        if save.metadata.get("rolling") and save.line != last
        else save
        for save in folder.saves
    ]
    return folder


def _of_half_a_run(save: Save, total_steps: int | None) -> Save:
    """Return a save of a run that ended before its last one, as its name, a step's number, tells."""
    if not (save.name.isdigit() or save.metadata.get("rolling")):
        return save
    known = {"half_finished": True, "total_steps": total_steps}
    return replace(save, metadata={**save.metadata, **{name: value for name, value in known.items() if value}})


def _read_saves(path: Path, config: CookbookConfig, faults: list[Fault], limits: ReadLimits) -> Iterator[Save]:
    try:
        lines = list(read_jsonl(path, limits))
        written_at = utc(path.stat().st_mtime)
    except FileNotFoundError:
        return
    except OSError as error:
        faults.append(Fault(CHECKPOINTS, None, f"cannot be read: {error.strerror or error}"))
        return
    for line in lines:
        number, row = line.number, line.value
        if line.fault:
            faults.append(Fault(CHECKPOINTS, number, line.fault.reason))
            continue
        if not isinstance(row, dict):
            faults.append(Fault(CHECKPOINTS, number, f"found {type(row).__name__}; a mapping is needed"))
            continue
        save = _save(row, number, config, faults)
        if save.created_at is None and "ttl_seconds" in save.metadata:
            save = replace(save, created_at=written_at, dated_by_file=True)
        yield save


def _save(row: Mapping[str, Any], number: int, config: CookbookConfig, faults: list[Fault]) -> Save:
    uris = []
    for name in ("state_path", "sampler_path"):
        if row.get(name) is None:
            continue
        path = TinkerPath.parse(str(row[name]))
        if path is None:
            faults.append(Fault(CHECKPOINTS, number, f"{name} is {row[name]!r}, which is not a Tinker path"))
        else:
            uris.append(str(path))
    final = row.get("final") is True or (row.get("final") is None and row.get("name") == "final")
    known = {
        "batch": row.get("batch"),
        "epoch": row.get("epoch"),
        "rank": config.rank,
        "final": final or None,
        "rolling": row.get("rolling") is True or None,
        # The cookbook keeps a run's last save for good, and the others for as long as the config says.
        "ttl_seconds": seconds(row.get("rolling_ttl_seconds"))
        or (None if final else config.rolling_ttl_seconds if row.get("rolling") is True else config.ttl_seconds),
    }
    metadata = {key: value for key, value in known.items() if value is not None}
    created_at = next((found for key in _TIMES if (found := utc(row.get(key)))), None)
    return Save(number, str(row.get("name") or ""), tuple(uris), final, created_at, metadata)


def _last_step(path: Path) -> tuple[int | None, float]:
    """Return the step that the last whole line of the metrics tells of, None where nothing does, and the share done."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = file.read().splitlines()
    except OSError:
        return None, 0.0
    for line in reversed(lines):
        try:
            row = parse_json(line)
        except FileFault:
            continue
        if isinstance(row, dict) and isinstance(row.get("step"), int):
            share = row.get("progress", row.get("progress/done_frac"))
            return int(row["step"]), float(share) if isinstance(share, (int, float)) else 0.0
    return None, 0.0
