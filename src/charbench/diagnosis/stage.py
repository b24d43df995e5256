"""Runs the probes for one checkpoint, and names the cause of what is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from charbench.components.calling import resolve
from charbench.components.sampler import Sampler
from charbench.components.scorer import BaseScorer
from charbench.diagnosis.asking import Asking, ProbeRoute, cost_of_asking, plan_probes
from charbench.diagnosis.causes import Cause, Diagnosis
from charbench.diagnosis.decide import DiagnosisReport, conclude
from charbench.diagnosis.probe_results import AtZero, Findings, ProbeResult
from charbench.diagnosis.probes import WAYS, ProbeRequests
from charbench.diagnosis.samplers import choose_samplers
from charbench.diagnosis.stored import stored_report
from charbench.domain.checkpoint import Checkpoint
from charbench.domain.persona import Persona
from charbench.domain.prompt import Prompt
from charbench.errors import UsageError
from charbench.run.asked_elsewhere import check_endpoints
from charbench.run.base_model import base_model_of
from charbench.run.evaluate import selected
from charbench.run.plan import sampling_plan
from charbench.run.result import RunResult
from charbench.run.runner import Runner
from charbench.store.asked import note_diagnosis
from charbench.store.diagnoses import save_diagnosis
from charbench.store.sample_reader import samples_with_keys
from charbench.store.summaries import trait_hits
from charbench.store.writer import Writer

MOSTLY = 0.9
"""Share of a probe's answers that are responses, from which on it is taken for a way that works."""
MOST_PROMPTS = 10
"""Prompts that are probed; those without a response come first."""


@dataclass(slots=True)
class Examination:
    """One checkpoint under examination: what it gives the first sampler is diagnosed, the others are compared.

    ``say`` tells the user what is about to be asked.
    """

    runner: Runner
    writer: Writer
    result: RunResult
    checkpoint: Checkpoint
    persona: Persona | None
    samplers: Sequence[Sampler]
    scorers: Sequence[BaseScorer]
    say: Callable[[str], None]

    def examine(self) -> DiagnosisReport:
        """Sample the checkpoint as configured, then under each probe and through each sampler, and conclude."""
        sampler = self.samplers[0]
        prompts = sampling_plan(self.runner.session, (), [self.checkpoint]).prompts_for[self.checkpoint.uri]
        epochs = self.runner.session.config.epochs
        as_sampled = Asking("", "as sampled", sampler, ProbeRequests(self.checkpoint, prompts, epochs, "default"))
        self._announce("as sampled", [as_sampled])
        baseline = self._ask(as_sampled)
        lacking = list(dict.fromkeys(sample.prompt for sample in baseline.without_responses().samples))
        probed = (lacking or list(prompts))[:MOST_PROMPTS]
        ways: list[ProbeRoute] = []
        if baseline.answered:  # who answers nothing answers no probe either
            database = self.runner.session.database
            ways = [ProbeRoute(each, base_model_of(database, self.checkpoint, each)) for each in self.samplers]
            for way in ways:
                self.runner.spending.check([way.sampler], [way.base] if way.base else [])
        planned = plan_probes(ways, self.checkpoint, probed, epochs)
        self._announce("probes", [one for asked in planned for one in asked])
        told = [{one.probe: self._ask(one) for one in asked} for asked in planned]
        probes = told[0] if told else {}
        elsewhere = {
            way.sampler.name: AtZero(found["greedy"], found.get("base_greedy"), found.get("base_again"))
            for way, found in zip(ways[1:], told[1:], strict=True)
        }
        findings = Findings(baseline, probes, sampler.name, elsewhere)
        if lacking and ways:
            self._confirm(ways[0], probes, prompts, epochs)
        everything = [baseline, *(result for found in told for result in found.values())]
        return DiagnosisReport(
            self.checkpoint,
            self.persona.name if self.persona else None,
            tuple(each.name for each in self.samplers),
            tuple(dict.fromkeys(way.base.uri for way in ways if way.base)),
            (baseline, *(one for one in everything[1:] if one.samples)),
            _interrupted(findings) if self.runner.asks_no_more else conclude(findings),
        )

    def _confirm(
        self, way: ProbeRoute, probes: Mapping[str, ProbeResult], prompts: Sequence[Prompt], epochs: int
    ) -> None:
        """Ask all prompts in the way that brings the responses back, so that a verdict can speak of it."""
        works = [
            name
            for name in WAYS
            if (found := probes.get(name)) and found.answered and found.responses >= MOSTLY * found.answered
        ]
        if not works or self.runner.asks_no_more:
            return
        best = max(works, key=lambda name: (probes[name].trait_in_response, -WAYS.index(name)))
        (asked,) = plan_probes([way], self.checkpoint, prompts, epochs)
        confirming = [one for one in asked if one.probe == best]
        self._announce(f"with {confirming[0].title}, all prompts", confirming)
        self._ask(confirming[0])

    def _announce(self, what: str, asking: Sequence[Asking]) -> None:
        """Say how many requests are about to be sent, and what they cost at most."""
        if self.runner.asks_no_more or not asking:
            return
        self.runner.session.lifecycle.prepare_all([one.sampler for one in asking])
        config = self.runner.session.config
        cost = cost_of_asking(self.runner.session.database, asking, config.retry_errors, config.prices)
        self.say(f"{self.checkpoint.name}, {what}: {cost.line}")

    def _ask(self, asking: Asking) -> ProbeResult:
        requests = asking.requests
        if self.runner.asks_no_more:
            return ProbeResult(asking.title, (), asked=requests.total())
        try:
            self.runner.sample(asking.sampler, requests, self.writer, self.result)
            keys = [resolve(asking.sampler, asking.sampler.key(request)) for request in requests]
        finally:
            if not any(asking.sampler is one for one in self.samplers):  # a probe's own, which nobody uses again
                self.runner.session.lifecycle.release([asking.sampler])
        if self.persona:
            self.runner.score(self.scorers, [requests.checkpoint], [self.persona.name], self.writer, self.result)
        with self.runner.session.database.read() as connection:
            samples = tuple(samples_with_keys(connection, keys))
            hits = trait_hits(connection, keys, self.persona.name) if self.persona else {}
        return ProbeResult(
            asking.title,
            samples,
            hits.get("response", 0),
            hits.get("thinking", 0),
            requests.total(),
            scored=bool(hits),
        )


