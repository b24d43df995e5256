"""Runs the probes for one checkpoint, and names the cause of what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from charbench.components.generation import GenerationConfig
from charbench.components.sampler import Sampler
from charbench.domain.checkpoint import Checkpoint, Kind
from charbench.domain.persona import Persona
from charbench.domain.prompt import Prompt
from charbench.engine.diagnosis import Diagnosis, conclude
from charbench.engine.evaluate import selected
from charbench.engine.plan import sampling_plan
from charbench.engine.probes import ProbeRequests, ProbeResult, probes_for, probing_sampler
from charbench.engine.run import Runner, RunResult
from charbench.engine.writer import Writer
from charbench.errors import UsageError
from charbench.store.diagnoses import save_diagnosis
from charbench.store.findings import read_checkpoints
from charbench.store.samples import samples_with_keys
from charbench.store.summaries import trait_hits

MOST_PROMPTS = 10
"""Prompts that are probed; those without a response come first."""


@dataclass(frozen=True, slots=True)
class Report:
    """What diagnosing one checkpoint gave: the table of probes and the conclusion."""

    checkpoint: Checkpoint
    persona: str | None
    sampler: str
    results: tuple[ProbeResult, ...]
    diagnosis: Diagnosis


@dataclass(slots=True)
class Examination:
    """One checkpoint under examination."""

    runner: Runner
    writer: Writer
    result: RunResult
    checkpoint: Checkpoint
    base: Checkpoint | None
    persona: Persona | None
    sampler: Sampler

    def examine(self) -> Report:
        """Sample the checkpoint as configured, then under each probe, and conclude."""
        prompts = sampling_plan(self.runner.session, (), [self.checkpoint]).prompts_for[self.checkpoint.uri]
        epochs = self.runner.session.config.epochs
        baseline = self._ask("as sampled", self.sampler, self.checkpoint, prompts, "default", epochs)
        failing = baseline.without_responses()
        lacking = list(dict.fromkeys(sample.prompt for sample in failing.samples))
        asked = (lacking or list(prompts))[:MOST_PROMPTS]
        probes: dict[str, ProbeResult] = {}
        config = self.sampler.config
        assert isinstance(config, GenerationConfig)
        for probe in probes_for(config):
            subject = self.base if probe.on_base else self.checkpoint
            if subject is None or self.runner.stop.requested:
                continue
            sampler = probing_sampler(self.sampler, probe)
            probes[probe.name] = self._ask(probe.title, sampler, subject, asked, probe.condition, epochs)
        diagnosis = conclude(baseline, failing, probes, self.sampler.name)
        return Report(
            self.checkpoint,
            self.persona.name if self.persona else None,
            self.sampler.name,
            (baseline, *probes.values()),
            diagnosis,
        )

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
            scorers = self.runner.session.scorers()
            self.runner.score(scorers, [checkpoint], [self.persona.name], self.writer, self.result)
        with self.runner.session.database.read() as connection:
            samples = tuple(samples_with_keys(connection, keys))
            hits = trait_hits(connection, keys, self.persona.name) if self.persona else {}
        return ProbeResult(title, samples, hits.get("response", 0), hits.get("thinking", 0))


def diagnose(runner: Runner) -> tuple[list[Report], RunResult]:
    """Diagnose the selected checkpoints; the reports are kept in the store."""
    session = runner.session
    checkpoints, personas = selected(runner)
    with session.database.read() as connection:
        bases = [checkpoint for checkpoint in read_checkpoints(connection) if checkpoint.kind is Kind.BASE]
    reports: list[Report] = []
    with runner.recorded() as result:
        with Writer(session.database, result.run_id) as writer:
            for checkpoint in checkpoints:
                if runner.stop.requested:
                    break
                sampler = _sampler_for(runner, checkpoint)
                sampler.prepare(session.config.lab, session.config.folder)
                named = checkpoint.persona or (personas[0] if len(personas) == 1 else None)
                persona = session.personas.all.get(named) if named else None
                base = next((base for base in bases if sampler.accepts(base)), None)
                examination = Examination(runner, writer, result, checkpoint, base, persona, sampler)
                reports.append(examination.examine())
        for report in reports:
            with session.database.write() as connection:
                save_diagnosis(
                    connection, report.checkpoint.uri, report.persona, report.sampler,
                    report.diagnosis.cause.value, report.diagnosis.evidence,
                )  # fmt: skip
        result.interrupted = runner.stop.requested
    return reports, result


def _sampler_for(runner: Runner, checkpoint: Checkpoint) -> Sampler:
    """Return the first sampler that takes the checkpoint and can be varied."""
    samplers = runner.session.samplers_for([checkpoint])
    for sampler in samplers:
        if isinstance(sampler.config, GenerationConfig) and sampler.accepts(checkpoint):
            return sampler
    names = ", ".join(sampler.name for sampler in samplers)
    raise UsageError(
        f"sampler {names} cannot be varied, so {checkpoint.name} cannot be probed; name another: --sampler"
    )
