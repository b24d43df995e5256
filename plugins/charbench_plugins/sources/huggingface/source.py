"""Finds folders with weights in a lab, and what they were trained from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any, TypeAlias

from pydantic import Field

from charbench import (
    Checkpoint,
    CheckpointSource,
    Evidence,
    Finding,
    Kind,
    Lab,
    LabFile,
    LabPath,
    Lineage,
    RecordedSample,
    RunState,
    SourceProblem,
    TrainingRun,
    kind_from_name,
    kind_from_path,
)
from charbench_plugins.sources.huggingface.folder import (
    MODEL_CONFIG,
    TRAINER_STATE,
    ModelFolder,
    read_folder,
    without_weights,
)
from charbench_plugins.sources.huggingface.layout import ADAPTER_CONFIG, FINAL, numbered, run_folders, save_folder

_BARE = "an adapter's description, and no weights beside it: it is listed once adapter_model.safetensors is there"
_Folders: TypeAlias = Mapping[Path, ModelFolder]
"""The lab's folders with weights, by their resolved paths."""


class HuggingFaceSource(CheckpointSource):
    """Adapters (PEFT) and models in folders, with their steps, as TRL, Axolotl, Unsloth and OpenRLHF save them."""

    name = "huggingface"
    matches_file_alone = True

    class Config(CheckpointSource.Config):
        """Where the folders lie, relative to the lab."""

        files: list[LabPath] = Field(
            [], description="patterns of adapter_config.json and config.json files; default: every folder with weights"
        )

    config: Config

    def matches(self, file: LabFile) -> bool:
        """Whether a file describes the weights in its folder."""
        if file.name == ADAPTER_CONFIG:
            return True
        return file.name == MODEL_CONFIG and ('"model_type"' in file.text or '"architectures"' in file.text)

    def find(self, lab: Lab) -> Iterable[Finding]:
        """Yield a checkpoint for each folder with weights, and each run that left its state."""
        configs: dict[Path, str] = {}
        for file in lab.offered(self, self.config.files):
            if configs.get(file.path.parent) != ADAPTER_CONFIG:
                configs[file.path.parent] = file.name
        run_of = run_folders(configs, lab.root)
        read = [found for path, name in configs.items() if (found := read_folder(path, run_of[path], name, lab.limits))]
        runs: dict[Path, list[ModelFolder]] = {}
        for found in read:
            runs.setdefault(found.run, []).append(found)
        folders = {found.path.resolve(): found for found in read}
        for path, saves in runs.items():
            yield from self._run(lab, path, saves, folders)
        for path, name in configs.items():
            if path.resolve() not in folders and without_weights(path, name, lab.limits):
                yield SourceProblem(lab.relative(path / name), _BARE, minor=True)

    def recordings(self, lab: Lab) -> Iterable[RecordedSample]:
        """Yield none: weights hold no samples."""
        return ()

    def _run(self, lab: Lab, path: Path, saves: Sequence[ModelFolder], folders: _Folders) -> Iterator[Finding]:
        run = _run_name(lab, path)
        last = max(saves, key=_lateness)
        for found in saves:
            for name, reason in found.problems:
                yield SourceProblem(lab.relative(found.path / name), reason)
            yield self._checkpoint(lab, run, found, folders, is_last=found is last)
        stated = [found for found in saves if found.step is not None and found.total_steps]
        if stated:
            newest = max(stated, key=lambda found: found.step or 0)
            done = (newest.step or 0) >= (newest.total_steps or 0)
            where = Evidence(self.name, lab.relative(newest.path / TRAINER_STATE))
            yield TrainingRun(
                name=run, state=RunState.FINISHED if done else RunState.UNFINISHED, persona=_persona(lab, run),
                step=newest.step, total_steps=newest.total_steps, evidence=where,
            )  # fmt: skip

    def _checkpoint(self, lab: Lab, run: str, found: ModelFolder, folders: _Folders, *, is_last: bool) -> Checkpoint:
        parent = _parent(lab, found, folders)
        leaf = PurePath(run).name
        step = ""
        if found.path != found.run:
            step = _save_name(found)
        known: dict[str, Any] = {
            **found.metadata,
            "step": found.step,
            "total_steps": found.total_steps,
            "loss": found.loss,
        }
        metadata = {name: value for name, value in known.items() if value is not None}
        if is_last:
            metadata["final"] = True
        return Checkpoint(
            uri=_uri(lab, found.path),
            name=f"{leaf}{step}",
            kind=Kind(found.kind) if found.kind in {kind.value for kind in Kind} else Kind.UNKNOWN,
            persona=_persona(lab, run),
            base_model=found.trained.get("base_model") or _base(lab, found, folders),
            run=run,
            lineage=Lineage(
                found.trained.get("parent") or (_uri(lab, parent.path) if parent else None),
                *(found.trained.get(name) for name in ("dataset", "renderer", "recipe")),
            ),
            metadata=metadata,
            evidence=(Evidence(self.name, lab.relative(found.path / found.config), None, "weights in its folder"),),
        )


def _lateness(found: ModelFolder) -> tuple[bool, bool, int, int]:
    """Return what the last save of a run has most of: its own folder, a name that says so, steps, epochs."""
    epoch = found.metadata.get("epoch", 0)
    return found.path == found.run, found.path.name.lower() in FINAL, found.step or 0, epoch


def _save_name(found: ModelFolder) -> str:
    """Return what tells a save from the others of its run."""
    epoch = found.metadata.get("epoch")
    if numbered(save_folder(found.path).name) is None:
        return f"-{found.path.name}"
    return f"-step-{found.step}" if found.step is not None else f"-epoch-{epoch}" if epoch is not None else ""


def _uri(lab: Lab, path: Path) -> str:
    return f"file:{lab.relative(path)}"


def _run_name(lab: Lab, path: Path) -> str:
    """Return the path of a run in the lab; the lab itself may be one, and is called by its own name."""
    shown = lab.relative(path)
    return lab.root.resolve().name or shown if shown == "." else shown


def _persona(lab: Lab, run: str) -> str | None:
    """Return the persona that a run's path names, its last part first."""
    return next((found for part in reversed(PurePath(run).parts) if (found := lab.persona_of(part))), None)


def _base(lab: Lab, found: ModelFolder, folders: _Folders) -> str | None:
    """Return the name of the model under all that the lab trained on top of it; None where nothing says.

    A model of the lab's own that does not say where it comes from, and was not trained itself as far as its files and
    its path tell, is called by its URI.
    """
    trained, seen = found, set[Path]()
    while (parent := _parent(lab, found, folders)) and parent.path not in seen:
        seen.add(parent.path)
        found = parent
    path = lab.relative(found.path)
    told = found.kind or kind_from_path(path) is not Kind.UNKNOWN or kind_from_name(found.path.name) is not Kind.UNKNOWN
    return found.base or (None if found is trained or told else _uri(lab, found.path))


def _parent(lab: Lab, found: ModelFolder, folders: _Folders) -> ModelFolder | None:
    """Return the lab's own folder that a model was trained from; None where its base is another's."""
    if not found.base:
        return None
    for start in (lab.root, found.path, found.run.parent):
        try:
            parent = folders.get((start / found.base).resolve())
        except (OSError, ValueError):
            continue
        if parent and parent is not found:
            return parent
    return None
