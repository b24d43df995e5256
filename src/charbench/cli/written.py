"""What a reporter makes, written to stdout, to a file, or into a folder of files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from charbench.cli import output, streams
from charbench.config.private_files import private_file
from charbench.domain.table import Table
from charbench.errors import UsageError
from charbench.text.terminal import harmless_output, sanitize

if TYPE_CHECKING:
    from charbench.components.reporter import ReportContent, Reporter
    from charbench.run.session import Session


TABLE = "table"
"""The format that is no reporter's: for terminals."""


def reporter_for(
    session: Session, form: str, path: Path | None = None, *, json_output: bool = False
) -> Reporter | None:
    """Return the reporter of a format of reports, None for :data:`TABLE` and where ``--json`` is given.

    Raises :class:`UnknownNameError` for a format that is not there, :class:`UsageError` for a table in a file, and
    for ``--json`` with another format or a file.
    """
    if json_output and (path is not None or form not in (TABLE, "json")):
        raise UsageError("option --json prints on stdout; for a file: --format json -O FILE, without --json")
    if json_output:
        return None
    if form != TABLE:
        return session.reporter(form, ("report", "report_files"), TABLE)
    if path is not None:
        raise UsageError(f"option --output: {path}: the format of a file is missing; add --format html, markdown, ...")
    return None


def harmless_table(table: Table) -> Table:
    """Return a table of which no text can command a terminal."""
    return replace(
        table,
        rows=tuple(tuple(map(sanitize, row)) for row in table.rows),
        notes=tuple(map(sanitize, table.notes)),
        caption=sanitize(table.caption),
    )


def write_report(reporter: Reporter, content: ReportContent, path: Path | None = None) -> None:
    """Write what a reporter makes of a report as UTF-8: to a file, or to stdout where ``path`` is None.

    Raises :class:`UsageError` where the file cannot be written, and where a format of several files has no folder.
    """
    from charbench.components.reporter import Reporter

    if type(reporter).report_files is not Reporter.report_files:
        _write_files(reporter, content, path)
        return
    pieces = text_of(reporter, content)
    if path is None:
        out = streams.for_data()
        for piece in pieces:
            out.write(harmless_output(piece))
        return
    write_file(path, map(harmless_output, pieces))
    output.say(f"Wrote {path}")


def write_file(path: Path, pieces: Iterable[str | bytes]) -> None:
    """Write a file in pieces; text as UTF-8, the line ends as they are. Raises :class:`UsageError` where it cannot."""
    with replaced(path, "wb") as file:
        file.writelines(piece.encode() if isinstance(piece, str) else piece for piece in pieces)


def made_folder(path: Path) -> Path:
    """Return a folder for files, made where it is not there; raises :class:`UsageError` where it cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"option --output: {path}: {error.strerror or error}") from None
    return path


@contextmanager
def replaced(
    path: Path, mode: str, *, private: bool = False, wanted_by: str = "option --output", **how: Any
) -> Iterator[IO[Any]]:
    """Open a file that takes the place of ``path`` when it is complete: a stopped command leaves no half file.

    One that is ``private`` can be read by its owner only. ``wanted_by`` is what names the file, for the message.

    Raises :class:`UsageError` where it cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if private:
            private_file(part)
        with part.open(mode, **how) as file:
            yield file
        part.replace(path)
    except OSError as error:
        raise UsageError(f"{wanted_by}: {path}: {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def text_of(reporter: Reporter, content: ReportContent) -> Iterator[str]:
    """Yield the text that a reporter makes of a report, in pieces; a fault of its names it."""
    from charbench.components.calling import items
    from charbench.components.containment import each

    return each(f"reporter {reporter.name}", lambda: items(reporter, reporter.report(content)))


def _write_files(reporter: Reporter, content: ReportContent, folder: Path | None) -> None:
    from charbench.components.calling import items
    from charbench.components.containment import each

    if folder is None:
        raise UsageError(f"--format {reporter.name} writes several files: name their folder with -O DIR")
    made_folder(folder)
    count = 0
    for name, made in each(f"reporter {reporter.name}", lambda: items(reporter, reporter.report_files(content))):
        with replaced(folder / Path(name).name, "wb") as file:
            file.write(made)
        count += 1
    if not count:
        output.say(f"Wrote no file: there is nothing in it that --format {reporter.name} shows.")
        return
    output.say(f"Wrote {output.plural(count, 'file')} into {folder}")
