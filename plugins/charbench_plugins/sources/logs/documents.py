"""Reads what a list of checkpoints (JSON, JSON Lines or YAML) says beside each ``tinker://`` URL in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from charbench import FileFault, Kind, Lab, LabFile, ReadLimits, TinkerPath, kind_from_name, read_json, read_jsonl

MOST_BYTES = 4 << 20
"""A larger document is no list of checkpoints: its URLs are taken, and nothing else of it."""
MOST_YAML_BYTES = 256 << 10
_BASES = ("base_model", "base", "model_name", "base_model_name", "model")
_PERSONAS = ("persona", "character")
_KINDS = ("checkpoint_type", "kind", "stage", "method", "training_type")
_NAMES = ("name", "label", "run", "run_name", "experiment", "id")
_DEEPEST = 50
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Said:
    """What a document says of a checkpoint: fields of the mapping that its URL stands in, and the names it is under."""

    persona: str | None = None
    kind: Kind = Kind.UNKNOWN
    base_model: str | None = None


def facts_in(file: LabFile, lab: Lab) -> dict[str, Said]:
    """Return what a document says of each URL that is a value in it; nothing where it cannot be read as a whole."""
    found: dict[str, Said] = {}
    for document in _documents(file, lab.limits):
        for uri, fields, keys in _urls(document, {}, (), set()):
            found.setdefault(uri, _said(fields, keys, lab))
    return found


def said_by_label(label: str, lab: Lab) -> Said:
    """Return what the name tells that a line of a text, or of a program, gives a checkpoint."""
    return Said(lab.persona_of(label), kind_from_name(label)) if label else Said()


def load_yaml(path: Path) -> Any:
    """Return what a small YAML file holds; None where it is no YAML, or too large for settings."""
    try:
        return None if path.stat().st_size > MOST_YAML_BYTES else yaml.load(path.read_bytes(), _LOADER)  # noqa: S506
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return None


def _documents(file: LabFile, limits: ReadLimits) -> Iterator[Any]:
    limits = replace(limits, file_bytes=min(limits.file_bytes, MOST_BYTES))
    try:
        if file.suffix in (".yaml", ".yml"):
            yield load_yaml(file.path)
        elif file.suffix == ".json":
            yield read_json(file.path, limits)
        elif file.suffix in (".jsonl", ".ndjson") and file.size <= MOST_BYTES:
            yield from (line.value for line in read_jsonl(file.path, limits) if not line.fault)
    except (FileFault, OSError):
        return


def _urls(
    value: Any, fields: Mapping[str, Any], keys: tuple[str, ...], met: set[int], depth: int = 0
) -> Iterator[tuple[str, Mapping[str, Any], tuple[str, ...]]]:
    """Yield each URL, the innermost mapping around it, and the names that it stands under, the innermost first.

    ``met`` holds what was walked through: YAML's aliases let one list stand in many places, also in itself.
    """
    if isinstance(value, str):
        if TinkerPath.parse(value):
            yield value, fields, keys
    elif id(value) in met or depth > _DEEPEST:
        return
    elif isinstance(value, dict):
        met.add(id(value))
        for name, inner in value.items():
            yield from _urls(inner, value, (str(name)[:500], *keys), met, depth + 1)
    elif isinstance(value, list):
        met.add(id(value))
        for inner in value:
            yield from _urls(inner, fields, keys, met, depth + 1)


def _said(fields: Mapping[str, Any], keys: tuple[str, ...], lab: Lab) -> Said:
    names = [*(text for name in _NAMES if (text := _text(fields.get(name)))), *keys]
    stated = next((text for name in _PERSONAS if (text := _text(fields.get(name)))), None)
    known = (lab.persona_of(name) for name in names)
    kinds = (kind_from_name(text) for text in (*(_text(fields.get(name)) or "" for name in _KINDS), *names))
    return Said(
        persona=(lab.persona_of(stated) or stated) if stated else next((one for one in known if one), None),
        kind=next((kind for kind in kinds if kind is not Kind.UNKNOWN), Kind.UNKNOWN),
        base_model=next((text for name in _BASES if (text := _text(fields.get(name))) and _is_model(name, text)), None),
    )


def _is_model(field: str, text: str) -> bool:
    """Whether a field's text names a base model; ``model`` is what many things are called."""
    return not TinkerPath.parse(text) and (field != "model" or "/" in text)


def _text(value: Any) -> str | None:
    return value[:500] if isinstance(value, str) and value.strip() else None
