"""Workers of a run, placed on one or several machines and restarted by Ray. The store's claims decide who does what."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charbench.concurrency.progress import Progress
from charbench.config.model import RunConfig
from charbench.errors import NotSetUpError, UsageError
from charbench.run.components import Components
from charbench.run.dry_sampling import estimate
from charbench.run.plan import Requests, sampling_plan
from charbench.run.ray_messages import RayMessages, catching_messages
from charbench.run.result import RunResult
from charbench.run.worker import Needed, Worked, Worker, WorkOrder, share_of
from charbench.scoring.score import is_free
from charbench.store.runs import part_of_run, taken_by_killed
from charbench.text.redaction import redact

if TYPE_CHECKING:
    from charbench.components.base import Component
    from charbench.run.runner import Runner
    from charbench.run.session import Session
    from charbench.run.wanted import Wanted

RESTARTS = 3
"""So often a worker that died is started again."""
MOST_COUNTED = 200_000
"""So many samples are counted before, so that their progress has a total; more would take minutes."""
LOOK_SECONDS = 0.5
"""Between looks at how far the workers are."""
REACH_SECONDS = 10.0
CLIENT, CLIENT_PORT = "ray://", "10001"
_INSTALL = "pip install 'charbench[ray]'"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Placement:
    """Where ``count`` workers are to run, with so many GPUs each.

    ``address`` is ``auto`` (the Ray cluster that this machine is part of, or RAY_ADDRESS names; else one on this
    machine alone, for this run) or ``ray://HOST[:PORT]``.
    """

    address: str
    count: int
    gpus: float = 0.0


def check_placement(placement: Placement, config: RunConfig) -> None:
    """Raise where workers cannot share this store, the address is none, or Ray is not installed."""
    from importlib.util import find_spec

    if placement.address != "auto" and not placement.address.startswith(CLIENT):
        raise UsageError(f"--workers {placement.address}: auto or ray://HOST is expected")
    if not config.store_url.startswith("postgresql"):
        raise UsageError(
            "--workers needs a store that several processes write to at once, and this one is SQLite; "
            "charbench store copy FILE postgresql://HOST/NAME moves it, and --store names it"
        )
    if find_spec("ray") is None:
        raise NotSetUpError(f"--workers needs Ray: {_INSTALL}")


@dataclass(frozen=True, slots=True)
class Workers:
    """Does the sampling and scoring of a run by workers; see :class:`charbench.run.runner.Runner`."""

    placement: Placement

    def __call__(self, runner: Runner, use: Components, wanted: Sequence[Wanted], result: RunResult) -> None:
        """Let the workers work until they have nothing left to do, or the user wants to stop.

        Raises :class:`UsageError` where none of them could work.
        """
        count = self.placement.count
        listed = result.discovery.listed if result.discovery else {}
        config = share_of(runner.session.config, [*use.samplers, *use.scorers], count)
        orders = [
            WorkOrder(
                config,
                str(Path.cwd()),
                f"{runner.command} {part_of_run(result.run_id, number)}",
                listed,
                workers=count,
                run_id=result.run_id,
                plugins=_needed(runner.session, [*use.sources, *use.samplers, *use.scorers]),
            )
            for number in range(1, count + 1)
        ]
        runner.shared_run = result.run_id
        total = _expected_requests(runner.session, use, wanted)
        title = f"sampling and scoring on {count} workers"
        with runner.shown(title, total) as progress, _connected(self.placement) as told:
            ended = _Work(self.placement, orders, runner, progress).done()
        result.warnings += [f"Ray: {line}" for line in told.lines]
        _collect(ended, runner, result)
        with runner.session.database.read() as connection:
            lost = taken_by_killed(connection, [order.command for order in orders])
        if lost:
            result.add("samples", lost)
            result.notes.append(f"Of workers that were killed: {lost:,} samples.")


def _needed(session: Session, components: Sequence[Component]) -> tuple[Needed, ...]:
    """Return the plugins that bring these components; charbench's own are of its version."""
    names = {(one.kind.value, name) for one in components for name in (one.name, one.name.split(":")[0])}
    return tuple(
        Needed(plugin.name, plugin.distribution, plugin.version)
        for plugin in session.plugins.listed
        if plugin.distribution != "charbench" and names & {(one.kind, one.name) for one in plugin.brings}
    )


