"""Draws a table that was fitted, line by line: a thousand rows take milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from charbench.domain.table import Table
from charbench.report.render.fit import Fitted
from charbench.report.render.wrapping import wrap

Style = Callable[[str, str], str]
"""Returns a text as it looks, for what it is: ``title``, ``heading``, or the text of its cell."""


def unstyled(text: str, _what: str) -> str:
    """Return a text as it is."""
    return text


def draw(fitted: Fitted, style: Style = unstyled) -> Iterator[str]:
    """Yield the table's lines."""
    table, widths = fitted.table, fitted.widths
    total = sum(widths) + 3 * len(widths) + 1
    left = [name in table.left for name in table.columns]

    def rule(start: str, dash: str, cross: str, end: str) -> str:
        return start + cross.join(dash * (width + 2) for width in widths) + end

    for line in wrap(table.title, total):
        yield style(_placed(line, total, "centre").rstrip(), "title")
    yield rule("┏", "━", "┳", "┓")
    yield from _row(table.columns, widths, left, "┃", lambda text, _: style(text, "heading"))
    yield rule("┡", "━", "╇", "┩")
    for at, cells in enumerate(table.rows):
        if at and fitted.below:
            yield rule("├", "─", "┼", "┤")
        yield from _row(cells[: len(widths)], widths, left, "│", style)
        if fitted.below and cells[-1]:
            for line in wrap(f"{fitted.below}: {cells[-1]}", total - 4):
                yield f"│ {_placed(line, total - 4, 'left')} │"
    yield rule("└", "─", "┴", "┘")


def draw_as_list(table: Table, width: int) -> Iterator[str]:
    """Yield the rows one below the other, a line for each of their cells: for terminals too narrow for a table.

    Expendable columns are left out.
    """
    yield from wrap(table.title, width)
    for row in table.rows:
        yield ""
        for name, cell in zip(table.columns, row, strict=True):
            if name in table.expendable:
                continue
            yield from wrap(f"{name}: {' '.join(cell.split())}", width)


def _row(cells: Sequence[str], widths: Sequence[int], left: Sequence[bool], edge: str, style: Style) -> Iterator[str]:
    parts = [cell.split("\n") for cell in cells]
    for number in range(max(map(len, parts), default=0)):
        shown = [
            style(_placed(part[number] if number < len(part) else "", width, "left" if is_left else "right"), cell)
            for cell, part, width, is_left in zip(cells, parts, widths, left, strict=True)
        ]
        yield f"{edge} {f' {edge} '.join(shown)} {edge}"


def _placed(text: str, width: int, where: str) -> str:
    from rich.cells import cell_len

    room = max(0, width - cell_len(text))
    if where == "centre":
        return " " * (room // 2) + text + " " * (room - room // 2)
    return text + " " * room if where == "left" else " " * room + text
