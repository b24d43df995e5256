"""Runs the probes for one checkpoint, and names the cause of what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from charbench.components.generation import GenerationConfig
from charbench.components.sampler import Sampler
from charbench.components.scorer import BaseScorer
from charbench.diagnosis.base_model import base_model_of
from charbench.diagnosis.causes import Cause, Diagnosis
from charbench.diagnosis.decide import Report, conclude
from charbench.diagnosis.probe_results import AtZero, Findings, ProbeResult
from charbench.diagnosis.probes import BASE_GREEDY, GREEDY, Probe, ProbeRequests, probes_for, probing_sampler
from charbench.diagnosis.samplers import choose_samplers
from charbench.diagnosis.stored import stored_report
from charbench.domain.checkpoint import Checkpoint
from charbench.domain.persona import Persona
from charbench.domain.prompt import Prompt
from charbench.errors import UsageError
from charbench.run.evaluate import selected
from charbench.run.plan import sampling_plan
from charbench.run.result import RunResult
from charbench.run.runner import Runner
from charbench.store.diagnoses import save_diagnosis
from charbench.store.samples import samples_with_keys
from charbench.store.summaries import trait_hits
from charbench.store.writer import Writer

MOST_PROMPTS = 10
"""Prompts that are probed; those without a response come first."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to ask a checkpoint: a sampler, and the base model as it can ask that."""

    sampler: Sampler
    base: Checkpoint | None


@dataclass(slots=True)
class Examination:
    """One checkpoint under examination: what it gives the first sampler is diagnosed, the others are compared."""

    runner: Runner
    writer: Writer
    result: RunResult
    checkpoint: Checkpoint
    persona: Persona | None
    samplers: Sequence[Sampler]
    scorers: Sequence[BaseScorer]

    def examine(self) -> Report:
        """Sample the checkpoint as configured, then under each probe and through each sampler, and conclude."""
        sampler = self.samplers[0]
        prompts = sampling_plan(self.runner.session, (), [self.checkpoint]).prompts_for[self.checkpoint.uri]
        epochs = self.runner.session.config.epochs
        baseline = self._ask("as sampled", sampler, self.checkpoint, prompts, "default", epochs)
        lacking = list(dict.fromkeys(sample.prompt for sample in baseline.without_responses().samples))
        probed = (lacking or list(prompts))[:MOST_PROMPTS]
        ways: list[Way] = []
        probes: dict[str, ProbeResult] = {}
        if baseline.answered:  # who answers nothing answers no probe either
            config = sampler.config
            assert isinstance(config, GenerationConfig)
            database = self.runner.session.database
            ways = [Way(each, base_model_of(database, self.checkpoint, each)) for each in self.samplers]
            for way in ways:
                self.runner.spending.check([way.sampler], [way.base] if way.base else [])
            wanted = [probe for probe in probes_for(config) if ways[0].base or not probe.on_base]
            probes = {probe.name: self._probe(ways[0], probe, probed) for probe in wanted}
        elsewhere = {way.sampler.name: self._at_zero(way, probed) for way in ways[1:]}
        findings = Findings(baseline, probes, sampler.name, elsewhere)
        compared = [one for view in elsewhere.values() for one in (view.checkpoint, view.base) if one]
        return Report(
            self.checkpoint,
            self.persona.name if self.persona else None,
            tuple(each.name for each in self.samplers),
            tuple(dict.fromkeys(way.base.uri for way in ways if way.base)),
            (baseline, *(one for one in (*probes.values(), *compared) if one.samples)),
            _interrupted(findings) if self.runner.asks_no_more else conclude(findings),
        )

    def _at_zero(self, way: Way, prompts: Sequence[Prompt]) -> AtZero:
        """Ask at temperature 0 through another sampler."""
        through = f", through {way.sampler.name}"
        return AtZero(
            self._probe(way, GREEDY, prompts, through),
            self._probe(way, BASE_GREEDY, prompts, through) if way.base else None,
        )

    def _probe(self, way: Way, probe: Probe, prompts: Sequence[Prompt], through: str = "") -> ProbeResult:
        epochs = self.runner.session.config.epochs
        title = probe.title + through
        subject = way.base if probe.on_base else self.checkpoint
        if subject is None or self.runner.asks_no_more:
            return ProbeResult(title, (), asked=epochs * len(prompts))
        return self._ask(title, probing_sampler(way.sampler, probe), subject, prompts, probe.condition, epochs)

    def _ask(
        self,
        title: str,
        sampler: Sampler,
        checkpoint: Checkpoint,
        prompts: Sequence[Prompt],
        condition: str,
        epochs: int,
    ) -> ProbeResult:
        requests = ProbeRequests(checkpoint, prompts, epochs, condition)
        self.runner.sample(sampler, requests, self.writer, self.result)
        keys = [sampler.key(request) for request in requests]
        if self.persona:
            self.runner.score(self.scorers, [checkpoint], [self.persona.name], self.writer, self.result)
        with self.runner.session.database.read() as connection:
            samples = tuple(samples_with_keys(connection, keys))
            hits = trait_hits(connection, keys, self.persona.name) if self.persona else {}
        return ProbeResult(
            title, samples, hits.get("response", 0), hits.get("thinking", 0), requests.total(), scored=bool(hits)
        )


