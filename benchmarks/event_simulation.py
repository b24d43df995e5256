"""A discrete-event simulation of workers that sample into one PostgreSQL store.

Each worker is one process with one thread of Python at a time. For each sample it makes a request (half of its
processor time), waits for the endpoint, takes the answer (the other half), and waits until a transaction holds it:
what is finished while one transaction runs goes into the next, after a pause of twice the time that the last one took
(20 ms at most), as in ``charbench.concurrency``'s group commit. A transaction takes time of the worker, then of the
server; those that update one checkpoint's totals wait for each other during its second half. Only then does the worker
ask for the next sample. Processes share the cores of their machine, first come, first served.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

GATHER, LONGEST_GATHER = 2.0, 0.02


@dataclass(frozen=True)
class Service:
    """Measured times, in seconds."""

    ask: float
    """Of a worker's processor for each sample, without its transaction."""
    commit: float
    """Of a worker's processor for each transaction."""
    commit_each: float
    """The same for each sample in it."""
    server: float
    """Of the server's processor for each transaction."""
    server_each: float
    """The same for each sample in it."""
    stall: float = 0.0
    """By the clock, for each transaction: until the disk has it, or until a busy machine lets it run."""
    stall_each: float = 0.0
    """The same for each sample in it."""
    endpoint: float = 0.0
    """Of the endpoint's processor for each request, where it shares the workers' cores."""


@dataclass(frozen=True)
class Setting:
    """What is simulated."""

    workers: int
    in_flight: int
    """Requests in flight for each worker."""
    latency: float
    """Median seconds of an answer."""
    spread: float = 0.0
    """Standard deviation of the logarithm of an answer's seconds."""
    samples: int = 2000
    """For each worker."""
    shared_checkpoint: bool = False
    """Whether all workers sample one checkpoint, rather than each its own."""
    worker_cores: int = 8
    server_cores: int = 8
    """0: the server shares the workers' cores."""


@dataclass
class Outcome:
    """What came out."""

    per_second: float
    """Samples a second between the first quarter of the answers and the last, of all workers."""
    worker_busy: float
    """Share of the time that a worker's one thread is in use, the busiest."""
    server_busy: float
    """Share of the server's cores in use."""
    lock_wait: float
    """Mean seconds that a transaction waited for the totals of its checkpoint."""
    batch: float
    """Mean samples in a transaction."""


Step = Generator["Claim | Pause | float", None, None]


@dataclass
class Claim:
    """A process waits for one of a resource's places."""

    resource: Resource


@dataclass
class Pause:
    """A process waits until somebody starts it again."""

    step: Step | None = None


@dataclass
class Resource:
    """So many places; who comes first is served first."""

    places: int
    used: int = 0
    waiting: deque[Step] = field(default_factory=deque)
    busy: float = 0.0


