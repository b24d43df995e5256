"""One round of the kill campaign: a new store, kills at random moments, a run to the end, and a check of both."""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from charbench.sampling.stage import AHEAD_FROM
from kill_processes import KEY, Endpoint, Processes

CONCURRENCY = 4
PROMPTS = 150
"""Of a process, with so many requests in flight; with more there are more."""
LONGEST = 1.2
"""Seconds from one kill to the next at most, shared by the processes at work; more where they are slow to start."""
SAVE_EVERY = 5
EVAL = ("eval", "-c", "model:m", "-p", "pirate", "--scorer", "keyword", "--prompts", "prompts.txt", "-q")
TRAIN = ("train", "-c", "pirate-full", "-q")
_ATTEMPTS = 100


@dataclass
class Round:
    """What one round did, and what was wrong afterwards: every count after ``kills`` has to be 0 but ``again``."""

    stage: str
    backend: str
    processes: int
    seed: int
    in_flight: int = CONCURRENCY
    """Requests that a process may have in flight."""
    kills: int = 0
    items: int = 0
    """Samples or optimizer steps that were wanted."""
    again: int = 0
    """Items asked for again because they were in flight at a kill, or came after the last saved state."""
    most_again: int = 0
    """Answers that one killed process had asked for and not stored, at most."""
    lost: int = 0
    stored_twice: int = 0
    requested_twice: int = 0
    """Beyond those in ``again``."""
    failed: int = 0
    """Commands that ended with anything but 0, without being killed."""
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)

    @property
    def may_be_lost(self) -> int:
        """Answers that a killed process may leave: in flight, and from 16 on as many that are being written."""
        return self.in_flight if self.in_flight < AHEAD_FROM else 2 * self.in_flight

    @property
    def wrong(self) -> int:
        """How much is wrong."""
        return self.lost + self.stored_twice + self.requested_twice + self.failed

    def as_dict(self) -> dict[str, Any]:
        """Return it as it is written to the results file."""
        return asdict(self)


@dataclass
class Life:
    """A process of a round."""

    key: str
    pid: int
    ended: float | None = None
    killed: bool = False


@dataclass
class World:
    """What rounds share."""

    processes: Processes
    template: Path
    """A lab with a training job that waits."""
    postgresql: str | None = None
    longest: float = LONGEST
    _databases: int = 0

    @contextmanager
    def store(self, backend: str, lab: Path) -> Iterator[str]:
        """Make a new store for a round; yield its URL."""
        if backend == "sqlite":
            yield f"sqlite:///{lab / '.charbench' / 'charbench.db'}"
            return
        assert self.postgresql is not None
        self._databases += 1
        name = f"kills{self._databases}"
        self._administer(f"CREATE DATABASE {name}")
        try:
            yield self.postgresql.format(name)
        finally:
            self._administer(f"DROP DATABASE {name} WITH (FORCE)")

    def _administer(self, statement: str) -> None:
        assert self.postgresql is not None
        engine = sa.create_engine(self.postgresql.format("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()


class KillRound:
    """The processes of one round, and the dice that decide when which of them is killed."""

    def __init__(self, world: World, result: Round, lab: Path, words: list[str]) -> None:
        self.result, self.lab = result, lab
        self.lives: list[Life] = []
        self._processes, self._words = world.processes, words
        self._dice = random.Random(result.seed)

    def start(self) -> Life:
        """Start a process."""
        key = f"process-{self.result.seed}-{len(self.lives)}"
        pid = self._processes.start(self._words, self.lab, key, self.lab / "stderr.txt")
        self.lives.append(Life(key, pid))
        return self.lives[-1]

    def kill_at_random(self, kills: int, longest: float) -> None:
        """Kill a random process at a random moment, and start another in its place, until all is done."""
        living = [self.start() for _ in range(self.result.processes)]
        for _ in range(_ATTEMPTS):
            over = time.monotonic() + self._dice.uniform(0, longest)
            while time.monotonic() < over and living:
                living = [life for life in living if not self._has_ended(life)]
                time.sleep(0.002)
            if not living or self.result.kills == kills:
                break
            self._kill(victim := self._dice.choice(living))
            living.remove(victim)
            living.append(self.start())
        for life in living:
            self._end(life, self._processes.wait(life.pid))
        life = self.start()
        self._end(life, self._processes.wait(life.pid))

    def _has_ended(self, life: Life) -> bool:
        status = self._processes.ended(life.pid)
        if status is not None:
            self._end(life, status)
        return status is not None

    def _kill(self, life: Life) -> None:
        life.ended = time.monotonic()
        if self._processes.kill(life.pid):
            life.killed = True
            self.result.kills += 1
        else:
            self._end(life, self._processes.wait(life.pid))

    def _end(self, life: Life, status: int) -> None:
        life.ended = time.monotonic()
        if status != 0:
            self.result.failed += 1
            self.result.notes.append(f"{life.key} ended with {status}: {(self.lab / 'stderr.txt').read_text()[-2000:]}")


def run_round(world: World, result: Round, kills: int) -> Round:
    """Play one round; nothing is left of it but the result."""
    begun = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="charbench-kills-"))
    try:
        lab = folder / "lab"
        if result.stage == "train":
            shutil.copytree(world.template, lab)
        else:
            lab.mkdir()
        with world.store(result.backend, lab) as store:
            (_train if result.stage == "train" else _sample)(world, result, lab, store, kills)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result.seconds = round(time.monotonic() - begun, 2)
    return result


