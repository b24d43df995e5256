"""``charbench run``: the product."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from charbench.cli import options, output
from charbench.cli.finish import finish
from charbench.errors import UsageError

if TYPE_CHECKING:
    from charbench.components.sampler import SampleRequest
    from charbench.discovery.stage import Discovery
    from charbench.domain.checkpoint import Checkpoint
    from charbench.run.dry_judging import JudgingEstimate
    from charbench.run.dry_run import Estimate, ExpectedUsage
    from charbench.run.not_sampled import NotSampled
    from charbench.run.session import Session


_NAMED = 12
"""Checkpoints that a dry run names of each sampler."""


@click.command("run")
@options.where
@options.components
@options.endpoints
@click.option(
    "--trainer", "trainers", multiple=True, metavar="NAME", help="Trainer. [default: none; jobs stay pending]"
)
@click.option(
    "--sampler", "samplers", multiple=True, metavar="NAME", help="Sampler. [default: those marked in plugins list]"
)
@click.option(
    "--scorer", "scorers", multiple=True, metavar="NAME", help="Scorer. [default: those marked in plugins list]"
)
@options.selection
@options.job_policy
@options.asking
@options.steps
@click.option(
    "--base/--no-base",
    "base",
    default=None,
    help="Sample base models on the same prompts, or leave them out. [default: beside checkpoints that have samples "
    "to take]",
)
@options.workers
@click.option("--no-train", is_flag=True, help="Do not train; leave the jobs pending.")
@click.option("--fresh", is_flag=True, help="Start with an empty store; the old one is kept as a backup beside it.")
@click.option("--dry-run", is_flag=True, help="Discover, and show what would be trained and sampled; send no requests.")
@options.quiet
@options.as_json
def command(
    json_output: bool,
    quiet: bool,
    no_train: bool,
    fresh: bool,
    dry_run: bool,
    workers: str | None,
    num_workers: int | None,
    worker_gpus: float | None,
    **given: Any,
) -> int:
    """Discover, train, sample, score and report everything that is not done yet.

    A second run does nothing; a stopped run resumes where it stopped.
    """
    from charbench.concurrency.interrupt import stop_on_interrupt
    from charbench.run.result import Stage
    from charbench.run.runner import Runner
    from charbench.store.backup import set_aside

    if fresh and dry_run:
        raise UsageError("--dry-run only shows what a run would do, and backs up no store; leave --fresh out")
    session = options.open_session(**given)
    placed = options.placed_workers(session, workers, num_workers, worker_gpus)
    if dry_run:
        return _dry_run(session, no_train=no_train, json_output=json_output)
    stages = [stage for stage in Stage if not (no_train and stage is Stage.TRAIN)]
    with stop_on_interrupt(session.config.stop_grace) as stop:
        silent = quiet or json_output
        runner = Runner(session, output.this_command(), stop, silent, output.train_command, adds_bases=True)
        runner.workers = placed
        components = runner.components(stages, fresh=fresh)  # before the old store is put aside
        if fresh and (kept := set_aside(session.config.store_url, session.config.folder)):
            output.say(f"The old store is backed up as {kept}.", quiet=quiet)
        result = runner.run(stages, components=components)
    waiting = len(result.discovery.plan.jobs_waiting) if result.discovery else 0
    if waiting and not session.config.trainers and not result.interrupted:
        verb, them = ("is pending", "it") if waiting == 1 else ("are pending", "them")
        result.notes.append(f"{output.plural(waiting, 'training job')} {verb}; charbench train --all trains {them}.")
    return finish(session, result, json_output=json_output, quiet=quiet)


def _dry_run(session: Any, *, no_train: bool, json_output: bool) -> int:
    from dataclasses import asdict

    from charbench.components.containment import printing_to_stderr
    from charbench.discovery.expiry import expiry_warnings
    from charbench.discovery.stage import discover
    from charbench.run.asked_elsewhere import check_endpoints
    from charbench.run.bases import with_bases
    from charbench.run.by_key import add_by_key
    from charbench.run.dry_judging import asks_models, estimate_judging
    from charbench.run.dry_run import estimate, missing_requests
    from charbench.run.not_sampled import Noted, not_sampled
    from charbench.run.plan import Requests, sampling_plan
    from charbench.run.wanted import wanted_of
    from charbench.sampling.cost import Spending
    from charbench.text.redaction import redact

    config = session.config
    sources, samplers = session.sources(), session.samplers()
    session.lifecycle.meter = Spending(config.prices, sends=False)
    judges = [scorer for scorer in session.scorers() if asks_models(scorer)]
    found = discover(
        session.database, sources, session.lab, session.policy,
        lifecycle=session.lifecycle, by_name=session.sources_by_name,
    )  # fmt: skip
    chosen = [persona.name for persona in session.selected_personas()]
    checkpoints = _selected(session, found, chosen)
    parts: list[Estimate] = []
    asked: set[str] = set()
    missing: list[tuple[SampleRequest, int]] = []
    with printing_to_stderr():
        session.lifecycle.prepare_all(samplers)
        wanted_here = wanted_of(session, samplers, checkpoints, found)
        offered = add_by_key(session, sources, wanted_here, checkpoints, output.say)
        for one in wanted_here:
            sampler = one.sampler
            beside = with_bases(session, sampler, sources, one.checkpoints, one.served)
            mine = beside.checkpoints
            for line in beside.lines:
                output.say(line)
            checkpoints += [base for base in beside.added if base not in checkpoints]
            check_endpoints(one.session, [sampler], mine)
            wanted = beside.planned or Requests(sampler, sampling_plan(session, sources, mine))
            noted = Noted(wanted, asked)
            part = estimate(session.database, sampler, noted, config.retry_errors, config.prices)
            part.endpoint = redact(one.endpoint)
            parts.append(part)
            if judges:
                missing += missing_requests(session.database, sampler, wanted, config.retry_errors)
        session.lifecycle.prepare_all(judges)
        judging = [estimate_judging(session, judge, checkpoints, chosen, missing) for judge in judges]
    left_out = not_sampled(session, checkpoints, asked, offered)
    trains = bool(config.trainers) and not no_train
    jobs = [job.job_id for job in found.plan.jobs_waiting] if trains else []
    if json_output:
        output.print_json({"jobs": jobs, "sampling": [asdict(part) for part in parts],
                           "judging": [asdict(part) for part in judging],
                           "not_sampled": [asdict(part) for part in left_out]})  # fmt: skip
        return 0
    _show_estimates(parts, {one.uri: one.name for one in checkpoints})
    _show_left_out(left_out)
    if judging:
        _show_judging(judging)
    for job in jobs:
        click.echo(f"would train {job}")
    output.warn([*found.problems, *expiry_warnings(session.database, checkpoints)])
    for failure in found.failures:
        output.say(f"failed: {failure}")
    return 1 if found.failures else 0


def _selected(session: Session, found: Discovery, personas: Sequence[str]) -> list[Checkpoint]:
    """Return the checkpoints that a run would be about."""
    from charbench.discovery.register import register
    from charbench.run.plan import select_checkpoints
    from charbench.run.served import register_served
    from charbench.run.wanted import served_anywhere
    from charbench.store.findings import read_checkpoints

    register(session.database, session.config.checkpoints, personas, session.personas.aliases)
    with session.database.read() as connection:
        known = read_checkpoints(connection)
    register_served(session, served_anywhere(session, found), known)
    with session.database.read() as connection:
        return select_checkpoints(read_checkpoints(connection), session.config.checkpoints, personas)


def _show_left_out(parts: Sequence[NotSampled]) -> None:
    from charbench.text.enumeration import short_list

    for part in parts:
        count = output.plural(len(part.checkpoints), "checkpoint")
        click.echo(f"Not sampled: {count} ({short_list(part.checkpoints)}): {part.reason}")


def _show_estimates(parts: Sequence[Estimate], names: Mapping[str, str]) -> None:
    columns = (
        "Sampler", "Wanted", "Missing", "Requests", "Prompt tokens (about)", "Completion tokens (at most)",
        "Cost (at most)",
    )  # fmt: skip
    rows = [((_who(part), f"{part.wanted:,}", f"{part.missing:,}"), part) for part in parts]
    _show("Dry run: no requests were sent", columns, rows)
    for part in parts:
        if part.asks:
            click.echo(f"{_who(part)} would ask {_asked(part, names)}")


def _asked(part: Estimate, names: Mapping[str, str]) -> str:
    """Return whom a sampler would ask, with the number of requests of each."""
    from charbench.text.enumeration import short_list

    called = {uri: names.get(uri, uri) for uri in part.asks}
    if len(set(called.values())) < len(called):
        called = {uri: uri for uri in called}
    count, numbers = output.plural(len(called), "checkpoint"), set(part.asks.values())
    if len(numbers) == 1:
        return f"{count}, {output.plural(numbers.pop(), 'request')} each: {short_list(list(called.values()), _NAMED)}"
    return f"{count}: {short_list([f'{called[uri]} ({number:,})' for uri, number in part.asks.items()], _NAMED)}"


def _who(part: Estimate) -> str:
    return f"{part.sampler} at {part.endpoint}" if part.endpoint else part.sampler


def _show_judging(parts: Sequence[JudgingEstimate]) -> None:
    columns = (
        "Judge", "To judge", "Requests (about)", "Prompt tokens (about)", "Completion tokens (at most)",
        "Cost (about)",
    )  # fmt: skip
    _show("Dry run: judging", columns, [((p.scorer, f"{p.missing:,}"), p) for p in parts])


def _show(title: str, columns: tuple[str, ...], parts: Sequence[tuple[tuple[str, ...], ExpectedUsage]]) -> None:
    """Print a row for each part: its own cells, and what it is expected to use; then the names without a price."""
    from charbench.domain.table import Table
    from charbench.report.render.terminal import print_table
    from charbench.sampling.cost import no_price

    rows = tuple(
        (
            *cells,
            f"{expected.requests:,}",
            f"{expected.prompt_tokens:,}",
            f"{expected.completion_tokens:,}",
            "-" if expected.cost is None else f"{expected.cost:,.4f}",
        )
        for cells, expected in parts
    )
    print_table(Table(title, columns, rows, frozenset({columns[0]})))
    for line in no_price(dict.fromkeys(name for _, expected in parts for name in expected.unpriced)):
        output.say(line)
