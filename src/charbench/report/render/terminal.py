"""Puts tables and foreign text on a terminal without letting the text command it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace

from charbench.domain.table import Table
from charbench.report.render.fit import fit
from charbench.report.render.plain import draw, draw_as_list, unstyled
from charbench.report.render.wrapping import wrap
from charbench.text.terminal import sanitize

PIPE_WIDTH = 240
_COLOURS = {"viable": "32", "not viable": "31", "undecided": "33", "title": "1", "heading": "1"}
"""Codes of ANSI. A colour repeats what the words say."""


def screen_width() -> int:
    """Return the columns of the terminal, of ``COLUMNS`` where it is set, else of a pipe."""
    return max(20, shutil.get_terminal_size().columns) if _is_seen() else PIPE_WIDTH


def _is_seen() -> bool:
    return sys.stdout.isatty() or "COLUMNS" in os.environ


def has_colours() -> bool:
    """Whether stdout is a terminal that may be sent colours: see https://no-color.org."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def print_prose(text: str) -> None:
    """Print sentences on stdout, no wider than a terminal; whole into a pipe, and where they hold a command to copy."""
    safe = sanitize(text)
    _print(wrap(safe, screen_width()) if _is_seen() and "charbench " not in safe else [safe])


def print_table(table: Table) -> None:
    """Print one table on stdout, no wider than the terminal."""
    rows = tuple(tuple(sanitize(cell).replace("\t", " ") for cell in row) for row in table.rows)
    safe, width = replace(table, rows=rows), screen_width()
    fitted = fit(safe, width)
    if fitted is None:
        left_out = [name for name in safe.columns if name in safe.expendable]
        _print(draw_as_list(safe, width))
    else:
        left_out = list(fitted.left_out)
        _print(draw(fitted, _coloured if has_colours() else unstyled))
    if left_out and table.continued and fitted is not None:
        print_table(_rest(table, left_out))
    elif left_out:
        _print(wrap(f"Left out for lack of space: {', '.join(left_out)}.", width))


def _rest(table: Table, left_out: Sequence[str]) -> Table:
    """Return the second table: what the rows are called, and the columns that had no room."""
    places = [0, *(at for at, name in enumerate(table.columns) if name in left_out)]
    rows = tuple(tuple(row[at] for at in places) for row in table.rows)
    columns = tuple(table.columns[at] for at in places)
    return replace(table, title=f"{table.title}, continued", columns=columns, rows=rows, continued=False)


def _print(lines: Iterable[str]) -> None:
    import click

    click.echo("\n".join(lines))


def _coloured(text: str, what: str) -> str:
    code = _COLOURS.get(" ".join(what.split()))
    return f"\x1b[{code}m{text}\x1b[0m" if code else text
