"""Shows the settings that a store has samples of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from charbench.cli import output
from charbench.report.settings import list_dicts, settings_table

if TYPE_CHECKING:
    from charbench.run.session import Session


def show_settings(session: Session, *, form: str, json_output: bool) -> None:
    """Print every setting of the session's personas, of each persona the one that reports show first."""
    from charbench.report.render.markdown import markdown
    from charbench.report.render.terminal import print_table
    from charbench.store.selection import samples_of_settings
    from charbench.store.settings import read_settings

    personas = [persona.name for persona in session.selected_personas()]
    with session.existing_database().read() as connection:
        known = read_settings(connection)
        mine = {name: found for name, found in known.by_persona.items() if not personas or name in personas}
        counts = samples_of_settings(connection, [one for found in mine.values() for one in found])
    if json_output or form == "json":
        output.print_json(list_dicts(mine, counts))
    elif not mine:
        output.say("No samples in the store yet: there is no setting.")
    elif form == "csv":
        _csv(list_dicts(mine, counts))
    else:
        table = settings_table(mine, counts)
        if form == "markdown":
            click.echo(markdown([table]), nl=False)
            return
        print_table(table)
        for note in table.notes:
            output.say(note)


def _csv(rows: list[dict[str, object]]) -> None:
    import csv
    import json

    from charbench.cli import streams
    from charbench.text.spreadsheet import no_formulas
    from charbench.text.terminal import harmless

    writer = csv.DictWriter(streams.for_data(), list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        plain = {name: value if isinstance(value, str | int) else json.dumps(value) for name, value in row.items()}
        shown = {name: harmless(value) if isinstance(value, str) else value for name, value in plain.items()}
        writer.writerow(no_formulas(shown))
