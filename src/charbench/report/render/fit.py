"""Fits a table to a narrow terminal: columns that matter least are left out, rather than names cut to pieces."""

from __future__ import annotations

from dataclasses import replace

from charbench.domain.table import Table

LEAST = 20
"""Characters that a column of text keeps, if it has them; what is longer is folded."""


def fit(table: Table, width: int) -> tuple[Table, list[str]]:
    """Return the table as it fits into ``width`` characters, and the columns that were left out for it."""
    left_out: list[str] = []
    for name in table.expendable:
        if needed(table) <= width:
            break
        if name in table.columns:
            table = _without(table, name)
            left_out.append(name)
    return table, left_out


def needed(table: Table) -> int:
    """Return how many characters the table takes when its columns of text are folded as far as may be."""
    return sum(least_width(table, at) for at in range(len(table.columns))) + 3 * len(table.columns) + 1


def least_width(table: Table, at: int) -> int:
    """Return the characters that a column cannot do without: figures are never cut."""
    from rich.cells import cell_len

    name = table.columns[at]
    natural = max((cell_len(line) for row in table.rows for line in row[at].split("\n")), default=0)
    return max(cell_len(name), min(natural, LEAST)) if name in table.left else max(cell_len(name), natural)


def _without(table: Table, name: str) -> Table:
    at = table.columns.index(name)
    rows = tuple(row[:at] + row[at + 1 :] for row in table.rows)
    return replace(table, columns=table.columns[:at] + table.columns[at + 1 :], rows=rows)
