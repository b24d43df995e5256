"""One run of the plan: discover, train, sample, score. Each stage reads the store, and writes what it makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import charbench
from charbench.components.containment import asked, printing_to_stderr
from charbench.components.pair_scorer import PairScorer
from charbench.components.sampler import Sampler
from charbench.components.scorer import BaseScorer, Scorer, ScoringPlan, waits
from charbench.components.source import CheckpointSource
from charbench.concurrency.interrupt import StopSignal
from charbench.concurrency.progress import Progress
from charbench.concurrency.run_display import RunDisplay, showing_run
from charbench.discovery.expiry import expiry_warnings
from charbench.domain.checkpoint import Checkpoint
from charbench.errors import StoreError
from charbench.run.components import Components, components_for
from charbench.run.corrections import correct_recordings
from charbench.run.learning import base_answers_of, datasets_of, learn
from charbench.run.plan import Requests, note_without_file, personas_to_score, sampling_plan
from charbench.run.result import RunResult, Stage, add_failures, add_scores, with_trace
from charbench.run.served import earlier_saves
from charbench.run.session import Session
from charbench.run.stages import Stages
from charbench.run.wanted import Wanted, checkpoints_of_run, wanted_of
from charbench.sampling.cost import Spending
from charbench.sampling.stage import BATCH, SampleStage
from charbench.scoring.score import Begun
from charbench.scoring.stage import ScoreStage
from charbench.store.claims import claimed_together, others_at_work
from charbench.store.code_versions import OldScores
from charbench.store.controls import keep_controls
from charbench.store.endpoint_addresses import note_addresses
from charbench.store.findings import read_checkpoints
from charbench.store.guard import StoreGuard
from charbench.store.heartbeat import beating
from charbench.store.recovery import recovery_file
from charbench.store.rescue import Rescue
from charbench.store.runs import finish_run, start_run, utc_now
from charbench.store.writer import Writer
from charbench.text.redaction import redact

if TYPE_CHECKING:  # what only some runs need is imported by those
    from charbench.components.trainer import Trainer, TrainingEvent
    from charbench.discovery.stage import Discovery
    from charbench.training.display import TrainingLog


@dataclass(slots=True)
class Runner:
    """Does the stages of one run, and tells the observers."""

    session: Session
    command: str
    stop: StopSignal
    quiet: bool = False
    train_command: Callable[[str], str] = "charbench train -c {}".format
    """Returns the command that trains a job of this name as this run does."""
    spending: Spending = field(init=False)
    """What this run spends, with all its samplers and probes."""
    rescue: Rescue | None = None
    """Where this run puts what its store does not take, while it runs."""
    old_scores: OldScores = OldScores.LEFT
    """What becomes of scores by an earlier version of a scorer's code; those that cost nothing are never left."""
    adds_bases: bool = False
    """Whether base models are sampled beside their checkpoints, as the option ``base`` says."""
    discovered: Discovery | None = None
    """What has been discovered for this run already."""
    workers: Callable[[Runner, Components, Sequence[Wanted], RunResult], None] | None = None
    """Lets workers sample and score for this run; what they leave is done here."""
    shared_run: int | None = None
    """The run that workers do parts of, where this is it or one of its parts."""
    sharers: int = 1
    """So many workers, this one too, share the work: each claims less at a time than one that is alone."""
    stages: Stages = field(default_factory=Stages)
    _begun: Begun = field(default_factory=Begun)
    _display: RunDisplay = field(default_factory=RunDisplay)

    def __post_init__(self) -> None:
        self.spending = Spending(self.session.config.prices, self.session.config.max_cost)
        self.session.lifecycle.meter = self.spending
        self._begun.old_scores = self.old_scores

    @property
    def asks_no_more(self) -> bool:
        """Whether nobody is to be asked any more: the user wants to stop, or has nothing left to spend."""
        return self.stop.requested or self.spending.is_over

    def components(self, stages: Sequence[Stage], *, fresh: bool = False) -> Components:
        """Make all that these stages work with: see :func:`components_for`."""
        return components_for(self.session, stages, fresh=fresh)

    def run(
        self, stages: Sequence[Stage], jobs: Sequence[str] | None = None, components: Components | None = None
    ) -> RunResult:
        """Do everything in these stages that is not done yet.

        ``jobs`` limits training to jobs of these ids or runs; None trains all that wait. ``components`` are what
        :meth:`components` returned for these stages, where the caller has asked already.
        """
        session = self.session
        use = components or self.components(stages)
        with self.recorded() as result:
            result.discovery = self.discovered
            if Stage.DISCOVER in stages:
                self._discover(use.sources, result)
            if Stage.TRAIN in stages and use.trainers:
                self._train(use.trainers, jobs, use.personas, result)
            with Writer(session.database, result.run_id) as writer:
                checkpoints = checkpoints_of_run(session, result.discovery, use.personas)
                if Stage.SAMPLE in stages:
                    wanted = wanted_of(session, use.samplers, checkpoints, result.discovery)
                    if self.adds_bases:
                        from charbench.run.bases import add_bases
                        from charbench.run.by_key import add_by_key

                        offered = add_by_key(session, use.sources, wanted, checkpoints, self._display.line)
                        result.notes += offered.left_out if offered else ()
                        checkpoints = add_bases(session, use.sources, wanted, checkpoints, self._display.line)
                    result.notes += earlier_saves(session, checkpoints, [one.sampler for one in wanted])
                    for one in wanted:
                        self.spending.check([one.sampler], one.checkpoints)
                    if self.workers is not None and not self.stop.requested:
                        self.workers(self, use, wanted, result)
                    for one in wanted:
                        self._sample(one, use.sources, writer, result)
                if Stage.SCORE in stages:
                    self.score(use.scorers, checkpoints, use.personas, writer, result)
            result.interrupted = self.stop.requested
            result.warnings += expiry_warnings(session.database, checkpoints)
        return result

    @contextmanager
    def recorded(self) -> Iterator[RunResult]:
        """Note the run in the store from its start to its end, and that it lives, whatever happens in between.

        When it ends, its components are closed. What they print meanwhile, in whatever thread, goes to stderr.
        """
        session = self.session
        with printing_to_stderr():
            run_id = start_run(session.database, self.command, charbench.__version__)
            note_addresses(session.database, session.endpoints.named.values())
            result = RunResult(run_id, warnings=[*session.recovered, *session.missing_defaults()])
            recovery = recovery_file(session.config.store_url, session.config.folder, run_id)
            rescue = Rescue(recovery.with_name(f"{recovery.name}-more"), self.command, charbench.__version__)
            guard = StoreGuard(session.database, run_id, self.stop, recovery, rescue)
            self.rescue = rescue
            with guard.watching(), showing_run(quiet=self.quiet) as self._display:
                yield from self._noted(result)

    def _noted(self, result: RunResult) -> Iterator[RunResult]:
        run_id = result.run_id
        self._begun.keep = partial(keep_controls, self.session.database, run_id)
        self._tell("charbench_run_started", result, command=self.command, started_at=utc_now())
        try:
            how_far = partial(self.stages.progress, self.spending)
            with self._closing(result), beating(self.session.database, run_id, how_far):
                yield result
            result.notes += self.spending.call_lines()
            result.failures += self.spending.lines()
            result.warnings += self.spending.warnings()
            result.ended = True
        except KeyboardInterrupt:
            result.interrupted = True
            raise
        finally:
            try:
                finish_run(self.session.database, run_id, result.status, result.counts, self.spending.details())
            except StoreError as error:
                result.failures.append(str(error))
            self._tell("charbench_run_finished", result, status=result.status, counts=dict(result.counts))

    @contextmanager
    def _closing(self, result: RunResult) -> Iterator[None]:
        """Close the components at the end, whatever happens; what could not be told sooner is told in the result."""
        try:
            yield
        finally:
            result.failures += self.session.lifecycle.close()

    def _checkpoints(self) -> list[Checkpoint]:
        with self.session.database.read() as connection:
            return read_checkpoints(connection)

    def _discover(self, sources: Sequence[CheckpointSource], result: RunResult) -> None:
        from charbench.discovery.stage import discover

        session = self.session
        with self._display.stage("discovering") as progress:
            found = discover(
                session.database, sources, session.lab, session.policy,
                lifecycle=session.lifecycle, by_name=session.sources_by_name,
            )  # fmt: skip
            progress.advance(len(found.checkpoints))
        result.discovery = found
        result.add("checkpoints", found.new_checkpoints)
        result.failures += found.failures
        result.warnings += found.problems

    def _train(
        self, trainers: Sequence[Trainer], jobs: Sequence[str] | None, personas: Sequence[str], result: RunResult
    ) -> None:
        from charbench.run.data_in_character import out_of_character
        from charbench.run.train_jobs import failed_jobs, short_names, waiting_jobs
        from charbench.training.display import TrainingLog
        from charbench.training.stage import TrainingPolicy, TrainStage

        config = self.session.config
        if jobs is None:
            result.failures += failed_jobs(self.session.database, personas)
        waiting = [job for job in waiting_jobs(self.session.database, jobs) if not personas or job.persona in personas]
        if not waiting or self.stop.requested:
            return
        for line in out_of_character(self.session, waiting):
            self._display.line(f"warning: {line}")
        policy = TrainingPolicy(
            config.recipe, config.parallel, config.force, config.max_refusal_share, limits=config.read_limits
        )
        checkpoints = {checkpoint.uri: checkpoint for checkpoint in self._checkpoints()}
        with self._display.stage("training", len(waiting)) as progress:
            log = TrainingLog(self._display, progress)
            stage = TrainStage(
                self.session.database, result.run_id, trainers, self.session.lifecycle, policy, self.stop,
                partial(self._training_event, result, log),
                self.session.personas.aliases, self.rescue,
            )  # fmt: skip
            tally = stage.run(waiting, checkpoints)
        result.add("trained", len(tally.complete))
        result.add("failures", len(tally.failed))
        names = short_names(self.session.database, waiting)
        lines = [
            f"job {job}: {message}\n  once fixed, run: {self.train_command(names[job])}"
            for job, message in tally.failed.items()
        ]
        result.failures += with_trace(lines, tally.trace)
        result.notes += [f"job {job} is being trained by another run" for job in tally.elsewhere]

    def _sample(self, wanted: Wanted, sources: Sequence[CheckpointSource], writer: Writer, result: RunResult) -> None:
        requests = wanted.planned or Requests(wanted.sampler, sampling_plan(self.session, sources, wanted.checkpoints))
        self.sample(wanted.sampler, requests, writer, result, redact(wanted.endpoint))

    def sample(self, sampler: Sampler, requests: Any, writer: Writer, result: RunResult, at: str = "") -> None:
        """Sample what ``requests`` yields and the store does not have; ``requests`` can be iterated anew.

        ``at`` is the sampler's endpoint, where the run asks several.
        """
        if self.asks_no_more:
            return
        config = self.session.config
        self.session.lifecycle.prepare(sampler)
        total, together = requests.total(), min(config.epochs, sampler.epochs_at_once)
        stage = SampleStage(
            self.session.database, writer, result.run_id, sampler, self.session.lifecycle, self.stop,
            retry=config.retry_errors, spending=self.spending, rescue=self.rescue.samples if self.rescue else None,
            batch=claimed_together(BATCH, total, self.sharers, together),
        )  # fmt: skip
        who = f"{sampler.name} at {at}" if at else sampler.name
        with self.shown(f"sampling ({who})", total) as progress:
            tally = stage.run(requests, progress)
            if correct_recordings(self.session.database, stage, requests, result, stopping=self.asks_no_more):
                tally = stage.run(requests, progress)
        result.add("samples", tally.taken)
        result.add("failures", tally.failed + tally.skipped)
        result.failures += with_trace(tally.faults.lines(f"sampler {who}"), tally.trace)
        result.warnings += tally.remark_lines()
        if tally.completion_tokens:
            cost = f", {tally.cost:,.4f} by the price table" if config.prices else ""
            result.notes.append(
                f"{tally.prompt_tokens:,} prompt tokens and {tally.completion_tokens:,} completion tokens{cost}."
            )

    def score(
        self,
        scorers: Sequence[BaseScorer],
        checkpoints: Sequence[Checkpoint],
        personas: Sequence[str],
        writer: Writer,
        result: RunResult,
    ) -> None:
        """Score the samples of these checkpoints that these scorers have not scored yet.

        Those that only compute go first, together; those that wait for somebody follow, one by one; then
        checkpoints are compared in pairs.
        """
        others = others_at_work(self.session.database, result.run_id)
        plain = [scorer for scorer in scorers if isinstance(scorer, Scorer) and not waits(scorer)]
        waiting = [[scorer] for scorer in scorers if isinstance(scorer, Scorer) and waits(scorer)]
        for together in [plain, *waiting] if plain else waiting:
            for plan, group_ids in self._plans(together, checkpoints, personas, result, others):
                mine = self._scorers_for(together, plan, result)
                if not mine:
                    continue
                stage = ScoreStage(
                    self.session.database, writer, result.run_id, mine, plan, self._begun, self.session.lifecycle,
                    self.sharers, self.shared_run, others, self.rescue,
                )  # fmt: skip
                names = ", ".join(scorer.name for scorer in mine)
                with self.shown(f"scoring ({names}; {plan.persona.name})", None) as progress:
                    tally = stage.run(group_ids, progress)
                add_scores(result, tally)
        for scorer in scorers:
            if isinstance(scorer, PairScorer):
                self._compare(scorer, checkpoints, personas, writer, result)

    def _scorers_for(self, scorers: Sequence[Scorer], plan: ScoringPlan, result: RunResult) -> list[Scorer]:
        """Let scorers learn the persona, and return those that are for it: a default only where it is wanted."""
        persona, named = plan.persona, bool(self.session.config.scorers)
        mine = [one for one in scorers if persona.origin or not one.needs_file]
        mine = [one for one in mine if named or asked(f"scorer {one.name}", one.is_wanted, persona)]
        learn(mine, plan, result)
        able = [one for one in mine if asked(f"scorer {one.name}", one.can_score, persona)]
        if not able and not persona.origin:
            note_without_file(persona.name, len(plan.checkpoints), result.warnings)
        return able

    def _compare(
        self,
        scorer: PairScorer,
        checkpoints: Sequence[Checkpoint],
        personas: Sequence[str],
        writer: Writer,
        result: RunResult,
    ) -> None:
        """Let these checkpoints play each other, as far as they have not."""
        from charbench.scoring.pair_stage import PairStage  # numpy is for those who compare

        for plan, group_ids in self._plans([scorer], checkpoints, personas, result):
            stage = PairStage(
                self.session.database, writer, result.run_id, scorer, plan, self._begun, self.session.lifecycle,
                self.shared_run, self.rescue,
            )  # fmt: skip
            with self.shown(f"comparing ({scorer.name}; {plan.persona.name})", None) as progress:
                tally = stage.run(group_ids, progress)
            result.add("games", tally.played)
            result.warnings += tally.lines(scorer, plan.persona.name)
            add_failures(result, tally)

    def _plans(
        self,
        scorers: Sequence[BaseScorer],
        checkpoints: Sequence[Checkpoint],
        personas: Sequence[str],
        result: RunResult,
        others: int = 0,
    ) -> Iterator[tuple[ScoringPlan, list[int]]]:
        """Get the scorers ready, once, and yield what they are to score for each persona, until the user wants to stop.

        A scorer that is given again in this run, as for the next probe of a diagnosis, is as it was left.
        """
        self.session.lifecycle.prepare_all(scorers)
        metered = any(scorer.is_metered for scorer in scorers)

        def stopping() -> bool:
            return self.asks_no_more if metered else self.stop.requested

        bare = any(not scorer.needs_file for scorer in scorers)
        for persona, about, group_ids in personas_to_score(
            self.session, checkpoints, personas, result.warnings, without_file=bare, others=others
        ):
            if stopping():
                return
            plan = ScoringPlan(
                persona=persona, checkpoints=about, stopping=stopping,
                base_answers=partial(base_answers_of, self.session.database, persona.name, about),
                datasets=partial(datasets_of, self.session.database),
            )  # fmt: skip
            yield plan, group_ids

    def shown(self, title: str, total: int | None = None) -> AbstractContextManager[Progress]:
        """Show progress of something while the block runs, and count it among the run's stages."""
        return self.stages.shown(self._display, title, total, self.spending)

    def _tell(self, hook: str, result: RunResult, **arguments: Any) -> None:
        """Call the observers of a hook: what one raises is shown, and stops neither the others nor the run."""
        everything = {"run_id": result.run_id, "folder": self.session.config.folder, **arguments}
        for name, broken in self.session.plugins.observe(hook, **everything):
            line = f"plugin {name}, {hook}: {broken.message}"
            if line not in result.warnings:  # one that fails at each of many steps is reported once
                result.warnings.append(line)

    def _training_event(self, result: RunResult, log: TrainingLog, job_id: str, event: TrainingEvent | str) -> None:
        """Show one event of one job, and tell the observers of its steps."""
        from charbench.components.trainer import StepDone

        log.say(job_id, event)
        if isinstance(event, StepDone):
            self._tell(
                "charbench_training_step", result, job_id=job_id, step=event.step + 1, total_steps=event.total_steps,
                loss=event.loss, learning_rate=event.learning_rate, tokens=event.tokens,
            )  # fmt: skip
