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
    import click

    from charbench.components.check_result import CheckResult
    from charbench.components.pair_scorer import PairScorer
    from charbench.components.perturbation import Perturbation
    from charbench.components.reporter import Reporter
    from charbench.components.sampler import Sampler
    from charbench.components.scorer import Scorer
    from charbench.components.source import CheckpointSource
    from charbench.components.trainer import Trainer

PROJECT = "charbench"
API_VERSION = 1
"""The version of what plugins build on: the hooks, and the names of ``charbench`` and ``charbench.testing``.

It is increased where a plugin that worked may work no longer; not where a hook, a hook's parameter, a name or an
optional method is added. What is going to be removed is deprecated in one release at least before that.
"""
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a plugin as its implementation of the hook of that name; see pluggy for its options."""
OBSERVERS = ("charbench_run_started", "charbench_training_step", "charbench_run_finished")
"""Hooks whose implementations only observe: what one raises is shown, and stops nothing. They may be wrapped."""


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
def charbench_reporters() -> Iterable[type[Reporter]]:
    """Return classes that are formats of ``charbench report`` and ``charbench export``.

    A class that is not a valid ``Reporter`` makes its plugin broken; the others are still used.
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
def charbench_register_commands() -> Iterable[click.Command]:
    """Return commands (or groups) of click that are added to ``charbench``.

    Called where a command is typed that charbench itself does not have. A command that charbench has, or that two
    plugins bring, is an error that names the plugin. Raise a :class:`charbench.CharbenchError` for a user's mistake:
    it is shown as one line.
    """
    raise NotImplementedError


@hookspec
def charbench_doctor_checks() -> Iterable[CheckResult]:
    """Check what a plugin depends on (a key, a server, a program), for ``charbench doctor``.

    Called by ``charbench doctor`` only. Every check that waits needs a deadline of its own, of a few seconds. What is
    raised here is shown as a bad result, and stops no other plugin's checks.
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
def charbench_training_step(
    run_id: int, job_id: str, step: int, total_steps: int, loss: float, learning_rate: float, tokens: int, folder: Path
) -> None:
    """Observe that a training job has done an optimizer step.

    ``step`` counts from 1 to ``total_steps``; ``loss`` is the mean per trained token in nats, ``tokens`` how many
    tokens the step saw. Jobs run in parallel, and their observers are called one at a time: be quick. What is raised
    here is shown once and stops neither the job nor the run.
    """


@hookspec
def charbench_run_finished(run_id: int, status: str, counts: dict[str, int], folder: Path) -> None:
    """Observe that a run has ended.

    ``status`` is ``done``, ``failed`` (some items failed, or an error ended it) or ``interrupted`` (by the user);
    ``counts`` holds what the run added to the store (``checkpoints``, ``trained``, ``samples``, ``scores``,
    ``games``, ``failures``). What is raised here is shown and does not change the run's result.
    """
