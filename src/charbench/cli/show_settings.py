"""Shows the settings that a store has samples of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from charbench.cli import output
from charbench.cli.written import reporter_for, write_report
from charbench.components.reporter import ReportContent
from charbench.errors import UsageError
from charbench.report.settings import list_dicts, settings_table

if TYPE_CHECKING:
    from charbench.run.session import Session


def show_settings(session: Session, *, form: str, json_output: bool, path: Path | None = None) -> None:
    """Print every setting of the session's personas, of each persona the one that reports show first."""
    from charbench.report.render.terminal import print_table
    from charbench.store.selection import samples_of_settings
    from charbench.store.settings import read_settings

    reporter = reporter_for(session, form, path, json_output=json_output)
    if reporter is not None and reporter.of_reports:
        raise UsageError(
            f"--format {form} shows reports alone; for a list of settings: table, markdown, latex, csv, json"
        )
    personas = [persona.name for persona in session.selected_personas()]
    with session.existing_database().read() as connection:
        known = read_settings(connection)
        mine = {name: found for name, found in known.by_persona.items() if not personas or name in personas}
        counts = samples_of_settings(connection, [one for found in mine.values() for one in found])
    rows = list_dicts(mine, counts)
    table = settings_table(mine, counts)
    if json_output:
        output.print_json(rows)
    elif reporter is not None:
        content = ReportContent(lambda: [table], lambda: [_flat(row) for row in rows], lambda: {"settings": rows})
        write_report(reporter, content, path)
    elif not mine:
        output.say("No samples in the store yet: there is no setting.")
    else:
        print_table(table)
        for note in table.notes:
            output.say(note)


def _flat(row: Mapping[str, object]) -> dict[str, str | int]:
    """Return a setting's figures as the cells of a row."""
    import json

    from charbench.text.terminal import sanitize

    plain = {name: value if isinstance(value, str | int) else json.dumps(value) for name, value in row.items()}
    return {name: sanitize(value) if isinstance(value, str) else value for name, value in plain.items()}
