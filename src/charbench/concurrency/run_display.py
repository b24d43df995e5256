"""Shows how far a run is: one live display on a terminal, a plain line now and then elsewhere, nothing if quiet."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from charbench.concurrency.progress import Measured, NoProgress, Progress
from charbench.text.terminal import sanitize

PLAIN_SECONDS = 10.0
REFRESHES = 4
"""Pictures a second on a terminal: figures can be read, and a slow connection keeps up."""
_KEPT = 4
"""Stages that were done last stay in sight."""
_BAR = 24


class RunDisplay:
    """What is told of a run while it is under way. This one is quiet; see :func:`showing_run`."""

    is_live = False

    @contextmanager
    def stage(self, title: str, total: int | None = None) -> Iterator[Progress]:
        """Show a stage's progress while the block runs; ``total`` None: not known."""
        yield NoProgress()

    def line(self, text: str) -> None:
        """Show a line that stays."""

    def row(self, name: str, text: str | None) -> None:
        """Show what goes on beside other things, as a training job; None: it has ended."""


class PlainDisplay(RunDisplay):
    """Lines on stderr, for pipes and logs: every ten seconds, and the totals of a stage that took as long."""

    @contextmanager
    def stage(self, title: str, total: int | None = None) -> Iterator[Progress]:
        """Print lines while the block runs."""
        measured, ended = Measured(title, total), threading.Event()
        printed = False

        def tell() -> None:
            nonlocal printed
            while not ended.wait(PLAIN_SECONDS):
                printed = True
                self.line(f"{title}: {', '.join(measured.words()) or 'under way'}")

        teller = threading.Thread(target=tell, name="progress", daemon=True)
        teller.start()
        try:
            yield measured
        finally:
            ended.set()
            teller.join()
            if printed:
                self.line(f"{title}: {', '.join(measured.totals())}")

    def line(self, text: str) -> None:
        """Print a line on stderr."""
        sys.stderr.write(f"{sanitize(text)}\n")
        sys.stderr.flush()


class LiveDisplay(RunDisplay):
    """One picture at the bottom of a terminal, drawn anew in place; what is printed meanwhile stands above it."""

    is_live = True

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self.console = Console(stderr=True, highlight=False)
        self._done: list[str] = []
        self._stages: list[Measured] = []
        self._rows: dict[str, str] = {}
        self.live: Any = Live(
            console=self.console,
            get_renderable=self.picture,
            refresh_per_second=REFRESHES,
            transient=True,
            vertical_overflow="ellipsis",
        )

    @contextmanager
    def stage(self, title: str, total: int | None = None) -> Iterator[Progress]:
        """Show a stage while the block runs, and for a while that it is done."""
        measured = Measured(title, total)
        self._stages.append(measured)
        try:
            yield measured
        finally:
            self._stages.remove(measured)
            self._done.append(f"{title}: {', '.join(measured.totals())}")

    def line(self, text: str) -> None:
        """Print a line above the picture."""
        self.console.print(sanitize(text), markup=False, highlight=False, soft_wrap=True)

    def row(self, name: str, text: str | None) -> None:
        """Show or drop a row."""
        if text is None:
            self._rows.pop(name, None)
        else:
            self._rows[name] = text

    def picture(self) -> Any:
        """Return what the terminal shows now: no line of it is wider, and no figure is cut."""
        from rich.text import Text

        width = self.console.width
        lines: list[tuple[str, str]] = [
            (line, "dim") for done in self._done[-_KEPT:] for line in _packed([f"done  {done}"], width)
        ]
        for stage in [*self._stages]:
            bar = "" if stage.share is None else f"  {_bar(stage.share)} {stage.share:4.0%}"
            lines.append((f"now   {stage.title}"[: max(1, width - len(bar))] + bar, "bold"))
            lines += [(f"      {line}", "") for line in _packed(stage.words(), width - 6) if line]
        for name, text in [*self._rows.items()]:
            lines += [(line, "") for line in _packed([f"      {name}: {text}"], width)]
        return Text("\n").join(
            Text(sanitize(line), style=style, no_wrap=True, overflow="fold") for line, style in lines
        )


@contextmanager
def showing_run(*, quiet: bool) -> Iterator[RunDisplay]:
    """Return the display that fits stderr while the block runs."""
    if quiet:
        yield RunDisplay()
    elif not sys.stderr.isatty() or os.environ.get("TERM") in ("dumb", "unknown"):
        yield PlainDisplay()
    else:
        display = LiveDisplay()
        with display.live:
            yield display


def _packed(parts: Sequence[str], width: int) -> list[str]:
    """Return parts in lines, separated by commas, each broken only at its spaces."""
    lines = [""]
    for part in parts:
        joined = f"{lines[-1]}, {part}" if lines[-1] else part
        if len(joined) <= width or not lines[-1]:
            lines[-1] = joined
        else:
            lines[-1] += ","
            lines.append(part)
    return [piece for line in lines for piece in _folded(line, max(1, width))]


def _folded(line: str, width: int) -> list[str]:
    if len(line) <= width:
        return [line]
    import textwrap

    return textwrap.wrap(line, width, subsequent_indent="      "[: max(0, width - 1)], break_on_hyphens=False) or [""]


def _bar(share: float) -> str:
    full = round(share * _BAR)
    return "█" * full + "░" * (_BAR - full)
