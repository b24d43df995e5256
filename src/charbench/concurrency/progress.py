"""Shows how far a stage is: a bar on a terminal, a plain line now and then elsewhere, nothing if quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

PLAIN_SECONDS = 10.0


class Progress(Protocol):
    """What a stage tells of its progress."""

    def advance(self, count: int, note: str = "") -> None:
        """Say that ``count`` more items are done."""


class _Silent:
    def advance(self, count: int, note: str = "") -> None:
        """Say nothing."""


class _Plain:
    """A line every ten seconds, for pipes and logs."""

    def __init__(self, title: str, total: int | None) -> None:
        self.title, self.total = title, total
        self.done = 0
        self.last = time.monotonic()

    def advance(self, count: int, note: str = "") -> None:
        self.done += count
        now = time.monotonic()
        if now - self.last >= PLAIN_SECONDS:
            self.last = now
            of = f" of {self.total:,}" if self.total is not None else ""
            print(f"{self.title}: {self.done:,}{of} {note}".rstrip(), file=sys.stderr, flush=True)  # noqa: T201


class _Bar:
    def __init__(self, bar: Any, task: Any) -> None:
        self.bar, self.task = bar, task

    def advance(self, count: int, note: str = "") -> None:
        self.bar.update(self.task, advance=count, note=note)


@contextmanager
def show_progress(title: str, total: int | None, *, quiet: bool) -> Iterator[Progress]:
    """Show a stage's progress on stderr while the block runs; ``total`` None: not known."""
    if quiet:
        yield _Silent()
    elif not sys.stderr.isatty():
        yield _Plain(title, total)
    else:
        from rich import progress as rich_progress
        from rich.console import Console

        columns = (
            rich_progress.TextColumn("{task.description}"),
            rich_progress.BarColumn(),
            rich_progress.MofNCompleteColumn(),
            rich_progress.TimeElapsedColumn(),
            rich_progress.TextColumn("{task.fields[note]}"),
        )
        with rich_progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            yield _Bar(bar, bar.add_task(title, total=total, note=""))
