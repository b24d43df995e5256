"""Tables as GitHub-flavoured Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from charbench.report.render.table import Table
from charbench.text.terminal import sanitize


def markdown(tables: Sequence[Table]) -> str:
    """Return tables as GitHub-flavoured Markdown."""
    parts = []
    for table in tables:
        lines = [f"## {table.title}", "", _line(table.columns)]
        lines.append(_line(["---" if name in table.left else "---:" for name in table.columns]))
        lines += [_line(row) for row in table.rows]
        lines += [line for note in table.notes for line in ("", sanitize(note).replace("<", "&lt;"))]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _line(cells: Sequence[str]) -> str:
    plain = (sanitize(" ".join(cell.split())) for cell in cells)
    escaped = (cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;") for cell in plain)
    return f"| {' | '.join(escaped)} |"
