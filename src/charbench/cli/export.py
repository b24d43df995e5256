"""``charbench export``: samples as files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from charbench.cli import options, output, streams
from charbench.cli.written import write_file
from charbench.errors import UsageError


@click.command("export")
@options.where
@options.selection
@click.option("--csv", "form", flag_value="csv", help="The lab's columns first, then charbench's own. [default]")
@click.option("--jsonl", "form", flag_value="jsonl", help="A JSON object a line, with all scores.")
@click.option("--format", "name", metavar="NAME", help="csv, jsonl, or a plugin's reporter.")
@click.option("-O", "--output", "path", type=click.Path(path_type=Path), help="File to write. [default: stdout]")
def command(form: str | None, name: str | None, path: Path | None, **given: Any) -> None:
    """Write the samples of the selected checkpoints; the 'recorded' source reads either form back.

    JSONL holds texts as the models wrote them. In CSV, one that a spreadsheet would run as a formula has an apostrophe
    before it.
    """
    from charbench.components.calling import items
    from charbench.components.containment import each
    from charbench.report.export import exported_samples
    from charbench.run.plan import select_checkpoints
    from charbench.store.findings import read_checkpoints

    session = options.open_session(**given)
    if form and name:
        raise UsageError("--format names the format already; leave out --csv or --jsonl")
    reporter = session.reporter(name or form or "csv", ("export",))
    database = session.existing_database()
    personas = [persona.name for persona in session.selected_personas()]
    with database.read() as connection:
        chosen = select_checkpoints(read_checkpoints(connection), session.config.checkpoints, personas)
    samples = exported_samples(database, [checkpoint.uri for checkpoint in chosen])
    count = 0

    def counted(with_scores: bool) -> Iterator[Any]:
        nonlocal count
        for row in samples.read(with_scores):
            count += 1
            yield row

    shown = replace(samples, read=counted)
    pieces = each(f"reporter {reporter.name}", lambda: items(reporter, reporter.export(shown)))
    if path is None:
        streams.for_data().writelines(pieces)
    else:
        write_file(path, pieces)
    output.say(f"Exported {output.plural(count, 'sample')}{f' to {path}' if path else ''}.")
