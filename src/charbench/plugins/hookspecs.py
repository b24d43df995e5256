"""Every hook that a plugin can implement.

A plugin is a module (or object) with functions marked ``@charbench.hookimpl``, named in the entry-point
group ``charbench``. Hooks are synchronous; component hooks return classes, and the classes do the work.
They are called once for each command that needs components, never at import.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from charbench.components.pair_scorer import PairScorer
    from charbench.components.perturbation import Perturbation
    from charbench.components.sampler import Sampler
    from charbench.components.scorer import Scorer
    from charbench.components.source import CheckpointSource
    from charbench.components.trainer import Trainer

PROJECT = "charbench"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def charbench_checkpoint_sources() -> Iterable[type[CheckpointSource]]:
    """Return classes that find checkpoints, data and recorded samples.

    A class that is not a valid ``CheckpointSource`` makes its plugin broken; the others are still used.
    """
    raise NotImplementedError


@hookspec
def charbench_trainers() -> Iterable[type[Trainer]]:
    """Return classes that train checkpoints further.

    A class that is not a valid ``Trainer`` makes its plugin broken; the others are still used.
    """
    raise NotImplementedError


@hookspec
def charbench_samplers() -> Iterable[type[Sampler]]:
    """Return classes that sample checkpoints.

    A class that is not a valid ``Sampler`` makes its plugin broken; the others are still used.
    """
    raise NotImplementedError


@hookspec
def charbench_scorers() -> Iterable[type[Scorer] | type[PairScorer]]:
    """Return classes that score samples, or compare two of them.

    A class that is neither a valid ``Scorer`` nor a valid ``PairScorer`` makes its plugin broken; the others are
    still used.
    """
    raise NotImplementedError


@hookspec
def charbench_perturbations() -> Iterable[type[Perturbation]]:
    """Return classes that make variants of prompts.

    A class that is not a valid ``Perturbation`` makes its plugin broken; the others are still used.
    """
    raise NotImplementedError


@hookspec
def charbench_persona_dirs() -> Iterable[Path]:
    """Return folders of persona files (``*.yaml``).

    A persona of the user's own folders replaces a plugin's persona of the same name.
    """
    raise NotImplementedError


@hookspec(firstresult=True)
def charbench_quickstart_lab(folder: Path) -> str | None:
    """Fill an empty folder with a small lab that ``charbench quickstart`` can run through.

    ``folder`` exists and is empty. Write a ``charbench.yaml`` that names trainers, samplers and scorers that
    need no key, and everything they work on; return a sentence that says what the lab is, and its limits.
    The first plugin that returns one is taken. What is raised here ends the command.
    """
    raise NotImplementedError


@hookspec
def charbench_run_started(run_id: int, command: str, started_at: datetime, folder: Path) -> None:
    """Observe that a run begins.

    ``run_id`` is its number in the store, ``command`` what was typed (secrets hidden), ``started_at`` in
    UTC, ``folder`` where files of the run may be put. What is raised here is shown and does not stop the
    run.
    """


@hookspec
def charbench_run_finished(run_id: int, status: str, counts: dict[str, int], folder: Path) -> None:
    """Observe that a run has ended.

    ``status`` is ``done``, ``failed`` (some items failed, or an error ended it) or ``interrupted`` (by the user);
    ``counts`` holds what the run added to the store (``checkpoints``, ``trained``, ``samples``, ``scores``,
    ``games``, ``failures``). What is raised here is shown and does not change the run's result.
    """
