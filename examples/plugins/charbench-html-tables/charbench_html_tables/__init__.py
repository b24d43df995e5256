"""Reporter ``html-tables``: the report's tables as HTML without scripts, to paste into a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from charbench import ReportContent, Reporter, Table, hookimpl


class HtmlTables(Reporter):
    """The report as plain HTML tables."""

    name = "html-tables"

    def report(self, report: ReportContent) -> Iterator[str]:
        for table in report.tables:
            yield from _table(table)
        yield from (f"<p>{escape(note)}</p>\n" for note in report.notes)


def _table(table: Table) -> Iterator[str]:
    yield f"<table>\n<caption>{escape(table.title)}</caption>\n"
    yield _row("th", table.columns)
    yield from (_row("td", row) for row in table.rows)
    yield "</table>\n"
    yield from (f"<p>{escape(note)}</p>\n" for note in table.notes)


def _row(tag: str, cells: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>\n"


@hookimpl
def charbench_reporters() -> list[type[Reporter]]:
    return [HtmlTables]
