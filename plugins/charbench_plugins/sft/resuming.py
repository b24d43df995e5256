"""Resuming: what a saved state remembers is held against the options and the data of today."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from charbench import ConfigError, TrainingError, TrainingTask, digest
from charbench_plugins.sft.recipes import Recipe
from charbench_plugins.tinker_sdk.renderers import Renderer


def recipe_of(task: TrainingTask, chosen: Recipe) -> Recipe:
    """Return the recipe; a saved state resumes with its own, or its batches would be other ones."""
    kept = task.state.metadata.get("recipe") if task.state else None
    return Recipe(**kept) if kept else chosen


def compare(task: TrainingTask, recipe: Recipe, chosen: Recipe, data_hash: str) -> Iterator[str]:
    """Hold a saved state against the options and the data of today; yield what is to be said.

    Raises :class:`TrainingError` where the data has changed.
    """
    if task.state is None:
        return
    if task.state.metadata.get("data_hash", data_hash) != data_hash:
        raise TrainingError(
            f"{task.job.dataset} has changed since the state was saved, so its batches are other ones; "
            f"restart: charbench reset {task.job.job_id}"
        )
    if differences := recipe.differences(chosen):
        yield f"resuming with the saved state's recipe: {differences}"


def other_version(task: TrainingTask, renderer: Renderer) -> Iterator[str]:
    """Yield a warning where a saved state's rows were written by another version of the renderer."""
    before = task.state.metadata.get("renderer_version", "") if task.state else renderer.version
    if before != renderer.version:
        now = renderer.version or "charbench"
        yield (
            f"warning: the saved state's rows were written with renderer {renderer.name} of {before or 'charbench'}, "
            f"and now with that of {now}"
        )


def file_hash(path: Path) -> str:
    """Return a digest of a file's content; raises :class:`ConfigError` where it cannot be read."""
    try:
        return digest(path.read_bytes().hex())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None


def slug(run: str) -> str:
    """Return a run's name as a part of a Tinker name, or of a path: letters, digits, ``_``, ``.`` and ``-``."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", run).lstrip("-._") or "run"
