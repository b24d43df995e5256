"""``charbench export``: samples, scores and spans as files."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from charbench.cli import options, output, streams
from charbench.cli.written import made_folder, write_file
from charbench.errors import UsageError

if TYPE_CHECKING:
    from charbench.components.reporter import ExportedTable, Reporter
    from charbench.store.database import Database

ALL = "all"
_TABLES = ("samples", "scores", "spans")


@click.command("export")
@options.where
@options.selection
@click.option("--csv", "form", flag_value="csv", help="The lab's columns first, then charbench's own. [default]")
@click.option("--jsonl", "form", flag_value="jsonl", help="A JSON object a line, with all scores.")
@click.option("--format", "name", metavar="NAME", help="csv, jsonl, parquet, inspect, or a plugin's reporter.")
@click.option(
    "--table",
    "wanted",
    type=options.Choice([*_TABLES, ALL]),
    help="A row for each sample, score or span; all: a file of each, into the folder of -O. [default: samples]",
)
@click.option("--raw", is_flag=True, help="CSV: texts as the models wrote them, which a spreadsheet may run.")
@click.option(
    "-O", "--output", "path", type=click.Path(path_type=Path), help="File to write, or folder. [default: stdout]"
)
def command(form: str | None, name: str | None, wanted: str | None, raw: bool, path: Path | None, **given: Any) -> None:
    """Write the samples of the selected checkpoints; a source reads CSV, JSONL ('recorded') and 'inspect' back.

    JSONL and Parquet hold texts as the models wrote them, and each sample's scores with it. In CSV, a text that a
    spreadsheet would run as a formula has an apostrophe before it.
    """
    if form and name:
        raise UsageError("--format names the format already; leave out --csv or --jsonl")
    if wanted == ALL and path is None:
        raise UsageError("--table all writes several files: name their folder with -O DIR")
    form = name or form or "csv"
    with_scores = wanted in (None, "samples")
    session = options.open_session(**given)
    reporter = session.reporter(form, ("export",) if with_scores else ("export_table",))
    export = _Export(session.existing_database(), reporter, raw, _uris(session))
    if with_scores:
        export.write_samples(path)
    elif wanted == ALL:
        assert path is not None
        for table in _TABLES:
            export.write_table(table, made_folder(path) / f"{table}.{form}")
    else:
        assert wanted is not None
        export.write_table(wanted, path)
    output.say(f"Exported {_joined(export.counts)}{f' to {path}' if path else ''}.")


def _uris(session: Any) -> list[str]:
    from charbench.run.plan import select_checkpoints
    from charbench.store.findings import read_checkpoints

    personas = [persona.name for persona in session.selected_personas()]
    with session.existing_database().read() as connection:
        chosen = select_checkpoints(read_checkpoints(connection), session.config.checkpoints, personas)
    return [checkpoint.uri for checkpoint in chosen]


@dataclass(frozen=True, slots=True)
class _Export:
    """Writes what a store holds of some checkpoints, and counts the rows."""

    database: Database
    reporter: Reporter
    raw: bool
    uris: Sequence[str]
    counts: dict[str, int] = field(default_factory=dict)

    def write_samples(self, path: Path | None) -> None:
        """Write the samples, with their scores where the format has a place for them."""
        from charbench.report.export import exported_samples

        self.counts["sample"] = 0
        samples = exported_samples(self.database, self.uris)
        shown = replace(
            samples, raw=self.raw, read=lambda with_scores: self._counted("sample", samples.read(with_scores))
        )
        self._write(self.reporter.export, shown, path)

    def write_table(self, name: str, path: Path | None) -> None:
        """Write one tidy table."""
        from charbench.report import tidy

        make = {"samples": tidy.sample_table, "scores": tidy.score_table, "spans": tidy.span_table}[name]
        table: ExportedTable = make(self.database, self.uris)
        noun = name.removesuffix("s")
        self.counts[noun] = 0
        shown = replace(table, raw=self.raw, read=lambda columns: self._counted(noun, table.read(columns)))
        self._write(self.reporter.export_table, shown, path)

    def _counted(self, noun: str, rows: Iterator[Any]) -> Iterator[Any]:
        for row in rows:
            self.counts[noun] += 1
            yield row

    def _write(self, method: Any, given: Any, path: Path | None) -> None:
        from charbench.components.calling import items
        from charbench.components.containment import each

        pieces = each(f"reporter {self.reporter.name}", lambda: items(self.reporter, method(given)))
        if path is not None:
            write_file(path, pieces)
            return
        out = streams.for_data()
        for piece in pieces:
            if not isinstance(piece, bytes):
                out.write(piece)
            elif sys.stdout.isatty():
                raise UsageError(f"--format {self.reporter.name} is not text: name a file with -O FILE")
            else:
                out.flush()
                out.buffer.write(piece)


def _joined(counts: dict[str, int]) -> str:
    said = [output.plural(count, noun) for noun, count in counts.items()]
    return " and ".join([*([", ".join(said[:-1])] if said[:-1] else []), said[-1]])
