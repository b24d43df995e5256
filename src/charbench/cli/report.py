"""``charbench report``: what the store holds, as tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from charbench.cli import options
from charbench.components.garbage import no_collection
from charbench.report.summary.by import By


@click.command("report")
@options.where
@click.option("-p", "--persona", "personas", multiple=True, metavar="NAME", help="Only this persona.")
@click.option(
    "--by", type=options.Choice([by.value for by in By]), default=By.CHECKPOINT.value, help="Grouping of the rows."
)
@click.option(
    "--metric", metavar="SCORER.METRIC", help="Metric to rank by. [default: the headline that was scored first]"
)
@click.option(
    "--steps",
    metavar="last|all|every:N|LIST",
    help="Saves of each training run to show. [default: all that have samples]",
)
@options.setting
@click.option("--list-settings", is_flag=True, help="List what was requested: parameters, prompts and scorers.")
@options.formats
@options.as_json
def command(
    by: str,
    metric: str | None,
    steps: str | None,
    settings: tuple[str, ...],
    list_settings: bool,
    form: str,
    path: Path | None,
    json_output: bool,
    **given: Any,
) -> None:
    """Show samples, response rates and traits for each persona and checkpoint, the best first.

    Rows are ranked by the share of all samples whose response has the trait: a model that rarely responds is not
    ranked by its few responses. Brackets hold 95% intervals, clustered by
    prompt and family.

    Of each persona the rows are of one setting (sampling parameters, prompts, scorers): that of the newest run that
    added samples. Nothing of another one enters a row, rank, tier or test.
    """
    session = options.open_session(**given)
    if list_settings:
        from charbench.cli.show_settings import show_settings

        show_settings(session, form=form, json_output=json_output, path=path)
        return
    with no_collection():
        from charbench.cli.show import show_report

    show_report(
        session, by=By(by), metric=metric, form=form, json_output=json_output, settings=settings, path=path, steps=steps
    )
