"""Whether a folder's weights are for another model than the tiny one, as far as the small files in it tell."""

from __future__ import annotations

import json
from pathlib import Path

_OWN = Path(__file__).parent / "base"
_MOST = 1 << 20
"""Bytes of ``adapter_config.json`` that are read."""


def is_of_another_model(folder: Path) -> bool:
    """Whether a folder holds a whole model, or an adapter whose config names a base model that is not the tiny one.

    What this package saves names none. False where nothing can be read: whoever loads it tells.
    """
    try:
        with (folder / "adapter_config.json").open("rb") as file:
            said = json.loads(file.read(_MOST))
    except FileNotFoundError:
        return (folder / "config.json").is_file()
    except (OSError, ValueError, RecursionError):
        return False
    named = said.get("base_model_name_or_path") if isinstance(said, dict) else None
    if not isinstance(named, str) or not named.strip():
        return False
    return not any((start / named).resolve() == _OWN.resolve() for start in (Path(), folder))
