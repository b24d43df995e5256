"""One of several workers of a run: it samples and scores what nobody else has claimed in the store that they share."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import charbench
from charbench.components.base import Component
from charbench.concurrency.interrupt import StopSignal
from charbench.config.model import RunConfig
from charbench.discovery.stage import Discovery
from charbench.errors import CharbenchError
from charbench.run.result import Stage
from charbench.run.runner import Runner
from charbench.run.session import Session
from charbench.store.runs import spent_by_killed
from charbench.text.redaction import register_secrets_of, register_secrets_of_environment


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
            versions = f"charbench {charbench.__version__} is installed here, and the run is of {order.version}"
            return Worked(fault=f"{versions}; install the same version on every machine")
        if not Path(order.folder).is_dir():
            return Worked(fault=f"no folder {order.folder} here; workers need the lab's files at the same path")
        os.chdir(order.folder)
        register_secrets_of_environment(os.environ)
        register_secrets_of(order.config.model_dump(include={"store", "options", "endpoints", "endpoint"}))
        session = Session(order.config)
        try:
            return self._work(session, order)
        except CharbenchError as error:
            return Worked(fault=str(error), spent=self._spent())
        finally:
            session.close()

    def _work(self, session: Session, order: WorkOrder) -> Worked:
        runner = Runner(session, order.command, self._stop, quiet=True, adds_bases=True)
        runner.discovered = Discovery(listed=dict(order.listed))
        runner.sharers = order.workers
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
