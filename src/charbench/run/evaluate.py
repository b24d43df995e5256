"""Samples and scores named checkpoints, with whichever sampler takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from charbench.components.calling import resolve
from charbench.components.sampler import Sampler, SamplingPlan
from charbench.discovery.register import register
from charbench.domain.checkpoint import Checkpoint
from charbench.domain.prompt import Prompt
from charbench.domain.sample import Sample
from charbench.errors import UsageError
from charbench.run.asked_elsewhere import check_endpoints
from charbench.run.plan import Requests, sampling_plan, select_checkpoints
from charbench.run.result import RunResult, Stage
from charbench.run.runner import Runner
from charbench.run.steps import at_steps
from charbench.store.findings import read_checkpoints
from charbench.store.sample_reader import samples_with_keys
from charbench.store.summaries import ADHOC
from charbench.store.writer import Writer


def evaluate(runner: Runner, stages: Sequence[Stage], *, any_persona: bool = False) -> RunResult:
    """Sample the selected checkpoints and score them, without looking for others.

    With ``any_persona`` the configured personas select no checkpoints: whatever persona a selected checkpoint is of,
    it is scored for each of them.
    """
    session = runner.session
    scorers = session.scorers() if Stage.SCORE in stages else []
    checkpoints, personas = selected(runner, any_persona=any_persona)
    asked_for = _as_if_of(checkpoints, personas) if any_persona and personas else [(checkpoints, personas)]
    samplers = session.samplers_for(checkpoints)
    runner.spending.check(samplers, checkpoints)
    session.lifecycle.prepare_all(samplers)
    check_endpoints(session, samplers, checkpoints)
    session.lifecycle.prepare_all(scorers)
    with runner.recorded() as result:
        own = any(type(sampler).requests is not Sampler.requests for sampler in samplers)
        # What to ask is such a sampler's own to say: recordings are the sources'.
        plan = sampling_plan(session, session.sources() if own else (), asked_for[0][0])
        with Writer(session.database, result.run_id) as writer:
            for sampler in samplers:
                runner.sample(sampler, Requests(sampler, plan), writer, result)
            for about, wanted in asked_for:
                runner.score(scorers, about, wanted, writer, result)
        result.interrupted = runner.stop.requested
        if Stage.SAMPLE in stages:
            result.warnings += _gone_lines(checkpoints)
    return result


def _as_if_of(
    checkpoints: Sequence[Checkpoint], personas: Sequence[str]
) -> list[tuple[Sequence[Checkpoint], Sequence[str]]]:
    """Return, for each persona, the checkpoints as if they were of it."""
    return [([replace(checkpoint, persona=name) for checkpoint in checkpoints], [name]) for name in personas]


def _gone_lines(checkpoints: Sequence[Checkpoint]) -> list[str]:
    return [
        f"{checkpoint.name} is missing from the account (since {checkpoint.missing_since}), and is not sampled"
        for checkpoint in checkpoints
        if checkpoint.missing_since
    ]


def selected(runner: Runner, *, any_persona: bool = False) -> tuple[list[Checkpoint], list[str]]:
    """Return the selected checkpoints that can be sampled, and the personas that the run is limited to.

    With ``any_persona`` the personas select no checkpoints.
    """
    session = runner.session
    personas = [persona.name for persona in session.selected_personas()]
    register(session.database, session.config.checkpoints, personas, session.personas.aliases)
    with session.database.read() as connection:
        chosen = select_checkpoints(
            read_checkpoints(connection), session.config.checkpoints, () if any_persona else personas
        )
    for checkpoint in chosen:
        if checkpoint.uri in session.config.checkpoints and not checkpoint.sampleable:
            raise UsageError(
                f"{checkpoint.uri} is a training state (weights/) and cannot be sampled; "
                "name its sampler weights: tinker://RUN/sampler_weights/NAME"
            )
    there = [checkpoint for checkpoint in chosen if checkpoint.sampleable]
    return at_steps(there, session.config.steps, session.config.checkpoints), personas


def ask_once(runner: Runner, text: str) -> tuple[list[Sample], RunResult]:
    """Put one prompt to the selected checkpoints; return the samples by checkpoint and epoch."""
    session = runner.session
    checkpoints, _ = selected(runner)
    prompt = Prompt.from_text(text)
    plan = SamplingPlan(checkpoints, {checkpoint.uri: (prompt,) for checkpoint in checkpoints}, session.config.epochs)
    samplers = session.samplers_for(checkpoints)
    runner.spending.check(samplers, checkpoints)
    session.lifecycle.prepare_all(samplers)
    check_endpoints(session, samplers, checkpoints)
    keys: list[str] = []
    with runner.recorded() as result:
        with Writer(session.database, result.run_id) as writer:
            for sampler in samplers:
                requests = Requests(sampler, plan, ADHOC)
                runner.sample(sampler, requests, writer, result)
                keys.extend(resolve(sampler, sampler.key(request)) for request in requests)
        result.warnings += _gone_lines(checkpoints)
        result.interrupted = runner.stop.requested
    with session.database.read() as connection:
        found = samples_with_keys(connection, keys)
    return sorted(found, key=lambda sample: (sample.checkpoint, sample.epoch)), result