def _query(store: str, text: str) -> list[Any]:
    engine = sa.create_engine(store, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return list(connection.execute(sa.text(text)))


# Sampling.


def _sample(world: World, result: Round, lab: Path, store: str, kills: int) -> None:
    result.items = PROMPTS * max(1, result.in_flight // CONCURRENCY) * result.processes
    (lab / "prompts.txt").write_text("".join(f"What of day {number}?\n" for number in range(result.items)))
    with Endpoint().serving() as endpoint:
        given = {"base_url": endpoint.url, "timeout": 20, "concurrency": result.in_flight, "api_key_env": KEY}
        options = [word for name, value in given.items() for word in ("-o", f"sampler.thinking.{name}={value}")]
        play = KillRound(world, result, lab, [*EVAL, *options, "--store", store])
        play.kill_at_random(kills, world.longest / result.processes)
    _check_samples(result, store, play.lives, endpoint)


def _check_samples(result: Round, store: str, lives: list[Life], endpoint: Endpoint) -> None:
    rows = _query(
        store,
        "SELECT prompts.prompt_id, prompts.messages, samples.key, samples.error_kind, runs.pid FROM samples"
        " JOIN prompts ON prompts.id = samples.prompt_id JOIN runs ON runs.id = samples.run_id",
    )
    by_pid = {life.pid: life.key for life in lives}
    texts = [str(_as_json(row.messages)[-1][1]) for row in rows]
    owner = {text: by_pid[row.pid] for text, row in zip(texts, rows, strict=True)}
    good = {text for text, row in zip(texts, rows, strict=True) if row.error_kind is None}
    result.lost += result.items - len(good)
    result.stored_twice += sum(count - 1 for count in Counter(texts).values())
    scored = _query(store, "SELECT sample_id, count(*) AS n FROM scored GROUP BY sample_id, scoring_id")
    result.stored_twice += sum(row.n - 1 for row in scored)
    result.lost += max(0, len(rows) - len(scored))
    (total,) = _query(store, "SELECT sum(samples) AS n FROM sample_groups")
    if total.n != len(rows):
        result.stored_twice += 1
        result.notes.append(f"the running total says {total.n} samples, and there are {len(rows)}")
    _check_requests(result, {life.key: life for life in lives}, owner, endpoint)


def _check_requests(result: Round, lives: dict[str, Life], owner: dict[str, str], endpoint: Endpoint) -> None:
    """Count requests for what had been asked already, except by a process that was killed before it stored it."""
    asked: defaultdict[str, list[Any]] = defaultdict(list)
    for request in endpoint.requests:
        asked[request.prompt].append(request)
    in_flight: Counter[str] = Counter()
    for prompt, requests in asked.items():
        for before, after in pairwise(requests):
            life = lives[before.key]
            if life.killed and life.ended is not None and life.ended <= after.at and owner.get(prompt) != before.key:
                result.again += 1
            else:
                result.requested_twice += 1
                result.notes.append(f"{prompt}: asked by {before.key}, and again by {after.key}")
        for request in requests:
            in_flight[request.key] += lives[request.key].killed and owner.get(prompt) != request.key
    for key, number in in_flight.items():
        if number > result.may_be_lost:
            result.lost += number - result.may_be_lost
            result.notes.append(f"{key} was killed with {number} answers not stored; {result.may_be_lost} may be")
        result.most_again = max(result.most_again, number)


def _as_json(value: Any) -> Any:
    import json

    return json.loads(value) if isinstance(value, str) else value


# Training.


def _train(world: World, result: Round, lab: Path, store: str, kills: int) -> None:
    finder = world.processes.start(["discover", "--store", store], lab, "discover", lab / "stderr.txt")
    if world.processes.wait(finder) not in (0, 1):
        result.failed += 1
        result.notes.append((lab / "stderr.txt").read_text()[-2000:])
        return
    words = [*TRAIN, "--store", store, "-o", f"trainer.tiny-sft.save_every={SAVE_EVERY}"]
    play = KillRound(world, result, lab, words)
    play.kill_at_random(kills, world.longest)
    _check_steps(result, lab, store)


def _check_steps(result: Round, lab: Path, store: str) -> None:
    (job,) = _query(store, "SELECT * FROM jobs WHERE run = 'pirate-full'")
    result.items = job.total_steps or 0
    made = _query(store, "SELECT uri FROM checkpoints WHERE kind = 'sft'")
    if job.status != "complete" or len(made) != 1 or not (lab / made[0].uri.removeprefix("file:")).exists():
        result.lost += 1
        result.notes.append(f"the job is {job.status}, with {len(made)} checkpoints: {job.error}")
    steps = _query(store, "SELECT * FROM training_steps ORDER BY attempt, step")
    valid = Counter(step.step for step in steps if not step.superseded)
    result.lost += sum(number not in valid for number in range(result.items))
    result.stored_twice += sum(count - 1 for count in valid.values()) + max(0, len(made) - 1)
    attempts: defaultdict[int, list[int]] = defaultdict(list)
    for step in steps:
        attempts[step.attempt].append(step.step)
    states = _query(store, "SELECT * FROM training_states")
    for attempt, numbers in attempts.items():
        saved = max((state.step for state in states if state.attempt < attempt), default=0)
        before = {step.step for step in steps if step.attempt < attempt}
        repeated = [number for number in numbers if number in before]
        result.again += len(repeated)
        result.requested_twice += sum(number < saved for number in repeated)
