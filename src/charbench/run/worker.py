"""One of several workers of a run: it samples and scores what nobody else has claimed in the store that they share."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import charbench
from charbench.components.base import Component
from charbench.concurrency.interrupt import StopSignal
from charbench.config.model import RunConfig
from charbench.discovery.stage import Discovery
from charbench.errors import CharbenchError, PluginError
from charbench.run.result import Stage
from charbench.run.runner import Runner
from charbench.run.session import Session
from charbench.store.runs import spent_by_killed
from charbench.text.redaction import register_secrets_of, register_secrets_of_environment


@dataclass(frozen=True, slots=True)
class Needed:
    """A plugin that a run works with."""

    name: str
    distribution: str
    version: str


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """What a worker is to do.

    ``config`` is the run's, with this worker's share of its limits; ``folder`` the one that relative paths are relative
    to; ``command`` what the store calls this worker's part of the run, the same after a restart; ``listed`` what places
    that list checkpoints have listed for the run; ``version`` charbench's where the run was started; ``workers`` counts
    all workers.
    """

    config: RunConfig
    folder: str
    command: str
    listed: Mapping[str, set[str]] = field(default_factory=dict)
    version: str = charbench.__version__
    workers: int = 1
    run_id: int | None = None
    """The run that it is a part of."""
    plugins: tuple[Needed, ...] = ()
    """The plugins that the run works with, as they are installed where it was started."""


@dataclass(frozen=True, slots=True)
class Worked:
    """What became of a worker: what it added to the store, what it spent, and lines for the user.

    ``fault`` is why it could not work at all; None: it worked.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    spent: float = 0.0
    failures: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    fault: str | None = None


class Worker:
    """Works in a thread, and is told to stop, and asked how far it is, from others."""

    def __init__(self) -> None:
        self._stop = StopSignal()
        self._runner: Runner | None = None

    def work(self, order: WorkOrder) -> Worked:
        """Sample and score until nothing is left that another run is not at."""
        if order.version != charbench.__version__:
            versions = f"charbench {charbench.__version__} is installed {_here()}, and the run is of {order.version}"
            return Worked(fault=f"{versions}; install the same version on every machine")
        if not Path(order.folder).is_dir():
            return Worked(fault=f"no folder {order.folder} {_here()}; workers need the lab's files at the same path")
        os.chdir(order.folder)
        register_secrets_of_environment(os.environ)
        register_secrets_of(order.config.model_dump(include={"store", "options", "endpoints", "endpoint"}))
        session: Session | None = None
        try:
            session = Session(order.config)
            _check_plugins(session, order.plugins)
            return self._work(session, order)
        except CharbenchError as error:
            return Worked(fault=str(error), spent=self._spent())
        finally:
            if session is not None:
                session.close()

    def _work(self, session: Session, order: WorkOrder) -> Worked:
        runner = Runner(session, order.command, self._stop, quiet=True, adds_bases=True)
        runner.discovered = Discovery(listed=dict(order.listed))
        runner.sharers, runner.shared_run = order.workers, order.run_id
        spending = runner.spending
        if spending.limit is not None:  # what this worker spent before it was restarted counts
            with session.database.read() as connection:
                spending.limit = max(0.0, spending.limit - spent_by_killed(connection, order.command))
        self._runner = runner
        result = runner.run([Stage.SAMPLE, Stage.SCORE])
        failures = tuple(line for line in result.failures if line not in spending.lines())
        return Worked(dict(result.counts), spending.spent, failures, tuple(result.warnings))

    def requests(self) -> int:
        """Return how many requests were answered so far."""
        return self._runner.spending.requests if self._runner else 0

    def stop(self) -> None:
        """End with what is in flight."""
        self._stop.requested = True

    def _spent(self) -> float:
        return self._runner.spending.spent if self._runner else 0.0


def _here() -> str:
    return f"here ({socket.gethostname()})"


def _check_plugins(session: Session, needed: Sequence[Needed]) -> None:
    """Raise :class:`PluginError` where a plugin is missing, broken, or another version than where the run was started.

    Scores of two versions would meet in one rate.
    """
    there = {(one.name, one.distribution): one for one in session.plugins.listed}
    for one in needed:
        mine = there.get((one.name, one.distribution))
        if mine is None:
            what = f"is not installed {_here()}"
        elif mine.error is not None:
            what = f"is broken {_here()}: {mine.error}"
        elif mine.version != one.version:
            what = f"is version {mine.version} {_here()}"
        else:
            continue
        raise PluginError(
            f"plugin {one.name} (from {one.distribution} {one.version}) {what}; install the same plugins on every "
            "machine"
        )


def share_of(config: RunConfig, components: Sequence[Component], workers: int) -> RunConfig:
    """Return the configuration of one of so many workers: together they keep to the limits of the run.

    Each may spend its part of ``max_cost`` and ask its part of what each of these components may ask per minute. How
    many requests it has in flight is each worker's own.
    """
    options = {name: dict(given) for name, given in config.options.items()}
    for one in components:
        mine = options.setdefault(f"{one.kind}.{one.name}", {})
        if (rate := getattr(one.config, "requests_per_minute", None)) is not None:
            mine["requests_per_minute"] = rate / workers
        if delay := getattr(one.config, "delay", 0):
            mine["delay"] = delay * workers
    cost = None if config.max_cost is None else config.max_cost / workers
    return config.model_copy(update={"options": options, "max_cost": cost, "lab": config.lab.resolve()})
