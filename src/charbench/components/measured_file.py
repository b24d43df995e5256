"""``measured.json`` beside persona files: how well scorers tell these personas, as ``personas measure`` found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from charbench.domain.measurement import Measurement
from charbench.domain.persona import Persona
from charbench.errors import ConfigError

NAME = "measured.json"
_MOST_BYTES = 4_000_000


def measured_path(persona: Persona) -> Path | None:
    """Return where the figures of a persona's scorers are kept: beside its file; None where it has no file."""
    return Path(persona.origin).with_name(NAME) if persona.origin else None


def read_measurement(persona: Persona, scorer: str, identity: str) -> Measurement | None:
    """Return what was measured; None where nothing was, or with other markers or options (``identity``)."""
    path = measured_path(persona)
    if path is None:
        return None
    entry = _read(path).get(persona.name, {}).get(scorer, {})
    if not isinstance(entry, dict) or entry.get("identity") != identity:
        return None
    try:
        return Measurement.from_json({name: value for name, value in entry.items() if name != "identity"})
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{path}: {persona.name}, {scorer}: {error}; remove the file and measure again") from None


def write_measurement(persona: Persona, scorer: str, identity: str, measured: Measurement) -> Path | None:
    """Keep what was measured; return the file, None where the persona has none to keep it beside."""
    path = measured_path(persona)
    if path is None:
        return None
    content = _read(path)
    content.setdefault(persona.name, {})[scorer] = {"identity": identity, **measured.to_json()}
    path.write_text(json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
    try:
        data = json.loads(content) if len(content) <= _MOST_BYTES else None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: {error}; remove the file and measure again") from None
    if not isinstance(data, dict) or not all(isinstance(one, dict) for one in data.values()):
        raise ConfigError(f"{path}: not what 'personas measure' writes; remove the file and measure again")
    return data
