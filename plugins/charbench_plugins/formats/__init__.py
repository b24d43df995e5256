"""Formats of ``charbench report`` and ``charbench export``: CSV, Markdown, LaTeX, JSON, JSON Lines and Parquet."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from charbench import ExportedSamples, ExportedTable, ReportContent, Reporter, Table, hookimpl, no_formulas
from charbench_plugins.formats.latex import LatexReporter
from charbench_plugins.formats.parquet import ParquetReporter

MARK_COLUMN = "formula_mark"


class CsvReporter(Reporter):
    """CSV: a line for each row of the report; or for each sample, the lab's columns first."""

    name = "csv"

    def report(self, report: ReportContent) -> Iterator[str]:
        """Yield the figures of the report's rows."""
        columns = list(dict.fromkeys(name for row in report.rows for name in row)) or ["persona"]
        yield from _csv(columns, report.rows, "\n")

    def export(self, samples: ExportedSamples) -> Iterator[str]:
        """Yield the samples.

        A text that a spreadsheet would take for a formula has an apostrophe before it, and a column says that it is
        so: the ``recorded`` source takes it away again. ``samples.raw`` leaves both out.
        """
        yield from _exported(samples.columns, samples.rows(), samples.raw)

    def export_table(self, table: ExportedTable) -> Iterator[str]:
        """Yield a tidy table, its texts as :meth:`export` writes them."""
        rows = (dict(zip(table.columns, row, strict=True)) for row in table.rows())
        yield from _exported(table.columns, rows, table.raw)


class MarkdownReporter(Reporter):
    """Tables as GitHub-flavoured Markdown."""

    name = "markdown"

    def report(self, report: ReportContent) -> Iterator[str]:
        """Yield the tables, and what is to be said of them as a list."""
        yield "\n\n".join(map(_table, report.tables)) + "\n"
        yield from (f"\n- {note}\n" for note in report.notes)


class JsonReporter(Reporter):
    """Everything in the report as one JSON object."""

    name = "json"

    def report(self, report: ReportContent) -> Iterator[str]:
        """Yield the object."""
        yield json.dumps(report.data, ensure_ascii=False, indent=2, default=str) + "\n"


class JsonlReporter(Reporter):
    """A JSON object a line for each sample, with all its scores."""

    name = "jsonl"

    def export(self, samples: ExportedSamples) -> Iterator[str]:
        """Yield the samples; fields that are empty are left out."""
        for row, scores in samples.rows_with_scores():
            kept = {name: value for name, value in row.items() if value is not None and value != ""}
            kept |= {name: row[name] for name in ("prompt", "response", "thinking")} | {"scores": scores}
            yield json.dumps(kept, ensure_ascii=False) + "\n"

    def export_table(self, table: ExportedTable) -> Iterator[str]:
        """Yield a tidy table; every object has all names, and null where there is no value."""
        for row in table.rows():
            named = dict(zip(table.columns, map(_plain, row), strict=True))
            yield json.dumps(named, ensure_ascii=False, allow_nan=False) + "\n"


class _Line:
    """A file for :mod:`csv` that hands each line back."""

    def write(self, text: str) -> str:
        return text


def _exported(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], raw: bool) -> Iterator[str]:
    # The lines end as RFC 4180 has it: Python quotes a lone carriage return only where the line end holds one.
    filled = ({name: _plain("" if value is None else value) for name, value in row.items()} for row in rows)
    if raw:
        writer: Any = csv.DictWriter(_Line(), columns, lineterminator="\r\n")
        yield writer.writeheader()
        yield from map(writer.writerow, filled)
        return
    columns = [*(name for name in columns if name != MARK_COLUMN), MARK_COLUMN]
    yield from _csv(columns, (row | {MARK_COLUMN: ""} for row in filled), "\r\n", {MARK_COLUMN: "'"})


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _csv(
    columns: Sequence[str], rows: Iterable[Mapping[str, Any]], line_end: str, more: dict[str, str] | None = None
) -> Iterator[str]:
    """Yield the lines of a CSV file in which no text is a formula; ``more`` is put into each row as it is."""
    writer: Any = csv.DictWriter(_Line(), no_formulas(dict.fromkeys(columns)), lineterminator=line_end)
    yield writer.writeheader()
    for row in rows:
        yield writer.writerow(no_formulas(row) | (more or {}))


def _table(table: Table) -> str:
    lines = [f"## {table.title}", "", _row(table.columns)]
    lines.append(_row(["---" if name in table.left else "---:" for name in table.columns]))
    lines += [_row(row) for row in table.rows]
    lines += [line for note in table.notes for line in ("", note.replace("<", "&lt;"))]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    plain = (" ".join(cell.split()) for cell in cells)
    escaped = (cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;") for cell in plain)
    return f"| {' | '.join(escaped)} |"


@hookimpl
def charbench_reporters() -> Iterable[type[Reporter]]:
    """Return the formats."""
    return [CsvReporter, JsonReporter, JsonlReporter, LatexReporter, MarkdownReporter, ParquetReporter]
