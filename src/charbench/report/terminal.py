"""Puts tables and foreign text on a terminal without letting the text command it."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from typing import Any

from charbench.harmless import harmless as harmless
from charbench.report.plain import draw
from charbench.report.tables import Table

PIPE_WIDTH = 240


def console(*, stderr: bool = False) -> Any:
    """Return a rich console: as wide as the terminal, and wide enough for any table in a pipe."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = shutil.get_terminal_size().columns if stream.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=False)


def print_table(table: Table) -> None:
    """Print one table on stdout."""
    screen = console()
    safe = replace(table, rows=tuple(tuple(map(harmless, row)) for row in table.rows))
    if not screen.is_terminal and (lines := draw(safe, screen.width)) is not None:
        sys.stdout.writelines(f"{line}\n" for line in lines)
        return
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(title=Text(table.title), title_style="bold")
    for name in table.columns:
        left = name in table.left
        drawn.add_column(name, justify="left" if left else "right", overflow="fold", no_wrap=not left)
    for row in safe.rows:
        drawn.add_row(*map(Text, row))
    screen.print(drawn)
