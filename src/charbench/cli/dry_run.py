"""What ``charbench run --dry-run`` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from charbench.cli import output

if TYPE_CHECKING:
    from charbench.run.dry_judging import JudgingEstimate
    from charbench.run.dry_sampling import Estimate, ExpectedUsage
    from charbench.run.not_sampled import NotSampled
    from charbench.run.session import Session

_NAMED = 12
"""Checkpoints that are named of each sampler."""


def show_dry_run(session: Session, *, trains: bool, json_output: bool) -> int:
    """Print what a run of this session would do; return the exit code."""
    from dataclasses import asdict

    from charbench.run.dry_run import dry_run

    outlook = dry_run(session, trains=trains, say=output.say)
    if json_output:
        output.print_json({"jobs": outlook.jobs, "sampling": [asdict(part) for part in outlook.sampling],
                           "judging": [asdict(part) for part in outlook.judging],
                           "not_sampled": [asdict(part) for part in outlook.not_sampled]})  # fmt: skip
        return 0
    _show_estimates(outlook.sampling, {one.uri: one.name for one in outlook.checkpoints})
    _show_left_out(outlook.not_sampled)
    if outlook.judging:
        _show_judging(outlook.judging)
    for job in outlook.jobs:
        click.echo(f"would train {job}")
    output.warn(outlook.warnings)
    for failure in outlook.found.failures:
        output.say(f"failed: {failure}")
    return 1 if outlook.found.failures else 0


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