def _expected_requests(session: Session, use: Components, wanted: Sequence[Wanted]) -> int | None:
    """Return how many requests samplers will send; None where scorers send some too, or counting takes too long."""
    if not all(is_free(scorer) for scorer in use.scorers):
        return None
    total = 0
    for one in wanted:
        session.lifecycle.prepare(one.sampler)
        asked = one.planned or Requests(one.sampler, sampling_plan(session, use.sources, one.checkpoints))
        wanted_here = asked.total()
        if wanted_here is None or total + wanted_here > MOST_COUNTED:
            return None
        total += estimate(session.database, one.sampler, asked, session.config.retry_errors, {}).requests
    return total


class _Work:
    """The workers of one run while they are at work."""

    def __init__(self, placement: Placement, orders: Sequence[WorkOrder], runner: Runner, progress: Progress) -> None:
        ray = _ray()
        _check_gpus(ray.nodes(), placement)
        kind = ray.remote(Worker).options(
            num_cpus=0,  # they wait for endpoints, and what computes shares the machine as other processes do
            num_gpus=placement.gpus,
            max_restarts=RESTARTS,
            max_task_retries=RESTARTS,
            max_concurrency=3,
            scheduling_strategy="SPREAD",
        )
        self._ray, self._runner, self._progress = ray, runner, progress
        self._actors = [kind.remote() for _ in orders]
        self._left: dict[Any, int] = {
            actor.work.remote(order): number
            for number, (actor, order) in enumerate(zip(self._actors, orders, strict=True))
        }
        self._requests = [0] * len(orders)
        self._asked: dict[Any, int] = {}
        self._bug: Exception | None = None

    def done(self) -> list[Worked]:
        """Return what became of each worker, in any order; all are gone then."""
        ended: list[Worked] = []
        stopping = False
        try:
            while self._left:
                if (self._runner.stop.requested or self._bug is not None) and not stopping:
                    stopping = True
                    for actor in self._actors:
                        actor.stop.remote()
                ready, _ = self._ray.wait(list(self._left), num_returns=1, timeout=LOOK_SECONDS)
                ended += [self._end(one) for one in ready]
                self._look()
        finally:
            for actor in self._actors:
                self._release(actor)
        if self._bug is not None:
            raise self._bug
        return ended

    def _end(self, one: Any) -> Worked:
        number = self._left.pop(one) + 1
        try:
            worked: Worked = self._ray.get(one)
        except self._ray.exceptions.RayTaskError as error:  # a bug: the others end with what they have in flight
            self._bug = error
            return Worked()
        except self._ray.exceptions.RayError as error:
            told = _first_line(error, "no reason is given")
            return Worked(warnings=(f"worker {number} is lost ({told[:200]}); what it had claimed is done by others",))
        self._release(self._actors[number - 1])  # its GPUs may be what a worker of a lost machine waits for
        lines = tuple(f"worker {number}: {line}" for line in worked.failures)
        fault = None if worked.fault is None else f"worker {number}: {worked.fault}"
        return Worked(worked.counts, worked.spent, lines, worked.warnings, fault)

    def _release(self, actor: Any) -> None:
        """End a worker's process, if it is still there, and let go of its GPUs."""
        with suppress(self._ray.exceptions.RayError):
            self._ray.kill(actor)

    def _look(self) -> None:
        """Show how many requests were answered since the last look; a worker that does not answer is passed over."""
        if not self._asked:
            self._asked = {self._actors[number].requests.remote(): number for number in self._left.values()}
        ready, _ = self._ray.wait(list(self._asked), num_returns=max(1, len(self._asked)), timeout=0)
        for one in ready:
            number = self._asked.pop(one)
            with suppress(self._ray.exceptions.RayError):
                found = self._ray.get(one)
                self._progress.advance(max(0, found - self._requests[number]))
                self._requests[number] = found  # one that was restarted counts from 0


