"""``charbench trajectory``: character over the training of one checkpoint."""

from __future__ import annotations

from typing import Any

import click

from charbench.cli import options, output


@click.command("trajectory")
@click.argument("wanted", metavar="RUN")
@options.where
@click.option("-p", "--persona", "personas", multiple=True, metavar="NAME", help="Only this persona.")
@click.option("--metric", metavar="SCORER.METRIC", help="Metric to show. [default: the headline that was scored first]")
@options.setting
@options.as_json
def command(wanted: str, metric: str | None, settings: tuple[str, ...], json_output: bool, **given: Any) -> None:
    """Show trait and response rate over the training of RUN (a run, or a checkpoint's name or URI).

    Its saves by step come after those of the runs that it was trained from and after the base model: where character
    appears, and where responses are lost. Saves before the last are sampled with 'charbench run --steps all'.
    """
    from charbench.report.render.terminal import print_prose, print_table
    from charbench.report.trajectory import (
        not_sampled,
        on_the_way,
        save_as_dict,
        saves_of,
        trajectory_lines,
        trajectory_table,
    )
    from charbench.report.verdict.read import read_report
    from charbench.report.verdict.to_copy import command_for_saves
    from charbench.store.findings import read_checkpoints

    session = options.open_session(**given)
    database = session.existing_database()
    with database.read() as connection:
        way = on_the_way(read_checkpoints(connection), wanted)
    found = read_report(session, database, metric=metric, settings=settings)
    saves = saves_of(way, found.report.checkpoints)
    open_ = not_sampled(way, saves)
    used = {name for one in saves for name in one.row.samplers}
    metric, is_rate = found.report.metric, found.report.is_rate
    sampling = command_for_saves(session, open_, used)
    lines = trajectory_lines(saves, session.config.verdict, open_, sampling, None if is_rate else metric)
    if json_output:
        saved = [save_as_dict(one, is_rate=is_rate) for one in saves]
        output.print_json({"metric": metric, "lines": lines, "saves": saved})
        return
    for line in lines:
        print_prose(line)
    if saves:
        print_table(trajectory_table(saves, is_rate=is_rate))
