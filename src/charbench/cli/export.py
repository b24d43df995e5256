"""``charbench export``: samples as files."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from charbench.cli import options, output, streams
from charbench.errors import UsageError


@click.command("export")
@options.where
@options.selection
@click.option("--csv", "form", flag_value="csv", help="The lab's columns first, then charbench's own. [default]")
@click.option("--jsonl", "form", flag_value="jsonl", help="A JSON object a line, with all scores.")
@click.option("-O", "--output", "path", type=click.Path(path_type=Path), help="File to write. [default: stdout]")
def command(form: str | None, path: Path | None, **given: Any) -> None:
    """Write the samples of the selected checkpoints; the 'recorded' source reads either form back.

    JSONL holds texts as the models wrote them. In CSV, one that a spreadsheet would run as a formula has an apostrophe
    before it.
    """
    from charbench.report.export import export_csv, export_jsonl
    from charbench.run.plan import select_checkpoints
    from charbench.store.findings import read_checkpoints

    session = options.open_session(**given)
    database = session.existing_database()
    personas = [persona.name for persona in session.selected_personas()]
    with database.read() as connection:
        chosen = select_checkpoints(read_checkpoints(connection), session.config.checkpoints, personas)
    write = export_jsonl if form == "jsonl" else export_csv
    uris = [checkpoint.uri for checkpoint in chosen]
    if path is None:
        count = write(database, streams.for_data(), uris)
    else:
        part = path.with_name(f".{path.name}.part")
        try:
            # Written beside its place and then moved: a stopped export leaves no half file.
            with part.open("w", encoding="utf-8", newline="") as file:
                count = write(database, file, uris)
            part.replace(path)
        except OSError as error:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise UsageError(f"option --output: {path}: {error.strerror or error}") from None
    output.say(f"Exported {output.plural(count, 'sample')}{f' to {path}' if path else ''}.")