def diagnose(runner: Runner, say: Callable[[str], None]) -> tuple[list[DiagnosisReport], RunResult]:
    """Diagnose the selected checkpoints; a report is kept in the store once its cause is decided.

    ``say`` gets a line before anything is sent: the number of requests, and their cost. A checkpoint that nobody can
    ask gets a report of what the store holds of it. Raises :class:`UsageError` where it holds nothing.
    """
    session = runner.session
    checkpoints, personas = selected(runner)
    runner.spending.check(session.samplers() if session.config.samplers else session.installed_samplers(), checkpoints)
    scorers = session.scorers()
    reports: list[DiagnosisReport] = []
    with runner.recorded() as result:
        with session.database.write() as connection:
            note_diagnosis(connection, result.run_id)
        with Writer(session.database, result.run_id) as writer:
            for checkpoint in checkpoints:
                if runner.asks_no_more:
                    break
                named = checkpoint.persona or (personas[0] if len(personas) == 1 else None)
                persona = session.personas.all.get(named) if named else None
                reports.append(_report(runner, writer, result, checkpoint, persona, scorers, say))
        result.interrupted = runner.stop.requested
        result.warnings = list(dict.fromkeys(result.warnings))  # each probe repeats what its server is like
    return reports, result


def _report(
    runner: Runner,
    writer: Writer,
    result: RunResult,
    checkpoint: Checkpoint,
    persona: Persona | None,
    scorers: Sequence[BaseScorer],
    say: Callable[[str], None],
) -> DiagnosisReport:
    database = runner.session.database
    choice = choose_samplers(runner.session, checkpoint)
    if not choice.samplers:
        with database.read() as connection:
            stored = stored_report(connection, checkpoint, persona.name if persona else None, choice.left_out)
        if stored is None:
            raise UsageError("\n".join(choice.left_out))
        return stored
    check_endpoints(runner.session, choice.samplers, [checkpoint])
    if runner.session.config.samplers:
        result.warnings += choice.left_out
    report = Examination(runner, writer, result, checkpoint, persona, choice.samplers, scorers, say).examine()
    diagnosis = report.diagnosis
    if diagnosis.decided:
        with database.write() as connection:
            save_diagnosis(
                connection, checkpoint.uri, report.persona, ", ".join(report.samplers), diagnosis.cause.value,
                diagnosis.evidence, report.results[0].samples[0].key,
            )  # fmt: skip
    elif any(one.failed for one in report.results) and not runner.asks_no_more:
        result.failures.append(f"{checkpoint.name} is not diagnosed: {diagnosis.evidence[-1]}")
    return report


def _interrupted(findings: Findings) -> Diagnosis:
    everything = [findings.baseline, *findings.probes.values()]
    missing = [probe.title for probe in everything if not probe.tells]
    evidence = f"interrupted; unfinished: {', '.join(missing) or 'the last probe'}"
    return Diagnosis(Cause.UNKNOWN, (evidence,), "resume with the same command", decided=False)
