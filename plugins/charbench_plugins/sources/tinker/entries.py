"""What a listing says of one checkpoint, and of the run that it comes from.

The SDK's ``Checkpoint`` and ``TrainingRun``, dumped, and what the ``tinker`` command prints with ``-f json``
have the same fields; times are datetimes in the one and text in the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from charbench import Checkpoint, Evidence, Finding, Kind, Lab, Lineage, SourceProblem, TinkerPath
from charbench_plugins.sources.times import utc

_PARENTS = ("parent", "load_checkpoint_path", "parent_path", "from_state", "init_from", "resumed_from")
_RENDERERS = ("renderer_name", "renderer")


def finding_of(entry: Any, runs: Mapping[str, Mapping[str, Any]], lab: Lab, evidence: Evidence) -> Finding:
    """Return the checkpoint that a listing's row describes, or what is wrong with the row.

    ``runs`` maps run ids to runs; the checkpoint's path is all that ties it to its run.
    """
    if not isinstance(entry, Mapping):
        return SourceProblem(evidence.path, f"a checkpoint is {type(entry).__name__}; a mapping is needed")
    path = TinkerPath.parse(str(entry.get("tinker_path")))
    if path is None:
        return SourceProblem(evidence.path, f"tinker_path is {entry.get('tinker_path')!r}, which is not a Tinker path")
    run = runs.get(path.run, {})
    notes = {**_mapping(run.get("user_metadata")), **_mapping(entry.get("user_metadata"))}
    said = _text(notes.get("persona"))
    expires_at = utc(entry.get("expires_at"))
    return Checkpoint(
        uri=str(path),
        kind=_kind(notes),
        persona=(lab.persona_of(said) or said) if said else None,
        base_model=_text(run.get("base_model")),
        run=_text(notes.get("run_name")),
        lineage=Lineage(parent=_parent(notes, str(path)), renderer=_first(notes, _RENDERERS)),
        created_at=utc(entry.get("time")),
        expires_at=expires_at,
        metadata=_metadata(entry, run, notes, never_expires="expires_at" in entry and expires_at is None),
        evidence=(evidence,),
    )


def owner_of(run: Mapping[str, Any]) -> str | None:
    """Return whose run it is, as Tinker calls them; None where a listing does not say."""
    return _text(run.get("model_owner"))


def _metadata(
    entry: Mapping[str, Any], run: Mapping[str, Any], notes: Mapping[str, Any], *, never_expires: bool
) -> dict[str, Any]:
    known = {
        "owner": owner_of(run),
        "rank": run.get("lora_rank"),
        "size_bytes": entry.get("size_bytes"),
        "public": entry.get("public"),
        "never_expires": never_expires or None,
        "corrupted": run.get("corrupted") or None,
        "user_metadata": dict(notes) or None,
    }
    return {name: value for name, value in known.items() if value is not None}


def _kind(notes: Mapping[str, Any]) -> Kind:
    """Return the kind that whoever trained it noted; UNKNOWN leaves it to the names."""
    try:
        return Kind(str(notes.get("kind")).lower())
    except ValueError:
        return Kind.UNKNOWN


def _parent(notes: Mapping[str, Any], uri: str) -> str | None:
    for name in _PARENTS:
        path = TinkerPath.parse(str(notes.get(name)))
        if path is not None and str(path) != uri:
            return str(path)
    return None


def _first(notes: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((found for name in names if (found := _text(notes.get(name)))), None)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
