"""``charbench report``: what the store holds, as tables."""

from __future__ import annotations

from typing import Any

import click

from charbench.cli import options
from charbench.cli.show import FORMATS, show_report
from charbench.report.summary.rows import By


@click.command("report")
@options.where
@click.option("-p", "--persona", "personas", multiple=True, metavar="NAME", help="Only this persona.")
@click.option(
    "--by", type=click.Choice([by.value for by in By]), default=By.CHECKPOINT.value, help="Grouping of the rows."
)
@click.option(
    "--metric", metavar="SCORER.METRIC", help="Metric to rank by. [default: the headline that was scored first]"
)
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", help="Output format.")
@options.as_json
def command(by: str, metric: str | None, form: str, json_output: bool, **given: Any) -> None:
    """Show samples, response rates and traits for each persona and checkpoint, the best first.

    Rows are ranked by the share of all samples whose response has the trait: a model that rarely responds is not
    ranked by its few responses. Brackets hold Wilson's 95% interval.
    """
    session = options.open_session(**given)
    show_report(session, by=By(by), metric=metric, form=form, json_output=json_output)