class Clock:
    """Runs processes: generators that yield seconds to wait, or a :class:`Claim`."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Step]] = []
        self._order = itertools.count()

    def start(self, step: Step, after: float = 0.0) -> None:
        """Go on with a process later."""
        heapq.heappush(self._events, (self.now + after, next(self._order), step))

    def run(self, until: Callable[[], bool]) -> None:
        """Run until nothing is left, or until told."""
        while self._events and not until():
            self.now, _, step = heapq.heappop(self._events)
            self._go_on(step)

    def _go_on(self, step: Step) -> None:
        for asked in step:
            if isinstance(asked, float):
                self.start(step, asked)
                return
            if isinstance(asked, Pause):
                asked.step = step
                return
            resource = asked.resource
            if resource.used >= resource.places:
                resource.waiting.append(step)
                return
            resource.used += 1

    def free(self, resource: Resource) -> None:
        """Give a place up, to the first that waits for one."""
        if resource.waiting:
            self.start(resource.waiting.popleft())
        else:
            resource.used -= 1


class Worker:
    """One process that samples."""

    def __init__(self, run: Simulation, totals: Resource) -> None:
        self.run = run
        self.thread = Resource(1)
        self.totals = totals
        self.left = run.setting.samples
        self.finished: list[Pause] = []
        self.writing = False
        self.took = 0.0

    def slot(self) -> Step:
        """One request in flight after the other."""
        run, dice = self.run, self.run.dice
        while self.left > 0:
            self.left -= 1
            yield from run.compute(self.thread, run.cores, run.service.ask / 2)
            seconds = run.setting.latency
            if run.setting.spread:
                seconds *= math.exp(dice.gauss(0, run.setting.spread))
            yield seconds
            if run.service.endpoint:
                yield from run.compute(None, run.cores, run.service.endpoint)
            run.ends.append(run.clock.now)
            yield from run.compute(self.thread, run.cores, run.service.ask / 2)
            self.finished.append(stored := Pause())
            if not self.writing:
                self.writing = True
                run.clock.start(self.write())
            yield stored

    def write(self) -> Step:
        """Write what is finished, one transaction after the other."""
        run = self.run
        while self.finished:
            yield min(GATHER * self.took, LONGEST_GATHER)
            batch, self.finished = self.finished, []
            begun = run.clock.now
            yield from self.half(len(batch))
            asked = run.clock.now
            yield Claim(self.totals)
            run.waits.append(run.clock.now - asked)
            yield from self.half(len(batch))
            run.clock.free(self.totals)
            self.took = run.clock.now - begun
            run.batches.append(len(batch))
            for stored in batch:
                assert stored.step is not None
                run.clock.start(stored.step)
        self.writing = False

    def half(self, samples: int) -> Step:
        """Half of a transaction: statements of the worker, each answered by the server."""
        run, service = self.run, self.run.service
        yield from run.compute(self.thread, run.cores, (service.commit + service.commit_each * samples) / 2)
        yield from run.compute(None, run.server, (service.server + service.server_each * samples) / 2)
        if stall := (service.stall + service.stall_each * samples) / 2:
            yield stall


class Simulation:
    """One simulated run; see :func:`simulate`."""

    def __init__(self, service: Service, setting: Setting, seed: int) -> None:
        self.service, self.setting = service, setting
        self.dice = random.Random(seed)
        self.clock = Clock()
        self.cores = Resource(setting.worker_cores)
        self.server = Resource(setting.server_cores) if setting.server_cores else self.cores
        self.ends: list[float] = []
        self.waits: list[float] = []
        self.batches: list[int] = []

    def compute(self, thread: Resource | None, cores: Resource, seconds: float) -> Step:
        """Use a core, and the one thread of a process where it is a process's."""
        if thread is not None:
            yield Claim(thread)
        yield Claim(cores)
        yield seconds
        cores.busy += seconds
        self.clock.free(cores)
        if thread is not None:
            thread.busy += seconds
            self.clock.free(thread)

    def go(self) -> Outcome:
        shared = Resource(1)
        workers = [
            Worker(self, shared if self.setting.shared_checkpoint else Resource(1)) for _ in range(self.setting.workers)
        ]
        for worker in workers:
            for _ in range(self.setting.in_flight):
                self.clock.start(worker.slot(), self.dice.random() * min(1.0, self.setting.latency))
        total = self.setting.workers * self.setting.samples
        self.clock.run(lambda: len(self.ends) >= total)
        quarter, rest = total // 4, (3 * total) // 4
        now = self.clock.now
        return Outcome(
            (rest - quarter) / (self.ends[rest] - self.ends[quarter]), max(one.thread.busy for one in workers) / now,
            self.server.busy / self.server.places / now, sum(self.waits) / max(1, len(self.waits)),
            sum(self.batches) / max(1, len(self.batches)),
        )  # fmt: skip


def simulate(service: Service, setting: Setting, seed: int = 0) -> Outcome:
    """Simulate one run."""
    return Simulation(service, setting, seed).go()
