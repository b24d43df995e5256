"""One run of the plan: discover, sample, score. Each stage reads the store, and writes what it makes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import charbench
from charbench.boundary import Broken, guarded
from charbench.components.sampler import Sampler, SamplingPlan
from charbench.components.scorer import Scorer
from charbench.components.source import CheckpointSource
from charbench.domain.checkpoint import Checkpoint, Kind
from charbench.domain.dataset import RecordedSample
from charbench.domain.persona import Persona
from charbench.engine.discover import Discovery, discover
from charbench.engine.interrupt import StopSignal
from charbench.engine.progress import show_progress
from charbench.engine.sample import SampleStage
from charbench.engine.score import ScoreStage
from charbench.engine.select import select_checkpoints
from charbench.engine.session import Session
from charbench.engine.writer import Writer
from charbench.store.findings import read_checkpoints
from charbench.store.runs import finish_run, start_run, utc_now
from charbench.store.summaries import groups_of


@dataclass(slots=True)
class RunResult:
    """What a run did. ``counts`` is what it added to the store; ``warnings`` are lines for the user."""

    run_id: int
    discovery: Discovery | None = None
    counts: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    interrupted: bool = False

    @property
    def status(self) -> str:
        """``done``, ``failed`` (some items did) or ``interrupted``."""
        return "interrupted" if self.interrupted else "failed" if self.failures else "done"

    @property
    def did_nothing(self) -> bool:
        """Whether everything was there already."""
        return not any(self.counts.values())


class Runner:
    """Does the stages of one run, and tells the observers."""

    def __init__(self, session: Session, command: str, stop: StopSignal, *, quiet: bool = False) -> None:
        self.session = session
        self.command = command
        self.stop = stop
        self.quiet = quiet

    def run(self) -> RunResult:
        """Do everything that is not done yet."""
        session = self.session
        # All components first: a wrong option or a broken plugin is told before anything is done.
        sources, samplers, scorers = session.sources(), session.samplers(), session.scorers()
        chosen = [persona.name for persona in session.selected_personas()]
        run_id = start_run(session.database, self.command, charbench.__version__)
        result = RunResult(run_id)
        self._tell("charbench_run_started", result, command=self.command, started_at=utc_now())
        try:
            with Writer(session.database, run_id) as writer:
                self._discover(sources, result)
                checkpoints = self._select(chosen)
                for sampler in samplers:
                    self._sample(sampler, sources, checkpoints, writer, result)
                for scorer in scorers:
                    self._score(scorer, checkpoints, chosen, writer, result)
            result.interrupted = self.stop.requested
        except KeyboardInterrupt:
            result.interrupted = True
            raise
        finally:
            finish_run(session.database, run_id, result.status, result.counts)
            self._tell("charbench_run_finished", result, status=result.status, counts=dict(result.counts))
        return result

    def _discover(self, sources: Sequence[CheckpointSource], result: RunResult) -> None:
        if self.stop.requested:
            return
        found = discover(self.session.database, sources, self.session.lab, self.session.policy)
        result.discovery = found
        result.counts["checkpoints"] = found.new_checkpoints
        result.failures += found.failures
        result.warnings += found.problems

    def _select(self, personas: Sequence[str]) -> list[Checkpoint]:
        with self.session.database.read() as connection:
            everything = read_checkpoints(connection)
        return select_checkpoints(everything, self.session.config.checkpoints, personas)

    def _sample(
        self,
        sampler: Sampler,
        sources: Sequence[CheckpointSource],
        checkpoints: Sequence[Checkpoint],
        writer: Writer,
        result: RunResult,
    ) -> None:
        if self.stop.requested:
            return
        lab = self.session.lab
        plan = SamplingPlan(
            [checkpoint for checkpoint in checkpoints if checkpoint.sampleable],
            {},
            1,
            _Recordings(sources, lab),
        )
        stage = SampleStage(self.session.database, writer, result.run_id, sampler, self.stop)
        total = result.discovery.recorded if result.discovery and sampler.name == "recorded" else None
        with show_progress(f"sampling ({sampler.name})", total, quiet=self.quiet) as progress:
            tally = stage.run(_Requests(sampler, plan), progress)
        _add(result.counts, "samples", tally.added)
        _add(result.counts, "failures", tally.failed)
        result.failures += _faults(f"sampler {sampler.name}", tally.faults, tally.trace)

    def _score(
        self,
        scorer: Scorer,
        checkpoints: Sequence[Checkpoint],
        personas: Sequence[str],
        writer: Writer,
        result: RunResult,
    ) -> None:
        for persona, group_ids in self._work_for(checkpoints, personas, result):
            if self.stop.requested:
                return
            stage = ScoreStage(self.session.database, writer, result.run_id, scorer, persona, self.stop)
            with show_progress(f"scoring ({scorer.name}, {persona.name})", None, quiet=self.quiet) as progress:
                tally = stage.run(group_ids, progress)
            _add(result.counts, "scores", tally.scored)
            _add(result.counts, "failures", tally.failed)
            result.failures += _faults(f"scorer {scorer.name}", tally.faults, tally.trace)

    def _work_for(
        self, checkpoints: Sequence[Checkpoint], personas: Sequence[str], result: RunResult
    ) -> Iterator[tuple[Persona, list[int]]]:
        """Yield each persona with the groups of samples that are to be scored for it."""
        by_persona: dict[str, list[str]] = {}
        bases: list[str] = []
        for checkpoint in checkpoints:
            if checkpoint.kind is Kind.BASE:
                bases.append(checkpoint.uri)
            elif checkpoint.persona:
                by_persona.setdefault(checkpoint.persona, []).append(checkpoint.uri)
        if len(personas) == 1:
            by_persona.setdefault(personas[0], []).extend(c.uri for c in checkpoints if c.persona is None)
        for name in sorted(by_persona):
            if name not in self.session.personas.all:
                warning = f"persona {name!r} has no file, so {len(by_persona[name])} checkpoints are not scored"
                if warning not in result.warnings:
                    result.warnings.append(f"{warning}; write one with: charbench personas new {name}")
                continue
            with self.session.database.read() as connection:
                groups = groups_of(connection, [*by_persona[name], *bases])
            if groups:
                yield self.session.personas.all[name], groups

    def _tell(self, hook: str, result: RunResult, **arguments: Any) -> None:
        """Call observers one by one: what one raises is shown, and stops neither the others nor the run."""
        everything = {"run_id": result.run_id, "folder": self.session.config.folder, **arguments}
        for name, function in self.session.plugins.implementations(hook):
            wanted = function.__code__.co_varnames[: function.__code__.co_argcount]
            given = {key: value for key, value in everything.items() if key in wanted}
            outcome = guarded(function, **given)
            if isinstance(outcome, Broken):
                result.warnings.append(f"plugin {name}, {hook}: {outcome.message}")


@dataclass(frozen=True, slots=True)
class _Recordings:
    """The recorded samples of all sources, anew at each iteration."""

    sources: Sequence[CheckpointSource]
    lab: Any

    def __iter__(self) -> Iterator[RecordedSample]:
        for source in self.sources:
            yield from source.recordings(self.lab)


@dataclass(frozen=True, slots=True)
class _Requests:
    """What a sampler wants to ask, anew at each iteration."""

    sampler: Sampler
    plan: SamplingPlan

    def __iter__(self) -> Iterator[Any]:
        return iter(self.sampler.requests(self.plan))


def _add(counts: dict[str, int], name: str, number: int) -> None:
    counts[name] = counts.get(name, 0) + number


def _faults(who: str, faults: dict[str, int], trace: str) -> list[str]:
    lines = [f"{who}: {count:,} failed: {message}" for message, count in sorted(faults.items(), key=lambda f: -f[1])]
    if lines and trace:
        lines[-1] += f"\nThe first one's traceback:\n{trace.rstrip()}"
    return lines
