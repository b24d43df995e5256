"""``charbench history``: the runs on a store, and where the results of one come from."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from charbench.cli import options, output

if TYPE_CHECKING:
    from charbench.store.history import PastRun


@click.command("history")
@click.argument("run", required=False, type=int)
@options.where
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="Most runs to list.")
@options.as_json
def command(run: int | None, limit: int, json_output: bool, **given: Any) -> None:
    """List the last runs; with a run's number, show what it asked for, what served it and what it added."""
    from charbench.store.history import past_runs
    from charbench.store.runs import require_run

    session = options.open_session(**given)
    with session.existing_database().read() as connection:
        if run is not None:
            require_run(connection, run)
        found = past_runs(connection, [run] if run is not None else (), limit)
    if json_output:
        told = [_as_dict(one) for one in found]
        output.print_json(told[0] if run is not None else told)
    elif run is not None:
        _print_one(found[0])
    else:
        _print_list(found)


def _print_list(found: list[PastRun]) -> None:
    from charbench.domain.table import Table
    from charbench.report.render.terminal import print_table

    columns = ("Run", "Started (UTC)", "Status", "Added", "Setting", "Endpoint", "Host", "Command")
    rows = tuple(
        (
            str(one.id),
            f"{one.started_at:%Y-%m-%d %H:%M:%S}",
            one.status,
            _added(one),
            ", ".join(setting.id for setting in one.settings) or "–",
            ", ".join(one.endpoints) or "–",
            one.host,
            one.command,
        )
        for one in found
    )
    print_table(Table("Runs", columns, rows, frozenset(columns[1:]), (), ("Host", "Status", "Endpoint")))


def _print_one(one: PastRun) -> None:
    from charbench.domain.table import Table
    from charbench.report.provenance import provenance_dicts
    from charbench.report.render.terminal import print_table
    from charbench.report.settings import words_of

    ended = f"{one.finished_at:%Y-%m-%d %H:%M:%S}" if one.finished_at else "–"
    lines = [
        ("Command", one.command),
        ("Version", one.version),
        ("Status", one.status),
        ("Started (UTC)", f"{one.started_at:%Y-%m-%d %H:%M:%S}"),
        ("Ended (UTC)", ended),
        ("Host", one.host),
        ("Added", _added(one)),
    ]
    lines += [(f"Setting {setting.id}", f"{setting.persona}: {words_of(setting)}") for setting in one.settings]
    for served in provenance_dicts([0], {0: one.served}):
        known = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in served.items() if value is not None)
        lines.append(("Served by", known))
    lines += [(f"Samples of {name}", f"{count:,}") for name, count in one.samples.items()]
    lines += [(name.replace("_", " "), str(value)) for name, value in _more(one).items()]
    print_table(Table(f"Run {one.id}", ("What", "Value"), tuple(lines), frozenset({"What", "Value"})))


def _as_dict(one: PastRun) -> dict[str, Any]:
    from charbench.report.provenance import provenance_dicts
    from charbench.report.settings import setting_dict

    plain = {name: value for name, value in asdict(one).items() if name not in ("details", "settings", "served")}
    return plain | {
        "settings": [setting_dict(setting) for setting in one.settings],
        "provenance": provenance_dicts([0], {0: one.served}),
        "details": _more(one),
    }


def _more(one: PastRun) -> dict[str, Any]:
    """Return what else is kept of a run, such as costs; the lists of prompts are in its settings."""
    return {name: value for name, value in one.details.items() if name != "asked"}


def _added(one: PastRun) -> str:
    counts = one.counts or {"samples": sum(one.samples.values())}  # of one that was killed or is at work, what is there
    return ", ".join(f"{value:,} {name}" for name, value in counts.items() if value) or "nothing"
