"""Shows jobs in training: a row each in a live display, a plain line now and then elsewhere."""

from __future__ import annotations

import threading
import time

from charbench.components.trainer import Note, StepDone, Trained, TrainingEvent
from charbench.concurrency.progress import Progress, clock_time
from charbench.concurrency.run_display import RunDisplay
from charbench.text.redaction import redact

PLAIN_SECONDS = 5.0
FAILED = "failed: "
"""How what is said of a job that has failed begins."""


class TrainingLog:
    """Takes the events of jobs, from several threads at once."""

    def __init__(self, display: RunDisplay, progress: Progress) -> None:
        """Show events on a run's display, and jobs that end as the stage's progress."""
        self._display, self._progress = display, progress
        self._lock = threading.Lock()
        self._started: dict[str, float] = {}
        self._last: dict[str, float] = {}

    def say(self, job_id: str, event: TrainingEvent | str) -> None:
        """Show one event of one job."""
        with self._lock:
            if isinstance(event, StepDone):
                self._step(job_id, event)
            elif isinstance(event, Trained):
                self._ended(job_id, f"complete: {', '.join(checkpoint.uri for checkpoint in event.checkpoints)}")
            elif isinstance(event, Note):
                self._line(job_id, event.text)
            elif isinstance(event, str) and event.startswith(FAILED):
                self._ended(job_id, event)
            elif isinstance(event, str):
                self._line(job_id, event)

    def _step(self, job_id: str, step: StepDone) -> None:
        now = time.monotonic()
        started = self._started.setdefault(job_id, now - step.seconds)
        left = (step.total_steps - step.step - 1) * step.seconds
        said = (
            f"step {step.step + 1:,} of {step.total_steps:,}, loss {step.loss:.3f}, "
            f"{step.tokens / max(step.seconds, 1e-9):,.0f} tokens/s, "
        )
        if self._display.is_live:
            self._display.row(job_id, redact(f"{said}about {clock_time(left)} to go"))
            return
        last = step.step + 1 == step.total_steps
        if not last and now - self._last.get(job_id, started) < PLAIN_SECONDS:
            return
        self._last[job_id] = now
        self._line(job_id, f"{said}{left:,.0f} s left")

    def _ended(self, job_id: str, text: str) -> None:
        self._display.row(job_id, None)
        self._progress.advance(1)
        self._line(job_id, text)

    def _line(self, job_id: str, text: str) -> None:
        self._display.line(redact(f"train {job_id}: {text}"))