def _collect(ended: Sequence[Worked], runner: Runner, result: RunResult) -> None:
    """Add what the workers did to the result; what they spent counts for what is done after them."""
    faults = [one.fault for one in ended if one.fault is not None]
    if faults and len(faults) == len(ended):
        raise UsageError(faults[0])
    for one in ended:
        for name, number in one.counts.items():
            result.add(name, number)
        runner.spending.spent += one.spent
        result.failures += [*one.failures, *([one.fault] if one.fault else [])]
        result.warnings += [line for line in one.warnings if line not in result.warnings]
    shares = ", ".join(f"{one.counts.get('samples', 0):,}" for one in ended)
    spent = sum(one.spent for one in ended)
    cost = f"; {spent:,.4f} spent by the price table" if runner.session.config.prices else ""
    result.notes.append(f"Samples taken by {len(ended)} workers: {shares}{cost}.")


def _check_gpus(nodes: Sequence[Mapping[str, Any]], placement: Placement) -> None:
    """Raise :class:`UsageError` where the cluster has no room for all workers: Ray itself would wait for more for ever.

    ``nodes`` are as ``ray.nodes()`` gives them.
    """
    if not placement.gpus:
        return
    there = [node.get("Resources", {}).get("GPU", 0) for node in nodes if node.get("Alive")]
    room = sum(int(gpus / placement.gpus + 1e-6) for gpus in there)
    if room < placement.count:
        raise UsageError(
            f"--worker-gpus {placement.gpus:g}: {placement.count} workers have no room; the GPUs of the cluster's "
            f"machines ({', '.join(f'{gpus:g}' for gpus in there)}) are enough for {room}"
        )


def _reach(address: str, named: str) -> None:
    """Raise :class:`UsageError` where nobody listens at a cluster's address: Ray itself would wait for minutes."""
    import socket

    host, _, port = address.removeprefix(CLIENT).rpartition(":")
    if address.startswith(CLIENT) and not host:
        host, port = port, CLIENT_PORT
    if not host or not port.isdecimal():
        return  # none is named, or in a form of Ray's own
    try:
        socket.create_connection((host, int(port)), timeout=REACH_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise UsageError(f"--workers {named}: nobody answers at {redact(f'{host}:{port}')}: {error}") from None


def _first_line(error: Exception, otherwise: str) -> str:
    """Return the first line of what Ray says of a fault, without secrets; ``otherwise`` where it says nothing."""
    return redact(next(iter(str(error).strip().splitlines()), otherwise))


def _ray() -> Any:
    """Return the package: an extra, whose types are not there where it is not installed."""
    from importlib import import_module

    return import_module("ray")


@contextmanager
def _connected(placement: Placement) -> Iterator[RayMessages]:
    """Connect to the cluster, or start one on this machine, while the block runs; yield what Ray tells meanwhile.

    Signals stay this program's.
    """
    import logging

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ["RAY_DEDUP_LOGS"] = "0"  # else it prints what it held back when it ends
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    _reach(os.environ.get("RAY_ADDRESS", "") if placement.address == "auto" else placement.address, placement.address)
    ray = _ray()
    quiet: dict[str, Any] = {"log_to_driver": False, "configure_logging": False, "logging_level": logging.CRITICAL}
    try:
        if placement.address != "auto":
            ray.init(placement.address, **quiet)
        else:
            try:
                ray.init("auto", **quiet)
            except ConnectionError:
                ray.init("local", include_dashboard=False, **quiet)
    except (ConnectionError, RuntimeError, TimeoutError) as error:
        told = _first_line(error, type(error).__name__)
        raise UsageError(f"--workers {placement.address}: Ray cannot be reached: {told[:300]}") from None
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    with catching_messages() as messages:
        try:
            yield messages
        finally:
            ray.shutdown()
