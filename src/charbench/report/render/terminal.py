"""Puts tables and foreign text on a terminal without letting the text command it."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from typing import Any

from charbench.domain.table import Table
from charbench.report.render.fit import fit, least_width
from charbench.report.render.plain import draw
from charbench.text.terminal import sanitize

PIPE_WIDTH = 240
TEXT_WIDTH = 10
"""Characters to which a column of text is folded where nothing else can be left out; figures are never cut."""


def console(*, stderr: bool = False) -> Any:
    """Return a rich console: as wide as the terminal, and wide enough for any table in a pipe."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = shutil.get_terminal_size().columns if stream.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=False)


def print_table(table: Table) -> None:
    """Print one table on stdout."""
    screen = console()
    safe = replace(table, rows=tuple(tuple(map(sanitize, row)) for row in table.rows))
    safe, left_out = fit(safe, screen.width)
    note = f"Left out for lack of space: {', '.join(left_out)}." if left_out else ""
    if not screen.is_terminal and (lines := draw(safe, screen.width)) is not None:
        sys.stdout.writelines(f"{line}\n" for line in [*lines, *([note] if note else [])])
        return
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(title=Text(table.title), title_style="bold")
    for at, name in enumerate(safe.columns):
        left, least = name in table.left, least_width(safe, at)
        justify: Any = "left" if left else "right"
        least = min(least, TEXT_WIDTH) if left else least
        drawn.add_column(name, justify=justify, overflow="fold", no_wrap=not left, min_width=least)
    for row in safe.rows:
        drawn.add_row(*map(Text, row))
    screen.print(drawn, crop=False)  # a terminal that is too narrow all the same folds lines; no figure is cut
    if note:
        screen.print(Text(note, style="dim"))
