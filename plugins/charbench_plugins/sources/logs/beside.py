"""Reads the configuration that lies beside a run's log: W&B's ``config.yaml``, Hydra's, or the like in JSON."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from charbench import FileFault, LabFile, ReadLimits, read_json
from charbench_plugins.sources.logs.documents import load_yaml
from charbench_plugins.sources.run_config import CONFIG, CookbookConfig

_YAML = ("config.yaml", ".hydra/config.yaml", "hparams.yaml")


def config_beside(file: LabFile, run: str, limits: ReadLimits) -> CookbookConfig:
    """Return what the configuration in a log's folder says; nothing where the run is not called as a folder is.

    ``run`` is the run's path: a log with a name of its own may share its folder with those of other runs.
    """
    if run != file.folder and PurePosixPath(run) not in PurePosixPath(file.shown).parents:
        return CookbookConfig()
    read = (_yaml(file.path.parent / name) for name in _YAML)
    content = next((said for said in read if said), None) or _json(file.path.parent / CONFIG, limits)
    return CookbookConfig.of({name: _value(value) for name, value in content.items()}) if content else CookbookConfig()


def _value(said: Any) -> Any:
    """Return a setting as W&B writes it, ``{"value": 3, "desc": null}``, or as it is."""
    return said["value"] if isinstance(said, dict) and "value" in said and set(said) <= {"value", "desc"} else said


def _yaml(path: Path) -> dict[str, Any] | None:
    said = load_yaml(path)
    return said if isinstance(said, dict) and all(isinstance(name, str) for name in said) else None


def _json(path: Path, limits: ReadLimits) -> dict[str, Any] | None:
    try:
        said = read_json(path, limits)
    except (FileNotFoundError, FileFault):
        return None
    return said if isinstance(said, dict) else None
