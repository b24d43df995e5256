"""Reports that each run leaves in the lab's folder: written anew where something has changed since they were."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from charbench.cli import output
from charbench.cli.written import replaced, text_of
from charbench.config.private_files import open_private, private_folder
from charbench.domain.keys import digest
from charbench.errors import CharbenchError
from charbench.text.terminal import harmless_output

if TYPE_CHECKING:
    from charbench.components.reporter import ReportContent, Reporter
    from charbench.run.session import Session


def keep_reports(session: Session, content: ReportContent, newest: int | None, *, quiet: bool = False) -> None:
    """Write the formats that are kept in the lab's folder, and say where; one that cannot be is a warning.

    One is left as it is where it was made of the same figures after the same run that added anything (``newest``;
    None: not known), by the same code, and is still what was written then.
    """
    for reporter in session.kept_reporters():
        assert reporter.kept_as is not None
        path = private_folder(session.config.folder) / reporter.kept_as
        note = path.with_name(f".{path.name}.made_of")
        made_of = _made_of(reporter, content, newest)
        try:
            if newest is None or _read(note) != _state(path, made_of):
                with replaced(
                    path, "w", private=True, wanted_by="the report is not written", encoding="utf-8", newline=""
                ) as file:
                    file.writelines(map(harmless_output, text_of(reporter, content)))
                _write(note, _state(path, made_of))
        except CharbenchError as error:
            output.warn([str(error)])
        else:
            output.say(f"Report with plots and samples: {path}", quiet=quiet)


def _made_of(reporter: Reporter, content: ReportContent, newest: int | None) -> str:
    """Return a digest of all that decides what the reporter writes, but the time and the run that asks."""
    data = json.dumps({name: value for name, value in content.data.items() if name != "run"}, default=str)
    return digest(data, list(content.notes), newest, list(_code(type(reporter))))


def _code(reporter: type[Reporter]) -> Iterator[str]:
    """Yield the names, sizes and times of the files that a reporter's code is in."""
    module = sys.modules[reporter.__module__]
    if (file := getattr(module, "__file__", None)) is None:
        return
    is_package = hasattr(module, "__path__")
    for path in sorted(Path(file).parent.iterdir()) if is_package else [Path(file)]:
        if path.is_file():
            about = path.stat()
            yield f"{path.name} {about.st_size} {about.st_mtime_ns}"


def _state(path: Path, made_of: str) -> str:
    """Return what is noted of a report: what it was made of, and the file as it is."""
    try:
        about = path.stat()
    except OSError:
        return ""
    return f"{made_of} {about.st_size} {about.st_mtime_ns}"


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _write(path: Path, text: str) -> None:
    try:
        with open_private(path) as file:
            file.write(text)
    except OSError:
        path.unlink(missing_ok=True)  # the report is written anew next time
