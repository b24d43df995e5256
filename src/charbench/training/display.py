"""Shows jobs in training: a bar each on a terminal, a plain line now and then elsewhere, nothing if quiet."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import Any

from charbench.components.trainer import Note, StateSaved, StepDone, Trained, TrainingEvent
from charbench.text.redaction import redact
from charbench.text.terminal import sanitize

PLAIN_SECONDS = 5.0


class TrainingLog:
    """Takes the events of jobs, from several threads at once. A context manager."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._lock = threading.Lock()
        self._bars: Any = None
        self._tasks: dict[str, Any] = {}
        self._started: dict[str, float] = {}
        self._last: dict[str, float] = {}

    def __enter__(self) -> TrainingLog:
        if not self._quiet and sys.stderr.isatty():
            from rich import progress
            from rich.console import Console

            self._bars = progress.Progress(
                progress.TextColumn("{task.description}"),
                progress.BarColumn(),
                progress.MofNCompleteColumn(),
                progress.TextColumn("loss {task.fields[loss]}"),
                progress.TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def say(self, job_id: str, event: TrainingEvent | str) -> None:
        """Show one event of one job."""
        if self._quiet:
            return
        with self._lock:
            if isinstance(event, StepDone):
                self._step(job_id, event)
            elif isinstance(event, Trained):
                self._line(job_id, f"complete: {', '.join(checkpoint.uri for checkpoint in event.checkpoints)}")
            elif isinstance(event, Note):
                self._line(job_id, event.text)
            elif not isinstance(event, StateSaved):
                self._line(job_id, event)

    def _step(self, job_id: str, step: StepDone) -> None:
        now = time.monotonic()
        started = self._started.setdefault(job_id, now - step.seconds)
        if self._bars is not None:
            if job_id not in self._tasks:
                self._tasks[job_id] = self._bars.add_task(sanitize(job_id), total=step.total_steps, loss="")
            self._bars.update(self._tasks[job_id], completed=step.step + 1, loss=f"{step.loss:.3f}")
            return
        last = step.step + 1 == step.total_steps
        if not last and now - self._last.get(job_id, started) < PLAIN_SECONDS:
            return
        self._last[job_id] = now
        left = (step.total_steps - step.step - 1) * step.seconds
        self._line(
            job_id,
            f"step {step.step + 1:,} of {step.total_steps:,}, loss {step.loss:.3f}, "
            f"{step.tokens / max(step.seconds, 1e-9):,.0f} tokens/s, {left:,.0f} s left",
        )

    def _line(self, job_id: str, text: str) -> None:
        line = sanitize(redact(f"train {job_id}: {text}"))
        if self._bars is not None:
            self._bars.console.print(line, markup=False, highlight=False)
        else:
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()
