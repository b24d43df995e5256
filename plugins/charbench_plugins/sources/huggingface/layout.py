"""How runs and their saves lie in folders: which folder is a save's, and which is its run's."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

ADAPTER_CONFIG = "adapter_config.json"
_STEP_FOLDER = re.compile(r"(checkpoint|global_step|step|iter|epoch)[-_]?(\d+)(?:[-_](?:hf|merged))?")
"""``checkpoint-500`` of TRL, Axolotl and Unsloth, ``global_step500_hf`` of OpenRLHF, ``epoch_1`` of torchtune."""
_STATED_STEP = re.compile(r"(?:.*[-_.])?(step)=(\d+)(?:[-_.].*)?")
"""``pirate--val_loss=0.51-step=99-consumed_samples=3168`` of NeMo, ``epoch=0-step=100`` of Lightning."""
_PARTS = frozenset(
    {"actor", "adapter", "critic", "hf", "hf_adapter", "hf_model", "huggingface", "lora_adapter", "policy"}
)
"""Folders inside of a save's: ``global_step_100/actor/lora_adapter`` of verl."""
_DEEPEST_PART = 2
FINAL = frozenset({"final", "final_adapter", "final_checkpoint", "final_model", "last", "latest"})
"""Names of a run's last save."""
_NAMED_SAVES = FINAL | {
    "adapter", "adapter_model", "best", "best_checkpoint", "best_model", "hf", "hf_adapter", "hf_model", "huggingface",
    "lora", "lora_adapter", "lora_model", "lora_weights", "merged", "merged_model", "model", "peft", "weights",
}  # fmt: skip
"""Folders with weights whose names say nothing of the run that they are a save of."""
_HOLDERS = frozenset({
    "_actor", "actor", "adapters", "artifacts", "checkpoint", "checkpoints", "ckpt", "ckpts", "loras", "models", "out",
    "output", "outputs", "policy", "results", "saved", "saved_model", "saved_models", "saves", "snapshots",
    "trainer_output", "weights",
})  # fmt: skip
"""Folders that only hold a run's saves: ``X/ckpt/_actor/global_step100_hf``, ``X/checkpoints/epoch_1``."""


def numbered(folder: str) -> tuple[str, int] | None:
    """Return what a save's folder counts and its number: ``("checkpoint", 500)``; None where there is none."""
    found = _STEP_FOLDER.fullmatch(folder) or _STATED_STEP.fullmatch(folder)
    return (found[1], int(found[2])) if found else None


def save_folder(path: Path) -> Path:
    """Return the folder of the save that a folder with weights is part of: itself, where it is no part of one.

    ``X/global_step_100`` of ``X/global_step_100/actor/huggingface``; PEFT saves each further adapter of a model in a
    folder of its own, beside the first one's files: ``X/checkpoint-100/constitutional``.
    """
    if numbered(path.parent.name) and (path.parent / ADAPTER_CONFIG).is_file():
        return path.parent
    folder = path
    for _ in range(_DEEPEST_PART + 1):
        if numbered(folder.name):
            return folder
        if folder.name not in _PARTS:
            break
        folder = folder.parent
    return path


def run_folders(paths: Iterable[Path], root: Path) -> dict[Path, Path]:
    """Return the folder of the run that each folder with weights is a save of: ``outputs/X`` of ``outputs/X/final``.

    It is the nearest one above the save whose name does not only say that saves are in it, at most ``root``. Where two
    folders of one parent hold saves, each is a run of its own: they may be two runs' as well as one's.
    """
    above = {path: _holders(path, root) for path in paths}
    held: dict[Path, set[Path]] = {}
    for folders in above.values():
        if len(folders) > 1:
            held.setdefault(folders[-1], set()).add(folders[-2])
    return {
        path: folders[-2] if len(folders) > 1 and len(held[folders[-1]]) > 1 else folders[-1]
        for path, folders in above.items()
    }


def _holders(path: Path, root: Path) -> list[Path]:
    """Return the folders from the one that a save lies in up to its run's."""
    save = save_folder(path)
    if save == root or not (numbered(save.name) or save.name.lower() in _NAMED_SAVES):
        return [save]
    folders = [save.parent]
    while folders[-1] != root and (folders[-1].name.lower() in _HOLDERS or folders[-1].name in (save.name, "model")):
        folders.append(folders[-1].parent)
    return folders
