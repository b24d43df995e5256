"""Fits tables to terminals: columns that matter least are left out, headings and names fold, figures stay whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from charbench.domain.table import Table
from charbench.report.render.wrapping import longest_piece, wrap

LEAST = 20
"""Characters that a column of text keeps while there are columns to leave out."""
FOLDED = 16
"""Characters that it keeps while there are columns for which names fold."""
LONG = 40
"""A text that is longer is prose, which needs room:"""
PROSE = 24


@dataclass(frozen=True, slots=True)
class Fitted:
    """A table as it is drawn: cells may be several lines; ``below`` is a column that stands below each row."""

    table: Table
    widths: tuple[int, ...]
    below: str | None = None
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Column:
    """How wide one column wants to be, and must be at least."""

    name: str
    at: int
    is_text: bool
    natural: int
    piece: int
    heading: int
    folded_heading: int
    compact: int

    @property
    def is_prose(self) -> bool:
        return self.is_text and self.natural > LONG

    def least(self, text: int, compact: bool) -> int:
        if not self.is_text:
            return max(self.folded_heading, self.compact if compact else self.natural)
        return max(self.folded_heading, min(self.natural, max(self.piece, PROSE if self.is_prose else text)))

    def wanted(self, compact: bool) -> int:
        return max(self.heading, self.compact if compact and not self.is_text else self.natural)


def fit(table: Table, width: int) -> Fitted | None:
    """Return the table as it fits into ``width`` characters; None where it does not fit however it is folded.

    First text folds to :data:`LEAST` characters, and expendable columns are left out until that fits; where some of
    these are worth it, text folds to :data:`FOLDED` characters before they are. Then names fold further, at their
    separators, and intervals stand below their values. A column of prose that has no room stands below each row.
    """
    columns = [_column(table, at) for at in range(len(table.columns))]
    prose = [column.name for column in columns if column.is_prose]
    if table.folded_for:
        lesser = replace(table, expendable=tuple(name for name in table.expendable if name not in table.folded_for))
        for text in (LEAST, FOLDED):
            if (fitted := _without_expendable(lesser, columns, width, (False, text, None))) is not None:
                return fitted
    for compact, text in ((False, LEAST), (False, 1), (True, LEAST), (True, 1)):
        for below in (None, *(prose if len(prose) == 1 else ())):
            fitted = _without_expendable(table, columns, width, (compact, text, below))
            if fitted is not None:
                return fitted
    return None


def _without_expendable(
    table: Table, columns: Sequence[_Column], width: int, how: tuple[bool, int, str | None]
) -> Fitted | None:
    compact, text, below = how
    left_out: list[str] = []
    droppable = [name for name in table.expendable if name in table.columns and name != below]
    while True:
        shown = [column for column in columns if column.name not in left_out and column.name != below]
        widths = _widths(shown, width, compact, text)
        if widths is not None:
            return _made(table, shown, widths, compact, below, tuple(left_out))
        if not droppable:
            return None
        left_out.append(droppable.pop(0))


def _column(table: Table, at: int) -> _Column:
    from rich.cells import cell_len

    name = table.columns[at]
    is_text = name in table.left
    cells = {row[at] for row in table.rows}
    lines = [line for cell in cells for line in cell.split("\n")]
    natural = max(map(cell_len, lines), default=0)
    return _Column(
        name,
        at,
        is_text,
        natural,
        max(map(longest_piece, cells), default=0) if is_text else natural,
        cell_len(name),
        max(map(cell_len, name.split()), default=0),
        max((cell_len(part) for line in lines for part in compacted(line).split("\n")), default=0),
    )


def compacted(cell: str) -> str:
    """Return a figure with its interval below it."""
    return cell.replace(" [", "\n[")


def _widths(columns: Sequence[_Column], width: int, compact: bool, text: int) -> list[int] | None:
    """Return the columns' widths, None where they do not fit; the narrowest get what room there is."""
    widths = [column.least(text, compact) for column in columns]
    spare = width - sum(widths) - 3 * len(columns) - 1
    if spare < 0:
        return None
    wanted = [column.wanted(compact) for column in columns]
    while spare > 0:
        short = [at for at, have in enumerate(widths) if have < wanted[at]]
        if not short:
            break
        widths[min(short, key=lambda at: widths[at])] += 1
        spare -= 1
    return widths


def _made(
    table: Table, columns: Sequence[_Column], widths: Sequence[int], compact: bool, below: str | None,
    left_out: tuple[str, ...],
) -> Fitted:  # fmt: skip
    def folded(row: Sequence[str]) -> tuple[str, ...]:
        cells = []
        for column, width in zip(columns, widths, strict=True):
            cell = row[column.at]
            if compact and not column.is_text:
                cell = compacted(cell)
            cells.append("\n".join(wrap(cell, width)) if column.is_text else cell)
        return (*cells, row[table.columns.index(below)]) if below else tuple(cells)

    names = ["\n".join(wrap(column.name, width)) for column, width in zip(columns, widths, strict=True)]
    left = frozenset(name for name, column in zip(names, columns, strict=True) if column.is_text)
    shown = Table(table.title, tuple(names), tuple(map(folded, table.rows)), left)
    return Fitted(shown, tuple(widths), below, left_out)