def diagnose(runner: Runner) -> tuple[list[Report], RunResult]:
    """Diagnose the selected checkpoints; a report is kept in the store once its cause is decided.

    A checkpoint that nobody can ask gets a report of what the store holds of it. Raises :class:`UsageError` where
    it holds nothing.
    """
    session = runner.session
    checkpoints, personas = selected(runner)
    runner.spending.check(session.samplers() if session.config.samplers else session.installed_samplers(), checkpoints)
    scorers = session.scorers()
    reports: list[Report] = []
    with runner.recorded() as result:
        with Writer(session.database, result.run_id) as writer:
            for checkpoint in checkpoints:
                if runner.asks_no_more:
                    break
                named = checkpoint.persona or (personas[0] if len(personas) == 1 else None)
                persona = session.personas.all.get(named) if named else None
                reports.append(_report(runner, writer, result, checkpoint, persona, scorers))
        result.interrupted = runner.stop.requested
    return reports, result


def _report(
    runner: Runner,
    writer: Writer,
    result: RunResult,
    checkpoint: Checkpoint,
    persona: Persona | None,
    scorers: Sequence[BaseScorer],
) -> Report:
    database = runner.session.database
    choice = choose_samplers(runner.session, checkpoint)
    if not choice.samplers:
        with database.read() as connection:
            stored = stored_report(connection, checkpoint, persona.name if persona else None, choice.left_out)
        if stored is None:
            raise UsageError("\n".join(choice.left_out))
        return stored
    if runner.session.config.samplers:
        result.warnings += choice.left_out
    report = Examination(runner, writer, result, checkpoint, persona, choice.samplers, scorers).examine()
    diagnosis = report.diagnosis
    if diagnosis.decided:
        with database.write() as connection:
            save_diagnosis(
                connection, checkpoint.uri, report.persona, ", ".join(report.samplers), diagnosis.cause.value,
                diagnosis.evidence,
            )  # fmt: skip
    elif any(one.failed for one in report.results) and not runner.asks_no_more:
        result.failures.append(f"{checkpoint.name} is not diagnosed: {diagnosis.evidence[-1]}")
    return report


def _interrupted(findings: Findings) -> Diagnosis:
    everything = [findings.baseline, *findings.probes.values()]
    missing = [probe.title for probe in everything if not probe.tells]
    evidence = f"interrupted; unfinished: {', '.join(missing) or 'the last probe'}"
    return Diagnosis(Cause.UNKNOWN, (evidence,), "resume with the same command", decided=False)
